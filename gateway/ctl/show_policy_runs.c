/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show_policy.h"

#include <inttypes.h>
#include <stdio.h>

#include "ctl/json.h"
#include "policy/diff.h"
#include "policy/expect.h"

enum { SAY_MAX = 1024 };

static void json_number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

static void json_text(struct ctl_json *j, const char *key, const char *text)
{
	ctl_json_key(j, key);
	ctl_json_text(j, text);
}

/* --- expectations ----------------------------------------------------------------------------- */

static const char *many(size_t n, const char *one, const char *more)
{
	return n == 1 ? one : more;
}

static size_t expected_text(
	struct ctl_out *o, const struct ctl_rules *r, const struct policy_expect *t)
{
	const size_t len = policy_expect_len(t), rules = policy_rules(r->policy);
	char text[POLICY_EXPECT_LINE];
	size_t failed = 0, untested = 0;
	for (size_t i = 0; i < len; i++) {
		failed += !policy_expect_run(t, i, r->policy, text, sizeof(text));
		ctl_out_clean(o, text);
		ctl_out_text(o, "\n");
	}
	for (size_t i = 0; (i = policy_expect_untested(t, r->policy, i)) < rules; i++) {
		ctl_out_text(o, "untested: ");
		ctl_out_clean(o, r->name);
		ctl_out_form(o, ":%u: rule \"%s\": nothing that is expected is decided by it\n",
			policy_rule_line(r->policy, i), policy_rule_name(r->policy, i));
		untested++;
	}
	ctl_out_form(o, "%zu %s passed, %zu failed; %zu of %zu %s untested\n", len - failed,
		many(len - failed, "expectation", "expectations"), failed, untested, rules,
		many(rules, "rule", "rules"));
	return failed;
}

static size_t expected_json(
	struct ctl_json *j, const struct ctl_rules *r, const struct policy_expect *t)
{
	const size_t len = policy_expect_len(t), rules = policy_rules(r->policy);
	char text[POLICY_EXPECT_LINE];
	size_t failed = 0;
	ctl_json_begin(j, '{');
	ctl_json_rules(j, "policy", r);
	ctl_json_key(j, "expectations");
	ctl_json_begin(j, '[');
	for (size_t i = 0; i < len; i++) {
		const bool passed = policy_expect_run(t, i, r->policy, text, sizeof(text));
		failed += !passed;
		ctl_json_begin(j, '{');
		ctl_json_key(j, "passed");
		ctl_json_bool(j, passed);
		json_text(j, "text", text);
		ctl_json_end(j, '}');
	}
	ctl_json_end(j, ']');
	ctl_json_key(j, "untested");
	ctl_json_begin(j, '[');
	for (size_t i = 0; (i = policy_expect_untested(t, r->policy, i)) < rules; i++) {
		ctl_json_begin(j, '{');
		ctl_json_rule(j, r->policy, i);
		ctl_json_end(j, '}');
	}
	ctl_json_end(j, ']');
	json_number(j, "passed", len - failed);
	json_number(j, "failed", failed);
	ctl_json_end(j, '}');
	return failed;
}

size_t ctl_show_expected(struct ctl_out *o, enum ctl_form form, const struct ctl_rules *r,
	const struct policy_expect *t)
{
	struct ctl_json j = { .out = o };
	if (form == CTL_TEXT)
		return expected_text(o, r, t);
	const size_t failed = expected_json(&j, r, t);
	ctl_out_text(o, "\n");
	return failed;
}

/* --- another policy --------------------------------------------------------------------------- */

static void rules_line(struct ctl_out *o, const char *label, const struct ctl_rules *r)
{
	ctl_out_form(o, "%-16s", label);
	ctl_out_clean(o, r->name);
	ctl_out_form(o, ", %zu %s\n", policy_rules(r->policy),
		many(policy_rules(r->policy), "rule", "rules"));
}

