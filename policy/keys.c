/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/keys.h"

#include <string.h>

#include "conf/keys.h"
#include "policy/box.h"
#include "policy/policy.h"

/* What libconfig can read, and a file can say. */
#define MOST ((uint64_t)INT64_MAX)
enum { BOUND_S_MAX = 366 * 86400 };

#define AT_LEAST(key, top, of, what)                                                               \
	{                                                                                          \
		.name = (key), .places = IN_RULE, .type = PTYPE_NUMBER, .min = 1, .max = (top),    \
		.unit = (of), .initial = "any", .example = key " = 1;",                            \
		.meaning = "Condition: " what ", at least."                                        \
	}
#define AT_MOST(key, top, of, what)                                                                \
	{                                                                                          \
		.name = (key), .places = IN_RULE, .type = PTYPE_NUMBER, .min = 0, .max = (top),    \
		.unit = (of), .initial = "any", .example = key " = 1;",                            \
		.meaning = "Condition: " what ", at most."                                         \
	}
#define FACT_NUMBER(key, top, of, what)                                                            \
	{                                                                                          \
		.name = (key), .places = IN_FACTS, .type = PTYPE_NUMBER, .min = 0, .max = (top),   \
		.unit = (of), .initial = "0", .example = key " = 1;", .meaning = (what)            \
	}
#define AGE        "time since the full handshake (a resumed session has the age of its first one)"
#define IDLE       "time since the last record of the device"
#define ASLEEP     "time for which the device has been asleep"
#define RECORDS    "records under one key, in one direction"
#define FORGED     "records under one key whose tag was wrong"
#define EXCHANGES  "exchanges under way"
#define GENERATION "generation of the credential under which the session was authenticated"

#define BOTH (IN_RULE | IN_DEFAULT)

