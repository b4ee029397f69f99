/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/expect.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/tree.h"
#include "policy/box.h"
#include "policy/read.h"
#include "policy/say.h"
#include "policy/world.h"

enum { ENDPOINT_MAX = 255, PASSED_OVER_SHOWN = 8, WHY_LEN = 320 };

struct wanted {
	bool has_device, has_upstream, has_resumption, has_alert;
	bool refuse_resumption, alert;
	char rule[POLICY_NAME_MAX + 1]; /* "": any */
	struct policy_leg_read device, upstream;
};

struct expectation {
	char name[POLICY_NAME_MAX + 1];
	unsigned line;
	struct policy_facts facts; /* points into the rest */
	struct wanted wanted;
	char endpoint[ENDPOINT_MAX + 1], listener[POLICY_LISTENER_MAX + 1];
	char labels[POLICY_LABELS_MAX][POLICY_LABEL_MAX + 1];
	const char *label_list[POLICY_LABELS_MAX];
};

struct policy_expect {
	char *file;
	size_t len;
	struct expectation rows[];
};

/* --- reading ---------------------------------------------------------------------------------- */

static void take_texts(const struct policy_value *values, struct expectation *e)
{
	const struct policy_value *labels = &values[PKEY_FACT_LABELS];
	const struct policy_value *listener = &values[PKEY_FACT_LISTENER];
	(void)snprintf(e->endpoint, sizeof(e->endpoint), "%s", values[PKEY_FACT_ENDPOINT].text);
	if (listener->node != NULL)
		(void)snprintf(e->listener, sizeof(e->listener), "%s", listener->text);
	e->facts.labels_len = policy_texts_len(labels);
	for (size_t i = 0; i < e->facts.labels_len; i++) {
		(void)snprintf(
			e->labels[i], sizeof(e->labels[i]), "%s", policy_texts_at(labels, i));
		e->label_list[i] = e->labels[i];
	}
	e->facts.endpoint = e->endpoint;
	e->facts.listener = e->listener;
	e->facts.labels = e->label_list;
}

/* The value of a fact, or what holds where it is not there. */
static uint64_t fact(const struct policy_value *values, enum policy_key key, uint64_t initial)
{
	return values[key].node == NULL ? initial : values[key].number;
}

static void take_facts(const struct policy_value *values, struct expectation *e)
{
	struct policy_facts *f = &e->facts;
	const struct policy_value *suite = &values[PKEY_FACT_SUITE];
	f->event = (enum policy_event)values[PKEY_FACT_EVENT].number;
	const bool ended =
		f->event == POLICY_REGISTRATION_EXPIRED || f->event == POLICY_DEREGISTERED;
	f->kind = (enum policy_kind)fact(values, PKEY_FACT_KIND, POLICY_PSK);
	f->channel = (enum policy_channel)fact(values, PKEY_FACT_CHANNEL, POLICY_UDP_DTLS);
	f->suite = suite->node == NULL ? SUITE_NONE : suites[suite->number].number;
	f->awake = fact(values, PKEY_FACT_STATE, true) != 0;
	f->registered = fact(values, PKEY_FACT_REGISTERED, !ended) != 0;
	f->upstream_up = fact(values, PKEY_FACT_UPSTREAM_STATE, true) != 0;
	f->age_s = values[PKEY_FACT_AGE].number;
	f->idle_s = values[PKEY_FACT_IDLE].number;
	f->asleep_s = values[PKEY_FACT_ASLEEP].number;
	f->records = values[PKEY_FACT_RECORDS].number;
	f->forged = values[PKEY_FACT_FORGED].number;
	f->exchanges = (uint32_t)values[PKEY_FACT_EXCHANGES].number;
	f->generation = values[PKEY_FACT_GENERATION].number;
	take_texts(values, e);
}

