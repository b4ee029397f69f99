/* SPDX-License-Identifier: Apache-2.0 */
/* What of a bootstrap is to be learned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/unit/learn/talk.h"
#include "tests/unit/learn/vectors.h"

static void test_S31_what_leshan_writes_is_found_in_each_format(void **state)
{
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		const struct vector *const v = &vectors[i];
		const bool raw = strcmp(v->name, "raw") == 0,
			   psk = strcmp(v->name, "instance") == 0;
		if (!raw && !psk)
			continue;
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		expect_nothing(NULL);
		write_octets((uint16_t)v->format, raw ? "/0/2" : "/0/1", octets_of(v->hex));
		assert_int_equal(ask_finish(7, "f"), LEARN_FINISHES);
		assert_true(learn_watch_found(watch, &found));
		assert_int_equal(found.mode, raw ? LEARN_RAW_KEY : LEARN_PSK);
		assert_int_equal(found.identity.len, raw ? 300 : 5);
		assert_int_equal(found.key.len, raw ? 0 : 16);
		assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 7, "f"), LEARN_FINISHED);
	}
}

static void test_S31_a_write_counts_when_the_device_has_answered_it(void **state)
{
	(void)state;
	(void)text_of(ours);
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
	expect_nothing("the last Write was not answered");
	/* Answers to something else. */
	(void)answer(PDU_ACK, PDU_CHANGED, mid, "x");
	(void)answer(PDU_ACK, PDU_CHANGED, (uint16_t)(mid + 1), "w");
	expect_nothing("the last Write was not answered");
	(void)answer(PDU_CON, PDU_CHANGED, 9, "w"); /* a separate one */
	expect_found();
	(void)answer(PDU_ACK, PDU_BAD_REQUEST, mid, "w"); /* too late */
	expect_found();
}

static void test_S31_what_the_device_refuses_was_not_written(void **state)
{
	(void)state;
	(void)text_of(ours);
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
	(void)answer(PDU_ACK, PDU_BAD_REQUEST, mid, "w");
	expect_nothing(NULL);
	write_text("/0/1", ours);
	expect_found();
}

static void test_S31_an_answer_that_says_not_what_was_done_leaves_nothing_known(void **state)
{
	static const uint8_t codes[] = { PDU_CREATED, PDU_DELETED, PDU_CONTINUE, 0x45,
		PDU_BAD_GATEWAY };
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		write_text("/0/1", ours);
		(void)text_of(ours);
		ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
		(void)answer(PDU_NON, codes[i], 9, "w");
		if (codes[i] == PDU_CONTINUE) /* of no block: of another one */
			expect_nothing("the last Write was not answered");
		else
			expect_nothing("the device's answer does not say what it did");
		(void)answer(PDU_NON, PDU_CHANGED, 10, "w");
		write_text("/0/2", ACCOUNT("2", "coaps://gw.example"));
		if (codes[i] != PDU_CONTINUE)
			expect_nothing("the device's answer does not say what it did");
	}
}

static void test_S31_only_the_account_of_this_gateway_is_learned(void **state)
{
	static const char *const others[] = { ACCOUNT("2", "coaps://gw.example:5685"),
		ACCOUNT("2", "coap://gw.example:5684"), ACCOUNT("2", "coaps://gw.example.com"),
		ACCOUNT("2", "coaps://gw.example/x"), ACCOUNT("2", ""),
		BASE("2") "{\"n\":\"0\",\"vs\":\"coaps://"
			  "gw.example\"},{\"n\":\"1\",\"vb\":true}" KEYS("0") "]" };
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		write_text("/0", others[i]);
		expect_nothing(NULL);
		write_text("/0", ours);
		expect_found();
	}
	write_text("/0/3", ACCOUNT("3", "coaps://[2001:DB8:0::1]"));
	expect_nothing("two accounts are of this gateway");
	erase("/0/1", PDU_DELETED);
	expect_found();
}

