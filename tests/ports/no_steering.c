/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded before programs that run under qemu-user, which does not know SO_ATTACH_REUSEPORT_CBPF
   (Linux has it on every processor): says that it was done. Who gets a datagram is then the
   kernel's choice, and a worker hands on what is another's, as it does where the system refuses
   the filter. */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int setsockopt(int fd, int level, int optname, const void *optval, socklen_t optlen)
{
	if (level == SOL_SOCKET && optname == SO_ATTACH_REUSEPORT_CBPF)
		return 0;
	return (int)syscall(SYS_setsockopt, fd, level, optname, optval, optlen);
}
