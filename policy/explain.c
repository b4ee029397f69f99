/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <inttypes.h>
#include <string.h>

#include "policy/parts.h"
#include "policy/say.h"
#include "policy/words.h"

static const char *const dim_names[DIMS] = {
	[DIM_EVENT] = "event",
	[DIM_KIND] = "kind",
	[DIM_CHANNEL] = "channel",
	[DIM_STATE] = "state",
	[DIM_REGISTERED] = "registered",
	[DIM_UPSTREAM] = "upstream_state",
	[DIM_SUITE] = "suite",
	[DIM_LISTENER] = "listener",
};

static const char *value_word(const struct policy *p, enum policy_dim d, size_t value)
{
	switch (d) {
	case DIM_EVENT:
		return policy_event_word((enum policy_event)value);
	case DIM_KIND:
		return policy_kind_word((enum policy_kind)value);
	case DIM_CHANNEL:
		return policy_channel_word((enum policy_channel)value);
	case DIM_STATE:
		return policy_words_state.words[value];
	case DIM_REGISTERED:
		return value == 0 ? "false" : "true";
	case DIM_UPSTREAM:
		return policy_words_link.words[value];
	case DIM_SUITE:
		return value < SUITES ? suites[value].name : "none of ours";
	case DIM_LISTENER:
		return value < p->listeners_len ? p->listeners[value] : "another";
	case DIMS:
		break;
	}
	return "";
}

void policy_say_dim(struct policy_say *s, const struct policy *p, enum policy_dim d, uint64_t word)
{
	uint64_t left = word & policy_dim_mask(d);
	const size_t len = (size_t)__builtin_popcountll(left);
	for (size_t i = 0; i < len; i++, left &= left - 1)
		policy_say(s, "%s%s", policy_say_between(i, len, " or "),
			value_word(p, d, policy_dim_lowest(d, left)));
}

static bool dim_not(
	const struct policy *p, const struct policy_when *w, uint64_t word, struct policy_say *s)
{
	for (size_t i = 0; i < DIMS; i++) {
		const enum policy_dim d = (enum policy_dim)i;
		const uint64_t of = word & policy_dim_mask(d);
		if (of != 0 && (of & ~w->box.word) == 0)
			continue;
		policy_say(s, "%s is ", dim_names[d]);
		if (of == 0)
			policy_say(s, "unknown");
		policy_say_dim(s, p, d, of);
		policy_say(s, ", the rule wants ");
		policy_say_dim(s, p, d, w->box.word);
		return true;
	}
	return false;
}

static bool number_not(
	const struct policy_when *w, const struct policy_facts *f, struct policy_say *s)
{
	for (size_t i = 0; i < BOUNDS; i++) {
		const uint64_t n = policy_facts_number(f, (enum policy_bound)i);
		const bool low = n < w->box.lo[i];
		if (!low && n <= w->box.hi[i])
			continue;
		policy_say(s, "%s is %" PRIu64 ", the rule wants at %s %" PRIu64,
			policy_bound_names[i], n, low ? "least" : "most",
			low ? w->box.lo[i] : w->box.hi[i]);
		return true;
	}
	return false;
}

static void say_labels(struct policy_say *s, const struct policy *p, uint64_t set)
{
	const size_t len = (size_t)__builtin_popcountll(set);
	for (size_t i = 0; i < len; i++, set &= set - 1)
		policy_say(s, "%s\"%s\"", policy_say_between(i, len, " or "),
			p->labels[__builtin_ctzll(set)]);
}

static bool label_not(const struct policy *p, const struct policy_when *w,
	const struct policy_facts *f, struct policy_say *s)
{
	const uint64_t has = policy_facts_labels(p, f);
	const uint64_t missing = w->box.with & ~has, wrong = w->box.without & has;
	if (missing != 0) {
		policy_say(s, "label \"%s\" is missing", p->labels[__builtin_ctzll(missing)]);
		return true;
	}
	if (wrong != 0) {
		policy_say(s, "label \"%s\" is there, the rule is for those without it",
			p->labels[__builtin_ctzll(wrong)]);
		return true;
	}
	if (w->any == 0 || (w->any & has) != 0)
		return false;
	policy_say(s, "the rule wants the label ");
	say_labels(s, p, w->any);
	return true;
}

static bool endpoint_not(const struct policy *p, const struct policy_when *w,
	const struct policy_facts *f, struct policy_say *s)
{
	if (policy_when_endpoint(p, w, f->endpoint))
		return false;
	policy_say(s, "endpoint \"%s\" does not fit ", f->endpoint == NULL ? "" : f->endpoint);
	for (size_t i = 0; i < w->patterns_len; i++)
		policy_say(s, "%s\"%s\"", policy_say_between(i, w->patterns_len, " or "),
			p->patterns[w->patterns[i]].text);
	return true;
}

bool policy_why_not(
	const struct policy *p, size_t number, const struct policy_facts *f, char *out, size_t cap)
{
	struct policy_say s = policy_say_into(out, cap);
	if (number >= p->rules_len)
		return false;
	const struct policy_when *w = &p->when[number];
	return dim_not(p, w, policy_facts_word(p, f), &s) || number_not(w, f, &s) ||
	       label_not(p, w, f, &s) || endpoint_not(p, w, f, &s);
}

static size_t at_most(size_t a, size_t b)
{
	return a < b ? a : b;
}

const char *policy_rule_name(const struct policy *p, size_t number)
{
	return p->then[at_most(number, p->rules_len)].name;
}

unsigned policy_rule_line(const struct policy *p, size_t number)
{
	return p->then[at_most(number, p->rules_len)].line;
}

static void say_leg(struct policy_say *s, const struct policy_leg *l)
{
	policy_say(s, "%s", policy_action_word(l->action));
	if (l->bound_s != 0)
		policy_say(s, " %s %" PRIu32 " s",
			l->action == POLICY_DRAIN || l->action == POLICY_REKEY_ON_WAKE ? "within"
										       : "for",
			l->bound_s);
	if (l->until_registration)
		policy_say(s, "%s until the registration ends", l->bound_s != 0 ? " or" : "");
}

const char *policy_leg_say(const struct policy_leg *l, char *out, size_t cap)
{
	struct policy_say s = policy_say_into(out, cap);
	say_leg(&s, l);
	return out;
}

const char *policy_decision_say(const struct policy_decision *d, char *out, size_t cap)
{
	struct policy_say s = policy_say_into(out, cap);
	policy_say(&s, "device ");
	say_leg(&s, &d->device);
	policy_say(&s, ", upstream ");
	say_leg(&s, &d->upstream);
	policy_say(&s, ", resumption %s%s", d->refuse_resumption ? "refused" : "kept",
		d->alert ? ", alert" : "");
	return out;
}
