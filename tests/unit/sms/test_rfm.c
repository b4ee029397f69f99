/* SPDX-License-Identifier: Apache-2.0 */
/* Commands for a card, and its answers: those that others have published (tests/data/sms/rfm.txt),
   and what a file's content becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/rfm.h"

enum { OCTETS = 512, WORDS = 12 };

/* --- vectors ---------------------------------------------------------------------------------- */

static size_t octets(const char *hex, uint8_t *out)
{
	const size_t n = strcmp(hex, ".") == 0 ? 0 : strlen(hex) / 2;
	assert_true(n <= OCTETS);
	for (size_t i = 0; i < n; i++) {
		const char two[] = { hex[2 * i], hex[2 * i + 1], '\0' };
		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static enum rfm_fault fault_of(const char *word)
{
	static const char *const names[] = { "good", "malformed", "bad-format", "fewer",
		"refused" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(names[i], word) == 0)
			return (enum rfm_fault)i;
	}
	fail_msg("%s", word);
	return RFM_MALFORMED;
}

static void try_answer(char *const words[])
{
	uint8_t data[OCTETS], want[OCTETS];
	struct rfm_answer a;
	enum rfm_format f;
	assert_true(rfm_format_named(words[1], &f));
	const uint16_t commands = (uint16_t)strtoul(words[2], NULL, 10);
	const size_t len = octets(words[3], data);
	assert_int_equal(rfm_answer(f, commands, data, len, &a), fault_of(words[4]));
	assert_int_equal(a.executed, strtoul(words[5], NULL, 10));
	assert_int_equal(a.sw, strtoul(words[6], NULL, 16));
	assert_int_equal(a.len, octets(words[7], want));
	if (a.len > 0)
		assert_memory_equal(a.data, want, a.len);
	/* One octet less, or more, is another answer. */
	for (size_t n = 0; f != RFM_COMPACT && n < len; n++)
		assert_int_equal(rfm_answer(f, commands, data, n, &a), RFM_MALFORMED);
	if (f != RFM_COMPACT)
		assert_int_equal(rfm_answer(f, commands, data, len + 1, &a), RFM_MALFORMED);
}

static void try_command(char *const words[], size_t n)
{
	uint8_t want[OCTETS], apdu[OCTETS], out[OCTETS];
	enum rfm_format f;
	assert_true(rfm_format_named(words[1], &f));
	const size_t len = octets(words[2], want);
	struct rfm_script s = rfm_begin(f, out, len);
	for (size_t i = 3; i + 1 < n; i++)
		assert_true(rfm_add(&s, apdu, octets(words[i], apdu)));
	assert_int_equal(s.commands, n - 4);
	assert_int_equal(rfm_end(&s), len);
	assert_memory_equal(out, want, len);
	s = rfm_begin(f, out, len - 1);
	bool fit = true;
	for (size_t i = 3; i + 1 < n; i++)
		fit = fit && rfm_add(&s, apdu, octets(words[i], apdu));
	assert_false(fit);
}

static void try_vector(char *const words[], size_t len)
{
	(void)printf("%s %s %s\n", words[0], words[1], words[len - 1]);
	if (strcmp(words[0], "answer") == 0)
		try_answer(words);
	else
		try_command(words, len);
}

static void test_what_others_have_published(void **state)
{
	char line[4 * OCTETS];
	size_t n = 0;
	(void)state;
	FILE *const f = fopen("tests/data/sms/rfm.txt", "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		static char none[] = ".";
		char *words[WORDS], *rest = NULL;
		for (size_t i = 0; i < WORDS; i++)
			words[i] = none;
		size_t len = 0;
		if (line[0] == '#')
			continue;
		for (char *w = strtok_r(line, " \n", &rest); w && len < WORDS;
			w = strtok_r(NULL, " \n", &rest))
			words[len++] = w;
		assert_true(len > 3);
		try_vector(words, len);
		n++;
	}
	(void)fclose(f);
	assert_int_equal(n, 22);
}

/* --- commands --------------------------------------------------------------------------------- */

static void test_select_is_by_file_id_or_by_path(void **state)
{
	static const uint8_t path[] = { 0x7f, 0xff, 0x64, 0x32 };
	static const uint8_t by_path[] = { 0, 0xa4, 8, 0x0c, 4, 0x7f, 0xff, 0x64, 0x32 };
	static const uint8_t by_id[] = { 0, 0xa4, 0, 0x0c, 2, 0x64, 0x32 };
	uint8_t apdu[RFM_APDU_MAX];
	(void)state;
	assert_int_equal(rfm_select(path, 4, apdu), sizeof(by_path));
	assert_memory_equal(apdu, by_path, sizeof(by_path));
	assert_int_equal(rfm_select(path + 2, 2, apdu), sizeof(by_id));
	assert_memory_equal(apdu, by_id, sizeof(by_id));
	assert_int_equal(rfm_select(path, 0, apdu), 0);
	assert_int_equal(rfm_select(path, 3, apdu), 0);
	assert_int_equal(rfm_select(apdu, RFM_PATH_MAX + 2, apdu), 0);
}

static void test_update_has_its_bounds(void **state)
{
	static const uint8_t data[300] = { 1, 2, 3 };
	static const uint8_t want[] = { 0, 0xd6, 0x7f, 0xff, 3, 1, 2, 3 };
	uint8_t apdu[RFM_APDU_MAX];
	(void)state;
	assert_int_equal(rfm_update(0x7fff, data, 3, apdu), sizeof(want));
	assert_memory_equal(apdu, want, sizeof(want));
	assert_int_equal(rfm_update(0x8000, data, 3, apdu), 0);
	assert_int_equal(rfm_update(0, data, 0, apdu), 0);
	assert_int_equal(rfm_update(0, data, 255, apdu), 260);
	assert_int_equal(rfm_update(0, data, 256, apdu), 0);
}

/* What a card would have after a script: commands are told apart by their own lengths. */
static size_t apply(const uint8_t *apdus, size_t len, uint8_t *file)
{
	size_t n = 0;
	for (size_t at = 0; at < len; n++) {
		const uint8_t *const a = apdus + at;
		assert_true(len - at >= 5 && a[0] == 0 && a[1] == 0xd6);
		assert_true(len - at >= (size_t)5 + a[4]);
		memcpy(file + (((size_t)a[2] << 8) | a[3]), a + 5, a[4]);
		at += (size_t)5 + a[4];
	}
	return n;
}

static void test_a_file_is_cut_as_the_packet_has_room(void **state)
{
	uint8_t data[700], out[800], file[800];
	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t cap = 0; cap < sizeof(out); cap++) {
		struct rfm_script s = rfm_begin(RFM_COMPACT, out, cap);
		memset(file, 0, sizeof(file));
		const size_t done = rfm_update_all(&s, 16, data, sizeof(data));
		const size_t most = (sizeof(data) + 254) / 255 * 5 + sizeof(data);
		assert_int_equal(s.len, rfm_end(&s));
		assert_true(s.len <= cap);
		assert_int_equal(apply(out, s.len, file), s.commands);
		assert_memory_equal(file + 16, data, done);
		assert_int_equal(done > 0, cap > 5);
		assert_int_equal(done == sizeof(data), cap >= most);
		/* All room is used, but for what one more command would need. */
		if (done < sizeof(data))
			assert_true(cap - s.len <= 5);
	}
	struct rfm_script s = rfm_begin(RFM_COMPACT, out, sizeof(out));
	assert_int_equal(rfm_update_all(&s, 0x7ff0, data, 20), 20); /* to 8003: begun below 8000 */
	s = rfm_begin(RFM_COMPACT, out, sizeof(out));
	assert_int_equal(rfm_update_all(&s, 0x8000, data, 20), 0);
}

