/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain handshake messages of a stranger. The input is taken four ways: as the body of a
 * handshake record, of a ClientHello, of a ServerHello, and of a ClientKeyExchange.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/cookie.h"
#include "dtls/hello.h"
#include "dtls/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void not_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	memset(out, 0x42, len);
}

/* Reads every byte that a result lends. */
static unsigned touch(const uint8_t *p, size_t len, const uint8_t *data, size_t size)
{
	unsigned sum = 0;
	if (len > 0)
		assert(p >= data && p + len <= data + size);
	for (size_t i = 0; i < len; i++)
		sum += p[i];
	return sum;
}

/* A hello is asked for a cookie, brings it, and is let in. */
static void go_round(const struct dtls_hello *h)
{
	struct dtls_cookies c;
	const struct net_addr peer = { .ip = { 192, 0, 2, 1 }, .port = 5684, .family = NET_IPV4 };
	const bool up = dtls_cookies_init(&c, not_random, NULL, 0);
	assert(up);
	uint8_t out[DTLS_VERIFY_LEN];
	const struct dtls_question q = { .seq = 7 };
	const bool made = dtls_cookie_demand(&c, &peer, h, &q, out);
	assert(made);
	struct dtls_hello second = *h;
	second.cookie = out + DTLS_VERIFY_LEN - DTLS_COOKIE_LEN;
	second.cookie_len = DTLS_COOKIE_LEN;
	assert(dtls_cookie_good(&c, &peer, &second, 0));
	out[DTLS_VERIFY_LEN - 1] ^= 1;
	assert(!dtls_cookie_good(&c, &peer, &second, 0));
	dtls_cookies_fini(&c);
}

static void hello(const uint8_t *data, size_t size)
{
	struct dtls_hello h;
	if (!dtls_hello_parse(data, size, &h))
		return;
	assert(h.session_id_len <= 32 && h.cookie_len <= DTLS_COOKIE_MAX);
	assert(h.suites_len >= 2 && h.suites_len % 2 == 0 && h.compressions_len >= 1);
	unsigned sum =
		touch(h.random, 32, data, size) + touch(h.session_id, h.session_id_len, data, size);
	sum += touch(h.cookie, h.cookie_len, data, size) +
	       touch(h.suites, h.suites_len, data, size);
	sum += touch(h.compressions, h.compressions_len, data, size);
	sum += touch(h.extensions, h.extensions_len, data, size);
	assert(dtls_extensions_offered(
		h.extensions, h.extensions_len, h.extensions, h.extensions_len));
	sum += dtls_extension_twice(h.extensions, h.extensions_len);
	const uint16_t last =
		(uint16_t)(h.suites[h.suites_len - 2] << 8 | h.suites[h.suites_len - 1]);
	assert(dtls_hello_offers(&h, last));
	if (sum % 16 == 0)
		go_round(&h); /* not for each: the HMAC's set-up is slow next to a parser */
}

static void server_hello(const uint8_t *data, size_t size)
{
	const uint8_t *p;
	size_t len;
	if (!dtls_server_hello_parse(data, size, &p, &len))
		return;
	assert(len + 38 <= size);
	(void)touch(p, len, data, size);
	if (dtls_extensions_offered(p, len, data, 0))
		assert(dtls_extensions_offered(p, len, p, len / 2));
}

static void identity(const uint8_t *data, size_t size)
{
	const uint8_t *p;
	size_t len;
	if (!dtls_identity_parse(data, size, &p, &len))
		return;
	assert(len >= 1 && len <= DTLS_IDENTITY_MAX && len + 2 == size);
	(void)touch(p, len, data, size);
}

static void fragments(const uint8_t *data, size_t size)
{
	struct rd r = rd_from(data, size);
	struct dtls_fragment f;
	size_t used = 0;
	while (dtls_fragment_next(&r, &f)) {
		assert(f.offset + f.len <= f.total && f.total < 1 << 24);
		used += DTLS_HS_HEADER + f.len;
		assert(used + r.left == size);
		(void)touch(f.body, f.len, data, size);
		if (f.type == DTLS_HS_CLIENT_HELLO)
			hello(f.body, f.len);
		if (f.type == DTLS_HS_SERVER_HELLO)
			server_hello(f.body, f.len);
		if (f.type == DTLS_HS_CLIENT_KEY_EXCHANGE)
			identity(f.body, f.len);
	}
	assert(rd_end(&r) == (used == size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fragments(data, size);
	hello(data, size);
	server_hello(data, size);
	identity(data, size);
	return 0;
}
