/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/hold.h"

#include "base/vault.h"

#include <string.h>

bool gw_hold_put(struct gw_hold *h, enum gw_way way, const uint8_t *msg, size_t len)
{
	if (h->len == GW_HOLD_MESSAGES || len == 0)
		return false;
	struct gw_held *const m = vault_alloc(sizeof(*m) + len);
	if (!m)
		return false;
	m->next = NULL;
	m->way = way;
	m->len = len;
	memcpy(m->msg, msg, len);
	*(h->first ? h->last : &h->first) = m;
	h->last = &m->next;
	h->len++;
	return true;
}

struct gw_held *gw_hold_take(struct gw_hold *h)
{
	struct gw_held *const m = h->first;
	if (!m)
		return NULL;
	h->first = m->next;
	h->len--;
	return m;
}

void gw_hold_clear(struct gw_hold *h)
{
	struct gw_held *m;
	while ((m = gw_hold_take(h)))
		vault_release(m);
}
