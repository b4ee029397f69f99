/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show_policy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/suite.h"
#include "ctl/json.h"
#include "ctl/show_time.h"
#include "policy/expect.h"

enum { WHY_MAX = 512, DECISION_MAX = 256 };

/* --- pieces of JSON --------------------------------------------------------------------------- */

static void json_text(struct ctl_json *j, const char *key, const char *text)
{
	ctl_json_key(j, key);
	ctl_json_text(j, text);
}

static void json_number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

static void json_bool(struct ctl_json *j, const char *key, bool b)
{
	ctl_json_key(j, key);
	ctl_json_bool(j, b);
}

void ctl_json_rules(struct ctl_json *j, const char *key, const struct ctl_rules *r)
{
	ctl_json_key(j, key);
	ctl_json_begin(j, '{');
	json_text(j, "file", r->name);
	json_number(j, "rules", policy_rules(r->policy));
	ctl_json_end(j, '}');
}

void ctl_json_rule(struct ctl_json *j, const struct policy *p, size_t number)
{
	json_text(j, "rule", policy_rule_name(p, number));
	json_number(j, "line", policy_rule_line(p, number));
}

/* The bound is called as in the file. */
static void json_leg(struct ctl_json *j, const char *key, const struct policy_leg *l)
{
	const bool within = l->action == POLICY_DRAIN || l->action == POLICY_REKEY_ON_WAKE;
	ctl_json_key(j, key);
	ctl_json_begin(j, '{');
	json_text(j, "action", policy_action_word(l->action));
	if (within)
		json_number(j, "within_s", l->bound_s);
	else if (l->bound_s > 0)
		json_number(j, "for_s", l->bound_s);
	if (l->until_registration)
		json_bool(j, "until_registration", true);
	ctl_json_end(j, '}');
}

static void json_decision(
	struct ctl_json *j, const struct policy *p, const struct policy_decision *d)
{
	ctl_json_rule(j, p, d->number);
	json_text(j, "reason", d->reason);
	json_leg(j, "device", &d->device);
	json_leg(j, "upstream", &d->upstream);
	json_text(j, "resumption", d->refuse_resumption ? "refuse" : "keep");
	json_bool(j, "alert", d->alert);
}

/* --- the text in force ------------------------------------------------------------------------ */

/* Taken as a file again, it is the same policy. */
void ctl_show_rules(struct ctl_out *o, enum ctl_form form, const struct ctl_rules *r)
{
	struct ctl_json j = { .out = o };
	const size_t rules = policy_rules(r->policy);
	if (form == CTL_TEXT) {
		ctl_out_text(o, "# ");
		ctl_out_clean(o, r->name);
		ctl_out_form(o, ", %zu %s and a default\n", rules, rules == 1 ? "rule" : "rules");
		ctl_out_bytes(o, r->text, r->len);
		if (r->len > 0 && r->text[r->len - 1] != '\n')
			ctl_out_text(o, "\n");
		return;
	}
	ctl_json_begin(&j, '{');
	json_text(&j, "file", r->name);
	json_number(&j, "rules", rules);
	json_text(&j, "text", r->text);
	ctl_json_end(&j, '}');
	ctl_out_text(o, "\n");
}

/* --- explaining ------------------------------------------------------------------------------- */

static const char *suite_name(uint16_t number)
{
	const struct suite *s = suite_find(number);
	return s == NULL ? NULL : s->name;
}

static void line(struct ctl_out *o, const char *label, const char *text)
{
	ctl_out_form(o, "%-16s", label);
	ctl_out_clean(o, text);
	ctl_out_text(o, "\n");
}

static void time_line(struct ctl_out *o, const char *label, uint64_t s)
{
	char text[CTL_TIME_MAX];
	line(o, label, ctl_time_text(s > UINT64_MAX / 1000 ? UINT64_MAX : s * 1000, text));
}

static void number_line(struct ctl_out *o, const char *label, uint64_t n)
{
	ctl_out_form(o, "%-16s%" PRIu64 "\n", label, n);
}

static void facts_text(
	struct ctl_out *o, const struct policy_facts *f, const struct ctl_facts_rest *rest)
{
	const char *suite = suite_name(f->suite);
	line(o, "endpoint", f->endpoint);
	ctl_out_form(o, "%-16s", "labels");
	for (size_t i = 0; i < f->labels_len; i++) {
		ctl_out_text(o, i == 0 ? "" : ", ");
		ctl_out_clean(o, f->labels[i]);
	}
	ctl_out_text(o, f->labels_len == 0 ? "none\n" : "\n");
	ctl_out_form(o, "%-16s%s, %s at ", "channel", policy_kind_word(f->kind),
		policy_channel_word(f->channel));
	ctl_out_clean(o, f->listener[0] == '\0' ? "no listener of now" : f->listener);
	ctl_out_text(o, "\n");
	if (suite != NULL)
		line(o, "suite", suite);
	ctl_out_form(o, "%-16s%" PRIu64 ", of the credential %" PRIu64 "\n", "generation",
		f->generation, rest->credential_generation);
	line(o, "state", f->awake ? "awake" : "asleep");
	if (!f->awake)
		time_line(o, "asleep for", f->asleep_s);
	line(o, "registered", f->registered ? "yes" : "no");
	line(o, "upstream", f->upstream_up ? "up" : "down");
	time_line(o, "age", f->age_s);
	time_line(o, "idle for", f->idle_s);
	number_line(o, "records", f->records);
	number_line(o, "forged", f->forged);
	number_line(o, "exchanges", f->exchanges);
}

