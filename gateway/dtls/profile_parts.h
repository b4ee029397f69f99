/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/profile_parts: a profile as the handshake sees it. Nobody outside of gateway/dtls and its
 *                     tests includes this.
 *
 * The profile owns what the library checks a peer with, and hands what it has found to the judge
 * that the handshake has set: in the middle of the handshake, so that who is not known is refused
 * there, with the right alert. Possession of the key is proved only later, by the CertificateVerify
 * that the library checks: a judge notes whom it has seen, and believes it when the Finished is
 * right.
 *
 * Promise: nobody passes whom the judge has not passed. Without a judge nobody passes.
 * Errors:  false: memory is short.
 * Memory:  a handshake holds a reference of the profile for as long as its SSL object lives.
 * Threads: the worker that owns the profile.
 * Source:  RFC 7250 sections 3 and 4; RFC 7366 section 3; RFC 7925 sections 4.3 and 4.4.
 */
#ifndef LWG_DTLS_PROFILE_PARTS_H
#define LWG_DTLS_PROFILE_PARTS_H

#include "base/attr.h"
#include "dtls/engine.h"
#include "dtls/guard.h"
#include "dtls/profile.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DTLS_CHAIN_LIMIT = DTLS_TRACES, /* chain_max is at most this */
	DTLS_CERTIFICATES_MAX = 16384,  /* octets of a peer's Certificate message */
	DTLS_CIPHERS_MAX = 40 * SUITES,
	DTLS_TYPE_X509 = 0, /* RFC 7250 7, RFC 6091 */
	DTLS_TYPE_RAW = 2,
};

enum dtls_proof_kind { DTLS_PROOF_RAW_KEY, DTLS_PROOF_CERTIFICATE };

/* What a peer has shown; borrowed for the call. */
struct dtls_proof {
	enum dtls_proof_kind kind;
	bool good;             /* nothing is wrong with it; else cause and detail say what is */
	enum dtls_cause cause; /* DTLS_FAIL_RAW_KEY, DTLS_FAIL_CERTIFICATE or DTLS_FAIL_NAME */
	const char *detail;    /* static; NULL: none */
	uint8_t digest[DTLS_DIGEST_LEN]; /* SHA-256 of its SubjectPublicKeyInfo */
	struct dtls_chain chain; /* CERTIFICATE; name: server role only, name_len 0: it has none */
};

/* 0: the peer may go on. Otherwise the alert that it gets, of DTLS_DECRYPT_ERROR,
   DTLS_HANDSHAKE_FAILURE, DTLS_BAD_CERTIFICATE, DTLS_UNSUPPORTED_CERTIFICATE,
   DTLS_CERTIFICATE_UNKNOWN, DTLS_INTERNAL_ERROR. If the proof is not good the answer does not
   matter: the peer is refused, and the judge only takes note. */
typedef uint8_t dtls_judge_peer(SSL *ssl, const struct dtls_proof *proof);

enum dtls_extension {
	/* RFC 9146 10; the drafts' 53 and 254 are unknown to us */
	DTLS_EXT_CID = 54,
	DTLS_EXT_ROUTABILITY = 61, /* RFC 9853 9 */
};
/* What our hello says in one of them; borrowed until it is made. False: it is not in it. */
typedef bool dtls_say_extension(
	SSL *ssl, enum dtls_extension which, const uint8_t **out, size_t *len);

typedef int dtls_security(
	const SSL *s, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex);

struct dtls_profile {
	unsigned refs;
	SSL_CTX *ctx; /* SSL objects of both roles are made from it; its app data is the profile */
	struct dtls_profile_settings set; /* borrowed pointers are NULL here but for ctx of now_s */
	dtls_judge_peer *judge;           /* the handshake's */
	dtls_say_extension *say;          /* also; NULL: nothing is said */
	dtls_security *security;          /* the library's own judgement on strength */
	bool raw;                         /* raw public keys can be proved and taken */
	bool x509_own;                    /* we have a certificate */
	bool x509_peer;                   /* we have anchors */
	uint8_t trust[DTLS_DIGEST_LEN];   /* of all anchors and lists; zero: there are none */
	char server_name[DTLS_HOST_MAX + 1]; /* "": none */
};

