/* SPDX-License-Identifier: Apache-2.0 */
/* Databases of four pages, made by hand: what LMDB would not write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/pages.h"

enum { PAGE = 4096, BY_HAND = 4 };
static uint8_t by_hand[BY_HAND * PAGE];

static void put16(uint8_t *at, unsigned n)
{
	at[0] = (uint8_t)n;
	at[1] = (uint8_t)(n >> 8);
}

static void head(uint8_t *page, unsigned kind, unsigned lower, unsigned upper)
{
	memset(page, 0, PAGE);
	page[0] = (uint8_t)((page - by_hand) / PAGE);
	put16(page + 10, kind);
	put16(page + 12, lower);
	put16(page + 14, upper);
}

static void node(uint8_t *page, unsigned i, unsigned at, unsigned key, unsigned len)
{
	put16(page + 16 + (size_t)2 * i, at);
	put16(page + at, len);
	put16(page + at + 6, key);
	memset(page + at + 8, 'k', key);
}

static void meta(uint8_t *page)
{
	static const uint8_t first[] = { 0xde, 0xc0, 0xef, 0xbe, 1 };
	head(page, 8, 0, 0);
	uint8_t *const m = page + 16;
	memcpy(m, first, sizeof(first));
	m[18] = 16; /* the map: 1 MiB */
	put16(m + 24, PAGE);
	m[24 + 4] = 8;
	memset(m + 64, 0xff, 8); /* no free pages */
	m[72 + 6] = 1;
	m[112] = 2;
	m[120] = BY_HAND - 1;
}

/* A table whose leaf, page 3, is to be filled. */
static uint8_t *leaf_by_hand(unsigned nodes, unsigned upper)
{
	enum { AT = PAGE - 8 - 2 - 48 };
	uint8_t *const tables = by_hand + (size_t)2 * PAGE;
	uint8_t *const leaf = by_hand + (size_t)3 * PAGE;
	meta(by_hand);
	meta(by_hand + PAGE);
	head(tables, 2, 18, AT);
	node(tables, 0, AT, 2, 48);
	tables[AT + 4] = 2;
	tables[AT + 8 + 2 + 6] = 1;
	tables[AT + 8 + 2 + 40] = 3;
	head(leaf, 2, 16 + 2 * nodes, upper);
	return leaf;
}

/* what NULL: it is sound. */
static void must_say(const char *what)
{
	struct pages_fault fault = { .what = "" };
	const bool is = pages_are_sound(by_hand, sizeof(by_hand), &fault);
	if (is != !what || (what && !strstr(fault.what, what)))
		fail_msg("should be \"%s\", is \"%s\"", what ? what : "sound", fault.what);
}

static void test_nodes_fill_their_page_without_gap_or_overlap(void **state)
{
	(void)state;
	uint8_t *p = leaf_by_hand(2, PAGE - 40);
	node(p, 0, PAGE - 20, 4, 8);
	node(p, 1, PAGE - 40, 4, 8);
	must_say(NULL);
	node(p, 1, PAGE - 40, 4, 7); /* rounded up */
	must_say(NULL);
	node(p, 0, PAGE - 20, 4, 6); /* a gap at the end */
	must_say("nodes make no sense");
	node(p, 0, PAGE - 20, 4, 10); /* beyond it */
	must_say("nodes make no sense");
	node(p, 0, PAGE - 20, 4, 8);
	node(p, 1, PAGE - 40, 4, 6); /* a gap between them */
	must_say("nodes make no sense");
	node(p, 1, PAGE - 40, 4, 10); /* one in the other */
	must_say("nodes make no sense");
	node(p, 1, PAGE - 40, 4, 28); /* one that takes the place of both */
	must_say("nodes make no sense");
	put16(p + 18, PAGE - 20); /* both are the same */
	must_say("nodes make no sense");

	p = leaf_by_hand(1, PAGE - 8 - 511 - 9);
	node(p, 0, PAGE - 8 - 511 - 9, 511, 9);
	must_say(NULL);
	node(p, 0, PAGE - 8 - 511 - 9, 512, 8);
	must_say("nodes make no sense");
}

static void test_a_branch_has_two_children(void **state)
{
	(void)state;
	uint8_t *const p = leaf_by_hand(1, PAGE - 8);
	by_hand[3 * PAGE - 8 - 2 - 48 + 8 + 2 + 6] = 2; /* the table's depth */
	put16(p + 10, 1);
	node(p, 0, PAGE - 8, 0, 3);
	must_say("one child");
}

static void test_no_transaction_can_be_after_the_last_number(void **state)
{
	(void)state;
	uint8_t *const p = leaf_by_hand(1, PAGE - 20);
	node(p, 0, PAGE - 20, 4, 8);
	memset(by_hand + PAGE + 16 + 128, 0xff, 8);
	by_hand[PAGE + 16 + 128] = 0xfd;
	must_say(NULL);
	by_hand[PAGE + 16 + 128] = 0xff;
	must_say("number of its transaction");
}

/* Page 3 is the list of free pages instead, and the table is empty. */
static void free_by_hand(unsigned len)
{
	const unsigned at = PAGE - 8 - 8 - len - len % 2;
	uint8_t *const p = leaf_by_hand(1, at);
	uint8_t *const db = by_hand + (size_t)3 * PAGE - 48;
	uint8_t *const m = by_hand + 16;
	db[6] = 0;
	memset(db + 40, 0xff, 8);
	memset(m + 64, 0, 8);
	m[64] = 3;
	m[24 + 6] = 1;
	memset(m + 128, 'l', 8); /* after that of the list */
	node(p, 0, at, 8, len);
	memset(p + at + 16, 0, len);
}

static void test_a_list_of_free_pages_has_its_length_and_whole_numbers(void **state)
{
	(void)state;
	free_by_hand(8);
	must_say(NULL);
	static const unsigned lengths[] = { 0, 4, 7, 9, 12 };
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		free_by_hand(lengths[i]);
		must_say("length of a list");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes_fill_their_page_without_gap_or_overlap),
		cmocka_unit_test(test_a_branch_has_two_children),
		cmocka_unit_test(test_no_transaction_can_be_after_the_last_number),
		cmocka_unit_test(test_a_list_of_free_pages_has_its_length_and_whole_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
