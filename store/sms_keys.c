/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sms_keys.h"

#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/row.h"

/* Of a credential that has no row yet, or other rules since: its owner is to look at it. */
enum { AT_ONCE_MS = 1 };

/* Of an active credential for short messages. 0: it is none. */
static enum store_result proved_now(struct store_reader *r, uint32_t cred, uint64_t *proved)
{
	struct store_cred c;
	const enum store_result result = store_read_cred(r, cred, &c);
	const bool good =
		result == STORE_OK && c.state == STORE_CRED_ACTIVE && c.kind == STORE_CRED_SMS;
	*proved = good ? c.proved : 0;
	wipe(&c, sizeof(c));
	return gone(result);
}

/* Its head alone. STORE_NONE: there is none that can be read; whether there are octets, *is. */
static enum store_result read_head(struct store_reader *r, uint32_t cred,
	struct value_sms_keys_head *h, struct kv_slice *v, struct kv_slice *rest, bool *is)
{
	const struct key k = key_number(cred);
	const enum store_result result = kv_get(r->kv, KEY_SMS_KEYS, key_slice(&k), v);
	*is = result == STORE_OK;
	if (result != STORE_OK)
		return result;
	if (value_sms_keys_head_read(*v, &r->s->mac, cred, h, rest))
		return STORE_OK;
	reader_damage(r, KEY_SMS_KEYS, cred);
	return STORE_NONE;
}

enum store_result store_sms_keys_read(
	struct store_reader *r, uint32_t cred, struct store_sms_keys *out)
{
	struct row row = { .table = KEY_SMS_KEYS, .key = key_number(cred) };
	struct value_sms_keys_head h;
	struct kv_slice v, rest;
	uint64_t proved = 0;
	bool is;
	*out = (struct store_sms_keys){ .cred = cred, .due_ms = UINT64_MAX };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = proved_now(r, cred, &proved);
	if (result == STORE_OK)
		result = read_head(r, cred, &h, &v, &rest, &is);
	if (result != STORE_OK)
		return result;
	if (proved == 0 || h.proved != proved)
		return STORE_NONE;
	row.generation = h.proved;
	(void)atomic_fetch_add(&r->s->unseals, 1);
	const bool good = row_open(&row, r->sealer, rest) && row.plain_len <= sizeof(out->data);
	if (good) {
		out->proved = h.proved;
		out->due_ms = h.due_ms;
		out->len = row.plain_len;
		memcpy(out->data, row.plain, row.plain_len);
	}
	row_wipe(&row);
	return good ? STORE_OK : reader_damage(r, KEY_SMS_KEYS, cred);
}

enum store_result store_sms_keys_next(struct store_reader *r, uint32_t *cred)
{
	struct kv_slice v;
	const enum store_result result = reader_ready(r);
	return result == STORE_OK ? reader_next(r, KEY_SMS_KEYS, cred, &v) : result;
}

/* --- changes ---------------------------------------------------------------------------------- */

static enum store_result leave_index(struct store_txn *t, uint32_t cred, uint64_t due_ms)
{
	const struct key k = key_time_number(due_ms, cred);
	return due_ms == UINT64_MAX ? STORE_OK
				    : gone(kv_del(t->kv, KEY_SMS_KEYS_DUE, key_slice(&k)));
}

static enum store_result enter_index(struct store_txn *t, uint32_t cred, uint64_t due_ms)
{
	const struct key k = key_time_number(due_ms, cred);
	return due_ms == UINT64_MAX
		       ? STORE_OK
		       : kv_put(t->kv, KEY_SMS_KEYS_DUE, key_slice(&k), (struct kv_slice){ "", 0 });
}

/* Of one whose head is damaged: all of all are looked at. */
static enum store_result search_index(struct store_txn *t, uint32_t cred)
{
	uint64_t ms = 0;
	uint32_t of = 0;
	enum store_result r;
	while ((r = reader_next_time(&t->reader, KEY_SMS_KEYS_DUE, UINT64_MAX, &ms, &of)) ==
		STORE_OK) {
		if (of == cred)
			r = leave_index(t, cred, ms);
		if (r != STORE_OK)
			return r;
	}
	return gone(r);
}

/* What was there leaves the index. */
static enum store_result leave(struct store_txn *t, uint32_t cred, bool *is)
{
	struct value_sms_keys_head h;
	struct kv_slice v, rest;
	enum store_result r = leave_index(t, cred, AT_ONCE_MS);
	if (r != STORE_OK)
		return r;
	r = read_head(&t->reader, cred, &h, &v, &rest, is);
	if (r == STORE_OK)
		return leave_index(t, cred, h.due_ms);
	return r == STORE_NONE && *is ? search_index(t, cred) : gone(r);
}

enum store_result store_sms_keys_put(struct store_txn *t, const struct store_sms_keys *x)
{
	struct row row = {
		.table = KEY_SMS_KEYS, .key = key_number(x->cred), .generation = x->proved
	};
	const struct value_sms_keys_head h = { .proved = x->proved, .due_ms = x->due_ms };
	uint64_t proved = 0;
	bool is;
	if (x->len == 0 || x->len > sizeof(x->data))
		return STORE_DAMAGED;
	enum store_result r = proved_now(&t->reader, x->cred, &proved);
	if (r == STORE_OK && (proved == 0 || proved != x->proved))
		r = STORE_STALE;
	if (r == STORE_OK)
		r = leave(t, x->cred, &is);
	if (r != STORE_OK)
		return r;
	row.head_len =
		value_sms_keys_head_write(&h, &t->s->mac, x->cred, row.head, sizeof(row.head));
	row.plain_len = x->len;
	memcpy(row.plain, x->data, x->len);
	r = row_put(&row, t);
	row_wipe(&row);
	return r == STORE_OK ? enter_index(t, x->cred, x->due_ms) : r;
}

enum store_result sms_keys_forget(struct store_txn *t, uint32_t cred)
{
	const struct key k = key_number(cred);
	bool is;
	const enum store_result r = leave(t, cred, &is);
	return r == STORE_OK && is ? kv_del(t->kv, KEY_SMS_KEYS, key_slice(&k)) : r;
}

enum store_result sms_keys_look(struct store_txn *t, uint32_t cred, bool renews)
{
	return renews ? enter_index(t, cred, AT_ONCE_MS) : leave_index(t, cred, AT_ONCE_MS);
}

enum store_result store_sms_keys_next_due(
	struct store_reader *r, uint64_t now_ms, uint64_t *after_ms, uint32_t *after_cred)
{
	return reader_next_time(r, KEY_SMS_KEYS_DUE, now_ms, after_ms, after_cred);
}
