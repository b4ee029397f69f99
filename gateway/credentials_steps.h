/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/credentials_steps: what a plan consists of: for each credential of a set what is to be
 *                            done to the store, as it is now; for the files of the plan only.
 *
 * Promise: see gateway/credentials_plan. Nothing is changed here.
 * Errors:  false with the plan's *error filled.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_CREDENTIALS_STEPS_H
#define LWG_GATEWAY_CREDENTIALS_STEPS_H

#include "base/attr.h"
#include "gateway/credentials_plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cred_act {
	CRED_LEAVE,
	CRED_PUT,    /* under its number, or a new one */
	CRED_REVOKE, /* of the store, not of the set */
	/* Revoke the number, put under a new one: its identity goes to another of the set. */
	CRED_SUCCEED,
};

struct store_cred_before;

enum { CRED_NO_ENTRY = INT32_MAX };

struct cred_step {
	enum cred_act act;
	bool keep;           /* what is there stands over the file */
	bool learned;        /* what is there is from its bootstrap */
	bool of_file;        /* what is there is a file's */
	uint32_t number;     /* in the store, active; 0: not there */
	uint32_t entry;      /* in the set, or CRED_NO_ENTRY */
	uint64_t generation; /* that it had when the plan was made */
	uint64_t before_ms;  /* wall clock: what it proved is taken until then; 0: no more */
	bool settle;         /* and what it proved before that is taken no more */
	uint8_t purpose;     /* enum store_purpose; of an entry that says none, that of now */
};

struct cred_plan {
	const struct cred_plan_by *by;
	const struct cred_set *set;
	struct cred_step *steps; /* one for each of the set, then what is revoked */
	size_t len, cap;
	struct cred_plan_made made;
	struct conf_error *error;
};

/* A credential of the set as the store has them; the caller wipes it. now: as the store has it, for
   what the set does not say; NULL: it is not there. */
void cred_step_fill(const struct cred_plan *p, uint32_t entry, const struct store_cred *now,
	struct store_cred *out);
/* What c proves, as what is still taken. */
void cred_step_keep(const struct store_cred *c, uint64_t until_ms, struct store_cred_before *out);
/* credentials_place.c: of an entry that says no purpose (of lwgatectl's), that of the one that its
   endpoint has; and what in the store leaves no room for it goes, or is why it is refused. */
MUST_USE bool cred_step_place(struct cred_plan *p, uint32_t entry);
/* One more, for what is not of the set. The steps may be elsewhere then. NULL: memory is short. */
MUST_USE struct cred_step *cred_steps_add(struct cred_plan *p);
/* False, with *error. */
MUST_USE bool cred_steps_no_memory(const struct cred_plan *p);
MUST_USE bool cred_steps_unreadable(const struct cred_plan *p);
/* Fills steps, which the caller frees, and made. */
MUST_USE bool cred_steps_make(struct cred_plan *p);
/* The same of lwgatectl's set, but each entry for itself: what is refused is no end. each: NULL is
   the text of an error, *error, else. */
MUST_USE bool cred_steps_try(struct cred_plan *p,
	void (*each)(void *ctx, const struct cred_step *s, const char *error), void *ctx);

#endif
