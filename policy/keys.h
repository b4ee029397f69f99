/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/keys: the one table of what may stand in a policy and in a table of expectations. The
 *              readers, the errors and the man page all use it.
 *
 * Promise: every key has a place, a type, a range and a meaning.
 * Threads: any; constant.
 */
#ifndef LWG_POLICY_KEYS_H
#define LWG_POLICY_KEYS_H

#include "base/attr.h"
#include "policy/words.h"

#include <stdbool.h>
#include <stdint.h>

enum policy_key {
	PKEY_RULES,
	PKEY_DEFAULT,
	PKEY_NAME,
	PKEY_EVENTS,
	PKEY_ENDPOINT,
	PKEY_LABELS,
	PKEY_ANY_LABEL,
	PKEY_WITHOUT_LABEL,
	PKEY_KIND,
	PKEY_CHANNEL,
	PKEY_LISTENER,
	PKEY_SUITE,
	PKEY_STATE,
	PKEY_REGISTERED,
	PKEY_UPSTREAM_STATE,
	PKEY_AT_LEAST, /* in the order of enum policy_bound */
	PKEY_AGE_AT_LEAST = PKEY_AT_LEAST,
	PKEY_IDLE_AT_LEAST,
	PKEY_ASLEEP_AT_LEAST,
	PKEY_RECORDS_AT_LEAST,
	PKEY_FORGED_AT_LEAST,
	PKEY_EXCHANGES_AT_LEAST,
	PKEY_GENERATION_AT_LEAST,
	PKEY_AT_MOST, /* so too */
	PKEY_AGE_AT_MOST = PKEY_AT_MOST,
	PKEY_IDLE_AT_MOST,
	PKEY_ASLEEP_AT_MOST,
	PKEY_RECORDS_AT_MOST,
	PKEY_FORGED_AT_MOST,
	PKEY_EXCHANGES_AT_MOST,
	PKEY_GENERATION_AT_MOST,
	PKEY_DEVICE,
	PKEY_UPSTREAM,
	PKEY_RESUMPTION,
	PKEY_ALERT,
	PKEY_REASON,
	PKEY_ACTION,
	PKEY_WITHIN,
	PKEY_FOR,
	PKEY_UNTIL_REGISTRATION,
	/* Of a table of expectations. */
	PKEY_FACT_NAME,
	PKEY_FACT_EVENT,
	PKEY_FACT_ENDPOINT,
	PKEY_FACT_LABELS,
	PKEY_FACT_KIND,
	PKEY_FACT_CHANNEL,
	PKEY_FACT_LISTENER,
	PKEY_FACT_SUITE,
	PKEY_FACT_STATE,
	PKEY_FACT_REGISTERED,
	PKEY_FACT_UPSTREAM_STATE,
	PKEY_FACT_NUMBER, /* in the order of enum policy_bound */
	PKEY_FACT_AGE = PKEY_FACT_NUMBER,
	PKEY_FACT_IDLE,
	PKEY_FACT_ASLEEP,
	PKEY_FACT_RECORDS,
	PKEY_FACT_FORGED,
	PKEY_FACT_EXCHANGES,
	PKEY_FACT_GENERATION,
	PKEY_FACT_EXPECT,
	PKEY_EXPECT_RULE,
	PKEY_EXPECT_DEVICE,
	PKEY_EXPECT_UPSTREAM,
	PKEY_EXPECT_RESUMPTION,
	PKEY_EXPECT_ALERT,
	PKEYS
};

/* Which groups a key may stand in. */
enum policy_place {
	IN_POLICY = 1 << 0,
	IN_RULE = 1 << 1,
	IN_DEFAULT = 1 << 2,
	IN_LEG = 1 << 3,
	IN_FACTS = 1 << 4, /* one member of `expectations` */
	IN_EXPECT = 1 << 5,
};

enum policy_type {
	PTYPE_NUMBER,
	PTYPE_TEXT,
	PTYPE_WORD,  /* one of `words` */
	PTYPE_BOOL,  /* true or false */
	PTYPE_WORDS, /* one of `words`, or several in an array */
	PTYPE_TEXTS, /* one text, or several in an array */
	PTYPE_LEG,   /* a word of an action, or a group */
	PTYPE_GROUP,
	PTYPE_LIST, /* of groups */
};

struct policy_row {
	const char *name;
	unsigned places, required; /* of enum policy_place; where it must be */
	enum policy_type type;
	uint64_t min, max; /* number: its range. Text, texts: length of each */
	const struct policy_words *words;
	const char *unit;    /* of a number; NULL: a count */
	const char *initial; /* what holds where it is not there, in words */
	const char *example; /* how it is written */
	const char *meaning;
};

enum { POLICY_TEXTS_MAX = 16 }; /* of one condition */

extern const struct policy_row policy_rows[PKEYS];

/* PKEYS: there is none of that name there. */
enum policy_key policy_key_find(const char *name, enum policy_place place);
/* The name there that looks most like it, or NULL. */
const char *policy_key_nearest(const char *name, enum policy_place place);

#endif
