/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interop/identity: who a side of the interoperability tests is and whom it takes, from files and
 *                   options, as a profile of our engine.
 *
 * Promise: what cannot be read ends the program with a line on stderr: a test's own files are at
 *          fault.
 * Threads: one.
 */
#ifndef LWG_INTEROP_IDENTITY_H
#define LWG_INTEROP_IDENTITY_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_profile;

/* As enum dtls_cid_use. */
enum identity_cid { IDENTITY_CID_NEVER, IDENTITY_CID_SEND, IDENTITY_CID_BOTH };
enum { IDENTITY_PSK_MAX = 64, IDENTITY_DIGEST = 32 };

struct identity {
	const char *suites;   /* IANA's names with commas between */
	const char *identity; /* of the PSK; NULL: none */
	uint8_t psk[IDENTITY_PSK_MAX];
	size_t psk_len;
	const char *key, *certificate, *anchors; /* PEM files; NULL: none */
	bool raw;                                /* the key is shown as a raw public key */
	const char *server_name;                 /* client role: what its certificate must say */
	const char *peer_name;                   /* server role: of the one device */
	bool peer_key_known;
	uint8_t peer_key[IDENTITY_DIGEST]; /* SHA-256 of the peer's SubjectPublicKeyInfo */
	bool mac_then_encrypt;
	enum identity_cid cid;
	bool no_routability; /* with CIDs, but without RFC 9853 */
	uint8_t fragment_code;
	uint16_t mtu;
	uint32_t initial_ms;
};

/* From hexadecimal digits. */
void identity_psk(struct identity *id, const char *digits);
/* From a DER file. */
void identity_peer_key(struct identity *id, const char *file);
MUST_USE struct dtls_profile *identity_profile(const struct identity *id, bool server);

#endif
