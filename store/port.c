/* SPDX-License-Identifier: Apache-2.0 */
/* Local ports of link sockets: a worker binds the same ones again, so that its links go on. Nothing
   secret, and a wrong one costs a link: no MAC. */
#include "base/rd.h"
#include "base/wr.h"
#include "store/core.h"

enum store_result store_read_port(
	struct store_reader *r, uint32_t worker, uint32_t at, uint32_t *value)
{
	const struct key k = key_pair(worker, at);
	struct kv_slice v;
	*value = 0;
	enum store_result result = reader_ready(r);
	if (result == STORE_OK)
		result = kv_get(r->kv, KEY_PORT, key_slice(&k), &v);
	if (result != STORE_OK)
		return result;
	struct rd in = rd_from(v.data, v.len);
	*value = rd_u32(&in);
	return rd_end(&in) ? STORE_OK : reader_damage(r, KEY_PORT, worker);
}

enum store_result store_port_put(struct store_txn *t, uint32_t worker, uint32_t at, uint32_t value)
{
	const struct key k = key_pair(worker, at);
	uint8_t octets[4];
	struct wr w = wr_into(octets, sizeof(octets));
	wr_u32(&w, value);
	return kv_put(t->kv, KEY_PORT, key_slice(&k), (struct kv_slice){ octets, w.len });
}
