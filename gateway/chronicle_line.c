/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/chronicle_parts.h"

#include "ctl/json.h"
#include "ctl/out.h"
#include "sms/keyset.h"

#include <string.h>
#include <time.h>

enum { MS = 1000, YEAR_0 = 1900 };

static const char *const outcomes[] = {
	[GW_DECIDED] = "decided",
	[GW_DONE] = "done",
	[GW_KEPT] = "kept",
	[GW_FAILED] = "failed",
};

const char *gw_outcome_word(enum gw_outcome o)
{
	return (size_t)o < COUNT_OF(outcomes) ? outcomes[o] : "unknown";
}

static const char *const learned[] = {
	[GW_ENTRY_STAGED] = "credential-staged",
	[GW_ENTRY_ARMED] = "credential-armed",
	[GW_ENTRY_LEARNED] = "credential-learned",
	[GW_ENTRY_NOT_LEARNED] = "learning-refused",
	[GW_ENTRY_LAPSED] = "learning-lapsed",
};

const char *gw_learned_word(enum gw_entry_kind k)
{
	return k > GW_ENTRY_DECISION && (size_t)k < COUNT_OF(learned) ? learned[k] : "unknown";
}

const char *gw_credential_word(uint8_t kind)
{
	static const char *const words[] = {
		[STORE_CRED_PSK] = "psk",
		[STORE_CRED_RAW_KEY] = "public_key",
		[STORE_CRED_CERTIFICATE] = "certificate",
		[STORE_CRED_NOSEC] = "nosec",
		[STORE_CRED_SMS] = "sms",
	};
	return kind < COUNT_OF(words) ? words[kind] : NULL;
}

/* RFC 3339, in UTC, with milliseconds. */
static void put_time(struct ctl_json *j, uint64_t wall_ms)
{
	struct tm tm;
	char text[GW_TIME_LEN];
	const time_t s = (time_t)(wall_ms / MS);
	ctl_json_key(j, "time");
	if (!gmtime_r(&s, &tm) ||
		snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ",
			tm.tm_year + YEAR_0, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			tm.tm_sec, (unsigned)(wall_ms % MS)) >= (int)sizeof(text)) {
		ctl_json_null(j);
		return;
	}
	ctl_json_text(j, text);
}

static void put_text(struct ctl_json *j, const char *key, const char *text)
{
	ctl_json_key(j, key);
	ctl_json_text(j, text);
}

/* As the policy's file calls the bound of an action. */
static const char *bound_key(enum policy_action a)
{
	return a == POLICY_KEEP || a == POLICY_QUARANTINE ? "for_s" : "within_s";
}

static void put_leg(struct ctl_json *j, const char *key, const struct policy_leg *leg)
{
	ctl_json_key(j, key);
	ctl_json_begin(j, '{');
	put_text(j, "action", policy_action_word(leg->action));
	if (leg->bound_s > 0) {
		ctl_json_key(j, bound_key(leg->action));
		ctl_json_number(j, leg->bound_s);
	}
	if (leg->until_registration) {
		ctl_json_key(j, "until_registration");
		ctl_json_bool(j, true);
	}
	ctl_json_end(j, '}');
}

static void put_learned(struct ctl_json *j, const struct gw_entry *e)
{
	const char *const kind = gw_credential_word(e->credential);
	ctl_json_begin(j, '{');
	put_time(j, e->wall_ms);
	put_text(j, "endpoint", e->endpoint);
	put_text(j, "event", gw_learned_word(e->kind));
	if (kind)
		put_text(j, "kind", kind);
	put_text(j, "reason", e->reason);
	if (e->new_generation > 0) {
		ctl_json_key(j, "generation");
		ctl_json_number(j, e->new_generation);
	}
	ctl_json_end(j, '}');
}

static void put_keys(struct ctl_json *j, const struct gw_entry *e)
{
	ctl_json_begin(j, '{');
	put_time(j, e->wall_ms);
	put_text(j, "endpoint", e->endpoint);
	put_text(j, "event", "sms-keys");
	put_text(j, "was", keyset_state_name(e->was));
	put_text(j, "is", keyset_state_name(e->is));
	ctl_json_key(j, "generation");
	ctl_json_number(j, e->new_generation);
	ctl_json_key(j, "cause");
	if (e->reason[0] != '\0')
		ctl_json_text(j, e->reason);
	else
		ctl_json_null(j);
	ctl_json_end(j, '}');
}

static void put_decision(struct ctl_json *j, const struct gw_entry *e)
{
	ctl_json_begin(j, '{');
	put_time(j, e->wall_ms);
	put_text(j, "endpoint", e->endpoint);
	put_text(j, "event", policy_event_word(e->event));
	put_text(j, "rule", e->rule);
	put_text(j, "reason", e->reason);
	put_leg(j, "device", &e->device);
	put_leg(j, "upstream", &e->upstream);
	put_text(j, "resumption", e->refuse_resumption ? "refuse" : "keep");
	ctl_json_key(j, "alert");
	ctl_json_bool(j, e->alert);
	ctl_json_key(j, "old_generation");
	ctl_json_number(j, e->old_generation);
	ctl_json_key(j, "new_generation");
	ctl_json_number(j, e->new_generation);
	ctl_json_key(j, "asleep");
	ctl_json_bool(j, e->asleep);
	put_text(j, "outcome", gw_outcome_word(e->outcome));
	ctl_json_end(j, '}');
}

/* Takes o. */
static size_t finish(struct ctl_out *o, char *out, size_t cap)
{
	size_t len = 0;
	ctl_out_bytes(o, "\n", 1);
	if (!o->bad && o->len <= cap) {
		len = o->len;
		memcpy(out, o->data, len);
	}
	ctl_out_fini(o);
	return len;
}

size_t gw_entry_line(const struct gw_entry *e, char *out, size_t cap)
{
	struct ctl_out o = { 0 };
	struct ctl_json j = { .out = &o };
	if (e->kind == GW_ENTRY_DECISION)
		put_decision(&j, e);
	else if (e->kind == GW_ENTRY_SMS_KEYS)
		put_keys(&j, e);
	else
		put_learned(&j, e);
	return finish(&o, out, cap);
}

size_t gw_lost_line(uint64_t wall_ms, uint64_t lost, char *out, size_t cap)
{
	struct ctl_out o = { 0 };
	struct ctl_json j = { .out = &o };
	ctl_json_begin(&j, '{');
	put_time(&j, wall_ms);
	ctl_json_key(&j, "lost");
	ctl_json_number(&j, lost);
	ctl_json_end(&j, '}');
	return finish(&o, out, cap);
}
