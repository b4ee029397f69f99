/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keys_count.h"

#include "base/wipe.h"
#include "store/sms_keys.h"

#include <string.h>

static void count(struct gw_keys_round *x, struct store_reader *r)
{
	struct store_sms_keys row;
	struct keyset k;
	if (store_sms_keys_read(r, x->at, &row) == STORE_OK && keyset_load(row.data, row.len, &k) &&
		k.state < KEYSET_STATES)
		x->so_far[k.state]++;
	wipe(&k, sizeof(k));
	wipe(&row, sizeof(row));
}

static void end(struct gw_keys_round *x)
{
	memcpy(x->last, x->so_far, sizeof(x->last));
	x->whole = true;
	x->at = 0;
}

size_t gw_keys_round_turn(struct gw_keys_round *x, struct store_reader *r, uint64_t now_ms)
{
	size_t rows = 0;
	if (x->at == 0) {
		if (x->whole && now_ms - x->begun_ms < GW_KEYS_ROUND_MS)
			return 0;
		x->begun_ms = now_ms;
		memset(x->so_far, 0, sizeof(x->so_far));
	}
	enum store_result result = STORE_OK;
	while (rows < GW_KEYS_ROWS && (result = store_sms_keys_next(r, &x->at)) == STORE_OK) {
		count(x, r);
		rows++;
	}
	if (result == STORE_NONE)
		end(x);
	return rows;
}

const uint64_t *gw_keys_round_counts(const struct gw_keys_round *x)
{
	return x->whole ? x->last : x->so_far;
}
