/* SPDX-License-Identifier: Apache-2.0 */
/* The file that a device bootstraps from: what is read of it, and keys put into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/efbootstrap.h"

/* Of Nordic's sdk-nrf, unit test of its UICC LwM2M library: one account, NoSec, and an unused
   tail. */
static const uint8_t nordic[] = { 0x00, 0x01, 0x00, 0x36, 0x00, 0x00, 0x00, 0x00, 0x31, 0x08, 0x00,
	0x2e, 0xc8, 0x00, 0x25, 'c', 'o', 'a', 'p', ':', '/', '/', 'l', 'e', 's', 'h', 'a', 'n',
	'.', 'e', 'c', 'l', 'i', 'p', 's', 'e', 'p', 'r', 'o', 'j', 'e', 'c', 't', 's', '.', 'i',
	'o', ':', '5', '7', '8', '3', 0xc1, 0x01, 0x01, 0xc1, 0x02, 0x03, 0xff, 0xff };

/* Two objects: accounts 0 (bootstrap server), 1 (server, secured packets, with a resource that
   nobody knows, 17, and a resource 2 whose length is written longer than it need be), and a Server
   object of version 1.1. */
static const uint8_t two[] = { 0x00, 0x02, 0x00, 0x48, 0x00, 0x00, 0x00, 0x00, 0x38, 0x08, 0x00,
	0x0b, 0xc4, 0x00, 'b', 's', ':', '1', 0xc1, 0x01, 0x01, 0x80, 0x14, 0x08, 0x01, 0x27, 0xc4,
	0x00, 's', 'm', 's', ':', 0xc1, 0x01, 0x00, 0xc8, 0x02, 0x01, 0x03, 0xc1, 0x06, 0x02, 0xc6,
	0x07, 0x12, 0x12, 0x16, 0xb2, 0x02, 0x03, 0xc3, 0x11, 0xaa, 0xbb, 0xcc, 0xc5, 0x09, '4',
	'9', '1', '5', '1', 0xc1, 0x0a, 0x65, 0x00, 0x01, 0x01, 0x01, 0x00, 0x05, 0x02, 0x00, 0xc1,
	0x00, 0x65, 0xff, 0xff, 0xff };

static struct ef_account keys(uint8_t mode, const char *number)
{
	struct ef_account a = { .mode = mode, .params_len = 7, .key_len = 32 };
	static const uint8_t params[] = { 0x12, 0x12, 0x16, 0x39, 0xbf, 0xff, 0x01 };
	memcpy(a.params, params, sizeof(params));
	for (uint8_t i = 0; i < a.key_len; i++)
		a.key[i] = (uint8_t)(0x80 + i);
	memcpy(a.number, number, strlen(number));
	return a;
}

