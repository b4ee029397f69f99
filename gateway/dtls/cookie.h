/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/cookie: the stateless HelloVerifyRequest: a stranger costs one HMAC and no memory (I9,
 *
 *
 * Promise: nothing is kept per peer. The cookie binds address and hello, is compared in
 *          constant time, and dies after one to two periods of the rotating secret. The
 *          answer is never longer than the question.
 * Errors:  false when the library fails (nothing is then sent).
 * Memory:  two secrets in the struct; wiped by dtls_cookies_fini().
 * Threads: the worker that owns it. The clock is told; randomness comes in.
 * Source:  RFC 6347 section 4.2.1.
 */
#ifndef LWG_DTLS_COOKIE_H
#define LWG_DTLS_COOKIE_H

#include "base/attr.h"
#include "base/net.h"
#include "dtls/hello.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DTLS_COOKIE_LEN = 16, /* 128 bits of HMAC-SHA256: short hello answers on a slow radio */
	DTLS_COOKIE_SECRET = 32,
	DTLS_COOKIE_PERIOD_MS = 300000, /* */
	/* A whole HelloVerifyRequest datagram: record header, handshake header, version, cookie. */
	DTLS_VERIFY_LEN = 13 + DTLS_HS_HEADER + 2 + 1 + DTLS_COOKIE_LEN,
};

typedef void dtls_random_fn(void *ctx, uint8_t *out, size_t len);

struct dtls_cookies {
	uint8_t secret[2][DTLS_COOKIE_SECRET]; /* now and before */
	uint64_t since_ms;                     /* when secret[0] began */
	dtls_random_fn *random;                /* borrowed, with its ctx */
	void *random_ctx;
	void *mac; /* the library's HMAC context, owned */
};

MUST_USE bool dtls_cookies_init(
	struct dtls_cookies *c, dtls_random_fn *random, void *random_ctx, uint64_t now_ms);
void dtls_cookies_fini(struct dtls_cookies *c);

/* True when the hello carries a cookie that this struct made for this peer and these parameters.
   Rotates when due. */
MUST_USE bool dtls_cookie_good(struct dtls_cookies *c, const struct net_addr *peer,
	const struct dtls_hello *h, uint64_t now_ms);

/* What the answer has in common with its question, as nothing else is remembered. */
struct dtls_question {
	uint64_t seq;         /* of the record */
	uint16_t message_seq; /* of the hello: 0 for a first one, one more each time */
};

/* Writes the HelloVerifyRequest datagram that answers the hello. */
MUST_USE bool dtls_cookie_demand(struct dtls_cookies *c, const struct net_addr *peer,
	const struct dtls_hello *h, const struct dtls_question *q, uint8_t out[DTLS_VERIFY_LEN]);

#endif
