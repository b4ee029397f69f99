/* SPDX-License-Identifier: Apache-2.0 */
#include "store/value.h"

#include <assert.h>
#include <string.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "store/value_field.h"
#include "store/value_mac.h"

enum { MAC = 8 };

/* --- MACs ------------------------------------------------------------------------------------- */

static uint64_t mac_of(const struct sip_key *key, uint8_t table, const struct key *k,
	const uint8_t *body, size_t len)
{
	uint8_t octets[2 + KEY_LEN_MAX + VALUE_META_MAX];
	struct wr w = wr_into(octets, sizeof(octets));
	wr_u8(&w, table);
	wr_u8(&w, (uint8_t)k->len);
	wr_bytes(&w, k->octets, k->len);
	wr_bytes(&w, body, len);
	assert(wr_ok(&w));
	return sip_hash(key, octets, w.len);
}

void value_mac_write(struct wr *w, const struct sip_key *key, uint8_t table, const struct key *k)
{
	if (wr_ok(w))
		wr_u64(w, mac_of(key, table, k, w->data, w->len));
}

bool value_mac_check(struct kv_slice v, const struct sip_key *key, uint8_t table,
	const struct key *k, struct rd *body)
{
	if (v.len < MAC || v.len > VALUE_META_MAX)
		return false;
	const uint8_t *const octets = v.data;
	struct rd tail = rd_from(octets + v.len - MAC, MAC);
	const uint64_t said = rd_u64(&tail);
	const uint64_t is = mac_of(key, table, k, octets, v.len - MAC);
	*body = rd_from(octets, v.len - MAC);
	return same_secret(&said, &is, sizeof(is));
}

static void rd_layout(struct rd *r)
{
	if (rd_u8(r) != VALUE_LAYOUT)
		r->bad = true;
}

static struct kv_slice rest_of(const struct rd *r)
{
	return (struct kv_slice){ r->at, r->left };
}

/* --- meta ------------------------------------------------------------------------------------- */

static struct key meta_key(void)
{
	return key_name("meta");
}

size_t value_meta_write(
	const struct value_meta *m, const struct sip_key *mac, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_bytes(&w, m->uuid, sizeof(m->uuid));
	wr_bytes(&w, m->hot, sizeof(m->hot));
	wr_u32(&w, m->incarnation);
	wr_u8(&w, m->clean);
	wr_u8(&w, m->anchored);
	wr_u32(&w, m->unclean);
	wr_u32(&w, m->stale_since);
	wr_u32(&w, m->unsure_since);
	wr_u32(&w, m->cred_next);
	wr_u32(&w, m->slots);
	wr_u64(&w, m->watermark);
	wr_u64(&w, m->generation);
	wr_u64(&w, m->txn);
	wr_u64(&w, m->store_ms);
	wr_u64(&w, m->wall_ms);
	const struct key k = meta_key();
	value_mac_write(&w, mac, KEY_META, &k);
	return wr_done(&w);
}

bool value_meta_read(struct kv_slice v, const struct sip_key *mac, struct value_meta *out)
{
	const struct key k = meta_key();
	struct rd r;
	*out = (struct value_meta){ 0 };
	if (!value_mac_check(v, mac, KEY_META, &k, &r))
		return false;
	struct value_meta m = { 0 };
	rd_layout(&r);
	rd_copy(&r, m.uuid, sizeof(m.uuid));
	rd_copy(&r, m.hot, sizeof(m.hot));
	m.incarnation = rd_u32(&r);
	m.clean = rd_flag(&r);
	m.anchored = rd_flag(&r);
	m.unclean = rd_u32(&r);
	m.stale_since = rd_u32(&r);
	m.unsure_since = rd_u32(&r);
	m.cred_next = rd_u32(&r);
	m.slots = rd_u32(&r);
	m.watermark = rd_u64(&r);
	m.generation = rd_u64(&r);
	m.txn = rd_u64(&r);
	m.store_ms = rd_u64(&r);
	m.wall_ms = rd_u64(&r);
	if (!rd_end(&r))
		return false;
	*out = m;
	return true;
}

