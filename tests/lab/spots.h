/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/spots: where the clients of a relay are seen from: each spot is an address and port of its
 * own towards the server, as a NAT gives them.
 *
 * On loopback any 127.x.y.z is ours: roaming clients get one of 127.32.0.0 to 127.191.255.255 with
 * a port that the system picks, somebody who repeats what he has seen one of 127.200.0.0/16. A pool
 * is a NAT with few ports: a spot goes from one client to the next, and who has lost his is nowhere
 * until he speaks again.
 *
 * Promise: a spot that was left is kept open for a while, so that what still comes to it is known
 *          to be late; whoever holds a spot (`held`) may send from it to the end. Pointers in a
 *          batch of events stay good until spots_bury().
 * Errors:  NULL or false with errno.
 * Memory:  at most SPOTS_LEFT spots that were left stay open.
 * Threads: one.
 */
#ifndef LWG_LAB_SPOTS_H
#define LWG_LAB_SPOTS_H

#include "base/attr.h"
#include "base/net.h"
#include "tests/lab/rng.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SPOTS_LEFT = 512, SPOTS_POOL_MAX = 256 };

enum spot_kind {
	SPOT_PLAIN,     /* the system's choice */
	SPOT_ROAMING,   /* at random */
	SPOT_ELSEWHERE, /* a stranger's */
};

struct spot {
	struct spot *next; /* of those that are to be buried */
	int fd;            /* -1: closed */
	struct net_addr local;
	enum spot_kind kind;
	void *owner;   /* NULL: nobody is there now */
	uint32_t held; /* by what is yet to be sent from it */
	bool dead;     /* nobody needs it but who holds it */
};

struct spots {
	struct net_addr to; /* the server */
	int epoll;          /* gets each spot as data.ptr; borrowed */
	struct rng rng;
	struct spot *pool[SPOTS_POOL_MAX];
	uint32_t pool_len;             /* 0: there are as many as are wanted */
	struct spot *left[SPOTS_LEFT]; /* a ring */
	uint64_t left_count;
	struct spot *dead;
};

/* With a pool all of it is opened now. */
MUST_USE bool spots_open(struct spots *s, uint32_t pool_len, enum spot_kind kind);
/* Everything that is not an owner's. */
void spots_close(struct spots *s);
/* One for owner: a new one, or one of the pool, whoever had it. */
MUST_USE struct spot *spots_take(struct spots *s, enum spot_kind kind, void *owner);
/* Its owner is gone from there. */
void spots_leave(struct spots *s, struct spot *spot);
/* The same for good, without a while. */
void spots_end(struct spots *s, struct spot *spot);
void spots_hold(struct spot *spot);
void spots_release(struct spots *s, struct spot *spot);
/* Frees what nobody needs any more; not while events are being handed out. */
void spots_bury(struct spots *s);

#endif
