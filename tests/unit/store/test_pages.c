/* SPDX-License-Identifier: Apache-2.0 */
/* Databases as LMDB leaves them are sound; one wrong field of a page is seen, whichever it is. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/kv.h"
#include "store/pages.h"
#include "unit/store/rows.h"

enum { PAGE = 4096, LONGEST = 20000, ROWS = 600, MANY = 1000 };

struct file {
	uint8_t *data;
	size_t len;
};

static uint64_t chance(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* --- what LMDB writes is sound ---------------------------------------------------------------- */

static struct file file_of(const struct rows *w)
{
	struct file f;
	f.data = folder_read(rows_file(w), &f.len);
	return f;
}

static void assert_sound(const struct rows *w)
{
	const struct file f = file_of(w);
	struct pages_fault fault = { 0 };
	if (!pages_are_sound(f.data, f.len, &fault))
		fail_msg("page %llu: %s", (unsigned long long)fault.page, fault.what);
	free(f.data);
}

/* A row of a table comes, changes its length, or goes. */
static void change(struct kv_txn *t, uint64_t *x, unsigned rows, unsigned going)
{
	static uint8_t value[LONGEST];
	uint8_t key[100] = { 0 };
	const uint32_t number = (uint32_t)(chance(x) % rows);
	memcpy(key, &number, sizeof(number));
	const struct kv_slice k = slice(key, 4 + number % 90);
	const unsigned table = number % 2;
	if (chance(x) % 100 < going) {
		const enum store_result r = kv_del(t, table, k);
		assert_true(r == STORE_OK || r == STORE_NONE);
		return;
	}
	const size_t most = chance(x) % 10 == 0 ? LONGEST : 700;
	memset(value, (int)(chance(x) % 256), sizeof(value));
	assert_int_equal(kv_put(t, table, k, slice(value, chance(x) % most)), STORE_OK);
}

static void churn(struct kv *kv, uint64_t *x, unsigned changes, unsigned going)
{
	struct kv_txn *t = NULL;
	assert_int_equal(kv_begin(kv, KV_WRITE, &t), STORE_OK);
	for (unsigned i = 0; i < changes; i++)
		change(t, x, ROWS, going);
	if (chance(x) % 8 == 0)
		kv_abort(t);
	else
		assert_int_equal(kv_commit(t), STORE_OK);
}

static void test_whatever_lmdb_leaves_is_sound(void **state)
{
	struct rows *const w = *state;
	uint64_t x = 88172645463325252U;
	struct kv *kv = rows_must_open(w);
	assert_sound(w);
	for (unsigned i = 0; i < 100; i++) {
		/* It grows, shrinks to nothing, and grows; a snapshot keeps pages from reuse. */
		struct kv_txn *held = NULL;
		if (i % 16 == 0)
			assert_int_equal(kv_begin(kv, KV_READ, &held), STORE_OK);
		for (unsigned j = 0; j < 3; j++)
			churn(kv, &x, (unsigned)(chance(&x) % 120), i % 50 < 30 ? 20 : 95);
		assert_sound(w);
		if (held != NULL)
			kv_abort(held);
		if (i % 50 == 49) {
			kv_close(kv);
			kv = rows_must_open(w);
		}
	}
	kv_close(kv);
	assert_sound(w);
}

static void test_a_database_of_one_page_and_none_are_sound(void **state)
{
	struct rows *const w = *state;
	rows_make(w, 0);
	assert_sound(w);
	rows_make(w, 1);
	assert_sound(w);
}

/* --- one wrong field -------------------------------------------------------------------------- */

/* A database with branches, long values, and a list of free pages that is a long value, too. */
static struct file make_file(struct rows *w)
{
	uint64_t x = 20261123;
	struct kv *const kv = rows_must_open(w);
	for (unsigned i = 0; i < 3; i++) {
		struct kv_txn *t = NULL;
		assert_int_equal(kv_begin(kv, KV_WRITE, &t), STORE_OK);
		for (unsigned j = 0; j < MANY; j++)
			change(t, &x, MANY, i == 2 ? 70 : 5);
		assert_int_equal(kv_commit(t), STORE_OK);
	}
	kv_close(kv);
	return file_of(w);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t n;
	memcpy(&n, at, sizeof(n));
	return n;
}

static uint8_t *meta_of(const struct file *f)
{
	uint8_t *const first = f->data + 16;
	uint8_t *const second = first + PAGE;
	return get64(first + 128) < get64(second + 128) ? second : first;
}

enum { ROOT_OF_FREE = 64, ROOT_OF_TABLES = 112 };

static uint8_t *page_of(const struct file *f, const uint8_t *number)
{
	const uint64_t page = get64(number);
	assert_true((page + 1) * PAGE <= f->len);
	return f->data + (size_t)page * PAGE;
}

