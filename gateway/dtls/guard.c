/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/guard.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "base/wr.h"
#include "dtls/cid.h"
#include "dtls/guard_parts.h"

struct dtls_guards {
	struct guard_aead aead;
	struct guard_cbc cbc;
};

static bool is_cbc(enum dtls_guard how)
{
	return how == DTLS_GUARD_ETM || how == DTLS_GUARD_MTE;
}

struct dtls_guards *dtls_guards_new(void)
{
	struct dtls_guards *const g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	if (dtls_guard_aead_init(&g->aead) && dtls_guard_cbc_init(&g->cbc))
		return g;
	ERR_clear_error();
	dtls_guards_free(g);
	return NULL;
}

void dtls_guards_free(struct dtls_guards *g)
{
	if (!g)
		return;
	dtls_guard_aead_fini(&g->aead);
	dtls_guard_cbc_fini(&g->cbc);
	free(g);
}

size_t dtls_guard_before(enum dtls_guard how)
{
	return is_cbc(how) ? GUARD_BLOCK : DTLS_EXPLICIT_LEN;
}

/* RFC 5246 6.2.3.2: from 1 octet to 16 make it whole blocks; up to 256 would be allowed. */
static size_t padded(size_t len)
{
	return (len / GUARD_BLOCK + 1) * GUARD_BLOCK;
}

size_t dtls_guard_body(enum dtls_guard how, size_t len)
{
	switch (how) {
	case DTLS_GUARD_ETM:
		return GUARD_BLOCK + padded(len) + GUARD_MAC_LEN;
	case DTLS_GUARD_MTE:
		return GUARD_BLOCK + padded(len + GUARD_MAC_LEN);
	case DTLS_GUARD_CCM_8:
	case DTLS_GUARD_CCM:
	case DTLS_GUARD_GCM:
	default:
		return DTLS_EXPLICIT_LEN + len + dtls_guard_aead_tag(how);
	}
}

size_t dtls_guard_body_min(enum dtls_guard how)
{
	return dtls_guard_body(how, 0);
}

uint64_t dtls_guard_forged_max(enum dtls_guard how)
{
	switch (how) {
	case DTLS_GUARD_CCM_8:
		return UINT64_C(1) << 7;
	case DTLS_GUARD_CCM:
		return UINT64_C(1) << 23;
	case DTLS_GUARD_GCM:
		return UINT64_C(1) << 36;
	case DTLS_GUARD_ETM:
	case DTLS_GUARD_MTE:
	default:
		return UINT64_MAX;
	}
}

/* RFC 9146 5.3, and 5.2 up to the IV: it begins with a number that no record has. */
static void cid_aad(struct wr *w, const struct dtls_record *r, size_t len)
{
	wr_u64(w, UINT64_MAX);
	wr_u8(w, DTLS_CID);
	wr_u8(w, (uint8_t)r->cid_len);
	wr_u8(w, DTLS_CID);
	wr_u16(w, r->version);
	wr_u16(w, r->epoch);
	wr_u48(w, r->seq);
	wr_bytes(w, r->cid, r->cid_len);
	wr_u16(w, (uint16_t)len);
}

size_t dtls_guard_aad(uint8_t aad[GUARD_AAD_MAX], const struct dtls_record *r, size_t len)
{
	struct wr w = wr_into(aad, GUARD_AAD_MAX);
	if (r->cid_len > 0) {
		cid_aad(&w, r, len);
		return w.len;
	}
	wr_u16(&w, r->epoch);
	wr_u48(&w, r->seq);
	wr_u8(&w, r->type);
	wr_u16(&w, r->version);
	wr_u16(&w, (uint16_t)len);
	return w.len;
}

/* A forged record must not fill the error queue, from which libssl's users read; and nothing of it
   may be taken for text. */
static void destroy(const struct dtls_record *r)
{
	ERR_clear_error();
	wipe(r->body, r->len);
}

/* RFC 9146 4: what is sealed with a CID is the text, its type, and as many zeros as one likes. */
static void wrap(const struct dtls_sealing *s, uint8_t *text, size_t len)
{
	text[len] = s->n->type;
	memset(text + len + 1, 0, s->inner - len - 1);
}

size_t dtls_guard_seal(struct dtls_guards *g, enum dtls_guard how, const struct dtls_sealing *s,
	uint8_t *out, size_t len)
{
	const bool cid = s->n->cid_len > 0;
	const size_t sealed = cid ? s->inner : len;
	if (sealed > DTLS_PLAIN_MAX || s->n->seq > DTLS_SEQ_MAX)
		return 0;
	if (cid && (!dtls_guard_takes_cid(how) || len >= sealed || s->n->cid_len > DTLS_CID_MAX))
		return 0;
	const struct dtls_record r = {
		.type = cid ? DTLS_CID : s->n->type,
		.version = DTLS_VERSION_1_2,
		.epoch = s->n->epoch,
		.seq = s->n->seq,
		.body = out + DTLS_RECORD_HEADER + s->n->cid_len,
		.len = dtls_guard_body(how, sealed),
		.cid = s->n->cid,
		.cid_len = s->n->cid_len,
	};
	dtls_record_header(out, r.version, s->n, r.len);
	if (cid)
		wrap(s, r.body + dtls_guard_before(how), len);
	len = sealed;
	bool good;
	if (is_cbc(how))
		good = dtls_guard_cbc_seal(&g->cbc, how, s, &r, len);
	else if (s->explicit_nonce)
		good = dtls_guard_aead_seal_under(how, s->key, s->explicit_nonce, &r);
	else
		good = dtls_guard_aead_seal(&g->aead, how, s->key, &r);
	if (good)
		return dtls_record_whole(&r);
	destroy(&r);
	return 0;
}

/* Of what everybody can see. */
static bool may_open(enum dtls_guard how, const struct dtls_record *r)
{
	if (r->version != DTLS_VERSION_1_2 || r->len < dtls_guard_body_min(how))
		return false;
	if ((r->type == DTLS_CID) != (r->cid_len > 0) ||
		(r->cid_len > 0 && !dtls_guard_takes_cid(how)))
		return false;
	if (!is_cbc(how))
		return r->len <= dtls_guard_body(how, DTLS_PLAIN_MAX);
	/* Padding may be long: whether the text is, is seen when it is there. Blocks are whole with
	   the MAC outside of them and inside, as its length is a multiple of theirs. */
	return r->len <= DTLS_CIPHER_MAX && r->len % GUARD_BLOCK == 0;
}

/* False: there are only zeros. */
static bool unwrap(const uint8_t *text, size_t *len)
{
	size_t left = *len;
	while (left > 0 && text[left - 1] == 0)
		left--;
	*len = left - 1; /* of the type; worthless when nothing is left */
	return left > 0;
}

bool dtls_guard_open(struct dtls_guards *g, enum dtls_guard how, const struct dtls_key *key,
	const struct dtls_record *r, uint8_t **plain, size_t *len)
{
	bool good = may_open(how, r);
	size_t text = 0;
	if (good && is_cbc(how)) {
		good = dtls_guard_cbc_open(&g->cbc, how, key, r, &text) && text <= DTLS_PLAIN_MAX;
	} else if (good) {
		text = r->len - dtls_guard_body_min(how);
		good = dtls_guard_aead_open(&g->aead, how, key, r);
	}
	if (good && r->cid_len > 0)
		good = unwrap(r->body + dtls_guard_before(how), &text);
	if (!good) {
		destroy(r);
		return false;
	}
	*plain = r->body + dtls_guard_before(how);
	*len = text;
	return true;
}
