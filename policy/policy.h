/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/policy: what is to happen to a live session when something about it has changed: rules of
 *                an operator, the first that matches decides, and says why.
 *
 * DTLS looks at a credential once, in the handshake. What becomes of an association whose
 * credential is replaced, revoked, or expires afterwards is nobody's rule but the operator's
 * (RFC 7925, LwM2M); so are age, idle time, numbers of records, and forged ones.
 *
 * Promise: pure. policy_decide() is total and deterministic: the same rules and facts give the same
 *          decision, rule and reason; rules after the one that matched have no effect; where no
 *          rule matches, the default does, which every policy has.
 * Errors:  policy_load() (policy/load.h) refuses what is wrong as a whole.
 * Memory:  a struct policy is one allocation tree of its own, not changed once it is made: any
 *          number of threads may read it.
 * Threads: any.
 * Source: , S23, S28, S30; lwgate-policy(5).
 */
#ifndef LWG_POLICY_POLICY_H
#define LWG_POLICY_POLICY_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What has happened. */
enum policy_event {
	POLICY_CRED_REPLACED,     /* another secret, key or name is the endpoint's now */
	POLICY_CRED_REVOKED,      /* withdrawn, or removed from the file */
	POLICY_CRED_EXPIRED,      /* its validity, or its certificate's, has ended */
	POLICY_CERT_REVOKED,      /* a CRL that was read names its certificate */
	POLICY_ANCHOR_REMOVED,    /* nothing vouches for its certificate any more */
	POLICY_MAPPING_CHANGED,   /* its endpoint, labels or right to fetch firmware */
	POLICY_OWN_CHANGED,       /* the gateway's own key or certificate is another */
	POLICY_SERVER_DISTRUSTED, /* the upstream's key, pin or anchor is taken no more */
	POLICY_AGE,               /* since the full handshake (S29) */
	POLICY_IDLE,              /* since the last record of the device */
	POLICY_RECORDS,           /* records under one key, either way */
	POLICY_FORGED,            /* tags that were wrong under one key (S23) */
	POLICY_REGISTRATION_EXPIRED,
	POLICY_DEREGISTERED,
	POLICY_POWER_LOST,    /* the first record after a start without proof (S6, S10) */
	POLICY_MOVED,         /* its address is another */
	POLICY_NOSEC,         /* it comes without DTLS from a network that is allowed to */
	POLICY_SMS_KEY_STALE, /* superseded ones, or such that have ended, were used */
	POLICY_EVENTS
};

/* What is to be done with one leg. */
enum policy_action {
	POLICY_KEEP,     /* nothing changes: .bound_s, .until_registration */
	POLICY_TEARDOWN, /* close_notify now; awake or asleep, nothing is forwarded any more */
	POLICY_DRAIN, /* no new exchange; those under way may end within .bound_s; then TEARDOWN */
	/* Device leg. The next record of the device is answered with close_notify and not forwarded
	   (S30); a session that is awake drains within .bound_s. One without DTLS: TEARDOWN. */
	POLICY_REKEY_ON_WAKE,
	/* Device leg, with TEARDOWN of the upstream one. The device is told 5.03 to all it asks,
	   until the reason is gone or .bound_s are over; then TEARDOWN. */
	POLICY_QUARANTINE,
	POLICY_ALERT_ONLY, /* both legs: nothing but the event, and that somebody is told */
	POLICY_ACTIONS
};

enum policy_kind {
	POLICY_PSK,
	POLICY_RAW_KEY,
	POLICY_CERTIFICATE,
	POLICY_SMS,  /* keys of SMS packets */
	POLICY_NONE, /* without DTLS */
	POLICY_KINDS
};

enum policy_channel {
	POLICY_UDP_DTLS,
	POLICY_SMS_DTLS,
	POLICY_SMS_PACKET,
	POLICY_UDP_NOSEC,
	POLICY_CHANNELS
};

