/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

#include "policy/parts.h"
#include "policy/pattern.h"

static size_t suite_place(uint16_t number)
{
	size_t i = 0;
	while (i < SUITES && suites[i].number != number)
		i++;
	return number == SUITE_NONE ? SUITES : i;
}

static size_t listener_place(const struct policy *p, const char *name)
{
	for (size_t i = 0; p != NULL && name != NULL && i < p->listeners_len; i++) {
		if (strcmp(p->listeners[i], name) == 0)
			return i;
	}
	return POLICY_LISTENERS;
}

uint64_t policy_facts_word(const struct policy *p, const struct policy_facts *f)
{
	const bool asked = p == NULL || p->suites_named;
	const size_t suite = asked ? suite_place(f->suite) : SUITES;
	return policy_dim_bit(DIM_EVENT, f->event) | policy_dim_bit(DIM_KIND, f->kind) |
	       policy_dim_bit(DIM_CHANNEL, f->channel) | policy_dim_bit(DIM_STATE, f->awake) |
	       policy_dim_bit(DIM_REGISTERED, f->registered) |
	       policy_dim_bit(DIM_UPSTREAM, f->upstream_up) | policy_dim_bit(DIM_SUITE, suite) |
	       policy_dim_bit(DIM_LISTENER, listener_place(p, f->listener));
}

/* FNV-1a, of 32 bits. The labels are the operator's, nobody makes them collide. */
static size_t slot_of(const char *label)
{
	uint32_t h = 2166136261U;
	for (const char *c = label; *c != '\0'; c++)
		h = (h ^ (unsigned char)*c) * 16777619U;
	return (h ^ (h >> 16)) % POLICY_SLOTS;
}

/* The slot of the label, or the empty one where it would be: of 128 no more than 64 are taken. */
static size_t label_slot(const struct policy *p, const char *label)
{
	size_t slot = slot_of(label);
	while (p->slots[slot] != 0 && strcmp(p->labels[p->slots[slot] - 1], label) != 0)
		slot = (slot + 1) % POLICY_SLOTS;
	return slot;
}

uint64_t policy_facts_labels(const struct policy *p, const struct policy_facts *f)
{
	uint64_t set = 0;
	for (size_t i = 0; i < f->labels_len; i++) {
		const uint8_t at = p->slots[label_slot(p, f->labels[i])];
		set |= at == 0 ? 0 : UINT64_C(1) << (at - 1);
	}
	return set;
}

uint64_t policy_facts_number(const struct policy_facts *f, enum policy_bound b)
{
	switch (b) {
	case BOUND_AGE:
		return f->age_s;
	case BOUND_IDLE:
		return f->idle_s;
	case BOUND_ASLEEP:
		return f->asleep_s;
	case BOUND_RECORDS:
		return f->records;
	case BOUND_FORGED:
		return f->forged;
	case BOUND_EXCHANGES:
		return f->exchanges;
	case BOUND_GENERATION:
		return f->generation;
	case BOUNDS:
		break;
	}
	return 0;
}

/* Most names are told apart by how they begin and end. */
static bool pattern_fits(const struct policy_pattern *pattern, const char *text, size_t len)
{
	if (pattern->plain)
		return strcmp(pattern->text, text) == 0;
	const size_t head = pattern->head, tail = pattern->tail;
	const char *end = pattern->text + strlen(pattern->text) - tail;
	return len >= head + tail && memcmp(pattern->text, text, head) == 0 &&
	       memcmp(end, text + len - tail, tail) == 0 &&
	       policy_pattern_fits(pattern->text, text);
}

bool policy_when_endpoint(const struct policy *p, const struct policy_when *w, const char *endpoint)
{
	if (w->patterns_len == 0)
		return true;
	const char *text = endpoint == NULL ? "" : endpoint;
	const size_t len = strlen(text);
	for (size_t i = 0; i < w->patterns_len; i++) {
		if (pattern_fits(&p->patterns[w->patterns[i]], text, len))
			return true;
	}
	return false;
}

