/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_put.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NOWAIT = 8 /* RWF_NOWAIT of linux/fs.h */ };

/* By its number: musl has had pwritev2(2) since 1.2.5. -1 is where the file stands. */
static ssize_t put_now(int fd, const char *line, size_t len)
{
	struct iovec all = { .iov_len = len };
	memcpy(&all.iov_base, &line, sizeof(line)); /* it is only read */
	return syscall(SYS_pwritev2, fd, &all, 1UL, -1L, -1L, NOWAIT);
}

static bool has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	return poll(&p, 1, 0) > 0;
}

/* O_NONBLOCK would be that of all who share our stderr, such as a shell. */
static ssize_t put(int fd, const char *line, size_t len)
{
	struct stat st;
	ssize_t n = send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n >= 0 || errno != ENOTSOCK)
		return n;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return write(fd, line, len);
	n = put_now(fd, line, len);
	if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
		return n;
	return has_room(fd) ? write(fd, line, len) : -1;
}

bool log_put(int fd, const char *line, size_t len)
{
	return put(fd, line, len) == (ssize_t)len;
}
