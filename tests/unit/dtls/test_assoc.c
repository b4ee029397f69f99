/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/assoc.h"
#include "dtls/state.h"

/* The same for every guard that an association can have. */
struct two {
	struct dtls_sealer sealer;
	struct dtls_assoc a, b;
	uint8_t drawn;
};

static void counting(void *ctx, uint8_t *out, size_t len)
{
	struct two *const t = ctx;
	memset(out, ++t->drawn, len);
}

static void two_init(struct two *t, unsigned guard)
{
	*t = (struct two){ .sealer = { .guards = dtls_guards_new(), .random = counting } };
	t->sealer.random_ctx = t;
	assert_non_null(t->sealer.guards);
	for (size_t i = 0; i < DTLS_KEY_LEN; i++) {
		t->a.out.key[i] = (uint8_t)i;
		t->a.out.mac[i] = (uint8_t)(i + 100);
	}
	t->b.in = t->a.out;
	t->a.write_end = UINT64_MAX;
	t->b.read_end = UINT64_MAX;
	t->a.guard = (uint8_t)guard;
	t->b.guard = (uint8_t)guard;
}

static void two_fini(struct two *t)
{
	dtls_guards_free(t->sealer.guards);
}

/* Seals `len` bytes and leaves the record in out. */
static size_t seal(struct two *t, size_t len, uint8_t *out)
{
	const enum dtls_guard how = dtls_assoc_guard(&t->a);
	memset(out + DTLS_RECORD_HEADER + dtls_guard_before(how), 0x42, len);
	const size_t whole = dtls_assoc_seal(&t->a, &t->sealer, DTLS_DATA, out, len);
	assert_int_equal(whole, DTLS_RECORD_HEADER + dtls_guard_body(how, len));
	return whole;
}

static enum dtls_opening open_copy(struct two *t, const uint8_t *record, size_t len)
{
	uint8_t copy[160];
	assert_true(len <= sizeof(copy));
	memcpy(copy, record, len);
	uint8_t *at = copy;
	struct dtls_record r;
	assert_true(dtls_record_next(&at, &len, &r));
	uint8_t *plain = NULL;
	size_t plain_len = 0;
	return dtls_assoc_open(&t->b, t->sealer.guards, &r, &plain, &plain_len);
}

static void test_I1_each_record_takes_the_next_number(void **state)
{
	(void)state;
	for (unsigned how = 0; how < DTLS_GUARDS; how++) {
		struct two t;
		two_init(&t, how);
		for (uint64_t i = 0; i < 300; i++) {
			uint8_t out[160];
			size_t len = seal(&t, 1, out);
			uint8_t *at = out;
			struct dtls_record r;
			assert_true(dtls_record_next(&at, &len, &r));
			assert_int_equal(r.epoch, 1);
			assert_int_equal(r.seq, i);
		}
		two_fini(&t);
	}
}

static void test_R128_each_record_of_a_CBC_suite_draws_an_IV_and_no_other_does(void **state)
{
	(void)state;
	for (unsigned how = 0; how < DTLS_GUARDS; how++) {
		const bool cbc = how == DTLS_GUARD_ETM || how == DTLS_GUARD_MTE;
		struct two t;
		two_init(&t, how);
		for (uint8_t i = 1; i <= 3; i++) {
			uint8_t out[160];
			(void)seal(&t, 1, out);
			assert_int_equal(t.drawn, cbc ? i : 0);
			if (cbc)
				assert_int_equal(out[DTLS_RECORD_HEADER + 15], i);
		}
		two_fini(&t);
	}
}

static void test_I2_a_record_opens_once(void **state)
{
	(void)state;
	for (unsigned how = 0; how < DTLS_GUARDS; how++) {
		struct two t;
		uint8_t out[160];
		two_init(&t, how);
		const size_t len = seal(&t, 4, out);
		assert_int_equal(open_copy(&t, out, len), DTLS_OPENED);
		assert_int_equal(open_copy(&t, out, len), DTLS_REPLAYED);
		two_fini(&t);
	}
}

