/* SPDX-License-Identifier: Apache-2.0 */
#include "store/row.h"

#include <string.h>

#include "base/wipe.h"
#include "store/core.h"

_Static_assert(ROW_MAX >= VALUE_HEAD_MAX + VALUE_PLAIN_MAX + SEAL_OVERHEAD, "a row fits");

static struct seal_bind bind_of(const struct row *r)
{
	struct seal_bind b = {
		.table = r->table,
		.key = key_slice(&r->key),
		.schema = VALUE_LAYOUT,
		.generation = r->generation,
	};
	memcpy(b.assoc, r->assoc, sizeof(b.assoc));
	return b;
}

bool row_open(struct row *r, struct sealer *sealer, struct kv_slice sealed)
{
	const struct seal_bind b = bind_of(r);
	return seal_open(sealer, &b, sealed, r->plain, sizeof(r->plain), &r->plain_len);
}

enum store_result row_put(const struct row *r, struct store_txn *t)
{
	uint8_t value[ROW_MAX];
	const struct seal_bind b = bind_of(r);
	if (r->plain_len == 0 || r->head_len == 0)
		return STORE_DAMAGED; /* it did not fit its layout */
	memcpy(value, r->head, r->head_len);
	if (!seal_value(t->reader.sealer, &b, r->plain, r->plain_len, value + r->head_len))
		return STORE_BROKEN;
	const size_t len = r->head_len + r->plain_len + SEAL_OVERHEAD;
	return kv_put(t->kv, r->table, key_slice(&r->key), (struct kv_slice){ value, len });
}

void row_wipe(struct row *r)
{
	wipe(r->plain, sizeof(r->plain));
}
