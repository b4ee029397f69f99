/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/hello: reads the plain handshake messages that pass the demultiplexer before and around
 * libssl.
 *
 * Promise: pure, total, bounded (I7); every pointer in a result borrows the input.
 * Errors:  false: not what it should be; nothing more is said to a stranger.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  RFC 6347 sections 4.2.1 and 4.2.2; RFC 5246 section 7.4; RFC 4279 section 2 (PSK
 *          identity).
 */
#ifndef LWG_DTLS_HELLO_H
#define LWG_DTLS_HELLO_H

#include "base/attr.h"
#include "base/rd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DTLS_HS_HEADER = 12,                     /* RFC 6347 4.2.2 */
	DTLS_FINISHED_LEN = DTLS_HS_HEADER + 12, /* RFC 5246 7.4.9 */
	DTLS_COOKIE_MAX = 255,                   /* RFC 6347 4.2.1 */
	DTLS_IDENTITY_MAX = 128,                 /* LwM2M and R-024: what a peer may send */
};

enum dtls_hs_type { /* RFC 5246 7.4, RFC 6347 4.3.2, RFC 5077 */
	DTLS_HS_HELLO_REQUEST = 0,
	DTLS_HS_CLIENT_HELLO = 1,
	DTLS_HS_SERVER_HELLO = 2,
	DTLS_HS_HELLO_VERIFY = 3,
	DTLS_HS_NEW_TICKET = 4,
	DTLS_HS_CERTIFICATE = 11,
	DTLS_HS_SERVER_KEY_EXCHANGE = 12,
	DTLS_HS_CERTIFICATE_REQUEST = 13,
	DTLS_HS_SERVER_DONE = 14,
	DTLS_HS_CERTIFICATE_VERIFY = 15,
	DTLS_HS_CLIENT_KEY_EXCHANGE = 16,
	DTLS_HS_FINISHED = 20,
};

/* One fragment of one handshake message. */
struct dtls_fragment {
	uint8_t type;   /* as on the wire */
	uint32_t total; /* length of the whole message */
	uint16_t message_seq;
	uint32_t offset; /* offset + len <= total is checked */
	const uint8_t *body;
	size_t len;
};

struct dtls_hello {
	uint16_t version;      /* client_version */
	const uint8_t *random; /* 32 bytes */
	const uint8_t *session_id;
	size_t session_id_len; /* <= 32 */
	const uint8_t *cookie;
	size_t cookie_len;     /* <= DTLS_COOKIE_MAX; 0 = none */
	const uint8_t *suites; /* pairs of bytes */
	size_t suites_len;     /* even, >= 2 */
	const uint8_t *compressions;
	size_t compressions_len;   /* >= 1 */
	const uint8_t *extensions; /* may be cut off by the end of the fragment; NULL = none */
	size_t extensions_len;     /* what was announced, or what is there of it */
};

/* Takes the next fragment off a handshake record's body (several may share one record, R-111). */
MUST_USE bool dtls_fragment_next(struct rd *body, struct dtls_fragment *out);

/* Reads a ClientHello's body up to its compression methods; what follows may be missing, as the
   hello may be fragmented (the cookie must be in the first fragment, RFC 6347 4.2.1 and the note of
   its section 4.2.6). Bytes after the extensions do not matter here: libssl refuses them, with an
   alert, once the cookie is good. */
MUST_USE bool dtls_hello_parse(const uint8_t *body, size_t len, struct dtls_hello *out);

/* True when the hello offers the suite. */
MUST_USE bool dtls_hello_offers(const struct dtls_hello *h, uint16_t suite);

/* The extensions of a whole ServerHello; *len is 0 when there are none. */
MUST_USE bool dtls_server_hello_parse(
	const uint8_t *body, size_t len, const uint8_t **extensions, size_t *extensions_len);

/* The body of an extension in a block of them, which may be cut off; false: it is not there. */
MUST_USE bool dtls_extension_find(const uint8_t *block, size_t len, uint16_t type, struct rd *body);

/* True when a type stands twice in a block of extensions (RFC 5246 7.4.1.4: it must not). */
MUST_USE bool dtls_extension_twice(const uint8_t *block, size_t len);

/* True when every type of `answered` stands in `offered` or is renegotiation_info, which a client
   may offer by a suite, too (RFC 5746 3.4). */
MUST_USE bool dtls_extensions_offered(
	const uint8_t *answered, size_t answered_len, const uint8_t *offered, size_t offered_len);

/* The PSK identity in a whole ClientKeyExchange of a plain PSK suite, as octets: NUL counts
   . False when it is malformed, empty or longer than DTLS_IDENTITY_MAX. */
MUST_USE bool dtls_identity_parse(
	const uint8_t *body, size_t len, const uint8_t **identity, size_t *identity_len);

#endif
