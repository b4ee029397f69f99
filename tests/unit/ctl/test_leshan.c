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
#include "ctl/leshan.h"
#include "unit/conf/samples.h"

#define KEY "8f1d2c6be0a94f7735d8c1be90e4537a"

struct taken {
	struct ctl_cred last;
	size_t count, refused;
	char why[LESHAN_WHY_MAX], endpoint[CTL_NAME_MAX + 1];
	unsigned line;
};

static bool keep(void *ctx, const struct ctl_cred *c)
{
	struct taken *t = ctx;
	t->last = *c;
	t->count++;
	return true;
}

static bool refuse(void *ctx, unsigned line, const char *endpoint, const char *why)
{
	struct taken *t = ctx;
	t->refused++;
	t->line = line;
	(void)snprintf(t->why, sizeof(t->why), "%s", why);
	(void)snprintf(t->endpoint, sizeof(t->endpoint), "%s", endpoint);
	return true;
}

/* "" or "LINE: error". */
static const char *read_text(const char *text, bool goes_on, struct taken *t)
{
	static char said[320];
	struct leshan *l = calloc(1, sizeof(*l));
	static const struct leshan_text empty;
	assert_non_null(l);
	*t = (struct taken){ 0 };
	l->each = keep;
	l->refused = goes_on ? refuse : NULL;
	l->ctx = t;
	said[0] = '\0';
	if (!leshan_read(l, (const uint8_t *)text, strlen(text)))
		(void)snprintf(said, sizeof(said), "%u: %s", l->line, l->why);
	/* Nothing of a key is left. */
	assert_memory_equal(&l->key, &empty, sizeof(empty));
	assert_int_equal(l->cred.key_len, 0);
	free(l);
	return said;
}

static const char *read_all(const char *text, struct taken *t)
{
	return read_text(text, false, t);
}

static void is_key(const struct ctl_cred *c)
{
	uint8_t key[16];
	assert_true(conf_hex_read(KEY, 32, key));
	assert_int_equal(c->key_len, sizeof(key));
	assert_memory_equal(c->key, key, sizeof(key));
}

static void test_each_form_of_a_PSK(void **state)
{
	(void)state;
	static const char *const forms[] = {
		"[{\"endpoint\":\"e\",\"tls\":{\"mode\":\"psk\",\"details\":{\"identity\":\"i\","
		"\"key\":\"" KEY "\"}}}]",
		"{\"tls\":{\"details\":{\"key\":\"" KEY "\",\"identity\":\"i\"},\"mode\":\"psk\"},"
		"\"endpoint\":\"e\"}",
		"[ { \"endpoint\" : \"e\" , \"psk\" : { \"identity\":\"i\", \"key\":\"" KEY
		"\" }, \"rpk\": null, \"x509\": false } ]\n",
		"{\"ep\":\"e\",\"id\":\"i\",\"psk\":\"" KEY "\",\"later\":[{\"a\":1}]}",
	};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct taken t;
		assert_string_equal(read_all(forms[i], &t), "");
		assert_int_equal(t.count, 1);
		assert_int_equal(t.last.kind, CTL_CRED_PSK);
		assert_string_equal(t.last.endpoint, "e");
		assert_int_equal(t.last.identity_len, 1);
		assert_int_equal(t.last.identity[0], 'i');
		assert_int_equal(t.last.purpose, CTL_FOR_UNSAID);
		assert_true(t.last.has_keys);
		is_key(&t.last);
	}
}

static void is_sample(const struct taken *t)
{
	uint8_t digest[CTL_PIN_LEN];
	assert_true(conf_hex_read(SAMPLE_P256_DIGEST, 64, digest));
	assert_int_equal(t->count, 1);
	assert_int_equal(t->last.kind, CTL_CRED_RAW_KEY);
	assert_int_equal(t->last.identity_len, sizeof(digest));
	assert_memory_equal(t->last.identity, digest, sizeof(digest));
	assert_int_equal(t->last.key_len, 0);
}