static bool numbers_fit(const struct policy_when *w, const struct policy_facts *f)
{
	for (unsigned left = w->bounded; left != 0; left &= left - 1) {
		const enum policy_bound b = (enum policy_bound)__builtin_ctz(left);
		if (b >= BOUNDS) /* never; GCC 14 does not know it, and warns of lo[b] */
			return false;
		const uint64_t n = policy_facts_number(f, b);
		if (n < w->box.lo[b] || n > w->box.hi[b])
			return false;
	}
	return true;
}

static bool labels_fit(const struct policy_when *w, uint64_t labels)
{
	return (w->box.with & ~labels) == 0 && (w->box.without & labels) == 0 &&
	       (w->any == 0 || (w->any & labels) != 0);
}

static struct policy_decision decided(const struct policy *p, size_t number)
{
	const struct policy_then *t = &p->then[number];
	return (struct policy_decision){ .device = t->device,
		.upstream = t->upstream,
		.refuse_resumption = t->refuse_resumption,
		.alert = t->alert,
		.rule = t->name,
		.reason = t->reason,
		.number = number };
}

/* The cheap conditions first; labels are looked up once, when a rule first asks for them. */
struct policy_decision policy_decide(const struct policy *p, const struct policy_facts *f)
{
	const uint64_t word = policy_facts_word(p, f);
	uint64_t labels = 0;
	bool labels_known = false;
	for (size_t i = 0; i < p->rules_len; i++) {
		if ((word & ~p->words[i]) != 0)
			continue;
		const struct policy_when *w = &p->when[i];
		if (!numbers_fit(w, f))
			continue;
		if (w->labelled && !labels_known) {
			labels = policy_facts_labels(p, f);
			labels_known = true;
		}
		if (w->labelled && !labels_fit(w, labels))
			continue;
		if (policy_when_endpoint(p, w, f->endpoint))
			return decided(p, i);
	}
	return decided(p, p->rules_len);
}

/* What an event counts; BOUNDS: nothing. */
static enum policy_bound counted(enum policy_event e)
{
	static const struct {
		enum policy_event event;
		enum policy_bound bound;
	} rows[] = {
		{ POLICY_AGE, BOUND_AGE },
		{ POLICY_IDLE, BOUND_IDLE },
		{ POLICY_RECORDS, BOUND_RECORDS },
		{ POLICY_FORGED, BOUND_FORGED },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].event == e)
			return rows[i].bound;
	}
	return BOUNDS;
}

uint64_t policy_next_bound(const struct policy *p, enum policy_event e, uint64_t now)
{
	const enum policy_bound b = counted(e);
	uint64_t next = UINT64_MAX;
	for (size_t i = 0; b != BOUNDS && i < p->rules_len; i++) {
		const struct policy_box *box = &p->when[i].box;
		if ((box->word & policy_dim_bit(DIM_EVENT, e)) == 0)
			continue;
		if (box->lo[b] > now && box->lo[b] < next)
			next = box->lo[b];
		/* UINT64_MAX: no bound. */
		if (box->hi[b] >= now && box->hi[b] != UINT64_MAX && box->hi[b] + 1 < next)
			next = box->hi[b] + 1;
	}
	return next;
}

size_t policy_rules(const struct policy *p)
{
	return p->rules_len;
}

void policy_free(struct policy *p)
{
	free(p);
}

/* --- making one ------------------------------------------------------------------------------- */

bool policy_label_add(struct policy *p, const char *label, size_t *out)
{
	const size_t slot = label_slot(p, label);
	if (p->slots[slot] == 0) {
		if (p->labels_len == POLICY_LABELS_NAMED)
			return false;
		memcpy(p->labels[p->labels_len], label, strlen(label) + 1);
		p->slots[slot] = (uint8_t)++p->labels_len;
	}
	*out = p->slots[slot] - 1U;
	return true;
}

