/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <time.h>

#include "store/core.h"

struct store_reader *store_reader_new(struct store *s)
{
	struct store_reader *const r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->s = s;
	r->sealer = sealer_new(s->parts.keyring);
	if (r->sealer && kv_begin(s->parts.kv, KV_READ, &r->kv) == STORE_OK) {
		store_reader_rest(r);
		return r;
	}
	store_reader_free(r);
	return NULL;
}

void store_reader_free(struct store_reader *r)
{
	if (!r)
		return;
	kv_abort(r->kv);
	sealer_free(r->sealer);
	free(r);
}

void store_reader_rest(struct store_reader *r)
{
	if (r->borrowed || r->rests)
		return;
	kv_rest(r->kv);
	r->rests = true;
}

enum store_result reader_ready(struct store_reader *r)
{
	if (!r->rests)
		return STORE_OK;
	const enum store_result result = kv_renew(r->kv);
	r->rests = result != STORE_OK;
	return result;
}

enum store_result reader_next(
	struct store_reader *r, unsigned table, uint32_t *number, struct kv_slice *value)
{
	const struct key from = key_number(*number + 1);
	struct kv_slice k;
	if (*number == UINT32_MAX)
		return STORE_NONE;
	const enum store_result result = kv_seek(r->kv, table, key_slice(&from), &k, value);
	if (result == STORE_OK && !key_is_number(k, number))
		return reader_damage(r, table, 0);
	return result;
}

enum store_result reader_next_time(struct store_reader *r, unsigned table, uint64_t until_ms,
	uint64_t *after_ms, uint32_t *after_number)
{
	struct key from = key_time_number(*after_ms, *after_number);
	struct kv_slice k, v;
	uint64_t at_ms;
	uint32_t number;
	from.octets[from.len++] = 0; /* the next one that could be */
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_seek(r->kv, table, key_slice(&from), &k, &v);
	if (result != STORE_OK)
		return result;
	if (!key_is_time_number(k, &at_ms, &number))
		return reader_damage(r, table, 0);
	if (at_ms > until_ms)
		return STORE_NONE;
	*after_ms = at_ms;
	*after_number = number;
	return STORE_OK;
}

struct store_reader *store_txn_reader(struct store_txn *t)
{
	return &t->reader;
}

enum store_result reader_damage(struct store_reader *r, unsigned table, uint32_t number)
{
	(void)atomic_fetch_add(&r->s->damaged, 1);
	if (r->s->log)
		log_limited(r->s->log, &r->told, clock_ms(CLOCK_BOOTTIME), LOG_LEVEL_ERROR,
			"store-damaged",
			"%s %u: the row is damaged, or of another key: taken as absent",
			key_tables()[table], number);
	return STORE_DAMAGED;
}