static uint8_t *node_of(uint8_t *page, unsigned i)
{
	return page + get16(page + 16 + (size_t)2 * i);
}

/* Some of the tables' pages, from their roots. */
static uint8_t *table_of(const struct file *f, unsigned i)
{
	uint8_t *const tables = page_of(f, meta_of(f) + ROOT_OF_TABLES);
	uint8_t *const node = node_of(tables, i);
	return page_of(f, node + 8 + get16(node + 6) + 40);
}

static uint8_t *leaf_of(const struct file *f, unsigned i)
{
	const uint8_t *const node = node_of(table_of(f, 0), i);
	const uint64_t child = get16(node) | (uint64_t)get16(node + 2) << 16;
	return f->data + (size_t)child * PAGE;
}

/* A node's number of the page where its value is, if it is elsewhere. */
static uint8_t *find_big(uint8_t *leaf)
{
	const unsigned count = (get16(leaf + 12) - 16U) / 2;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *const node = node_of(leaf, i);
		if (get16(node + 4) == 1)
			return node + 8 + get16(node + 6);
	}
	return NULL;
}

static uint8_t *big_of(uint8_t *leaf)
{
	uint8_t *const found = find_big(leaf);
	assert_non_null(found);
	return found;
}

static uint8_t *leaf_with_long_value(const struct file *f)
{
	unsigned i = 0;
	while (find_big(leaf_of(f, i)) == NULL)
		i++;
	return leaf_of(f, i);
}

/* The list of free pages that is elsewhere: its page, its count, its numbers. */
static uint8_t *list_of(const struct file *f)
{
	return page_of(f, big_of(page_of(f, meta_of(f) + ROOT_OF_FREE))) + 16;
}

static void must_be_seen(
	const struct file *f, const char *what, uint8_t *at, const uint8_t *put, size_t len)
{
	uint8_t was[16];
	struct pages_fault fault;
	assert_true(len <= sizeof(was));
	memcpy(was, at, len);
	memcpy(at, put, len);
	const bool sound = pages_are_sound(f->data, f->len, &fault);
	memcpy(at, was, len);
	if (sound || fault.what == NULL || strstr(fault.what, what) == NULL)
		fail_msg("\"%s\" should be seen: %s", what, sound ? "sound" : fault.what);
	assert_true(pages_are_sound(f->data, f->len, &fault));
}

static void must_see(const struct file *f, const char *what, uint8_t *at, uint64_t put, size_t len)
{
	uint8_t octets[sizeof(put)];
	memcpy(octets, &put, sizeof(put));
	must_be_seen(f, what, at, octets, len);
}

static void test_wrong_facts_are_seen(void **state)
{
	const struct file f = make_file(*state);
	uint8_t *const m = meta_of(&f);
	const uint64_t txn = get64(m + 128), last = get64(m + 120), here = m > f.data + PAGE;
	must_see(&f, "none of LMDB's facts", m, 0xbeefc0df, 4);
	must_see(&f, "none of LMDB's facts", m + 4, 2, 4);
	must_see(&f, "none of LMDB's facts", m + 24, 8192, 4);
	must_see(&f, "none of LMDB's facts", m - 16 + 10, 2, 2);
	must_see(&f, "number of its transaction", m + 128, txn + 1, 8);
	must_see(&f, "number of its transaction", m + 128, UINT64_MAX - here, 8);
	must_see(&f, "number of pages", m + 120, UINT64_MAX, 8);
	must_see(&f, "number of pages", m + 120, 0, 8);
	must_see(&f, "number of pages", m + 120, get64(m + 16) / PAGE, 8);
	must_see(&f, "no such page", m + 120, 5, 8);
	must_see(&f, "number of pages", m + 16, last * PAGE, 8);
	must_see(&f, "number of pages", m + 16, UINT64_MAX, 8);
	const uint64_t map = UINT64_C(1) << 40;
	memcpy(m + 16, &map, sizeof(map));
	must_see(&f, "behind the end", m + 120, last + 100000, 8);
	must_see(&f, "behind the end", m + 120, map / PAGE - 1, 8);
	must_see(&f, "its trees", m + 24 + 4, 0x09, 2);
	must_see(&f, "its trees", m + 72 + 4, 0x04, 2);
	must_see(&f, "its trees", m + 24 + 6, 0, 2);
	must_see(&f, "its trees", m + 24 + 6, 33, 2);
	must_see(&f, "another kind", m + 24 + 6, 2, 2);
	must_see(&f, "its trees", m + ROOT_OF_FREE, UINT64_MAX, 8);
	must_see(&f, "no such page", m + ROOT_OF_FREE, 1, 8);
	must_see(&f, "no such page", m + ROOT_OF_FREE, last + 1, 8);
	must_see(&f, "in two places", m + ROOT_OF_TABLES, get64(m + ROOT_OF_FREE), 8);
	free(f.data);
}

