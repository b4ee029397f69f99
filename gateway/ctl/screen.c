/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/screen.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { CTRL_C = 3, CTRL_D = 4, CTRL_L = 12 };

/* A page of its own, and no cursor; and back. */
static const char enter[] = "\033[?1049h\033[?25l\033[H\033[J";
static const char leave[] = "\033[?25h\033[?1049l";

static void say(const char *text)
{
	(void)fputs(text, stdout);
	(void)fflush(stdout);
}

static void catch_signals(struct screen *s)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGPIPE };
	sigset_t set;
	(void)sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(caught); i++)
		(void)sigaddset(&set, caught[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Ctrl-C is a key here, and so ends it in order. */
static void catch_keys(struct screen *s)
{
	struct termios quiet;
	s->keyed = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &s->before) == 0;
	if (!s->keyed)
		return;
	quiet = s->before;
	quiet.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	quiet.c_cc[VMIN] = 0;
	quiet.c_cc[VTIME] = 0;
	s->keyed = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
}

void screen_open(struct screen *s)
{
	*s = (struct screen){ .signals = -1 };
	catch_signals(s);
}

void screen_show(struct screen *s)
{
	s->live = isatty(STDOUT_FILENO) == 1;
	if (!s->live)
		return;
	catch_keys(s);
	say(enter);
}

void screen_close(struct screen *s)
{
	if (s->live)
		say(leave);
	if (s->keyed)
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
	if (s->signals >= 0)
		(void)close(s->signals);
	*s = (struct screen){ .signals = -1 };
}

static enum screen_event signalled(const struct screen *s)
{
	struct signalfd_siginfo info;
	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return SCREEN_TIME;
	return info.ssi_signo == (uint32_t)SIGWINCH ? SCREEN_AGAIN : SCREEN_END;
}

static enum screen_event keyed(void)
{
	char key = 0;
	const ssize_t n = read(STDIN_FILENO, &key, 1);
	if (n <= 0 || key == 'q' || key == 'Q' || key == CTRL_C || key == CTRL_D)
		return SCREEN_END;
	return key == CTRL_L || key == ' ' ? SCREEN_AGAIN : SCREEN_TIME;
}

enum screen_event screen_wait(const struct screen *s, uint64_t ms)
{
	struct pollfd watched[] = {
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = s->keyed ? STDIN_FILENO : -1, .events = POLLIN },
	};
	if (poll(watched, COUNT_OF(watched), ms < INT32_MAX ? (int)ms : INT32_MAX) <= 0)
		return SCREEN_TIME;
	if (watched[0].revents != 0)
		return signalled(s);
	return keyed();
}

void screen_size(size_t *columns, size_t *rows)
{
	struct winsize size = { 0 };
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	*columns = size.ws_col;
	*rows = size.ws_row;
}
