/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cover.h"

#include <stdlib.h>
#include <string.h>

#include "policy/pattern.h"
#include "policy/read.h"
#include "policy/say.h"
#include "policy/world.h"

enum {
	ANY_MAX = POLICY_LABELS_MAX, /* boxes of one rule, at most: one for each of any_label */
	BOXES = POLICY_WORLD + POLICY_RULES_MAX * ANY_MAX,
	STACK = 8192, /* pieces that wait */
	NOBODY = POLICY_RULES_MAX,
};

struct work {
	const struct policy *p;
	size_t rule; /* that is looked at */
	size_t len;
	struct policy_box boxes[BOXES]; /* the world's, then those of the earlier rules */
	size_t owner[BOXES];            /* the rule; NOBODY: the world */
	bool on[NOBODY + 1];            /* whose boxes are cut out */
	bool used[NOBODY + 1];          /* whose have been */
	const char *why;                /* the world's last reason that was used */
	size_t steps;
	struct policy_box stack[STACK];
	size_t stack_len;
	struct policy_box pieces[POLICY_PIECES];
	struct policy_box left; /* LEFT */
};

enum outcome { COVERED, LEFT, GAVE_UP };

/* A rule's conditions as boxes that do not overlap: the first of any_label is there; or it is not
   and the second is; and so on. */
static size_t rule_boxes(const struct policy_when *w, struct policy_box out[ANY_MAX])
{
	size_t len = 0;
	struct policy_box rest = w->box;
	out[0] = rest;
	if (w->any == 0)
		return 1;
	for (uint64_t left = w->any; left != 0; left &= left - 1) {
		out[len] = rest;
		out[len].with |= left & -left;
		rest.without |= left & -left;
		len += policy_box_empty(&out[len]) ? 0 : 1;
	}
	return len;
}

static void add_rule(struct work *w, size_t number)
{
	const size_t len = rule_boxes(&w->p->when[number], &w->boxes[w->len]);
	for (size_t i = 0; i < len; i++)
		w->owner[w->len++] = number;
}

static void add_world(struct work *w)
{
	while (w->len < POLICY_WORLD && policy_world(w->len, &w->boxes[w->len]) != NULL)
		w->owner[w->len++] = NOBODY;
}

static bool push(struct work *w, const struct policy_box *box)
{
	if (policy_box_empty(box))
		return true;
	if (w->stack_len == STACK)
		return false;
	w->stack[w->stack_len++] = *box;
	return true;
}

/* Of the boxes that are on and meet the piece, the one that cuts it into the fewest; w->len: none
   does. The fewer, the smaller the search: one that holds all of it ends it at once. */
static size_t cheapest(struct work *w, const struct policy_box *piece)
{
	size_t best = w->len, least = SIZE_MAX;
	for (size_t i = 0; i < w->len && least > 0; i++) {
		if (!w->on[w->owner[i]])
			continue;
		w->steps++;
		if (!policy_box_meets(piece, &w->boxes[i]))
			continue;
		const size_t cost = policy_box_cost(piece, &w->boxes[i]);
		if (cost >= least)
			continue;
		least = cost;
		best = i;
	}
	return best;
}

/* Cuts one box out of the last piece that waits; what is left of it then waits. */
static enum outcome cut_one(struct work *w)
{
	const struct policy_box at = w->stack[--w->stack_len];
	const size_t by = cheapest(w, &at);
	if (by == w->len) {
		w->left = at;
		return LEFT;
	}
	if (w->steps > POLICY_COVER_STEPS)
		return GAVE_UP;
	w->used[w->owner[by]] = true;
	if (w->owner[by] == NOBODY)
		w->why = policy_world(by, &w->left);
	const size_t len = policy_box_cut(&at, &w->boxes[by], w->pieces);
	for (size_t i = 0; i < len; i++) {
		if (!push(w, &w->pieces[i]))
			return GAVE_UP;
	}
	return COVERED;
}

/* Is all that the rule takes in the boxes that are on? */
static enum outcome cut_all(struct work *w)
{
	struct policy_box own[ANY_MAX];
	const size_t len = rule_boxes(&w->p->when[w->rule], own);
	memset(w->used, 0, sizeof(w->used));
	w->stack_len = 0;
	for (size_t i = 0; i < len; i++)
		(void)push(w, &own[i]);
	enum outcome o = COVERED;
	while (o == COVERED && w->stack_len > 0)
		o = cut_one(w);
	return o;
}

/* --- the earlier rules that count for a name -------------------------------------------------- */

static void on_for_name(struct work *w, const char *endpoint)
{
	for (size_t i = 0; i < w->rule; i++)
		w->on[i] = policy_when_endpoint(w->p, &w->p->when[i], endpoint);
}