static void test_wrong_lists_of_free_pages_are_seen(void **state)
{
	const struct file f = make_file(*state);
	uint8_t *const p = page_of(&f, meta_of(&f) + ROOT_OF_FREE);
	uint8_t *const node = node_of(p, 0);
	uint8_t *const list = list_of(&f);
	const uint64_t count = get64(list);
	assert_true(count > 250);
	must_see(&f, "longer than its room", list, count + 1000, 8);
	must_see(&f, "longer than its room", list, UINT64_MAX, 8);
	must_see(&f, "out of order", list + 16, get64(list + 8), 8);
	must_see(&f, "out of order", list + 16, UINT64_MAX, 8);
	must_see(&f, "no such page", list + 8, get64(meta_of(&f) + 120) + 1, 8);
	must_see(&f, "no such page", list + 8 * count, 1, 8);
	must_see(&f, "a transaction that there was not", node + 8, 0, 8);
	uint8_t *const newest = node_of(p, (get16(p + 12) - 16U) / 2 - 1);
	must_see(&f, "a transaction that there was not", newest + 8, get64(meta_of(&f) + 128) + 1,
		8);
	must_see(&f, "has no transaction's free pages", node + 6, 7, 2);
	must_see(&f, "nodes make no sense", node + 6, 6, 2);
	must_see(&f, "another kind", p + 10, 0x22, 2);
	must_see(&f, "long value begins", list - 16 + 12, 0, 4);
	must_see(&f, "no such page", list - 16 + 12, UINT32_MAX, 4);
	must_see(&f, "long value begins", list - 16 + 10, 0x02, 2);
	must_see(&f, "long value begins", list - 16, 5, 8);
	must_see(&f, "no such page", big_of(p), 0, 8);
	must_see(&f, "in two places", big_of(p), get64(meta_of(&f) + ROOT_OF_FREE), 8);
	free(f.data);
}

static void test_wrong_tables_are_seen(void **state)
{
	const struct file f = make_file(*state);
	uint8_t *const tables = page_of(&f, meta_of(&f) + ROOT_OF_TABLES);
	uint8_t *const node = node_of(tables, 0);
	uint8_t *const db = node + 8 + get16(node + 6);
	const uint64_t depth = get16(db + 6);
	assert_true(depth == 2);
	must_see(&f, "something else than tables", node + 4, 0, 2);
	must_see(&f, "of a table makes no sense", db + 4, 0x04, 2);
	must_see(&f, "of a table makes no sense", db + 6, 0, 2);
	must_see(&f, "another kind", db + 6, depth + 1, 2);
	must_see(&f, "another kind", db + 6, depth - 1, 2);
	must_see(&f, "of a table makes no sense", db + 40, UINT64_MAX, 8);
	must_see(&f, "in two places", db + 40, get64(node_of(tables, 1) + 8 + 3 + 40), 8);

	uint8_t *const root = table_of(&f, 0);
	uint8_t *const child = node_of(root, 0);
	must_see(&f, "in two places", child, get16(node_of(root, 1)), 2);
	must_see(&f, "no such page", child + 4, 1, 2);
	must_see(&f, "nodes make no sense", child + 6, 512, 2);
	must_see(&f, "head makes no sense", root + 12, 16, 2);
	must_see(&f, "head makes no sense", root + 12, 17, 2);
	must_see(&f, "head makes no sense", root + 12, 4098, 2);
	must_see(&f, "head makes no sense", root + 14, 4098, 2);
	must_see(&f, "head makes no sense", root + 14, 20, 2);
	must_see(&f, "nodes make no sense", root + 14, get16(root + 14) + 2U, 2);
	must_see(&f, "nodes make no sense", root + 12, get16(root + 12) - 2U, 2);
	free(f.data);
}