size_t value_note_write(const uint8_t *data, size_t len, const struct sip_key *mac,
	const struct key *k, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_bytes(&w, data, len);
	value_mac_write(&w, mac, KEY_META, k);
	return wr_done(&w);
}

bool value_note_read(
	struct kv_slice v, const struct sip_key *mac, const struct key *k, struct kv_slice *data)
{
	struct rd r;
	*data = (struct kv_slice){ 0 };
	if (v.len > VALUE_NOTE_MAX || !value_mac_check(v, mac, KEY_META, k, &r) ||
		rd_u8(&r) != VALUE_LAYOUT)
		return false;
	*data = (struct kv_slice){ r.at, r.left };
	return true;
}

bool value_meta_is_other(struct kv_slice v, const uint8_t uuid[16])
{
	struct rd r = rd_from(v.data, v.len);
	rd_layout(&r);
	const uint8_t *const is = rd_bytes(&r, 16);
	return rd_ok(&r) && memcmp(is, uuid, 16) != 0;
}

/* --- leases ----------------------------------------------------------------------------------- */

#define NUMBER_MAX ((UINT64_C(1) << 48) - 1) /* stands for "no bound" in read_end */

size_t value_lease_write(const struct value_lease *l, const struct sip_key *mac, uint32_t slot,
	uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_bytes(&w, l->id, sizeof(l->id));
	wr_u32(&w, l->incarnation);
	wr_u32(&w, l->window);
	wr_u32(&w, l->unclean);
	wr_u48(&w, l->begin);
	wr_u48(&w, l->write_end);
	wr_u48(&w, l->read_end < NUMBER_MAX ? l->read_end : NUMBER_MAX);
	wr_u64(&w, l->watermark);
	const struct key k = key_number(slot);
	value_mac_write(&w, mac, KEY_LEASE, &k);
	return wr_done(&w);
}

bool value_lease_read(
	struct kv_slice v, const struct sip_key *mac, uint32_t slot, struct value_lease *out)
{
	const struct key k = key_number(slot);
	struct rd r;
	*out = (struct value_lease){ 0 };
	if (!value_mac_check(v, mac, KEY_LEASE, &k, &r))
		return false;
	struct value_lease l = { 0 };
	rd_layout(&r);
	rd_copy(&r, l.id, sizeof(l.id));
	l.incarnation = rd_u32(&r);
	l.window = rd_u32(&r);
	l.unclean = rd_u32(&r);
	l.begin = rd_u48(&r);
	l.write_end = rd_u48(&r);
	l.read_end = rd_u48(&r);
	l.watermark = rd_u64(&r);
	if (l.read_end == NUMBER_MAX)
		l.read_end = UINT64_MAX;
	if (!rd_end(&r) || l.begin > l.write_end)
		return false;
	*out = l;
	return true;
}

/* --- verdicts --------------------------------------------------------------------------------- */

size_t value_verdict_write(
	const struct store_verdict *v, const struct sip_key *mac, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u64(&w, v->upto);
	wr_u64(&w, v->upto_ms);
	wr_u64(&w, v->at_ms);
	wr_u64(&w, v->until_ms);
	wr_u8(&w, v->event);
	wr_u8(&w, v->device);
	wr_u8(&w, v->upstream);
	wr_u8(&w, (uint8_t)(v->until_registration | v->done << 1 | v->device_ends << 2 |
			    v->upstream_ends << 3));
	wr_text(&w, v->rule, STORE_RULE_MAX);
	const struct key k = key_number(v->cred);
	value_mac_write(&w, mac, KEY_VERDICT, &k);
	return wr_done(&w);
}

bool value_verdict_read(
	struct kv_slice v, const struct sip_key *mac, uint32_t cred, struct store_verdict *out)
{
	const struct key k = key_number(cred);
	struct rd r;
	*out = (struct store_verdict){ 0 };
	if (!value_mac_check(v, mac, KEY_VERDICT, &k, &r))
		return false;
	struct store_verdict x = { .cred = cred };
	rd_layout(&r);
	x.upto = rd_u64(&r);
	x.upto_ms = rd_u64(&r);
	x.at_ms = rd_u64(&r);
	x.until_ms = rd_u64(&r);
	x.event = rd_u8(&r);
	x.device = rd_u8(&r);
	x.upstream = rd_u8(&r);
	const uint8_t flags = rd_u8(&r);
	x.until_registration = (flags & 1) != 0;
	x.done = (flags & 2) != 0;
	x.device_ends = (flags & 4) != 0;
	x.upstream_ends = (flags & 8) != 0;
	rd_text(&r, x.rule, STORE_RULE_MAX);
	if (!rd_end(&r) || flags > 15)
		return false;
	*out = x;
	return true;
}

