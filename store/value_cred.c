/* SPDX-License-Identifier: Apache-2.0 */
#include "store/value.h"

#include <string.h>

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"
#include "store/value_field.h"

/* It could have been written before there were policies, and then was: in one way only. */
static bool is_plain(const struct store_cred *c)
{
	return c->proved == c->generation && c->until_ms == 0 && c->labels_len == 0 &&
	       c->before.generation == 0;
}

/* The same, of purposes. */
static bool is_for_anything(const struct store_cred *c)
{
	return c->purpose == STORE_FOR_ANY && !c->repository;
}

static uint8_t layout_of(const struct store_cred *c)
{
	if (c->kind == STORE_CRED_SMS)
		return c->sms.renew.how != STORE_RENEW_NEVER ? VALUE_LAYOUT_RENEWALS
							     : VALUE_LAYOUT_MESSAGES;
	if (!is_for_anything(c))
		return VALUE_LAYOUT_PURPOSES;
	if (!is_plain(c))
		return VALUE_LAYOUT_POLICIES;
	return c->kind == STORE_CRED_PSK ? VALUE_LAYOUT : VALUE_LAYOUT_KINDS;
}

/* --- what came with the kinds ----------------------------------------------------------------- */

static void wr_kind(struct wr *w, const struct store_cred *c)
{
	const uint8_t layout = layout_of(c);
	wr_u8(w, layout);
	if (layout == VALUE_LAYOUT)
		return;
	wr_u8(w, c->kind);
	wr_u8(w, c->pinned);
	if (c->pinned)
		wr_bytes(w, c->pin, sizeof(c->pin));
}

/* Returns the layout. */
static uint8_t rd_kind(struct rd *r, struct store_cred *out)
{
	const uint8_t layout = rd_u8(r);
	out->kind = STORE_CRED_PSK;
	out->pinned = false;
	memset(out->pin, 0, sizeof(out->pin));
	if (layout == VALUE_LAYOUT)
		return layout;
	out->kind = rd_u8(r);
	out->pinned = rd_flag(r);
	if (out->pinned)
		rd_copy(r, out->pin, sizeof(out->pin));
	if (layout < VALUE_LAYOUT_KINDS || layout > VALUE_LAYOUT_RENEWALS ||
		out->kind > STORE_CRED_SMS || (out->pinned && out->kind != STORE_CRED_CERTIFICATE))
		r->bad = true;
	return layout;
}

/* --- what came with policies ------------------------------------------------------------------ */

static void wr_before(struct wr *w, const struct store_cred_before *b)
{
	wr_u64(w, b->generation);
	if (b->generation == 0)
		return;
	wr_u64(w, b->until_ms);
	wr_u8(w, b->pinned);
	if (b->pinned)
		wr_bytes(w, b->pin, sizeof(b->pin));
	wr_field(w, b->identity, b->identity_len);
	wr_field(w, b->key, b->key_len);
}

static void rd_before(struct rd *r, uint8_t kind, struct store_cred_before *out)
{
	out->generation = rd_u64(r);
	if (out->generation == 0)
		return;
	out->until_ms = rd_u64(r);
	out->pinned = rd_flag(r);
	if (out->pinned)
		rd_copy(r, out->pin, sizeof(out->pin));
	if (out->pinned && kind != STORE_CRED_CERTIFICATE)
		r->bad = true;
	out->identity_len = (uint8_t)rd_field(r, out->identity, STORE_IDENTITY_MAX);
	out->key_len = (uint8_t)rd_field(r, out->key, STORE_KEY_MAX);
}

static void wr_policies(struct wr *w, const struct store_cred *c)
{
	wr_u64(w, c->proved);
	wr_u64(w, c->until_ms);
	wr_u8(w, (uint8_t)c->labels_len);
	for (size_t i = 0; i < c->labels_len; i++)
		wr_text(w, c->labels[i], STORE_LABEL_MAX);
	wr_before(w, &c->before);
}

