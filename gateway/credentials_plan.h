/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/credentials_plan: what must be done to the store so that it holds a set of credentials:
 *                           worked out over a snapshot, then done in one transaction.
 *
 * What is not said of labels and end stays as it is, but of a file's credential there is no more
 * than the file says. A PSK, a name or a key that is replaced by another of its kind is taken for a
 * while yet, where that is said and nobody else of the set is to have it.
 *
 * Promise: a plan is done wholly or not at all. What two devices would share is refused, whether in
 *          the set or in the store. What lwgatectl has done is never undone by a file, what
 *          it has revoked never comes back by one. What is the same already is not touched: its
 *          sessions live on. The store's present state is looked at again in the transaction (S28).
 * Errors:  false with *error filled: "FILE:LINE: ...", never a key; nothing was changed.
 * Memory:  some 60 bytes a credential of the set, while it lasts.
 * Threads: the main thread, which waits for the store's writer.
 */
#ifndef LWG_GATEWAY_CREDENTIALS_PLAN_H
#define LWG_GATEWAY_CREDENTIALS_PLAN_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_error;
struct cred_set;
struct store;
struct store_cred;
struct store_reader;

enum cred_plan_mode {
	CRED_PLAN_FILE,    /* at the start: the file's own credentials become what the file says */
	CRED_PLAN_ADD,     /* by lwgatectl: what is there differently is an error */
	CRED_PLAN_REPLACE, /* by lwgatectl: is replaced */
};

struct cred_plan_made { /* how many */
	size_t added, replaced, revoked, same;
	size_t overlaps;     /* replaced, and what was proved before is taken for a while */
	size_t kept;         /* the file differs from what stands over it */
	uint32_t kept_first; /* number in the set of one of these */
	bool kept_learned;   /* and that one was learned from its bootstrap */
};

struct cred_plan_by {
	struct store *store;
	const char *folder;          /* its, in errors; NULL: it is in memory */
	struct store_reader *reader; /* of this thread */
	const char *name;            /* of the set, in errors */
	enum cred_plan_mode mode;
	uint64_t now_ms;    /* wall clock */
	uint32_t overlap_s; /* of those that do not say one */
	/* After it is durable: a credential that was there has another generation, or is revoked.
	   Not for those that are new. May be NULL. */
	void (*changed)(void *ctx, uint32_t number);
	void *ctx;
};

/* Does what the store has of it stand over a credentials file that says otherwise? As lwgatectl has
   said so, or its bootstrap server. */
MUST_USE bool cred_stands_over_file(const struct store_cred *c);
MUST_USE bool cred_plan_do(const struct cred_plan_by *by, const struct cred_set *set,
	struct cred_plan_made *made, struct conf_error *error);
/* What that would do with each of the set, of which nothing is done; not of a file. line: of the
   file; why: "FILE:LINE: ...", it is refused, else NULL. */
enum cred_would { CRED_WOULD_ADD, CRED_WOULD_REPLACE, CRED_WOULD_LEAVE };
struct cred_would_be {
	const char *endpoint;
	unsigned line;
	enum cred_would what;
	const char *why;
};
MUST_USE bool cred_plan_try(const struct cred_plan_by *by, const struct cred_set *set,
	void (*each)(void *ctx, const struct cred_would_be *w), void *ctx,
	struct conf_error *error);
/* One of the store is revoked, by lwgatectl. */
MUST_USE bool cred_plan_revoke(
	const struct cred_plan_by *by, const struct store_cred *c, struct conf_error *error);

#endif
