/* SPDX-License-Identifier: Apache-2.0 */
/* When credentials end, and when what was proved before may be proved no more: an index in the
   order of the wall clock. */
#include "store/core.h"

enum { ENDS = 2 };

static size_t ends_of(const struct store_cred_mark *m, uint64_t out[ENDS])
{
	size_t len = 0;
	if (!m->active)
		return 0;
	if (m->until_ms != 0)
		out[len++] = m->until_ms;
	if (m->before != 0 && m->before_until_ms != 0)
		out[len++] = m->before_until_ms;
	return len;
}

enum store_result expiry_put(struct store_txn *t, uint32_t number, const struct store_cred_mark *m)
{
	uint64_t ends[ENDS];
	const size_t len = ends_of(m, ends);
	enum store_result r = STORE_OK;
	for (size_t i = 0; i < len && r == STORE_OK; i++) {
		const struct key k = key_time_number(ends[i], number);
		r = kv_put(t->kv, KEY_EXPIRY, key_slice(&k), (struct kv_slice){ "", 0 });
	}
	return r;
}

enum store_result expiry_drop(struct store_txn *t, uint32_t number, const struct store_cred_mark *m)
{
	uint64_t ends[ENDS];
	const size_t len = ends_of(m, ends);
	enum store_result r = STORE_OK;
	for (size_t i = 0; i < len && r == STORE_OK; i++) {
		const struct key k = key_time_number(ends[i], number);
		r = gone(kv_del(t->kv, KEY_EXPIRY, key_slice(&k)));
	}
	return r;
}

enum store_result store_next_expiry(
	struct store_reader *r, uint64_t wall_ms, uint64_t *after_ms, uint32_t *after_cred)
{
	return reader_next_time(r, KEY_EXPIRY, wall_ms, after_ms, after_cred);
}