static void test_S31_what_says_not_what_the_device_is_to_prove_is_not_learned(void **state)
{
	static const char *const texts[][2] = {
		{ BASE("1") SERVER("coaps://gw.example") KEYS("3") "]", "has no security" },
		{ BASE("1") SERVER("coaps://gw.example") KEYS("4") "]", "gets its certificate" },
		{ BASE("1") SERVER("coaps://gw.example") "]", "is not whole" },
		{ BASE("1") "{\"n\":\"0\",\"vs\":\"coaps://gw.example\"}" KEYS("0") "]",
			"is not whole" },
		{ BASE("1") SERVER("coaps://gw.example") ",{\"n\":\"2\",\"v\":0},{\"n\":\"3\","
							 "\"vd\":\"YWJj\"}]",
			"has no credential" },
		{ BASE("1") SERVER("coaps://gw.example") ",{\"n\":\"2\",\"v\":0},{\"n\":\"5\","
							 "\"vd\":\"YWJj\"}]",
			"has no credential" },
		{ BASE("1") SERVER("coaps://gw.example") ",{\"n\":\"2\",\"v\":1},{\"n\":\"3\","
							 "\"vd\":\"\"}]",
			"has no credential" },
		{ BASE("1") SERVER("coaps://gw.example") ",{\"n\":\"2\",\"v\":0},{\"n\":\"3\","
							 "\"vd\":\"YWJj\"},{\"n\":\"5\","
							 "\"vd\":\"\"}]",
			"has no credential" },
		{ BASE("1") "{\"n\":\"5\",\"vd\":\"YWJj\"}]", "without its server's URI" },
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		write_text("/0", texts[i][0]);
		expect_nothing(texts[i][1]);
	}
	write_text("/0/2", ACCOUNT("2", "coaps://gw.example"));
	expect_found(); /* another's part is another's */
}

static void test_S31_a_certificate_needs_no_key(void **state)
{
	(void)state;
	write_text("/0/1", BASE("1") SERVER("coaps://gw.example") KEYS("2") "]");
	assert_true(learn_watch_found(watch, &found));
	assert_int_equal(found.mode, LEARN_CERTIFICATE);
	assert_int_equal(found.identity.len, 3);
	assert_int_equal(found.key.len, 0);
}

static void test_S31_an_account_can_be_written_in_parts(void **state)
{
	(void)state;
	write_text("/0/1", BASE("1") SERVER("coaps://gw.example") KEYS("0") "]");
	write_octets(LEARN_OPAQUE, "/0/1/5", text_of("newer"));
	assert_true(learn_watch_found(watch, &found));
	assert_int_equal(found.key.len, 5);
	assert_memory_equal(found.key.octets, "newer", 5);
	assert_memory_equal(found.identity.octets, "abc", 3);
	write_text("/0/1", ours); /* all of it anew */
	expect_found();
	write_text("/0", BASE("1") SERVER("coaps://gw.example") "]");
	expect_nothing("an account was written again with less in it");
}

static void test_S31_what_is_deleted_is_not_learned(void **state)
{
	static const char *const all[] = { "/", "/0", "/0/1" };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		write_text("/0", ours);
		expect_found();
		erase("/0/2", PDU_DELETED);
		erase("/1", PDU_DELETED);
		erase("/00/7", PDU_DELETED);
		expect_found();
		erase(all[i], PDU_BAD_REQUEST);
		expect_found();
		erase(all[i], PDU_DELETED);
		expect_nothing(NULL);
	}
	write_text("/0", ours);
	erase("/0/1/5", PDU_DELETED);
	expect_nothing("a part of an account was deleted");
	assert_int_equal(talk_end(state), 0);
	assert_int_equal(talk_begin(state), 0);
	write_text("/0", ours);
	erase("/0/2", PDU_CHANGED);
	expect_nothing("the device's answer does not say what it did");
}

static void test_R224_without_URIs_nothing_is_found(void **state)
{
	assert_int_equal(talk_end(state), 0);
	watch = learn_watch_new(NULL, 0);
	assert_non_null(watch);
	write_text("/0/1", ours);
	expect_nothing(NULL);
	learn_watch_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, talk_begin, talk_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_S31_what_leshan_writes_is_found_in_each_format),
		TEST(test_S31_a_write_counts_when_the_device_has_answered_it),
		TEST(test_S31_what_the_device_refuses_was_not_written),
		TEST(test_S31_an_answer_that_says_not_what_was_done_leaves_nothing_known),
		TEST(test_S31_only_the_account_of_this_gateway_is_learned),
		TEST(test_S31_what_says_not_what_the_device_is_to_prove_is_not_learned),
		TEST(test_S31_a_certificate_needs_no_key),
		TEST(test_S31_an_account_can_be_written_in_parts),
		TEST(test_S31_what_is_deleted_is_not_learned),
		TEST(test_R224_without_URIs_nothing_is_found),
	};
	return cmocka_run_group_tests_name("learn/watch", tests, NULL, NULL);
}
