/* SPDX-License-Identifier: Apache-2.0 */
#include "store/value.h"

#include <string.h>

#include "base/rd.h"
#include "base/wr.h"
#include "store/value_field.h"

/* --- addresses -------------------------------------------------------------------------------- */

static size_t ip_len(uint8_t family)
{
	return family == NET_IPV4 ? 4 : family == NET_IPV6 || family == NET_SMS ? 16 : 0;
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
	if (a.family != 0 && ip_len(a.family) == 0)
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
	return wr_done(&w);
}

/* --- when it was proved, and by what ---------------------------------------------------------- */

/* Before there were policies nobody asked. */
static bool is_unsaid(uint64_t generation, uint64_t born, const struct store_proof *p)
{
	return born == generation && p->len == 0;
}

static void wr_proof(struct wr *w, uint64_t born, const struct store_proof *p)
{
	wr_u64(w, born);
	wr_u8(w, p->len);
	if (p->len == 0)
		return;
	wr_u64(w, p->until_ms);
	wr_bytes(w, p->anchor, sizeof(p->anchor));
	wr_bytes(w, p->chain, (size_t)p->len * STORE_TRACE);
}

static uint64_t rd_proof(struct rd *r, struct store_proof *out)
{
	const uint64_t born = rd_u64(r);
	const uint8_t len = rd_u8(r);
	if (len > STORE_CHAIN_MAX)
		r->bad = true;
	if (len == 0 || !rd_ok(r))
		return born;
	out->len = len;
	out->until_ms = rd_u64(r);
	rd_copy(r, out->anchor, sizeof(out->anchor));
	rd_copy(r, out->chain[0], (size_t)len * STORE_TRACE);
	return born;
}

/* --- associations ----------------------------------------------------------------------------- */

/* It stays where it was, and has no name. */
static bool is_settled(const struct store_assoc *a)
{
	return a->cid_len == 0 && a->path_ms == a->up_ms && a->candidate.peer.family == 0 &&
	       !a->adrift && a->moves == 0 && a->stays[0].peer.family == 0;
}

/* In one way only: the oldest that has room for it. */
static uint8_t layout_of(const struct store_assoc *a)
{
	if (!is_unsaid(a->generation, a->born, &a->proof))
		return VALUE_LAYOUT_POLICIES;
	return is_settled(a) ? VALUE_LAYOUT : VALUE_LAYOUT_CIDS;
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
	out->adrift = rd_flag(r);
	out->moves = rd_u32(r);
	out->cid_len = (uint8_t)rd_field(r, out->cid, STORE_CID_MAX);
	const bool has_candidate = rd_flag(r);
	if (has_candidate)
		out->candidate = rd_path(r);
	if (has_candidate && out->candidate.peer.family == 0)
		r->bad = true;
	rd_stays(r, out);
}

size_t value_assoc_write(const struct store_assoc *a, uint8_t *out, size_t cap)
{
	const uint8_t layout = layout_of(a);
	struct wr w = wr_into(out, cap);
	wr_u8(&w, layout);
	wr_u32(&w, a->cred);
	wr_u64(&w, a->up_ms);
	wr_path(&w, &a->path);
	if (a->context_len > STORE_CONTEXT_MAX || a->cid_len > STORE_CID_MAX ||
		a->proof.len > STORE_CHAIN_MAX)
		return 0;
	wr_u16(&w, (uint16_t)a->context_len);
	wr_bytes(&w, a->context, a->context_len);
	if (layout != VALUE_LAYOUT)
		wr_roaming(&w, a);
	if (layout == VALUE_LAYOUT_POLICIES)
		wr_proof(&w, a->born, &a->proof);
	return wr_done(&w);
}

/* Nothing of another row is left. */
static void forget(struct store_assoc *out)
{
	out->born = out->generation;
	out->proof = (struct store_proof){ 0 };
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
	if (layout < VALUE_LAYOUT || layout > VALUE_LAYOUT_POLICIES)
		return false;
	forget(out);
	out->cred = rd_u32(&r);
	out->up_ms = out->path_ms = rd_u64(&r);
	out->path = rd_path(&r);
	out->context_len = rd_u16(&r);
	if (out->context_len > STORE_CONTEXT_MAX) {
		out->context_len = 0;
		return false;
	}
	rd_copy(&r, out->context, out->context_len);
	if (layout != VALUE_LAYOUT)
		rd_roaming(&r, out);
	if (layout == VALUE_LAYOUT_POLICIES)
		out->born = rd_proof(&r, &out->proof);
	return rd_end(&r) && layout == layout_of(out);
}

/* --- sessions --------------------------------------------------------------------------------- */