static void same(const struct ef_account *got, const struct ef_account *want)
{
	assert_int_equal(got->mode, want->mode);
	assert_int_equal(got->params_len, want->params_len);
	assert_memory_equal(got->params, want->params, want->params_len);
	assert_int_equal(got->key_len, want->key_len);
	assert_memory_equal(got->key, want->key, want->key_len);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void test_what_another_project_reads(void **state)
{
	struct ef_bootstrap f;
	struct ef_account a;
	const char *why = NULL;
	(void)state;
	assert_true(ef_read(nordic, sizeof(nordic), &f));
	assert_int_equal(f.len, 1);
	assert_int_equal(f.used, sizeof(nordic) - 2);
	assert_int_equal(f.objects[0].id, 0);
	assert_int_equal(f.objects[0].major, 0);
	assert_int_equal(f.objects[0].len, 49);
	assert_false(f.bare);
	assert_false(ef_account(nordic, sizeof(nordic), "", &a, &why)); /* a bootstrap server's */
	assert_non_null(strstr(why, "no account"));
}

static void test_objects_of_both_kinds_of_versions(void **state)
{
	struct ef_bootstrap f;
	struct ef_account a;
	const char *why = NULL;
	(void)state;
	assert_true(ef_read(two, sizeof(two), &f));
	assert_int_equal(f.len, 2);
	assert_int_equal(f.objects[1].id, 1);
	assert_int_equal(f.objects[1].major, 1);
	assert_int_equal(f.objects[1].minor, 1);
	assert_int_equal(f.objects[1].len, 5);
	assert_true(ef_account(two, sizeof(two), NULL, &a, &why));
	assert_int_equal(a.instance, 1);
	assert_int_equal(a.mode, 2);
	assert_int_equal(a.params_len, 6);
	assert_int_equal(a.key_len, 0);
	assert_string_equal(a.number, "49151");
}

/* Some write no octet for the version at all: their lengths fit in that way only. */
static void test_a_file_without_versions(void **state)
{
	static const uint8_t bare[] = { 0, 1, 0, 12, 0, 0, 0, 8, 0x06, 0x00, 0xc1, 0x01, 0x00, 0xc1,
		0x06, 0x02 };
	uint8_t out[256];
	struct ef_bootstrap f;
	struct ef_account a = keys(2, ""), got;
	const char *why = NULL;
	(void)state;
	assert_true(ef_read(bare, sizeof(bare), &f));
	assert_true(f.bare);
	assert_int_equal(f.objects[0].len, 8);
	const size_t n = ef_write(bare, sizeof(bare), &a, NULL, out, sizeof(out), &why);
	assert_true(n > 0 && ef_read(out, n, &f) && f.bare);
	assert_true(ef_account(out, n, NULL, &got, &why));
	same(&got, &a);
}

static void test_an_erased_file_has_nothing(void **state)
{
	static const uint8_t blank[] = { 0, 0, 0, 0, 0xff, 0xff };
	struct ef_bootstrap f;
	uint8_t erased[40];
	(void)state;
	memset(erased, 0xff, sizeof(erased));
	assert_true(ef_read(erased, sizeof(erased), &f) && f.len == 0 && f.used == 0);
	assert_true(ef_read(NULL, 0, &f) && f.len == 0);
	assert_true(ef_read(blank, sizeof(blank), &f) && f.len == 0 && f.used == 4);
}

static void test_lengths_that_disagree_are_refused(void **state)
{
	uint8_t file[sizeof(two)];
	struct ef_bootstrap f;
	(void)state;
	for (size_t n = 1; n < sizeof(two) - 3; n++)
		assert_false(ef_read(two, n, &f) && n > 0);
	static const size_t at[] = { 1, 3, 8, sizeof(two) - 9 };
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		for (int by = -1; by <= 1; by += 2) {
			memcpy(file, two, sizeof(two));
			file[at[i]] = (uint8_t)(file[at[i]] + by);
			assert_false(ef_read(file, sizeof(file) - 3, &f));
			assert_int_equal(f.len, 0);
		}
	}
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The octets of `from` are in `in`, in one piece. */
static bool has(const uint8_t *in, size_t in_len, const uint8_t *from, size_t len)
{
	return memmem(in, in_len, from, len) != NULL;
}

static void test_R311_only_the_keys_change(void **state)
{
	struct ef_account a = keys(2, "49151"), got;
	struct ef_bootstrap f;
	uint8_t out[256];
	const char *why = NULL;
	(void)state;
	const size_t n = ef_write(two, sizeof(two), &a, NULL, out, sizeof(out), &why);
	/* One octet more in 7, and 8 with its head. */
	assert_int_equal(n, sizeof(two) - 3 + 1 + 3 + 32);
	assert_true(ef_read(out, n, &f));
	assert_int_equal(f.used, n);
	assert_true(ef_account(out, n, NULL, &got, &why));
	assert_int_equal(got.instance, 1);
	same(&got, &a);
	/* What was there: the other account, what nobody knows, lengths as they were written, and
	   the other object. */
	assert_true(has(out, n, two + 9, 14));
	assert_true(has(out, n, two + 26, 13 + 3));
	assert_true(has(out, n, two + 50, 5 + 7 + 3));
	assert_true(has(out, n, two + 65, 11));
}

static void test_keys_that_are_replaced_leave_all_else_where_it_is(void **state)
{
	struct ef_account a = keys(2, "49151"), b = a;
	uint8_t first[256], second[256];
	const char *why = NULL;
	size_t differ = 0;
	(void)state;
	memset(b.key, 0x33, b.key_len);
	const size_t n = ef_write(two, sizeof(two), &a, NULL, first, sizeof(first), &why);
	assert_int_equal(ef_write(first, n, &b, NULL, second, sizeof(second), &why), n);
	for (size_t i = 0; i < n; i++)
		differ += first[i] != second[i];
	assert_int_equal(differ, b.key_len);
}

static void test_nothing_of_longer_keys_stays_behind(void **state)
{
	struct ef_account a = keys(2, "49151"), b = keys(2, "49151");
	uint8_t first[256], second[256];
	struct ef_bootstrap f;
	const char *why = NULL;
	(void)state;
	a.key_len = 64;
	memset(a.key, 0x77, a.key_len);
	const size_t n = ef_write(two, sizeof(two), &a, NULL, first, sizeof(first), &why);
	memset(second, 0x77, sizeof(second)); /* as the card has it still */
	assert_int_equal(ef_write(first, n, &b, NULL, second, sizeof(second), &why), n);
	assert_true(ef_read(second, n, &f));
	assert_int_equal(f.used, n - 32);
	for (size_t i = f.used; i < n; i++)
		assert_int_equal(second[i], 0xff);
	assert_null(memchr(second, 0x77, n));
}

static void test_an_erased_file_gets_an_account(void **state)
{
	static const struct ef_new fresh = { "sms:+4915112345678", 101 };
	static const uint8_t want[] = { 0, 1, 0, 0x56, 0, 0, 0, 0, 0x51, 0x08, 0x00, 0x4e, 0xc8,
		0x00, 0x12, 's', 'm', 's', ':', '+', '4', '9', '1', '5', '1', '1', '2', '3', '4',
		'5', '6', '7', '8', 0xc1, 0x01, 0x00, 0xc1, 0x02, 0x03, 0xc2, 0x06, 0x00, 0xcc,
		0xc7, 0x07, 0x12, 0x12, 0x16, 0x39, 0xbf, 0xff, 0x01, 0xc8, 0x08, 0x20 };
	const struct ef_account a = keys(204, "");
	struct ef_account got;
	uint8_t erased[64], out[128];
	const char *why = NULL;
	(void)state;
	memset(erased, 0xff, sizeof(erased));
	assert_int_equal(ef_write(erased, sizeof(erased), &a, NULL, out, sizeof(out), &why), 0);
	assert_non_null(why);
	const size_t n = ef_write(erased, sizeof(erased), &a, &fresh, out, sizeof(out), &why);
	assert_int_equal(n, sizeof(want) + 32 + 3);
	assert_memory_equal(out, want, sizeof(want));
	assert_memory_equal(out + n - 3, "\xc1\x0a\x65", 3);
	assert_true(ef_account(out, n, NULL, &got, &why));
	same(&got, &a);
}

static void test_which_account_is_meant(void **state)
{
	/* 0: server without, 1: packets, number 1; 2: packets, number 2. */
	static const uint8_t file[] = { 0, 1, 0, 0x1e, 0, 0, 0, 0, 0x19, 0x03, 0x00, 0xc1, 1, 0,
		0x08, 0x01, 0x09, 0xc1, 1, 0, 0xc1, 6, 2, 0xc1, 9, '1', 0x06, 0x02, 0xc1, 1, 0,
		0xc1, 6, 2 };
	uint8_t odd[sizeof(file)];
	struct ef_account a;
	const char *why = NULL;
	(void)state;
	assert_true(ef_account(file, sizeof(file), "1", &a, &why) && a.instance == 1);
	assert_true(ef_account(file, sizeof(file), "+1", &a, &why) && a.instance == 1);
	assert_false(ef_account(file, sizeof(file), "3", &a, &why));
	assert_non_null(strstr(why, "more than one"));
	memcpy(odd, file, sizeof(odd));
	odd[sizeof(odd) - 1] = 1; /* the third speaks DTLS */
	assert_true(ef_account(odd, sizeof(odd), "3", &a, &why) && a.instance == 1);
	odd[22] = 3; /* and the second has no security: none has secured packets */
	assert_false(ef_account(odd, sizeof(odd), NULL, &a, &why));
	assert_non_null(strstr(why, "more than one"));
	odd[26] = 0x46; /* no instance but a resource's */
	assert_false(ef_account(odd, sizeof(odd), NULL, &a, &why));
	assert_non_null(strstr(why, "TLV"));
}

static void test_what_cannot_be_is_not_written(void **state)
{
	static const struct ef_new fresh = { "sms:1", 1 };
	struct ef_account a;
	uint8_t out[256];
	const char *why = NULL;
	(void)state;
	for (int i = 0; i < 6; i++) {
		a = keys(2, "");
		struct ef_new n = fresh;
		if (i == 0)
			a.mode = 3;
		else if (i == 1)
			a.params_len = 5;
		else if (i == 2)
			a.key_len = 16;
		else if (i == 3)
			n.uri = "";
		else if (i == 4)
			n.short_id = 0;
		why = NULL;
		const size_t cap = i == 5 ? 40 : sizeof(out);
		assert_int_equal(ef_write(NULL, 0, &a, &n, out, cap, &why), 0);
		assert_non_null(why);
	}
	a = keys(2, "");
	/* Too small by one octet for each size: nothing of it is there. */
	const size_t whole = ef_write(two, sizeof(two), &a, NULL, out, sizeof(out), &why);
	for (size_t cap = 0; cap < whole; cap++) {
		memset(out, 0x5a, sizeof(out));
		assert_int_equal(ef_write(two, sizeof(two), &a, NULL, out, cap, &why), 0);
		assert_false(has(out, sizeof(out), a.key, 4));
		assert_int_equal(out[cap], 0x5a);
	}
	assert_int_equal(ef_write(two, sizeof(two), &a, NULL, out, whole, &why), whole);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_another_project_reads),
		cmocka_unit_test(test_objects_of_both_kinds_of_versions),
		cmocka_unit_test(test_a_file_without_versions),
		cmocka_unit_test(test_an_erased_file_has_nothing),
		cmocka_unit_test(test_lengths_that_disagree_are_refused),
		cmocka_unit_test(test_R311_only_the_keys_change),
		cmocka_unit_test(test_keys_that_are_replaced_leave_all_else_where_it_is),
		cmocka_unit_test(test_nothing_of_longer_keys_stays_behind),
		cmocka_unit_test(test_an_erased_file_gets_an_account),
		cmocka_unit_test(test_which_account_is_meant),
		cmocka_unit_test(test_what_cannot_be_is_not_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
