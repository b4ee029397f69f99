/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/learning_sms: the next keys of a device for secured packets, written by its bootstrap
 *                       server beside what it is to prove by DTLS.
 *
 * They are written down before the device has the server's Bootstrap-Finish, as the next set of the
 * endpoint's credential for short messages (sms/keyset); the first message under them makes them
 * its current one. Until then, and while its overlap lasts, the set before is good: a bootstrap
 * that breaks off locks nobody out.
 *
 * Where it was asked to write others (gateway/sms_keys_udp) and has not, it is asked again after a
 * back-off. What the cause is called:
 *
 *   no-keys    it has finished, and its account says nothing of secured packets
 *   bad-keys   what it has written was refused
 *   same-keys  what it has written are the current ones
 *
 * Promise: of the endpoint of that DTLS association alone, and of a credential that there is
 *          already: the device's number is nowhere in its Security Object. Nothing weaker than the
 *          profile passes. An endpoint without such a credential, and an account that says nothing
 *          of secured packets, are left alone. Where the credential's keys are renewed, these end
 *          with the registration, or after GW_KEYS_LIFETIME_S where there is none; where
 *          nobody would give others, they have no end.
 * Errors:  a static sentence for the server (4.06): the device would have keys that are not ours.
 * Memory:  the caller's, who wipes it.
 * Threads: gw_learned_sms_run(): the store's writer; the rest: the worker's.
 */
#ifndef LWG_GATEWAY_LEARNING_SMS_H
#define LWG_GATEWAY_LEARNING_SMS_H

#include "base/attr.h"
#include "gateway/sms_keys_run.h"
#include "sms/profile.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_session;
struct learn_sms;

struct gw_learned_sms {  /* the holder wipes it */
	uint32_t cred;   /* the one for short messages; 0: there is nothing to be learned */
	bool end;        /* they have one */
	uint64_t proved; /* of the credential, as it was looked at */
	uint64_t now_ms; /* store_time() */
	struct gw_keys_settings settings;
	struct sms_agreed agreed;

	/* What has become of it; as in struct gw_keys_change. */
	bool moved;
	uint8_t was, is;
	uint32_t generation;
	char cause[KEYSET_CAUSE_MAX + 1];
};

/* NULL: it may be, or (cred 0) it is none of our business. */
MUST_USE const char *gw_learned_sms_check(
	const struct gw_session *s, const struct learn_sms *found, struct gw_learned_sms *out);
MUST_USE bool gw_learned_sms_same(const struct gw_learned_sms *a, const struct gw_learned_sms *b);
/* STORE_STALE: the credential has changed meanwhile. */
MUST_USE enum store_result gw_learned_sms_run(struct store_txn *t, struct gw_learned_sms *l);
/* That is durable. */
void gw_learned_sms_stored(const struct gw_session *s, const struct gw_learned_sms *l);

#endif
