/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy has decided of a session. It is kept until the device's association goes, so that
   nothing is decided twice, whatever happens in between; and it is read at each wake, so that it
   has a MAC and is not sealed: there is nothing secret in it. */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"

enum store_result store_read_verdict(
	struct store_reader *r, uint32_t cred, struct store_verdict *out)
{
	const struct key k = key_number(cred);
	struct kv_slice v;
	*out = (struct store_verdict){ .cred = cred };
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_VERDICT, key_slice(&k), &v);
	if (result != STORE_OK)
		return result;
	if (value_verdict_read(v, &r->s->mac, cred, out))
		return STORE_OK;
	out->cred = cred;
	return reader_damage(r, KEY_VERDICT, cred);
}

/* --- writing ---------------------------------------------------------------------------------- */

enum store_result store_verdict_put(struct store_txn *t, const struct store_verdict *v)
{
	const struct key k = key_number(v->cred);
	uint8_t value[VALUE_VERDICT_MAX];
	uint32_t at = 0, slot;
	if (!memchr(v->rule, '\0', sizeof(v->rule)))
		return STORE_DAMAGED;
	/* What nothing goes with would stay for ever. */
	const enum store_result r = store_next_assoc_of(&t->reader, v->cred, &at, &slot);
	if (r != STORE_OK)
		return r;
	const size_t len = value_verdict_write(v, &t->s->mac, value, sizeof(value));
	return kv_put(t->kv, KEY_VERDICT, key_slice(&k), (struct kv_slice){ value, len });
}

enum store_result verdict_drop(struct store_txn *t, uint32_t cred)
{
	const struct key k = key_number(cred);
	return gone(kv_del(t->kv, KEY_VERDICT, key_slice(&k)));
}

/* What does not open is taken as absent, so it is no device's. */
static bool is_device(struct store_txn *t, uint32_t slot)
{
	struct store_assoc a = { .slot = slot };
	const bool is = assoc_open(&t->reader, &a) == STORE_OK && a.path.role == STORE_DEVICE;
	wipe(&a, sizeof(a));
	return is;
}

static bool has_other_device(struct store_txn *t, uint32_t cred, uint32_t but)
{
	uint32_t at = 0, slot;
	while (store_next_assoc_of(&t->reader, cred, &at, &slot) == STORE_OK)
		if (slot != but && is_device(t, slot))
			return true;
	return false;
}

/* Only a device's association stays when another goes that is a link's, or was the device's before
   (then the verdict is of the newer one: its making has dropped the older one's). */
enum store_result verdict_leave(struct store_txn *t, uint32_t cred, uint32_t slot)
{
	const struct key k = key_number(cred);
	struct kv_slice v;
	const enum store_result r = kv_get(t->kv, KEY_VERDICT, key_slice(&k), &v);
	if (r != STORE_OK || has_other_device(t, cred, slot))
		return gone(r);
	return verdict_drop(t, cred);
}

/* --- going round ------------------------------------------------------------------------------ */

/* The heads of a credential's associations. */
static enum store_result look_at(
	struct store_reader *r, uint32_t cred, bool *found, struct store_glance *out)
{
	uint32_t at = 0, slot;
	enum store_result result;
	*found = false;
	while ((result = store_next_assoc_of(r, cred, &at, &slot)) == STORE_OK) {
		const struct key k = key_number(slot);
		struct value_assoc_head h;
		struct kv_slice v, rest;
		result = kv_get(r->kv, KEY_ASSOC, key_slice(&k), &v);
		if (result != STORE_OK)
			return result;
		if (!value_assoc_head_read(v, &h, &rest))
			continue;
		if (!*found || h.generation < out->generation)
			out->generation = h.generation;
		if (!*found || h.born < out->born)
			out->born = h.born;
		*found = true;
	}
	return gone(result);
}

static enum store_result add_rest(struct store_reader *r, struct store_glance *out)
{
	struct store_verdict v;
	/* One whose credential has gone, or cannot be read, is nobody's. */
	enum store_result result = store_read_cred_mark(r, out->cred, &out->mark);
	if (result == STORE_BROKEN)
		return result;
	result = store_read_verdict(r, out->cred, &v);
	if (result == STORE_OK)
		out->upto = v.upto;
	return result == STORE_BROKEN ? result : STORE_OK;
}

enum store_result store_next_glance(
	struct store_reader *r, uint32_t *cred, struct store_glance *out)
{
	enum store_result result = reader_ready(r);
	while (result == STORE_OK && *cred < UINT32_MAX) {
		const struct key from = key_pair(*cred + 1, 0);
		struct kv_slice k, v;
		uint32_t slot;
		bool found;
		result = kv_seek(r->kv, KEY_ASSOC_OF, key_slice(&from), &k, &v);
		if (result != STORE_OK)
			return result;
		if (!key_is_pair(k, cred, &slot))
			return reader_damage(r, KEY_ASSOC_OF, 0);
		*out = (struct store_glance){ .cred = *cred };
		result = look_at(r, *cred, &found, out);
		if (result == STORE_OK && found)
			return add_rest(r, out);
	}
	return result == STORE_OK ? STORE_NONE : result;
}

enum store_result store_read_generation(struct store_reader *r, uint64_t *out)
{
	struct value_meta m;
	*out = 0;
	if (r->borrowed) { /* what the transaction has given is not in its row yet */
		*out = CONTAINER_OF(r, struct store_txn, reader)->meta.generation;
		return STORE_OK;
	}
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = meta_load(r->kv, &r->s->mac, &m);
	if (result == STORE_OK)
		*out = m.generation;
	return result == STORE_DAMAGED ? reader_damage(r, KEY_META, 0) : result;
}
