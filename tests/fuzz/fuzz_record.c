/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's datagram in the record layer: parsed, opened under every guard; the same
   bytes sealed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/cid.h"
#include "dtls/guard.h"
#include "dtls/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The keys of the vectors that stand in the corpus, so that some inputs do open. */
static const struct dtls_key aead_key = {
	.key = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81, 0xbf, 0x7c, 0xae,
		0x5b, 0x31 },
	.iv = { 0x3a, 0x5b, 0x37, 0x0c },
};
static const struct dtls_key cbc_key = {
	.key = { 0xc3, 0xb5, 0x64, 0x4b, 0xcf, 0xa9, 0xfd, 0x2e, 0x7c, 0xa3, 0xc3, 0x1b, 0x6c, 0x45,
		0x37, 0x3a },
	.mac = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81, 0xbf, 0x7c, 0xae,
		0x5b, 0x31, 0x6d, 0x88, 0x7a, 0x94, 0x17, 0x01, 0xfd, 0x4f, 0x91, 0xee, 0x36, 0x36,
		0x90, 0x16, 0x9e, 0xfa },
};

static bool cbc(enum dtls_guard how)
{
	return how == DTLS_GUARD_ETM || how == DTLS_GUARD_MTE;
}

static const struct dtls_key *key_of(enum dtls_guard how)
{
	return cbc(how) ? &cbc_key : &aead_key;
}

static uint8_t *block(size_t size)
{
	uint8_t *const p = calloc(1, size ? size : 1);
	assert(p);
	return p;
}

/* What was parsed is where it says it is, and makes the same header again. */
static void check_record(const struct dtls_record *r, const uint8_t *begin, const uint8_t *end)
{
	assert(dtls_record_start(r) == begin && begin + dtls_record_whole(r) == end);
	assert((r->type == DTLS_CID) == (r->cid_len > 0));
	assert(r->seq <= DTLS_SEQ_MAX && r->len <= DTLS_CIPHER_MAX);
	const struct dtls_number n = { .type = r->type,
		.epoch = r->epoch,
		.seq = r->seq,
		.cid = r->cid,
		.cid_len = r->cid_len };
	uint8_t header[DTLS_RECORD_HEADER + DTLS_CID_OURS_MAX];
	dtls_record_header(header, r->version, &n, r->len);
	assert(memcmp(header, begin, DTLS_RECORD_HEADER + r->cid_len) == 0);
}

/* What has opened is sealed as it was, but for padding that is longer than it need be. */
static void check_opened(struct dtls_guards *g, enum dtls_guard how, const struct dtls_record *r,
	const uint8_t *wire, size_t len)
{
	const size_t before = dtls_guard_before(how);
	const size_t whole = DTLS_RECORD_HEADER + dtls_guard_body(how, len);
	const struct dtls_number n = { .type = r->type, .epoch = r->epoch, .seq = r->seq };
	const uint8_t *const sent = wire + DTLS_RECORD_HEADER; /* explicit nonce or IV */
	const struct dtls_sealing s = {
		.key = key_of(how), .n = &n, .random = sent, .explicit_nonce = sent
	};
	uint8_t *const again = block(whole);
	memcpy(again + DTLS_RECORD_HEADER + before, r->body + before, len);
	const size_t sealed = dtls_guard_seal(g, how, &s, again, len);
	assert(sealed == whole && whole <= DTLS_RECORD_HEADER + r->len);
	assert(whole < DTLS_RECORD_HEADER + r->len || memcmp(again, wire, whole) == 0);
	assert(whole == DTLS_RECORD_HEADER + r->len || cbc(how));
	free(again);
}

static void parse_and_open(
	struct dtls_guards *g, enum dtls_guard how, const uint8_t *data, size_t size)
{
	uint8_t *const copy = block(size);
	if (size > 0)
		memcpy(copy, data, size);
	uint8_t *at = copy;
	size_t left = size;
	struct dtls_record r;
	for (const uint8_t *begin = at; dtls_record_next(&at, &left, &r); begin = at) {
		check_record(&r, begin, at);
		assert(at + left == copy + size);
		uint8_t *plain;
		size_t len;
		if (!dtls_guard_open(g, how, key_of(how), &r, &plain, &len))
			continue;
		assert(plain == r.body + dtls_guard_before(how));
		assert(len <= DTLS_PLAIN_MAX);
		if (r.cid_len > 0) {
			assert(dtls_guard_type(&r, plain, len) != 0);
			continue;
		}
		check_opened(g, how, &r, data + (begin - copy), len);
	}
	free(copy);
}

/* The input as a plaintext: what is sealed opens again, and does not when one bit is another. */
static void seal_and_open(
	struct dtls_guards *g, enum dtls_guard how, const uint8_t *data, size_t size)
{
	static const uint8_t iv[16] = { 0xa0 };
	const size_t whole = DTLS_RECORD_HEADER + dtls_guard_body(how, size);
	const struct dtls_number n = { .type = DTLS_DATA, .epoch = 1, .seq = size };
	const struct dtls_sealing s = { .key = key_of(how), .n = &n, .random = iv };
	uint8_t *const sealed = block(whole);
	uint8_t *const spoilt = block(whole);
	if (size > 0)
		memcpy(sealed + DTLS_RECORD_HEADER + dtls_guard_before(how), data, size);
	if (dtls_guard_seal(g, how, &s, sealed, size) != whole) {
		assert(size > DTLS_PLAIN_MAX);
		free(sealed);
		free(spoilt);
		return;
	}
	memcpy(spoilt, sealed, whole);
	spoilt[DTLS_RECORD_HEADER + (size ? data[0] : 0) % (whole - DTLS_RECORD_HEADER)] ^= 4;
	struct dtls_record r;
	uint8_t *plain;
	size_t len;
	uint8_t *at = spoilt;
	size_t left = whole;
	const bool parsed = dtls_record_next(&at, &left, &r);
	assert(parsed && left == 0 && !dtls_guard_open(g, how, s.key, &r, &plain, &len));
	at = sealed;
	left = whole;
	const bool again = dtls_record_next(&at, &left, &r);
	assert(again && dtls_guard_open(g, how, s.key, &r, &plain, &len));
	assert(len == size && (size == 0 || memcmp(plain, data, size) == 0));
	free(sealed);
	free(spoilt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dtls_guards *guards; /* one set for all inputs, as in a worker */
	if (!guards)
		guards = dtls_guards_new();
	assert(guards);
	for (enum dtls_guard how = 0; how <= DTLS_GUARD_MTE; how++) {
		parse_and_open(guards, how, data, size);
		seal_and_open(guards, how, data, size);
	}
	return 0;
}
