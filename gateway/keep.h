/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/keep: what a session writes into the store, and what happens when it is durable.
 *
 * An operation runs in the store's writer thread and comes back to the worker by its inbox
 * (GW_STORED).
 *
 *   keep.c       makes operations
 *   keep_run.c   what they do in the writer's thread
 *   keep_done.c  what happens when they come back
 *
 * Promise: operations of one worker become durable in the order in which they were submitted. Each
 *          comes back once.
 * Errors:  a new association that cannot be kept is closed (the disk is full, or the credential has
 *          changed meanwhile, S28); anything else that cannot be kept is told in the log and leaves
 *          the living session alone, as long as its numbers last.
 * Memory:  a struct gw_op has keys in it: a secret pool of the worker.
 * Threads: the worker's own, but for run() and done().
 */
#ifndef LWG_GATEWAY_KEEP_H
#define LWG_GATEWAY_KEEP_H

#include "base/attr.h"
#include "gateway/learning_sms.h"
#include "gateway/session.h"
#include "store/staging.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

enum gw_learns {
	GW_LEARNS_NOTHING,
	GW_LEARNS_STAGE,
	GW_LEARNS_ARM,
	GW_LEARNS_DROP,
	GW_LEARNS_SMS /* sms is the next of its credential */
};

struct gw_op_leg {
	bool put;    /* assoc is new */
	bool lease;  /* assoc needs numbers */
	bool settle; /* assoc's context is written anew */
	bool move;   /* where assoc's peer is has changed */
	bool prove; /* of them, read numbers above edge, which is all that is known of its window */
	bool as_is; /* its place is in the row already, or will be */
	bool drop;  /* the association that drop_place and drop_id name */
	uint32_t serial; /* of put: the leg's */
	uint32_t drop_place;
	uint8_t drop_id[SLOT_ID];
	uint64_t edge; /* of the read window */
	struct store_assoc assoc;
};

struct gw_op {
	struct store_op op; /* first */
	struct gw_worker *worker;
	struct gw_session *session; /* NULL: nobody waits for it */
	struct gw_op_leg legs[GW_LEGS];
	uint64_t owner;
	uint32_t cred;
	bool blocks; /* the session's messages wait for it */
	bool merge;  /* row: what the store has of registration and link is kept */
	bool save;   /* row is written */
	bool forget; /* all of cred, if its device association is legs[GW_DEVICE]'s drop, or none */
	bool anyhow; /* forget: whatever its association is */
	bool expire; /* its registration ends, if it still is row's */
	bool rouse;  /* the session begins when it is done */
	bool note;   /* verdict is written, if noted_place still has noted_id */
	bool judges; /* the session's sentence waits for it */
	bool refuse; /* nothing of cred is resumed any more */
	uint8_t learns;    /* enum gw_learns: what becomes of staged, or sms */
	uint32_t learning; /* of learns: the finding's number */
	/* run: legs[GW_DEVICE].assoc has made what was staged its credential's; staged.kind says
	   of what kind. */
	bool learned;
	bool resumed; /* legs[GW_DEVICE].assoc came by an abbreviated handshake (S29) */
	struct store_session row;
	uint32_t noted_place;
	uint8_t noted_id[SLOT_ID];
	struct store_verdict verdict;
	struct store_staged staged;
	struct gw_learned_sms sms;
};

struct gw_stored { /* GW_STORED */
	struct gw_op *op;
	enum store_result result;
};

/* An empty operation of s (or of nobody); NULL: memory is short. */
MUST_USE struct gw_op *gw_op_new(struct gw_worker *w, struct gw_session *s, uint32_t cred);
/* It was not submitted after all. */
void gw_op_free(struct gw_op *o);
void gw_op_submit(struct gw_op *o, uint32_t may_wait_ms);
/* For gw_op_new(): in the writer's thread. */
MUST_USE enum store_result gw_op_run(struct store_txn *t, struct store_op *op);
void gw_op_done(struct store_op *op, enum store_result result);
/* One that came back. */
void gw_stored_received(struct gw_worker *w, const struct gw_stored *stored);

/* The device's new association, or the link's, is written down; messages wait. registration: known
   from elsewhere, or NULL: what the store has. */
void gw_keep_device(struct gw_session *s, const struct relay_registration *registration);
void gw_keep_link(struct gw_session *s);
/* The registration as the relay has it now; messages wait. */
void gw_keep_registration(struct gw_session *s);
/* The link has ended. */
void gw_keep_no_link(struct gw_session *s);
/* The context of a leg anew, without the final flight (S9). */
void gw_keep_settled(struct gw_session *s, enum gw_leg_name name);
/* Where the device is, as the engine has it now; messages wait. Before its association is durable
   it is what follows on that. False: memory is short. */
bool gw_keep_move(struct gw_session *s);
/* More numbers for a leg. */
void gw_keep_lease(struct gw_session *s, enum gw_leg_name name);
/* Everything of the session is deleted. */
void gw_keep_nothing(struct gw_session *s);
/* An association that is not in memory is deleted. */
void gw_keep_drop(
	struct gw_worker *w, uint32_t cred, enum gw_leg_name name, const struct store_assoc *a);
/* The same, with all that there is of cred (`all`), or so that nothing of it is resumed
   (`refuse`). */
void gw_keep_part(struct gw_worker *w, const struct store_assoc *a, bool all, bool refuse);
/* A socket for links was opened. */
void gw_keep_port(struct gw_worker *w, uint32_t at, uint32_t value);

/* Registrations in the store's time and the relay's. */
void gw_registration_to_row(
	const struct gw_worker *w, const struct relay_registration *r, struct store_session *row);
void gw_registration_from_row(
	const struct gw_worker *w, const struct store_session *row, struct relay_registration *r);

#endif
