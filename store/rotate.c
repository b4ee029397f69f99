/* SPDX-License-Identifier: Apache-2.0 */
/* Keys change while the store is in use; what becomes of the old ones is told in core.h. All in the
   writer's thread, between transactions: nothing is sealed under a key that is not yet durable. */
#include <string.h>

#include "base/wipe.h"
#include "store/core.h"
#include "store/row.h"

enum {
	ROWS_SEALED = 256, /* at most in one step */
	ROWS_SEEN = 8192,
	PAUSE_MS = 20,   /* between steps */
	AGAIN_MS = 5000, /* after one that failed */
};

struct turn {
	struct store *s;
	const struct kek *kek;
	struct store_error *error;
	enum store_result result;
};

/* --- a new wrapping key, a new data key ------------------------------------------------------- */

static void rewrap(void *ctx)
{
	struct turn *const t = ctx;
	struct store *const s = t->s;
	(void)pthread_mutex_lock(&s->kek_lock);
	struct kek old = *s->parts.kek;
	*s->parts.kek = *t->kek;
	t->result = store_parts_save_keyring(&s->parts, t->error);
	if (t->result != STORE_OK)
		*s->parts.kek = old;
	(void)pthread_mutex_unlock(&s->kek_lock);
	wipe(&old, sizeof(old));
}

enum store_result store_rewrap(struct store *s, const struct kek *kek, struct store_error *error)
{
	struct turn t = { .s = s, .kek = kek, .error = error };
	writer_call(s->writer, rewrap, &t);
	return t.result;
}

static void rotate(void *ctx)
{
	struct turn *const t = ctx;
	struct store *const s = t->s;
	if (!keyring_add(s->parts.keyring)) {
		t->result = STORE_FULL;
		(void)store_fail(t->error,
			"keyring: earlier data keys are still in use; wait until what they sealed "
			"is sealed anew");
		return;
	}
	t->result = store_parts_save_keyring(&s->parts, t->error);
	if (t->result != STORE_OK) {
		/* Nothing was sealed under it; the file knows the ones before only. */
		keyring_undo_add(s->parts.keyring);
		return;
	}
	s->sweep = (struct store_sweep){ .on = true };
}

enum store_result store_rotate(struct store *s, struct store_error *error)
{
	struct turn t = { .s = s, .error = error };
	writer_call(s->writer, rotate, &t);
	if (t.result == STORE_OK)
		writer_wake(s->writer);
	return t.result;
}

/* --- the sweep -------------------------------------------------------------------------------- */

static const unsigned sealed[] = { KEY_CRED, KEY_ASSOC, KEY_SESSION, KEY_RESUME, KEY_STAGED,
	KEY_SMS_IN, KEY_SMS_OUT, KEY_SMS_KEYS };

/* The row's binding and head; rest is the sealed part. False: no such row. */
static bool describe(
	const struct store *s, struct row *row, struct kv_slice v, struct kv_slice *rest)
{
	union {
		struct value_assoc_head assoc;
		struct store_cred_mark cred;
		struct value_session_head session;
		struct value_resume_head resume;
		struct value_staged_head staged;
		struct value_sms_keys_head keys;
	} head = { 0 };
	uint32_t number = 0;
	const bool is_message = row->table == KEY_SMS_IN || row->table == KEY_SMS_OUT;
	bool good = is_message || key_is_number(key_slice(&row->key), &number);
	*rest = (struct kv_slice){ "", 0 };
	if (row->table == KEY_ASSOC) {
		good = good && value_assoc_head_read(v, &head.assoc, rest);
		memcpy(row->assoc, head.assoc.id, sizeof(row->assoc));
		row->generation = head.assoc.generation;
	} else if (row->table == KEY_CRED) {
		good = good && value_cred_head_read(v, &s->mac, number, &head.cred, rest);
		row->generation = head.cred.generation;
	} else if (row->table == KEY_SESSION) {
		good = good && value_session_head_read(v, &head.session, rest);
	} else if (row->table == KEY_STAGED) {
		good = good && value_staged_head_read(v, &s->mac, number, &head.staged, rest);
		row->generation = head.staged.generation;
	} else if (row->table == KEY_SMS_KEYS) {
		good = good && value_sms_keys_head_read(v, &s->mac, number, &head.keys, rest);
		row->generation = head.keys.proved;
	} else if (is_message) {
		good = value_sms_head_read(v, &row->generation, rest);
	} else {
		good = good && value_resume_head_read(v, &head.resume, rest);
		row->generation = head.resume.generation;
	}
	row->head_len = v.len - rest->len;
	if (!good || row->head_len > sizeof(row->head))
		return false;
	memcpy(row->head, v.data, row->head_len);
	return true;
}

