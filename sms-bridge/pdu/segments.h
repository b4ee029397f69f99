/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/segments: messages that are longer than one short message: cut, and put together.
 *
 * Cutting: after securing (TS 31.115 4.3): the marker is in the first segment only, concatenation
 * first. A reference of 8 bits. What fits one message is not concatenated.
 *
 * Putting together: before anybody has authenticated anything, so this is where an attacker spends
 * our memory: bounded in octets, in messages under way, of each sender, and in time.
 *
 * Promise: segments in any order, doubled ones once. One whose total, class or marker contradicts
 *          what is there is of another message under the same reference; one whose octets differ
 *          from those of the same number is refused. Neither harms what is there. Who is over
 *          his own bound loses his own oldest, never another's; the whole being full, the sender
 *          with most loses his oldest.
 * Errors:  enum segments_result. Memory: all of it is allocated at the beginning.
 * Threads: one. The clock is told (monotonic milliseconds).
 * Source:  TS 23.040 9.2.3.24.1 and .8; TS 31.115 4.3.
 */
#ifndef LWG_SMS_BRIDGE_SEGMENTS_H
#define LWG_SMS_BRIDGE_SEGMENTS_H

#include "base/attr.h"
#include "sms-bridge/pdu/udh.h"
#include "sms-bridge/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- cutting ---------------------------------------------------------------------------------- */

/* How many short messages it takes; 0: more than 255. */
size_t segments_count(const struct wire_text *t);
/* User data of segment i (from 0) of count, header first, at most UDH_SPACE octets; *header: is
   there one (TP-UDHI)? Returns its length. */
size_t segments_cut(const struct wire_text *t, uint16_t reference, size_t count, size_t i,
	uint8_t out[UDH_SPACE], bool *header);

/* --- putting together ------------------------------------------------------------------------- */

struct segments;
struct segments_limits {
	size_t octets;        /* all that is held, with its bookkeeping; 1 MiB */
	size_t of_one;        /* messages under way of one sender; 4 */
	uint8_t total_max;    /* segments of one message; 16 */
	uint32_t patience_ms; /* from the last new segment; 600000 */
};
enum segments_result {
	SEGMENTS_WHOLE,   /* *whole is the message */
	SEGMENTS_KEPT,    /* more are needed */
	SEGMENTS_DOUBLE,  /* it was there */
	SEGMENTS_REFUSED, /* it contradicts what is there, or a limit */
};
struct segments_part {
	struct wire_text text; /* of this one; data: without its header */
	struct udh udh;        /* joined, or whole in itself */
};

struct segments_limits segments_limits_default(void);
/* NULL: memory is short. */
MUST_USE struct segments *segments_new(const struct segments_limits *l);
void segments_free(struct segments *s);
/* whole->data is good until the next call. It stays until segments_forget(): a message that nobody
   takes is whole again when its last segment is repeated. */
enum segments_result segments_add(struct segments *s, const struct segments_part *p,
	uint64_t now_ms, struct wire_text *whole);
/* What segments_add() with p gave has been taken. */
void segments_forget(struct segments *s, const struct segments_part *p);
/* Forgets what nobody completes; how many. */
size_t segments_expire(struct segments *s, uint64_t now_ms);
uint64_t segments_next_ms(const struct segments *s); /* UINT64_MAX: never */
struct segments_stats {
	size_t under_way, octets; /* now */
	uint64_t whole, doubled, refused, expired, pushed_out;
};
struct segments_stats segments_stats(const struct segments *s);

#endif