static void explained_text(struct ctl_out *o, const struct ctl_rules *r,
	const struct policy_facts *f, const struct ctl_facts_rest *rest)
{
	const struct policy_decision d = policy_decide(r->policy, f);
	char text[WHY_MAX];
	facts_text(o, f, rest);
	line(o, "event", policy_event_word(f->event));
	line(o, "policy", r->name);
	for (size_t i = 0; i < d.number; i++) {
		(void)policy_why_not(r->policy, i, f, text, sizeof(text));
		ctl_out_form(o, "%-16s%s (line %u): ", i == 0 ? "passed over" : "",
			policy_rule_name(r->policy, i), policy_rule_line(r->policy, i));
		ctl_out_clean(o, text);
		ctl_out_text(o, "\n");
	}
	ctl_out_form(o, "%-16s%s (line %u)\n", "decided by", d.rule,
		policy_rule_line(r->policy, d.number));
	line(o, "decision", policy_decision_say(&d, text, sizeof(text)));
	line(o, "reason", d.reason);
}

/* As a member of the list of expectations has them. */
static void json_facts(
	struct ctl_json *j, const struct policy_facts *f, const struct ctl_facts_rest *rest)
{
	const char *suite = suite_name(f->suite);
	ctl_json_begin(j, '{');
	json_text(j, "event", policy_event_word(f->event));
	json_text(j, "endpoint", f->endpoint);
	ctl_json_key(j, "labels");
	ctl_json_begin(j, '[');
	for (size_t i = 0; i < f->labels_len; i++)
		ctl_json_text(j, f->labels[i]);
	ctl_json_end(j, ']');
	json_text(j, "kind", policy_kind_word(f->kind));
	json_text(j, "channel", policy_channel_word(f->channel));
	json_text(j, "listener", f->listener);
	ctl_json_key(j, "suite");
	if (suite == NULL)
		ctl_json_null(j);
	else
		ctl_json_text(j, suite);
	json_text(j, "state", f->awake ? "awake" : "asleep");
	json_bool(j, "registered", f->registered);
	json_text(j, "upstream_state", f->upstream_up ? "up" : "down");
	json_number(j, "age_s", f->age_s);
	json_number(j, "idle_s", f->idle_s);
	json_number(j, "asleep_s", f->asleep_s);
	json_number(j, "records", f->records);
	json_number(j, "forged", f->forged);
	json_number(j, "exchanges", f->exchanges);
	json_number(j, "generation", f->generation);
	json_number(j, "credential_generation", rest->credential_generation);
	json_number(j, "decided_generation", rest->decided);
	ctl_json_end(j, '}');
}

static void explained_json(struct ctl_json *j, const struct ctl_rules *r,
	const struct policy_facts *f, const struct ctl_facts_rest *rest)
{
	const struct policy_decision d = policy_decide(r->policy, f);
	char text[WHY_MAX];
	ctl_json_begin(j, '{');
	ctl_json_rules(j, "policy", r);
	ctl_json_key(j, "facts");
	json_facts(j, f, rest);
	ctl_json_key(j, "passed_over");
	ctl_json_begin(j, '[');
	for (size_t i = 0; i < d.number; i++) {
		(void)policy_why_not(r->policy, i, f, text, sizeof(text));
		ctl_json_begin(j, '{');
		ctl_json_rule(j, r->policy, i);
		json_text(j, "why", text);
		ctl_json_end(j, '}');
	}
	ctl_json_end(j, ']');
	json_decision(j, r->policy, &d);
	json_text(j, "decision", policy_decision_say(&d, text, sizeof(text)));
	ctl_json_end(j, '}');
}

void ctl_show_explained(struct ctl_out *o, enum ctl_form form, const struct ctl_rules *r,
	const struct policy_facts *f, const struct ctl_facts_rest *rest)
{
	struct ctl_json j = { .out = o };
	if (form == CTL_TEXT) {
		explained_text(o, r, f, rest);
		return;
	}
	explained_json(&j, r, f, rest);
	ctl_out_text(o, "\n");
}