/* Each way to write a length, at its edges: the rest always fits exactly. */
static void test_expanded_lengths_fit_to_the_octet(void **state)
{
	uint8_t data[255], apdu[RFM_APDU_MAX], out[600];
	(void)state;
	memset(data, 0x5a, sizeof(data));
	for (int f = RFM_EXPANDED; f <= RFM_INDEFINITE; f++) {
		for (size_t n = 1; n <= 255; n++) {
			struct rfm_script s = rfm_begin((enum rfm_format)f, out, sizeof(out));
			const size_t len = rfm_update(0, data, n, apdu);
			assert_true(rfm_add(&s, apdu, len));
			const size_t all = rfm_end(&s);
			s = rfm_begin((enum rfm_format)f, out, all);
			assert_true(rfm_add(&s, apdu, len));
			assert_int_equal(rfm_end(&s), all);
			s = rfm_begin((enum rfm_format)f, out, all - 1);
			assert_false(rfm_add(&s, apdu, len));
			assert_int_equal(rfm_end(&s), 0);
		}
	}
	assert_int_equal(out[0], 0xae);
}

static void test_what_is_no_apdu_is_not_sent(void **state)
{
	static const uint8_t four[] = { 0, 0x70, 0x80, 1 };
	static const uint8_t wrong[] = { 0, 0xd6, 0, 0, 3, 1, 2 };
	static const uint8_t empty[] = { 0, 0xd6, 0, 0, 0, 1 };
	uint8_t out[64];
	(void)state;
	struct rfm_script s = rfm_begin(RFM_COMPACT, out, sizeof(out));
	assert_false(rfm_add(&s, four, sizeof(four))); /* its end could not be known */
	assert_false(rfm_add(&s, wrong, sizeof(wrong)));
	assert_false(rfm_add(&s, empty, sizeof(empty)));
	assert_false(rfm_add(&s, wrong, 3));
	assert_int_equal(rfm_end(&s), 0);
	s = rfm_begin(RFM_EXPANDED, out, sizeof(out));
	assert_true(rfm_add(&s, four, sizeof(four)));
}

