/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "learn/read.h"
#include "tests/unit/learn/vectors.h"

enum { VECTORS = sizeof(vectors) / sizeof(vectors[0]), CONTENT_MAX = 8192, SPKI = 300 };

static uint8_t content[CONTENT_MAX];
static struct learn_object object;

static size_t octets_of(const char *hex)
{
	const size_t len = strlen(hex) / 2;
	for (size_t i = 0; i < len; i++) {
		const char two[] = { hex[2 * i], hex[2 * i + 1], '\0' };
		content[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return len;
}

static struct learn_path path_of(const char *text)
{
	struct learn_path p;
	assert_true(learn_path_read(text, &p));
	return p;
}

static bool read_octets(unsigned format, const char *path, size_t len)
{
	/* Of its own length, so that the sanitizers see a read past its end. */
	uint8_t *const copy = malloc(len + (len == 0));
	assert_non_null(copy);
	memcpy(copy, content, len);
	const struct learn_write w = { (uint16_t)format, path_of(path), copy, len };
	const bool ok = learn_read(&w, &object);
	free(copy);
	return ok;
}

static bool read_text(unsigned format, const char *path, const char *text)
{
	const size_t len = strlen(text);
	assert_true(len <= sizeof(content));
	for (size_t i = 0; i < len; i++)
		content[i] = (uint8_t)text[i];
	return read_octets(format, path, len);
}

static bool read_hex(unsigned format, const char *path, const char *hex)
{
	return read_octets(format, path, octets_of(hex));
}

static const char *path_of_vector(const struct vector *v)
{
	if (strcmp(v->name, "instance") == 0)
		return "/0/1";
	if (strcmp(v->name, "raw") == 0)
		return "/0/2";
	return strcmp(v->name, "resource") == 0 ? "/0/1/5" : "/0";
}

/* --- vectors --------------------------------------------------------------------------------- */

static void assert_secret(const struct learn_account *a)
{
	assert_int_equal(a->secret.len, 16);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(a->secret.octets[i], 0xf0 + i);
}

static void assert_account(const struct learn_account *a, bool psk)
{
	assert_int_equal(a->instance, psk ? 1 : 2);
	assert_int_equal(a->has, 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 10);
	assert_string_equal(a->uri, "coaps://gw.example:5684");
	assert_false(a->bootstrap);
	assert_int_equal(a->mode, psk ? 0 : 1);
	assert_int_equal(a->short_id, 300);
	assert_secret(a);
	if (psk) {
		assert_int_equal(a->identity.len, 5);
		assert_memory_equal(a->identity.octets, "dev-1", 5);
		return;
	}
	assert_int_equal(a->identity.len, SPKI);
	for (unsigned i = 0; i < SPKI; i++)
		assert_int_equal(a->identity.octets[i], i * 7 & 0xff);
}

static void test_S31_what_leshan_writes_is_read_in_each_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *const v = &vectors[i];
		assert_true(read_hex(v->format, path_of_vector(v), v->hex));
		const bool all = strcmp(v->name, "object") == 0;
		assert_int_equal(object.len, all ? 2 : 1);
		if (strcmp(v->name, "resource") == 0) {
			assert_int_equal(object.accounts[0].instance, 1);
			assert_int_equal(object.accounts[0].has, 1 << LEARN_SECRET);
			assert_secret(&object.accounts[0]);
			continue;
		}
		assert_account(&object.accounts[0], strcmp(v->name, "raw") != 0);
		if (all)
			assert_account(&object.accounts[1], false);
	}
}

static void test_no_part_of_a_write_is_taken_for_all_of_it(void **state)
{
	(void)state;
	static const struct learn_object none;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *const v = &vectors[i];
		const size_t all = octets_of(v->hex);
		for (size_t len = 0; len < all; len++) {
			const bool ok = read_octets(v->format, path_of_vector(v), len);
			if (ok) /* TLV may end behind any resource */
				assert_true(v->format == LEARN_TLV);
			else
				assert_memory_equal(&object, &none, sizeof(none));
		}
	}
}

static void test_nothing_is_read_that_lies_beyond_what_was_written_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *const v = &vectors[i];
		const bool bare = v->format == LEARN_TLV && strcmp(v->name, "object") != 0;
		assert_false(read_hex(v->format, "/1", v->hex));
		assert_false(read_hex(v->format, "/0/1/3", v->hex));
		if (!bare) /* bare resources are of whatever instance is named */
			assert_false(read_hex(v->format, "/0/7", v->hex));
	}
}

/* --- each format ----------------------------------------------------------------------------- */

