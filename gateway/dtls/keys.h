/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/keys: from the master secret of a handshake to the keys of the record layer.
 *
 * Promise: pure; secrets are written only to the caller's struct and scratch is wiped.
 * Errors:  false when the library fails; out is then zero.
 * Threads: any.
 * Source:  RFC 5246 section 6.3 (key block), section 5 (PRF with SHA-256); RFC 6655 section 3 and
 *          RFC 5288 section 3 (no MAC keys, 4-byte IVs); RFC 5246 section 6.2.3.2 (CBC: MAC keys,
 *          no IVs).
 */
#ifndef LWG_DTLS_KEYS_H
#define LWG_DTLS_KEYS_H

#include "base/attr.h"
#include "dtls/guard.h"
#include "dtls/record.h"

#include <stdbool.h>
#include <stdint.h>

enum { DTLS_MASTER_LEN = 48, DTLS_RANDOM_LEN = 32 };

struct dtls_keys {
	struct dtls_key client; /* what the client writes with */
	struct dtls_key server;
};

/* For the guard of the suite that was agreed; what its records do not need stays zero. */
MUST_USE bool dtls_keys_derive(const uint8_t master[DTLS_MASTER_LEN],
	const uint8_t client_random[DTLS_RANDOM_LEN], const uint8_t server_random[DTLS_RANDOM_LEN],
	enum dtls_guard how, struct dtls_keys *out);

#endif
