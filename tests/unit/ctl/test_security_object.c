/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "conf/hex.h"
#include "ctl/security_object.h"
#include "unit/conf/samples.h"

#define KEY  "8f1d2c6be0a94f7735d8c1be90e4537a"
#define HEAD "endpoint,0,1,2,3,4,5,10\n"

struct taken {
	struct ctl_cred last, all[2];
	size_t count, private_keys;
};

static bool keep(void *ctx, const struct ctl_cred *c)
{
	struct taken *t = ctx;
	if (t->count < COUNT_OF(t->all))
		t->all[t->count] = *c;
	t->last = *c;
	t->count++;
	return true;
}

/* "" or "LINE: error". In pieces of any size it is the same. */
static const char *read_as(const char *endpoint, const char *text, struct taken *t)
{
	static char said[320];
	struct security_object *s = calloc(1, sizeof(*s));
	const size_t len = strlen(text);
	assert_non_null(s);
	for (size_t piece = 1; piece < 200; piece += 61) {
		unsigned line = 0;
		bool ok = true;
		*t = (struct taken){ 0 };
		security_object_begin(s, endpoint, keep, t);
		for (size_t at = 0; ok && at < len; at += piece)
			ok = security_object_feed(
				s, text + at, len - at < piece ? len - at : piece);
		ok = ok && security_object_end(s);
		t->private_keys = s->private_keys;
		const char *why = ok ? "" : security_object_why(s, &line);
		if (ok)
			said[0] = '\0';
		else
			(void)snprintf(said, sizeof(said), "%u: %s", line, why);
	}
	free(s);
	return said;
}

static const char *read_all(const char *text, struct taken *t)
{
	return read_as(NULL, text, t);
}

static void is_digest(const uint8_t *is)
{
	uint8_t digest[CTL_PIN_LEN];
	assert_true(conf_hex_read(SAMPLE_P256_DIGEST, 64, digest));
	assert_memory_equal(is, digest, sizeof(digest));
}

static void test_R017_mode_0_is_a_PSK(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(
		read_all(HEAD "urn:dev:1,coaps://gw:5684,false,0,text:dev-1,," KEY ",101\n", &t),
		"");
	assert_int_equal(t.count, 1);
	assert_string_equal(t.last.endpoint, "urn:dev:1");
	assert_int_equal(t.last.kind, CTL_CRED_PSK);
	assert_int_equal(t.last.identity_len, 5);
	assert_memory_equal(t.last.identity, "dev-1", 5);
	assert_int_equal(t.last.key_len, 16);
	assert_memory_equal(t.last.key, "\x8f\x1d", 2);
	assert_int_equal(t.last.line, 2);
	assert_true(t.last.has_keys);
	assert_int_equal(t.private_keys, 0);
	/* octets, in any of the forms. */
	assert_string_equal(
		read_all("2,3,5,endpoint\n0,base64:AP8=,base64:jx0sa+CpT3c12MG+kORTeg==,"
			 "e\n0,00ff,text:0123456789abcdef,f\n",
			&t),
		"");
	assert_int_equal(t.count, 2);
	assert_int_equal(t.last.upstream_key_len, 0);
	assert_int_equal(t.last.identity_len, 2);
	assert_memory_equal(t.last.identity, "\0\xff", 2);
	assert_memory_equal(t.last.key, "0123456789abcdef", 16);
}

static void test_the_upstream_key_may_be_given_too(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(read_all("endpoint,2,3,upstream_identity,upstream_key\n"
				     "e,1," SAMPLE_P256 ",text:gw-e," KEY "\n",
				    &t),
		"");
	assert_int_equal(t.last.upstream_identity_len, 4);
	assert_memory_equal(t.last.upstream_identity, "gw-e", 4);
	assert_int_equal(t.last.upstream_key_len, 16);
	assert_memory_equal(t.last.upstream_key, "\x8f\x1d", 2);
	assert_string_equal(read_all("endpoint,2,3,upstream_identity,upstream_key\n"
				     "e,1," SAMPLE_P256 ",text:gw-e,\n",
				    &t),
		"2: upstream_key: is empty; write its octets");
}

