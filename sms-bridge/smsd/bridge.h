/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/bridge: what lwgate-smsd decides: which way a message takes, when the gateway is told what,
 *              and when the network is told that a message was taken.
 *
 * Model:   the gateway's link, the ways and a spool are put in; messages of sms-bridge/wire come
 *          out by say(), segments by the ways themselves. The owner moves octets.
 * Promise: what has come from the network is acknowledged to it only when the gateway has taken it,
 *          or when it is in the spool as one of several segments, or when it can never be of use. A
 *          message of the gateway's is given to the network once while its outcome is known here
 *          (BRIDGE_KNOWN of them); one whose fate is not known is given again: who has it already
 *          sees by its counter that it is no other. Segments of one message take one way.
 *          All that waits is bounded.
 * Errors:  bridge_new(): NULL, memory is short. Later it is BUSY to the gateway, or not taken to
 *          the network, which says it again.
 * Threads: one. The clocks are told (milliseconds; wall: of the day).
 */
#ifndef LWG_SMS_BRIDGE_SMSD_BRIDGE_H
#define LWG_SMS_BRIDGE_SMSD_BRIDGE_H

#include "base/attr.h"
#include "sms-bridge/pdu/segments.h"
#include "sms-bridge/way.h"
#include "sms-bridge/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BRIDGE_WAYS_MAX = 8,
	BRIDGE_MT_MAX = 256, /* messages to devices, under way here */
	BRIDGE_KNOWN = 4096, /* outcomes that are remembered */
	BRIDGE_MO_MAX = 256, /* of devices, that wait for the gateway */
};

struct bridge;

/* Segments that were acknowledged, and whose message is not whole. */
struct bridge_spool {
	void *ctx;
	/* True: it is durable. Where it is already nothing happens. */
	bool (*put)(void *ctx, const struct segments_part *p, uint64_t wall_ms);
	/* All segments of the concatenation that p is of. */
	void (*forget)(void *ctx, const struct segments_part *p);
	/* Concatenations whose newest segment is of before that time. */
	void (*sweep)(void *ctx, uint64_t wall_ms);
};

enum bridge_event { /* for the log, and to be counted */
	BRIDGE_MT_SENT,
	BRIDGE_MT_REFUSED,
	BRIDGE_MT_EXPIRED,
	BRIDGE_MT_BUSY,
	BRIDGE_MT_KNOWN,   /* said again by the gateway: it is answered again */
	BRIDGE_MT_ANOTHER, /* begins again by another way */
	BRIDGE_MO_TAKEN,
	BRIDGE_MO_LATER,   /* the gateway did not take it; the network keeps it */
	BRIDGE_MO_KEPT,    /* a segment, in the spool */
	BRIDGE_MO_USELESS, /* not 8-bit data, or a header that is none: acknowledged and dropped */
	BRIDGE_MO_REFUSED, /* a segment that contradicts what is there: the same */
	BRIDGE_MO_UNKEPT,  /* the spool does not take it; the network keeps it */
	BRIDGE_WIRE_BAD,   /* the gateway says what is not understood */
	BRIDGE_EVENTS,
};
const char *bridge_event_name(enum bridge_event e);

struct bridge_owner {
	void *ctx;
	/* To the gateway; only while it is connected. */
	void (*say)(void *ctx, const struct wire_message *m);
	/* number: BRIDGE_WAYS_MAX where no way is meant. code: of the network; 0: none. */
	void (*event)(void *ctx, enum bridge_event e, size_t number, uint64_t id, uint32_t code);
};

struct bridge_settings {
	char name[WIRE_NAME_MAX + 1]; /* ours, in the greeting */
	uint64_t instance;
	uint32_t answer_ms;  /* the gateway's to a message of a device; 20000 */
	uint32_t another_ms; /* a way may be gone so long before a message takes another; 10000 */
	uint32_t valid_s;    /* of a message without a time of its own; 86400 */
	struct segments_limits segments;
};
struct bridge_settings bridge_settings_default(void);

MUST_USE struct bridge *bridge_new(const struct bridge_settings *s,
	const struct bridge_spool *spool, const struct bridge_owner *o);
/* The ways stay. */
void bridge_free(struct bridge *b);
/* Ways are preferred in the order in which they are added; the number is how they are called from
   then on. False: there are too many. */
MUST_USE bool bridge_add(struct bridge *b, struct way *w, const char *name, size_t *number);
/* One that was in the spool, at the start. */
void bridge_restore(struct bridge *b, const struct segments_part *p, uint64_t now_ms);

void bridge_connected(struct bridge *b, bool is, uint64_t now_ms);
void bridge_heard(struct bridge *b, const uint8_t *frame, size_t len, uint64_t now_ms);
/* What the ways tell their owner. */
void bridge_ready(struct bridge *b, size_t number, bool is, uint64_t now_ms);
/* Its stream has ended: what has come by it comes again. */
void bridge_ended(struct bridge *b, size_t number);
void bridge_sent(struct bridge *b, size_t number, const struct way_sent *s, uint64_t now_ms);
void bridge_received(struct bridge *b, size_t number, const struct way_segment *s, uint64_t now_ms);
/* After each of the above, and when it is time. wall_ms is used until the next. */
void bridge_tick(struct bridge *b, uint64_t now_ms, uint64_t wall_ms);
uint64_t bridge_next_ms(const struct bridge *b);

struct bridge_counts {
	uint64_t events[BRIDGE_EVENTS];
	size_t mt, mo; /* under way now */
	struct segments_stats segments;
};
struct bridge_counts bridge_counts(const struct bridge *b);

#endif