/* Server role. The SSL object becomes a server's. */
MUST_USE bool dtls_profile_accept(const struct dtls_profile *p, SSL *ssl);
/* Client role: SNI, max_fragment_length, certificate types. psk: the peer is met with a PSK, and
   only such suites are offered; otherwise only the others. */
MUST_USE bool dtls_profile_connect(const struct dtls_profile *p, SSL *ssl, bool psk);

/* Is this one of the profile's suites? */
bool dtls_profile_speaks(const struct dtls_profile *p, uint16_t suite);

/* What a ServerHello has settled. The library has no getter for encrypt-then-MAC. */
struct dtls_choice {
	const struct suite *suite;
	enum dtls_guard guard;
	bool encrypt_then_mac;
	bool ticket;                 /* a NewSessionTicket is to come (RFC 5077 3.2) */
	bool raw_client, raw_server; /* certificate types 19 and 20 (RFC 7250); false: X.509 */
	uint8_t fragment_code;       /* RFC 6066 4; 0: none */
	bool cid_agreed;             /* RFC 9146; then: */
	const uint8_t *cid;          /* the server's, borrowed */
	size_t cid_len;              /* 0: it gives none */
	bool routability;            /* RFC 9853 */
};
/* body: of a whole ServerHello, read or written, without the handshake header. False: it is none,
   or its suite is none of ours. Pure. */
MUST_USE bool dtls_choice_parse(const uint8_t *body, size_t len, struct dtls_choice *out);
/* 0, or the alert for what was chosen against the profile: a suite that is not in it, CBC without
   encrypt-then-MAC where that is not enabled, or with a CID. Both roles; also when a session is
   resumed, where the library asks nobody. */
uint8_t dtls_choice_objection(const struct dtls_profile *p, const struct dtls_choice *c);

/* Server role: a session whose device has proved itself with a raw public key or a certificate is
   resumed only as long as such proofs, under these anchors and lists, are taken.
   What it was is written into the session, where its context's name stands otherwise, and taken out
   of it before libssl sees it. */
#define DTLS_SESSION_NAME "lwgate"
MUST_USE bool dtls_profile_mark(const struct dtls_profile *p, SSL_SESSION *s, bool raw);
MUST_USE bool dtls_profile_trusts(const struct dtls_profile *p, const SSL_SESSION *s);
MUST_USE bool dtls_profile_unmark(SSL_SESSION *s);
/* When the profile is made. */
MUST_USE bool dtls_profile_take_trust(struct dtls_profile *p, X509_STORE *anchors);

/* --- between the files of a profile ---------------------------------------------------------- */

struct dtls_suites { /* kinds of them */
	bool psk, ecdsa, cbc;
};
/* The profile's suites of these kinds, as the library calls them. False: there are none. */
MUST_USE bool dtls_profile_ciphers(
	const struct dtls_profile *p, struct dtls_suites kinds, char list[DTLS_CIPHERS_MAX]);
/* Connection ids, where the profile has them. */
MUST_USE bool dtls_profile_cid(struct dtls_profile *p);
/* What the library asks: arg is the profile. */
int dtls_profile_hello(SSL *ssl, int *alert, void *arg);
int dtls_profile_verify(X509_STORE_CTX *x, void *arg);

struct dtls_types { /* of certificates, the preferred first */
	uint8_t list[2];
	size_t len;
};
/* The raw public key that the peer has shown; NULL: it has shown a certificate. */
EVP_PKEY *dtls_raw_shown(const X509_STORE_CTX *x);
/* What the client, and what the server, may prove itself with. */
MUST_USE bool dtls_raw_types(
	SSL *ssl, const struct dtls_types *client, const struct dtls_types *server);

#endif
