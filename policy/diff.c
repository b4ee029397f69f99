/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/parts.h"
#include "policy/say.h"

struct policy_diff {
	const struct policy *from, *to;
	uint64_t seen, changed;
	size_t width; /* rules of `to`, and its default */
	size_t pairs;
	uint64_t *counts; /* from * width + to */
	struct policy_diff_example *examples;
	size_t examples_len, examples_max;
};

struct policy_diff *policy_diff_new(
	const struct policy *from, const struct policy *to, size_t examples)
{
	struct policy_diff *d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	d->from = from;
	d->to = to;
	d->width = to->rules_len + 1;
	d->pairs = (from->rules_len + 1) * d->width;
	d->examples_max = examples;
	d->counts = calloc(d->pairs, sizeof(d->counts[0]));
	d->examples = calloc(examples == 0 ? 1 : examples, sizeof(d->examples[0]));
	if (d->counts != NULL && d->examples != NULL)
		return d;
	policy_diff_free(d);
	return NULL;
}

void policy_diff_free(struct policy_diff *d)
{
	if (d == NULL)
		return;
	free(d->counts);
	free(d->examples);
	free(d);
}

static bool decides_otherwise(const struct policy_diff *d, size_t from, size_t to)
{
	return !policy_then_same(&d->from->then[from], &d->to->then[to]);
}

static bool named_otherwise(const struct policy_diff *d, size_t from, size_t to)
{
	const struct policy_then *a = &d->from->then[from], *b = &d->to->then[to];
	return strcmp(a->name, b->name) != 0 || strcmp(a->reason, b->reason) != 0;
}

void policy_diff_add(struct policy_diff *d, const struct policy_facts *f)
{
	const size_t from = policy_decide(d->from, f).number, to = policy_decide(d->to, f).number;
	d->seen++;
	d->counts[from * d->width + to]++;
	if (!decides_otherwise(d, from, to))
		return;
	d->changed++;
	if (d->examples_len == d->examples_max)
		return;
	struct policy_diff_example *e = &d->examples[d->examples_len++];
	*e = (struct policy_diff_example){ .event = f->event, .from = from, .to = to };
	(void)snprintf(
		e->endpoint, sizeof(e->endpoint), "%s", f->endpoint == NULL ? "" : f->endpoint);
}

void policy_diff_run(struct policy_diff *d, policy_diff_next *next, void *context)
{
	struct policy_facts f;
	while (next(context, &f))
		policy_diff_add(d, &f);
}

uint64_t policy_diff_seen(const struct policy_diff *d)
{
	return d->seen;
}

uint64_t policy_diff_changed(const struct policy_diff *d)
{
	return d->changed;
}

bool policy_diff_pairs(const struct policy_diff *d, size_t *at, struct policy_diff_pair *out)
{
	for (; *at < d->pairs; ++*at) {
		const size_t from = *at / d->width, to = *at % d->width;
		const bool decision = decides_otherwise(d, from, to);
		if (d->counts[*at] == 0 || (!decision && !named_otherwise(d, from, to)))
			continue;
		*out = (struct policy_diff_pair){ from, to, d->counts[*at], decision };
		++*at;
		return true;
	}
	return false;
}

size_t policy_diff_examples(const struct policy_diff *d)
{
	return d->examples_len;
}

const struct policy_diff_example *policy_diff_example(const struct policy_diff *d, size_t number)
{
	return &d->examples[number];
}

static void say_rule(struct policy_say *s, const struct policy *p, size_t number)
{
	char text[256];
	const struct policy_then *t = &p->then[number];
	const struct policy_decision d = { .device = t->device,
		.upstream = t->upstream,
		.refuse_resumption = t->refuse_resumption,
		.alert = t->alert };
	policy_say(s, "rule \"%s\", %s", t->name, policy_decision_say(&d, text, sizeof(text)));
}

const char *policy_diff_say(
	const struct policy_diff *d, const struct policy_diff_pair *pair, char *out, size_t cap)
{
	struct policy_say s = policy_say_into(out, cap);
	policy_say(&s, "%" PRIu64 ": ", pair->count);
	say_rule(&s, d->from, pair->from);
	policy_say(&s, " -> ");
	say_rule(&s, d->to, pair->to);
	return out;
}
