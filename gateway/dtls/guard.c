/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/guard.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "base/wipe.h"
#include "base/wr.h"
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

void dtls_guard_aad(uint8_t aad[GUARD_AAD_LEN], const struct dtls_record *r, size_t len)
{
	struct wr w = wr_into(aad, GUARD_AAD_LEN);
	wr_u16(&w, r->epoch);
	wr_u48(&w, r->seq);
	wr_u8(&w, r->type);
	wr_u16(&w, r->version);
	wr_u16(&w, (uint16_t)len);
}

/* A forged record must not fill the error queue, from which libssl's users read; and nothing of it
   may be taken for text. */
static void destroy(const struct dtls_record *r)
{
	ERR_clear_error();
	wipe(r->body, r->len);
}

size_t dtls_guard_seal(struct dtls_guards *g, enum dtls_guard how, const struct dtls_sealing *s,
	uint8_t *out, size_t len)
{
	if (len > DTLS_PLAIN_MAX || s->n->seq > DTLS_SEQ_MAX)
		return 0;
	const struct dtls_record r = {
		.type = s->n->type,
		.version = DTLS_VERSION_1_2,
		.epoch = s->n->epoch,
		.seq = s->n->seq,
		.body = out + DTLS_RECORD_HEADER,
		.len = dtls_guard_body(how, len),
	};
	dtls_record_header(out, r.version, s->n, r.len);
	bool good;
	if (is_cbc(how))
		good = dtls_guard_cbc_seal(&g->cbc, how, s, &r, len);
	else if (s->explicit_nonce)
		good = dtls_guard_aead_seal_under(how, s->key, s->explicit_nonce, &r);
	else
		good = dtls_guard_aead_seal(&g->aead, how, s->key, &r);
	if (good)
		return DTLS_RECORD_HEADER + r.len;
	destroy(&r);
	return 0;
}

/* Of what everybody can see. */
static bool may_open(enum dtls_guard how, const struct dtls_record *r)
{
	if (r->version != DTLS_VERSION_1_2 || r->len < dtls_guard_body_min(how))
		return false;
	if (!is_cbc(how))
		return r->len <= dtls_guard_body(how, DTLS_PLAIN_MAX);
	/* Padding may be long: whether the text is, is seen when it is there. Blocks are whole with
	   the MAC outside of them and inside, as its length is a multiple of theirs. */
	return r->len <= DTLS_CIPHER_MAX && r->len % GUARD_BLOCK == 0;
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
	if (!good) {
		destroy(r);
		return false;
	}
	*plain = r->body + dtls_guard_before(how);
	*len = text;
	return true;
}
