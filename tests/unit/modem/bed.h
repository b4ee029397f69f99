/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine of ours with a clock that stands still, and the modem in the test's hand: what it hears
 * are lines, what it says is text; what the owner is told is written down.
 */
#ifndef LWG_TESTS_UNIT_MODEM_BED_H
#define LWG_TESTS_UNIT_MODEM_BED_H

#include "sms-bridge/modem/modem.h"

enum { BED_EVENTS = 64, BED_TEXT = 256, BED_START_MS = 1000000, BED_LINE = 1024 };

struct bed_sent {
	uint32_t tag, code;
	enum way_fate fate;
	char id[BED_TEXT];
};
struct bed_received {
	struct way_segment segment; /* data: of the bed */
	uint8_t data[140];
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
};

struct modem_settings bed_settings(void);
struct bed *bed_new(const struct modem_settings *s);
/* All that is first has been said, it is on a network, its storage is empty. */
struct bed *bed_ready(const struct modem_settings *s);
/* The same for one without +CNMA. */
struct bed *bed_stored(const struct modem_settings *s);
void bed_free(struct bed *b);
/* The modem hears exactly this, an ESC being \x1b and Ctrl-Z \x1a. */
void bed_hears(struct bed *b, const char *text);
bool bed_silent(struct bed *b);
void bed_say(struct bed *b, const char *text);
/* It hears a command, and ends it: OK with what is before it. */
void bed_does(struct bed *b, const char *command, const char *answer);
/* ESC, AT, and what comes late. */
void bed_sync(struct bed *b);
/* The clock moves by ms, tick by tick: each when it is due. */
void bed_pass(struct bed *b, uint64_t ms);
bool bed_send(struct bed *b, uint32_t tag);
/* A DELIVER whose user data ends with last, as two lines: header with its length behind it,
   octets. */
void bed_message(char out[BED_LINE], const char *header, char last);

#endif
