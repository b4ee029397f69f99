/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf/hex.h"
#include "ctl/csv_cred.h"
#include "unit/conf/samples.h"

/* --- records ---------------------------------------------------------------------------------- */

/* What has come: fields between [ and ], records with their line before. */
static bool note(void *ctx, char *const fields[], size_t len, unsigned line)
{
	struct ctl_out *o = ctx;
	ctl_out_form(o, "%u:", line);
	for (size_t i = 0; i < len; i++) {
		ctl_out_text(o, "[");
		ctl_out_text(o, fields[i]);
		ctl_out_text(o, "]");
	}
	return true;
}

/* The records of a text, that comes in pieces of `piece` octets; or the error. */
static const char *records(const char *text, size_t len, size_t piece)
{
	static char said[1024];
	struct ctl_out o = { 0 };
	struct csv *c = calloc(1, sizeof(*c));
	bool ok = true;
	assert_non_null(c);
	c->record = note;
	c->ctx = &o;
	for (size_t at = 0; ok && at < len; at += piece)
		ok = csv_feed(c, text + at, len - at < piece ? len - at : piece);
	ok = ok && csv_end(c);
	if (ok)
		(void)snprintf(said, sizeof(said), "%.*s", (int)o.len, o.len == 0 ? "" : o.data);
	else
		(void)snprintf(said, sizeof(said), "%u: %s", csv_line(c), c->why);
	ctl_out_fini(&o);
	free(c);
	return said;
}

/* In pieces of any size it is the same. */
static void same(const char *text, const char *expect)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++)
		assert_string_equal(records(text, strlen(text), piece), expect);
}

static void test_rfc4180_records(void **state)
{
	(void)state;
	same("", "");
	same("a,b\nc,d\n", "1:[a][b]2:[c][d]");
	same("a,b\r\nc,d", "1:[a][b]2:[c][d]");
	same("a,\n,b\n,\n", "1:[a][]2:[][b]3:[][]");
	same("\"a\",\"b,c\"\n", "1:[a][b,c]");
	same("\"a\"\"b\",\"\"\n", "1:[a\"b][]");
	same("\"a\nb\",c\nd\n", "1:[a\nb][c]3:[d]");
	same(" a , b \n", "1:[ a ][ b ]");
	same("\n\na\n\n", "3:[a]"); /* empty lines are nothing */
	same("\xef\xbb\xbf"
	     "a,b\n",
		"1:[a][b]");
	same("\xef\xbb"
	     "a\n",
		"1:[\xef\xbb"
		"a]");
}

static void test_errors_name_the_line_and_the_remedy(void **state)
{
	(void)state;
	same("a\n\"b\nc", "3: a quote is open at the end; close it");
	same("a\nb\"c\n", "2: a quote stands inside a field; put the whole field in quotes, and "
			  "write \"\" for one");
	same("\"a\"b\n",
		"1: something stands behind a closing quote; write \"\" for a quote inside");
	same("a\rb\n", "1: a CR stands alone; lines end with LF or CR LF");
	assert_string_equal(records("a\0b", 3, 1), "1: there is a NUL octet; is it a text file?");
}

static void test_I7_a_record_is_bounded(void **state)
{
	(void)state;
	char text[CSV_RECORD_MAX + 2];
	memset(text, 'a', sizeof(text));
	text[CSV_RECORD_MAX - 1] = '\n';
	assert_int_equal(records(text, CSV_RECORD_MAX, 100)[0], '1');
	assert_non_null(strstr(records(text, CSV_RECORD_MAX, 100), "[aaa"));
	text[CSV_RECORD_MAX - 1] = 'a';
	text[CSV_RECORD_MAX] = '\n';
	assert_non_null(strstr(records(text, CSV_RECORD_MAX + 1, 100), "longer than 4096"));
	same(",,,,,,,,,,,,,,,\n", "1:[][][][][][][][][][][][][][][][]");
	same(",,,,,,,,,,,,,,,,\n", "1: there are more than 16 fields; is a quote missing?");
}

/* --- credentials ------------------------------------------------------------------------------ */

static const char key[] = "8f1d2c6be0a94f7735d8c1be90e4537a";

static bool keep(void *ctx, const struct ctl_cred *c)
{
	struct ctl_cred *last = ctx;
	*last = *c;
	return true;
}

