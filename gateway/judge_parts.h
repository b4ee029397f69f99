/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/judge_parts: what the files of gateway/judge share. For them only.
 *
 *   judge_changes.c  what has happened to whom that was not decided yet
 *   judge_look.c     when a session that is awake is looked at, and what is found
 *   judge.c          asks the policy, and writes down what it says
 *   judge_awake.c    carries it out on a session that is awake
 *   judge_case.c     what is to become of one that sleeps
 *   judge_asleep.c   and how that is done
 */
#ifndef LWG_GATEWAY_JUDGE_PARTS_H
#define LWG_GATEWAY_JUDGE_PARTS_H

#include "base/attr.h"
#include "base/wheel.h"
#include "gateway/chronicle.h"
#include "gateway/judge.h"
#include "gateway/ruling.h"
#include "gateway/session.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_facts;
struct gw_material;
struct gw_op;

/* What hangs at a session of which something was decided, until that is over. */
struct gw_sentence {
	struct gw_session *session;
	struct wheel_timer timer; /* in the worker's `terms` */
	struct gw_ruling ruling;
	uint64_t drain_ms; /* CLOCK_BOOTTIME: a drain ends then; 0: none is under way */
	unsigned writing;  /* operations under way that make it durable */
	bool begun;        /* it was carried out, as far as that goes at once */
	bool waking;       /* it came with a sleeper, whose waking writes it down */
	bool asleep;       /* of a session that is here only for that; see judge_asleep.c: */
	bool parts;        /* its device waits for a farewell */
	bool ends;         /* all of it goes */
	uint32_t place;    /* of its device, where that is not here */
	uint8_t id[SLOT_ID];
	uint32_t wrote; /* the device leg's serial, when it was decided */
};

/* --- judge_changes.c -------------------------------------------------------------------------- */

/* What must be known of a session to see what has happened to it. */
struct gw_case {
	const struct gw_material *material;
	struct store_cred_mark mark;
	struct store_proof proof, link_proof;
	uint64_t now_ms, store_ms; /* gw_judge_now(), store_time() */
	uint64_t generation, born, link_born, link_generation;
	uint32_t listener;
	size_t upstream; /* place of the one that the link is of */
	bool certificate, psk, has_link;
	bool registered; /* of a sleeper */
	/* Of its verdict; zero: there is none. */
	uint64_t upto, upto_ms;
	enum policy_event decided;
};

typedef uint32_t gw_events; /* bits by enum policy_event */
_Static_assert(POLICY_EVENTS <= 32, "a bit each");
static inline gw_events gw_event_bit(enum policy_event e)
{
	return (gw_events)1 << e;
}

/* Its device has shaken hands since, and what was said then of its link is of an association that
   is no more: the link is looked at with the device. */
static inline void gw_case_join_link(struct gw_case *c)
{
	c->link_born = c->link_born > c->born ? c->link_born : c->born;
}
/* What was not decided yet. */
gw_events gw_case_changes(const struct gw_case *c);
/* Decided or not: what a quarantine that ends may have hidden. */
gw_events gw_case_all(const struct gw_case *c);
/* Does what was decided of still hold? False: of a change that was taken back. */
bool gw_case_holds(const struct gw_case *c, enum policy_event e);
/* The newest of what gw_case_changes() has looked at. */
uint64_t gw_case_upto(const struct gw_case *c);
/* By the wall clock where that is trusted; store_time() else. */
uint64_t gw_judge_now(const struct gw_worker *w);
/* Nothing is to be asked, but what the store tells of its link looks as if; what is written down
   then, so that nobody looks again. False: it does not. */
MUST_USE bool gw_case_settles(const struct gw_case *c, struct gw_ruling *out);
/* Quarantine ends. */
void gw_ruling_lift(const struct gw_ruling *was, const struct gw_case *c, struct gw_ruling *out);

/* --- judge.c ---------------------------------------------------------------------------------- */

/* Asks the policy of each event, and takes the strictest of each leg. f->facts.event is changed. */
void gw_judge_ask(
	const struct gw_worker *w, struct gw_facts *f, gw_events events, struct gw_ruling *out);
/* out becomes what is to be done when `before` was in force. */
void gw_ruling_join(struct gw_ruling *out, const struct gw_ruling *before);
/* Nothing is to be done, now or later. */
bool gw_ruling_is_idle(const struct gw_ruling *r);
void gw_ruling_to_row(const struct gw_ruling *r, uint32_t cred, struct store_verdict *out);
void gw_ruling_from_row(const struct store_verdict *v, uint64_t now_ms, struct gw_ruling *out);
/* Its bound is reached: what kept tears down. False: it is not. now_ms: store_time(). */
bool gw_ruling_end(struct gw_ruling *r, uint64_t now_ms);
/* Its registration is over: what went on until then does not. */
void gw_ruling_end_registration(struct gw_ruling *r);
/* Into the chronicle. */
void gw_judge_say(struct gw_worker *w, const char *endpoint, const struct gw_ruling *r,
	enum gw_outcome outcome, bool asleep);
/* The strictness of an action, for either leg. */
unsigned gw_action_weight(enum policy_action a);
/* o writes down what was decided of the session with the device association at place. */
void gw_judge_note(
	struct gw_op *o, const struct gw_ruling *r, uint32_t place, const uint8_t id[SLOT_ID]);
/* Hangs a sentence at s. NULL: memory is short. */
MUST_USE struct gw_sentence *gw_sentence_new(struct gw_session *s, const struct gw_ruling *r);

/* --- judge_look.c ----------------------------------------------------------------------------- */

/* The sweep says that something about s, which is awake, is not decided. */
void gw_judge_swept(struct gw_session *s);

/* --- judge_awake.c ---------------------------------------------------------------------------- */

/* Of a timer in `terms`. */
void gw_sentence_due(struct wheel_timer *t, void *ctx, uint64_t now_ms);
/* It ends with this turn: the store cannot, or memory is short. */
void gw_judge_condemn(struct gw_session *s);
/* r was decided; it is written down, and then carried out. */
void gw_judge_pass(struct gw_session *s, const struct gw_ruling *r);

/* --- judge_case.c ----------------------------------------------------------------------------- */

/* What has happened to the session of a device that sleeps. False: the store cannot tell. */
MUST_USE bool gw_case_of(struct gw_worker *w, const struct store_assoc *d, struct gw_case *c,
	struct store_verdict *v, bool *was_decided);
/* The policy is asked about it. False: nobody can tell. */
MUST_USE bool gw_judge_ask_of(
	struct gw_worker *w, const struct store_assoc *d, gw_events events, struct gw_ruling *out);
/* Whole ones, since then. */
uint64_t gw_seconds(uint64_t now_ms, uint64_t since_ms);
/* That have gone the busier way. */
uint64_t gw_records_of(const struct store_assoc *a);

/* --- judge_asleep.c --------------------------------------------------------------------------- */

/* What was decided of a sleeper is durable, and its link is awake if that is to be closed. */
void gw_judge_noted(struct gw_session *s, enum store_result r);

#endif
