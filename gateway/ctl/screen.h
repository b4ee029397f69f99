/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/screen: a terminal for something live: a page of its own, keys without an echo, signals as
 *             events.
 *
 * Promise: whatever ends it that can be caught (a key, SIGINT, SIGTERM, SIGHUP, SIGQUIT), the
 *          terminal is as it was after screen_close(). Where output is no terminal, nothing is
 *          changed or written.
 * Errors:  false: no terminal. Threads: one; begun before any other thread, as signals are blocked.
 * Source:  termios(3), signalfd(2), ECMA-48.
 */
#ifndef LWG_CTL_SCREEN_H
#define LWG_CTL_SCREEN_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

enum screen_event { SCREEN_TIME, SCREEN_AGAIN /* another size, or asked for */, SCREEN_END };

struct screen {
	bool live;  /* the page is shown */
	bool keyed; /* and so is input; `before` is to be restored */
	struct termios before;
	int signals; /* -1: none */
};

/* Signals are events from now on. */
void screen_open(struct screen *s);
/* The page of its own, where output is a terminal. */
void screen_show(struct screen *s);
void screen_close(struct screen *s);
/* Waits for so long, or for something. */
enum screen_event screen_wait(const struct screen *s, uint64_t ms);
/* 0, where it is not known. */
void screen_size(size_t *columns, size_t *rows);

#endif
