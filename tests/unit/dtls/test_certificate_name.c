/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/attr.h"
#include "dtls/certificate.h"
#include "pki.h"

/* --- names ----------------------------------------------------------------------------------- */

/* The name of a device's certificate by one rule; NULL in `want`: none. */
static void assert_name(struct pki_ask ask, enum dtls_name_rule rule, const char *want)
{
	const enum dtls_name_rule rules[] = { rule, DTLS_NAME_NONE };
	struct pki_one one = pki_make(ask, NULL);
	struct dtls_name name = { .len = 0 };
	const bool found = dtls_certificate_name(one.cert, rules, &name);
	assert_int_equal(found, want != NULL);
	if (want) {
		assert_int_equal(name.len, strlen(want));
		assert_memory_equal(name.octets, want, name.len);
	}
	pki_free(&one);
}

static void assert_cn(const char *cn, enum dtls_name_rule rule, bool found)
{
	assert_name(pki_device(cn), rule, found ? cn : NULL);
}

static void assert_san(const char *names, enum dtls_name_rule rule, const char *want)
{
	struct pki_ask ask = pki_device("a device");
	ask.names = names;
	assert_name(ask, rule, want);
}

static void test_R068_an_EUI64_is_eight_octets_in_hex(void **state)
{
	(void)state;
	assert_cn("0123456789ABCDEF", DTLS_NAME_EUI64, true);
	assert_cn("01-23-45-67-89-ab-CD-ef", DTLS_NAME_EUI64, true);
	assert_cn("01:23:45:67:89:AB:CD:EF", DTLS_NAME_EUI64, true);
	assert_cn("01-23-45-67-89-AB-CD:EF", DTLS_NAME_EUI64, false);
	assert_cn("01:23-45:67:89:AB:CD:EF", DTLS_NAME_EUI64, false);
	assert_cn("01.23.45.67.89.AB.CD.EF", DTLS_NAME_EUI64, false);
	assert_cn("01-23-45-67-89-AB-CD-E", DTLS_NAME_EUI64, false);
	assert_cn("01-23-45-67-89-AB-CD-EF-", DTLS_NAME_EUI64, false);
	assert_cn("01-23-45-67-89-AB", DTLS_NAME_EUI64, false); /* EUI-48 */
	assert_cn("0123456789ABCDEG", DTLS_NAME_EUI64, false);
	assert_cn("G123456789ABCDEF", DTLS_NAME_EUI64, false);
	assert_cn("0123456789ABCDEF0", DTLS_NAME_EUI64, false);
}

static void test_R068_an_EUI64_is_an_alternative_or_the_leftmost_common_name(void **state)
{
	(void)state;
	assert_san("DNS:01-23-45-67-89-AB-CD-EF", DTLS_NAME_EUI64, "01-23-45-67-89-AB-CD-EF");
	assert_san("URI:0123456789ABCDEF", DTLS_NAME_EUI64, "0123456789ABCDEF");
	assert_san("URI:urn:dev:1, DNS:0123456789ABCDEF", DTLS_NAME_EUI64, "0123456789ABCDEF");
	assert_san("email:0123456789ABCDEF", DTLS_NAME_EUI64, NULL);
	/* The same twice is one; two are none. */
	struct pki_ask ask = pki_device("0123456789ABCDEF");
	ask.names = "DNS:0123456789ABCDEF";
	assert_name(ask, DTLS_NAME_EUI64, "0123456789ABCDEF");
	ask.names = "DNS:0123456789ABCDE0";
	assert_name(ask, DTLS_NAME_EUI64, NULL);
	ask.names = NULL;
	ask.second_cn = "0123456789ABCDE0";
	assert_name(ask, DTLS_NAME_EUI64, "0123456789ABCDEF");
}

static void test_R068_the_alternative_name_may_be_an_URI_or_a_host(void **state)
{
	(void)state;
	assert_san("URI:urn:dev:ops:1-2-3", DTLS_NAME_URI, "urn:dev:ops:1-2-3");
	assert_san("DNS:meter.example", DTLS_NAME_URI, NULL);
	assert_san("DNS:meter.example", DTLS_NAME_DNS, "meter.example");
	assert_san("URI:urn:dev:1, URI:urn:dev:2", DTLS_NAME_URI, NULL);
	assert_san("URI:urn:dev:1, URI:urn:dev:1", DTLS_NAME_URI, "urn:dev:1");
	assert_san("DNS:a, DNS:b", DTLS_NAME_DNS, NULL);
	assert_san(NULL, DTLS_NAME_DNS, NULL);
}