static bool take_wanted(struct policy_reader *r, const config_setting_t *group, struct wanted *w)
{
	struct policy_value values[PKEYS];
	if (!policy_read_group(r, group, IN_EXPECT, values))
		return false;
	const struct policy_value *rule = &values[PKEY_EXPECT_RULE];
	const struct policy_value *device = &values[PKEY_EXPECT_DEVICE];
	const struct policy_value *upstream = &values[PKEY_EXPECT_UPSTREAM];
	if (rule->node != NULL)
		(void)snprintf(w->rule, sizeof(w->rule), "%s", rule->text);
	w->has_device = device->node != NULL;
	w->has_upstream = upstream->node != NULL;
	w->has_resumption = values[PKEY_EXPECT_RESUMPTION].node != NULL;
	w->refuse_resumption = values[PKEY_EXPECT_RESUMPTION].number != 0;
	w->has_alert = values[PKEY_EXPECT_ALERT].node != NULL;
	w->alert = values[PKEY_EXPECT_ALERT].number != 0;
	if (w->rule[0] == '\0' && !w->has_device && !w->has_upstream && !w->has_resumption &&
		!w->has_alert)
		return policy_fail(r, config_setting_source_line(group),
			"expect: expects nothing; write %s", policy_rows[PKEY_FACT_EXPECT].example);
	return (!w->has_device || policy_read_leg(r, device, &w->device)) &&
	       (!w->has_upstream || policy_read_leg(r, upstream, &w->upstream));
}

static bool take_one(
	struct policy_reader *r, const config_setting_t *s, size_t number, struct expectation *e)
{
	struct policy_value values[PKEYS];
	char place[48];
	(void)snprintf(place, sizeof(place), "expectation %zu", number + 1);
	policy_reader_at(r, place, "");
	e->line = config_setting_source_line(s);
	if (!config_setting_is_group(s))
		return policy_fail(r, e->line, "is %s; write a group { }", conf_tree_type(s));
	if (!policy_read_group(r, s, IN_FACTS, values))
		return false;
	const struct policy_value *name = &values[PKEY_FACT_NAME];
	(void)snprintf(e->name, sizeof(e->name), "%s", name->node == NULL ? place : name->text);
	take_facts(values, e);
	const char *why = policy_impossible(&e->facts);
	if (why != NULL)
		return policy_fail(r, e->line, "such facts cannot be: %s; change the facts", why);
	return take_wanted(r, values[PKEY_FACT_EXPECT].node, &e->wanted);
}

static bool take_all(struct policy_reader *r, const config_setting_t *list, void *context)
{
	struct policy_expect **const out = context;
	const size_t len = (size_t)config_setting_length(list);
	if (len == 0 || len > POLICY_EXPECTATIONS_MAX)
		return policy_fail(r, config_setting_source_line(list),
			"expectations: has %zu members; use 1 to %d", len, POLICY_EXPECTATIONS_MAX);
	struct policy_expect *t = calloc(1, sizeof(*t) + len * sizeof(t->rows[0]));
	*out = t;
	if (t == NULL)
		return policy_fail(r, 0, "no memory; free some");
	t->len = len;
	t->file = strdup(r->name);
	bool ok = t->file != NULL || policy_fail(r, 0, "no memory; free some");
	for (size_t i = 0; ok && i < len; i++)
		ok = take_one(r, config_setting_get_elem(list, (unsigned)i), i, &t->rows[i]);
	return ok;
}

/* text NULL: the file is read. */
static struct policy_expect *make(const char *text, const char *name, struct conf_error *error)
{
	struct policy_expect *t = NULL;
	const struct policy_root root = { .name = "expectations",
		.list = true,
		.example = "expectations = ( { event = \"age\"; endpoint = \"e\"; expect = { rule "
			   "= \"default\"; }; } );",
		.read = take_all,
		.context = &t };
	if (text == NULL ? policy_read_file(name, &root, error)
			 : policy_read_text(text, name, &root, error))
		return t;
	policy_expect_free(t);
	return NULL;
}

struct policy_expect *policy_expect_load(const char *file, struct conf_error *error)
{
	return make(NULL, file, error);
}

struct policy_expect *policy_expect_parse(
	const char *text, const char *name, struct conf_error *error)
{
	return make(text, name, error);
}

void policy_expect_free(struct policy_expect *t)
{
	if (t != NULL)
		free(t->file);
	free(t);
}

size_t policy_expect_len(const struct policy_expect *t)
{
	return t->len;
}

const struct policy_facts *policy_expect_facts(const struct policy_expect *t, size_t number)
{
	return &t->rows[number].facts;
}

/* --- running ---------------------------------------------------------------------------------- */

