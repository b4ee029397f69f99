/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to a BSF, and what is taken from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "gateway/bsf_codec.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define KEY_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddee00"

static const char *reads(const char *body, bool uicc, struct bsf_keys *out)
{
	static const struct bsf_keys none;
	const char *const why = bsf_answer_read((const uint8_t *)body, strlen(body), uicc, out);
	if (why)
		assert_memory_equal(out, &none, sizeof(none));
	return why;
}

static void test_a_request(void **state)
{
	static const uint8_t ua[GBA_UA] = { 3, 0, 0, 0, 0x63 };
	struct gw_bsf_ask ask = { .subscriber = "a\"b\\c\x01\xc3\xa4", .uicc = true };
	const struct bsf_request r = { .ask = &ask,
		.naf_fqdn = "naf.example",
		.uicc_application = "USIM",
		.p_tid = "p@naf.example",
		.ua = ua,
		.until_ms = UINT64_C(951782399999) };
	static const char wanted[] =
		"{\"ueId\":\"a\\\"b\\\\c\\u0001\xc3\xa4\",\"ueIdType\":\"PRIVATE\","
		"\"uiccAppLabel\":\"USIM\",\"nafId\":{\"nafFqdn\":\"naf.example\","
		"\"uaSecProtId\":\"0300000063\"},\"ptId\":\"p@naf.example\","
		"\"uiccOrMe\":\"GBA_U\",\"requestedLifeTime\":\"2000-02-28T23:59:59Z\","
		"\"gbaUAware\":true}";
	char out[BSF_REQUEST_MAX];
	(void)state;
	assert_int_equal(bsf_request_write(&r, out, sizeof(out)), sizeof(wanted) - 1);
	assert_string_equal(out, wanted);
	assert_int_equal(bsf_request_write(&r, out, sizeof(wanted)), sizeof(wanted) - 1);
	for (size_t cap = 0; cap < sizeof(wanted); cap++)
		assert_int_equal(bsf_request_write(&r, out, cap), 0);
	memset(ask.subscriber, '\x01', GW_BSF_SUBSCRIBER_MAX);
	ask.resync = true;
	assert_int_not_equal(bsf_request_write(&r, out, sizeof(out)), 0);
	assert_non_null(strstr(out, "\"auts\":\"0000000000000000000000000000\",\"rand\":\"0000"));
}

static void test_a_form(void **state)
{
	char out[BSF_REQUEST_MAX];
	(void)state;
	assert_int_not_equal(bsf_token_request_write("a b&c", "=%+\xc3\xa4~", out, sizeof(out)), 0);
	assert_string_equal(out, "grant_type=client_credentials&client_id=a%20b%26c"
				 "&client_secret=%3d%25%2b%c3%a4%7e&scope=nbsp-gba");
	assert_int_equal(bsf_token_request_write("a", "b", out, 40), 0);
}

static void test_an_answer(void **state)
{
	static const uint8_t begins[] = { 0x00, 0x11, 0x22, 0x33 }, gpi[] = { 0xab, 0xcd };
	struct bsf_keys k;
	(void)state;
	assert_null(reads(" { \"x\" : [1, {\"meKeyMaterial\": 1}], \"gbaPushInfo\" : \"abCD\","
			  "\"meKeyMaterial\":\"" KEY_A "\", \"uiccKeyMaterial\":\"" KEY_B "\","
			  "\"keyExpiryTime\":\"1970-01-01T00:00:01Z\"}\r\n",
		true, &k));
	assert_memory_equal(k.me, begins, sizeof(begins));
	assert_int_equal(k.me[31], 0xff);
	assert_true(k.has_uicc);
	assert_int_equal(k.uicc[0], 0xff);
	assert_int_equal(k.uicc[31], 0x00);
	assert_int_equal(k.gpi_len, 2);
	assert_memory_equal(k.gpi, gpi, 2);
	assert_int_equal(k.until_ms, 1000);
	assert_null(reads("{\"meKeyMaterial\":\"" KEY_A "\",\"gbaPushInfo\":\"00\"}", false, &k));
	assert_false(k.has_uicc);
	assert_int_equal(k.until_ms, 0);
}

