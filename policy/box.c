/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/box.h"

#include "base/attr.h"

struct dim {
	unsigned shift, width;
};

enum {
	AT_KIND = POLICY_EVENTS,
	AT_CHANNEL = AT_KIND + POLICY_KINDS,
	AT_STATE = AT_CHANNEL + POLICY_CHANNELS,
	AT_REGISTERED = AT_STATE + 2,
	AT_UPSTREAM = AT_REGISTERED + 2,
	AT_SUITE = AT_UPSTREAM + 2,
	AT_LISTENER = AT_SUITE + SUITES + 1,
	AT_END = AT_LISTENER + POLICY_LISTENERS + 1,
};

_Static_assert((int)AT_END <= (int)POLICY_NOWHERE, "the facts of few values do not fit a word");

static const struct dim dims[DIMS] = {
	[DIM_EVENT] = { 0, POLICY_EVENTS },
	[DIM_KIND] = { AT_KIND, POLICY_KINDS },
	[DIM_CHANNEL] = { AT_CHANNEL, POLICY_CHANNELS },
	[DIM_STATE] = { AT_STATE, 2 },
	[DIM_REGISTERED] = { AT_REGISTERED, 2 },
	[DIM_UPSTREAM] = { AT_UPSTREAM, 2 },
	[DIM_SUITE] = { AT_SUITE, SUITES + 1 },
	[DIM_LISTENER] = { AT_LISTENER, POLICY_LISTENERS + 1 },
};

const char *const policy_bound_names[BOUNDS] = {
	[BOUND_AGE] = "age_s",
	[BOUND_IDLE] = "idle_s",
	[BOUND_ASLEEP] = "asleep_s",
	[BOUND_RECORDS] = "records",
	[BOUND_FORGED] = "forged",
	[BOUND_EXCHANGES] = "exchanges",
	[BOUND_GENERATION] = "generation",
};

uint64_t policy_dim_bit(enum policy_dim d, size_t value)
{
	return value < dims[d].width ? UINT64_C(1) << (dims[d].shift + value)
				     : UINT64_C(1) << POLICY_NOWHERE;
}

uint64_t policy_dim_mask(enum policy_dim d)
{
	return ((UINT64_C(1) << dims[d].width) - 1) << dims[d].shift;
}

size_t policy_dim_lowest(enum policy_dim d, uint64_t word)
{
	const uint64_t of = word & policy_dim_mask(d);
	return of == 0 ? dims[d].width : (size_t)__builtin_ctzll(of) - dims[d].shift;
}

uint64_t policy_dim_set(enum policy_dim d, uint64_t word)
{
	return (word & policy_dim_mask(d)) >> dims[d].shift;
}

void policy_dim_only(struct policy_box *b, enum policy_dim d, uint64_t set)
{
	b->word &= ~policy_dim_mask(d) | set << dims[d].shift;
}

struct policy_box policy_box_all(void)
{
	struct policy_box b = { 0 };
	for (size_t d = 0; d < DIMS; d++)
		b.word |= policy_dim_mask((enum policy_dim)d);
	for (size_t i = 0; i < BOUNDS; i++)
		b.hi[i] = UINT64_MAX;
	b.hi[BOUND_EXCHANGES] = UINT32_MAX;
	return b;
}

static bool dim_missing(uint64_t word)
{
	for (size_t d = 0; d < DIMS; d++) {
		if ((word & policy_dim_mask((enum policy_dim)d)) == 0)
			return true;
	}
	return false;
}

bool policy_box_empty(const struct policy_box *b)
{
	if ((b->with & b->without) != 0 || __builtin_popcountll(b->with) > POLICY_LABELS_MAX)
		return true;
	for (size_t i = 0; i < BOUNDS; i++) {
		if (b->lo[i] > b->hi[i])
			return true;
	}
	return dim_missing(b->word);
}

bool policy_box_meets(const struct policy_box *a, const struct policy_box *b)
{
	const uint64_t with = a->with | b->with;
	if ((with & (a->without | b->without)) != 0 ||
		__builtin_popcountll(with) > POLICY_LABELS_MAX)
		return false;
	for (size_t i = 0; i < BOUNDS; i++) {
		if (a->lo[i] > b->hi[i] || b->lo[i] > a->hi[i])
			return false;
	}
	return !dim_missing(a->word & b->word);
}

bool policy_box_within(const struct policy_box *inner, const struct policy_box *outer)
{
	if ((inner->word & ~outer->word) != 0 || (outer->with & ~inner->with) != 0 ||
		(outer->without & ~inner->without) != 0)
		return false;
	for (size_t i = 0; i < BOUNDS; i++) {
		if (inner->lo[i] < outer->lo[i] || inner->hi[i] > outer->hi[i])
			return false;
	}
	return true;
}

size_t policy_box_cost(const struct policy_box *box, const struct policy_box *by)
{
	const uint64_t outside = box->word & ~by->word;
	size_t len = (size_t)__builtin_popcountll(by->with & ~box->with) +
		     (size_t)__builtin_popcountll(by->without & ~box->without);
	for (size_t d = 0; d < DIMS && outside != 0; d++)
		len += (outside & policy_dim_mask((enum policy_dim)d)) != 0;
	for (size_t i = 0; i < BOUNDS; i++)
		len += (size_t)(box->lo[i] < by->lo[i]) + (size_t)(box->hi[i] > by->hi[i]);
	return len;
}

static size_t cut_dims(struct policy_box *rest, const struct policy_box *by, struct policy_box *to)
{
	size_t len = 0;
	for (size_t d = 0; d < DIMS; d++) {
		const uint64_t mask = policy_dim_mask((enum policy_dim)d);
		const uint64_t outside = rest->word & mask & ~by->word;
		if (outside == 0)
			continue;
		to[len] = *rest;
		to[len++].word = (rest->word & ~mask) | outside;
		rest->word &= ~outside;
	}
	return len;
}

static size_t cut_bounds(
	struct policy_box *rest, const struct policy_box *by, struct policy_box *to)
{
	size_t len = 0;
	for (size_t i = 0; i < BOUNDS; i++) {
		if (rest->lo[i] < by->lo[i]) {
			to[len] = *rest;
			to[len++].hi[i] = by->lo[i] - 1;
			rest->lo[i] = by->lo[i];
		}
		if (rest->hi[i] > by->hi[i]) {
			to[len] = *rest;
			to[len++].lo[i] = by->hi[i] + 1;
			rest->hi[i] = by->hi[i];
		}
	}
	return len;
}

static size_t cut_labels(
	struct policy_box *rest, const struct policy_box *by, struct policy_box *to)
{
	size_t len = 0;
	for (uint64_t left = by->with & ~rest->with; left != 0; left &= left - 1) {
		to[len] = *rest;
		to[len++].without |= left & -left;
		rest->with |= left & -left;
	}
	for (uint64_t left = by->without & ~rest->without; left != 0; left &= left - 1) {
		to[len] = *rest;
		to[len++].with |= left & -left;
		rest->without |= left & -left;
	}
	return len;
}

size_t policy_box_cut(const struct policy_box *box, const struct policy_box *by,
	struct policy_box pieces[POLICY_PIECES])
{
	struct policy_box rest = *box;
	size_t len = cut_dims(&rest, by, pieces);
	len += cut_bounds(&rest, by, pieces + len);
	return len + cut_labels(&rest, by, pieces + len);
}
