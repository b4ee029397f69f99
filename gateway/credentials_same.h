/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/credentials_same: is what a plan wants of a credential what the store has?
 *
 * Promise: keys are compared in constant time.
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_GATEWAY_CREDENTIALS_SAME_H
#define LWG_GATEWAY_CREDENTIALS_SAME_H

#include "base/attr.h"
#include "store/store.h"

#include <stdbool.h>

/* Kind and identity. */
MUST_USE bool cred_same_name(const struct store_cred *a, const struct store_cred *b);
/* What the device proves. */
MUST_USE bool cred_same_proof(const struct store_cred *a, const struct store_cred *b);
/* And what goes with it. */
MUST_USE bool cred_same_all(const struct store_cred *a, const struct store_cred *b);

#endif
