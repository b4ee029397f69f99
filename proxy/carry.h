/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/carry: what the governor holds of one message that is received on one leg and sent on the
 * other, and of its answer. For governor*.c only.
 *
 * Model:   on its way there (`flight` to the other side of who asks), then at rest until there is
 *          an answer. Answered piggybacked: at rest, the answer kept for copies. Answered after an
 *          empty ACK: the answer is on its way back, then at rest; copies get the empty ACK.
 * Promise: what is charged is what is allocated. Only what is answered and at rest is taken away
 *          to make room.
 * Errors:  carry_new() NULL, carry_put() false: no room, or no memory.
 * Threads: the worker of the relay.
 */
#ifndef LWG_PROXY_CARRY_H
#define LWG_PROXY_CARRY_H

#include "proxy/coap.h"
#include "proxy/governor.h"
#include "proxy/radio.h"

enum carry_flight { CARRY_RESTS, CARRY_WAITS, CARRY_FLIES };

struct carry {
	struct carry *next;          /* of the same device, younger */
	struct carry *older, *newer; /* of all devices, once it may be taken away */
	struct governor *of;
	uint8_t *bytes; /* what is on its way; answered and at rest: what was said; or NULL */
	size_t len;
	uint64_t born_ms;
	uint64_t due_ms; /* the next copy; the end of the wait, or of the rest */
	uint32_t timeout_ms;
	uint32_t sum; /* of the message as it came */
	uint16_t mid;
	uint16_t own_mid; /* of the answer on its way back */
	uint8_t token[PDU_TOKEN_MAX];
	uint8_t token_len;
	uint8_t asker;  /* enum side: who sent it */
	uint8_t flight; /* enum carry_flight */
	uint8_t sent;   /* copies of this flight, or, waiting, of the last; 0: there was none */
	uint8_t fate;   /* of governor_end.c */
	bool confirmable;
	bool request;
	bool acked; /* who asks had an empty ACK */
	bool answered;
	bool separate; /* with own_mid */
	bool given_up;
	bool kept; /* is in the list of those that may be taken away */
};

static inline enum side carry_toward(const struct carry *c)
{
	return c->answered ? (enum side)c->asker : other_side((enum side)c->asker);
}

static inline uint16_t carry_flight_mid(const struct carry *c)
{
	return c->answered ? c->own_mid : c->mid;
}

static inline const struct relay_radio *carry_leg(const struct governor_port *p, enum side s)
{
	return s == SIDE_DEVICE ? p->radio : relay_radio_of(RELAY_ETHERNET);
}

/* How long an answer of that side, which has the request, is waited for. It is the relay that ends
   what a device waits for: before this. */
static inline uint64_t carry_patience_ms(const struct governor_port *p, enum side answering)
{
	return answering == SIDE_DEVICE ? p->radio->transmit_wait_ms : 2ULL * p->home->wait_ms;
}

/* Is this for when the device wakes? Answers are not: who waits for one listens. */
static inline bool carry_must_wait(const struct governor_port *p, const struct carry *c)
{
	return p->asleep && c->asker == SIDE_SERVER && c->request && !c->answered;
}

uint32_t carry_sum(const struct pdu *m);
/* At the end of its device's list, at rest, with a copy of m. */
struct carry *carry_new(const struct governor_port *p, const struct pdu *m);
/* A copy of these bytes takes the place of what c has; false: it has nothing. */
MUST_USE bool carry_put(const struct governor_port *p, struct carry *c, const struct pdu *m);
void carry_empty(const struct governor_port *p, struct carry *c);
/* Answered and at rest: kept until the exchange's lifetime ends, or for less. */
void carry_keep(const struct governor_port *p, struct carry *c);
/* The governor goes with its last. */
void carry_drop(struct governor_home *h, struct carry *c);

/* governor_time.c: sent to where it goes, or waits for its turn to. False: the channel does not
   take it, and c is as it was. */
MUST_USE bool carry_launch(const struct governor_port *p, struct carry *c);
/* Its flight is over: rest until due_ms, and the next one's turn. */
void carry_land(const struct governor_port *p, struct carry *c, uint64_t due_ms);
/* Whose turn is it? */
void carry_next(const struct governor_port *p);
MUST_USE bool carry_lane_is_busy(const struct governor *g);
void carry_give_up(const struct governor_port *p, struct carry *c, enum governor_end why);
void carry_acknowledge(const struct governor_port *p, const struct carry *c);

#endif
