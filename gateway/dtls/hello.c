/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/hello.h"

#include <stdlib.h>

enum { RANDOM_LEN = 32, SESSION_ID_MAX = 32, SUITE_LEN = 2 }; /* RFC 5246 7.4.1.2 */
enum {
	EXTENSION_HEADER = 4,        /* RFC 5246 7.4.1.4 */
	EXTENSIONS_MAX = 1024,       /* more do not fit a hello of DTLS_HELLO_MAX */
	RENEGOTIATION_INFO = 0xff01, /* RFC 5746 3.2 */
};

bool dtls_fragment_next(struct rd *body, struct dtls_fragment *out)
{
	if (body->left == 0)
		return false;
	struct dtls_fragment f = { .type = rd_u8(body) };
	f.total = rd_u24(body);
	f.message_seq = rd_u16(body);
	f.offset = rd_u24(body);
	f.len = rd_u24(body);
	f.body = rd_bytes(body, f.len);
	/* Both are 24 bits wide, so the sum cannot wrap. */
	if (f.offset + f.len > f.total)
		body->bad = true;
	if (!rd_ok(body))
		return false;
	*out = f;
	return true;
}

/* They may go on in a later fragment: what is here is lent. */
static void extensions(struct rd *r, struct dtls_hello *h)
{
	if (r->left < sizeof(uint16_t))
		return;
	const size_t announced = rd_u16(r);
	h->extensions_len = r->left < announced ? r->left : announced;
	h->extensions = rd_bytes(r, h->extensions_len);
}

bool dtls_hello_parse(const uint8_t *body, size_t len, struct dtls_hello *out)
{
	struct rd r = rd_from(body, len);
	struct dtls_hello h = { .version = rd_u16(&r) };
	h.random = rd_bytes(&r, RANDOM_LEN);
	h.session_id_len = rd_u8(&r);
	h.session_id = rd_bytes(&r, h.session_id_len);
	h.cookie_len = rd_u8(&r);
	h.cookie = rd_bytes(&r, h.cookie_len);
	h.suites_len = rd_u16(&r);
	h.suites = rd_bytes(&r, h.suites_len);
	h.compressions_len = rd_u8(&r);
	h.compressions = rd_bytes(&r, h.compressions_len);
	if (!rd_ok(&r) || h.session_id_len > SESSION_ID_MAX)
		return false;
	if (h.suites_len < SUITE_LEN || h.suites_len % SUITE_LEN != 0 || h.compressions_len == 0)
		return false;
	extensions(&r, &h);
	*out = h;
	return true;
}

bool dtls_hello_offers(const struct dtls_hello *h, uint16_t suite)
{
	struct rd r = rd_from(h->suites, h->suites_len);
	while (r.left >= SUITE_LEN) {
		if (rd_u16(&r) == suite)
			return true;
	}
	return false;
}

bool dtls_server_hello_parse(
	const uint8_t *body, size_t len, const uint8_t **extensions, size_t *extensions_len)
{
	struct rd r = rd_from(body, len);
	rd_skip(&r, sizeof(uint16_t) + RANDOM_LEN);
	rd_skip(&r, rd_u8(&r));
	rd_skip(&r, SUITE_LEN + 1); /* and the compression method */
	*extensions_len = r.left > 0 ? rd_u16(&r) : 0;
	*extensions = rd_bytes(&r, *extensions_len);
	return rd_end(&r);
}

/* False at the end, and where a block is malformed, which libssl judges. */
static bool extension_next(struct rd *block, uint16_t *type)
{
	if (block->left < EXTENSION_HEADER)
		return false;
	*type = rd_u16(block);
	rd_skip(block, rd_u16(block));
	return rd_ok(block);
}

bool dtls_extension_find(const uint8_t *block, size_t len, uint16_t type, struct rd *body)
{
	struct rd r = rd_from(block, len);
	while (r.left > 0) {
		const uint16_t t = rd_u16(&r);
		*body = rd_sub(&r, rd_u16(&r));
		if (!rd_ok(&r))
			return false;
		if (t == type)
			return true;
	}
	return false;
}

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

bool dtls_extension_twice(const uint8_t *block, size_t len)
{
	uint16_t types[EXTENSIONS_MAX];
	struct rd r = rd_from(block, len);
	size_t n = 0;
	while (n < EXTENSIONS_MAX && extension_next(&r, &types[n]))
		n++;
	/* Sorted: comparing each with each would cost more than the handshake. */
	qsort(types, n, sizeof(types[0]), by_number);
	for (size_t i = 1; i < n; i++) {
		if (types[i] == types[i - 1])
			return true;
	}
	return false;
}

static bool stands_in(uint16_t type, const uint8_t *block, size_t len)
{
	struct rd r = rd_from(block, len);
	uint16_t t = 0;
	while (extension_next(&r, &t)) {
		if (t == type)
			return true;
	}
	return false;
}

bool dtls_extensions_offered(
	const uint8_t *answered, size_t answered_len, const uint8_t *offered, size_t offered_len)
{
	struct rd r = rd_from(answered, answered_len);
	uint16_t type = 0;
	while (extension_next(&r, &type)) {
		if (type != RENEGOTIATION_INFO && !stands_in(type, offered, offered_len))
			return false;
	}
	return true;
}

bool dtls_identity_parse(
	const uint8_t *body, size_t len, const uint8_t **identity, size_t *identity_len)
{
	struct rd r = rd_from(body, len);
	const size_t n = rd_u16(&r);
	const uint8_t *const p = rd_bytes(&r, n);
	if (!rd_end(&r) || n == 0 || n > DTLS_IDENTITY_MAX)
		return false;
	*identity = p;
	*identity_len = n;
	return true;
}