static void test_answers_that_are_none(void **state)
{
	static const struct {
		const char *body, *why;
	} bad[] = {
		{ "", "no JSON" },
		{ "null", "no JSON" },
		{ "{}", "meKeyMaterial is missing" },
		{ "{\"meKeyMaterial\":\"" KEY_A "\",\"gbaPushInfo\":\"00\"} x", "no JSON" },
		{ "{\"meKeyMaterial\":\"" KEY_A "\",\"gbaPushInfo\":\"00\"", "no JSON" },
		{ "{\"meKeyMaterial\":\"" KEY_A "\"}", "gbaPushInfo is missing" },
		{ "{\"meKeyMaterial\":null,\"gbaPushInfo\":\"00\"}", "another type" },
		{ "{\"meKeyMaterial\":\"" KEY_A "\",\"meKeyMaterial\":\"" KEY_A
		  "\",\"gbaPushInfo\":\"00\"}",
			"twice" },
		{ "{\"meKeyMaterial\":\"" KEY_A "00\",\"gbaPushInfo\":\"00\"}", "meKeyMaterial" },
		{ "{\"meKeyMaterial\":\"" KEY_A "\",\"gbaPushInfo\":\"0\"}", "gbaPushInfo" },
		{ "{\"meKeyMaterial\":\"" KEY_A "\",\"gbaPushInfo\":\"0x\"}", "gbaPushInfo" },
		{ "{\"meKeyMaterial\":\"" KEY_A
		  "\",\"gbaPushInfo\":\"00\",\"uiccKeyMaterial\":\"\"}",
			"uiccKeyMaterial" },
		{ "{\"meKeyMaterial\":\"" KEY_A "\",\"gbaPushInfo\":\"00\",\"keyExpiryTime\":\"\"}",
			"keyExpiryTime" },
		{ "{\"meKeyMaterial\":\"" KEY_A
		  "\",\"gbaPushInfo\":\"00\",\"keyExpiryTime\":\"2030-01-01T00:00:00Z\\u0000\"}",
			"keyExpiryTime" },
	};
	struct bsf_keys k;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const char *const why = reads(bad[i].body, false, &k);
		if (!why || !strstr(why, bad[i].why))
			fail_msg("%s: %s", bad[i].body, why ? why : "taken");
	}
	const char *const why =
		reads("{\"meKeyMaterial\":\"" KEY_A "\",\"gbaPushInfo\":\"00\"}", true, &k);
	assert_non_null(why);
	assert_non_null(strstr(why, "uiccKeyMaterial is missing"));
}

static void test_the_longest_gpi(void **state)
{
	static char body[4096];
	struct bsf_keys k;
	(void)state;
	for (size_t len = GW_BSF_GPI_MAX - 1; len <= GW_BSF_GPI_MAX + 1; len++) {
		char *at = body + strlen(strcpy(body, "{\"meKeyMaterial\":\"" KEY_A "\","
						      "\"gbaPushInfo\":\""));
		memset(at, 'e', 2 * len);
		memcpy(at + 2 * len, "\"}", 3);
		const char *const why = reads(body, false, &k);
		assert_true((why == NULL) == (len <= GW_BSF_GPI_MAX));
		assert_int_equal(k.gpi_len, why ? 0 : len);
	}
}

