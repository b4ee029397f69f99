/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/alert.h"

#include "base/attr.h"
#include "dtls/engine.h"

#include <stdbool.h>

static const struct {
	uint8_t alert;
	const char *text;
} texts[] = {
	{ DTLS_CLOSE_NOTIFY, "close_notify" },
	{ DTLS_UNEXPECTED_MESSAGE, "unexpected_message" },
	{ DTLS_BAD_RECORD_MAC, "bad_record_mac" },
	{ DTLS_DECRYPTION_FAILED, "decryption_failed" },
	{ DTLS_RECORD_OVERFLOW, "record_overflow" },
	{ DTLS_DECOMPRESSION_FAILURE, "decompression_failure" },
	{ DTLS_HANDSHAKE_FAILURE, "handshake_failure" },
	{ DTLS_NO_CERTIFICATE, "no_certificate" },
	{ DTLS_BAD_CERTIFICATE, "bad_certificate" },
	{ DTLS_UNSUPPORTED_CERTIFICATE, "unsupported_certificate" },
	{ DTLS_CERTIFICATE_REVOKED, "certificate_revoked" },
	{ DTLS_CERTIFICATE_EXPIRED, "certificate_expired" },
	{ DTLS_CERTIFICATE_UNKNOWN, "certificate_unknown" },
	{ DTLS_ILLEGAL_PARAMETER, "illegal_parameter" },
	{ DTLS_UNKNOWN_CA, "unknown_ca" },
	{ DTLS_ACCESS_DENIED, "access_denied" },
	{ DTLS_DECODE_ERROR, "decode_error" },
	{ DTLS_DECRYPT_ERROR, "decrypt_error" },
	{ DTLS_EXPORT_RESTRICTION, "export_restriction" },
	{ DTLS_PROTOCOL_VERSION, "protocol_version" },
	{ DTLS_INSUFFICIENT_SECURITY, "insufficient_security" },
	{ DTLS_INTERNAL_ERROR, "internal_error" },
	{ DTLS_USER_CANCELED, "user_canceled" },
	{ DTLS_NO_RENEGOTIATION, "no_renegotiation" },
	{ DTLS_UNSUPPORTED_EXTENSION, "unsupported_extension" },
	{ DTLS_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity" },
};

const char *dtls_alert_text(uint8_t alert)
{
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (texts[i].alert == alert)
			return texts[i].text;
	}
	return "alert";
}

static bool of_certificates(uint8_t alert)
{
	switch (alert) {
	case DTLS_BAD_CERTIFICATE:
	case DTLS_UNSUPPORTED_CERTIFICATE:
	case DTLS_CERTIFICATE_REVOKED:
	case DTLS_CERTIFICATE_EXPIRED:
	case DTLS_CERTIFICATE_UNKNOWN:
	case DTLS_UNKNOWN_CA:
	case DTLS_ACCESS_DENIED:
		return true;
	default:
		return false;
	}
}

uint8_t dtls_alert_say(uint8_t alert, enum dtls_mode mode)
{
	if (of_certificates(alert)) { /* */
		const bool fits = mode == DTLS_MODE_CERTIFICATE ||
				  (mode == DTLS_MODE_NONE && alert == DTLS_UNSUPPORTED_CERTIFICATE);
		return fits ? alert : DTLS_DECRYPT_ERROR;
	}
	switch (alert) {
	case DTLS_UNKNOWN_PSK_IDENTITY: /* it would tell a stranger who exists */
		return DTLS_DECRYPT_ERROR;
	case DTLS_DECRYPTION_FAILED: /* reserved, R-115 */
	case DTLS_NO_CERTIFICATE:
	case DTLS_EXPORT_RESTRICTION:
	case DTLS_DECOMPRESSION_FAILURE:
		return DTLS_HANDSHAKE_FAILURE;
	default:
		return alert;
	}
}

const char *dtls_cause_text(enum dtls_cause cause)
{
	switch (cause) {
	case DTLS_FAIL_TIMEOUT:
		return "no answer within the handshake's lifetime";
	case DTLS_FAIL_IDENTITY:
		return "no credential has this identity";
	case DTLS_FAIL_KEY:
		return "the keys of the two sides differ";
	case DTLS_FAIL_RAW_KEY:
		return "nobody has this raw public key";
	case DTLS_FAIL_CERTIFICATE:
		return "the certificate is not taken";
	case DTLS_FAIL_NAME:
		return "nobody is known by this certificate";
	case DTLS_FAIL_SUITE:
		return "no cipher suite in common";
	case DTLS_FAIL_VERSION:
		return "the peer does not speak DTLS 1.2";
	case DTLS_FAIL_ALERT:
		return "the peer refused with an alert";
	case DTLS_FAIL_PROTOCOL:
		return "the peer broke the protocol";
	case DTLS_FAIL_FULL:
		return "too many handshakes are under way";
	case DTLS_FAIL_UNREACHABLE:
		return "the network says that nobody is there";
	case DTLS_FAIL_ANEW:
		return "the peer began another handshake";
	}
	return "unknown";
}