static void test_R017_mode_1_is_a_raw_public_key(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(read_all(HEAD "urn:dev:1,coaps://gw,0,1," SAMPLE_P256 ",,,\n", &t), "");
	assert_int_equal(t.last.kind, CTL_CRED_RAW_KEY);
	assert_int_equal(t.last.identity_len, CTL_PIN_LEN);
	is_digest(t.last.identity);
	assert_false(t.last.pinned);
	assert_string_equal(
		read_all(HEAD "urn:dev:1,,,1,base64:" SAMPLE_P256_BASE64 ",,,\n", &t), "");
	is_digest(t.last.identity);
	assert_string_equal(read_all(HEAD "urn:dev:1,,,1," SAMPLE_P256_COMPRESSED ",,,\n", &t),
		"2: resource 3: has a point that is not uncompressed, which RFC 7252 demands; "
		"write it anew with: openssl ec -pubin -conv_form uncompressed");
	/* The certificate of another mode is no key. */
	assert_non_null(strstr(read_all(HEAD "e,,,1," SAMPLE_CERTIFICATE ",,,\n", &t),
		"2: resource 3: is no public key"));
}

static void test_R017_modes_2_and_4_are_a_certificate(void **state)
{
	(void)state;
	struct taken t;
	static const char *const texts[] = { HEAD "urn:dev:1,,,2," SAMPLE_CERTIFICATE ",,,\n",
		HEAD "urn:dev:1,,,4,base64:" SAMPLE_CERTIFICATE_BASE64 ",,,\n" };
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_string_equal(read_all(texts[i], &t), "");
		assert_int_equal(t.last.kind, CTL_CRED_CERTIFICATE);
		assert_int_equal(t.last.identity_len, strlen("urn:dev:cert-1"));
		assert_memory_equal(t.last.identity, "urn:dev:cert-1", t.last.identity_len);
		assert_true(t.last.pinned && t.last.own_pin); /* */
		is_digest(t.last.pin);
		assert_int_equal(t.last.key_len, 0);
	}
	/* A name that is given is the name. */
	assert_string_equal(read_all("endpoint,2,3,certificate_name\ne,2," SAMPLE_CERTIFICATE
				     ",0011223344556677\n",
				    &t),
		"");
	assert_int_equal(t.last.identity_len, 16);
	assert_memory_equal(t.last.identity, "0011223344556677", 16);
	assert_string_equal(read_all("endpoint,2,3\ne,2," SAMPLE_CERTIFICATE_NAMELESS "\n", &t),
		"2: the certificate has no common name; add a column certificate_name");
	/* With EST it may not be there yet. */
	assert_string_equal(read_all("endpoint,2,3,certificate_name\ne,4,,name\n", &t), "");
	assert_false(t.last.pinned || t.last.own_pin);
	assert_string_equal(read_all("endpoint,2,3,certificate_name\ne,2,,name\n", &t),
		"2: resource 3: is empty; write its octets");
	assert_string_equal(read_all("endpoint,2,3\ne,2," SAMPLE_P256 "\n", &t),
		"2: resource 3: is no certificate; write it in DER");
}

static void test_R017_mode_3_is_refused_with_a_sentence(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(read_all(HEAD "e,coap://gw,0,3,,,,1\n", &t),
		"2: resource 2: the device is NoSec and proves nothing; this gateway lets in only "
		"who has a key or a certificate: give it one");
	assert_int_equal(t.count, 0);
}

static void test_I5_a_devices_private_key_goes_nowhere(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(
		read_all(HEAD "a,,,1," SAMPLE_P256 ",," KEY ",\nb,,,2," SAMPLE_CERTIFICATE ",," KEY
			      ",\nc,,,0,text:c,," KEY ",\n",
			&t),
		"");
	assert_int_equal(t.count, 3);
	assert_int_equal(t.private_keys, 2);
	assert_string_equal(read_all(HEAD "a,,,1," SAMPLE_P256 ",," KEY ",\n", &t), "");
	assert_int_equal(t.last.key_len, 0);
	assert_memory_not_equal(t.last.key, "\x8f\x1d", 2);
}