enum {
	POLICY_RULES_MAX = 256,
	POLICY_NAME_MAX = 48, /* of a rule */
	POLICY_REASON_MAX = 160,
	POLICY_LABELS_MAX = 16, /* of an endpoint, and of a condition */
	POLICY_LABEL_MAX = 32,
	POLICY_PATTERN_MAX = 128,
};

/* One session and what happened to it. Borrowed. What does not apply is 0; what is not known of a
   sleeper (exchanges) too. Which facts cannot be together stands in policy/world.c; a decision is
   made of those, too. */
struct policy_facts {
	enum policy_event event;
	const char *endpoint;      /* NULL: "" */
	const char *const *labels; /* labels_len of them, in any order; at most POLICY_LABELS_MAX */
	size_t labels_len;
	enum policy_kind kind;
	enum policy_channel channel;
	const char *listener; /* name of the listener: "0.0.0.0:5684"; NULL: "" */
	uint16_t suite;       /* IANA number; 0: none */
	uint64_t generation;  /* under which the session was authenticated */
	bool awake;
	bool registered; /* after what happened: false with POLICY_DEREGISTERED */
	bool upstream_up;
	uint32_t exchanges; /* under way */
	uint64_t age_s, idle_s, asleep_s;
	uint64_t records, forged;
};

struct policy_leg {
	enum policy_action action;
	uint32_t bound_s;        /* DRAIN, REKEY_ON_WAKE, QUARANTINE, KEEP; 0 with KEEP: none */
	bool until_registration; /* KEEP: ends with the registration, too; where there is one */
};

struct policy_decision {
	struct policy_leg device, upstream;
	bool refuse_resumption; /* what could be resumed is dropped */
	bool alert;             /* an operator is to be told at once, besides the event */
	const char *rule;       /* its name, or "default"; the policy's */
	const char *reason;     /* the operator's words, or ours; the policy's */
	size_t number;          /* of the rule, from 0; the number of rules: the default */
};

struct policy;

struct policy_decision policy_decide(const struct policy *p, const struct policy_facts *f);
size_t policy_rules(const struct policy *p);
/* The least number above `now` at which a rule for POLICY_AGE, IDLE, RECORDS or FORGED begins or
   ceases to hold by what the event counts (age_s, idle_s, records, forged): when to ask next.
   UINT64_MAX: at none. Of other events: UINT64_MAX. */
uint64_t policy_next_bound(const struct policy *p, enum policy_event e, uint64_t now);
/* Do both decide the same of all facts, with the same words, by the same rules? Lines of the file
   do not count. */
bool policy_same(const struct policy *a, const struct policy *b);
void policy_free(struct policy *p);

/* --- explaining ------------------------------------------------------------------------------- */

/* Why rule `number` does not match: the first condition that does not hold, in words ("event is
   credential-replaced, the rule wants credential-revoked"). Returns false, and out is "", when it
   does match. cap >= 1. */
bool policy_why_not(
	const struct policy *p, size_t number, const struct policy_facts *f, char *out, size_t cap);
/* "default" for the number of rules and beyond. */
const char *policy_rule_name(const struct policy *p, size_t number);
/* Its line in the file. */
unsigned policy_rule_line(const struct policy *p, size_t number);
/* "device drain within 30 s, upstream keep, resumption refused, alert". What is too long is cut;
   returns out. */
const char *policy_decision_say(const struct policy_decision *d, char *out, size_t cap);
/* The same for one leg: "drain within 30 s". */
const char *policy_leg_say(const struct policy_leg *l, char *out, size_t cap);

/* Words of the file: "credential-replaced", "rekey-on-wake" ...; static. */
const char *policy_event_word(enum policy_event e);
const char *policy_action_word(enum policy_action a);
const char *policy_kind_word(enum policy_kind k);
const char *policy_channel_word(enum policy_channel c);
/* False: no such word. */
MUST_USE bool policy_event_of(const char *word, enum policy_event *out);
/* The keys of the two kinds of file, as man page source, for lwgate-policy(5). */
void policy_print_table(FILE *to);

#endif