static void rd_policies(struct rd *r, struct store_cred *out)
{
	out->proved = rd_u64(r);
	out->until_ms = rd_u64(r);
	const size_t labels = rd_u8(r);
	if (labels > STORE_LABELS_MAX)
		r->bad = true;
	for (size_t i = 0; i < labels && rd_ok(r); i++) {
		rd_text(r, out->labels[i], STORE_LABEL_MAX);
		out->labels_len = i + 1;
	}
	rd_before(r, out->kind, &out->before);
}

/* --- what came with purposes ------------------------------------------------------------------ */

static void wr_purpose(struct wr *w, const struct store_cred *c)
{
	wr_u8(w, c->purpose);
	wr_u8(w, c->repository);
}

static void rd_purpose(struct rd *r, struct store_cred *out)
{
	out->purpose = rd_u8(r);
	out->repository = rd_flag(r);
	if (out->purpose > STORE_FOR_BOOTSTRAP)
		r->bad = true;
}

/* --- what came with short messages ------------------------------------------------------------ */

static void wr_messages(struct wr *w, const struct store_sms *x)
{
	wr_u8(w, x->profile);
	wr_u8(w, x->spi2);
	wr_u8(w, x->kic);
	wr_u8(w, x->kid);
	wr_bytes(w, x->tar, sizeof(x->tar));
	wr_u8(w, x->cc_len);
}

static void rd_messages(struct rd *r, struct store_sms *out)
{
	out->profile = rd_u8(r);
	out->spi2 = rd_u8(r);
	out->kic = rd_u8(r);
	out->kid = rd_u8(r);
	rd_copy(r, out->tar, sizeof(out->tar));
	out->cc_len = rd_u8(r);
	if (out->profile >= STORE_SMS_PROFILES)
		r->bad = true;
}

/* --- what came with their renewal ------------------------------------------------------------- */

static void wr_renewal(struct wr *w, const struct store_renew *x)
{
	const struct store_ota *const o = &x->ota;
	wr_u8(w, x->how);
	wr_u8(w, x->gba);
	wr_text(w, x->subscriber, STORE_SUBSCRIBER_MAX);
	if (x->how != STORE_RENEW_SMARTCARD)
		return;
	wr_u8(w, o->spi2);
	wr_u8(w, o->kic);
	wr_u8(w, o->kid);
	wr_u8(w, o->cc_len);
	wr_bytes(w, o->tar, sizeof(o->tar));
	wr_field(w, o->key, o->key_len);
	wr_field(w, o->path, o->path_len);
	wr_u8(w, o->format);
}

static void rd_renewal(struct rd *r, struct store_renew *out)
{
	struct store_ota *const o = &out->ota;
	out->how = rd_u8(r);
	out->gba = rd_u8(r);
	rd_text(r, out->subscriber, STORE_SUBSCRIBER_MAX);
	if (out->how >= STORE_RENEWS || out->gba >= STORE_GBAS)
		r->bad = true;
	if (out->how != STORE_RENEW_SMARTCARD)
		return;
	o->spi2 = rd_u8(r);
	o->kic = rd_u8(r);
	o->kid = rd_u8(r);
	o->cc_len = rd_u8(r);
	rd_copy(r, o->tar, sizeof(o->tar));
	o->key_len = (uint8_t)rd_field(r, o->key, STORE_OTA_KEY);
	o->path_len = (uint8_t)rd_field(r, o->path, STORE_OTA_PATH);
	o->format = rd_u8(r);
}

/* --- all -------------------------------------------------------------------------------------- */