static void test_wrong_rows_are_seen(void **state)
{
	const struct file f = make_file(*state);
	uint8_t *const p = leaf_with_long_value(&f);
	uint8_t *const node = node_of(p, 0);
	must_see(&f, "another kind", p, 1, 8);
	must_see(&f, "another kind", p + 10, 1, 2);
	must_see(&f, "nodes make no sense", p + 16, get16(p + 18), 2);
	must_see(&f, "nodes make no sense", p + 16, 4094, 2);
	must_see(&f, "nodes make no sense", p + 16, 65535, 2);
	must_see(&f, "nodes make no sense", p + 16, 8, 2);
	must_see(&f, "nodes make no sense", p + 16, get16(p + 16) + 1U, 2);
	must_see(&f, "nodes make no sense", node + 6, 0xffff, 2);
	must_see(&f, "nodes make no sense", node + 2, 0xffff, 2);
	must_see(&f, "something else than rows", node + 4, 4, 2);
	must_see(&f, "long value begins", page_of(&f, big_of(p)) + 12, 0, 4);
	must_see(&f, "no such page", page_of(&f, big_of(p)) + 12, UINT32_MAX, 4);
	must_see(&f, "no such page", big_of(p), 0, 8);
	must_see(&f, "in two places", big_of(p), get64(list_of(&f) + 8), 8);
	free(f.data);
}

/* --- cut off, or short ------------------------------------------------------------------------ */

static void test_no_octet_behind_the_end_is_read(void **state)
{
	const struct file f = make_file(*state);
	struct pages_fault fault;
	const uint64_t last = get64(meta_of(&f) + 120);
	assert_true(f.len > (last + 1) * PAGE); /* it was allocated ahead */
	for (size_t len = 0; len < f.len; len += len < 20000 ? 997 : 99991) {
		uint8_t *const part = malloc(len + 1); /* the sanitizers know its end */
		assert_non_null(part);
		memcpy(part, f.data, len);
		const bool sound = pages_are_sound(part, len, &fault);
		free(part);
		if (len > (last + 1) * PAGE)
			assert_true(sound);
		else if (!sound && len > (size_t)2 * PAGE)
			assert_int_equal(fault.need, (last + 1) * PAGE);
		else
			assert_true(!sound || len > (last + 1 - PAGES_LACKING) * PAGE);
	}
	free(f.data);
}

/* --- it is what keeps LMDB from harm ---------------------------------------------------------- */

static uint8_t *spoilt;
static size_t spoilt_len;
enum { STATUS_FELL = 1, STATUS_ENDED = 74, STATUS_REFUSED = 76 };

/* Many commits: each takes pages from the list and writes it anew. */
static void live_on(struct rows *w)
{
	if (freopen("/dev/null", "w", stderr) == NULL)
		_exit(STATUS_FELL);
	(void)alarm(20);
	struct kv *const kv = rows_open(w, false);
	if (kv == NULL)
		_exit(strstr(w->error.text, "data.mdb") != NULL ? STATUS_REFUSED : STATUS_FELL);
	for (uint32_t i = 0; i < 3; i++)
		if (rows_put(kv, KV_WRITE, 0, 300) != STORE_OK)
			_exit(STATUS_ENDED);
	_exit(0);
}

/* Bits of the pages that LMDB has for itself: all that it says of free pages. */
static void test_no_wrong_bit_of_the_free_pages_harms_anybody(void **state)
{
	struct rows *const w = *state;
	const struct file f = make_file(w);
	uint8_t *const root = page_of(&f, meta_of(&f) + ROOT_OF_FREE);
	uint8_t *const list = list_of(&f) - 16;
	const uint8_t *const pages[] = { root, list, meta_of(&f) - 16 };
	uint64_t x = 20261124;
	unsigned refused = 0, ended = 0, unharmed = 0;
	spoilt = f.data;
	spoilt_len = f.len;
	for (unsigned i = 0; i < 150; i++) {
		const uint8_t *const page = pages[i % COUNT_OF(pages)];
		const size_t at =
			(size_t)(page - f.data) + (size_t)(chance(&x) % (i % 2 == 0 ? 160 : PAGE));
		const uint8_t bit = (uint8_t)(1U << chance(&x) % 8);
		f.data[at] ^= bit;
		folder_write(rows_file(w), spoilt, spoilt_len);
		const int status = rows_run_child(live_on, w);
		f.data[at] ^= bit;
		const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
		if (code != 0 && code != STATUS_ENDED && code != STATUS_REFUSED)
			fail_msg("bit %02x at %zu: ended with %d", bit, at, code);
		refused += code == STATUS_REFUSED;
		ended += code == STATUS_ENDED;
		unharmed += code == 0;
	}
	print_message("# unharmed %u, refused %u, ended %u\n", unharmed, refused, ended);
	assert_true(refused > 30 && unharmed > 0);
	free(f.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_whatever_lmdb_leaves_is_sound, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(
			test_a_database_of_one_page_and_none_are_sound, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(test_wrong_facts_are_seen, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(
			test_wrong_lists_of_free_pages_are_seen, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(test_wrong_tables_are_seen, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(test_wrong_rows_are_seen, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(
			test_no_octet_behind_the_end_is_read, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(
			test_no_wrong_bit_of_the_free_pages_harms_anybody, rows_begin, rows_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