static void test_each_form_of_a_public_key(void **state)
{
	(void)state;
	struct taken t;
	char text[1024];
	const char *const spki = SAMPLE_P256;
	(void)snprintf(text, sizeof(text),
		"[{\"endpoint\":\"e\",\"tls\":{\"mode\":\"rpk\",\"details\":{\"key\":\"%s\"}}}]",
		spki);
	assert_string_equal(read_all(text, &t), "");
	is_sample(&t);
	(void)snprintf(text, sizeof(text),
		"[{\"endpoint\":\"e\",\"rpk\":{\"x\":\"%.64s\",\"y\":\"%s\",\"params\":\"secp256r1 "
		"[NIST P-256, X9.62 prime256v1]\"}}]",
		spki + 54, spki + 54 + 64);
	assert_string_equal(read_all(text, &t), "");
	is_sample(&t);
	char *const params = strstr(text, "secp256r1");
	assert_non_null(params);
	memcpy(params, "secp384r1", 9);
	assert_non_null(strstr(read_all(text, &t), "1: rpk: has no public key"));
	assert_int_equal(t.count, 0);
}

/* A key whose x begins with a zero, which Leshan does not write. */
static void test_a_short_coordinate_is_filled_up(void **state)
{
	(void)state;
	static const char point[] =
		"[{\"endpoint\":\"e\",\"rpk\":{\"params\":\"secp256r1\",\"x\":"
		"\"397323ba9716443351c0040d09b295e40b9497bb43fcd3ad24decf8d42dd33\","
		"\"y\":\"9717626c1a07488c5d5b7114f6eb6e328105ccebe5f256a180ca8fa7e977892d\"}}]";
	static const char whole[] =
		"[{\"endpoint\":\"e\",\"rpk\":{\"key\":"
		"\"3059301306072a8648ce3d020106082a8648ce3d0301070342000400397323ba9716443351c0040d"
		"09b295e40b9497bb43fcd3ad24decf8d42dd339717626c1a07488c5d5b7114f6eb6e328105ccebe5f2"
		"56a180ca8fa7e977892d\"}}]";
	struct taken t, same;
	assert_string_equal(read_all(point, &t), "");
	assert_string_equal(read_all(whole, &same), "");
	assert_int_equal(t.last.kind, CTL_CRED_RAW_KEY);
	assert_memory_equal(t.last.identity, same.last.identity, CTL_PIN_LEN);
}

static void test_a_certificate_is_known_by_the_endpoint(void **state)
{
	(void)state;
	static const char *const forms[] = {
		"[{\"endpoint\":\"urn:x\",\"tls\":{\"mode\":\"x509\"}}]",
		"[{\"endpoint\":\"urn:x\",\"x509\":true}]",
	};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct taken t;
		assert_string_equal(read_all(forms[i], &t), "");
		assert_int_equal(t.last.kind, CTL_CRED_CERTIFICATE);
		assert_int_equal(t.last.identity_len, 5);
		assert_memory_equal(t.last.identity, "urn:x", 5);
		assert_false(t.last.pinned);
	}
}

#define PSK "{\"identity\":\"i\",\"key\":\"" KEY "\"}"