const struct policy_row policy_rows[PKEYS] = {
	[PKEY_RULES] = { "rules", IN_POLICY, IN_POLICY, PTYPE_LIST, 0, POLICY_RULES_MAX, NULL, NULL,
		NULL, "rules = ( );",
		"The rules, in the order in which they are looked at: the first whose conditions "
		"all hold decides, and none after it has an effect." },
	[PKEY_DEFAULT] = { "default", IN_POLICY, IN_POLICY, PTYPE_GROUP, 0, 0, NULL, NULL, NULL,
		"default = { device = \"keep\"; upstream = \"keep\"; };",
		"What is decided where no rule does. It has no name and no conditions." },
	[PKEY_NAME] = { "name", IN_RULE, IN_RULE, PTYPE_TEXT, 1, POLICY_NAME_MAX, NULL, NULL, NULL,
		"name = \"stolen-keys\";",
		"Name of the rule, which every decision is told with: letters, digits, '.', '_' "
		"and '-'. No two rules have the same, and none is called \"default\"." },
	[PKEY_EVENTS] = { "events", IN_RULE, IN_RULE, PTYPE_WORDS, 0, 0, &policy_words_event, NULL,
		NULL, "events = [ \"credential-revoked\" ];",
		"Condition: what has happened is one of these, see Events. \"any\" is all of "
		"them." },
	[PKEY_ENDPOINT] = { "endpoint", IN_RULE, 0, PTYPE_TEXTS, 1, POLICY_PATTERN_MAX, NULL, NULL,
		"any", "endpoint = [ \"urn:imei:*\" ];",
		"Condition: the endpoint's name fits one of these patterns; '*' is any octets or "
		"none, '?' is one." },
	[PKEY_LABELS] = { "labels", IN_RULE, 0, PTYPE_TEXTS, 1, POLICY_LABEL_MAX, NULL, NULL, "any",
		"labels = [ \"meter\" ];", "Condition: the endpoint has all these labels." },
	[PKEY_ANY_LABEL] = { "any_label", IN_RULE, 0, PTYPE_TEXTS, 1, POLICY_LABEL_MAX, NULL, NULL,
		"any", "any_label = [ \"water\", \"gas\" ];",
		"Condition: the endpoint has at least one of these labels." },
	[PKEY_WITHOUT_LABEL] = { "without_label", IN_RULE, 0, PTYPE_TEXTS, 1, POLICY_LABEL_MAX,
		NULL, NULL, "any", "without_label = [ \"pilot\" ];",
		"Condition: the endpoint has none of these labels." },
	[PKEY_KIND] = { "kind", IN_RULE, 0, PTYPE_WORDS, 0, 0, &policy_words_kind, NULL, "any",
		"kind = [ \"psk\" ];",
		"Condition: what the device was authenticated with. \"sms\" are keys of SMS "
		"packets, \"none\" is a device without DTLS." },
	[PKEY_CHANNEL] = { "channel", IN_RULE, 0, PTYPE_WORDS, 0, 0, &policy_words_channel, NULL,
		"any", "channel = [ \"udp-dtls\" ];", "Condition: the way on which it comes." },
	[PKEY_LISTENER] = { "listener", IN_RULE, 0, PTYPE_TEXTS, 1, POLICY_LISTENER_MAX, NULL, NULL,
		"any", "listener = [ \"0.0.0.0:5684\" ];",
		"Condition: the listener at which it comes, address and port. A policy names at "
		"most 16 of them." },
	[PKEY_SUITE] = { "suite", IN_RULE, 0, PTYPE_WORDS, 0, 0, &policy_words_suite, NULL, "any",
		"suite = [ \"TLS_PSK_WITH_AES_128_CCM_8\" ];",
		"Condition: the cipher suite, by its IANA name." },
	[PKEY_STATE] = { "state", IN_RULE, 0, PTYPE_WORD, 0, 0, &policy_words_state, NULL, "any",
		"state = \"asleep\";",
		"Condition: the session is in memory, or has been put away until its next "
		"record." },
	[PKEY_REGISTERED] = { "registered", IN_RULE, 0, PTYPE_BOOL, 0, 0, NULL, NULL, "any",
		"registered = true;", "Condition: the device has a registration that lives." },
	[PKEY_UPSTREAM_STATE] = { "upstream_state", IN_RULE, 0, PTYPE_WORD, 0, 0,
		&policy_words_link, NULL, "any", "upstream_state = \"up\";",
		"Condition: the device has an association with the server, or has none." },
	[PKEY_AGE_AT_LEAST] = AT_LEAST("age_at_least_s", MOST, "s", AGE),
	[PKEY_IDLE_AT_LEAST] = AT_LEAST("idle_at_least_s", MOST, "s", IDLE),
	[PKEY_ASLEEP_AT_LEAST] = AT_LEAST("asleep_at_least_s", MOST, "s", ASLEEP),
	[PKEY_RECORDS_AT_LEAST] = AT_LEAST("records_at_least", MOST, NULL, RECORDS),
	[PKEY_FORGED_AT_LEAST] = AT_LEAST("forged_at_least", MOST, NULL, FORGED),
	[PKEY_EXCHANGES_AT_LEAST] = AT_LEAST("exchanges_at_least", UINT32_MAX, NULL, EXCHANGES),
	[PKEY_GENERATION_AT_LEAST] = AT_LEAST("generation_at_least", MOST, NULL, GENERATION),
	[PKEY_AGE_AT_MOST] = AT_MOST("age_at_most_s", MOST, "s", AGE),
	[PKEY_IDLE_AT_MOST] = AT_MOST("idle_at_most_s", MOST, "s", IDLE),
	[PKEY_ASLEEP_AT_MOST] = AT_MOST("asleep_at_most_s", MOST, "s", ASLEEP),
	[PKEY_RECORDS_AT_MOST] = AT_MOST("records_at_most", MOST, NULL, RECORDS),
	[PKEY_FORGED_AT_MOST] = AT_MOST("forged_at_most", MOST, NULL, FORGED),
	[PKEY_EXCHANGES_AT_MOST] = AT_MOST("exchanges_at_most", UINT32_MAX - 1, NULL, EXCHANGES),
	[PKEY_GENERATION_AT_MOST] = AT_MOST("generation_at_most", MOST, NULL, GENERATION),
	[PKEY_DEVICE] = { "device", BOTH, BOTH, PTYPE_LEG, 0, 0, &policy_words_action, NULL, NULL,
		"device = \"teardown\";",
		"What is done with the device's association: the word of an action, or a group of "
		"the keys of a leg." },
	[PKEY_UPSTREAM] = { "upstream", BOTH, BOTH, PTYPE_LEG, 0, 0, &policy_words_action, NULL,
		NULL, "upstream = \"keep\";",
		"What is done with the device's association with the server, as device." },
	[PKEY_RESUMPTION] = { "resumption", BOTH, 0, PTYPE_WORD, 0, 0, &policy_words_resume, NULL,
		"\"keep\" where both legs are kept or it is alert-only, else \"refuse\"",
		"resumption = \"refuse\";",
		"\"refuse\": what could be resumed by the short handshake is dropped, and the "
		"device makes a full one." },
	[PKEY_ALERT] = { "alert", BOTH, 0, PTYPE_BOOL, 0, 0, NULL, NULL,
		"true with alert-only, else false", "alert = true;",
		"Besides the event, an operator is to be told at once." },
	[PKEY_REASON] = { "reason", BOTH, 0, PTYPE_TEXT, 1, POLICY_REASON_MAX, NULL, NULL,
		"a text that says that none is given", "reason = \"the keys were stolen\";",
		"Why, for those who read the event." },
	[PKEY_ACTION] = { "action", IN_LEG, IN_LEG, PTYPE_WORD, 0, 0, &policy_words_action, NULL,
		NULL, "action = \"drain\";", "What is done, see Actions." },
	[PKEY_WITHIN] = { "within_s", IN_LEG, 0, PTYPE_NUMBER, 1, 86400, NULL, "s",
		"required with drain, 30 with rekey-on-wake", "within_s = 30;",
		"Of drain and rekey-on-wake: when exchanges that are under way are cut." },
	[PKEY_FOR] = { "for_s", IN_LEG, 0, PTYPE_NUMBER, 1, BOUND_S_MAX, NULL, "s",
		"required with quarantine, without end with keep", "for_s = 86400;",
		"Of keep and quarantine: when the leg is torn down." },
	[PKEY_UNTIL_REGISTRATION] = { "until_registration", IN_LEG, 0, PTYPE_BOOL, 0, 0, NULL, NULL,
		"false", "until_registration = true;",
		"Of keep: the leg is torn down when the registration ends. Only in a rule with "
		"registered = true." },
	[PKEY_FACT_NAME] = { "name", IN_FACTS, 0, PTYPE_TEXT, 1, POLICY_NAME_MAX, NULL, NULL,
		"its place in the list", "name = \"a stolen meter\";", "What it is told as." },
	[PKEY_FACT_EVENT] = { "event", IN_FACTS, IN_FACTS, PTYPE_WORD, 0, 0, &policy_words_event,
		NULL, NULL, "event = \"credential-revoked\";", "What has happened, see Events." },
	[PKEY_FACT_ENDPOINT] = { "endpoint", IN_FACTS, IN_FACTS, PTYPE_TEXT, 0, 255, NULL, NULL,
		NULL, "endpoint = \"urn:imei:1\";", "Name of the endpoint." },
	[PKEY_FACT_LABELS] = { "labels", IN_FACTS, 0, PTYPE_TEXTS, 1, POLICY_LABEL_MAX, NULL, NULL,
		"none", "labels = [ \"meter\" ];", "Its labels." },
	[PKEY_FACT_KIND] = { "kind", IN_FACTS, 0, PTYPE_WORD, 0, 0, &policy_words_kind, NULL,
		"\"psk\"", "kind = \"psk\";", "What it was authenticated with." },
	[PKEY_FACT_CHANNEL] = { "channel", IN_FACTS, 0, PTYPE_WORD, 0, 0, &policy_words_channel,
		NULL, "\"udp-dtls\"", "channel = \"udp-dtls\";", "The way on which it comes." },
	[PKEY_FACT_LISTENER] = { "listener", IN_FACTS, 0, PTYPE_TEXT, 1, POLICY_LISTENER_MAX, NULL,
		NULL, "none that a rule names", "listener = \"0.0.0.0:5684\";",
		"The listener at which it comes." },
	[PKEY_FACT_SUITE] = { "suite", IN_FACTS, 0, PTYPE_WORD, 0, 0, &policy_words_suite, NULL,
		"none that a rule names", "suite = \"TLS_PSK_WITH_AES_128_CCM_8\";",
		"The cipher suite." },
	[PKEY_FACT_STATE] = { "state", IN_FACTS, 0, PTYPE_WORD, 0, 0, &policy_words_state, NULL,
		"\"awake\"", "state = \"asleep\";", "In memory, or put away." },
	[PKEY_FACT_REGISTERED] = { "registered", IN_FACTS, 0, PTYPE_BOOL, 0, 0, NULL, NULL,
		"true, but not with registration-expired and deregistered", "registered = true;",
		"The device has a registration, after what happened." },
	[PKEY_FACT_UPSTREAM_STATE] = { "upstream_state", IN_FACTS, 0, PTYPE_WORD, 0, 0,
		&policy_words_link, NULL, "\"up\"", "upstream_state = \"up\";",
		"It has an association with the server, or not." },
	[PKEY_FACT_AGE] = FACT_NUMBER("age_s", MOST, "s", "Time since the full handshake."),
	[PKEY_FACT_IDLE] = FACT_NUMBER("idle_s", MOST, "s", "Time since its last record."),
	[PKEY_FACT_ASLEEP] = FACT_NUMBER("asleep_s", MOST, "s", "For how long it has been asleep."),
	[PKEY_FACT_RECORDS] = FACT_NUMBER("records", MOST, NULL, "Records under one key."),
	[PKEY_FACT_FORGED] = FACT_NUMBER("forged", MOST, NULL, "Records whose tag was wrong."),
	[PKEY_FACT_EXCHANGES] = FACT_NUMBER("exchanges", UINT32_MAX, NULL, "Exchanges under way."),
	[PKEY_FACT_GENERATION] =
		FACT_NUMBER("generation", MOST, NULL, "Generation of its credential."),
	[PKEY_FACT_EXPECT] = { "expect", IN_FACTS, IN_FACTS, PTYPE_GROUP, 0, 0, NULL, NULL, NULL,
		"expect = { rule = \"stolen-keys\"; };",
		"What is expected of the decision: a group of at least one of the keys below." },
	[PKEY_EXPECT_RULE] = { "rule", IN_EXPECT, 0, PTYPE_TEXT, 1, POLICY_NAME_MAX, NULL, NULL,
		"any", "rule = \"stolen-keys\";",
		"Which rule decides; \"default\" where none does." },
	[PKEY_EXPECT_DEVICE] = { "device", IN_EXPECT, 0, PTYPE_LEG, 0, 0, &policy_words_action,
		NULL, "any", "device = \"teardown\";",
		"What is done with the device's leg. A word is the action with any bounds; a group "
		"is the action and these bounds." },
	[PKEY_EXPECT_UPSTREAM] = { "upstream", IN_EXPECT, 0, PTYPE_LEG, 0, 0, &policy_words_action,
		NULL, "any", "upstream = \"keep\";", "So for the upstream leg." },
	[PKEY_EXPECT_RESUMPTION] = { "resumption", IN_EXPECT, 0, PTYPE_WORD, 0, 0,
		&policy_words_resume, NULL, "any", "resumption = \"refuse\";",
		"Whether it can be resumed." },
	[PKEY_EXPECT_ALERT] = { "alert", IN_EXPECT, 0, PTYPE_BOOL, 0, 0, NULL, NULL, "any",
		"alert = true;", "Whether an operator is told." },
};

enum policy_key policy_key_find(const char *name, enum policy_place place)
{
	for (size_t i = 0; i < PKEYS; i++) {
		if ((policy_rows[i].places & (unsigned)place) != 0 &&
			strcmp(policy_rows[i].name, name) == 0)
			return (enum policy_key)i;
	}
	return PKEYS;
}

const char *policy_key_nearest(const char *name, enum policy_place place)
{
	const char *best = NULL;
	size_t least = strlen(name) / 2 + 1;
	for (size_t i = 0; i < PKEYS; i++) {
		if ((policy_rows[i].places & (unsigned)place) == 0)
			continue;
		const size_t edits = conf_distance(name, policy_rows[i].name);
		if (edits >= least)
			continue;
		least = edits;
		best = policy_rows[i].name;
	}
	return best;
}