/* STORE_NONE: it is sealed under the newest key, or cannot be opened at all. */
static enum store_result seal_anew(struct store_txn *t, struct row *row, struct kv_slice v)
{
	struct kv_slice rest;
	if (!describe(t->s, row, v, &rest) ||
		seal_key_id(rest) == keyring_newest(t->s->parts.keyring))
		return STORE_NONE;
	enum store_result r = STORE_NONE;
	if (row_open(row, t->reader.sealer, rest))
		r = row_put(row, t);
	else
		(void)reader_damage(&t->reader, row->table, 0);
	row_wipe(row);
	return r;
}

/* STORE_NONE: the table is at its end. */
static enum store_result sweep_table(struct store_txn *t, struct store_sweep *at, unsigned *changed)
{
	struct kv_slice k, v;
	for (unsigned seen = 0; seen < ROWS_SEEN && *changed < ROWS_SEALED; seen++) {
		struct row row = { .table = sealed[at->table] };
		enum store_result r = kv_seek(t->kv, row.table, key_slice(&at->at), &k, &v);
		if (r != STORE_OK)
			return r;
		if (k.len >= KEY_LEN_MAX) {
			(void)reader_damage(&t->reader, row.table, 0);
			return STORE_NONE;
		}
		row.key = at->at = key_octets(k.data, k.len);
		at->at.octets[at->at.len++] = 0; /* the next key that could be */
		r = seal_anew(t, &row, v);
		if (r != STORE_OK && r != STORE_NONE)
			return r;
		*changed += r == STORE_OK;
	}
	return STORE_OK;
}

/* Everything is sealed under the newest key. */
static void drop_old(struct store *s)
{
	struct store_error error;
	const uint32_t newest = keyring_newest(s->parts.keyring);
	for (uint32_t id = 1; id < newest; id++)
		keyring_drop(s->parts.keyring, id);
	/* Not saved: the file still has them, and the next start sweeps again. */
	if (store_parts_save_keyring(&s->parts, &error) != STORE_OK && s->log)
		log_say(s->log, LOG_LEVEL_WARN, "store-keyring", "%s", error.text);
}

static bool has_old(const struct store *s)
{
	uint8_t key[KEYRING_KEY];
	bool found = false;
	for (uint32_t id = 1; id < keyring_newest(s->parts.keyring) && !found; id++)
		found = keyring_key(s->parts.keyring, id, key);
	wipe(key, sizeof(key));
	return found;
}

static bool step(struct store *s, struct store_sweep *at)
{
	struct store_txn *t;
	unsigned changed = 0;
	enum store_result r = txn_begin(s, false, &t);
	if (r != STORE_OK)
		return false;
	r = sweep_table(t, at, &changed);
	if (r == STORE_NONE)
		*at = (struct store_sweep){ .on = true, .table = at->table + 1 };
	const bool good = r == STORE_OK || r == STORE_NONE;
	if (good && changed > 0)
		return txn_commit(s, t) == STORE_OK;
	txn_abort(s, t);
	return good;
}

uint32_t store_sweep_step(void *ctx)
{
	struct store *const s = ctx;
	if (!s->sweep.on || !has_old(s)) {
		s->sweep.on = false;
		return 0;
	}
	if (s->sweep.table >= COUNT_OF(sealed)) {
		s->sweep.on = false;
		drop_old(s);
		return 0;
	}
	struct store_sweep at = s->sweep;
	if (!step(s, &at))
		return AGAIN_MS;
	s->sweep = at;
	/* Snapshots from before may still be read for a while. */
	return at.table < COUNT_OF(sealed) ? PAUSE_MS : s->drop_after_ms;
}