static void test_what_is_not_clear_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} all[] = {
		{ "[{\"endpoint\":\"e\"}]", "could prove" },
		{ "[{\"endpoint\":\"e\",\"x509\":false}]", "could prove" },
		{ "[{\"endpoint\":\"e\",\"oscore\":{\"sid\":\"aa\"}}]", "OSCORE" },
		{ "[{\"endpoint\":\"e\",\"tls\":{\"mode\":\"est\"}}]", "mode is none of" },
		{ "[{\"endpoint\":\"e\",\"psk\":" PSK ",\"x509\":true}]", "several ways" },
		{ "[{\"endpoint\":\"e\",\"psk\":" PSK ",\"tls\":{\"mode\":\"rpk\"}}]",
			"several ways" },
		{ "[{\"endpoint\":\"e\",\"psk\":" PSK ",\"psk\":" PSK "}]", "twice" },
		{ "[{\"endpoint\":\"e\",\"ep\":\"f\",\"psk\":" PSK "}]", "twice" },
		{ "[{\"psk\":" PSK "}]", "endpoint: is missing" },
		{ "[{\"endpoint\":\"\",\"psk\":" PSK "}]", "endpoint: is missing" },
		{ "[{\"endpoint\":\"a\\u0000b\",\"psk\":" PSK "}]", "NUL" },
		{ "[{\"endpoint\":\"e\",\"psk\":{\"identity\":\"i\"}}]", "is missing" },
		{ "[{\"endpoint\":\"e\",\"psk\":{\"identity\":\"\",\"key\":\"" KEY "\"}}]",
			"identity is empty" },
		{ "[{\"endpoint\":\"e\",\"psk\":{\"identity\":\"i\",\"key\":\"" KEY "0\"}}]",
			"not hexadecimal" },
		{ "[{\"endpoint\":\"e\",\"psk\":{\"identity\":\"i\",\"key\":\"\"}}]",
			"not hexadecimal" },
		{ "[{\"endpoint\":\"e\",\"rpk\":{}}]", "no public key" },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct taken t;
		const char *const said = read_all(all[i].text, &t);
		assert_int_equal(t.count, 0);
		if (strncmp(said, "1: ", 3) != 0 || strstr(said, all[i].why) == NULL)
			fail_msg("%s: %s", all[i].text, said);
		assert_null(strstr(said, "8f1d"));
	}
}

static void test_lines_and_those_that_are_refused(void **state)
{
	(void)state;
	static const char text[] =
		"[\n{\"endpoint\":\"a\",\"x509\":true},\n\n  {\"endpoint\":\"b\"},"
		"\n{\"endpoint\":\"c\",\n\"x509\":true}]\n";
	struct taken t;
	assert_string_equal(read_text(text, true, &t), "");
	assert_int_equal(t.count, 2);
	assert_int_equal(t.last.line, 5);
	assert_int_equal(t.refused, 1);
	assert_int_equal(t.line, 4);
	assert_string_equal(t.endpoint, "b");
	assert_int_equal(strncmp(read_all(text, &t), "4: ", 3), 0);
	assert_int_equal(t.count, 1);
}

static void test_what_is_no_JSON_or_cut_off(void **state)
{
	(void)state;
	static const char whole[] = "[{\"endpoint\":\"e\",\"psk\":" PSK "}]";
	struct taken t;
	char text[sizeof(whole)];
	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		memcpy(text, whole, len);
		text[len] = '\0';
		assert_non_null(strstr(read_all(text, &t), "is no JSON"));
	}
	assert_string_equal(read_all(whole, &t), "");
	assert_non_null(strstr(read_all("[] []", &t), "is no JSON"));
	assert_non_null(strstr(read_all("[{\"endpoint\":\"e\",\"x509\":true},]", &t), "JSON"));
	assert_string_equal(read_all("[ ]", &t), "");
	assert_int_equal(t.count, 0);
}

static bool enough(void *ctx, const struct ctl_cred *c)
{
	(void)c;
	++*(size_t *)ctx;
	return false;
}

static void test_who_has_enough_ends_it(void **state)
{
	(void)state;
	static const char text[] = "[{\"endpoint\":\"a\",\"x509\":true},{\"endpoint\":\"b\","
				   "\"x509\":true}]";
	struct leshan *l = calloc(1, sizeof(*l));
	size_t n = 0;
	assert_non_null(l);
	l->each = enough;
	l->ctx = &n;
	assert_false(leshan_read(l, (const uint8_t *)text, strlen(text)));
	assert_int_equal(n, 1);
	assert_string_equal(l->why, "");
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_form_of_a_PSK),
		cmocka_unit_test(test_each_form_of_a_public_key),
		cmocka_unit_test(test_a_short_coordinate_is_filled_up),
		cmocka_unit_test(test_a_certificate_is_known_by_the_endpoint),
		cmocka_unit_test(test_what_is_not_clear_is_refused),
		cmocka_unit_test(test_lines_and_those_that_are_refused),
		cmocka_unit_test(test_what_is_no_JSON_or_cut_off),
		cmocka_unit_test(test_who_has_enough_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
