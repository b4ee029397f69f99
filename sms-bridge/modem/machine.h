/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/modem/machine: what the machine has, and what its parts do for each other. Private to
 *                           this room.
 *
 * machine.c is its life and what goes out, job.c the one command at a time and the clock, start.c
 * the first commands and the network, coming.c messages that come, going.c those that go,
 * input.c the lines and what ends an answer.
 */
#ifndef LWG_SMS_BRIDGE_MODEM_MACHINE_H
#define LWG_SMS_BRIDGE_MODEM_MACHINE_H

#include "base/attr.h"
#include "sms-bridge/modem/lines.h"
#include "sms-bridge/modem/modem.h"
#include "sms-bridge/pdu/tpdu.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MODEM_PIN_SIZE = 9,
	MODEM_WAITING_MAX = 8, /* messages that have come and are not yet settled */
	MODEM_SMSC_MAX = 12,   /* octets of the SMSC's number before a TPDU */
	MODEM_PDU_HEX = 2 * (TPDU_MAX + MODEM_SMSC_MAX) + 1,
	MODEM_OUT_ROOM = 512,
	MODEM_SYNC_TRIES = 3,
	MODEM_SETTLE_MS = 300,   /* answers to what was asked before us may come yet */
	MODEM_NETWORK_MS = 2000, /* between two looks for a network */
	MODEM_CHECK_MS = 30000,  /* is it still there, and on a network? */
	MODEM_LIST_MS = 60000,   /* a look into the storage without +CMTI */
	MODEM_KEPT_MS = 15000,   /* what was not taken from the storage is fetched again */
	MODEM_LEAVE_MS = 5000,
	MODEM_STEADY_MS = 60000,   /* a start that holds so long was no failure */
	MODEM_PAUSE_MIN_MS = 1000, /* after an error that passes; doubled */
	MODEM_PAUSE_MAX_MS = 60000,
	MODEM_NO_PROMPT_MAX = 3,
};
#define MODEM_NEVER_MS UINT64_MAX

enum modem_state {
	MODEM_SHUT,     /* no stream */
	MODEM_STARTING, /* first commands, then looking for a network */
	MODEM_READY,
	MODEM_LEAVING,
};

enum modem_job {
	JOB_NONE,
	JOB_SYNC,   /* ESC, AT: is it there? */
	JOB_SETTLE, /* no command: its answers to older ones pass by */
	JOB_ECHO,
	JOB_ERRORS,
	JOB_PIN_ASK,
	JOB_PIN,
	JOB_FORMAT,
	JOB_STORE,
	JOB_SERVICE,
	JOB_COMING, /* where to with what comes */
	JOB_NETWORK,
	JOB_NETWORK_LTE,
	JOB_LIST,
	JOB_TAKE,   /* +CNMA */
	JOB_DELETE, /* +CMGD */
	JOB_SEND,
	JOB_BYE,
};

struct modem_result { /* the end of an answer */
	bool ok;
	uint32_t code; /* +CMS ERROR, +CME ERROR; 0: none */
};

enum modem_waits {
	WAITS_FREE,
	WAITS_OPEN,  /* the owner has it */
	WAITS_TAKEN, /* to be acknowledged or deleted */
	WAITS_LEFT,  /* not taken: to be refused */
	WAITS_LATE,  /* the modem has given it up: no acknowledgement is due */
};
struct modem_waiting {
	enum modem_waits is;
	uint32_t tag;
	bool stored;
	uint32_t index; /* in the storage */
};

struct modem {
	struct way way;
	struct modem_settings settings; /* without the PIN */
	char *pin;                      /* a region of base/secret */
	struct way_owner owner;
	enum modem_state state;
	uint32_t stream; /* which one since the beginning: another one begins in an event */
	uint32_t random;
	uint64_t now_ms;
	uint64_t again_ms, ready_ms, leave_ms;
	uint32_t failures;
	bool telling;     /* the owner hears that the stream ends */
	bool pin_refused; /* it is never entered again */

	enum modem_job job; /* under way */
	uint64_t until_ms;
	uint32_t tries;      /* of JOB_SYNC */
	enum modem_job next; /* of the first commands; JOB_NONE: all done */