static bool leg_met(const struct policy_leg_read *w, const struct policy_leg *l)
{
	return w->leg.action == l->action &&
	       (w->word || (w->leg.bound_s == l->bound_s &&
				   w->leg.until_registration == l->until_registration));
}

static bool met(const struct wanted *w, const struct policy_decision *d)
{
	return (w->rule[0] == '\0' || strcmp(w->rule, d->rule) == 0) &&
	       (!w->has_device || leg_met(&w->device, &d->device)) &&
	       (!w->has_upstream || leg_met(&w->upstream, &d->upstream)) &&
	       (!w->has_resumption || w->refuse_resumption == d->refuse_resumption) &&
	       (!w->has_alert || w->alert == d->alert);
}

static void say_wanted(struct policy_say *s, const struct wanted *w)
{
	char leg[64];
	const size_t from = s->len;
	if (w->rule[0] != '\0')
		policy_say(s, "rule \"%s\"", w->rule);
	if (w->has_device)
		policy_say(s, "%sdevice %s", s->len > from ? ", " : "",
			policy_leg_say(&w->device.leg, leg, sizeof(leg)));
	if (w->has_upstream)
		policy_say(s, "%supstream %s", s->len > from ? ", " : "",
			policy_leg_say(&w->upstream.leg, leg, sizeof(leg)));
	if (w->has_resumption)
		policy_say(s, "%sresumption %s", s->len > from ? ", " : "",
			w->refuse_resumption ? "refused" : "kept");
	if (w->has_alert)
		policy_say(s, "%s%s", s->len > from ? ", " : "", w->alert ? "alert" : "no alert");
}

static void say_passed_over(struct policy_say *s, const struct policy *p,
	const struct policy_decision *d, const struct policy_facts *f)
{
	char why[WHY_LEN];
	for (size_t i = 0; i < d->number && i < PASSED_OVER_SHOWN; i++) {
		(void)policy_why_not(p, i, f, why, sizeof(why));
		policy_say(s, "%s\"%s\" (line %u): %s", i == 0 ? "; passed over: " : "; ",
			policy_rule_name(p, i), policy_rule_line(p, i), why);
	}
	if (d->number > PASSED_OVER_SHOWN)
		policy_say(s, "; and %zu more", d->number - PASSED_OVER_SHOWN);
}

/* Why the rule that was expected did not decide, where it is not among those passed over. */
static void say_missing(struct policy_say *s, const struct policy *p,
	const struct policy_decision *d, const char *rule)
{
	size_t number = 0;
	while (number < policy_rules(p) && strcmp(policy_rule_name(p, number), rule) != 0)
		number++;
	if (rule[0] == '\0' || strcmp(rule, policy_rule_name(p, policy_rules(p))) == 0)
		return;
	if (number == policy_rules(p))
		policy_say(s, "; the policy has no rule \"%s\"", rule);
	else if (number > d->number)
		policy_say(s, "; \"%s\" (line %u) stands behind it", rule,
			policy_rule_line(p, number));
}

bool policy_expect_run(
	const struct policy_expect *t, size_t number, const struct policy *p, char *out, size_t cap)
{
	char decision[WHY_LEN];
	const struct expectation *e = &t->rows[number];
	const struct policy_decision d = policy_decide(p, &e->facts);
	const bool good = met(&e->wanted, &d);
	struct policy_say s = policy_say_into(out, cap);
	policy_say(&s, "%s: %s:%u: %s: expected ", good ? "passed" : "failed", t->file, e->line,
		e->name);
	say_wanted(&s, &e->wanted);
	policy_say(&s, "; came rule \"%s\" (line %u), %s", d.rule, policy_rule_line(p, d.number),
		policy_decision_say(&d, decision, sizeof(decision)));
	if (!good)
		say_missing(&s, p, &d, e->wanted.rule);
	say_passed_over(&s, p, &d, &e->facts);
	return good;
}

static bool decides_some(const struct policy_expect *t, const struct policy *p, size_t rule)
{
	for (size_t i = 0; i < t->len; i++) {
		if (policy_decide(p, &t->rows[i].facts).number == rule)
			return true;
	}
	return false;
}

size_t policy_expect_untested(const struct policy_expect *t, const struct policy *p, size_t from)
{
	size_t rule = from;
	while (rule < policy_rules(p) && decides_some(t, p, rule))
		rule++;
	return rule;
}
