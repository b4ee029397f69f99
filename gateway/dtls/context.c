/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/context.h"

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"

#include <assert.h>
#include <string.h>

enum {
	SUITE_V1 = 0xc0a8, /* TLS_PSK_WITH_AES_128_CCM_8 */
	LEN_MAX = 1 + 2 + 1 + 2 * (DTLS_KEY_LEN + DTLS_MAC_KEY_LEN) + 8 + 1 + 1 + 6 +
		  DTLS_FINISHED_LEN + 1 + 1 + DTLS_CID_OURS_MAX + 1 + DTLS_CID_MAX,
};

_Static_assert((int)DTLS_IV_LEN < (int)DTLS_MAC_KEY_LEN, "CBC's are the longest keys");
_Static_assert((int)LEN_MAX <= (int)DTLS_CONTEXT_MAX, "every context fits");

static bool is_cbc(uint8_t guard)
{
	return guard == DTLS_GUARD_ETM || guard == DTLS_GUARD_MTE;
}

/* CBC has no IV of its own, but a key for its MAC; an AEAD suite is the other way round. */
static void put_key(struct wr *w, uint8_t guard, const struct dtls_key *k)
{
	wr_bytes(w, k->key, sizeof(k->key));
	if (is_cbc(guard))
		wr_bytes(w, k->mac, sizeof(k->mac));
	else
		wr_bytes(w, k->iv, sizeof(k->iv));
}

static void take_key(struct rd *r, uint8_t guard, struct dtls_key *k)
{
	rd_copy(r, k->key, sizeof(k->key));
	if (is_cbc(guard))
		rd_copy(r, k->mac, sizeof(k->mac));
	else
		rd_copy(r, k->iv, sizeof(k->iv));
}

static bool is_v1(const struct dtls_context *c)
{
	return c->suite == SUITE_V1 && c->guard == DTLS_GUARD_CCM_8;
}

/* A suite that this program does not know is not guessed at. */
static bool belong_together(uint16_t suite, uint8_t guard)
{
	const struct suite *const s = suite_find(suite);
	if (!s)
		return false;
	switch (s->guard) {
	case SUITE_CCM_8:
		return guard == DTLS_GUARD_CCM_8;
	case SUITE_CCM:
		return guard == DTLS_GUARD_CCM;
	case SUITE_GCM:
		return guard == DTLS_GUARD_GCM;
	case SUITE_CBC:
		return is_cbc(guard);
	}
	return false;
}

static bool has_cid(const struct dtls_context *c)
{
	return c->cid_in_len > 0 || c->cid_out_len > 0;
}

static void put_cids(struct wr *w, const struct dtls_context *c)
{
	wr_u8(w, c->routability);
	wr_u8(w, c->cid_in_len);
	wr_bytes(w, c->cid_in, c->cid_in_len);
	wr_u8(w, c->cid_out_len);
	wr_bytes(w, c->cid_out, c->cid_out_len);
}

/* Ours must say itself how long it is, or its records would not be found (RFC 9146 4). */
static bool take_cids(struct rd *r, struct dtls_context *c)
{
	const uint8_t flags = rd_u8(r);
	const uint8_t in_len = rd_u8(r);
	if (in_len > sizeof(c->cid_in))
		return false;
	rd_copy(r, c->cid_in, in_len);
	c->cid_in_len = in_len;
	c->cid_out_len = rd_u8(r);
	rd_copy(r, c->cid_out, c->cid_out_len);
	c->routability = flags == 1;
	return flags <= 1 && has_cid(c) && (in_len == 0 || dtls_cid_len(c->cid_in[0]) == in_len) &&
	       dtls_guard_takes_cid((enum dtls_guard)c->guard);
}

size_t dtls_context_encode(const struct dtls_context *c, uint8_t out[DTLS_CONTEXT_MAX])
{
	struct wr w = wr_into(out, DTLS_CONTEXT_MAX);
	assert(belong_together(c->suite, c->guard));
	const bool cid = has_cid(c);
	assert(!cid || dtls_guard_takes_cid((enum dtls_guard)c->guard));
	if (cid)
		wr_u8(&w, DTLS_CONTEXT_VERSION_3);
	else
		wr_u8(&w, is_v1(c) ? DTLS_CONTEXT_VERSION_1 : DTLS_CONTEXT_VERSION_2);
	if (cid || !is_v1(c)) {
		wr_u16(&w, c->suite);
		wr_u8(&w, c->guard);
	}
	if (cid)
		put_cids(&w, c);
	put_key(&w, c->guard, &c->in);
	put_key(&w, c->guard, &c->out);
	wr_u64(&w, c->hello_tag);
	wr_u8(&w, c->fragment_code);
	wr_u8(&w, c->finished_len);
	if (c->finished_len > 0) {
		wr_u48(&w, c->plain_base);
		wr_bytes(&w, c->finished, c->finished_len);
	}
	assert(wr_ok(&w));
	return w.len;
}

/* What version 1 says without words; false: not a version, or a thing of version 1 in another. */
static bool take_suite(struct rd *r, struct dtls_context *out)
{
	const uint8_t version = rd_u8(r);
	out->suite = SUITE_V1;
	out->guard = DTLS_GUARD_CCM_8;
	if (version == DTLS_CONTEXT_VERSION_1)
		return true;
	out->suite = rd_u16(r);
	out->guard = rd_u8(r);
	if (!belong_together(out->suite, out->guard))
		return false;
	if (version == DTLS_CONTEXT_VERSION_3)
		return take_cids(r, out);
	return version == DTLS_CONTEXT_VERSION_2 && !is_v1(out);
}

bool dtls_context_decode(const uint8_t *bytes, size_t len, struct dtls_context *out)
{
	struct rd r = rd_from(bytes, len);
	*out = (struct dtls_context){ 0 };
	const bool known = take_suite(&r, out);
	take_key(&r, out->guard, &out->in);
	take_key(&r, out->guard, &out->out);
	out->hello_tag = rd_u64(&r);
	out->fragment_code = rd_u8(&r);
	const uint8_t finished_len = rd_u8(&r);
	if (finished_len > 0 && finished_len <= DTLS_FINISHED_LEN) {
		out->finished_len = finished_len;
		out->plain_base = rd_u48(&r);
		rd_copy(&r, out->finished, finished_len);
	}
	if (known && out->fragment_code <= DTLS_FRAGMENT_CODE_MAX &&
		finished_len <= DTLS_FINISHED_LEN && rd_end(&r))
		return true;
	wipe(out, sizeof(*out));
	return false;
}
