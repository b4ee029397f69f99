/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/facts: what a policy is asked about a session, on its way to lwgatectl, which asks one.
 *
 * u8 kind, u8 channel, u8 bits (1 awake, 2 registered, 4 upstream up), u16 suite, u32 exchanges,
 * u64 each: generation, the credential's generation, up to which generation it was decided of, age,
 * idle, asleep (seconds), records, forged; texts of u8 length and octets (no NUL): endpoint,
 * listener; u8 number of labels, a text each. The event is not among them.
 *
 * Promise: pure, total, bounded (I7). What is read and written again is the same octets. No secret
 *          is among them.
 * Errors:  false: it is none; nothing of *out is good then.
 * Memory:  struct ctl_facts points into itself: it must not be copied.
 * Threads: any.
 */
#ifndef LWG_CTL_FACTS_H
#define LWG_CTL_FACTS_H

#include "base/attr.h"
#include "base/rd.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

struct ctl_out;

enum {
	CTL_FACTS_TEXT = 128, /* of an endpoint, of a listener */
	CTL_FACTS_MAX = 9 + 8 * 8 + 2 * (1 + CTL_FACTS_TEXT) + 1 +
			POLICY_LABELS_MAX * (1 + POLICY_LABEL_MAX),
};

/* What is told with the facts, and no rule asks for. */
struct ctl_facts_rest {
	uint64_t credential_generation; /* of the endpoint's credential now */
	uint64_t decided;               /* changes up to this generation were decided of; 0: none */
};

struct ctl_facts {
	struct policy_facts facts; /* event: the reader's to set */
	struct ctl_facts_rest rest;
	char endpoint[CTL_FACTS_TEXT + 1], listener[CTL_FACTS_TEXT + 1];
	const char *labels[POLICY_LABELS_MAX];
	char label_octets[POLICY_LABELS_MAX][POLICY_LABEL_MAX + 1];
};

/* Appends. Texts that are longer than may be are cut. */
void ctl_facts_put(
	struct ctl_out *o, const struct policy_facts *f, const struct ctl_facts_rest *rest);
MUST_USE bool ctl_facts_read(struct rd *r, struct ctl_facts *out);

#endif
