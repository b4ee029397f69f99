/* SPDX-License-Identifier: Apache-2.0 */
/* What goes with a credential: all messages; its counters are its keys', and stay. */
#include "store/sms_row.h"

static enum store_result forget_out(struct store_txn *t, uint32_t cred)
{
	enum store_result r;
	struct kv_slice v;
	uint64_t id;
	while ((r = sms_seek_out(&t->reader, sms_out_id(cred, 0), &id, &v)) == STORE_OK) {
		const struct key k = key_hash(id);
		if (id >> 32 != cred)
			return STORE_OK;
		r = kv_del(t->kv, KEY_SMS_OUT, key_slice(&k));
		if (r != STORE_OK)
			return r;
	}
	return gone(r);
}

/* Of one whose row is damaged: all of all are looked at. */
static enum store_result forget_in(struct store_txn *t, uint32_t cred)
{
	struct key from = key_hash_number(0, 0);
	struct kv_slice k, v;
	enum store_result r;
	while ((r = kv_seek(t->kv, KEY_SMS_IN, key_slice(&from), &k, &v)) == STORE_OK) {
		uint64_t id;
		uint32_t of;
		if (!key_is_hash_number(k, &id, &of))
			return reader_damage(&t->reader, KEY_SMS_IN, 0);
		from = key_hash_number(id, of);
		if (of == cred)
			r = kv_del(t->kv, KEY_SMS_IN, key_slice(&from));
		if (r != STORE_OK)
			return r;
		from.octets[from.len++] = 0; /* the next one that could be */
	}
	return gone(r);
}

/* The running number stays, so that no id is used again. */
enum store_result sms_forget(struct store_txn *t, uint32_t cred)
{
	const struct key k = key_number(cred);
	struct value_sms box;
	struct kv_slice v;
	enum store_result r = sms_keys_forget(t, cred);
	if (r == STORE_OK)
		r = kv_get(t->kv, KEY_SMS, key_slice(&k), &v);
	if (r != STORE_OK)
		return gone(r);
	const enum store_result known = sms_read_box(&t->reader, cred, &box);
	if (known == STORE_BROKEN)
		return known;
	r = known == STORE_DAMAGED ? forget_in(t, cred) : STORE_OK;
	for (size_t i = 0; i < box.in_len && r == STORE_OK; i++)
		r = sms_drop_in(t, cred, box.in[i]);
	if (r == STORE_OK)
		r = forget_out(t, cred);
	box.in_len = box.out_len = 0;
	if (r == STORE_OK && known == STORE_DAMAGED)
		return kv_del(t->kv, KEY_SMS, key_slice(&k));
	return r == STORE_OK ? sms_put_box(t, cred, &box) : r;
}
