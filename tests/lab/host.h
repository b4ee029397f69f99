/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/host: gives our DTLS engine sockets, a clock and randomness, for the fleet and the sink.
 *
 * Use: embed struct host as the first member of the program's struct, which is the ctx of all
 *      engine events; fill the events of struct dtls_owner, call host_open(), then host_turn() in
 *      a loop.
 *
 * Promise: a turn reads the clock once, takes what has come, runs the timers, calls step(), sends
 *          all.
 * Threads: one.
 */
#ifndef LWG_LAB_HOST_H
#define LWG_LAB_HOST_H

#include "base/attr.h"
#include "base/wheel.h"
#include "dtls/engine.h"
#include "tests/lab/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct udp_set;

struct host {
	struct dtls_engine *engine;
	struct udp_set *udp;
	struct wheel wheel; /* the program's timers; their ctx is the program */
	struct orders orders;
	enum dtls_role role;
	/* May be NULL. True: the datagram is not for us, and is dropped unseen. */
	bool (*refuses)(
		struct host *h, const struct net_path *path, const uint8_t *datagram, size_t len);
	uint64_t now_ms; /* of this turn */
	size_t random_left;
	uint8_t random[1024];
};

/* Fills room, sent and random of *owner. False with a line on stderr. */
MUST_USE bool host_open(struct host *h, enum dtls_role role, const struct dtls_settings *set,
	struct dtls_owner *owner, size_t sockets_max);
void host_close(struct host *h);
/* One turn; waits until wake_ms at most. step(h) is called before what was written is sent.
   Returns true when
   there may be an order. */
MUST_USE bool host_turn(struct host *h, uint64_t wake_ms, void (*step)(struct host *h));

#endif
