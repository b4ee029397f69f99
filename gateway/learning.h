/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/learning: a device's next credential, learned from what its bootstrap server writes to it
 *                   through this gateway (S31).
 *
 *   learning.c        follows the bootstraps of a worker
 *   learning_check.c  may what was found be this device's?
 *   learning_run.c    what is written down, in the store's writer thread; what is told
 *   learning_sms.c    the same of keys for short messages that stand beside it
 *
 * Off unless learn.server_uris names this gateway; a stated exception to R-224.
 *
 * What was found is staged in the store before the device has the server's Bootstrap-Finish, and
 * armed by its 2.04 to that. From then on a handshake may prove it (gateway/known), and the first
 * that does makes it the device's only one. Until then, or until learn.settle_s have passed, what
 * the device has proved before is taken as well; a 2.04 that was lost leaves it to be proved once.
 *
 * Promise: only of a device whose association and whose link are up, by DTLS; for the endpoint of
 *          that channel, no other. What is another's, what a listener would not take (a kind, a
 *          weak key, a name without an anchor) is refused: the server is told 4.06 to its Finish,
 *          and the device never has it. Nothing is un-revoked, no label or end is changed. No key
 *          is logged, or held in the clear longer than the bootstrap lasts. A device that
 *          bootstraps again and again is learned from, and told of, GW_FINDINGS times, then once
 *          a minute; what comes sooner is refused, too.
 * Errors:  what could not be read or followed is not learned, and passes: the chronicle tells. So
 *          does what the store refuses after all.
 * Memory:  a watch for each bootstrap under way, at most GW_LEARNING_MAX of a worker; those beyond
 *          are not learned from.
 * Threads: the worker's own, but for gw_learning_run(), _proves() and _tell().
 */
#ifndef LWG_GATEWAY_LEARNING_H
#define LWG_GATEWAY_LEARNING_H

#include "base/attr.h"
#include "gateway/chronicle.h"
#include "proxy/relay.h"
#include "store/staging.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct dtls_conn;
struct gw_op;
struct gw_session;
struct gw_worker;
struct inbox;
struct learn_found;

enum {
	GW_LEARNING_MAX = 256,
	GW_FINDINGS = 8, /* of a device at once; then one each minute */
};

/* For the relay's owner; ctx is the worker. */
struct relay_objection gw_learning_bootstrap(
	void *ctx, struct relay_device *d, enum relay_bootstrap what, const struct pdu *m);
/* The session ends, or is let go: its watch is wiped. What is staged stays. */
void gw_learning_drop(struct gw_session *s);
/* Of what kind is what the device of s has just proved by c: enum store_cred_kind; its credential
   may have become of another. */
uint8_t gw_learning_kind(const struct gw_session *s, const struct dtls_conn *c);

/* For gateway/keep: an operation of s that learns, or has learned, has come back. */
void gw_learning_stored(const struct gw_op *o, enum store_result r);
/* In the writer's thread. */
MUST_USE enum store_result gw_learning_run(struct store_txn *t, struct gw_op *o);
/* The same: is this the generation of what is staged for a credential? *kind: of which kind. Asked
   before that is put. */
MUST_USE bool gw_learning_proves(
	struct store_txn *t, uint32_t cred, uint64_t generation, uint8_t *kind);

/* Tells the chronicle; to NULL: nobody. Any thread. */
struct gw_learning_news {
	enum gw_entry_kind kind;
	uint8_t credential; /* as in struct gw_entry */
	uint64_t generation;
	const char *endpoint, *why;
};
void gw_learning_tell(struct inbox *to, const struct gw_learning_news *n);

/* For learning.c: NULL, or why what was found cannot be this device's: a static sentence for the
   server. *out: what is to be staged; the caller wipes it. */
const char *gw_learning_check(
	const struct gw_session *s, const struct learn_found *found, struct store_staged *out);
/* Is it the same that is proved? */
MUST_USE bool gw_learning_same(const struct store_staged *a, const struct store_staged *b);

#endif
