/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/alert: the alerts' numbers, and which of them may be said.
 *
 * Promise: pure.
 * Errors:  none.
 * Threads: any.
 * Source:  RFC 5246 section 7.2; RFC 4279 section 2; RFC 7925 section 6 for what must not be said
 *          (R-063, R-115).
 */
#ifndef LWG_DTLS_ALERT_H
#define LWG_DTLS_ALERT_H

#include <stdint.h>

enum { DTLS_ALERT_LEN = 2 }; /* level and description */

enum dtls_alert_level { DTLS_WARNING = 1, DTLS_FATAL = 2 };

enum dtls_alert {
	DTLS_CLOSE_NOTIFY = 0,
	DTLS_UNEXPECTED_MESSAGE = 10,
	DTLS_BAD_RECORD_MAC = 20,
	DTLS_DECRYPTION_FAILED = 21,
	DTLS_RECORD_OVERFLOW = 22,
	DTLS_DECOMPRESSION_FAILURE = 30,
	DTLS_HANDSHAKE_FAILURE = 40,
	DTLS_NO_CERTIFICATE = 41,
	DTLS_BAD_CERTIFICATE = 42,
	DTLS_UNSUPPORTED_CERTIFICATE = 43,
	DTLS_CERTIFICATE_REVOKED = 44,
	DTLS_CERTIFICATE_EXPIRED = 45,
	DTLS_CERTIFICATE_UNKNOWN = 46,
	DTLS_ILLEGAL_PARAMETER = 47,
	DTLS_UNKNOWN_CA = 48,
	DTLS_ACCESS_DENIED = 49,
	DTLS_DECODE_ERROR = 50,
	DTLS_DECRYPT_ERROR = 51,
	DTLS_EXPORT_RESTRICTION = 60,
	DTLS_PROTOCOL_VERSION = 70,
	DTLS_INSUFFICIENT_SECURITY = 71,
	DTLS_INTERNAL_ERROR = 80,
	DTLS_USER_CANCELED = 90,
	DTLS_NO_RENEGOTIATION = 100,
	DTLS_UNSUPPORTED_EXTENSION = 110,
	DTLS_UNKNOWN_PSK_IDENTITY = 115,
};

/* What the peer has to prove itself with, as far as the ServerHello has settled it. */
enum dtls_mode {
	DTLS_MODE_NONE, /* not yet settled */
	DTLS_MODE_PSK,
	DTLS_MODE_RAW_KEY,
	DTLS_MODE_CERTIFICATE,
};

/* What is said instead of what libssl would say. The alerts of certificates are said of
   certificates only; unsupported_certificate also while nothing is settled: no type of certificate
   is common (RFC 7250 4.2, R-059). */
uint8_t dtls_alert_say(uint8_t alert, enum dtls_mode mode);

#endif