static void test_opaque_commands_go_as_they_are_in_as_many_packets_as_it_takes(void **state)
{
	static const uint8_t list[] = { 0, 7, 0x80, 0xe6, 0x0c, 0, 2, 0xaa, 0xbb, 0, 5, 0x80, 0xf2,
		0x40, 0, 0, 0, 6, 0x80, 0xe4, 0, 0, 1, 0x4f };
	uint8_t out[64];
	size_t at = 0;
	(void)state;
	struct rfm_script s = rfm_begin(RFM_COMPACT, out, 12);
	assert_true(rfm_opaque(&s, list, sizeof(list), &at));
	assert_int_equal(rfm_end(&s), 12);
	assert_memory_equal(out, list + 2, 7);
	assert_memory_equal(out + 7, list + 11, 5);
	assert_int_equal(at, 16);
	s = rfm_begin(RFM_COMPACT, out, 12);
	assert_true(rfm_opaque(&s, list, sizeof(list), &at));
	assert_int_equal(at, sizeof(list));
	assert_int_equal(rfm_end(&s), 6);
	at = 0;
	s = rfm_begin(RFM_COMPACT, out, 6);
	assert_false(rfm_opaque(&s, list, sizeof(list), &at)); /* the first alone is too long */
	s = rfm_begin(RFM_COMPACT, out, sizeof(out));
	assert_false(rfm_opaque(&s, list, sizeof(list) - 1, &at));
}

/* --- answers ---------------------------------------------------------------------------------- */

static void refused(enum rfm_format f, uint16_t commands, const uint8_t *data, size_t len)
{
	struct rfm_answer a;
	assert_int_equal(rfm_answer(f, commands, data, len, &a), RFM_MALFORMED);
	assert_true(a.executed == 0 && a.sw == 0 && a.len == 0 && a.data == NULL);
}

static void test_what_no_card_answers_is_malformed(void **state)
{
	static const uint8_t more[] = { 3, 0x90, 0 };
	static const uint8_t twice[] = { 0xab, 10, 0x80, 1, 1, 0x80, 1, 1, 0x23, 2, 0x90, 0 };
	static const uint8_t none[] = { 0xab, 3, 0x80, 1, 1 };
	static const uint8_t short_one[] = { 0xab, 3, 0x23, 1, 0x90 };
	static const uint8_t behind[] = { 0xaf, 0x80, 0x23, 2, 0x90, 0, 0, 0, 0 };
	static const uint8_t open[] = { 0xaf, 0x80, 0x23, 2, 0x90, 0 };
	static const uint8_t other[] = { 0xab, 4, 0x24, 2, 0x90, 0 };
	(void)state;
	refused(RFM_COMPACT, 2, more, sizeof(more)); /* more than it was given */
	refused(RFM_COMPACT, 2, more, 2);
	refused(RFM_COMPACT, 2, NULL, 0);
	refused(RFM_EXPANDED, 1, twice, sizeof(twice));
	refused(RFM_EXPANDED, 1, none, sizeof(none));
	refused(RFM_EXPANDED, 1, short_one, sizeof(short_one));
	refused(RFM_EXPANDED, 1, behind, sizeof(behind));
	refused(RFM_EXPANDED, 1, open, sizeof(open));
	refused(RFM_EXPANDED, 1, other, sizeof(other));
	refused(RFM_EXPANDED, 1, NULL, 0);
}

/* The first command that fails is the cause, not the last status word. */
static void test_the_first_refusal_counts(void **state)
{
	static const uint8_t said[] = { 0xab, 11, 0x80, 1, 2, 0x23, 2, 0x69, 0x82, 0x23, 2, 0x90,
		0 };
	struct rfm_answer a;
	(void)state;
	assert_int_equal(rfm_answer(RFM_EXPANDED, 2, said, sizeof(said), &a), RFM_REFUSED);
	assert_int_equal(a.sw, 0x6982);
	assert_non_null(strstr(rfm_why(a.sw), "6982"));
	assert_string_equal(rfm_why(0x1234), "the card refuses");
}

static void test_which_status_words_are_good(void **state)
{
	static const uint16_t good[] = { 0x9000, 0x9110, 0x6105, 0x9f10, 0x9203, 0x63c2 };
	static const uint16_t bad[] = { 0x6982, 0x6a82, 0x9240, 0x6300, 0x63d0, 0x62f1, 0x6282, 0,
		0x9001 };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(rfm_is_good(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(rfm_is_good(bad[i]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_others_have_published),
		cmocka_unit_test(test_select_is_by_file_id_or_by_path),
		cmocka_unit_test(test_update_has_its_bounds),
		cmocka_unit_test(test_a_file_is_cut_as_the_packet_has_room),
		cmocka_unit_test(test_expanded_lengths_fit_to_the_octet),
		cmocka_unit_test(test_what_is_no_apdu_is_not_sent),
		cmocka_unit_test(
			test_opaque_commands_go_as_they_are_in_as_many_packets_as_it_takes),
		cmocka_unit_test(test_what_no_card_answers_is_malformed),
		cmocka_unit_test(test_the_first_refusal_counts),
		cmocka_unit_test(test_which_status_words_are_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
