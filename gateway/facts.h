/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/facts: what a policy is asked about a session, gathered from where it is: from memory of
 *                one that is awake, from rows of one that sleeps.
 *
 * Promise: facts of one that sleeps and of the same one awake differ only in what policy/policy
 *          says of that. Of one by secured packets age and records are those of its keys, and it
 *          has no listener, no suite and no forged ones.
 * Memory:  struct gw_facts has the octets that facts.labels, .endpoint and .listener point to; it
 *          must not be copied.
 * Threads: sessions: their worker's; rows: any with a reader of its own.
 */
#ifndef LWG_GATEWAY_FACTS_H
#define LWG_GATEWAY_FACTS_H

#include "base/attr.h"
#include "base/net.h"
#include "policy/policy.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_session;
struct gw_shared;

struct gw_facts {
	struct policy_facts facts; /* event: the caller's to set */
	uint32_t cred;
	uint64_t upto, upto_ms; /* of its verdict */
	struct store_cred_mark mark;
	const char *labels[STORE_LABELS_MAX];
	char label_octets[STORE_LABELS_MAX][STORE_LABEL_MAX + 1];
	char endpoint[STORE_ENDPOINT_MAX + 1];
	char listener[NET_TEXT_MAX];
};

/* False: the store cannot tell who it is. */
MUST_USE bool gw_facts_of_session(const struct gw_session *s, struct gw_facts *out);
/* a: of its device. */
MUST_USE bool gw_facts_of_sleeper(const struct gw_shared *shared, struct store_reader *r,
	const struct store_assoc *a, uint64_t now_ms, struct gw_facts *out);

#endif