/* "" or "LINE: error"; *last is the last credential. */
static const char *read_all(const char *text, struct ctl_cred *last)
{
	static char said[256];
	unsigned line = 0;
	struct csv_cred *c = calloc(1, sizeof(*c));
	assert_non_null(c);
	*last = (struct ctl_cred){ 0 };
	csv_cred_begin(c, keep, last);
	said[0] = '\0';
	if (!csv_cred_feed(c, text, strlen(text)) || !csv_cred_end(c)) {
		const char *why = csv_cred_why(c, &line);
		(void)snprintf(said, sizeof(said), "%u: %s", line, why);
	}
	free(c);
	return said;
}

static void test_columns_in_any_order(void **state)
{
	(void)state;
	struct ctl_cred c;
	char text[512];
	(void)snprintf(text, sizeof(text),
		"key,upstream_key,endpoint,upstream_identity,identity_hex\n"
		"%s,1B7CE94A03F85D62AA901FD64BE73C58,\"urn:dev:1,a\",gw,00ff\n",
		key);
	assert_string_equal(read_all(text, &c), "");
	assert_string_equal(c.endpoint, "urn:dev:1,a");
	assert_int_equal(c.line, 2);
	assert_true(c.has_keys);
	assert_int_equal(c.key_len, 16);
	assert_memory_equal(c.key, "\x8f\x1d\x2c\x6b", 4);
	assert_int_equal(c.upstream_key_len, 16);
	assert_memory_equal(c.upstream_key, "\x1b\x7c", 2);
	assert_int_equal(c.identity_len, 2);
	assert_memory_equal(c.identity, "\0\xff", 2);
	assert_int_equal(c.upstream_identity_len, 2);
	(void)snprintf(text, sizeof(text), "endpoint,identity,key\na,b,%s\nc,,%s\n", key, key);
	assert_string_equal(read_all(text, &c), "");
	assert_string_equal(c.endpoint, "c");
	assert_int_equal(c.identity_len, 0); /* the gateway takes the endpoint's name */
}

static void test_I5_errors_name_line_and_column_but_no_key(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "1: is empty; the first line names the columns: "
		      "endpoint,identity,key,upstream_identity,upstream_key" },
		{ "endpoint,keyy\n", "1: column 2 has an unknown name; did you mean key?" },
		{ "endpoint,identity\n",
			"1: column key is missing; add it, or public_key, or certificate" },
		{ "endpoint,key,certificate_pin\n",
			"1: column certificate is missing; certificate_pin needs it" },
		{ "key\n", "1: column endpoint is missing; add it" },
		{ "key,endpoint,key\n", "1: column key stands there twice; leave one" },
		{ "endpoint,key\na,8f1d,\n", "2: there are 3 fields, and 2 columns; is a comma "
					     "missing, or one too much?" },
		{ "endpoint,key\na,8f1d2c6be0a94f7735d8c1be90e4537\n",
			"2: key: is not hexadecimal; write two digits 0-9, a-f an octet" },
		{ "endpoint,key\na,\n",
			"2: key: is empty; write one, as from: openssl rand -hex 16" },
		{ "endpoint,key\n,8f1d2c6be0a94f7735d8c1be90e4537a\n",
			"2: endpoint: is empty; write the device's name" },
		{ "endpoint,key,identity,identity_hex\na,8f1d2c6be0a94f7735d8c1be90e4537a,a,61\n",
			"2: identity_hex: is there in text and in hexadecimal; leave one" },
	};
	struct ctl_cred c;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(read_all(rows[i].text, &c), rows[i].error);
	/* A file without titles begins with a key. */
	char text[512];
	(void)snprintf(text, sizeof(text), "urn:dev:1,%s\n", key);
	assert_null(strstr(read_all(text, &c), key));
	assert_non_null(strstr(read_all(text, &c), "1: column 1 has no name that is known"));
	char name[129 + 1];
	memset(name, 'a', 129);
	name[129] = '\0';
	(void)snprintf(text, sizeof(text), "endpoint,key\n%s,%s\n", name, key);
	assert_string_equal(read_all(text, &c), "2: endpoint: is 129 octets long; use 1 to 128");
	(void)snprintf(text, sizeof(text), "endpoint,key\na,%s%s%s%s%s\n", key, key, key, key, key);
	assert_string_equal(read_all(text, &c), "2: key: is 80 octets long; use at most 64");
}

