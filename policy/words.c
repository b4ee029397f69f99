/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/words.h"

#include <string.h>

#include "base/suite.h"
#include "conf/keys.h"
#include "policy/policy.h"
#include "policy/say.h"

static const char *const events[POLICY_EVENTS] = {
	[POLICY_CRED_REPLACED] = "credential-replaced",
	[POLICY_CRED_REVOKED] = "credential-revoked",
	[POLICY_CRED_EXPIRED] = "credential-expired",
	[POLICY_CERT_REVOKED] = "certificate-revoked",
	[POLICY_ANCHOR_REMOVED] = "anchor-removed",
	[POLICY_MAPPING_CHANGED] = "mapping-changed",
	[POLICY_OWN_CHANGED] = "own-credential-changed",
	[POLICY_SERVER_DISTRUSTED] = "server-distrusted",
	[POLICY_AGE] = "age",
	[POLICY_IDLE] = "idle",
	[POLICY_RECORDS] = "records",
	[POLICY_FORGED] = "forged",
	[POLICY_REGISTRATION_EXPIRED] = "registration-expired",
	[POLICY_DEREGISTERED] = "deregistered",
	[POLICY_POWER_LOST] = "power-lost",
	[POLICY_MOVED] = "moved",
	[POLICY_NOSEC] = "nosec",
	[POLICY_SMS_KEY_STALE] = "sms-key-stale",
};

static const char *const actions[POLICY_ACTIONS] = {
	[POLICY_KEEP] = "keep",
	[POLICY_TEARDOWN] = "teardown",
	[POLICY_DRAIN] = "drain",
	[POLICY_REKEY_ON_WAKE] = "rekey-on-wake",
	[POLICY_QUARANTINE] = "quarantine",
	[POLICY_ALERT_ONLY] = "alert-only",
};

/* As upstream.credential has them in lwgate.conf. */
static const char *const kinds[POLICY_KINDS] = {
	[POLICY_PSK] = "psk",
	[POLICY_RAW_KEY] = "raw_public_key",
	[POLICY_CERTIFICATE] = "certificate",
	[POLICY_SMS] = "sms",
	[POLICY_NONE] = "none",
};

static const char *const channels[POLICY_CHANNELS] = {
	[POLICY_UDP_DTLS] = "udp-dtls",
	[POLICY_SMS_DTLS] = "sms-dtls",
	[POLICY_SMS_PACKET] = "sms-packet",
	[POLICY_UDP_NOSEC] = "udp-nosec",
};

static const char *const states[] = { "asleep", "awake" };
static const char *const links[] = { "down", "up" };
static const char *const resumes[] = { "keep", "refuse" };

const struct policy_words policy_words_event = { events, COUNT_OF(events) };
const struct policy_words policy_words_action = { actions, COUNT_OF(actions) };
const struct policy_words policy_words_kind = { kinds, COUNT_OF(kinds) };
const struct policy_words policy_words_channel = { channels, COUNT_OF(channels) };
const struct policy_words policy_words_state = { states, COUNT_OF(states) };
const struct policy_words policy_words_link = { links, COUNT_OF(links) };
const struct policy_words policy_words_resume = { resumes, COUNT_OF(resumes) };
/* Their names are those of base/suite. */
const struct policy_words policy_words_suite = { NULL, SUITES };

static const char *word(const struct policy_words *w, size_t number)
{
	if (number >= w->len)
		return "unknown";
	return w->words == NULL ? suites[number].name : w->words[number];
}

bool policy_word_find(const struct policy_words *w, const char *text, size_t *out)
{
	for (size_t i = 0; i < w->len; i++) {
		if (strcmp(word(w, i), text) != 0)
			continue;
		*out = i;
		return true;
	}
	return false;
}

const char *policy_word_nearest(const struct policy_words *w, const char *text)
{
	const char *best = NULL;
	size_t least = strlen(text) / 2 + 1;
	for (size_t i = 0; i < w->len; i++) {
		const size_t edits = conf_distance(text, word(w, i));
		if (edits >= least)
			continue;
		least = edits;
		best = word(w, i);
	}
	return best;
}

const char *policy_words_say(const struct policy_words *w, char *out, size_t cap)
{
	struct policy_say s = policy_say_into(out, cap);
	for (size_t i = 0; i < w->len; i++)
		policy_say(&s, "%s%s", policy_say_between(i, w->len, " or "), word(w, i));
	return out;
}

const char *policy_event_word(enum policy_event e)
{
	return word(&policy_words_event, e);
}

const char *policy_action_word(enum policy_action a)
{
	return word(&policy_words_action, a);
}

const char *policy_kind_word(enum policy_kind k)
{
	return word(&policy_words_kind, k);
}

const char *policy_channel_word(enum policy_channel c)
{
	return word(&policy_words_channel, c);
}

bool policy_event_of(const char *text, enum policy_event *out)
{
	size_t number = 0;
	if (!policy_word_find(&policy_words_event, text, &number))
		return false;
	*out = (enum policy_event)number;
	return true;
}
