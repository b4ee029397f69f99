/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/alert.h"

static const enum dtls_mode modes[] = { DTLS_MODE_NONE, DTLS_MODE_PSK, DTLS_MODE_RAW_KEY,
	DTLS_MODE_CERTIFICATE };

static void assert_everywhere(uint8_t alert, uint8_t said)
{
	for (size_t i = 0; i < COUNT_OF(modes); i++)
		assert_int_equal(dtls_alert_say(alert, modes[i]), said);
}

static void test_R051_who_exists_is_not_told(void **state)
{
	(void)state;
	assert_everywhere(DTLS_UNKNOWN_PSK_IDENTITY, DTLS_DECRYPT_ERROR);
}

static void test_R063_alerts_of_certificates_are_said_of_certificates(void **state)
{
	static const uint8_t alerts[] = { DTLS_BAD_CERTIFICATE, DTLS_CERTIFICATE_REVOKED,
		DTLS_CERTIFICATE_EXPIRED, DTLS_CERTIFICATE_UNKNOWN, DTLS_UNKNOWN_CA,
		DTLS_ACCESS_DENIED };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(alerts); i++) {
		assert_int_equal(dtls_alert_say(alerts[i], DTLS_MODE_CERTIFICATE), alerts[i]);
		assert_int_equal(dtls_alert_say(alerts[i], DTLS_MODE_PSK), DTLS_DECRYPT_ERROR);
		assert_int_equal(dtls_alert_say(alerts[i], DTLS_MODE_RAW_KEY), DTLS_DECRYPT_ERROR);
		assert_int_equal(dtls_alert_say(alerts[i], DTLS_MODE_NONE), DTLS_DECRYPT_ERROR);
	}
}

static void test_R059_no_common_type_of_certificate_is_said_before_one_is_chosen(void **state)
{
	static const uint8_t alert = DTLS_UNSUPPORTED_CERTIFICATE;
	(void)state;
	assert_int_equal(dtls_alert_say(alert, DTLS_MODE_NONE), alert);
	assert_int_equal(dtls_alert_say(alert, DTLS_MODE_CERTIFICATE), alert);
	assert_int_equal(dtls_alert_say(alert, DTLS_MODE_PSK), DTLS_DECRYPT_ERROR);
	assert_int_equal(dtls_alert_say(alert, DTLS_MODE_RAW_KEY), DTLS_DECRYPT_ERROR);
}

static void test_R115_reserved_alerts_are_not_said(void **state)
{
	(void)state;
	assert_everywhere(DTLS_DECRYPTION_FAILED, DTLS_HANDSHAKE_FAILURE);
	assert_everywhere(DTLS_NO_CERTIFICATE, DTLS_HANDSHAKE_FAILURE);
	assert_everywhere(DTLS_EXPORT_RESTRICTION, DTLS_HANDSHAKE_FAILURE);
	assert_everywhere(DTLS_DECOMPRESSION_FAILURE, DTLS_HANDSHAKE_FAILURE);
}

static void test_R115_all_others_are_said_as_they_are(void **state)
{
	static const uint8_t alerts[] = { DTLS_CLOSE_NOTIFY, DTLS_UNEXPECTED_MESSAGE,
		DTLS_BAD_RECORD_MAC, DTLS_RECORD_OVERFLOW, DTLS_HANDSHAKE_FAILURE,
		DTLS_ILLEGAL_PARAMETER, DTLS_DECODE_ERROR, DTLS_DECRYPT_ERROR,
		DTLS_PROTOCOL_VERSION, DTLS_INSUFFICIENT_SECURITY, DTLS_INTERNAL_ERROR,
		DTLS_USER_CANCELED, DTLS_NO_RENEGOTIATION, DTLS_UNSUPPORTED_EXTENSION };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(alerts); i++)
		assert_everywhere(alerts[i], alerts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R051_who_exists_is_not_told),
		cmocka_unit_test(test_R063_alerts_of_certificates_are_said_of_certificates),
		cmocka_unit_test(
			test_R059_no_common_type_of_certificate_is_said_before_one_is_chosen),
		cmocka_unit_test(test_R115_reserved_alerts_are_not_said),
		cmocka_unit_test(test_R115_all_others_are_said_as_they_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
