/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/sms_row: rows of boxes of short messages, for the files of store/sms alone.
 *
 * Errors, Threads: as of store/store.
 */
#ifndef LWG_STORE_SMS_ROW_H
#define LWG_STORE_SMS_ROW_H

#include "base/attr.h"
#include "store/core.h"

#include <stdint.h>

/* Of a message of the box out. */
static inline uint64_t sms_out_id(uint32_t cred, uint32_t number)
{
	return (uint64_t)cred << 32 | number;
}

/* What is in the boxes of a credential; zero where there is none. */
MUST_USE enum store_result sms_read_box(
	struct store_reader *r, uint32_t cred, struct value_sms *out);
MUST_USE enum store_result sms_put_box(
	struct store_txn *t, uint32_t cred, const struct value_sms *x);
/* The next of the box out, without a look at it: its number, and its value. */
MUST_USE enum store_result sms_seek_out(
	struct store_reader *r, uint64_t after, uint64_t *id, struct kv_slice *v);
/* The message of the box in; the box is as it was. */
MUST_USE enum store_result sms_drop_in(struct store_txn *t, uint32_t cred, uint64_t id);

#endif
