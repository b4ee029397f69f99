/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interop/plan: what dtls-peer is to do, from its command line.
 *
 * Promise: what makes no sense ends the program with status 2 and the usage on stderr.
 * Threads: one.
 */
#ifndef LWG_INTEROP_PLAN_H
#define LWG_INTEROP_PLAN_H

#include "base/net.h"
#include "tests/interop/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_TEXT_MAX = 1024, PLAN_ROUNDS_MAX = 256 };

struct plan {
	struct identity who;
	bool server;
	struct net_addr address;     /* to listen at, or to go to */
	uint8_t text[PLAN_TEXT_MAX]; /* what a client sends */
	size_t text_len;
	uint32_t rounds;    /* sessions of a client, one after the other */
	uint32_t exchanges; /* of each */
	bool resume, await_close, coap, hush;
	uint16_t bucket;      /* octets; 0: no padding */
	uint32_t close_after; /* messages, then a server closes; 0: never */
	uint32_t give_up_ms;
};

/* Pointers in it are into argv. */
void plan_read(struct plan *plan, int argc, char **argv);

#endif
