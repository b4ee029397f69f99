/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/store_wait: an operation of the store, and somebody who waits for it.
 *
 * Promise: returns when the operation is durable, or has failed. run() may be called more than
 *          once.
 * Errors:  what run() or the commit answered.
 * Threads: any but the store's writer.
 */
#ifndef LWG_GATEWAY_STORE_WAIT_H
#define LWG_GATEWAY_STORE_WAIT_H

#include "base/attr.h"
#include "store/error.h"

#include <stdbool.h>

struct store;
struct store_txn;

/* vital: see struct store_op. */
MUST_USE enum store_result gw_store_do(struct store *s,
	enum store_result (*what)(struct store_txn *t, void *ctx), void *ctx, bool vital);

#endif
