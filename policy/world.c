/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/world.h"

#include "base/attr.h"
#include "policy/parts.h"

#define BIT(n) (1U << (n))

enum suite_set { SUITES_ANY, SUITES_OF_PSK, SUITES_OF_ECDSA, SUITES_KNOWN };

enum {
	ASLEEP = BIT(0),
	AWAKE = BIT(1),
	REGISTERED = BIT(1),
	PACKETS = BIT(POLICY_SMS_PACKET),
	BARE = BIT(POLICY_UDP_NOSEC),
	DTLS = BIT(POLICY_UDP_DTLS) | BIT(POLICY_SMS_DTLS),
	NO_KIND = BIT(POLICY_NONE),
	SMS_KIND = BIT(POLICY_SMS),
	CERT_KIND = BIT(POLICY_CERTIFICATE),
	PUBLIC_KINDS = CERT_KIND | BIT(POLICY_RAW_KEY),
	KINDS = BIT(POLICY_KINDS) - 1,
	OF_KEYS = BIT(POLICY_CRED_REPLACED) | BIT(POLICY_CRED_REVOKED) | BIT(POLICY_CRED_EXPIRED) |
		  BIT(POLICY_AGE) | BIT(POLICY_RECORDS) | BIT(POLICY_FORGED),
};

/* A member that is 0 excludes nothing. */
static const struct row {
	const char *why;
	unsigned events, kinds, channels, states, registered;
	enum suite_set suites;
	bool counted; /* bound is 1 or more */
	enum policy_bound bound;
} rows[] = {
	{ .why = "a session that is awake has been asleep for no time",
		.states = AWAKE,
		.counted = true,
		.bound = BOUND_ASLEEP },
	{ .why = "a session that is asleep has no exchanges under way",
		.states = ASLEEP,
		.counted = true,
		.bound = BOUND_EXCHANGES },
	{ .why = "only a device on udp-nosec is of kind none",
		.kinds = NO_KIND,
		.channels = DTLS | PACKETS },
	{ .why = "a device on udp-nosec is of kind none",
		.kinds = KINDS & ~NO_KIND,
		.channels = BARE },
	{ .why = "keys of SMS packets are used on sms-packet alone",
		.kinds = SMS_KIND,
		.channels = DTLS | BARE },
	{ .why = "on sms-packet a device is of kind sms",
		.kinds = KINDS & ~SMS_KIND,
		.channels = PACKETS },
	{ .why = "only DTLS has cipher suites",
		.channels = PACKETS | BARE,
		.suites = SUITES_KNOWN },
	{ .why = "a pre-shared key is not used with a suite of ECDHE_ECDSA",
		.kinds = BIT(POLICY_PSK),
		.suites = SUITES_OF_ECDSA },
	{ .why = "a raw public key or a certificate is not used with a suite of PSK",
		.kinds = PUBLIC_KINDS,
		.suites = SUITES_OF_PSK },
	{ .why = "only who came with a certificate has one that is revoked, or an anchor",
		.events = BIT(POLICY_CERT_REVOKED) | BIT(POLICY_ANCHOR_REMOVED),
		.kinds = KINDS & ~CERT_KIND },
	{ .why = "the event nosec is of a device on udp-nosec",
		.events = BIT(POLICY_NOSEC),
		.channels = DTLS | PACKETS },
	{ .why = "the event sms-key-stale is of a device on SMS",
		.events = BIT(POLICY_SMS_KEY_STALE),
		.channels = BIT(POLICY_UDP_DTLS) | BARE },
	{ .why = "a device of kind none has no credential and no keys",
		.events = OF_KEYS,
		.kinds = NO_KIND },
	{ .why = "a device of kind none has no keys, and no records that are forged",
		.kinds = NO_KIND,
		.counted = true,
		.bound = BOUND_FORGED },
	{ .why = "after its end there is no registration",
		.events = BIT(POLICY_REGISTRATION_EXPIRED) | BIT(POLICY_DEREGISTERED),
		.registered = REGISTERED },
};

_Static_assert(COUNT_OF(rows) <= POLICY_WORLD, "POLICY_WORLD is too small");

static void only(struct policy_box *b, enum policy_dim d, uint64_t set)
{
	if (set != 0)
		policy_dim_only(b, d, set);
}

static uint64_t suite_set(enum suite_set which)
{
	uint64_t set = 0;
	for (size_t i = 0; which != SUITES_ANY && i < SUITES; i++) {
		if (which == SUITES_KNOWN || suites[i].ecdsa == (which == SUITES_OF_ECDSA))
			set |= UINT64_C(1) << i;
	}
	return set;
}

const char *policy_world(size_t number, struct policy_box *out)
{
	if (number >= COUNT_OF(rows))
		return NULL;
	const struct row *r = &rows[number];
	*out = policy_box_all();
	only(out, DIM_EVENT, r->events);
	only(out, DIM_KIND, r->kinds);
	only(out, DIM_CHANNEL, r->channels);
	only(out, DIM_STATE, r->states);
	only(out, DIM_REGISTERED, r->registered);
	only(out, DIM_SUITE, suite_set(r->suites));
	if (r->counted)
		out->lo[r->bound] = 1;
	return r->why;
}

const char *policy_impossible(const struct policy_facts *f)
{
	struct policy_box fact = { .word = policy_facts_word(NULL, f) }, wrong;
	const char *why = NULL;
	for (size_t i = 0; i < BOUNDS; i++)
		fact.lo[i] = fact.hi[i] = policy_facts_number(f, (enum policy_bound)i);
	for (size_t i = 0; (why = policy_world(i, &wrong)) != NULL; i++) {
		if (policy_box_within(&fact, &wrong))
			return why;
	}
	return NULL;
}
