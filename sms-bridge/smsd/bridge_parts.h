/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/bridge_parts: what the files of smsd/bridge share.
 *
 * Threads: one.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_BRIDGE_PARTS_H
#define LWG_SMS_BRIDGE_SMSD_BRIDGE_PARTS_H

#include "base/attr.h"
#include "sms-bridge/smsd/bridge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BRIDGE_SEGMENTS_MAX = 255 };

enum bridge_step { STEP_WAITS, STEP_GIVEN, STEP_DONE };

struct bridge_mt { /* one message to a device */
	bool used;
	bool over; /* its outcome is told; events of segments are awaited */
	struct wire_mt mt;
	uint8_t *data;     /* of it */
	uint64_t digest;   /* another message under the same id has another */
	uint64_t number;   /* in the order of coming */
	uint64_t until_ms; /* useless then */
	uint64_t again_ms; /* not before */
	uint32_t pause_ms;
	uint32_t given; /* segments, each time that the network may have one */
	size_t count, under_way;
	size_t way; /* BRIDGE_WAYS_MAX: none yet */
	uint32_t code;
	char smsc_id[WIRE_SMSC_ID_MAX + 1];
	uint8_t steps[BRIDGE_SEGMENTS_MAX]; /* enum bridge_step */
};

struct bridge_mo { /* one message of a device, that the gateway is asked about */
	bool used;
	struct wire_mo mo;
	uint8_t *data; /* of it */
	bool joined;
	struct segments_part part; /* of a joined one: what it is forgotten by */
	uint64_t until_ms;
};

struct bridge_waiter { /* what the network waits for */
	bool used;
	size_t way;
	uint32_t tag;
	uint64_t id;
};

struct bridge_way {
	struct way *way;
	char name[WIRE_NAME_MAX + 1];
	bool ready;
	uint64_t since_ms; /* it is so */
};

struct bridge_known {
	uint64_t ids[BRIDGE_KNOWN], digests[BRIDGE_KNOWN];
	struct wire_mt_outcome outcomes[BRIDGE_KNOWN];
	size_t len, next;
};

struct bridge {
	struct bridge_settings settings;
	struct bridge_spool spool;
	struct bridge_owner owner;
	struct segments *segments;
	struct bridge_way ways[BRIDGE_WAYS_MAX];
	size_t ways_len;
	bool connected;
	uint64_t now_ms, wall_ms; /* of the last tick */
	uint64_t sweep_ms, numbers;
	uint64_t events[BRIDGE_EVENTS];
	struct bridge_mt mts[BRIDGE_MT_MAX];
	struct bridge_mo mos[BRIDGE_MO_MAX];
	struct bridge_waiter waiters[BRIDGE_MO_MAX];
	struct bridge_known known;
};

void bridge_tell(struct bridge *b, enum bridge_event e, size_t number, uint64_t id, uint32_t code);
void bridge_say(struct bridge *b, const struct wire_message *m);
/* The earlier of the two; at_ms counts if it was to come at the last tick: what had its time then
   awaits an event. */
uint64_t bridge_sooner(const struct bridge *b, uint64_t next_ms, uint64_t at_ms);

/* --- outcomes --------------------------------------------------------------------------------- */

/* NULL: it is not known. */
const struct wire_mt_outcome *bridge_known_find(
	const struct bridge_known *k, uint64_t id, uint64_t digest);
void bridge_known_add(
	struct bridge_known *k, uint64_t digest, const struct wire_mt_outcome *outcome);

/* --- to devices ------------------------------------------------------------------------------- */

void bridge_mt_heard(struct bridge *b, const struct wire_mt *mt, uint64_t now_ms);
void bridge_mt_sent(struct bridge *b, size_t number, const struct way_sent *s, uint64_t now_ms);
void bridge_mt_tick(struct bridge *b, uint64_t now_ms);
uint64_t bridge_mt_next_ms(const struct bridge *b);

/* --- of devices ------------------------------------------------------------------------------- */

void bridge_mo_received(
	struct bridge *b, size_t number, const struct way_segment *s, uint64_t now_ms);
void bridge_mo_answer(struct bridge *b, const struct wire_mo_answer *a, uint64_t now_ms);
/* Says again what waits: the gateway has just come. */
void bridge_mo_repeat(struct bridge *b);
void bridge_mo_ended(struct bridge *b, size_t number);
void bridge_mo_tick(struct bridge *b, uint64_t now_ms);
uint64_t bridge_mo_next_ms(const struct bridge *b);

#endif
