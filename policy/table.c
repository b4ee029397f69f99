/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <inttypes.h>

#include "policy/keys.h"

static const char *const events[POLICY_EVENTS] = {
	[POLICY_CRED_REPLACED] = "Another secret, key or name is the endpoint's now.",
	[POLICY_CRED_REVOKED] = "Its credential was withdrawn, or removed from the file.",
	[POLICY_CRED_EXPIRED] = "The time of its credential, or of its certificate, is over.",
	[POLICY_CERT_REVOKED] = "A revocation list that was read names its certificate.",
	[POLICY_ANCHOR_REMOVED] = "Nothing vouches for its certificate any more.",
	[POLICY_MAPPING_CHANGED] =
		("Its endpoint, its labels or its right to fetch firmware are others. (Another "
		 "purpose is another credential: the old one is revoked.)"),
	[POLICY_OWN_CHANGED] = "The gateway's own key or certificate is another.",
	[POLICY_SERVER_DISTRUSTED] = "The server's key, pin or anchor is not taken any more.",
	[POLICY_AGE] = "A bound of age_at_least_s is reached.",
	[POLICY_IDLE] = "A bound of idle_at_least_s is reached.",
	[POLICY_RECORDS] =
		"A bound of records_at_least is reached, or what its cipher suite allows.",
	[POLICY_FORGED] = "A bound of forged_at_least is reached, or what its cipher suite allows.",
	[POLICY_REGISTRATION_EXPIRED] = "The lifetime of its registration is over.",
	[POLICY_DEREGISTERED] = "It has ended its registration.",
	[POLICY_POWER_LOST] = "Its first record after a start that may have lost some.",
	[POLICY_MOVED] = "Its address is another.",
	[POLICY_NOSEC] = "It comes without DTLS, from a network that is allowed to.",
	[POLICY_SMS_KEY_STALE] =
		"It has used keys of SMS packets that were superseded, or have ended.",
};

static const char *const actions[POLICY_ACTIONS] = {
	[POLICY_KEEP] =
		"Nothing changes; with for_s or until_registration, until then: after that, "
		"teardown.",
	[POLICY_TEARDOWN] =
		"The association is closed now, awake or asleep, and nothing of it is "
		"forwarded any more. A device that is asleep is told at its next record.",
	[POLICY_DRAIN] = "No new exchange begins; those under way may end within within_s; then "
			 "teardown. Not of a rule for state = \"asleep\".",
	[POLICY_REKEY_ON_WAKE] =
		"Of the device's leg: its next record is not forwarded, but answered with the end "
		"of "
		"the association, so that it makes a new handshake. A session that is awake is "
		"drained within within_s; a device without DTLS is torn down.",
	[POLICY_QUARANTINE] =
		"Of the device's leg: its association stays, and the device is told "
		"5.03 (Service Unavailable) to all it asks, until the reason is gone; "
		"after for_s, teardown. The upstream leg is then \"teardown\".",
	[POLICY_ALERT_ONLY] = "Of both legs: nothing changes, but an operator is told.",
};

/* In man source a '-' is a hyphen, a '\' begins an escape and a quote or dot at the start of a line
   is a request; none of them may stand bare. */
static void put(FILE *to, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '-' || *c == '\\')
			(void)fputc('\\', to);
		if (*c == '\'')
			(void)fputs("\\(aq", to);
		else
			(void)fputc(*c, to);
	}
}

static void put_type(FILE *to, const struct policy_row *r)
{
	char words[512];
	switch (r->type) {
	case PTYPE_NUMBER:
		(void)fprintf(to, "number%s%s, %" PRIu64 " to %" PRIu64,
			r->unit == NULL ? "" : " of ", r->unit == NULL ? "" : r->unit, r->min,
			r->max);
		return;
	case PTYPE_TEXT:
		(void)fprintf(to, "text, at most %" PRIu64 " bytes", r->max);
		return;
	case PTYPE_TEXTS:
		(void)fprintf(to, "text of at most %" PRIu64 " bytes, or an array of at most %d",
			r->max, POLICY_TEXTS_MAX);
		return;
	case PTYPE_WORD:
	case PTYPE_WORDS:
		if (r->words == &policy_words_event || r->words == &policy_words_action ||
			r->words == &policy_words_suite)
			(void)fputs("a word", to);
		else
			put(to, policy_words_say(r->words, words, sizeof(words)));
		if (r->type == PTYPE_WORDS)
			(void)fputs("; or an array of them", to);
		return;
	case PTYPE_BOOL:
		(void)fputs("true or false", to);
		return;
	case PTYPE_LEG:
		(void)fputs("a word, or a group", to);
		return;
	case PTYPE_GROUP:
		(void)fputs("group", to);
		return;
	case PTYPE_LIST:
		(void)fprintf(to, "list of at most %" PRIu64 " groups", r->max);
		return;
	}
}

static void put_place(FILE *to, enum policy_place place)
{
	for (size_t i = 0; i < PKEYS; i++) {
		const struct policy_row *r = &policy_rows[i];
		if ((r->places & (unsigned)place) == 0)
			continue;
		(void)fprintf(to, ".TP\n.B %s\n(", r->name);
		put_type(to, r);
		if (r->initial == NULL) {
			(void)fputs("; required", to);
		} else {
			(void)fputs("; default ", to);
			put(to, r->initial);
		}
		(void)fputs(")\n.br\n", to);
		put(to, r->meaning);
		(void)fputc('\n', to);
	}
}

static void put_words(
	FILE *to, const char *title, const struct policy_words *w, const char *const *meanings)
{
	(void)fprintf(to, ".SS %s\n", title);
	for (size_t i = 0; i < w->len; i++) {
		(void)fputs(".TP\n.B ", to);
		put(to, w->words[i]);
		(void)fputc('\n', to);
		put(to, meanings[i]);
		(void)fputc('\n', to);
	}
}

void policy_print_table(FILE *to)
{
	static const struct {
		enum policy_place place;
		const char *title;
	} parts[] = {
		{ IN_POLICY, "The group policy" },
		{ IN_RULE, "A rule" },
		{ IN_LEG, "A leg" },
		{ IN_FACTS, "A member of expectations" },
		{ IN_EXPECT, "The group expect" },
	};
	put_words(to, "Events", &policy_words_event, events);
	put_words(to, "Actions", &policy_words_action, actions);
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		(void)fprintf(to, ".SS %s\n", parts[i].title);
		put_place(to, parts[i].place);
	}
}
