/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/cookie.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "base/wipe.h"
#include "base/wr.h"
#include "dtls/record.h"

enum { MAC_LEN = 32, RANDOM_LEN = 32, HELLO_VERIFY_BODY = 2 + 1 + DTLS_COOKIE_LEN };

static void *mac_new(void)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *const hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_MAC_free(hmac); /* the context holds its own reference */
	if (!ctx)
		ERR_clear_error();
	return ctx;
}

bool dtls_cookies_init(
	struct dtls_cookies *c, dtls_random_fn *random, void *random_ctx, uint64_t now_ms)
{
	*c = (struct dtls_cookies){
		.since_ms = now_ms, .random = random, .random_ctx = random_ctx
	};
	c->mac = mac_new();
	if (!c->mac)
		return false;
	/* Both: a secret "before" of zeros would be one that everybody knows. */
	random(random_ctx, c->secret[0], DTLS_COOKIE_SECRET);
	random(random_ctx, c->secret[1], DTLS_COOKIE_SECRET);
	return true;
}

void dtls_cookies_fini(struct dtls_cookies *c)
{
	EVP_MAC_CTX_free(c->mac);
	wipe(c, sizeof(*c));
}

/* Steps stay on the grid of periods, however long nobody came: a cookie dies when the second
   period after the begin of its secret ends. */
static void rotate(struct dtls_cookies *c, uint64_t now_ms)
{
	if (now_ms < c->since_ms || now_ms - c->since_ms < DTLS_COOKIE_PERIOD_MS)
		return;
	const uint64_t periods = (now_ms - c->since_ms) / DTLS_COOKIE_PERIOD_MS;
	if (periods == 1)
		memcpy(c->secret[1], c->secret[0], DTLS_COOKIE_SECRET);
	else
		c->random(c->random_ctx, c->secret[1], DTLS_COOKIE_SECRET);
	c->random(c->random_ctx, c->secret[0], DTLS_COOKIE_SECRET);
	c->since_ms += periods * DTLS_COOKIE_PERIOD_MS;
}

/* One variable part with its length in front, so that no two hellos give the same octets. */
static bool bind(EVP_MAC_CTX *mac, const uint8_t *part, size_t len)
{
	const uint8_t prefix[2] = { (uint8_t)(len >> 8), (uint8_t)len };
	return EVP_MAC_update(mac, prefix, sizeof(prefix)) == 1 &&
	       (len == 0 || EVP_MAC_update(mac, part, len) == 1);
}

/* RFC 6347 4.2.1: Cookie = HMAC(Secret, Client-IP, Client-Parameters); R-090 names them. */
static bool make(struct dtls_cookies *c, const uint8_t secret[DTLS_COOKIE_SECRET],
	const struct net_addr *peer, const struct dtls_hello *h, uint8_t cookie[DTLS_COOKIE_LEN])
{
	EVP_MAC_CTX *const mac = c->mac;
	const uint8_t version[2] = { (uint8_t)(h->version >> 8), (uint8_t)h->version };
	uint8_t full[MAC_LEN];
	size_t len = 0;
	const bool good = EVP_MAC_init(mac, secret, DTLS_COOKIE_SECRET, NULL) == 1 &&
			  EVP_MAC_update(mac, (const uint8_t *)peer, sizeof(*peer)) == 1 &&
			  EVP_MAC_update(mac, version, sizeof(version)) == 1 &&
			  EVP_MAC_update(mac, h->random, RANDOM_LEN) == 1 &&
			  bind(mac, h->session_id, h->session_id_len) &&
			  bind(mac, h->suites, h->suites_len) &&
			  bind(mac, h->compressions, h->compressions_len) &&
			  EVP_MAC_final(mac, full, &len, sizeof(full)) == 1 && len == sizeof(full);
	if (good)
		memcpy(cookie, full, DTLS_COOKIE_LEN);
	else
		ERR_clear_error();
	wipe(full, sizeof(full));
	return good;
}

bool dtls_cookie_good(struct dtls_cookies *c, const struct net_addr *peer,
	const struct dtls_hello *h, uint64_t now_ms)
{
	/* Also for a hello without a cookie: dtls_cookie_demand() is told no time. */
	rotate(c, now_ms);
	if (h->cookie_len != DTLS_COOKIE_LEN)
		return false;
	for (size_t i = 0; i < COUNT_OF(c->secret); i++) {
		uint8_t cookie[DTLS_COOKIE_LEN];
		if (!make(c, c->secret[i], peer, h, cookie))
			return false;
		if (same_secret(cookie, h->cookie, sizeof(cookie)))
			return true;
	}
	return false;
}

bool dtls_cookie_demand(struct dtls_cookies *c, const struct net_addr *peer,
	const struct dtls_hello *h, const struct dtls_question *q, uint8_t out[DTLS_VERIFY_LEN])
{
	/* RFC 6347 4.2.1: the record's number is the hello's, so that nothing is remembered. */
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 0, .seq = q->seq };
	dtls_record_header(out, DTLS_VERSION_1_0, &n, DTLS_VERIFY_LEN - DTLS_RECORD_HEADER);
	struct wr w = wr_into(out + DTLS_RECORD_HEADER, DTLS_VERIFY_LEN - DTLS_RECORD_HEADER);
	wr_u8(&w, DTLS_HS_HELLO_VERIFY);
	wr_u24(&w, HELLO_VERIFY_BODY);
	/* 4.2.2: 0, and one more for each new message. Who has been asked once (his cookie has died
	   since, say) takes another 0 for an old message, and would never be served. */
	wr_u16(&w, q->message_seq);
	wr_u24(&w, 0); /* fragment_offset */
	wr_u24(&w, HELLO_VERIFY_BODY);
	/* 4.2.1: "DTLS 1.2 server implementations SHOULD use DTLS version 1.0", whatever comes. */
	wr_u16(&w, DTLS_VERSION_1_0);
	wr_u8(&w, DTLS_COOKIE_LEN);
	uint8_t *const cookie = wr_room(&w, DTLS_COOKIE_LEN);
	return cookie && make(c, c->secret[0], peer, h, cookie);
}
