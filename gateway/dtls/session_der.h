/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/session_der: a session as libssl writes it, less what a resumption does not need: the peer's
 * certificate or raw public key. Who the peer is, its credential says; and parsing a certificate
 * anew is most of what resuming such a session would cost.
 *
 * Promise: pure, total; what is not understood is left as it is.
 * Errors:  0: it does not fit.
 * Memory:  both forms hold the master secret: their holders wipe them.
 * Threads: any.
 * Source:  X.690 (DER); the context tags of OpenSSL's SSL_SESSION_ASN1, in 3.0 to 3.5 the same.
 */
#ifndef LWG_DTLS_SESSION_DER_H
#define LWG_DTLS_SESSION_DER_H

#include "base/attr.h"

#include <stddef.h>
#include <stdint.h>

/* Returns the length of what stands at out then; out has room for cap. */
MUST_USE size_t dtls_session_lean(const uint8_t *der, size_t len, uint8_t *out, size_t cap);

#endif