static bool holds_all_of(const struct policy *p, const struct policy_when *w, const char *pattern)
{
	for (size_t i = 0; i < w->patterns_len; i++) {
		if (policy_pattern_holds(p->patterns[w->patterns[i]].text, pattern))
			return true;
	}
	return w->patterns_len == 0;
}

static void on_for_pattern(struct work *w, const char *pattern)
{
	for (size_t i = 0; i < w->rule; i++)
		w->on[i] = holds_all_of(w->p, &w->p->when[i], pattern);
}

/* A character that no pattern of the policy has, so that only a wildcard fits it. */
static char strange(const struct policy *p)
{
	for (char c = '~'; c > ' '; c--) {
		bool found = c == '*' || c == '?';
		for (size_t i = 0; i < p->patterns_len && !found; i++)
			found = strchr(p->patterns[i].text, c) != NULL;
		if (!found)
			return c;
	}
	return '~';
}

/* --- a verdict -------------------------------------------------------------------------------- */

static void fill_witness(const struct work *w, struct policy_cover *out)
{
	const struct policy_box *b = &w->left;
	const size_t suite = policy_dim_lowest(DIM_SUITE, b->word);
	const size_t listener = policy_dim_lowest(DIM_LISTENER, b->word);
	size_t len = 0;
	for (uint64_t left = b->with; left != 0; left &= left - 1)
		out->labels[len++] = w->p->labels[__builtin_ctzll(left)];
	out->reach = POLICY_REACHED;
	out->facts = (struct policy_facts){
		.event = (enum policy_event)policy_dim_lowest(DIM_EVENT, b->word),
		.endpoint = out->endpoint,
		.labels = out->labels,
		.labels_len = len,
		.kind = (enum policy_kind)policy_dim_lowest(DIM_KIND, b->word),
		.channel = (enum policy_channel)policy_dim_lowest(DIM_CHANNEL, b->word),
		.listener = listener < w->p->listeners_len ? w->p->listeners[listener] : "",
		.suite = suite < SUITES ? suites[suite].number : SUITE_NONE,
		.generation = b->lo[BOUND_GENERATION],
		.awake = policy_dim_lowest(DIM_STATE, b->word) == 1,
		.registered = policy_dim_lowest(DIM_REGISTERED, b->word) == 1,
		.upstream_up = policy_dim_lowest(DIM_UPSTREAM, b->word) == 1,
		.exchanges = (uint32_t)b->lo[BOUND_EXCHANGES],
		.age_s = b->lo[BOUND_AGE],
		.idle_s = b->lo[BOUND_IDLE],
		.asleep_s = b->lo[BOUND_ASLEEP],
		.records = b->lo[BOUND_RECORDS],
		.forged = b->lo[BOUND_FORGED],
	};
}

/* Names that fit the pattern, as unlike those of other patterns as may be: first a long one, which
   only a '*' takes; then short ones, which a pattern with many '?' does not. */
static bool find_witness(struct work *w, const char *pattern, struct policy_cover *out)
{
	static const size_t runs[] = { POLICY_PATTERN_MAX, 1, 0, 2, 3, 5 };
	const char fill = strange(w->p);
	const bool wild = strchr(pattern, '*') != NULL;
	for (size_t i = 0; i < (wild ? COUNT_OF(runs) : 1); i++) {
		if (!policy_pattern_sample(
			    pattern, fill, runs[i], out->endpoint, sizeof(out->endpoint)))
			continue;
		on_for_name(w, out->endpoint);
		if (cut_all(w) != LEFT)
			continue;
		fill_witness(w, out);
		return true;
	}
	return false;
}

static const char *own_pattern(const struct policy *p, const struct policy_when *w, size_t number)
{
	return w->patterns_len == 0 ? "*" : p->patterns[w->patterns[number]].text;
}

static void verdict(struct work *w, struct policy_cover *out)
{
	const struct policy_when *when = &w->p->when[w->rule];
	const size_t patterns = when->patterns_len == 0 ? 1 : when->patterns_len;
	w->on[NOBODY] = true;
	if (cut_all(w) == COVERED) {
		out->reach = POLICY_NEVER;
		out->why = w->why;
		return;
	}
	for (size_t i = 0; i < patterns; i++) {
		if (find_witness(w, own_pattern(w->p, when, i), out))
			return;
	}
	out->reach = POLICY_UNREACHED;
	for (size_t i = 0; i < patterns; i++) {
		on_for_pattern(w, own_pattern(w->p, when, i));
		if (cut_all(w) != COVERED)
			out->reach = POLICY_UNPROVED;
		for (size_t k = 0; k < w->rule; k++)
			out->by[k] = out->by[k] || w->used[k];
	}
}

