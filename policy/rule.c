/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "policy/pattern.h"
#include "policy/say.h"

typedef bool add_name(struct policy *p, const char *name, size_t *out);

/* The names of a condition as a set of their numbers. */
static bool take_names(struct policy_reader *r, const struct policy_value *values,
	enum policy_key key, struct policy *p, uint64_t *out)
{
	const struct policy_value *v = &values[key];
	add_name *const add = key == PKEY_LISTENER ? policy_listener_add : policy_label_add;
	for (size_t i = 0; i < policy_texts_len(v); i++) {
		size_t number = 0;
		if (!add(p, policy_texts_at(v, i), &number))
			return policy_fail(r, v->line,
				"%s: \"%s\" is one too many; a policy names at most %d of them",
				policy_rows[key].name, policy_texts_at(v, i),
				key == PKEY_LISTENER ? (int)POLICY_LISTENERS
						     : (int)POLICY_LABELS_NAMED);
		*out |= UINT64_C(1) << number;
	}
	return true;
}

/* A label in two conditions at once: they cannot both hold, or one of them says nothing. */
static bool not_in_both(struct policy_reader *r, const struct policy_value *values,
	const struct policy *p, uint64_t both, const enum policy_key keys[2])
{
	const bool never = keys[1] == PKEY_WITHOUT_LABEL;
	if (both == 0)
		return true;
	return policy_fail(r, values[keys[1]].line,
		"%s: \"%s\" stands in %s too, of line %u, %s; leave it in one of the two",
		policy_rows[keys[1]].name, p->labels[__builtin_ctzll(both)],
		policy_rows[keys[0]].name, values[keys[0]].line,
		never ? "so that no facts can meet the conditions" : "which says all");
}

static bool take_labels(struct policy_reader *r, const struct policy_value *values,
	struct policy *p, struct policy_when *w)
{
	static const enum policy_key all_without[] = { PKEY_LABELS, PKEY_WITHOUT_LABEL };
	static const enum policy_key any_without[] = { PKEY_ANY_LABEL, PKEY_WITHOUT_LABEL };
	static const enum policy_key all_any[] = { PKEY_LABELS, PKEY_ANY_LABEL };
	uint64_t *const with = &w->box.with, *const without = &w->box.without;
	return take_names(r, values, PKEY_LABELS, p, with) &&
	       take_names(r, values, PKEY_ANY_LABEL, p, &w->any) &&
	       take_names(r, values, PKEY_WITHOUT_LABEL, p, without) &&
	       not_in_both(r, values, p, *with & *without, all_without) &&
	       not_in_both(r, values, p, w->any & *without, any_without) &&
	       not_in_both(r, values, p, *with & w->any, all_any);
}

static bool take_patterns(struct policy_reader *r, const struct policy_value *v, struct policy *p,
	struct policy_when *w)
{
	for (size_t i = 0; i < policy_texts_len(v); i++) {
		char pattern[POLICY_PATTERN_MAX + 1];
		size_t number = 0;
		(void)snprintf(pattern, sizeof(pattern), "%s", policy_texts_at(v, i));
		policy_pattern_tidy(pattern);
		if (!policy_pattern_add(p, pattern, &number))
			return policy_fail(r, v->line,
				"endpoint: \"%s\" is one too many; a policy has at most %d "
				"patterns: "
				"give the endpoints a label, and use labels",
				pattern, POLICY_PATTERNS);
		w->patterns[w->patterns_len++] = (uint8_t)number;
	}
	return true;
}

static bool take_bounds(
	struct policy_reader *r, const struct policy_value *values, struct policy_box *box)
{
	for (size_t i = 0; i < BOUNDS; i++) {
		const struct policy_value *least = &values[PKEY_AT_LEAST + i];
		const struct policy_value *most = &values[PKEY_AT_MOST + i];
		if (least->node != NULL)
			box->lo[i] = least->number;
		if (most->node != NULL)
			box->hi[i] = most->number;
		if (box->lo[i] > box->hi[i])
			return policy_fail(r, most->line,
				"%s: %" PRIu64 " is below %s of line %u, so that no facts can meet "
				"the conditions; raise the one or lower the other",
				policy_rows[PKEY_AT_MOST + i].name, box->hi[i],
				policy_rows[PKEY_AT_LEAST + i].name, least->line);
	}
	return true;
}

bool policy_rule_when(
	struct policy_reader *r, const struct policy_value *values, struct policy *p, size_t number)
{
	static const struct {
		enum policy_key key;
		enum policy_dim dim;
		bool set; /* the value is a set, not one place */
	} few[] = {
		{ PKEY_EVENTS, DIM_EVENT, true },
		{ PKEY_KIND, DIM_KIND, true },
		{ PKEY_CHANNEL, DIM_CHANNEL, true },
		{ PKEY_SUITE, DIM_SUITE, true },
		{ PKEY_STATE, DIM_STATE, false },
		{ PKEY_REGISTERED, DIM_REGISTERED, false },
		{ PKEY_UPSTREAM_STATE, DIM_UPSTREAM, false },
	};
	struct policy_when *w = &p->when[number];
	uint64_t listeners = 0;
	w->box = policy_box_all();
	for (size_t i = 0; i < COUNT_OF(few); i++) {
		const struct policy_value *v = &values[few[i].key];
		if (v->node != NULL)
			policy_dim_only(&w->box, few[i].dim,
				few[i].set ? v->number : UINT64_C(1) << v->number);
	}
	if (!take_names(r, values, PKEY_LISTENER, p, &listeners) || !take_labels(r, values, p, w) ||
		!take_patterns(r, &values[PKEY_ENDPOINT], p, w) || !take_bounds(r, values, &w->box))
		return false;
	if (listeners != 0)
		policy_dim_only(&w->box, DIM_LISTENER, listeners);
	policy_when_ready(p, number);
	return true;
}

static bool stays(const struct policy_leg *l)
{
	return l->action == POLICY_KEEP || l->action == POLICY_ALERT_ONLY;
}

bool policy_rule_then(
	struct policy_reader *r, const struct policy_value *values, struct policy *p, size_t number)
{
	struct policy_then *t = &p->then[number];
	struct policy_leg_read legs[2];
	const struct policy_box all = policy_box_all();
	if (!policy_read_leg(r, &values[PKEY_DEVICE], &legs[0]) ||
		!policy_read_leg(r, &values[PKEY_UPSTREAM], &legs[1]))
		return false;
	t->device = legs[0].leg;
	t->upstream = legs[1].leg;
	if (t->device.action == POLICY_REKEY_ON_WAKE && !legs[0].has_within)
		t->device.bound_s = POLICY_REKEY_DRAIN_S;
	t->refuse_resumption = values[PKEY_RESUMPTION].node != NULL
				       ? values[PKEY_RESUMPTION].number != 0
				       : !stays(&t->device) || !stays(&t->upstream);
	t->alert = values[PKEY_ALERT].node != NULL ? values[PKEY_ALERT].number != 0
						   : t->device.action == POLICY_ALERT_ONLY;
	struct policy_say say = policy_say_into(t->reason, sizeof(t->reason));
	policy_say(&say, "%s",
		values[PKEY_REASON].node != NULL ? values[PKEY_REASON].text
						 : "the policy gives no reason");
	return policy_sense(r, number == p->rules_len ? &all : &p->when[number].box, legs, values);
}