bool policy_listener_add(struct policy *p, const char *name, size_t *out)
{
	*out = listener_place(p, name);
	if (*out < POLICY_LISTENERS)
		return true;
	if (p->listeners_len == POLICY_LISTENERS)
		return false;
	*out = p->listeners_len;
	memcpy(p->listeners[p->listeners_len++], name, strlen(name) + 1);
	return true;
}

static const char wild[] = "*?";

bool policy_pattern_add(struct policy *p, const char *pattern, size_t *out)
{
	for (*out = 0; *out < p->patterns_len; ++*out) {
		if (strcmp(p->patterns[*out].text, pattern) == 0)
			return true;
	}
	if (p->patterns_len == POLICY_PATTERNS)
		return false;
	struct policy_pattern *to = &p->patterns[p->patterns_len++];
	const size_t len = strlen(pattern), head = strcspn(pattern, wild);
	size_t tail = 0;
	while (tail < len && strchr(wild, pattern[len - 1 - tail]) == NULL)
		tail++;
	to->plain = head == len;
	to->head = (uint8_t)head;
	to->tail = (uint8_t)tail;
	memcpy(to->text, pattern, len + 1);
	return true;
}

void policy_when_ready(struct policy *p, size_t number)
{
	struct policy_when *w = &p->when[number];
	const struct policy_box all = policy_box_all();
	w->labelled = (w->box.with | w->box.without | w->any) != 0;
	for (unsigned i = 0; i < BOUNDS; i++) {
		if (w->box.lo[i] != all.lo[i] || w->box.hi[i] != all.hi[i])
			w->bounded = (uint8_t)(w->bounded | 1U << i);
	}
	if ((~w->box.word & policy_dim_mask(DIM_SUITE)) != 0)
		p->suites_named = true;
	p->words[number] = w->box.word;
}

/* --- comparing -------------------------------------------------------------------------------- */

bool policy_when_same(const struct policy_when *a, const struct policy_when *b)
{
	return policy_box_within(&a->box, &b->box) && policy_box_within(&b->box, &a->box) &&
	       a->any == b->any && a->patterns_len == b->patterns_len &&
	       memcmp(a->patterns, b->patterns, a->patterns_len) == 0;
}

static bool leg_same(const struct policy_leg *a, const struct policy_leg *b)
{
	return a->action == b->action && a->bound_s == b->bound_s &&
	       a->until_registration == b->until_registration;
}

bool policy_then_same(const struct policy_then *a, const struct policy_then *b)
{
	return leg_same(&a->device, &b->device) && leg_same(&a->upstream, &b->upstream) &&
	       a->refuse_resumption == b->refuse_resumption && a->alert == b->alert;
}

/* Numbers of names are given in the order in which the file names them: where all conditions were
   the same so far, the same number means the same name. */
static bool names_same(const struct policy *a, const struct policy *b)
{
	if (a->labels_len != b->labels_len || a->listeners_len != b->listeners_len ||
		a->patterns_len != b->patterns_len)
		return false;
	for (size_t i = 0; i < a->patterns_len; i++) {
		if (strcmp(a->patterns[i].text, b->patterns[i].text) != 0)
			return false;
	}
	return memcmp(a->labels, b->labels, sizeof(a->labels)) == 0 &&
	       memcmp(a->listeners, b->listeners, sizeof(a->listeners)) == 0;
}

bool policy_same(const struct policy *a, const struct policy *b)
{
	if (a->rules_len != b->rules_len || !names_same(a, b))
		return false;
	for (size_t i = 0; i <= a->rules_len; i++) {
		if ((i < a->rules_len && !policy_when_same(&a->when[i], &b->when[i])) ||
			!policy_then_same(&a->then[i], &b->then[i]) ||
			strcmp(a->then[i].name, b->then[i].name) != 0 ||
			strcmp(a->then[i].reason, b->then[i].reason) != 0)
			return false;
	}
	return true;
}
