/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session of ours with a clock that stands still, and the SMSC in the test's hand: what it hears
 * and says are units; what the owner is told is written down.
 */
#ifndef LWG_TESTS_UNIT_SMPP_BED_H
#define LWG_TESTS_UNIT_SMPP_BED_H

#include "sms-bridge/smpp/pdu.h"
#include "sms-bridge/smpp/smpp.h"

enum { BED_EVENTS = 512, BED_TEXT = 256, BED_DATA = 4200, BED_START_MS = 1000000 };

struct bed_sent {
	uint32_t tag, code;
	enum way_fate fate;
	char id[BED_TEXT];
};
struct bed_received {
	struct way_segment segment; /* data: of the bed */
	uint8_t data[BED_DATA];
};

struct bed {
	struct way *way;
	uint64_t now;
	struct bed_sent sent[BED_EVENTS];
	size_t sents;
	struct bed_received received[BED_EVENTS];
	size_t receiveds;
	bool ready;
	size_t readies; /* changes */
	char ready_why[BED_TEXT];
	size_t closes;
	uint64_t again_ms;
	char close_why[BED_TEXT];
	bool answers_at_once, takes; /* received(): answer() within it */
	uint8_t frame[SMPP_FRAME_MAX];
};

struct smpp_settings bed_settings(void);
struct bed *bed_new(const struct smpp_settings *s);
/* The log-in is done. */
struct bed *bed_bound(const struct smpp_settings *s);
void bed_free(struct bed *b);

/* What the SMSC hears next; fails without one. */
struct smpp_pdu bed_heard(struct bed *b, uint32_t id);
bool bed_silent(struct bed *b); /* nothing is to be heard */
void bed_say(struct bed *b, const struct smpp_pdu *p);
/* An answer, or a request without a body. */
void bed_say_short(struct bed *b, uint32_t id, uint32_t status, uint32_t sequence);
void bed_log_in(struct bed *b);
/* The clock moves by ms, tick by tick: each when it is due. */
void bed_pass(struct bed *b, uint64_t ms);
bool bed_send(struct bed *b, uint32_t tag);
struct smpp_sm bed_message(const char *from, const char *to);

#endif