size_t value_cred_write(const struct store_cred *c, uint8_t *out, size_t cap)
{
	const uint8_t layout = layout_of(c);
	struct wr w = wr_into(out, cap);
	if (c->labels_len > STORE_LABELS_MAX)
		return 0;
	wr_kind(&w, c);
	wr_u8(&w, c->state);
	wr_u8(&w, c->origin);
	wr_u64(&w, c->changed_ms);
	wr_text(&w, c->endpoint, STORE_ENDPOINT_MAX);
	wr_field(&w, c->identity, c->identity_len);
	wr_field(&w, c->key, c->key_len);
	wr_field(&w, c->upstream_identity, c->upstream_identity_len);
	wr_field(&w, c->upstream_key, c->upstream_key_len);
	if (layout >= VALUE_LAYOUT_POLICIES)
		wr_policies(&w, c);
	if (layout >= VALUE_LAYOUT_PURPOSES)
		wr_purpose(&w, c);
	if (layout >= VALUE_LAYOUT_MESSAGES)
		wr_messages(&w, &c->sms);
	if (layout >= VALUE_LAYOUT_RENEWALS)
		wr_renewal(&w, &c->sms.renew);
	return wr_done(&w);
}

/* Nothing of another row is left. */
static void forget(struct store_cred *out)
{
	out->purpose = STORE_FOR_ANY;
	out->repository = false;
	wipe(&out->sms, sizeof(out->sms));
	out->proved = out->generation;
	out->until_ms = 0;
	out->labels_len = 0;
	memset(out->labels, 0, sizeof(out->labels));
	wipe(&out->before, sizeof(out->before));
}

bool value_cred_read(struct kv_slice v, struct store_cred *out)
{
	struct rd r = rd_from(v.data, v.len);
	const uint8_t layout = rd_kind(&r, out);
	forget(out);
	if (!rd_ok(&r))
		return false;
	out->state = rd_u8(&r);
	out->origin = rd_u8(&r);
	out->changed_ms = rd_u64(&r);
	rd_text(&r, out->endpoint, STORE_ENDPOINT_MAX);
	out->identity_len = (uint8_t)rd_field(&r, out->identity, STORE_IDENTITY_MAX);
	out->key_len = (uint8_t)rd_field(&r, out->key, STORE_KEY_MAX);
	out->upstream_identity_len =
		(uint8_t)rd_field(&r, out->upstream_identity, STORE_IDENTITY_MAX);
	out->upstream_key_len = (uint8_t)rd_field(&r, out->upstream_key, STORE_KEY_MAX);
	if (layout >= VALUE_LAYOUT_POLICIES)
		rd_policies(&r, out);
	if (layout >= VALUE_LAYOUT_PURPOSES)
		rd_purpose(&r, out);
	if (layout >= VALUE_LAYOUT_MESSAGES)
		rd_messages(&r, &out->sms);
	if (layout >= VALUE_LAYOUT_RENEWALS)
		rd_renewal(&r, &out->sms.renew);
	return rd_end(&r) && layout == layout_of(out) && out->state <= STORE_CRED_REVOKED &&
	       out->origin <= STORE_BY_BOOTSTRAP;
}

/* --- what is staged --------------------------------------------------------------------------- */

size_t value_staged_write(const struct store_staged *s, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u8(&w, s->kind);
	wr_u8(&w, s->pinned);
	if (s->pinned)
		wr_bytes(&w, s->pin, sizeof(s->pin));
	wr_field(&w, s->identity, s->identity_len);
	wr_field(&w, s->key, s->key_len);
	return wr_done(&w);
}

bool value_staged_read(struct kv_slice v, struct store_staged *out)
{
	struct rd r = rd_from(v.data, v.len);
	if (rd_u8(&r) != VALUE_LAYOUT)
		r.bad = true;
	out->kind = rd_u8(&r);
	out->pinned = rd_flag(&r);
	if (out->pinned)
		rd_copy(&r, out->pin, sizeof(out->pin));
	out->identity_len = (uint8_t)rd_field(&r, out->identity, STORE_IDENTITY_MAX);
	out->key_len = (uint8_t)rd_field(&r, out->key, STORE_KEY_MAX);
	return rd_end(&r) && out->kind <= STORE_CRED_CERTIFICATE &&
	       (!out->pinned || out->kind == STORE_CRED_CERTIFICATE);
}
