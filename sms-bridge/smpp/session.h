/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/smpp/session: what a session with an SMSC has, and what its parts do for each other.
 *                          Private to this room.
 *
 * One machine in four files: session.c is its life (made, opened, closed) and what goes out,
 * session_input.c what comes, session_submit.c the window, session_time.c the clock.
 */
#ifndef LWG_SMS_BRIDGE_SMPP_SESSION_H
#define LWG_SMS_BRIDGE_SMPP_SESSION_H

#include "base/attr.h"
#include "sms-bridge/smpp/message.h"
#include "sms-bridge/smpp/pdu.h"
#include "sms-bridge/smpp/smpp.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SMPP_WINDOW_MAX = UINT8_MAX,
	SMPP_WAITING_MAX = 64,     /* messages that have come and have no answer */
	SMPP_OUT_ROOM = 32 * 1024, /* octets that the stream has not taken */
	SMPP_OUT_KEPT = 8 * 1024,  /* of these, for answers: nothing is submitted into them */
	SMPP_WHY_SIZE = 160,
	SMPP_SILENT_MAX = 3,   /* submissions without an answer, one after the other */
	SMPP_REFUSED_STEP = 6, /* a refused log-in counts as so many failures: 32 times the pause */
	SMPP_LEAVE_MS = 5000,
	SMPP_STEADY_MS = 60000,   /* a log-in that holds so long was no failure */
	SMPP_PAUSE_MIN_MS = 1000, /* after 0x58, 0x14 and the like; doubled */
	SMPP_PAUSE_MAX_MS = 60000,
};
#define SMPP_NEVER_MS UINT64_MAX

enum smpp_state {
	SMPP_SHUT,    /* no stream */
	SMPP_BINDING, /* we have asked to be let in */
	SMPP_BOUND,
	SMPP_LEAVING,   /* nothing new; the window empties */
	SMPP_UNBINDING, /* we have said goodbye */
	SMPP_PARTING,   /* it has said goodbye: our answer is to go yet */
};

struct smpp_submission {
	uint32_t sequence; /* 0: the place is free */
	uint32_t tag;
	uint64_t until_ms;
	bool never; /* it was not sent: the owner hears so at the next tick */
};
struct smpp_waiting {
	uint32_t tag; /* 0: the place is free */
	uint32_t id, sequence;
};

struct smpp {
	struct way way;
	struct smpp_settings settings; /* without the password */
	char *password;                /* a region of base/secret */
	struct way_owner owner;
	enum smpp_state state;
	uint32_t stream;   /* which one since the beginning: another one begins in an event */
	uint32_t sequence; /* of our last request */
	uint32_t random;
	uint64_t now_ms;

	uint64_t again_ms; /* no stream before */
	bool telling;      /* close() is being told */
	uint64_t bound_ms; /* since when we are in */
	uint64_t until_ms; /* the answer to bind_transceiver or unbind */
	uint64_t heard_ms; /* the last whole frame */
	uint64_t asked_ms; /* the answer to enquire_link is due; SMPP_NEVER_MS: not asked */
	uint32_t failures; /* doublings of the pause between streams */

	uint64_t pause_ms; /* nothing is submitted before */
	uint32_t
		pause_len; /* the last pause; 0: none since a success. While not 0, one at a time */
	uint64_t rate_us;  /* base/bucket */
	bool wanted;       /* a segment was not taken: tell when it may be */
	uint32_t silent;   /* submissions without an answer since the last one that had one */
	struct smpp_submission window[SMPP_WINDOW_MAX];
	uint32_t under_way;

	struct smpp_waiting waiting[SMPP_WAITING_MAX];
	uint32_t last_tag;

	uint8_t in[SMPP_FRAME_MAX];
	size_t in_len;
	uint8_t out[SMPP_OUT_ROOM];
	size_t out_at, out_len; /* first octet to go, end */
	uint8_t scratch[SMPP_SCRATCH];
	char why[SMPP_WHY_SIZE];
};

static inline struct smpp *smpp_of(struct way *w)
{
	return CONTAINER_OF(w, struct smpp, way);
}

/* --- session.c -------------------------------------------------------------------------------- */

/* Appends a unit to what goes out. False: it cannot be written, or nobody takes what goes out, and
   the stream is closed. */
bool smpp_put(struct smpp *s, const struct smpp_pdu *p);
/* The number of the next request. */
uint32_t smpp_number(struct smpp *s);
/* A request of ours, numbered here. */
bool smpp_ask(struct smpp *s, struct smpp_pdu *p);
void smpp_reply(struct smpp *s, const struct smpp_pdu *to, uint32_t id, uint32_t status);
/* Ends the stream: what is under way is unsure, what waits is forgotten, the owner is told. The
   pause grows by what failed (steps of doubling, 0: nothing did). why: copied. */
void smpp_close(struct smpp *s, uint32_t steps, const char *why);
void smpp_let_in(struct smpp *s);
/* Says that it cannot be used any more, where it could. */
void smpp_out_of_use(struct smpp *s, enum smpp_state next, const char *why);
uint32_t smpp_random(struct smpp *s, uint32_t below);

/* --- session_submit.c ------------------------------------------------------------------------- */

bool smpp_send(struct way *w, const struct way_segment *segment, uint64_t now_ms);
/* The SMSC has answered a submission of ours. False: it is none. */
bool smpp_answered(struct smpp *s, uint32_t sequence, uint32_t status, const char *name);
void smpp_submit_tick(struct smpp *s);
uint64_t smpp_submit_next_ms(const struct smpp *s);
/* All that is under way ends. */
void smpp_settle(struct smpp *s);

/* --- session_input.c -------------------------------------------------------------------------- */

void smpp_input(struct way *w, const uint8_t *data, size_t len, uint64_t now_ms);
void smpp_answer(struct way *w, uint32_t tag, bool taken, uint64_t now_ms);

/* --- session_time.c --------------------------------------------------------------------------- */

void smpp_tick(struct way *w, uint64_t now_ms);
uint64_t smpp_next_ms(const struct way *w);
void smpp_leave(struct way *w, uint64_t now_ms);

#endif
