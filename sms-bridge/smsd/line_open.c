/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/line_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static int try_address(const struct addrinfo *a, bool *pending)
{
	const int one = 1;
	const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	*pending = false;
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS) {
		*pending = true;
		return fd;
	}
	const int error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}

int line_connect(const struct addrinfo *found, bool *pending)
{
	int fd = -1;
	for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
		fd = try_address(a, pending);
	return fd;
}

int line_connected(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

/* B0: it has none of that speed. */
static speed_t speed_of(uint32_t speed)
{
	static const struct {
		uint32_t number;
		speed_t is;
	} speeds[] = {
		{ 1200, B1200 },
		{ 2400, B2400 },
		{ 4800, B4800 },
		{ 9600, B9600 },
		{ 19200, B19200 },
		{ 38400, B38400 },
		{ 57600, B57600 },
		{ 115200, B115200 },
		{ 230400, B230400 },
		{ 460800, B460800 },
		{ 921600, B921600 },
		{ 3000000, B3000000 },
		{ 4000000, B4000000 },
	};
	for (size_t i = 0; i < COUNT_OF(speeds); i++) {
		if (speeds[i].number == speed)
			return speeds[i].is;
	}
	return B0;
}

static bool make_raw(int fd, uint32_t speed)
{
	struct termios t;
	const speed_t s = speed_of(speed);
	if (s == B0) {
		errno = EINVAL;
		return false;
	}
	if (ioctl(fd, TIOCEXCL) != 0 || tcgetattr(fd, &t) != 0)
		return false;
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	return cfsetspeed(&t, s) == 0 && tcsetattr(fd, TCSANOW, &t) == 0 &&
	       tcflush(fd, TCIOFLUSH) == 0;
}

int line_open_tty(const char *device, uint32_t speed, char why[LINE_WHY_MAX])
{
	const int fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && make_raw(fd, speed))
		return fd;
	(void)snprintf(why, LINE_WHY_MAX, "%s: %s", device, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}