static void test_R023_resource_1_is_what_the_credential_is_for(void **state)
{
	(void)state;
	struct taken t;
	static const struct {
		const char *word;
		enum ctl_purpose purpose;
	} words[] = { { "1", CTL_FOR_BOOTSTRAP }, { "true", CTL_FOR_BOOTSTRAP },
		{ "0", CTL_FOR_SERVER }, { "false", CTL_FOR_SERVER }, { "", CTL_FOR_SERVER } };
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		char text[256];
		(void)snprintf(text, sizeof(text), HEAD "e,coaps://bs,%s,0,text:e,,%s,\n",
			words[i].word, KEY);
		assert_string_equal(read_all(text, &t), "");
		assert_int_equal(t.last.purpose, words[i].purpose);
	}
	/* Where nobody says what it is for, nothing is said. */
	assert_string_equal(read_all("endpoint,2,3,5\ne,0,text:e," KEY "\n", &t), "");
	assert_int_equal(t.last.purpose, CTL_FOR_UNSAID);
	assert_string_equal(
		read_all("endpoint,1,2,3,5,repository\ne,0,0,text:e," KEY ",true\n", &t), "");
	assert_true(t.last.says_repository && t.last.repository);
}

/* OMA LwM2M Core 1.1, appendix E.1: 10 is of no use where 1 is true. */
static void test_a_bootstrap_servers_account_needs_no_short_id(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(read_all(HEAD "e,coaps://bs,1,0,text:e,," KEY ",65535\n", &t), "");
	assert_string_equal(read_all(HEAD "e,coaps://s,0,0,text:e,," KEY ",65535\n", &t),
		"2: resource 10: is no Short Server ID; write 1 to 65534");
}

static void test_titles_are_resources_of_any_instance(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(
		read_all("endpoint,/0/1/2,/0/1/3,/0/1/5,/0/1/6,13\ne,0,text:e," KEY ",3,x\n", &t),
		"");
	assert_int_equal(t.count, 1);
	assert_string_equal(read_as("given", "2,3,5\n0,text:e," KEY "\n", &t), "");
	assert_string_equal(t.last.endpoint, "given");
	static const struct {
		const char *endpoint, *text, *error;
	} rows[] = {
		{ NULL, "",
			"1: is empty; the first line names the columns: endpoint,0,1,2,3,5,10" },
		{ NULL, "endpoint,2\n", "1: column 3 (Public Key or Identity) is missing; add it" },
		{ NULL, "endpoint,3\n", "1: column 2 (Security Mode) is missing; add it" },
		{ NULL, "2,3\n", "1: column endpoint is missing; add it, or use --endpoint NAME" },
		{ "e", "2,3,endpoint\n",
			"1: there are a column endpoint and --endpoint; leave one" },
		{ NULL, "endpoint,2,3,/0/7/3\n",
			"1: column resource 3 stands there twice; leave one" },
		{ NULL, "endpoint,/1/0/2\n",
			"1: column 2 has no name that is known; the first line "
			"names the columns: endpoint,0,1,2,3,5,10" },
		{ NULL, "endpoint,/0//2\n",
			"1: column 2 has no name that is known; the first line "
			"names the columns: endpoint,0,1,2,3,5,10" },
		{ NULL, "endpoint,65536\n",
			"1: column 2 has no name that is known; the first line "
			"names the columns: endpoint,0,1,2,3,5,10" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(read_as(rows[i].endpoint, rows[i].text, &t), rows[i].error);
}

static void test_I5_errors_name_line_and_column_but_nothing_that_stands_there(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ HEAD "e,,,0,text:e,," KEY "\n", "2: there are 7 fields, and 8 columns" },
		{ HEAD ",,,0,text:e,," KEY ",\n", "2: endpoint: is 0 octets long" },
		{ HEAD "e,,,5,text:e,," KEY ",\n", "2: resource 2: is no Security Mode" },
		{ HEAD "e,,,,text:e,," KEY ",\n", "2: resource 2: is no Security Mode" },
		{ HEAD "e,,,0,,," KEY ",\n", "2: resource 3: is empty" },
		{ HEAD "e,,,0,text:,," KEY ",\n", "2: resource 3: is 0 octets long" },
		{ HEAD "e,,,0,text:e,,,\n", "2: resource 5: is empty" },
		{ HEAD "e,,,0,text:e,," KEY "7,\n", "2: resource 5: is not hexadecimal" },
		{ HEAD "e,,,0,text:e,,base64:" KEY "*,\n", "2: resource 5: is no base64" },
		{ HEAD "e,,,0,text:e,," KEY KEY KEY KEY "00,\n",
			"2: resource 5: is 65 octets long; use 1 to 64" },
		{ HEAD "e,http://x,,0,text:e,," KEY ",\n", "2: resource 0: is no coaps:// URI" },
		{ HEAD "e,,maybe,0,text:e,," KEY ",\n", "2: resource 1: is no boolean" },
		{ HEAD "e,,,0,text:e,," KEY ",0\n", "2: resource 10: is no Short Server ID" },
		{ HEAD "e,,,0,text:e,," KEY ",65535\n", "2: resource 10: is no Short Server ID" },
		{ "urn:dev:1,0,text:a," KEY "\n", "1: column 1 has no name that is known" },
	};
	struct taken t;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *said = read_all(rows[i].text, &t);
		if (strncmp(said, rows[i].error, strlen(rows[i].error)) != 0 ||
			strstr(said, "8f1d") != NULL)
			fail_msg("row %zu: \"%s\"", i, said);
		assert_int_equal(t.count, 0);
	}
}

