/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/sms_keys.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/attr.h"
#include "ctl/json.h"
#include "ctl/show_time.h"

static const char *const set_names[CTL_KEY_SETS] = { "current", "next", "stale" };
static const char *const counted_names[CTL_KEYS_COUNTED] = { "asked", "delivered", "proved",
	"refused" };

/* --- text ------------------------------------------------------------------------------------- */

/* "in 5m00s", or "overdue" as it is said of what has no "in". */
static void put_left(struct ctl_out *o, int64_t in_s, const char *over)
{
	char text[CTL_TIME_MAX];
	if (in_s < 0)
		ctl_out_text(o, over);
	else
		ctl_out_form(o, "in %s", ctl_left_text(in_s, text));
}

static void set_text(struct ctl_out *o, const char *name, const struct ctl_key_set *s)
{
	char since[CTL_TIME_MAX], left[CTL_TIME_MAX];
	if (s->generation == 0) {
		ctl_out_form(o, "%-8s %10s\n", name, "none");
		return;
	}
	ctl_out_form(o,
		"%-8s %10" PRIu32 "  %-11s %-10s %10s %10s  %02x  %02x  %4u %10" PRIu64
		" %10" PRIu64 "\n",
		name, s->generation, s->origin, s->profile, ctl_time_text(s->since_ms_ago, since),
		!s->ends           ? "never"
		: s->ends_in_s < 0 ? "over"
				   : ctl_left_text(s->ends_in_s, left),
		s->kic, s->kid, s->octets * 8U / 2, s->counter_in, s->counter_out);
}

static void state_text(struct ctl_out *o, const struct ctl_sms_keys *k)
{
	ctl_out_form(o, "%-16s %s%s\n", "keys",
		k->renew[0] != '\0' ? "renewed by " : "the credential's own, not renewed",
		k->renew);
	ctl_out_form(o, "%-16s %s%s\n", "state", k->state,
		k->is_stored ? "" : " (nothing has happened yet)");
	ctl_out_form(o, "%-16s ", "last failure");
	ctl_out_clean(o, k->cause[0] != '\0' ? k->cause : "-");
	ctl_out_form(o, "\n%-16s ", "next step");
	if (k->is_due)
		put_left(o, k->due_in_s, "now");
	else
		ctl_out_text(o, "when something happens");
	ctl_out_form(o, "\n%-16s ", "registration");
	if (k->lifetime_s != 0)
		ctl_out_form(o, "lifetime %" PRIu32 " s\n", k->lifetime_s);
	else
		ctl_out_text(o, "lifetime not known\n");
}

static void show_text(struct ctl_out *o, const struct ctl_sms_keys *k)
{
	ctl_out_form(o, "%-16s ", "endpoint");
	ctl_out_clean(o, k->endpoint);
	ctl_out_text(o, "\n");
	state_text(o, k);
	ctl_out_form(o, "%-16s %" PRIu32 " of %" PRIu32 "%s\n", "deliveries", k->deliveries,
		k->deliveries_max, k->message ? ", a message is under way" : "");
	ctl_out_form(o, "%-16s %" PRIu32 " in a row\n", "failed questions", k->failed);
	ctl_out_form(o, "%-16s %" PRIu32, "refreshes", k->begun);
	if (k->begun_max != 0)
		ctl_out_form(o, " of %" PRIu32, k->begun_max);
	ctl_out_form(o, " in this hour\n%-16s", "counted");
	for (size_t i = 0; i < CTL_KEYS_COUNTED; i++)
		ctl_out_form(
			o, "%s %s %" PRIu64, i > 0 ? "," : "", counted_names[i], k->counted[i]);
	ctl_out_form(o, "\n\n%-8s %10s  %-11s %-10s %10s %10s  %3s %3s %4s %10s %10s\n", "SET",
		"GENERATION", "ORIGIN", "PROFILE", "SINCE", "ENDS IN", "KIC", "KID", "BITS",
		"COUNTER IN", "OUT");
	for (size_t i = 0; i < CTL_KEY_SETS; i++)
		set_text(o, set_names[i], &k->sets[i]);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_text(struct ctl_json *j, const char *key, const char *text)
{
	ctl_json_key(j, key);
	if (text[0] != '\0')
		ctl_json_text(j, text);
	else
		ctl_json_null(j);
}

static void json_number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

static void json_left(struct ctl_json *j, const char *key, bool is, int64_t in_s)
{
	ctl_json_key(j, key);
	if (is)
		ctl_json_signed(j, in_s);
	else
		ctl_json_null(j);
}

static void json_octet(struct ctl_json *j, const char *key, uint8_t n)
{
	char text[3];
	(void)snprintf(text, sizeof(text), "%02x", n);
	json_text(j, key, text);
}

static void json_set(struct ctl_json *j, const char *name, const struct ctl_key_set *s)
{
	ctl_json_key(j, name);
	if (s->generation == 0) {
		ctl_json_null(j);
		return;
	}
	ctl_json_begin(j, '{');
	json_number(j, "generation", s->generation);
	json_text(j, "origin", s->origin);
	json_text(j, "profile", s->profile);
	json_octet(j, "kic", s->kic);
	json_octet(j, "kid", s->kid);
	json_number(j, "key_octets", s->octets);
	json_number(j, "age_s", s->since_ms_ago / 1000);
	json_left(j, "ends_in_s", s->ends, s->ends_in_s);
	json_number(j, "counter_in", s->counter_in);
	json_number(j, "counter_out", s->counter_out);
	ctl_json_end(j, '}');
}

static void show_json(struct ctl_out *o, const struct ctl_sms_keys *k)
{
	struct ctl_json j = { .out = o };
	ctl_json_begin(&j, '{');
	json_text(&j, "endpoint", k->endpoint);
	json_text(&j, "renew", k->renew);
	ctl_json_key(&j, "stored");
	ctl_json_bool(&j, k->is_stored);
	json_text(&j, "state", k->state);
	json_text(&j, "cause", k->cause);
	json_left(&j, "due_in_s", k->is_due, k->due_in_s);
	json_number(&j, "lifetime_s", k->lifetime_s);
	json_number(&j, "deliveries", k->deliveries);
	json_number(&j, "deliveries_max", k->deliveries_max);
	ctl_json_key(&j, "message");
	ctl_json_bool(&j, k->message);
	json_number(&j, "failed_questions", k->failed);
	json_number(&j, "refreshes", k->begun);
	json_number(&j, "refreshes_max", k->begun_max);
	for (size_t i = 0; i < CTL_KEYS_COUNTED; i++)
		json_number(&j, counted_names[i], k->counted[i]);
	for (size_t i = 0; i < CTL_KEY_SETS; i++)
		json_set(&j, set_names[i], &k->sets[i]);
	ctl_json_end(&j, '}');
	ctl_out_text(o, "\n");
}

void ctl_show_sms_keys(struct ctl_out *o, enum ctl_form form, const struct ctl_sms_keys *k)
{
	if (form == CTL_JSON)
		show_json(o, k);
	else
		show_text(o, k);
}