static struct work *work_for(const struct policy *p, size_t rule)
{
	struct work *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->p = p;
	w->rule = rule;
	add_world(w);
	for (size_t i = 0; i < rule; i++)
		add_rule(w, i);
	return w;
}

void policy_cover_rule(const struct policy *p, size_t number, struct policy_cover *out)
{
	struct work *w = work_for(p, number);
	*out = (struct policy_cover){ .reach = POLICY_NO_MEMORY };
	if (w == NULL)
		return;
	verdict(w, out);
	free(w);
}

/* --- what is told of it ----------------------------------------------------------------------- */

/* The first of the rules that covers it alone; NOBODY: none does. */
static size_t alone(const struct policy *p, size_t number, const bool by[POLICY_RULES_MAX])
{
	const struct policy_when *when = &p->when[number];
	struct work *w = work_for(p, number);
	size_t found = NOBODY;
	for (size_t i = 0; w != NULL && i < number && found == NOBODY; i++) {
		bool all = by[i];
		memset(w->on, 0, sizeof(w->on));
		w->on[NOBODY] = w->on[i] = true;
		w->steps = 0;
		for (size_t k = 0; all && k < when->patterns_len; k++)
			all = holds_all_of(p, &p->when[i], own_pattern(p, when, k));
		all = all && (when->patterns_len > 0 || holds_all_of(p, &p->when[i], "*"));
		if (all && cut_all(w) == COVERED)
			found = i;
	}
	free(w);
	return found;
}

enum { NAMES_SHOWN = 4, NAMES_LEN = 320 };

static void say_rules(struct policy_say *s, const struct policy *p, const bool by[POLICY_RULES_MAX])
{
	size_t len = 0, said = 0;
	for (size_t i = 0; i < p->rules_len; i++)
		len += by[i];
	const size_t shown = len <= NAMES_SHOWN ? len : NAMES_SHOWN;
	for (size_t i = 0; i < p->rules_len && said < shown; i++) {
		if (!by[i])
			continue;
		policy_say(s, "%s\"%s\" (line %u)",
			policy_say_between(said, shown, shown == len ? " and " : ", "),
			policy_rule_name(p, i), policy_rule_line(p, i));
		said++;
	}
	if (shown < len)
		policy_say(s, " and %zu more", len - shown);
}

static bool fail_alone(
	struct policy_reader *r, const struct policy *p, size_t number, size_t before)
{
	const unsigned line = policy_rule_line(p, number),
		       before_line = policy_rule_line(p, before);
	const char *name = policy_rule_name(p, before);
	if (!policy_when_same(&p->when[number], &p->when[before]))
		return policy_fail(r, line,
			"is never reached: rule \"%s\" (line %u) takes all that it would; put it "
			"before that rule, or remove it",
			name, before_line);
	if (policy_then_same(&p->then[number], &p->then[before]))
		return policy_fail(r, line,
			"is never reached: rule \"%s\" (line %u) is the same; remove one", name,
			before_line);
	return policy_fail(r, line,
		"contradicts rule \"%s\" (line %u): the same conditions, another decision; remove "
		"one, or set them apart by a condition",
		name, before_line);
}

static bool fail_together(
	struct policy_reader *r, const struct policy *p, size_t number, const bool *by)
{
	char names[NAMES_LEN];
	struct policy_say s = policy_say_into(names, sizeof(names));
	say_rules(&s, p, by);
	return policy_fail(r, policy_rule_line(p, number),
		"is never reached: the rules %s take together all that it would; put it before "
		"them, or remove it",
		names);
}

static bool rule_good(
	struct policy_reader *r, const struct policy *p, size_t number, struct policy_cover *c)
{
	policy_reader_at(r, "rule", policy_rule_name(p, number));
	policy_cover_rule(p, number, c);
	switch (c->reach) {
	case POLICY_REACHED:
	case POLICY_UNPROVED:
		return true;
	case POLICY_NO_MEMORY:
		return policy_fail(r, 0, "no memory to look at it; free some");
	case POLICY_NEVER:
		return policy_fail(r, policy_rule_line(p, number),
			"no facts can meet its conditions: %s; change them, or remove the rule",
			c->why);
	case POLICY_UNREACHED:
		break;
	}
	const size_t before = alone(p, number, c->by);
	return before == NOBODY ? fail_together(r, p, number, c->by)
				: fail_alone(r, p, number, before);
}

bool policy_cover_check(struct policy_reader *r, const struct policy *p)
{
	struct policy_cover *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return policy_fail(r, 0, "no memory; free some");
	bool ok = true;
	for (size_t i = 0; ok && i < p->rules_len; i++)
		ok = rule_good(r, p, i, c);
	free(c);
	return ok;
}