static void test_what_is_exported_with_keys_is_read_again(void **state)
{
	(void)state;
	struct ctl_cred c = { .endpoint = "a \"b\",\nc",
		.identity_len = 2,
		.identity = { 0, 0xff },
		.upstream_identity_len = 3,
		.upstream_identity = "x,y",
		.key_len = 16,
		.upstream_key_len = 17,
		.has_keys = true },
			back;
	struct ctl_out o = { 0 };
	char text[1024];
	for (size_t i = 0; i < 17; i++)
		c.key[i % 16] = c.upstream_key[i] = (uint8_t)(i * 37 + 200);
	csv_cred_titles(&o, true);
	csv_cred_row(&o, true, &c);
	(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
	ctl_out_fini(&o);
	assert_string_equal(read_all(text, &back), "");
	assert_string_equal(back.endpoint, c.endpoint);
	assert_int_equal(back.identity_len, 2);
	assert_memory_equal(back.identity, c.identity, sizeof(c.identity));
	assert_memory_equal(back.upstream_identity, c.upstream_identity, sizeof(c.identity));
	assert_memory_equal(back.key, c.key, sizeof(c.key));
	assert_memory_equal(back.upstream_key, c.upstream_key, sizeof(c.key));
	assert_int_equal(back.upstream_key_len, 17);
}

#define DIGEST "sha-256:" SAMPLE_P256_DIGEST

static void test_R017_a_record_says_which_kind_by_what_it_fills(void **state)
{
	(void)state;
	static const char head[] = "endpoint,key,public_key,certificate,certificate_pin,kind\n";
	struct ctl_cred c;
	char text[1024];
	uint8_t digest[CTL_PIN_LEN];
	assert_true(conf_hex_read(SAMPLE_P256_DIGEST, 64, digest));
	(void)snprintf(text, sizeof(text), "%sa,%s,,,,\n", head, key);
	assert_string_equal(read_all(text, &c), "");
	assert_int_equal(c.kind, CTL_CRED_PSK);
	(void)snprintf(text, sizeof(text), "%sa,,%s,,,public_key\n", head, SAMPLE_P256_BASE64);
	assert_string_equal(read_all(text, &c), "");
	assert_int_equal(c.kind, CTL_CRED_RAW_KEY);
	assert_int_equal(c.identity_len, CTL_PIN_LEN);
	assert_memory_equal(c.identity, digest, sizeof(digest));
	assert_false(c.pinned);
	(void)snprintf(text, sizeof(text),
		"%sa,,\"-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n\",,,\n", head,
		SAMPLE_P256_BASE64);
	assert_string_equal(read_all(text, &c), "");
	assert_memory_equal(c.identity, digest, sizeof(digest));
	(void)snprintf(text, sizeof(text), "%sa,,,urn:dev:a,,certificate\n", head);
	assert_string_equal(read_all(text, &c), "");
	assert_int_equal(c.kind, CTL_CRED_CERTIFICATE);
	assert_int_equal(c.identity_len, 9);
	assert_memory_equal(c.identity, "urn:dev:a", 9);
	assert_false(c.pinned);
	(void)snprintf(text, sizeof(text), "%sa,,,n,%s,\n", head, SAMPLE_P256_DIGEST);
	assert_string_equal(read_all(text, &c), "");
	assert_true(c.pinned);
	assert_memory_equal(c.pin, digest, sizeof(digest));
	/* One after the other. */
	(void)snprintf(text, sizeof(text), "%sa,,,n,,\nb,%s,,,,\nc,,%s,,,\n", head, key, DIGEST);
	assert_string_equal(read_all(text, &c), "");
	assert_int_equal(c.kind, CTL_CRED_RAW_KEY);
	assert_int_equal(c.key_len, 0);
}

static void test_R020_a_record_with_none_or_two_proofs_is_refused(void **state)
{
	(void)state;
	static const char two[] = "2: the device has more than one of identity with key, "
				  "public_key, and certificate; leave one";
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "endpoint,public_key,certificate\na,,\n",
			"2: the device proves nothing; fill one of the columns" },
		{ "endpoint,public_key,certificate\na," DIGEST ",n\n", two },
		{ "endpoint,public_key,identity\na," DIGEST ",n\n", two },
		{ "endpoint,public_key,kind\na," DIGEST ",psk\n", two },
		{ "endpoint,public_key,certificate,certificate_pin\na," DIGEST ",," DIGEST "\n",
			two },
		{ "endpoint,certificate,certificate_pin\na,," DIGEST "\n",
			"2: certificate: is empty; write the name that it gives" },
		{ "endpoint,public_key,kind\na,,public_key\n",
			"2: public_key: is empty; write it, or its digest" },
		{ "endpoint,public_key,kind\na,,rpk\n",
			"2: kind: is unknown; write psk, public_key, certificate, nosec or sms" },
		{ "endpoint,public_key\na," SAMPLE_ED25519 "\n",
			"2: public_key: is no elliptic-curve key; use one on P-256 (secp256r1)" },
	};
	struct ctl_cred c;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(read_all(rows[i].text, &c), rows[i].error);
}

