/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/hello.h"

enum { RANDOM_LEN = 32, SESSION_ID_MAX = 32, SUITE_LEN = 2 }; /* RFC 5246 7.4.1.2 */

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

/* The extensions may go on in a later fragment: what is here is lent, too much is refused. */
static bool extensions(struct rd *r, struct dtls_hello *h)
{
	if (r->left < sizeof(uint16_t))
		return true;
	const size_t announced = rd_u16(r);
	if (r->left > announced)
		return false;
	h->extensions_len = r->left;
	h->extensions = rd_bytes(r, r->left);
	return true;
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
	if (!extensions(&r, &h))
		return false;
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
