/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/box: conditions, and the facts they are about, as bits and intervals: what fits them is a
 *             box in as many dimensions.
 *
 * A fact of few values (event, kind, channel ...) is one bit of a word; a condition is the set of
 * bits that it takes. So one AND tells for all of them at once whether a fact is outside.
 *
 * Promise: pure, no allocation. policy_box_cut() is exact: the pieces do not overlap, and are
 *          together what is in the one box and not in the other.
 * Threads: any.
 */
#ifndef LWG_POLICY_BOX_H
#define LWG_POLICY_BOX_H

#include "base/suite.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	POLICY_LISTENERS = 16,    /* that one policy may name */
	POLICY_LABELS_NAMED = 64, /* the same of labels */
	POLICY_LISTENER_MAX = 64, /* bytes of a listener's name */
};

/* Facts of few values. */
enum policy_dim {
	DIM_EVENT,      /* enum policy_event */
	DIM_KIND,       /* enum policy_kind */
	DIM_CHANNEL,    /* enum policy_channel */
	DIM_STATE,      /* asleep, awake */
	DIM_REGISTERED, /* no, yes */
	DIM_UPSTREAM,   /* down, up */
	DIM_SUITE,      /* in the order of base/suite; SUITES: none, or none of ours */
	DIM_LISTENER,   /* as the policy numbers them; POLICY_LISTENERS: none that it names */
	DIMS
};

/* Facts that are numbers. */
enum policy_bound {
	BOUND_AGE,
	BOUND_IDLE,
	BOUND_ASLEEP,
	BOUND_RECORDS,
	BOUND_FORGED,
	BOUND_EXCHANGES,
	BOUND_GENERATION,
	BOUNDS
};

struct policy_box {
	uint64_t word;                   /* values that fit, of all dimensions */
	uint64_t with, without;          /* labels that must be there, that must not */
	uint64_t lo[BOUNDS], hi[BOUNDS]; /* both included */
};

enum {
	/* A bit that is in no box: what has it fits nothing. */
	POLICY_NOWHERE = 63,
	/* Each dimension, each end of an interval and each label gives one at most. */
	POLICY_PIECES = DIMS + 2 * BOUNDS + POLICY_LABELS_NAMED,
};

extern const char *const policy_bound_names[BOUNDS]; /* "age_s" ... */

uint64_t policy_dim_bit(enum policy_dim d, size_t value);
uint64_t policy_dim_mask(enum policy_dim d);
/* The lowest value that word has in this dimension. */
size_t policy_dim_lowest(enum policy_dim d, uint64_t word);
/* All of them, a bit each from bit 0 on. */
uint64_t policy_dim_set(enum policy_dim d, uint64_t word);
/* Leaves the box only the values of this set. */
void policy_dim_only(struct policy_box *b, enum policy_dim d, uint64_t set);

/* What everything fits. */
struct policy_box policy_box_all(void);
/* Has it nothing in it? No endpoint has more than POLICY_LABELS_MAX labels. */
bool policy_box_empty(const struct policy_box *b);
bool policy_box_meets(const struct policy_box *a, const struct policy_box *b);
bool policy_box_within(const struct policy_box *inner, const struct policy_box *outer);
/* How many pieces policy_box_cut() will give; 0: box is within by. */
size_t policy_box_cost(const struct policy_box *box, const struct policy_box *by);
/* What is in `box` and not in `by`, which meets it. Returns the number of pieces. */
size_t policy_box_cut(const struct policy_box *box, const struct policy_box *by,
	struct policy_box pieces[POLICY_PIECES]);

#endif
