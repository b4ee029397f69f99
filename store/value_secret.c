/* SPDX-License-Identifier: Apache-2.0 */
#include "store/value.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"

static size_t end(const struct wr *w)
{
	return wr_ok(w) ? w->len : 0;
}

static bool begins(struct rd *r)
{
	if (rd_u8(r) != VALUE_LAYOUT)
		r->bad = true;
	return rd_ok(r);
}

/* Octets with their length before them: at most max, or the reader is bad. Returns the length. */
static size_t rd_field(struct rd *r, uint8_t *out, size_t max)
{
	const size_t len = rd_u8(r);
	if (len > max) {
		r->bad = true;
		return 0;
	}
	rd_copy(r, out, len);
	return rd_ok(r) ? len : 0;
}

static void wr_field(struct wr *w, const void *octets, size_t len)
{
	wr_u8(w, (uint8_t)len);
	wr_bytes(w, octets, len);
}

/* A text has no NUL within; out gets one at its end and has room for it. */
static void rd_text(struct rd *r, char *out, size_t max)
{
	const size_t len = rd_field(r, (uint8_t *)out, max);
	out[len] = '\0';
	if (strlen(out) != len)
		r->bad = true;
}

static void wr_text(struct wr *w, const char *text, size_t max)
{
	wr_field(w, text, strnlen(text, max));
}

/* --- addresses -------------------------------------------------------------------------------- */

static size_t ip_len(uint8_t family)
{
	return family == NET_IPV4 ? 4 : family == NET_IPV6 ? 16 : 0;
}

static void wr_addr(struct wr *w, const struct net_addr *a)
{
	wr_u8(w, a->family);
	wr_bytes(w, a->ip, ip_len(a->family));
	wr_u16(w, a->port);
}

static struct net_addr rd_addr(struct rd *r)
{
	struct net_addr a = { .family = rd_u8(r) };
	if (a.family != 0 && a.family != NET_IPV4 && a.family != NET_IPV6)
		r->bad = true;
	rd_copy(r, a.ip, ip_len(a.family));
	a.port = rd_u16(r);
	return a;
}

static void wr_path(struct wr *w, const struct store_path *p)
{
	wr_u8(w, p->role);
	wr_addr(w, &p->peer);
	wr_addr(w, &p->local);
}

static struct store_path rd_path(struct rd *r)
{
	struct store_path p = { .role = rd_u8(r) };
	p.peer = rd_addr(r);
	p.local = rd_addr(r);
	if (p.role > STORE_LINK)
		r->bad = true;
	return p;
}

size_t value_path_write(const struct store_path *p, uint8_t out[VALUE_PATH_MAX])
{
	struct wr w = wr_into(out, VALUE_PATH_MAX);
	wr_path(&w, p);
	return end(&w);
}

/* --- associations ----------------------------------------------------------------------------- */

/* It could have been written before there were CIDs, and then was: in one way only. */
static bool is_plain(const struct store_assoc *a)
{
	return a->cid_len == 0 && a->path_ms == a->up_ms && a->candidate.peer.family == 0 &&
	       !a->adrift && a->moves == 0 && a->stays[0].peer.family == 0;
}

static size_t count_stays(const struct store_assoc *a)
{
	size_t n = 0;
	while (n < STORE_STAYS && a->stays[n].peer.family != 0)
		n++;
	return n;
}

/* What came with CIDs. */
static void wr_roaming(struct wr *w, const struct store_assoc *a)
{
	const size_t stays = count_stays(a);
	const bool has_candidate = a->candidate.peer.family != 0;
	wr_u64(w, a->path_ms);
	wr_u8(w, a->adrift);
	wr_u32(w, a->moves);
	wr_field(w, a->cid, a->cid_len);
	wr_u8(w, has_candidate);
	if (has_candidate)
		wr_path(w, &a->candidate);
	wr_u8(w, (uint8_t)stays);
	for (size_t i = 0; i < stays; i++) {
		wr_addr(w, &a->stays[i].peer);
		wr_u64(w, a->stays[i].since_ms);
	}
}

