/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's datagram in the record layer: parsed, opened; the same bytes sealed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The key of the vector that stands in the corpus, so that some inputs do open. */
static const struct dtls_key key = {
	.key = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81, 0xbf, 0x7c, 0xae,
		0x5b, 0x31 },
	.iv = { 0x3a, 0x5b, 0x37, 0x0c },
};

static uint8_t *block(size_t size)
{
	uint8_t *const p = malloc(size ? size : 1);
	assert(p);
	return p;
}

/* What was parsed is where it says it is, and makes the same header again. */
static void check_record(const struct dtls_record *r, const uint8_t *begin, const uint8_t *end)
{
	assert(r->body == begin + DTLS_RECORD_HEADER && r->body + r->len == end);
	assert(r->seq <= DTLS_SEQ_MAX && r->len <= DTLS_CIPHER_MAX);
	const struct dtls_number n = { .type = r->type, .epoch = r->epoch, .seq = r->seq };
	uint8_t header[DTLS_RECORD_HEADER];
	dtls_record_header(header, r->version, &n, r->len);
	assert(memcmp(header, begin, sizeof(header)) == 0);
}

static void parse_and_open(struct dtls_aead *a, const uint8_t *data, size_t size)
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
		if (!dtls_open(a, &key, &r, &plain, &len))
			continue;
		assert(plain == r.body + 8 && len + DTLS_CCM8_OVERHEAD == r.len);
	}
	free(copy);
}

/* The input as a plaintext: what is sealed opens again, and does not when one bit is another. */
static void seal_and_open(struct dtls_aead *a, const uint8_t *data, size_t size)
{
	const size_t whole = DTLS_RECORD_OVERHEAD + size;
	const struct dtls_number n = { .type = DTLS_DATA, .epoch = 1, .seq = size };
	uint8_t *const sealed = block(whole);
	uint8_t *const spoilt = block(whole);
	memset(sealed, 0, whole);
	if (size > 0)
		memcpy(sealed + DTLS_RECORD_HEADER + 8, data, size);
	if (!dtls_seal(a, &key, &n, sealed, size)) {
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
	assert(parsed && left == 0 && !dtls_open(a, &key, &r, &plain, &len));
	at = sealed;
	left = whole;
	const bool again = dtls_record_next(&at, &left, &r);
	assert(again && dtls_open(a, &key, &r, &plain, &len));
	assert(len == size && (size == 0 || memcmp(plain, data, size) == 0));
	free(sealed);
	free(spoilt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dtls_aead *aead; /* one for all inputs, as in a worker */
	if (!aead)
		aead = dtls_aead_new();
	assert(aead);
	parse_and_open(aead, data, size);
	seal_and_open(aead, data, size);
	return 0;
}