static void test_R122_a_forged_number_does_not_move_the_window(void **state)
{
	(void)state;
	for (unsigned how = 0; how < DTLS_GUARDS; how++) {
		struct two t;
		uint8_t first[160], second[160];
		two_init(&t, how);
		const size_t len = seal(&t, 5, first);
		(void)seal(&t, 5, second);
		second[9] = 0x10; /* of the number */
		assert_int_equal(open_copy(&t, second, len), DTLS_FORGED);
		assert_int_equal(open_copy(&t, first, len), DTLS_OPENED);
		two_fini(&t);
	}
}

static void test_R132_numbers_end_and_do_not_wrap(void **state)
{
	(void)state;
	for (unsigned how = 0; how < DTLS_GUARDS; how++) {
		struct two t;
		uint8_t out[160];
		two_init(&t, how);
		t.a.wseq = DTLS_RECORDS_MAX - DTLS_RECORDS_SPARE - 1;
		assert_false(dtls_assoc_spent(&t.a));
		(void)seal(&t, 4, out);
		assert_true(dtls_assoc_spent(&t.a));
		for (int i = 0; i < DTLS_RECORDS_SPARE; i++)
			(void)seal(&t, 5, out);
		assert_int_equal(dtls_assoc_seal(&t.a, &t.sealer, DTLS_ALERT, out, 2), 0);
		two_fini(&t);
	}
}

static void test_an_association_is_small(void **state)
{
	(void)state;
	print_message("# sizeof: conn %zu, assoc %zu, linger %zu, handshake %zu\n",
		sizeof(struct dtls_conn), sizeof(struct dtls_assoc), sizeof(struct dtls_linger),
		sizeof(struct dtls_handshake));
	/* 64 octets of it are the keys of CBC's MACs, 64 what connection ids need. */
	assert_true(sizeof(struct dtls_conn) <= 384);
}

static struct dtls_node node(uint32_t i)
{
	struct dtls_node n;
	memset(&n, 0, sizeof(n));
	n.path.sock = i;
	n.hash = (uint64_t)(i % 1000) * 0x9e3779b97f4a7c15U; /* with collisions */
	return n;
}

static void test_table_finds_what_was_added_until_it_is_removed(void **state)
{
	(void)state;
	enum { N = 20000 };
	struct dtls_table t;
	struct dtls_node *const nodes = calloc(N, sizeof(*nodes));
	assert_non_null(nodes);
	assert_true(dtls_table_init(&t));
	assert_null(dtls_table_any(&t));
	for (uint32_t i = 0; i < N; i++) {
		nodes[i] = node(i);
		dtls_table_add(&t, &nodes[i]);
	}
	assert_int_equal(t.count, N);
	assert_true(t.count <= t.mask + 1); /* the load stays bounded */
	for (uint32_t i = 0; i < N; i += 2)
		dtls_table_remove(&t, &nodes[i]);
	for (uint32_t i = 0; i < N; i++) {
		const struct dtls_node want = node(i);
		struct dtls_node *const got = dtls_table_find(&t, want.hash, &want.path);
		assert_ptr_equal(got, i % 2 ? &nodes[i] : NULL);
	}
	dtls_table_remove(&t, &nodes[0]); /* once more: nothing */
	assert_int_equal(t.count, N / 2);
	dtls_table_fini(&t);
	free(nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I1_each_record_takes_the_next_number),
		cmocka_unit_test(
			test_R128_each_record_of_a_CBC_suite_draws_an_IV_and_no_other_does),
		cmocka_unit_test(test_I2_a_record_opens_once),
		cmocka_unit_test(test_R122_a_forged_number_does_not_move_the_window),
		cmocka_unit_test(test_R132_numbers_end_and_do_not_wrap),
		cmocka_unit_test(test_an_association_is_small),
		cmocka_unit_test(test_table_finds_what_was_added_until_it_is_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
