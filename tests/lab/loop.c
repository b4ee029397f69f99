/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

uint64_t loop_now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t loop_now_ms(void)
{
	return loop_now_us() / 1000;
}

/* Level-triggered, so an unread order wakes again. A file on stdin cannot be polled: then no
   orders. */
bool orders_open(struct orders *o)
{
	sigset_t set;
	*o = (struct orders){ .fd = epoll_create1(EPOLL_CLOEXEC), .signals = -1 };
	if (o->fd < 0)
		return false;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
		o->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = o->signals };
	if (o->signals < 0 || epoll_ctl(o->fd, EPOLL_CTL_ADD, o->signals, &e) != 0) {
		orders_close(o);
		return false;
	}
	e.data.fd = STDIN_FILENO;
	o->input_ended = epoll_ctl(o->fd, EPOLL_CTL_ADD, STDIN_FILENO, &e) != 0;
	return true;
}

void orders_close(struct orders *o)
{
	if (o->signals >= 0)
		close(o->signals);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = o->signals = -1;
}

static bool take_line(struct orders *o, char line[ORDER_MAX])
{
	const char *end = memchr(o->text, '\n', o->len);
	if (!end)
		return false;
	const size_t len = (size_t)(end - o->text);
	memcpy(line, o->text, len);
	line[len] = 0;
	o->len -= len + 1;
	memmove(o->text, end + 1, o->len);
	return true;
}

static void read_input(struct orders *o)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	if (o->input_ended || poll(&p, 1, 0) <= 0)
		return;
	if (o->len == sizeof(o->text))
		o->len = 0; /* no order is that long */
	const ssize_t n = read(STDIN_FILENO, o->text + o->len, sizeof(o->text) - o->len);
	if (n > 0) {
		o->len += (size_t)n;
		return;
	}
	if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		(void)epoll_ctl(o->fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
		o->input_ended = true;
	}
}

bool orders_next(struct orders *o, char line[ORDER_MAX])
{
	struct signalfd_siginfo info;
	if (read(o->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		memcpy(line, "quit", sizeof("quit"));
		return true;
	}
	if (take_line(o, line))
		return true;
	read_input(o);
	return take_line(o, line);
}

static void refuse(const char *name, const char *text, const char *right)
{
	(void)fprintf(stderr, "--%s %s: must be %s\n", name, text, right);
	exit(2);
}

uint32_t option_number(const char *name, const char *text, uint32_t low, uint32_t high)
{
	char right[64];
	char *end;
	errno = 0;
	const unsigned long long value = strtoull(text, &end, 10);
	if (errno == 0 && end != text && *end == 0 && *text != '-' && value >= low && value <= high)
		return (uint32_t)value;
	(void)snprintf(
		right, sizeof(right), "a number from %u to %u", (unsigned)low, (unsigned)high);
	refuse(name, text, right);
	return 0;
}

double option_percent(const char *name, const char *text)
{
	char *end;
	const double value = strtod(text, &end);
	if (end == text || *end != 0 || !(value >= 0 && value <= 100))
		refuse(name, text, "a percentage from 0 to 100");
	return value;
}