/* --- heads ------------------------------------------------------------------------------------ */

/* In one way only: the oldest that has room for it. */
static uint8_t assoc_head_layout(const struct value_assoc_head *h)
{
	if (h->born != h->generation)
		return VALUE_LAYOUT_POLICIES;
	return h->has_cid ? VALUE_LAYOUT_CIDS : VALUE_LAYOUT;
}

size_t value_assoc_head_write(const struct value_assoc_head *h, uint8_t *out, size_t cap)
{
	const uint8_t layout = assoc_head_layout(h);
	struct wr w = wr_into(out, cap);
	wr_u8(&w, layout);
	wr_bytes(&w, h->id, sizeof(h->id));
	wr_u32(&w, h->cred);
	wr_u64(&w, h->generation);
	wr_u64(&w, h->path);
	if (layout == VALUE_LAYOUT_POLICIES) {
		wr_u64(&w, h->born);
		wr_u8(&w, h->has_cid);
	}
	if (h->has_cid)
		wr_u64(&w, h->cid);
	return wr_done(&w);
}

bool value_assoc_head_read(struct kv_slice v, struct value_assoc_head *out, struct kv_slice *rest)
{
	struct rd r = rd_from(v.data, v.len);
	struct value_assoc_head h = { 0 };
	const uint8_t layout = rd_u8(&r);
	rd_copy(&r, h.id, sizeof(h.id));
	h.cred = rd_u32(&r);
	h.generation = h.born = rd_u64(&r);
	h.path = rd_u64(&r);
	h.has_cid = layout == VALUE_LAYOUT_CIDS;
	if (layout == VALUE_LAYOUT_POLICIES) {
		h.born = rd_u64(&r);
		h.has_cid = rd_flag(&r);
	}
	if (h.has_cid)
		h.cid = rd_u64(&r);
	if (layout != assoc_head_layout(&h))
		r.bad = true;
	*out = rd_ok(&r) ? h : (struct value_assoc_head){ 0 };
	*rest = rest_of(&r);
	return rd_ok(&r);
}

static bool mark_is_plain(const struct store_cred_mark *m)
{
	return m->proved == m->generation && m->before == 0 && m->before_until_ms == 0 &&
	       m->until_ms == 0;
}

size_t value_cred_head_write(const struct store_cred_mark *m, const struct sip_key *mac,
	uint32_t number, uint8_t *out, size_t cap)
{
	const bool plain = mark_is_plain(m);
	struct wr w = wr_into(out, cap);
	wr_u8(&w, plain ? VALUE_LAYOUT : VALUE_LAYOUT_POLICIES);
	wr_u64(&w, m->generation);
	wr_u8(&w, m->active ? STORE_CRED_ACTIVE : STORE_CRED_REVOKED);
	if (!plain) {
		wr_u64(&w, m->proved);
		wr_u64(&w, m->before);
		wr_u64(&w, m->before_until_ms);
		wr_u64(&w, m->until_ms);
	}
	const struct key k = key_number(number);
	value_mac_write(&w, mac, KEY_CRED, &k);
	return wr_done(&w);
}