	bool acks;           /* +CNMA is expected of us */
	uint32_t coming_try; /* which +CNMI: see start.c */
	bool coming_due;     /* +CNMI is to be said again */
	bool registered;     /* one of the two has said so, this time */
	bool pin_wanted, pin_ready;
	uint64_t lost_ms;  /* since when without a network; NEVER: with one */
	uint64_t check_ms; /* next look */

	uint64_t list_ms;              /* next look into the storage */
	bool list_more;                /* there was no room for all of it */
	bool came_header, list_header; /* the octets are in a line to come */
	uint32_t came_len, list_len, list_index;
	bool list_ours; /* has come, not one that was written there */
	struct modem_waiting waiting[MODEM_WAITING_MAX];
	uint32_t last_tag;
	size_t served; /* place of the one that JOB_TAKE or JOB_DELETE is about */

	bool sending;  /* a segment is here */
	bool never;    /* it cannot be sent: its owner hears so at the next tick */
	bool given;    /* its octets have gone */
	bool referred; /* +CMGS: has come */
	uint32_t send_tag, send_len, reference;
	char send_hex[MODEM_PDU_HEX];
	uint32_t no_prompt; /* one after the other */
	uint64_t pause_ms;
	uint32_t pause_len;
	bool wanted; /* a segment was not taken: tell when it may be */

	struct at_lines lines;
	uint8_t out[MODEM_OUT_ROOM];
	size_t out_at, out_len;
	char why[160];
};

static inline struct modem *modem_of(struct way *w)
{
	return CONTAINER_OF(w, struct modem, way);
}

/* --- machine.c -------------------------------------------------------------------------------- */

/* Appends text to what goes out. */
void modem_put(struct modem *m, const char *text);
/* Ends the stream: the owner hears of what was under way, and of the pause, which grows by steps
   of doubling; 0: nothing failed. */
void modem_close(struct modem *m, uint32_t steps, const char *why);
/* Tells once more what modem_close() has told: the time stands. */
void modem_tell_close(struct modem *m);
/* Says that it cannot be used any more, where it could. */
void modem_out_of_use(struct modem *m, enum modem_state next, const char *why);

/* --- job.c ------------------------------------------------------------------------------------ */

/* Begins a command, its line without CR. */
void modem_ask(struct modem *m, enum modem_job job, const char *line);
/* ESC and AT: whatever it was at, it is at the beginning again. */
void modem_sync(struct modem *m);
/* Begins what is due, where nothing is under way. Brings no event. */
void modem_pump(struct modem *m);
void modem_tick(struct way *w, uint64_t now_ms);
uint64_t modem_next_ms(const struct way *w);
void modem_leave(struct way *w, uint64_t now_ms);

/* --- start.c ---------------------------------------------------------------------------------- */

/* Begins the next of the first commands, or the look for a network. */
void modem_start_next(struct modem *m);
void modem_started(struct modem *m, enum modem_job job, const struct modem_result *r);
void modem_network(struct modem *m, enum modem_job job);
void modem_ask_coming(struct modem *m);

/* --- coming.c --------------------------------------------------------------------------------- */

/* Octets of a message: of +CMT (stored false) or of the list. */
void modem_came(struct modem *m, const char *hex, bool stored);
void modem_answer(struct way *w, uint32_t tag, bool taken, uint64_t now_ms);
/* Begins an acknowledgement, a deletion or a list, if one is due. */
bool modem_serve(struct modem *m);
void modem_served(struct modem *m, enum modem_job job, const struct modem_result *r);

/* --- going.c ---------------------------------------------------------------------------------- */

bool modem_send(struct way *w, const struct way_segment *s, uint64_t now_ms);
void modem_prompted(struct modem *m);
void modem_no_prompt(struct modem *m);
void modem_sent(struct modem *m, const struct modem_result *r);
/* The segment that is here, if any, has this fate. */
void modem_settle(struct modem *m, enum way_fate fate, uint32_t code);

/* --- input.c ---------------------------------------------------------------------------------- */

void modem_input(struct way *w, const uint8_t *data, size_t len, uint64_t now_ms);

#endif