static void test_tlv_has_only_what_makes_sense(void **state)
{
	(void)state;
	assert_true(read_hex(LEARN_TLV, "/0/1", ""));
	assert_int_equal(object.len, 1);
	assert_true(read_hex(LEARN_TLV, "/0", "0000"));         /* an instance without resources */
	assert_true(read_hex(LEARN_TLV, "/0/1", "0301c10201")); /* with the instance around */
	assert_false(read_hex(LEARN_TLV, "/0/1", "0302c10201"));
}

static void test_tlv_is_refused(void **state)
{
	static const char *const bad[] = {
		"c1",             /* no id */
		"c202",           /* no length */
		"c20201",         /* too short */
		"c8020201",       /* too short, by its length of length */
		"d802ffffffff01", /* 16 million octets */
		"c10205",         /* no such mode */
		"c102ff",         /* -1 */
		"c302000000",     /* an integer of 3 octets */
		"c20201",         /* cut */
		"c10102",         /* a boolean of 2 */
		"c20a0000",       /* short server id 0 */
		"c20affff",       /* and 65535, which is reserved */
		"4102",           /* a resource instance by itself, cut */
		"410200",         /* a resource instance by itself */
		"8105410001",     /* a multiple resource that is none */
		"86034100014101", /* and of no interest if it were */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(read_hex(LEARN_TLV, "/0/1", bad[i]));
	assert_true(read_hex(LEARN_TLV, "/0/1", "c10204"));
	assert_true(read_hex(LEARN_TLV, "/0/1", "8306410001"));
}

static void test_senml_json(void **state)
{
	(void)state;
	/* In any order, with white space, escapes, and a base that stays. */
	assert_true(read_text(LEARN_SENML_JSON, "/0",
		" [ {\"v\" : 1, \"n\":\"2\",\"bn\":\"\\/0\\/3/\"} ,\n"
		"{\"n\":\"0\",\"vs\":\"coaps:\\u002f/\\u00e9\\ud83d\\ude00\"},"
		"{\"n\":\"1\",\"vb\":true,\"t\":1.5e3,\"x\":[{\"y\":[null]}]}] "));
	assert_int_equal(object.len, 1);
	assert_int_equal(object.accounts[0].instance, 3);
	assert_int_equal(object.accounts[0].mode, 1);
	assert_true(object.accounts[0].bootstrap);
	assert_string_equal(object.accounts[0].uri, "coaps://\xc3\xa9\xf0\x9f\x98\x80");
	assert_true(read_text(LEARN_SENML_JSON, "/0", "[]"));
	assert_int_equal(object.len, 0);
}

static void test_senml_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"{}",
		"[",
		"[{}]",
		"[{\"n\":\"/0/1/2\",\"v\":0}",
		"[{\"n\":\"/0/1/2\",\"v\":0}]x",
		"[{\"n\":\"/0/1/2\",\"v\":0},]",
		"[{\"n\":\"/0/1/2\",\"v\":0 \"t\":1}]",
		"[{\"n\":\"/0/1/2\",\"v\":0.5}]",
		"[{\"n\":\"/0/1/2\",\"v\":01}]",
		"[{\"n\":\"/0/1/2\",\"v\":-}]",
		"[{\"n\":\"/0/1/2\",\"v\":5}]",
		"[{\"n\":\"/0/1/2\",\"v\":9999999999999999999999}]",
		"[{\"n\":\"/0/1/2\",\"vs\":\"0\"}]",
		"[{\"n\":\"/0/1/2\"}]",
		"[{\"n\":\"/0/1/2\",\"v\":0,\"v\":0}]",
		"[{\"n\":\"/0/1/2\",\"v\":0,\"vb\":true}]",
		"[{\"n\":\"/0/1/2\",\"v\":0,\"s\":1}]",
		"[{\"n\":\"/0/1/2\",\"v\":0,\"bv\":1}]",
		"[{\"n\":\"/0/1/2\",\"v\":0,\"must_\":1}]",
		"[{\"n\":\"/0/1/5\",\"vs\":\"abcd\"}]",
		"[{\"n\":\"/0/1/5\",\"vd\":\"a\"}]",
		"[{\"n\":\"/0/1/5\",\"vd\":\"ab!d\"}]",
		"[{\"n\":\"/0/1/5\",\"vd\":\"AB\"}]",
		"[{\"n\":\"/0/1/0\",\"vs\":\"a\\u0000b\"}]",
		"[{\"n\":\"/0/1/0\",\"vs\":\"\\ud800\"}]",
		"[{\"n\":\"/0/1/0\",\"vs\":\"\\x\"}]",
		"[{\"n\":\"/0/1/0\",\"vs\":\"\n\"}]",
		"[{\"n\":\"/1/1/0\",\"v\":1}]",
		"[{\"n\":\"/1/1/10\",\"v\":300}]",
		"[{\"n\":\"/0/65537/2\",\"v\":1}]",
		"[{\"n\":\"/0/65535/2\",\"v\":1}]",
		"[{\"n\":\"/0/1/2/\",\"v\":1}]",
		"[{\"n\":\"/0/1/2/0\",\"v\":1}]",
		"[{\"n\":\"/0//2\",\"v\":1}]",
		"[{\"n\":\"/0/1/2/0/0\",\"v\":1}]",
		"[{\"n\":\"/0/1/2\",\"v\":0,\"x\":[[[[[[[[1]]]]]]]]}]",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (read_text(LEARN_SENML_JSON, "/0", bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_senml_cbor(void **state)
{
	(void)state;
	/* [{-2: "/0/1/", 0: "2", 2: 1}] of definite and of indefinite length */
	assert_true(read_hex(LEARN_SENML_CBOR, "/0/1", "81a321652f302f312f0061320201"));
	assert_int_equal(object.accounts[0].mode, 1);
	assert_true(read_hex(LEARN_SENML_CBOR, "/0/1", "9fbf21652f302f312f0061320201ffff"));
	assert_int_equal(object.accounts[0].mode, 1);
	/* what is not known is passed over: "x": [1, {2: h'00'}] */
	assert_true(
		read_hex(LEARN_SENML_CBOR, "/0/1", "81a421652f302f312f006132020161788201a1024100"));
}

static void test_senml_cbor_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"80ff",
		"81",
		"a0",
		"81a0",
		"9f",
		"9fff00",
		"81a321652f302f312f0061320220",
		"81a321652f302f312f006132021a",                 /* cut */
		"81a321652f302f312f00613202fb3ff0000000000000", /* 1.0 is no integer here */
		"81a321652f302f312f006132021bffffffffffffffff", /* 2^64 - 1 */
		"81a321652f302f312f006132036131",               /* text */
		"81a321652f302f312f0061350278",                 /* a secret that is a number, cut */
		"81a421652f302f312f00613202010201",             /* two values */
		"81a421652f302f312f00613202010501",             /* a sum */
		"81a421652f302f312f0061320201615f01",           /* "_" must be understood */
		"9b0fffffffffffffffa0", /* lengths that nobody has octets for */
		"81bb0fffffffffffffff21652f302f312f",
		"81a321652f302f312f006132087bffffffffffffffff",
		"81a421652f302f312f006132020161788181818181818181818100",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (read_hex(LEARN_SENML_CBOR, "/0/1", bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_lwm2m_json(void **state)
{
	(void)state;
	/* The base may stand behind; without one, names are behind the path. */
	assert_true(read_text(LEARN_LWM2M_JSON, "/0/1",
		"{\"e\":[{\"n\":\"2\",\"v\":1},{\"n\":\"5\",\"sv\":\"AAE=\"}],\"bt\":1,\"bn\":\"/0/"
		"1/\"}"));
	assert_int_equal(object.accounts[0].mode, 1);
	assert_int_equal(object.accounts[0].secret.len, 2);
	assert_true(read_text(LEARN_LWM2M_JSON, "/0/1/2", "{\"e\":[{\"v\":2}]}"));
	assert_int_equal(object.accounts[0].mode, 2);
	assert_true(read_text(LEARN_LWM2M_JSON, "/0/1", "{\"e\":[{\"n\":\"1\",\"bv\":true}]}"));
	assert_true(object.accounts[0].bootstrap);
	static const char *const bad[] = { "", "[]", "{}", "{\"bn\":\"/0/1/\"}",
		"{\"e\":[{\"n\":\"2\",\"v\":1}]", "{\"e\":[{\"n\":\"2\",\"v\":1}],\"e\":[]}",
		"{\"bn\":\"/0/1/\",\"bn\":\"/0/1/\",\"e\":[]}",
		"{\"e\":[{\"n\":\"2\",\"v\":1,\"z\":1}]}",
		"{\"e\":[{\"n\":\"5\",\"sv\":\"AA\\u0000\"}]}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (read_text(LEARN_LWM2M_JSON, "/0/1", bad[i]))
			fail_msg("taken: %s", bad[i]);
	}
}

static void test_one_resource_as_it_is(void **state)
{
	(void)state;
	assert_true(read_text(LEARN_PLAIN, "/0/1/10", "300"));
	assert_int_equal(object.accounts[0].short_id, 300);
	assert_true(read_text(LEARN_PLAIN, "/0/1/0", "coaps://a"));
	assert_string_equal(object.accounts[0].uri, "coaps://a");
	assert_true(read_text(LEARN_PLAIN, "/0/1/1", "1"));
	assert_true(read_hex(LEARN_OPAQUE, "/0/1/5", "0011"));
	assert_int_equal(object.accounts[0].secret.len, 2);
	assert_false(read_text(LEARN_PLAIN, "/0/1/10", ""));
	assert_false(read_text(LEARN_PLAIN, "/0/1/10", "x"));
	assert_false(read_text(LEARN_PLAIN, "/0/1/10", "65535"));
	assert_false(read_text(LEARN_PLAIN, "/0/1/10", "999999"));
	assert_false(read_text(LEARN_PLAIN, "/0/1/1", "2"));
	assert_false(read_text(LEARN_PLAIN, "/0/1/5", "1"));
	assert_false(read_hex(LEARN_OPAQUE, "/0/1/2", "00"));
	assert_false(read_text(LEARN_PLAIN, "/0/1", "1"));
	assert_false(read_text(40, "/0/1/2", "1"));
}

static void test_bounds_hold(void **state)
{
	static char text[CONTENT_MAX];
	(void)state;
	/* LEARN_ACCOUNTS of them, and one more */
	assert_true(read_hex(LEARN_TLV, "/0", "0000000100020003"));
	assert_false(read_hex(LEARN_TLV, "/0", "00000001000200030004"));
	/* a secret that is as long as can be, and one octet more */
	for (size_t len = LEARN_OCTETS_MAX; len <= LEARN_OCTETS_MAX + 1; len++) {
		content[0] = 0xd0;
		content[1] = LEARN_SECRET;
		content[2] = (uint8_t)(len >> 8);
		content[3] = (uint8_t)len;
		memset(content + 4, 7, len);
		assert_int_equal(read_octets(LEARN_TLV, "/0/1", 4 + len), len == LEARN_OCTETS_MAX);
		content[1] = 4; /* of no interest */
		assert_true(read_octets(LEARN_TLV, "/0/1", 4 + len));
	}
	/* octets in base64 that have more room than they may have */
	const size_t most = ((size_t)LEARN_OCTETS_MAX + 2) / 3 * 4;
	for (size_t len = most; len <= most + 4; len += 4) {
		char digits[2 * LEARN_OCTETS_MAX];
		memset(digits, 'A', len);
		digits[len] = '\0';
		if (len == most)
			memcpy(digits + len - 2, "==", 3);
		(void)snprintf(text, sizeof(text), "[{\"n\":\"/0/1/5\",\"vd\":\"%s\"}]", digits);
		assert_int_equal(read_text(LEARN_SENML_JSON, "/0", text), len == most);
		(void)snprintf(text, sizeof(text), "{\"e\":[{\"n\":\"5\",\"sv\":\"%s\"}]}", digits);
		assert_int_equal(read_text(LEARN_LWM2M_JSON, "/0/1", text), len == most);
	}
}

static void test_base64_is_written_in_one_way(void **state)
{
	static const struct {
		const char *text;
		int len; /* -1: refused */
	} cases[] = { { "", 0 }, { "AA", 1 }, { "AA==", 1 }, { "AAA", 2 }, { "AAA=", 2 },
		{ "AAAA", 3 }, { "-_+/", 3 }, { "A", -1 }, { "A===", -1 }, { "AA=", -1 },
		{ "=", -1 }, { "==", -1 }, { "AB", -1 }, { "AAB", -1 }, { "AAAA====", -1 },
		{ "AA==AA", -1 }, { "A A", -1 } };
	uint8_t out[8];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = 0;
		const char *const t = cases[i].text;
		const bool ok = learn_base64((const uint8_t *)t, strlen(t), out, sizeof(out), &len);
		if (ok != (cases[i].len >= 0) || (ok && len != (size_t)cases[i].len))
			fail_msg("\"%s\": %d, %zu octets", t, ok, len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S31_what_leshan_writes_is_read_in_each_format),
		cmocka_unit_test(test_no_part_of_a_write_is_taken_for_all_of_it),
		cmocka_unit_test(test_nothing_is_read_that_lies_beyond_what_was_written_to),
		cmocka_unit_test(test_tlv_has_only_what_makes_sense),
		cmocka_unit_test(test_tlv_is_refused),
		cmocka_unit_test(test_senml_json),
		cmocka_unit_test(test_senml_json_is_refused),
		cmocka_unit_test(test_senml_cbor),
		cmocka_unit_test(test_senml_cbor_is_refused),
		cmocka_unit_test(test_lwm2m_json),
		cmocka_unit_test(test_one_resource_as_it_is),
		cmocka_unit_test(test_bounds_hold),
		cmocka_unit_test(test_base64_is_written_in_one_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
