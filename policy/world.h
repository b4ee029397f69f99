/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/world: facts that cannot be together: a session that is awake has not slept for an hour,
 *               a pre-shared key has no certificate that could be revoked.
 *
 * Conditions that only such facts meet are an error (policy/cover), and a table of expectations
 * holds none. policy_decide() does not ask.
 *
 * Promise: constant. Threads: any.
 */
#ifndef LWG_POLICY_WORLD_H
#define LWG_POLICY_WORLD_H

#include "policy/box.h"

#include <stdbool.h>
#include <stddef.h>

enum { POLICY_WORLD = 16 };

/* The number-th set of such facts, as a box, and why; NULL: there are no more. */
const char *policy_world(size_t number, struct policy_box *out);
/* Why these facts cannot be; NULL: they can. */
const char *policy_impossible(const struct policy_facts *f);

#endif
