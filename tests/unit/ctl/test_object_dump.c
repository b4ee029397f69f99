/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/hex.h"
#include "ctl/object_dump.h"
#include "unit/conf/samples.h"

enum { CONTENT_MAX = 2048 };

struct taken {
	struct ctl_cred last;
	size_t count, refused, private_keys;
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
	assert_string_equal(endpoint, "urn:d");
	assert_true(why[0] != '\0');
	t->refused++;
	t->line = line;
	return true;
}

static const char *read_json(const char *text, bool goes_on, struct taken *t)
{
	struct object_dump d = {
		.each = keep, .refused = goes_on ? refuse : NULL, .ctx = t, .endpoint = "urn:d"
	};
	*t = (struct taken){ 0 };
	const char *const why =
		object_dump_read(&d, LEARN_SENML_JSON, (const uint8_t *)text, strlen(text));
	t->private_keys = d.private_keys;
	if (t->line == 0)
		t->line = d.line;
	return why;
}

#define PSK                                                                                        \
	"{\"n\":\"0\",\"vs\":\"coaps://gw\"},{\"n\":\"2\",\"v\":0},{\"n\":\"3\",\"vd\":\"aWQ\"},"  \
	"{\"n\":\"5\",\"vd\":\"jx0sa-CpT3c12MG-kORTeg\"}]"

static void test_a_PSK_and_what_it_is_for(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum ctl_purpose purpose;
	} all[] = {
		{ "[{\"bn\":\"/0/1/\",\"n\":\"1\",\"vb\":false}," PSK, CTL_FOR_SERVER },
		{ "[{\"bn\":\"/0/1/\",\"n\":\"1\",\"vb\":true}," PSK, CTL_FOR_BOOTSTRAP },
		{ "[{\"bn\":\"/0/1/\",\"n\":\"10\",\"v\":1}," PSK, CTL_FOR_UNSAID },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct taken t;
		assert_null(read_json(all[i].text, false, &t));
		assert_int_equal(t.count, 1);
		assert_int_equal(t.last.purpose, all[i].purpose);
		assert_int_equal(t.last.kind, CTL_CRED_PSK);
		assert_string_equal(t.last.endpoint, "urn:d");
		assert_int_equal(t.last.identity_len, 2);
		assert_memory_equal(t.last.identity, "id", 2);
		assert_int_equal(t.last.key_len, 16);
		assert_int_equal(t.last.key[0], 0x8f);
		assert_int_equal(t.private_keys, 0);
	}
}

static void test_what_proves_nothing_is_refused_with_its_number(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} all[] = {
		{ "[{\"n\":\"/0/0/2\",\"v\":3}]", "NoSec" },
		{ "[{\"n\":\"/0/0/0\",\"vs\":\"coaps://gw\"}]", "resource 2" },
		{ "[{\"n\":\"/0/0/2\",\"v\":0}]", "resource 3 or 5" },
		{ "[{\"n\":\"/0/0/2\",\"v\":0},{\"n\":\"/0/0/0\",\"vs\":\"coap://gw\"}]",
			"coaps://" },
		{ "[{\"n\":\"/0/0/2\",\"v\":1},{\"n\":\"/0/0/3\",\"vd\":\"aWQ\"}]", "" },
		{ "[{\"n\":\"/0/0/2\",\"v\":2}]", "the certificate" },
		{ "[{\"n\":\"/0/0/2\",\"v\":4}]", "none of" },
	};
	struct taken t;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		const char *const why = read_json(all[i].text, false, &t);
		assert_non_null(why);
		if (strstr(why, all[i].why) == NULL)
			fail_msg("%s: %s", all[i].text, why);
		assert_int_equal(t.count, 0);
		assert_int_equal(t.line, 1);
	}
	static const char two[] = "[{\"bn\":\"/0/7/\",\"n\":\"2\",\"v\":3},{\"bn\":\"/0/1/\",\"n\":"
				  "\"1\",\"vb\":false}," PSK;
	assert_null(read_json(two, true, &t));
	assert_int_equal(t.count, 1);
	assert_int_equal(t.refused, 1);
	assert_int_equal(t.line, 1);
	assert_int_equal(t.last.line, 2);
}

static void test_a_public_key_and_the_private_one_stays(void **state)
{
	(void)state;
	uint8_t content[CONTENT_MAX], digest[CTL_PIN_LEN];
	const size_t len = strlen(SAMPLE_P256) / 2;
	size_t n = 0;
	struct taken t = { 0 };
	struct object_dump d = { .each = keep, .ctx = &t, .endpoint = "urn:d" };
	/* TLV: 2 = 1 (raw public key), 3 = the key, 5 = three octets */
	static const uint8_t mode[] = { 0xc1, 2, 1 }, secret[] = { 0xc3, 5, 1, 2, 3 };
	memcpy(content, mode, sizeof(mode));
	n = sizeof(mode);
	content[n++] = 0xc8;
	content[n++] = 3;
	content[n++] = (uint8_t)len;
	assert_true(conf_hex_read(SAMPLE_P256, 2 * len, content + n));
	n += len;
	memcpy(content + n, secret, sizeof(secret));
	n += sizeof(secret);
	assert_true(conf_hex_read(SAMPLE_P256_DIGEST, 64, digest));
	uint8_t object[CONTENT_MAX] = { 0x08, 0, (uint8_t)n }; /* the instance around it */
	memcpy(object + 3, content, n);
	assert_null(object_dump_read(&d, LEARN_TLV, object, n + 3));
	assert_int_equal(t.count, 1);
	assert_int_equal(t.last.kind, CTL_CRED_RAW_KEY);
	assert_memory_equal(t.last.identity, digest, sizeof(digest));
	assert_int_equal(t.last.key_len, 0);
	assert_int_equal(d.private_keys, 1);
}

static void test_what_is_no_object(void **state)
{
	(void)state;
	struct taken t;
	assert_non_null(strstr(read_json("[", false, &t), "no Security Object"));
	assert_non_null(strstr(read_json("[]", false, &t), "no instance"));
	struct object_dump d = { .each = keep, .ctx = &t, .endpoint = "" };
	assert_non_null(object_dump_read(&d, LEARN_TLV, (const uint8_t *)"", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_PSK_and_what_it_is_for),
		cmocka_unit_test(test_what_proves_nothing_is_refused_with_its_number),
		cmocka_unit_test(test_a_public_key_and_the_private_one_stays),
		cmocka_unit_test(test_what_is_no_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
