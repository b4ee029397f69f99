/* SPDX-License-Identifier: Apache-2.0 */
#include "guard_ref.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { BLOCK = 16, MAC = 32, NONCE = 12, AAD = 13 };

/* len: whole blocks, each for itself. */
static void ecb(const uint8_t *key, int sealing, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *const ctx = EVP_CIPHER_CTX_new();
	int done = 0;
	assert_non_null(ctx);
	assert_int_equal(EVP_CipherInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL, sealing), 1);
	assert_int_equal(EVP_CIPHER_CTX_set_padding(ctx, 0), 1);
	assert_int_equal(EVP_CipherUpdate(ctx, out, &done, in, (int)len), 1);
	assert_int_equal(done, len);
	EVP_CIPHER_CTX_free(ctx);
}

static void block_xor(uint8_t *out, const uint8_t *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] ^= in[i];
}

static void put(uint8_t *out, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static uint64_t get(const uint8_t *at, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | at[i];
	return v;
}

/* The counter is the last octets of first, which have no carry into the rest here. */
static void ctr(const uint8_t *key, const uint8_t first[BLOCK], struct ref_bytes in, uint8_t *out)
{
	const size_t count = in.len / BLOCK + 1;
	uint8_t *const stream = malloc(count * BLOCK);
	assert_non_null(stream);
	for (size_t i = 0; i < count; i++) {
		uint8_t *const at = stream + i * BLOCK;
		memcpy(at, first, BLOCK);
		put(at + 13, get(first + 13, 3) + i, 3);
	}
	ecb(key, 1, stream, count * BLOCK, stream);
	if (out != in.at && in.len > 0)
		memcpy(out, in.at, in.len);
	block_xor(out, stream, in.len);
	free(stream);
}

struct chain {
	const uint8_t *key;
	uint8_t x[BLOCK];
};

/* One more block, shorter ones filled with zeros, into CBC-MAC. */
static void chain_add(struct chain *c, const uint8_t *at, size_t n)
{
	block_xor(c->x, at, n);
	ecb(c->key, 1, c->x, BLOCK, c->x);
}

static void chain_all(struct chain *c, struct ref_bytes b)
{
	for (size_t i = 0; i < b.len; i += BLOCK)
		chain_add(c, b.at + i, b.len - i < BLOCK ? b.len - i : BLOCK);
}

/* RFC 3610 2.2, 2.3 with L = 3 */
void ref_ccm(
	const struct ref_aead *a, bool sealing, struct ref_bytes in, uint8_t *out, uint8_t *tag)
{
	uint8_t block[BLOCK] = { (uint8_t)(0x40 | (a->tag_len - 2) / 2 << 3 | 2) };
	uint8_t count[BLOCK] = { 2 };
	struct chain c = { .key = a->key };
	memcpy(block + 1, a->nonce, NONCE);
	memcpy(count + 1, a->nonce, NONCE);
	put(block + 13, in.len, 3);
	chain_add(&c, block, BLOCK);
	put(block, a->aad.len, 2);
	assert_true(a->aad.len > 0 && a->aad.len < 0xff00);
	const size_t first = a->aad.len < BLOCK - 2 ? a->aad.len : BLOCK - 2;
	memcpy(block + 2, a->aad.at, first);
	chain_add(&c, block, 2 + first);
	chain_all(&c, (struct ref_bytes){ a->aad.at + first, a->aad.len - first });
	if (sealing)
		chain_all(&c, in);
	count[15] = 1;
	ctr(a->key, count, in, out);
	if (!sealing)
		chain_all(&c, (struct ref_bytes){ out, in.len });
	count[15] = 0;
	ctr(a->key, count, (struct ref_bytes){ c.x, BLOCK }, c.x);
	memcpy(tag, c.x, a->tag_len);
}

/* SP 800-38D 6.3: x = x * h in GF(2^128), bit by bit. */
static void gmul(uint8_t x[BLOCK], const uint8_t h[BLOCK])
{
	uint8_t z[BLOCK] = { 0 };
	uint8_t v[BLOCK];
	memcpy(v, h, BLOCK);
	for (int bit = 0; bit < 128; bit++) {
		if (x[bit / 8] >> (7 - bit % 8) & 1)
			block_xor(z, v, BLOCK);
		const bool carry = v[15] & 1;
		for (int i = 15; i > 0; i--)
			v[i] = (uint8_t)(v[i] >> 1 | v[i - 1] << 7);
		v[0] = (uint8_t)(v[0] >> 1 ^ (carry ? 0xe1 : 0));
	}
	memcpy(x, z, BLOCK);
}

static void ghash(uint8_t y[BLOCK], const uint8_t h[BLOCK], struct ref_bytes b)
{
	for (size_t i = 0; i < b.len; i += BLOCK) {
		block_xor(y, b.at + i, b.len - i < BLOCK ? b.len - i : BLOCK);
		gmul(y, h);
	}
}

/* SP 800-38D 7.1, nonces of 96 bits */
void ref_gcm(
	const struct ref_aead *a, bool sealing, struct ref_bytes in, uint8_t *out, uint8_t *tag)
{
	uint8_t h[BLOCK] = { 0 };
	uint8_t y[BLOCK] = { 0 };
	uint8_t lens[BLOCK];
	uint8_t count[BLOCK] = { 0 };
	ecb(a->key, 1, h, BLOCK, h);
	ghash(y, h, a->aad);
	if (!sealing)
		ghash(y, h, in);
	memcpy(count, a->nonce, NONCE);
	count[15] = 2;
	ctr(a->key, count, in, out);
	if (sealing)
		ghash(y, h, (struct ref_bytes){ out, in.len });
	put(lens, 8 * a->aad.len, 8);
	put(lens + 8, 8 * in.len, 8);
	ghash(y, h, (struct ref_bytes){ lens, BLOCK });
	count[15] = 1;
	ctr(a->key, count, (struct ref_bytes){ y, BLOCK }, y);
	memcpy(tag, y, a->tag_len);
}

static uint16_t version(const struct ref_record *r)
{
	return r->version ? r->version : 0xfefd;
}

static void head_of(uint8_t head[AAD], const struct ref_record *r, size_t len)
{
	put(head, r->n.epoch, 2);
	put(head + 2, r->n.seq, 6);
	put(head + 8, r->n.type, 1);
	put(head + 9, version(r), 2);
	put(head + 11, len, 2);
}

void ref_mac(const struct ref_record *r, struct ref_bytes what, uint8_t out[MAC])
{
	uint8_t *const all = malloc(AAD + what.len);
	unsigned len = MAC;
	assert_non_null(all);
	head_of(all, r, what.len);
	memcpy(all + AAD, what.at, what.len);
	assert_non_null(HMAC(EVP_sha256(), r->key->mac, MAC, all, AAD + what.len, out, &len));
	free(all);
}

static bool aead(enum dtls_guard how)
{
	return how == DTLS_GUARD_CCM_8 || how == DTLS_GUARD_CCM || how == DTLS_GUARD_GCM;
}

/* Runs the cipher of an AEAD suite over in, with the explicit nonce at `before`. */
static size_t run_aead(enum dtls_guard how, const struct ref_record *r, bool sealing,
	struct ref_bytes in, uint8_t *out, uint8_t *tag)
{
	uint8_t nonce[NONCE];
	uint8_t head[AAD];
	memcpy(nonce, r->key->iv, 4);
	memcpy(nonce + 4, r->before, 8);
	head_of(head, r, in.len);
	const struct ref_aead a = {
		.key = r->key->key,
		.nonce = nonce,
		.aad = { head, sizeof(head) },
		.tag_len = how == DTLS_GUARD_CCM_8 ? 8 : 16,
	};
	if (how == DTLS_GUARD_GCM)
		ref_gcm(&a, sealing, in, out, tag);
	else
		ref_ccm(&a, sealing, in, out, tag);
	return a.tag_len;
}

/* After the text (and MAC) of len octets at at; the length that it has then. */
static size_t pad(const struct ref_record *r, uint8_t *at, size_t len)
{
	const size_t padding = r->padding ? r->padding : BLOCK - len % BLOCK;
	assert_true(padding <= 256 && (len + padding) % BLOCK == 0);
	memset(at + len, (int)padding - 1, padding);
	len += padding;
	if (r->wrong)
		at[len - r->wrong] ^= 0x10;
	return len;
}

static void cbc_seal(const struct ref_record *r, uint8_t *at, size_t len)
{
	const uint8_t *last = r->before;
	for (size_t i = 0; i < len; i += BLOCK) {
		block_xor(at + i, last, BLOCK);
		ecb(r->key->key, 1, at + i, BLOCK, at + i);
		last = at + i;
	}
}

static size_t headed(const struct ref_record *r, uint8_t *out, size_t len)
{
	put(out, r->n.type, 1);
	put(out + 1, version(r), 2);
	put(out + 3, r->n.epoch, 2);
	put(out + 5, r->n.seq, 6);
	put(out + 11, len, 2);
	return DTLS_RECORD_HEADER + len;
}

size_t ref_seal_blocks(
	enum dtls_guard how, const struct ref_record *r, struct ref_bytes blocks, uint8_t *out)
{
	uint8_t *const body = out + DTLS_RECORD_HEADER;
	size_t len = BLOCK + blocks.len;
	memcpy(body, r->before, BLOCK);
	memmove(body + BLOCK, blocks.at, blocks.len);
	cbc_seal(r, body + BLOCK, blocks.len);
	if (how == DTLS_GUARD_ETM) {
		ref_mac(r, (struct ref_bytes){ body, len }, body + len);
		len += MAC;
	}
	return headed(r, out, len);
}

size_t ref_seal(
	enum dtls_guard how, const struct ref_record *r, struct ref_bytes text, uint8_t *out)
{
	uint8_t *const body = out + DTLS_RECORD_HEADER;
	if (aead(how)) {
		uint8_t *const at = body + 8;
		memcpy(body, r->before, 8);
		memmove(at, text.at, text.len);
		const size_t tag = run_aead(how, r, true, text, at, at + text.len);
		return headed(r, out, 8 + text.len + tag);
	}
	uint8_t *const at = body + BLOCK;
	size_t len = text.len;
	memmove(at, text.at, len);
	if (how == DTLS_GUARD_MTE) {
		ref_mac(r, (struct ref_bytes){ at, len }, at + len);
		len += MAC;
	}
	len = pad(r, at, len);
	return ref_seal_blocks(how, r, (struct ref_bytes){ at, len }, out);
}

/* Deciphers what follows the IV, to text; the length without padding, or -1. */
static long cbc_open(const struct dtls_key *key, struct ref_bytes body, uint8_t *text)
{
	if (body.len < 2L * BLOCK || body.len % BLOCK != 0)
		return -1;
	const size_t len = body.len - BLOCK;
	ecb(key->key, 0, body.at + BLOCK, len, text);
	block_xor(text, body.at, len);
	const size_t padding = text[len - 1] + (size_t)1;
	if (padding > len)
		return -1;
	for (size_t i = 0; i < padding; i++) {
		if (text[len - 1 - i] != padding - 1)
			return -1;
	}
	return (long)(len - padding);
}

static bool open_etm(const struct ref_record *r, struct ref_bytes body, uint8_t *text, size_t *len)
{
	uint8_t mac[MAC];
	if (body.len < MAC)
		return false;
	body.len -= MAC;
	ref_mac(r, body, mac);
	if (memcmp(mac, body.at + body.len, MAC) != 0)
		return false;
	const long got = cbc_open(r->key, body, text);
	*len = got < 0 ? 0 : (size_t)got;
	return got >= 0;
}

static bool open_mte(const struct ref_record *r, struct ref_bytes body, uint8_t *text, size_t *len)
{
	uint8_t mac[MAC];
	const long got = cbc_open(r->key, body, text);
	if (got < MAC)
		return false;
	*len = (size_t)got - MAC;
	ref_mac(r, (struct ref_bytes){ text, *len }, mac);
	return memcmp(mac, text + *len, MAC) == 0;
}

bool ref_open(enum dtls_guard how, const struct dtls_key *key, struct ref_bytes wire, uint8_t *text,
	size_t *len)
{
	if (wire.len < DTLS_RECORD_HEADER || get(wire.at + 1, 2) != 0xfefd ||
		get(wire.at + 11, 2) != wire.len - DTLS_RECORD_HEADER)
		return false;
	const struct ref_bytes body = { wire.at + DTLS_RECORD_HEADER,
		wire.len - DTLS_RECORD_HEADER };
	const struct ref_record r = {
		.key = key,
		.n = { .type = wire.at[0],
			.epoch = (uint16_t)get(wire.at + 3, 2),
			.seq = get(wire.at + 5, 6) },
		.before = body.at,
	};
	if (how == DTLS_GUARD_ETM)
		return open_etm(&r, body, text, len);
	if (how == DTLS_GUARD_MTE)
		return open_mte(&r, body, text, len);
	const size_t around = how == DTLS_GUARD_CCM_8 ? 16 : 24;
	if (body.len < around)
		return false;
	uint8_t tag[BLOCK];
	*len = body.len - around;
	const size_t n =
		run_aead(how, &r, false, (struct ref_bytes){ body.at + 8, *len }, text, tag);
	return memcmp(tag, body.at + 8 + *len, n) == 0;
}
