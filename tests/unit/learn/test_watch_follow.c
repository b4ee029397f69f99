/* SPDX-License-Identifier: Apache-2.0 */
/* What of a bootstrap cannot be followed, and its Finish. */
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

/* --- what cannot be followed ------------------------------------------------------------------ */

static void test_S31_what_cannot_be_read_is_never_guessed(void **state)
{
	static const struct {
		const char *path, *text;
		uint16_t format;
	} rows[] = {
		{ "/0/1", "[", LEARN_SENML_JSON },
		{ "/0/1", "[]", 0xffff },
		{ "/0/1", "[]", 1542 },
		{ "/0/1/5/0", "a", LEARN_OPAQUE },
		{ "/0/2", ACCOUNT("1", "coaps://gw.example"), LEARN_SENML_JSON },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		write_text("/0/1", ours);
		write_octets(rows[i].format, rows[i].path, text_of(rows[i].text));
		expect_nothing("a Write could not be read");
		write_text("/0/1", ours); /* what else the device has is not known */
		expect_nothing("a Write could not be read");
	}
}

static void test_S31_a_request_that_is_no_write_leaves_nothing_known(void **state)
{
	static const struct {
		uint8_t code;
		const char *segments[4];
	} rows[] = {
		{ PDU_POST, { "0", "1" } },
		{ 6, { "0" } },
		{ 7, { NULL } },
		{ PUT, { NULL } },
		{ PDU_POST, { NULL } },
		{ PUT, { "0", "", "1" } },
		{ PUT, { "0/1" } },
		{ PUT, { "00", "1", ".." } },
		{ PUT, { "0", "x" } },
		{ PUT, { "", "0" } },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(talk_end(state), 0);
		assert_int_equal(talk_begin(state), 0);
		write_text("/0/1", ours);
		talk_start(PDU_CON, rows[i].code, ++mid, "p");
		for (size_t k = 0; rows[i].segments[k]; k++)
			option(PDU_URI_PATH, rows[i].segments[k], strlen(rows[i].segments[k]));
		(void)asked();
		expect_nothing("a request was no Write to an account");
	}
}

static void test_S31_what_is_done_elsewhere_changes_nothing(void **state)
{
	static const struct {
		uint8_t code;
		const char *path;
	} rows[] = { { GET, "/0" }, { 5, "/0/1" }, { PUT, "/1/0" }, { PDU_POST, "/1/0/8" },
		{ PDU_DELETE, "/1" }, { PUT, "/10/0" }, { PDU_DELETE, "/3/0/0/0/0" },
		{ PDU_POST, "/rd" }, { 6, "/05/0" } };
	(void)state;
	write_text("/0/1", ours);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		talk_start(PDU_CON, rows[i].code, ++mid, "e");
		option_path(rows[i].path);
		assert_int_equal(asked(), LEARN_PASSES);
		expect_found();
	}
	/* Also while an answer is awaited, under another token. */
	(void)text_of(ours);
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
	const uint16_t written = mid;
	talk_start(PDU_CON, GET, ++mid, "e");
	(void)asked();
	(void)answer(PDU_ACK, 0x45, mid, "e");
	(void)answer(PDU_ACK, PDU_CHANGED, written, "w");
	expect_found();
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
	talk_start(PDU_CON, GET, ++mid, "w");
	(void)asked();
	expect_nothing("an answer might be to either of two requests");
}

static void test_S31_a_write_beside_another_leaves_nothing_known(void **state)
{
	(void)state;
	(void)text_of(ours);
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
	(void)answer(PDU_ACK, PDU_CHANGED, mid, "w");
	expect_nothing("a Write came before the last was answered");
}

static void test_S31_copies_do_nothing(void **state)
{
	(void)state;
	(void)text_of(ours);
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
	const struct message first = talk_message;
	const uint16_t id = mid;
	(void)asked();
	(void)answer(PDU_ACK, PDU_CHANGED, id, "w");
	expect_found();
	talk_message = first;
	(void)asked(); /* the answer was lost */
	expect_found();
	(void)answer(PDU_ACK, PDU_CHANGED, id, "w");
	erase("/0/1", PDU_DELETED);
	talk_message = first;
	(void)asked(); /* late */
	expect_nothing(NULL);
	/* With another token it is another request. */
	talk_start(PDU_CON, PDU_DELETE, id, "e");
	option_path("/0");
	(void)asked();
	expect_nothing("the last Write was not answered");
}