static void test_every_kind_that_is_exported_is_read_again(void **state)
{
	(void)state;
	for (unsigned kind = CTL_CRED_RAW_KEY; kind <= CTL_CRED_CERTIFICATE; kind++) {
		struct ctl_cred c = { .endpoint = "e",
			.kind = (enum ctl_cred_kind)kind,
			.pinned = kind == CTL_CRED_CERTIFICATE,
			.identity_len = CTL_PIN_LEN,
			.upstream_key_len = 16,
			.upstream_identity_len = 1,
			.upstream_identity = { 'u' },
			.has_keys = true };
		struct ctl_cred back;
		struct ctl_out o = { 0 };
		char text[1024];
		memset(c.identity, '"', CTL_PIN_LEN);
		memset(c.pin, c.pinned ? 0xa5 : 0, CTL_PIN_LEN);
		memset(c.upstream_key, 0x77, 16);
		csv_cred_titles(&o, true);
		csv_cred_row(&o, true, &c);
		(void)snprintf(text, sizeof(text), "%.*s", (int)o.len, o.data);
		ctl_out_fini(&o);
		assert_string_equal(read_all(text, &back), "");
		assert_int_equal(back.kind, c.kind);
		assert_int_equal(back.identity_len, c.identity_len);
		assert_memory_equal(back.identity, c.identity, sizeof(c.identity));
		assert_int_equal(back.pinned, c.pinned);
		assert_memory_equal(back.pin, c.pin, sizeof(c.pin));
		assert_memory_equal(back.upstream_key, c.upstream_key, sizeof(c.upstream_key));
		assert_int_equal(back.key_len, 0);
	}
}

static void test_I5_without_keys_none_is_exported(void **state)
{
	(void)state;
	struct ctl_cred c = { .endpoint = "e",
		.identity_len = 1,
		.identity = { 'i' },
		.key_len = 16,
		.generation = 9,
		.changed_ms = 8,
		.origin = CTL_CRED_BY_FILE,
		.has_keys = true };
	memset(c.key, 0xab, 16);
	struct ctl_out o = { 0 };
	csv_cred_titles(&o, false);
	csv_cred_row(&o, false, &c);
	c.origin = CTL_CRED_BY_BOOTSTRAP;
	csv_cred_row(&o, false, &c);
	ctl_out_bytes(&o, "", 1);
	assert_string_equal(o.data,
		"endpoint,kind,identity,identity_hex,public_key,certificate,certificate_pin,"
		"upstream_identity,upstream_identity_hex,state,"
		"origin,generation,changed_ms,key_octets,upstream_key_octets,labels,valid_until,"
		"before_until,purpose,repository,sms\n"
		"e,psk,i,,,,,,,active,file,9,8,16,0,,,,any,false,\n"
		"e,psk,i,,,,,,,active,bootstrap,9,8,16,0,,,,any,false,\n");
	ctl_out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc4180_records),
		cmocka_unit_test(test_errors_name_the_line_and_the_remedy),
		cmocka_unit_test(test_I7_a_record_is_bounded),
		cmocka_unit_test(test_columns_in_any_order),
		cmocka_unit_test(test_I5_errors_name_line_and_column_but_no_key),
		cmocka_unit_test(test_what_is_exported_with_keys_is_read_again),
		cmocka_unit_test(test_R017_a_record_says_which_kind_by_what_it_fills),
		cmocka_unit_test(test_R020_a_record_with_none_or_two_proofs_is_refused),
		cmocka_unit_test(test_every_kind_that_is_exported_is_read_again),
		cmocka_unit_test(test_I5_without_keys_none_is_exported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