/* --- short messages --------------------------------------------------------------------------- */

#define SMS_HEAD "endpoint,2,3,5,sms_number,6,7,8\n"
#define SMS_KEYS "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static void test_R313_resources_6_to_8_are_a_credential_beside_the_other(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(read_all(SMS_HEAD "e,0,text:i," KEY ",4915112345678,2,121216b20203," //
				    SMS_KEYS "\n",
				    &t),
		"");
	assert_int_equal(t.count, 2);
	assert_int_equal(t.all[0].kind, CTL_CRED_PSK);
	assert_int_equal(t.all[0].key_len, 16);
	const struct ctl_cred *const c = &t.all[1];
	assert_int_equal(c->kind, CTL_CRED_SMS);
	assert_string_equal(c->endpoint, "e");
	assert_int_equal(c->identity_len, 13);
	assert_memory_equal(c->identity, "4915112345678", 13);
	assert_int_equal(c->sms.profile, CRED_SMS_LWM2M_10);
	assert_int_equal(c->sms.kic, 0x12);
	assert_int_equal(c->key_len, 32);
	assert_memory_equal(c->key, "\x00\x01\x02", 3);
	assert_true(c->has_keys && !c->pinned && c->upstream_key_len == 0);
	assert_int_equal(c->purpose, CTL_FOR_UNSAID);
	/* Without the column nothing becomes of them; nor of a device that has no number. */
	assert_string_equal(read_all("endpoint,2,3,5,6,7,8\ne,0,text:i," KEY ",2,xx,yy\n", &t), "");
	assert_int_equal(t.count, 1);
	assert_string_equal(read_all(SMS_HEAD "e,0,text:i," KEY ",,2,xx,yy\n", &t), "");
	assert_int_equal(t.count, 1);
}

