/* SPDX-License-Identifier: Apache-2.0 */
/* What impair_relay.c and impair_repeat.c share. */
#ifndef LWG_LAB_IMPAIR_PARTS_H
#define LWG_LAB_IMPAIR_PARTS_H

#include "base/wheel.h"
#include "tests/lab/impair_relay.h"
#include "tests/lab/memory.h"
#include "tests/lab/spots.h"

#include <stddef.h>

enum { IMPAIR_BUCKETS = 4096, IMPAIR_DATAGRAM = 65536 };

struct flow {
	struct flow *next;  /* in its bucket */
	struct flow *older; /* of all */
	struct net_addr client;
	struct spot *spot; /* the pool's may be another's by now */
	uint64_t up;       /* datagrams of the client */
	uint64_t heard_ms; /* the last one of either way */
	uint64_t moves;
	bool restless; /* moves before its next datagram */
	struct memory memory[IMPAIR_WAYS];
};

struct ring {
	struct ring *prev, *next;
};

struct parcel { /* a datagram that waits */
	struct ring ring;
	struct wheel_timer timer;
	struct flow *flow; /* NULL: the stranger's */
	struct spot *spot; /* up: where it leaves from */
	enum impair_way way;
	size_t len;
	uint8_t data[];
};

struct impair_relay {
	struct impair core;
	struct impair_place place;
	struct impair_counts counts;
	struct wheel wheel;
	struct ring held; /* its head */
	size_t held_len;
	int epoll, listener;
	struct spots spots;
	struct spot *stranger;            /* NULL: there is none */
	struct memory seen;               /* by the stranger: what has left for the server */
	uint64_t elsewheres;              /* times that he has sent all of it */
	struct wheel_timer elsewhere_end; /* of such a time */
	struct flow *buckets[IMPAIR_BUCKETS];
	struct flow *newest;
	bool withholds, roams;
	/* What is remembered goes out again: the flow whose turn it is, and its next datagram. */
	struct flow *repeating;
	uint32_t repeat_at;
	uint64_t repeat_ms; /* when the next few go out; 0: nothing is repeated */
	struct rng rng;     /* of the samples */
	uint8_t data[IMPAIR_DATAGRAM];
};

/* impair_relay.c */
void impair_send_now(struct impair_relay *r, const struct parcel *p);
void impair_hold(struct impair_relay *r, const struct parcel *p, uint64_t due_ms);
/* The relay's room for one datagram that is being dealt with. */
static inline struct parcel *impair_parcel(struct impair_relay *r)
{
	return (struct parcel *)(void *)r->data;
}

/* impair_repeat.c */
void impair_repeat_some(struct impair_relay *r, uint64_t now_ms);
/* The stranger has it, and nobody else. */
void impair_stranger_keeps(struct impair_relay *r, const struct parcel *p);
/* The stranger sees what has just left, and may repeat something. */
void impair_stranger_sees(struct impair_relay *r, const struct parcel *p, uint64_t now_ms);

#endif
