/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/profile: what a listener or an upstream says and accepts in a handshake: suites, timers, its
 *               own key and certificate, whose certificates it takes. Made once, used by many
 *               handshakes, exchanged whole when the configuration or a file changes.
 *
 * Promise: DTLS 1.2 and the suites of the list, no others; SHA-256 or better everywhere, P-256 and
 *          up; no renegotiation, no compression, no truncated HMAC; the library's
 *          judgement on strength stays, but for CCM_8. A handshake that has begun keeps
 *          the profile that it began with.
 * Errors:  NULL with a sentence.
 * Memory:  owns an SSL_CTX; holds references to keys, certificates and stores, not copies.
 *          Counted: the maker has one reference, each handshake one.
 * Threads: the worker that made it (the library's objects behind the settings may be shared).
 * Source:  RFC 7925 sections 4 to 20; areas C to F and K of the requirements.
 */
#ifndef LWG_DTLS_PROFILE_H
#define LWG_DTLS_PROFILE_H

#include "base/attr.h"
#include "base/suite.h"
#include "dtls/certificate.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_profile;

enum dtls_clock {
	DTLS_CLOCK_TRUSTED,
	DTLS_CLOCK_IGNORE, /* the clock is not to be trusted: validity is not looked at */
	DTLS_CLOCK_REFUSE, /* the same, and no certificate is taken meanwhile */
};

enum dtls_cid_use {     /* connection ids (RFC 9146) */
	DTLS_CID_NEVER, /* not offered and not answered */
	DTLS_CID_SEND,  /* we send the peer's, if it has one, and give it none */
	DTLS_CID_BOTH,
};

enum { DTLS_CHAIN_MAX = 5, DTLS_PIN_MAX = 4, DTLS_HOST_MAX = 255 };

struct dtls_profile_settings {   /* all is borrowed for the call; the library's objects are ref'd */
	uint16_t suites[SUITES]; /* in the order of preference */
	size_t suites_len;       /* >= 1 */
	bool server_order;       /* ours counts, not the client's; default true */
	/* Timers of this listener or upstream: see struct dtls_settings; 0: as there. */
	uint32_t initial_ms, max_ms, lifetime_ms;
	uint16_t mtu; /* largest datagram of a handshake, 100 .. 16384; 0: as in dtls_settings */
	bool mac_then_encrypt; /* CBC also for a peer without RFC 7366; never with a CID */
	bool tickets;          /* RFC 5077; off by default */
	uint8_t fragment_code; /* client role: max_fragment_length to offer, 1 .. 4; 0: none */
	/* Default DTLS_CID_NEVER. Only with AEAD suites and CBC with encrypt-then-MAC. */
	enum dtls_cid_use cid;
	bool routability; /* RFC 9853, with a CID; off by default */

	/* Ours. NULL: only PSK suites can be negotiated. */
	EVP_PKEY *key;
	X509 *certificate;            /* NULL: none; then raw_public_key */
	const STACK_OF(X509) * chain; /* above it, without the anchor; may be NULL */
	bool raw_public_key;          /* RFC 7250 is offered and taken; needs OpenSSL 3.2 */

	/* Whose certificates are taken: every certificate in it is an anchor. NULL: none. With CRLs
	   in it: whom one revokes is refused, also where it is out of date; one that is missing for
	   an issuer is no error. */
	X509_STORE *anchors;
	size_t chain_max; /* certificates besides the anchor; 0: DTLS_CHAIN_MAX */
	enum dtls_name_rule names[DTLS_NAME_RULES]; /* server role; ended by DTLS_NAME_NONE */
	enum dtls_clock clock;
	enum dtls_clock untrusted; /* DTLS_CLOCK_IGNORE or, the default, DTLS_CLOCK_REFUSE */
	/* Real time in seconds, for validity; ctx is its first argument. Negative: it is not to be
	   trusted at the moment; what then counts instead of DTLS_CLOCK_TRUSTED is `untrusted`. */
	int64_t (*now_s)(void *ctx);
	void *ctx;

	/* Client role: whom we take for the server, if it has no PSK: a certificate only with a
	   name or a pin, a raw public key only with a pin. */
	const char *server_name; /* SNI, and the dNSName of its certificate; NULL: none */
	/* SHA-256 of a SubjectPublicKeyInfo: of the server's raw public key, or pinned in its
	   chain. Of several one must fit. */
	uint8_t pins[DTLS_PIN_MAX][DTLS_DIGEST_LEN];
	size_t pins_len;
};

struct dtls_profile_settings dtls_profile_settings_default(void);

/* NULL: *error says why, a static sentence. */
MUST_USE struct dtls_profile *dtls_profile_new(
	const struct dtls_profile_settings *s, const char **error);
struct dtls_profile *dtls_profile_ref(struct dtls_profile *p);
void dtls_profile_unref(struct dtls_profile *p);
/* Can this build's OpenSSL do raw public keys? */
bool dtls_profile_can_raw(void);

#endif