static void test_R068_the_leftmost_common_name_is_the_most_specific_one(void **state)
{
	(void)state;
	struct pki_ask ask = pki_device("meter 1");
	assert_name(ask, DTLS_NAME_CN, "meter 1");
	ask.second_cn = "meters";
	assert_name(ask, DTLS_NAME_CN, "meter 1");
	ask.cn_beside = 1; /* of one part of the subject */
	assert_name(ask, DTLS_NAME_CN, NULL);
	assert_name(pki_device(NULL), DTLS_NAME_CN, NULL);
}

static void test_R068_the_serial_number_of_the_subject_may_be_the_name(void **state)
{
	(void)state;
	struct pki_ask ask = pki_device("a meter");
	assert_name(ask, DTLS_NAME_SERIAL, NULL);
	ask.serial_number = "SN-0001";
	assert_name(ask, DTLS_NAME_SERIAL, "SN-0001");
}

static void test_R068_the_first_rule_that_gives_one_name_counts(void **state)
{
	(void)state;
	struct pki_ask ask = pki_device("0123456789ABCDEF");
	ask.names = "URI:urn:dev:1, URI:urn:dev:2, DNS:meter.example";
	ask.serial_number = "SN";
	struct pki_one one = pki_make(ask, NULL);
	static const enum dtls_name_rule lists[][DTLS_NAME_RULES] = {
		{ DTLS_NAME_URI, DTLS_NAME_DNS, DTLS_NAME_CN, DTLS_NAME_NONE },
		{ DTLS_NAME_SERIAL, DTLS_NAME_DNS, DTLS_NAME_NONE },
		{ DTLS_NAME_URI, DTLS_NAME_NONE, DTLS_NAME_CN },
		{ DTLS_NAME_NONE },
	};
	static const char *const want[] = { "meter.example", "SN", NULL, NULL };
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		struct dtls_name name;
		assert_int_equal(dtls_certificate_name(one.cert, lists[i], &name), want[i] != NULL);
		if (want[i]) {
			assert_int_equal(name.len, strlen(want[i]));
			assert_memory_equal(name.octets, want[i], name.len);
		}
	}
	pki_free(&one);
}

/* A certificate whose common name has these octets. */
static void assert_octets(int type, const char *octets, size_t len, bool clean)
{
	static const enum dtls_name_rule rules[] = { DTLS_NAME_CN, DTLS_NAME_NONE };
	struct pki_one one = pki_make(pki_device(NULL), NULL);
	X509_NAME *const subject = X509_get_subject_name(one.cert);
	struct dtls_name name;
	assert_true(X509_NAME_add_entry_by_NID(
		subject, NID_commonName, type, (const unsigned char *)octets, (int)len, -1, 0));
	assert_int_equal(dtls_certificate_name(one.cert, rules, &name), clean);
	if (clean) {
		assert_int_equal(name.len, len);
		assert_memory_equal(name.octets, octets, len);
	}
	pki_free(&one);
}

static void test_R068_a_name_is_clean_octets(void **state)
{
	(void)state;
	char longest[DTLS_NAME_MAX + 1];
	memset(longest, 'x', sizeof(longest));
	assert_octets(V_ASN1_UTF8STRING, "z\xc3\xa4hler", 7, true);
	assert_octets(V_ASN1_PRINTABLESTRING, "meter", 5, true);
	assert_octets(V_ASN1_UTF8STRING, "me\0ter", 6, false);
	assert_octets(V_ASN1_UTF8STRING, "me\nter", 6, false);
	assert_octets(V_ASN1_UTF8STRING, "meter\x7f", 6, false);
	assert_octets(V_ASN1_UTF8STRING, "meter\xc2\x80", 7, false);
	assert_octets(V_ASN1_UTF8STRING, "meter\xc2", 6, false);
	assert_octets(V_ASN1_UTF8STRING, "meter\xff", 6, false);
	assert_octets(V_ASN1_IA5STRING, "met\xe4r", 5, false);
	assert_octets(V_ASN1_BMPSTRING, "\0m\0e", 4, false);
	assert_octets(V_ASN1_T61STRING, "meter", 5, false);
	assert_octets(V_ASN1_UTF8STRING, longest, DTLS_NAME_MAX, true);
	assert_octets(V_ASN1_UTF8STRING, longest, DTLS_NAME_MAX + 1, false);
	assert_octets(V_ASN1_UTF8STRING, "", 0, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R068_an_EUI64_is_eight_octets_in_hex),
		cmocka_unit_test(test_R068_an_EUI64_is_an_alternative_or_the_leftmost_common_name),
		cmocka_unit_test(test_R068_the_alternative_name_may_be_an_URI_or_a_host),
		cmocka_unit_test(test_R068_the_leftmost_common_name_is_the_most_specific_one),
		cmocka_unit_test(test_R068_the_serial_number_of_the_subject_may_be_the_name),
		cmocka_unit_test(test_R068_the_first_rule_that_gives_one_name_counts),
		cmocka_unit_test(test_R068_a_name_is_clean_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