bool value_cred_head_read(struct kv_slice v, const struct sip_key *mac, uint32_t number,
	struct store_cred_mark *out, struct kv_slice *rest)
{
	enum { PLAIN = 1 + 8 + 1 + MAC, LONGER = PLAIN + 4 * 8 };
	const struct key k = key_number(number);
	const uint8_t *const octets = v.data;
	struct rd r;
	*out = (struct store_cred_mark){ 0 };
	*rest = (struct kv_slice){ "", 0 };
	const uint8_t layout = v.len > 0 ? octets[0] : 0;
	const size_t head = layout == VALUE_LAYOUT_POLICIES ? LONGER : PLAIN;
	if (v.len < head ||
		!value_mac_check((struct kv_slice){ octets, head }, mac, KEY_CRED, &k, &r))
		return false;
	struct store_cred_mark m = { 0 };
	rd_skip(&r, 1);
	m.generation = m.proved = rd_u64(&r);
	const uint8_t state = rd_u8(&r);
	m.active = state == STORE_CRED_ACTIVE;
	if (layout == VALUE_LAYOUT_POLICIES) {
		m.proved = rd_u64(&r);
		m.before = rd_u64(&r);
		m.before_until_ms = rd_u64(&r);
		m.until_ms = rd_u64(&r);
	}
	if (!rd_end(&r) || state > STORE_CRED_REVOKED ||
		layout != (mark_is_plain(&m) ? VALUE_LAYOUT : VALUE_LAYOUT_POLICIES))
		return false;
	*out = m;
	*rest = (struct kv_slice){ octets + head, v.len - head };
	return true;
}

size_t value_staged_head_write(const struct value_staged_head *h, const struct sip_key *mac,
	uint32_t cred, uint8_t *out, size_t cap)
{
	const struct key k = key_number(cred);
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u64(&w, h->generation);
	wr_u64(&w, h->until_ms);
	wr_u8(&w, h->armed);
	value_mac_write(&w, mac, KEY_STAGED, &k);
	return wr_done(&w);
}

bool value_staged_head_read(struct kv_slice v, const struct sip_key *mac, uint32_t cred,
	struct value_staged_head *out, struct kv_slice *rest)
{
	enum { HEAD = 1 + 8 + 8 + 1 + MAC };
	const struct key k = key_number(cred);
	const uint8_t *const octets = v.data;
	struct rd r;
	*out = (struct value_staged_head){ 0 };
	*rest = (struct kv_slice){ "", 0 };
	if (v.len < HEAD ||
		!value_mac_check((struct kv_slice){ octets, HEAD }, mac, KEY_STAGED, &k, &r))
		return false;
	struct value_staged_head h = { 0 };
	rd_layout(&r);
	h.generation = rd_u64(&r);
	h.until_ms = rd_u64(&r);
	h.armed = rd_flag(&r);
	if (!rd_end(&r))
		return false;
	*out = h;
	*rest = (struct kv_slice){ octets + HEAD, v.len - HEAD };
	return true;
}

size_t value_session_head_write(const struct value_session_head *h, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u64(&w, h->expires_ms);
	wr_u8(&w, h->registered);
	return wr_done(&w);
}

bool value_session_head_read(
	struct kv_slice v, struct value_session_head *out, struct kv_slice *rest)
{
	struct rd r = rd_from(v.data, v.len);
	struct value_session_head h = { 0 };
	rd_layout(&r);
	h.expires_ms = rd_u64(&r);
	h.registered = rd_flag(&r);
	*out = rd_ok(&r) ? h : (struct value_session_head){ 0 };
	*rest = rest_of(&r);
	return rd_ok(&r);
}

size_t value_resume_head_write(const struct value_resume_head *h, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u8(&w, (uint8_t)h->id_len);
	wr_bytes(&w, h->id, h->id_len);
	wr_u64(&w, h->generation);
	wr_u64(&w, h->until_ms);
	wr_u8(&w, h->registered);
	return wr_done(&w);
}

bool value_resume_head_read(struct kv_slice v, struct value_resume_head *out, struct kv_slice *rest)
{
	struct rd r = rd_from(v.data, v.len);
	struct value_resume_head h = { 0 };
	rd_layout(&r);
	h.id_len = rd_u8(&r);
	if (h.id_len == 0 || h.id_len > sizeof(h.id))
		r.bad = true;
	else
		rd_copy(&r, h.id, h.id_len);
	h.generation = rd_u64(&r);
	h.until_ms = rd_u64(&r);
	h.registered = rd_flag(&r);
	*out = rd_ok(&r) ? h : (struct value_resume_head){ 0 };
	*rest = rest_of(&r);
	return rd_ok(&r);
}
