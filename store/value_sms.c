/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the tables of short messages. */
#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "store/value.h"
#include "store/value_field.h"
#include "store/value_mac.h"

enum { MAC = 8 };

static void rd_layout(struct rd *r)
{
	if (rd_u8(r) != VALUE_LAYOUT)
		r->bad = true;
}

/* --- what is counted -------------------------------------------------------------------------- */

size_t value_sms_write(const struct value_sms *x, const struct sip_key *mac, uint32_t cred,
	uint8_t *out, size_t cap)
{
	const struct key k = key_number(cred);
	struct wr w = wr_into(out, cap);
	if (x->in_len > STORE_SMS_IN || x->out_len > STORE_SMS_OUT)
		return 0;
	wr_u8(&w, VALUE_LAYOUT);
	wr_u32(&w, x->next);
	wr_u16(&w, x->reference);
	wr_u32(&w, x->day);
	wr_u32(&w, x->segments);
	wr_u8(&w, x->out_len);
	wr_u8(&w, x->in_len);
	for (size_t i = 0; i < x->in_len; i++)
		wr_u64(&w, x->in[i]);
	for (size_t i = 0; i < VALUE_SMS_RECENT; i++)
		wr_u64(&w, x->recent[i]);
	value_mac_write(&w, mac, KEY_SMS, &k);
	return wr_done(&w);
}

bool value_sms_read(
	struct kv_slice v, const struct sip_key *mac, uint32_t cred, struct value_sms *out)
{
	const struct key k = key_number(cred);
	struct value_sms x = { 0 };
	struct rd r;
	*out = x;
	if (!value_mac_check(v, mac, KEY_SMS, &k, &r))
		return false;
	rd_layout(&r);
	x.next = rd_u32(&r);
	x.reference = rd_u16(&r);
	x.day = rd_u32(&r);
	x.segments = rd_u32(&r);
	x.out_len = rd_u8(&r);
	x.in_len = rd_u8(&r);
	if (x.in_len > STORE_SMS_IN || x.out_len > STORE_SMS_OUT)
		return false;
	for (size_t i = 0; i < x.in_len; i++)
		x.in[i] = rd_u64(&r);
	for (size_t i = 0; i < VALUE_SMS_RECENT; i++)
		x.recent[i] = rd_u64(&r);
	if (!rd_end(&r))
		return false;
	*out = x;
	return true;
}

size_t value_sms_count_write(const struct value_sms_count *x, const struct sip_key *mac,
	uint64_t keys, uint8_t *out, size_t cap)
{
	const struct key k = key_hash(keys);
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u64(&w, x->in);
	wr_u64(&w, x->out);
	wr_u32(&w, x->incarnation);
	for (size_t i = 0; i < x->own_len; i++)
		wr_u64(&w, x->own[i]);
	value_mac_write(&w, mac, KEY_SMS_COUNT, &k);
	return wr_done(&w);
}

bool value_sms_count_read(
	struct kv_slice v, const struct sip_key *mac, uint64_t keys, struct value_sms_count *out)
{
	const struct key k = key_hash(keys);
	struct value_sms_count x = { 0 };
	struct rd r;
	*out = x;
	if (!value_mac_check(v, mac, KEY_SMS_COUNT, &k, &r))
		return false;
	rd_layout(&r);
	x.in = rd_u64(&r);
	x.out = rd_u64(&r);
	x.incarnation = rd_u32(&r);
	while (rd_ok(&r) && r.left > 0 && x.own_len < VALUE_SMS_OWN)
		x.own[x.own_len++] = rd_u64(&r);
	if (!rd_end(&r))
		return false;
	*out = x;
	return true;
}

/* --- sets of keys ----------------------------------------------------------------------------- */

size_t value_sms_keys_head_write(const struct value_sms_keys_head *h, const struct sip_key *mac,
	uint32_t cred, uint8_t *out, size_t cap)
{
	const struct key k = key_number(cred);
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u64(&w, h->proved);
	wr_u64(&w, h->due_ms);
	value_mac_write(&w, mac, KEY_SMS_KEYS, &k);
	return wr_done(&w);
}

bool value_sms_keys_head_read(struct kv_slice v, const struct sip_key *mac, uint32_t cred,
	struct value_sms_keys_head *out, struct kv_slice *rest)
{
	enum { HEAD = 1 + 8 + 8 + MAC };
	const struct key k = key_number(cred);
	const uint8_t *const octets = v.data;
	struct rd r;
	*out = (struct value_sms_keys_head){ 0 };
	*rest = (struct kv_slice){ "", 0 };
	if (v.len < HEAD ||
		!value_mac_check((struct kv_slice){ octets, HEAD }, mac, KEY_SMS_KEYS, &k, &r))
		return false;
	struct value_sms_keys_head h = { 0 };
	rd_layout(&r);
	h.proved = rd_u64(&r);
	h.due_ms = rd_u64(&r);
	if (!rd_end(&r))
		return false;
	*out = h;
	*rest = (struct kv_slice){ octets + HEAD, v.len - HEAD };
	return true;
}

/* --- messages --------------------------------------------------------------------------------- */

size_t value_sms_head_write(uint64_t proved, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u64(&w, proved);
	return wr_done(&w);
}

bool value_sms_head_read(struct kv_slice v, uint64_t *proved, struct kv_slice *rest)
{
	struct rd r = rd_from(v.data, v.len);
	rd_layout(&r);
	*proved = rd_u64(&r);
	*rest = (struct kv_slice){ r.at, r.left };
	return rd_ok(&r);
}

size_t value_message_write(const struct store_sms_message *m, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	if (m->len > STORE_SMS_DATA_MAX)
		return 0;
	wr_u8(&w, VALUE_LAYOUT);
	wr_u64(&w, m->at_ms);
	wr_u64(&w, m->until_ms);
	wr_u8(&w, m->pid);
	wr_u8(&w, m->dcs);
	wr_u8(&w, m->marker);
	wr_u16(&w, m->port);
	wr_u16(&w, m->reference);
	wr_u8(&w, m->segments);
	wr_bytes(&w, m->peer, sizeof(m->peer));
	wr_bytes(&w, m->own, sizeof(m->own));
	wr_u16(&w, (uint16_t)m->len);
	wr_bytes(&w, m->data, m->len);
	return wr_done(&w);
}

bool value_message_read(struct kv_slice v, struct store_sms_message *out)
{
	struct rd r = rd_from(v.data, v.len);
	rd_layout(&r);
	out->at_ms = rd_u64(&r);
	out->until_ms = rd_u64(&r);
	out->pid = rd_u8(&r);
	out->dcs = rd_u8(&r);
	out->marker = rd_u8(&r);
	out->port = rd_u16(&r);
	out->reference = rd_u16(&r);
	out->segments = rd_u8(&r);
	rd_copy(&r, out->peer, sizeof(out->peer));
	rd_copy(&r, out->own, sizeof(out->own));
	out->len = rd_u16(&r);
	if (!rd_ok(&r) || out->len > STORE_SMS_DATA_MAX) {
		out->len = 0;
		return false;
	}
	memset(out->data, 0, sizeof(out->data));
	rd_copy(&r, out->data, out->len);
	return rd_end(&r);
}
