/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/loop: what all programs of the lab do alike: the clock, the orders on stdin, the end by
 * signal, numbers of options.
 *
 * Promise: SIGTERM and SIGINT are read as the order "quit"; an order is one line.
 * Errors:  loop_orders_open() -1 with errno. option_* print what is wrong and end the program
 *          with status 2.
 * Threads: one.
 */
#ifndef LWG_LAB_LOOP_H
#define LWG_LAB_LOOP_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ORDER_MAX = 64 };

struct orders {
	int fd;           /* readable when orders_next() may have one */
	int signals;      /* signalfd */
	bool input_ended; /* stdin is at its end: nothing more from there */
	char text[ORDER_MAX];
	size_t len;
};

uint64_t loop_now_us(void);
uint64_t loop_now_ms(void);
MUST_USE bool orders_open(struct orders *o);
void orders_close(struct orders *o);
/* The next order in line[], or false: none now. An end of stdin is no order. */
MUST_USE bool orders_next(struct orders *o, char line[ORDER_MAX]);

uint32_t option_number(const char *name, const char *text, uint32_t low, uint32_t high);
double option_percent(const char *name, const char *text);

#endif