static void diff_text(struct ctl_out *o, const char *label, const struct ctl_compared *c,
	const struct policy_diff *d)
{
	struct policy_diff_pair pair;
	char text[SAY_MAX];
	ctl_out_form(o, "%-16s%" PRIu64 " of %" PRIu64 " questions are decided otherwise\n", label,
		policy_diff_changed(d), policy_diff_seen(d));
	for (size_t at = 0; policy_diff_pairs(d, &at, &pair);) {
		ctl_out_text(o, "  ");
		ctl_out_clean(o, policy_diff_say(d, &pair, text, sizeof(text)));
		ctl_out_text(o, pair.decision ? "\n" : " (in other words only)\n");
	}
	for (size_t i = 0; i < policy_diff_examples(d); i++) {
		const struct policy_diff_example *e = policy_diff_example(d, i);
		ctl_out_text(o, i == 0 ? "  such as " : "          ");
		ctl_out_clean(o, e->endpoint);
		ctl_out_form(o, ", %s: %s -> %s\n", policy_event_word(e->event),
			policy_rule_name(c->from.policy, e->from),
			policy_rule_name(c->to.policy, e->to));
	}
}

static void json_change(struct ctl_json *j, const struct ctl_compared *c, size_t from, size_t to)
{
	ctl_json_key(j, "from");
	ctl_json_begin(j, '{');
	ctl_json_rule(j, c->from.policy, from);
	ctl_json_end(j, '}');
	ctl_json_key(j, "to");
	ctl_json_begin(j, '{');
	ctl_json_rule(j, c->to.policy, to);
	ctl_json_end(j, '}');
}

static void diff_json(struct ctl_json *j, const char *key, const struct ctl_compared *c,
	const struct policy_diff *d)
{
	struct policy_diff_pair pair;
	char text[SAY_MAX];
	ctl_json_key(j, key);
	ctl_json_begin(j, '{');
	json_number(j, "asked", policy_diff_seen(d));
	json_number(j, "changed", policy_diff_changed(d));
	ctl_json_key(j, "pairs");
	ctl_json_begin(j, '[');
	for (size_t at = 0; policy_diff_pairs(d, &at, &pair);) {
		ctl_json_begin(j, '{');
		json_change(j, c, pair.from, pair.to);
		json_number(j, "count", pair.count);
		ctl_json_key(j, "decision");
		ctl_json_bool(j, pair.decision);
		json_text(j, "text", policy_diff_say(d, &pair, text, sizeof(text)));
		ctl_json_end(j, '}');
	}
	ctl_json_end(j, ']');
	ctl_json_key(j, "examples");
	ctl_json_begin(j, '[');
	for (size_t i = 0; i < policy_diff_examples(d); i++) {
		const struct policy_diff_example *e = policy_diff_example(d, i);
		ctl_json_begin(j, '{');
		json_text(j, "endpoint", e->endpoint);
		json_text(j, "event", policy_event_word(e->event));
		json_change(j, c, e->from, e->to);
		ctl_json_end(j, '}');
	}
	ctl_json_end(j, ']');
	ctl_json_end(j, '}');
}

void ctl_show_compared(struct ctl_out *o, enum ctl_form form, const struct ctl_compared *c)
{
	struct ctl_json j = { .out = o };
	if (form == CTL_TEXT) {
		rules_line(o, "now", &c->from);
		rules_line(o, "new", &c->to);
		ctl_out_form(o, "%-16s%" PRIu64 ", %" PRIu64 " of them awake\n", "sessions",
			c->sessions, c->awake);
		diff_text(o, "as they are", c, c->now);
		diff_text(o, "in time", c, c->later);
		return;
	}
	ctl_json_begin(&j, '{');
	ctl_json_rules(&j, "from", &c->from);
	ctl_json_rules(&j, "to", &c->to);
	json_number(&j, "sessions", c->sessions);
	json_number(&j, "awake", c->awake);
	diff_json(&j, "now", c, c->now);
	diff_json(&j, "later", c, c->later);
	ctl_json_end(&j, '}');
	ctl_out_text(o, "\n");
}
