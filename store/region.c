/* SPDX-License-Identifier: Apache-2.0 */
/* Whose memory a fault was in: called by a signal handler, so it only compares. */
#include "store/core.h"

enum store_region store_region(const struct store *s, const void *address)
{
	if (!s)
		return kv_owns_address(NULL, address) ? STORE_REGION_DATABASE : STORE_REGION_NONE;
	if (s->parts.hot && hot_owns(s->parts.hot, address))
		return STORE_REGION_SLOTS;
	if (s->parts.kv && kv_owns_address(s->parts.kv, address))
		return STORE_REGION_DATABASE;
	return STORE_REGION_NONE;
}