static void rd_stays(struct rd *r, struct store_assoc *out)
{
	const size_t stays = rd_u8(r);
	if (stays > STORE_STAYS)
		r->bad = true;
	for (size_t i = 0; i < stays && rd_ok(r); i++) {
		out->stays[i].peer = rd_addr(r);
		out->stays[i].since_ms = rd_u64(r);
		if (out->stays[i].peer.family == 0)
			r->bad = true;
	}
}

static void rd_roaming(struct rd *r, struct store_assoc *out)
{
	out->path_ms = rd_u64(r);
	const uint8_t adrift = rd_u8(r);
	out->adrift = adrift == 1;
	out->moves = rd_u32(r);
	out->cid_len = (uint8_t)rd_field(r, out->cid, STORE_CID_MAX);
	const uint8_t has_candidate = rd_u8(r);
	if (has_candidate == 1)
		out->candidate = rd_path(r);
	if (adrift > 1 || has_candidate > 1 ||
		(has_candidate == 1 && out->candidate.peer.family == 0))
		r->bad = true;
	rd_stays(r, out);
	if (is_plain(out))
		r->bad = true;
}

size_t value_assoc_write(const struct store_assoc *a, uint8_t *out, size_t cap)
{
	const bool plain = is_plain(a);
	struct wr w = wr_into(out, cap);
	wr_u8(&w, plain ? VALUE_LAYOUT : VALUE_LAYOUT_CIDS);
	wr_u32(&w, a->cred);
	wr_u64(&w, a->up_ms);
	wr_path(&w, &a->path);
	if (a->context_len > STORE_CONTEXT_MAX || a->cid_len > STORE_CID_MAX)
		return 0;
	wr_u16(&w, (uint16_t)a->context_len);
	wr_bytes(&w, a->context, a->context_len);
	if (!plain)
		wr_roaming(&w, a);
	return end(&w);
}

/* Where it may have been and what it may be called, before any of that is read. */
static void forget_roaming(struct store_assoc *out)
{
	out->candidate = (struct store_path){ 0 };
	out->adrift = false;
	out->moves = 0;
	memset(out->stays, 0, sizeof(out->stays));
	out->cid_len = 0;
	memset(out->cid, 0, sizeof(out->cid));
}

bool value_assoc_read(struct kv_slice v, struct store_assoc *out)
{
	struct rd r = rd_from(v.data, v.len);
	const uint8_t layout = rd_u8(&r);
	if (layout != VALUE_LAYOUT && layout != VALUE_LAYOUT_CIDS)
		return false;
	forget_roaming(out);
	out->cred = rd_u32(&r);
	out->up_ms = out->path_ms = rd_u64(&r);
	out->path = rd_path(&r);
	out->context_len = rd_u16(&r);
	if (out->context_len > STORE_CONTEXT_MAX) {
		out->context_len = 0;
		return false;
	}
	rd_copy(&r, out->context, out->context_len);
	if (layout == VALUE_LAYOUT_CIDS)
		rd_roaming(&r, out);
	return rd_end(&r);
}

/* --- credentials ------------------------------------------------------------------------------ */

/* What came with the kinds. */
static void wr_kind(struct wr *w, const struct store_cred *c)
{
	if (c->kind == STORE_CRED_PSK) {
		wr_u8(w, VALUE_LAYOUT);
		return;
	}
	wr_u8(w, VALUE_LAYOUT_KINDS);
	wr_u8(w, c->kind);
	wr_u8(w, c->pinned);
	if (c->pinned)
		wr_bytes(w, c->pin, sizeof(c->pin));
}

