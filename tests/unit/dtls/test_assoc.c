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

struct two {
	struct dtls_aead *aead;
	struct dtls_assoc a, b;
};

static struct two two_new(void)
{
	struct two t = { .aead = dtls_aead_new() };
	assert_non_null(t.aead);
	for (size_t i = 0; i < DTLS_KEY_LEN; i++)
		t.a.out.key[i] = (uint8_t)i;
	t.b.in = t.a.out;
	t.a.write_end = UINT64_MAX;
	t.b.read_end = UINT64_MAX;
	return t;
}

/* Seals `len` bytes and leaves the record in out. */
static size_t seal(struct two *t, size_t len, uint8_t *out)
{
	memset(out + DTLS_RECORD_HEADER + 8, 0x42, len);
	assert_true(dtls_assoc_seal(&t->a, t->aead, DTLS_DATA, out, len));
	return DTLS_RECORD_OVERHEAD + len;
}

static enum dtls_opening open_copy(struct two *t, const uint8_t *record, size_t len)
{
	uint8_t copy[128];
	assert_true(len <= sizeof(copy));
	memcpy(copy, record, len);
	uint8_t *at = copy;
	struct dtls_record r;
	assert_true(dtls_record_next(&at, &len, &r));
	uint8_t *plain = NULL;
	size_t plain_len = 0;
	return dtls_assoc_open(&t->b, t->aead, &r, &plain, &plain_len);
}

static void test_I1_each_record_takes_the_next_number(void **state)
{
	(void)state;
	struct two t = two_new();
	for (uint64_t i = 0; i < 300; i++) {
		uint8_t out[64];
		size_t len = seal(&t, 1, out);
		uint8_t *at = out;
		struct dtls_record r;
		assert_true(dtls_record_next(&at, &len, &r));
		assert_int_equal(r.epoch, 1);
		assert_int_equal(r.seq, i);
	}
	dtls_aead_free(t.aead);
}

static void test_I2_a_record_opens_once(void **state)
{
	(void)state;
	struct two t = two_new();
	uint8_t out[64];
	const size_t len = seal(&t, 4, out);
	assert_int_equal(open_copy(&t, out, len), DTLS_OPENED);
	assert_int_equal(open_copy(&t, out, len), DTLS_REPLAYED);
	dtls_aead_free(t.aead);
}

static void test_R122_a_forged_number_does_not_move_the_window(void **state)
{
	(void)state;
	struct two t = two_new();
	uint8_t first[64], second[64];
	const size_t len = seal(&t, 5, first);
	(void)seal(&t, 5, second);
	second[9] = 0x10; /* of the number */
	assert_int_equal(open_copy(&t, second, len), DTLS_FORGED);
	assert_int_equal(open_copy(&t, first, len), DTLS_OPENED);
	dtls_aead_free(t.aead);
}

static void test_R132_numbers_end_and_do_not_wrap(void **state)
{
	(void)state;
	struct two t = two_new();
	uint8_t out[64];
	t.a.wseq = DTLS_RECORDS_MAX - DTLS_RECORDS_SPARE - 1;
	assert_false(dtls_assoc_spent(&t.a));
	(void)seal(&t, 4, out);
	assert_true(dtls_assoc_spent(&t.a));
	for (int i = 0; i < DTLS_RECORDS_SPARE; i++)
		(void)seal(&t, 5, out);
	assert_false(dtls_assoc_seal(&t.a, t.aead, DTLS_ALERT, out, 2));
	dtls_aead_free(t.aead);
}

static void test_an_association_is_small(void **state)
{
	(void)state;
	print_message("# sizeof: conn %zu, assoc %zu, linger %zu, handshake %zu\n",
		sizeof(struct dtls_conn), sizeof(struct dtls_assoc), sizeof(struct dtls_linger),
		sizeof(struct dtls_handshake));
	assert_true(sizeof(struct dtls_conn) <= 256);
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
		cmocka_unit_test(test_I2_a_record_opens_once),
		cmocka_unit_test(test_R122_a_forged_number_does_not_move_the_window),
		cmocka_unit_test(test_R132_numbers_end_and_do_not_wrap),
		cmocka_unit_test(test_an_association_is_small),
		cmocka_unit_test(test_table_finds_what_was_added_until_it_is_removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