static void test_a_device_by_short_messages_alone(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(
		read_all("endpoint,2,3,sms_number,6,7,8,labels,upstream_identity,upstream_key\n"
			 "e,3,,49151,204,12121639bfff01," SMS_KEYS ",a,text:u," KEY "\n",
			&t),
		"");
	assert_int_equal(t.count, 1);
	assert_int_equal(t.last.kind, CTL_CRED_SMS);
	assert_int_equal(t.last.sms.profile, CRED_SMS_CR_004);
	assert_int_equal(t.last.sms.spi2, 0x39);
	assert_memory_equal(t.last.sms.tar, "\xbf\xff\x01", 3);
	assert_string_equal(t.last.labels, "a");
	assert_int_equal(t.last.upstream_key_len, 16);
}

static void test_a_device_by_DTLS_over_short_messages_has_no_other_key(void **state)
{
	(void)state;
	struct taken t;
	assert_string_equal(read_all(SMS_HEAD "e,0,text:i," KEY ",49151,1,," KEY "\n", &t), "");
	assert_int_equal(t.count, 2);
	assert_int_equal(t.last.sms.profile, CRED_SMS_DTLS);
	assert_int_equal(t.last.key_len, 0);
	assert_int_equal(t.last.key[0], 0);
}

static void test_what_cannot_be_by_short_messages_is_told(void **state)
{
	static const struct {
		const char *fields, *error;
	} rows[] = {
		{ "+4915,2,121216b20203," SMS_KEYS, "2: sms_number: " },
		{ "4915,,121216b20203," SMS_KEYS, "2: resource 6: is no SMS Security Mode" },
		{ "4915,256,121216b20203," SMS_KEYS, "2: resource 6: is no SMS Security Mode" },
		{ "4915,3,121216b20203," SMS_KEYS, "2: resource 6: says that" },
		{ "4915,7,121216b20203," SMS_KEYS, "2: resource 6 has a reserved mode" },
		{ "4915,2,1212," SMS_KEYS, "2: resource 7 is not 6 or 7" },
		{ "4915,2,121216b2020304aa," SMS_KEYS, "2: resource 7: is 8 octets long" },
		{ "4915,2,121216b20203," KEY, "2: resource 8 has one key" },
		{ "4915,2,121216b20203," KEY KEY, "2: key: both halves are the same" },
		{ "4915,2,121216b20203,xyz", "2: resource 8: is not hexadecimal" },
	};
	(void)state;
	struct taken t;
	char text[400];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(text, sizeof(text), SMS_HEAD "e,3,,,%s\n", rows[i].fields);
		const char *const said = read_all(text, &t);
		if (strncmp(said, rows[i].error, strlen(rows[i].error)) != 0 ||
			strstr(said, "8f1d") != NULL || t.count != 0)
			fail_msg("row %zu: \"%s\"", i, said);
	}
	assert_non_null(strstr(read_all("endpoint,1,2,3,5,sms_number,6,7,8\n"
					"e,1,0,text:i," KEY ",4915,2,121216b20203," SMS_KEYS "\n",
				       &t),
		"Bootstrap-Server"));
	assert_int_equal(t.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R017_mode_0_is_a_PSK),
		cmocka_unit_test(test_the_upstream_key_may_be_given_too),
		cmocka_unit_test(test_R017_mode_1_is_a_raw_public_key),
		cmocka_unit_test(test_R017_modes_2_and_4_are_a_certificate),
		cmocka_unit_test(test_R017_mode_3_is_refused_with_a_sentence),
		cmocka_unit_test(test_I5_a_devices_private_key_goes_nowhere),
		cmocka_unit_test(test_R023_resource_1_is_what_the_credential_is_for),
		cmocka_unit_test(test_a_bootstrap_servers_account_needs_no_short_id),
		cmocka_unit_test(test_titles_are_resources_of_any_instance),
		cmocka_unit_test(test_I5_errors_name_line_and_column_but_nothing_that_stands_there),
		cmocka_unit_test(test_R313_resources_6_to_8_are_a_credential_beside_the_other),
		cmocka_unit_test(test_a_device_by_short_messages_alone),
		cmocka_unit_test(test_a_device_by_DTLS_over_short_messages_has_no_other_key),
		cmocka_unit_test(test_what_cannot_be_by_short_messages_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