static void rd_kind(struct rd *r, struct store_cred *out)
{
	const uint8_t layout = rd_u8(r);
	out->kind = STORE_CRED_PSK;
	out->pinned = false;
	memset(out->pin, 0, sizeof(out->pin));
	if (layout == VALUE_LAYOUT)
		return;
	out->kind = rd_u8(r);
	const uint8_t pinned = rd_u8(r);
	out->pinned = pinned == 1;
	if (out->pinned)
		rd_copy(r, out->pin, sizeof(out->pin));
	if (layout != VALUE_LAYOUT_KINDS || out->kind == STORE_CRED_PSK ||
		out->kind > STORE_CRED_CERTIFICATE || pinned > 1 ||
		(pinned == 1 && out->kind != STORE_CRED_CERTIFICATE))
		r->bad = true;
}

size_t value_cred_write(const struct store_cred *c, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_kind(&w, c);
	wr_u8(&w, c->state);
	wr_u8(&w, c->origin);
	wr_u64(&w, c->changed_ms);
	wr_text(&w, c->endpoint, STORE_ENDPOINT_MAX);
	wr_field(&w, c->identity, c->identity_len);
	wr_field(&w, c->key, c->key_len);
	wr_field(&w, c->upstream_identity, c->upstream_identity_len);
	wr_field(&w, c->upstream_key, c->upstream_key_len);
	return end(&w);
}

bool value_cred_read(struct kv_slice v, struct store_cred *out)
{
	struct rd r = rd_from(v.data, v.len);
	rd_kind(&r, out);
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
	return rd_end(&r) && out->state <= STORE_CRED_REVOKED && out->origin <= STORE_BY_FILE;
}

/* --- sessions --------------------------------------------------------------------------------- */

size_t value_session_write(const struct store_session *s, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, VALUE_LAYOUT);
	wr_u32(&w, s->device);
	wr_u32(&w, s->link);
	wr_u32(&w, s->worker);
	wr_u32(&w, s->workers);
	wr_u8(&w, s->registered);
	wr_text(&w, s->location, STORE_LOCATION_MAX - 1);
	wr_u32(&w, s->lifetime_s);
	wr_u64(&w, s->expires_ms);
	return end(&w);
}

bool value_session_read(struct kv_slice v, struct store_session *out)
{
	struct rd r = rd_from(v.data, v.len);
	if (!begins(&r))
		return false;
	out->device = rd_u32(&r);
	out->link = rd_u32(&r);
	out->worker = rd_u32(&r);
	out->workers = rd_u32(&r);
	const uint8_t registered = rd_u8(&r);
	out->registered = registered == 1;
	rd_text(&r, out->location, STORE_LOCATION_MAX - 1);
	out->lifetime_s = rd_u32(&r);
	out->expires_ms = rd_u64(&r);
	return rd_end(&r) && registered <= 1;
}

/* --- resumption ------------------------------------------------------------------------------- */

size_t value_resume_write(const struct store_resume *x, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	if (x->id_len > STORE_SESSION_ID_MAX || x->len > STORE_RESUME_MAX)
		return 0;
	wr_u8(&w, VALUE_LAYOUT);
	wr_field(&w, x->id, x->id_len);
	wr_u64(&w, x->full_ms);
	wr_u64(&w, x->until_ms);
	wr_u16(&w, (uint16_t)x->len);
	wr_bytes(&w, x->session, x->len);
	return end(&w);
}

bool value_resume_read(struct kv_slice v, struct store_resume *out)
{
	struct rd r = rd_from(v.data, v.len);
	if (!begins(&r))
		return false;
	out->id_len = rd_field(&r, out->id, STORE_SESSION_ID_MAX);
	out->full_ms = rd_u64(&r);
	out->until_ms = rd_u64(&r);
	out->len = rd_u16(&r);
	if (out->len > STORE_RESUME_MAX) {
		out->len = 0;
		return false;
	}
	rd_copy(&r, out->session, out->len);
	return rd_end(&r);
}
