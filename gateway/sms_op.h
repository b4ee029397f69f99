/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_op: an operation of the store that a worker has under way for short messages. For
 *                 the files of gateway/sms only.
 *
 * It is begun by the struct that has it inside, is run by the store's writer, and comes back into
 * the worker's inbox (GW_SMS_STORED), where finish() is told the result once it is durable.
 *
 * Promise: finish() is called exactly once for each that was submitted, in the order of the
 *          transactions, also while the worker stops. A session lives till its last is back, and
 *          looks at what waits then.
 * Memory:  the owner's; finish() frees it.
 * Threads: the worker's; op.run: the writer's.
 */
#ifndef LWG_GATEWAY_SMS_OP_H
#define LWG_GATEWAY_SMS_OP_H

#include "store/store.h"

#include <stddef.h>
#include <stdint.h>

struct gw_session;
struct gw_worker;
struct inbox_message;

struct gw_sms_op {
	struct store_op op;                   /* run, vital and may_wait_ms are the owner's */
	struct gw_sms_op *next, **link_to_us; /* of those under way */
	struct gw_worker *worker;
	struct gw_session *session; /* NULL: nobody waits for it */
	void (*finish)(struct gw_sms_op *o, enum store_result result);
};

void gw_sms_op_submit(struct gw_sms_op *o);
/* GW_SMS_STORED */
void gw_sms_op_stored(struct gw_worker *w, const struct inbox_message *m);

#endif