static void test_dates(void **state)
{
	static const struct {
		const char *text;
		uint64_t s;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2000-02-29T12:00:00z", 951825600 },
		{ "2026-11-23T09:08:07.123456789Z", 1795424887 },
		{ "2026-11-23t11:08:07+02:00", 1795424887 },
		{ "2026-11-23T03:38:07-05:30", 1795424887 },
		{ "2016-12-31T23:59:60Z", 1483228800 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "2100-03-01T00:00:00Z", 4107542400 },
	};
	static const char *const bad[] = { "", "2026-11-23", "2026-11-23T09:08:07",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
		"2100-02-29T00:00:00Z", "2026-11-31T00:00:00Z", "2026-11-23T24:00:00Z",
		"2026-11-23T00:60:00Z", "2026-11-23T00:00:61Z", "2026-11-23T00:00:00.Z",
		"2026-11-23T00:00:00Zx", "2026-11-23T00:00:00+2:00", "1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01", "-026-11-23T00:00:00Z", "2026-11-23T00:00:00+24:00" };
	uint64_t ms;
	char text[BSF_DATE];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		if (!bsf_date_read(good[i].text, &ms))
			fail_msg("%s", good[i].text);
		assert_int_equal(ms, good[i].s * 1000);
		uint64_t again;
		bsf_date_write(ms, text);
		assert_true(bsf_date_read(text, &again));
		assert_int_equal(again, ms);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (bsf_date_read(bad[i], &ms))
			fail_msg("%s", bad[i]);
	}
	bsf_date_write(UINT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
	for (uint64_t s = 0; s < UINT64_C(86400) * 366 * 500; s += UINT64_C(86399) * 7) {
		uint64_t again;
		bsf_date_write(s * 1000, text);
		assert_true(bsf_date_read(text, &again));
		assert_int_equal(again, s * 1000);
	}
}

static void token(const char *body, const char *wanted, uint32_t expires_s, const char *why)
{
	struct bsf_token *const t = malloc(sizeof(*t));
	assert_non_null(t);
	const char *const said = bsf_token_read((const uint8_t *)body, strlen(body), t);
	if (!why && said)
		fail_msg("%s: %s", body, said);
	if (why && (!said || !strstr(said, why)))
		fail_msg("%s: %s", body, said ? said : "taken");
	assert_string_equal(t->text, wanted);
	assert_int_equal(t->expires_s, expires_s);
	free(t);
}

static void test_tokens(void **state)
{
	(void)state;
	token("{\"access_token\":\"a.b-c\",\"token_type\":\"BEARER\",\"expires_in\":3600}", "a.b-c",
		3600, NULL);
	token("{\"access_token\":\"a\"}", "a", 0, NULL);
	token("{\"access_token\":\"a\",\"expires_in\":\"60\"}", "a", 0, NULL);
	token("{\"access_token\":\"a\",\"expires_in\":1.5}", "a", 0, NULL);
	token("{\"access_token\":\"\"}", "", 0, "access_token");
	token("{\"access_token\":\"a b\"}", "", 0, "access_token");
	token("{\"access_token\":\"a\\r\\nX: y\"}", "", 0, "access_token");
	token("{\"access_token\":\"a\\u0000b\"}", "", 0, "access_token");
	token("{\"access_token\":\"a\",\"token_type\":\"bearers\"}", "", 0, "token_type");
	token("{\"access_token\":\"a\",\"token_type\":\"\"}", "", 0, "token_type");
	token("{\"access_token\":\"a\",\"expires_in\":-1}", "", 0, "expires_in");
	token("{\"access_token\":\"a\",\"expires_in\":99999999999}", "", 0, "expires_in");
	token("[]", "", 0, "no JSON");
}

static void test_problems(void **state)
{
	static const struct {
		const char *body, *wanted;
	} all[] = {
		{ "{\"status\":404,\"cause\":\"USER_NOT_FOUND\"}", "USER_NOT_FOUND" },
		{ "{\"cause\":\"a b\"}", "" },
		{ "{\"cause\":\"a\\n\"}", "" },
		{ "{\"cause\":5}", "" },
		{ "{\"cause\":\"" KEY_A "\"}", "" },
		{ "{}", "" },
		{ "", "" },
	};
	char out[BSF_PROBLEM_MAX + 1];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		bsf_problem_read((const uint8_t *)all[i].body, strlen(all[i].body), out);
		assert_string_equal(out, all[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request),
		cmocka_unit_test(test_a_form),
		cmocka_unit_test(test_an_answer),
		cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_the_longest_gpi),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_problems),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