/* Before there were purposes there was one upstream, and nobody looked at more. */
static bool is_plain(const struct store_session *s)
{
	return s->upstream == 0 && s->binding == 0 && s->version == 0 && !s->queue && !s->stale &&
	       s->channels == 0 && s->sms[0] == '\0';
}

static void wr_said(struct wr *w, const struct store_session *s)
{
	wr_u64(w, s->upstream);
	wr_u8(w, s->binding);
	wr_u8(w, s->version);
	wr_u8(w, s->queue);
	wr_u8(w, s->stale);
	wr_u16(w, s->channels);
	wr_text(w, s->sms, STORE_SMS_MAX - 1);
}

static void rd_said(struct rd *r, struct store_session *out)
{
	out->upstream = rd_u64(r);
	out->binding = rd_u8(r);
	out->version = rd_u8(r);
	out->queue = rd_flag(r);
	out->stale = rd_flag(r);
	out->channels = rd_u16(r);
	rd_text(r, out->sms, STORE_SMS_MAX - 1);
}

/* Nothing of another row is left. */
static void forget_said(struct store_session *out)
{
	out->upstream = 0;
	out->binding = out->version = 0;
	out->channels = 0;
	out->queue = out->stale = false;
	memset(out->sms, 0, sizeof(out->sms));
}

size_t value_session_write(const struct store_session *s, uint8_t *out, size_t cap)
{
	const bool plain = is_plain(s);
	struct wr w = wr_into(out, cap);
	wr_u8(&w, plain ? VALUE_LAYOUT : VALUE_LAYOUT_PURPOSES);
	wr_u32(&w, s->device);
	wr_u32(&w, s->link);
	wr_u32(&w, s->worker);
	wr_u32(&w, s->workers);
	wr_u8(&w, s->registered);
	wr_text(&w, s->location, STORE_LOCATION_MAX - 1);
	wr_u32(&w, s->lifetime_s);
	wr_u64(&w, s->expires_ms);
	if (!plain)
		wr_said(&w, s);
	return wr_done(&w);
}

bool value_session_read(struct kv_slice v, struct store_session *out)
{
	struct rd r = rd_from(v.data, v.len);
	const uint8_t layout = rd_u8(&r);
	if (layout != VALUE_LAYOUT && layout != VALUE_LAYOUT_PURPOSES)
		return false;
	forget_said(out);
	out->device = rd_u32(&r);
	out->link = rd_u32(&r);
	out->worker = rd_u32(&r);
	out->workers = rd_u32(&r);
	out->registered = rd_flag(&r);
	rd_text(&r, out->location, STORE_LOCATION_MAX - 1);
	out->lifetime_s = rd_u32(&r);
	out->expires_ms = rd_u64(&r);
	if (layout == VALUE_LAYOUT_PURPOSES)
		rd_said(&r, out);
	return rd_end(&r) && (layout == VALUE_LAYOUT) == is_plain(out);
}

/* --- resumption ------------------------------------------------------------------------------- */

size_t value_resume_write(const struct store_resume *x, uint64_t born, uint8_t *out, size_t cap)
{
	struct wr w = wr_into(out, cap);
	if (x->id_len > STORE_SESSION_ID_MAX || x->len > STORE_RESUME_MAX ||
		x->proof.len > STORE_CHAIN_MAX)
		return 0;
	const bool plain = is_unsaid(x->generation, born, &x->proof);
	wr_u8(&w, plain ? VALUE_LAYOUT : VALUE_LAYOUT_POLICIES);
	wr_field(&w, x->id, x->id_len);
	wr_u64(&w, x->full_ms);
	wr_u64(&w, x->until_ms);
	wr_u16(&w, (uint16_t)x->len);
	wr_bytes(&w, x->session, x->len);
	if (!plain)
		wr_proof(&w, born, &x->proof);
	return wr_done(&w);
}

bool value_resume_read(struct kv_slice v, struct store_resume *out)
{
	struct rd r = rd_from(v.data, v.len);
	const uint8_t layout = rd_u8(&r);
	if (layout != VALUE_LAYOUT && layout != VALUE_LAYOUT_POLICIES)
		return false;
	out->born = out->generation;
	out->proof = (struct store_proof){ 0 };
	out->id_len = rd_field(&r, out->id, STORE_SESSION_ID_MAX);
	out->full_ms = rd_u64(&r);
	out->until_ms = rd_u64(&r);
	out->len = rd_u16(&r);
	if (out->len > STORE_RESUME_MAX) {
		out->len = 0;
		return false;
	}
	rd_copy(&r, out->session, out->len);
	if (layout == VALUE_LAYOUT_POLICIES)
		out->born = rd_proof(&r, &out->proof);
	return rd_end(&r) &&
	       (layout == VALUE_LAYOUT) == is_unsaid(out->generation, out->born, &out->proof);
}
