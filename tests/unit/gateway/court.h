/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/gateway/court: a town whose gateway has a policy, and what was said in its chronicle.
 *
 * Errors:  a cmocka failure.
 * Threads: as a town's.
 */
#ifndef LWG_TEST_COURT_H
#define LWG_TEST_COURT_H

#include "base/attr.h"
#include "gateway/chronicle.h"
#include "store/store.h"
#include "town_night.h"

#include <stdbool.h>
#include <stddef.h>

enum { COURT_UNAVAILABLE = 163, COURT_QUIET_TURNS = 12 };

struct gw_material;

/* One rule for the events ("\"a\", \"b\""), what it says of each leg ("\"keep\"", "{ action = ...;
   }"), and more of it, all as libconfig has it; otherwise everything is kept. Its name is "one". */
struct gw_rules *court_rules(
	const char *events, const char *device, const char *upstream, const char *more);
/* A kept town of one worker under these rules, which it takes. */
struct town *court_new(struct gw_rules *rules);
/* With an anchor, so that something goes on after a power loss. */
struct town *court_new_anchored(struct gw_rules *rules, enum conf_power_loss after);
void court_free(struct town *t);
/* The workers are told of others. */
void court_reload(struct town *t, struct gw_rules *rules);
/* One entry, the oldest that was not looked at. False: there is none. */
MUST_USE bool court_entry(struct town *t, struct gw_entry *out);
/* The next entry is this, by rule "one"; outcome first. */
void court_assert_said(
	struct town *t, enum gw_outcome outcome, enum policy_event event, bool asleep);
/* Nothing more was said. */
void court_assert_silent(struct town *t);
/* What was decided of a device; false: nothing. */
MUST_USE bool court_verdict(struct town *t, size_t device, struct store_verdict *out);
/* As the sweep does. */
void court_sweep(struct town *t, size_t device);
/* Changes the row of a credential, and tells the workers. */
typedef void court_edit(struct store_cred *c);
void court_change(struct town *t, size_t device, court_edit *edit);
void court_label(struct store_cred *c);
void court_expire(struct store_cred *c);  /* it was over a second ago */
void court_prolong(struct store_cred *c); /* it is not over for a day */
/* Workers have a material, as at a start, and then with one wave more; what it is of does not
   matter. */
void court_material(struct town *t);
enum gw_court_wave { COURT_OWN_UPSTREAM, COURT_SERVER };
void court_wave(struct town *t, enum gw_court_wave which);

#endif