static void test_S31_four_accounts_and_no_more(void **state)
{
	char path[8], text[512];
	(void)state;
	for (unsigned i = 0; i <= LEARN_ACCOUNTS; i++) {
		(void)snprintf(path, sizeof(path), "/0/%u", i);
		(void)snprintf(text, sizeof(text),
			"[{\"bn\":\"/0/%u/\",\"n\":\"10\",\"v\":300}," SERVER("%s") KEYS("0") "]",
			i, i == 1 ? "coaps://gw.example" : "coaps://else.example");
		write_text(path, text);
		if (i >= 1 && i < LEARN_ACCOUNTS)
			expect_found();
	}
	expect_nothing("there are too many accounts");
}

/* --- Finish ----------------------------------------------------------------------------------- */

static void test_S31_the_devices_2_04_to_the_finish_finishes(void **state)
{
	(void)state;
	write_text("/0/1", ours);
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 7, "f"), LEARN_PASSES);
	assert_int_equal(ask_finish(7, "f"), LEARN_FINISHES);
	expect_found();
	assert_int_equal(ask_finish(7, "f"), LEARN_FINISHES); /* a copy */
	expect_found();
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 8, "f"), LEARN_PASSES);
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 7, "g"), LEARN_PASSES);
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 7, "f"), LEARN_FINISHED);
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 7, "f"), LEARN_PASSES);
	expect_found();
}

static void test_S31_another_answer_to_the_finish_breaks(void **state)
{
	(void)state;
	write_text("/0/1", ours);
	assert_int_equal(ask_finish(7, "f"), LEARN_FINISHES);
	assert_int_equal(answer(PDU_CON, 0x86, 9, "f"), LEARN_BREAKS);
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 7, "f"), LEARN_PASSES);
	assert_int_equal(ask_finish(10, "g"), LEARN_FINISHES);
	assert_int_equal(answer(PDU_NON, PDU_CHANGED, 11, "g"), LEARN_FINISHED);
}

static void test_S31_a_finish_before_a_change_does_not_speak_for_it(void **state)
{
	(void)state;
	write_text("/0/1", ours);
	assert_int_equal(ask_finish(7, "f"), LEARN_FINISHES);
	write_text("/0/1", ours);
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 7, "f"), LEARN_PASSES);
	assert_int_equal(ask_finish(8, "g"), LEARN_FINISHES);
	expect_found();
	assert_int_equal(answer(PDU_ACK, PDU_CHANGED, 8, "g"), LEARN_FINISHED);
}

static void test_S31_a_finish_before_the_last_answer_leaves_nothing_known(void **state)
{
	(void)state;
	write_text("/0/1", ours);
	ask_octets(LEARN_SENML_JSON, "/0/1", 0, strlen(ours), UINT32_MAX);
	const uint16_t id = mid;
	assert_int_equal(ask_finish(7, "f"), LEARN_FINISHES);
	expect_nothing("the last Write was not answered");
	(void)answer(PDU_ACK, PDU_CHANGED, id, "w");
	expect_nothing("the last Write was not answered");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, talk_begin, talk_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_S31_what_cannot_be_read_is_never_guessed),
		TEST(test_S31_a_request_that_is_no_write_leaves_nothing_known),
		TEST(test_S31_what_is_done_elsewhere_changes_nothing),
		TEST(test_S31_a_write_beside_another_leaves_nothing_known),
		TEST(test_S31_copies_do_nothing),
		TEST(test_S31_four_accounts_and_no_more),
		TEST(test_S31_the_devices_2_04_to_the_finish_finishes),
		TEST(test_S31_another_answer_to_the_finish_breaks),
		TEST(test_S31_a_finish_before_a_change_does_not_speak_for_it),
		TEST(test_S31_a_finish_before_the_last_answer_leaves_nothing_known),
	};
	return cmocka_run_group_tests_name(
		"learn/watch: what cannot be followed", tests, NULL, NULL);
}
