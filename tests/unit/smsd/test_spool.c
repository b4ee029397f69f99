/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/spool.h"
#include "sms-bridge/smsd/spool_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH = 64, SEEN_MAX = 16 };

struct seen {
	size_t len;
	uint8_t numbers[SEEN_MAX];
	uint16_t references[SEEN_MAX];
};

static char folder[PATH];

static struct spool *reopen(struct spool *s)
{
	char why[SPOOL_WHY_MAX] = "";
	spool_close(s);
	struct spool *const new = spool_open(folder, why);
	assert_string_equal(why, "");
	assert_non_null(new);
	return new;
}

static int setup(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/spool-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "data.mdb", "lock.mdb" };
	char path[2 * PATH];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	return rmdir(folder);
}

static struct segments_part part(uint16_t reference, uint8_t number)
{
	struct segments_part p = {
		.text = { .pid = 0x7f,
			.dcs = 0xf6,
			.marker = 0x70,
			.port = 5683,
			.data = (const uint8_t *)"octets",
			.len = 6 },
		.udh = { .joined = true,
			.wide = true,
			.reference = reference,
			.total = 3,
			.number = number,
			.marker = 0x70,
			.ported = true,
			.to_port = 5683,
			.from_port = 7 },
	};
	assert_true(wire_number_from_text("447700900001", &p.text.peer));
	assert_true(wire_number_from_text("447700900002", &p.text.own));
	return p;
}

static void see(void *ctx, const struct segments_part *p)
{
	struct seen *const s = ctx;
	const struct segments_part wanted = part(p->udh.reference, p->udh.number);
	assert_true(s->len < SEEN_MAX);
	s->numbers[s->len] = p->udh.number;
	s->references[s->len++] = p->udh.reference;
	assert_memory_equal(&p->udh, &wanted.udh, sizeof(wanted.udh));
	assert_string_equal(p->text.peer.digits, wanted.text.peer.digits);
	assert_string_equal(p->text.own.digits, wanted.text.own.digits);
	assert_int_equal(p->text.peer.type, 0x91);
	assert_int_equal(p->text.pid, 0x7f);
	assert_int_equal(p->text.dcs, 0xf6);
	assert_int_equal(p->text.marker, 0x70);
	assert_int_equal(p->text.port, 5683);
	assert_int_equal(p->text.len, 6);
	assert_memory_equal(p->text.data, "octets", 6);
}

static size_t count(struct spool *s)
{
	struct seen seen = { .len = 0 };
	const size_t told = spool_each(s, see, &seen);
	assert_int_equal(told, seen.len);
	return told;
}

static bool put(struct spool *s, uint16_t reference, uint8_t number, uint64_t wall_ms)
{
	const struct bridge_spool b = spool_for_bridge(s);
	const struct segments_part p = part(reference, number);
	return b.put(b.ctx, &p, wall_ms);
}

static void test_stays(void **state)
{
	struct spool *s = reopen(NULL);
	(void)state;
	assert_int_equal(count(s), 0);
	assert_true(put(s, 1, 2, 100));
	assert_true(put(s, 1, 1, 100));
	assert_true(put(s, 1, 2, 100)); /* it is there */
	s = reopen(s);
	assert_int_equal(count(s), 2);
	spool_close(s);
}

static void test_forgets_one_concatenation(void **state)
{
	struct spool *s = reopen(NULL);
	const struct bridge_spool b = spool_for_bridge(s);
	const struct segments_part p = part(2, 3);
	struct seen seen = { .len = 0 };
	(void)state;
	for (uint16_t reference = 1; reference <= 3; reference++) {
		for (uint8_t number = 1; number <= 2; number++)
			assert_true(put(s, reference, number, 100));
	}
	b.forget(b.ctx, &p);
	s = reopen(s);
	assert_int_equal(spool_each(s, see, &seen), 4);
	for (size_t i = 0; i < seen.len; i++)
		assert_int_not_equal(seen.references[i], 2);
	spool_close(s);
}

static void test_sweeps_by_the_newest(void **state)
{
	struct spool *const s = reopen(NULL);
	const struct bridge_spool b = spool_for_bridge(s);
	struct seen seen = { .len = 0 };
	(void)state;
	assert_true(put(s, 1, 1, 100));
	assert_true(put(s, 1, 2, 100));
	assert_true(put(s, 2, 1, 100));
	assert_true(put(s, 2, 2, 200)); /* the other goes with it, or stays with it */
	assert_true(put(s, 3, 1, 100));
	assert_true(put(s, 4, 1, 200));
	assert_true(put(s, 4, 2, 100));
	assert_true(put(s, 5, 1, 100));
	assert_true(put(s, 5, 1, 200)); /* repeating it is no way to keep it there */
	b.sweep(b.ctx, 150);
	assert_int_equal(spool_each(s, see, &seen), 4);
	assert_int_equal(seen.references[0], 2);
	assert_int_equal(seen.references[1], 2);
	assert_int_equal(seen.references[2], 4);
	assert_int_equal(seen.references[3], 4);
	b.sweep(b.ctx, 201);
	assert_int_equal(count(s), 0);
	spool_close(s);
}

static void test_folder_that_is_none(void **state)
{
	char why[SPOOL_WHY_MAX] = "";
	(void)state;
	assert_null(spool_open("/dev/null/spool", why));
	assert_non_null(strstr(why, "/dev/null/spool"));
}

static void test_row_of_another_version_or_short(void **state)
{
	const struct segments_part p = part(1, 1);
	uint8_t key[SPOOL_KEY];
	uint8_t row[SPOOL_ROW_MAX];
	struct segments_part out;
	uint64_t at_ms = 0;
	(void)state;
	const size_t len = spool_row_write(&p, 5, row);
	assert_true(len > 6);
	assert_true(spool_row_key(&p, key));
	assert_true(spool_row_read(key, sizeof(key), row, len, &out, &at_ms));
	assert_int_equal(at_ms, 5);
	for (size_t n = 0; n < len - 6; n++)
		assert_false(spool_row_read(key, sizeof(key), row, n, &out, &at_ms));
	assert_false(spool_row_read(key, sizeof(key) - 1, row, len, &out, &at_ms));
	row[0]++;
	assert_false(spool_row_read(key, sizeof(key), row, len, &out, &at_ms));
	row[0]--;
	key[1] = WIRE_DIGITS_MAX + 1;
	assert_false(spool_row_read(key, sizeof(key), row, len, &out, &at_ms));
}

static void test_key_has_nothing_behind_the_digits(void **state)
{
	struct segments_part p = part(1, 1);
	uint8_t one[SPOOL_KEY], other[SPOOL_KEY];
	(void)state;
	assert_true(spool_row_key(&p, one));
	p.text.peer.digits[p.text.peer.len + 1] = '9';
	assert_true(spool_row_key(&p, other));
	assert_memory_equal(one, other, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forgets_one_concatenation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sweeps_by_the_newest, setup, teardown),
		cmocka_unit_test(test_folder_that_is_none),
		cmocka_unit_test(test_row_of_another_version_or_short),
		cmocka_unit_test(test_key_has_nothing_behind_the_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
