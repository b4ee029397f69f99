/* SPDX-License-Identifier: Apache-2.0 */
/* Notes: a few octets under a name, for whoever owns the store. */
#include <stdio.h>
#include <string.h>

#include "store/core.h"

enum { NAME_MAX_LEN = 24 };

static struct key note_key(const char *name)
{
	char full[KEY_LEN_MAX];
	(void)snprintf(full, sizeof(full), "note.%.*s", NAME_MAX_LEN, name);
	return key_name(full);
}

enum store_result store_read_note(
	struct store_reader *r, const char *name, uint8_t *out, size_t cap, size_t *len)
{
	const struct key k = note_key(name);
	struct kv_slice v, data;
	*len = 0;
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_META, key_slice(&k), &v);
	if (result != STORE_OK)
		return result;
	if (!value_note_read(v, &r->s->mac, &k, &data) || data.len > cap)
		return reader_damage(r, KEY_META, 0);
	memcpy(out, data.data, data.len);
	*len = data.len;
	return STORE_OK;
}

enum store_result store_note_put(
	struct store_txn *t, const char *name, const uint8_t *data, size_t len)
{
	const struct key k = note_key(name);
	uint8_t value[VALUE_NOTE_MAX];
	if (len > STORE_NOTE_MAX)
		return STORE_DAMAGED;
	const size_t value_len = value_note_write(data, len, &t->s->mac, &k, value, sizeof(value));
	return kv_put(t->kv, KEY_META, key_slice(&k), (struct kv_slice){ value, value_len });
}
