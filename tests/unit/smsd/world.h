/* SPDX-License-Identifier: Apache-2.0 */
/* A bridge with ways, a gateway and a spool that remember what they were told. */
#ifndef LWG_TESTS_UNIT_SMSD_WORLD_H
#define LWG_TESTS_UNIT_SMSD_WORLD_H

#include "sms-bridge/smsd/bridge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WAYS = 2, SENT_MAX = 64, SAID_MAX = 64, ANSWERS_MAX = 64, ROWS_MAX = 64, DATA_MAX = 512 };

struct sent { /* a segment that a way has taken */
	struct way_segment s;
	uint8_t data[UDH_SPACE];
};
struct answered {
	uint32_t tag;
	bool taken;
};
struct fake_way {
	struct way way; /* first */
	size_t room;    /* so many segments it takes */
	struct sent sent[SENT_MAX];
	size_t sent_len;
	struct answered answers[ANSWERS_MAX];
	size_t answers_len;
};
struct row {
	struct wire_number peer;
	uint16_t reference;
	uint8_t number;
};
struct world {
	struct bridge *bridge;
	struct fake_way ways[WAYS];
	struct wire_message said[SAID_MAX];
	uint8_t said_data[SAID_MAX][DATA_MAX];
	size_t said_len;
	struct row rows[ROWS_MAX];
	size_t rows_len;
	bool disk_full;
	uint64_t swept_ms;
	uint64_t now_ms;
};

/* Two ways that are ready; the gateway is connected. */
void world_begin(struct world *w);
void world_end(struct world *w);
void world_tick(struct world *w, uint64_t passes_ms);
struct wire_number world_number(const char *digits);
/* A message of the gateway's, of len octets. */
void world_mt(struct world *w, uint64_t id, size_t len);
void world_fate(struct world *w, size_t way, size_t sent, enum way_fate fate);
/* A segment of a device's: number of total, its octets all `fill`; total 0: a message in itself. */
void world_mo(struct world *w, size_t way, uint32_t tag, uint8_t total, uint8_t number);
void world_answer(struct world *w, uint64_t id, enum wire_taken taken);
/* The last that was said to the gateway, which is of that type. */
const struct wire_message *world_said(const struct world *w, enum wire_type type);
size_t world_count(const struct world *w, enum wire_type type);
/* What was answered to the network about a tag: -1: nothing, 0: not taken, 1: taken. */
int world_answered(const struct world *w, size_t way, uint32_t tag);

#endif
