/* SPDX-License-Identifier: Apache-2.0 */
/* What of an association is written down. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/context.h"

enum { WITHOUT = 1 + 40 + 8 + 1 + 1, AT_FRAGMENT = 49, AT_FINISHED_LEN = 50 };

static struct dtls_context some(size_t finished_len)
{
	struct dtls_context k;
	memset(&k, 0, sizeof(k));
	for (int i = 0; i < DTLS_KEY_LEN; i++) {
		k.in.key[i] = (uint8_t)(0x10 + i);
		k.out.key[i] = (uint8_t)(0x30 + i);
	}
	memset(k.in.iv, 0x20, sizeof(k.in.iv));
	memset(k.out.iv, 0x40, sizeof(k.out.iv));
	k.suite = 0xc0a8;
	k.guard = DTLS_GUARD_CCM_8;
	k.hello_tag = UINT64_C(0x0123456789abcdef);
	k.fragment_code = 3;
	k.finished_len = (uint8_t)finished_len;
	if (finished_len > 0) {
		k.plain_base = UINT64_C(0xfedcba987654);
		memset(k.finished, 0x77, finished_len);
	}
	return k;
}

/* A block of exactly that size, so that a sanitizer sees a read beyond it. */
static bool decode_exact(const uint8_t *bytes, size_t len, struct dtls_context *out)
{
	uint8_t *const copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	const bool good = dtls_context_decode(copy, len, out);
	free(copy);
	return good;
}

static void test_what_is_written_is_read_again(void **state)
{
	(void)state;
	for (size_t finished_len = 0; finished_len <= DTLS_FINISHED_LEN; finished_len++) {
		const struct dtls_context k = some(finished_len);
		uint8_t bytes[DTLS_CONTEXT_MAX];
		const size_t len = dtls_context_encode(&k, bytes);
		assert_int_equal(len, WITHOUT + (finished_len > 0 ? 6 + finished_len : 0));
		struct dtls_context got;
		memset(&got, 0xee, sizeof(got));
		assert_true(decode_exact(bytes, len, &got));
		assert_memory_equal(&got.in, &k.in, sizeof(k.in));
		assert_memory_equal(&got.out, &k.out, sizeof(k.out));
		assert_true(got.hello_tag == k.hello_tag && got.plain_base == k.plain_base);
		assert_int_equal(got.fragment_code, k.fragment_code);
		assert_int_equal(got.finished_len, k.finished_len);
		assert_memory_equal(got.finished, k.finished, sizeof(k.finished));
	}
}

static void test_the_format_is_this_one(void **state)
{
	(void)state;
	const struct dtls_context k = some(2);
	uint8_t bytes[DTLS_CONTEXT_MAX];
	uint8_t want[WITHOUT + 8] = { 1 };
	memcpy(want + 1, k.in.key, 16);
	memcpy(want + 17, k.in.iv, 4);
	memcpy(want + 21, k.out.key, 16);
	memcpy(want + 37, k.out.iv, 4);
	static const uint8_t rest[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 3, 2, 0xfe,
		0xdc, 0xba, 0x98, 0x76, 0x54, 0x77, 0x77 };
	memcpy(want + 41, rest, sizeof(rest));
	assert_int_equal(dtls_context_encode(&k, bytes), sizeof(want));
	assert_memory_equal(bytes, want, sizeof(want));
}

/* Every suite with every guard that it can have, but the first, which is version 1. */
struct kind {
	uint16_t suite;
	uint8_t guard;
};

static const struct kind kinds[] = {
	{ 0xc0ae, DTLS_GUARD_CCM_8 },
	{ 0xc0a4, DTLS_GUARD_CCM },
	{ 0xc0ac, DTLS_GUARD_CCM },
	{ 0x00a8, DTLS_GUARD_GCM },
	{ 0xc02b, DTLS_GUARD_GCM },
	{ 0x00ae, DTLS_GUARD_ETM },
	{ 0x00ae, DTLS_GUARD_MTE },
	{ 0xc023, DTLS_GUARD_ETM },
	{ 0xc023, DTLS_GUARD_MTE },
};

static struct dtls_context some_kind(const struct kind *kind, size_t finished_len)
{
	struct dtls_context k = some(finished_len);
	k.suite = kind->suite;
	k.guard = kind->guard;
	if (kind->guard == DTLS_GUARD_ETM || kind->guard == DTLS_GUARD_MTE) {
		memset(k.in.iv, 0, sizeof(k.in.iv));
		memset(k.out.iv, 0, sizeof(k.out.iv));
		memset(k.in.mac, 0x21, sizeof(k.in.mac));
		memset(k.out.mac, 0x41, sizeof(k.out.mac));
	}
	return k;
}

static void test_every_suite_and_guard_is_written_and_read_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		const struct dtls_context k = some_kind(&kinds[i], DTLS_FINISHED_LEN);
		const size_t key = k.in.mac[0] != 0 ? 16 + 32 : 16 + 4;
		uint8_t bytes[DTLS_CONTEXT_MAX], again[DTLS_CONTEXT_MAX];
		const size_t len = dtls_context_encode(&k, bytes);
		assert_int_equal(len, 4 + 2 * key + 10 + 6 + DTLS_FINISHED_LEN);
		const uint8_t head[] = { 2, (uint8_t)(k.suite >> 8), (uint8_t)k.suite, k.guard };
		assert_memory_equal(bytes, head, sizeof(head));
		struct dtls_context got;
		memset(&got, 0xee, sizeof(got));
		assert_true(decode_exact(bytes, len, &got));
		assert_memory_equal(&got.in, &k.in, sizeof(k.in));
		assert_memory_equal(&got.out, &k.out, sizeof(k.out));
		assert_int_equal(got.suite, k.suite);
		assert_int_equal(got.guard, k.guard);
		assert_int_equal(dtls_context_encode(&got, again), len);
		assert_memory_equal(again, bytes, len);
	}
}

static void assert_refused(const uint8_t *bytes, size_t len)
{
	static const struct dtls_context nothing;
	struct dtls_context got;
	memset(&got, 0xee, sizeof(got));
	assert_false(decode_exact(bytes, len, &got));
	assert_memory_equal(&got, &nothing, sizeof(got)); /* I5: nor half of a key */
}

static void test_I5_what_is_cut_off_or_too_long_is_refused_and_leaves_nothing(void **state)
{
	(void)state;
	for (size_t finished_len = 0; finished_len <= DTLS_FINISHED_LEN; finished_len += 12) {
		const struct dtls_context k = some(finished_len);
		uint8_t bytes[DTLS_CONTEXT_MAX + 1] = { 0 };
		const size_t len = dtls_context_encode(&k, bytes);
		for (size_t n = 0; n < len; n++)
			assert_refused(bytes, n);
		assert_refused(bytes, len + 1);
		assert_refused(bytes, DTLS_CONTEXT_MAX);
	}
}

static void test_other_versions_and_values_are_refused(void **state)
{
	(void)state;
	const struct dtls_context k = some(0);
	uint8_t bytes[DTLS_CONTEXT_MAX];
	const size_t len = dtls_context_encode(&k, bytes);
	for (unsigned v = 0; v < 256; v++) {
		struct dtls_context got;
		bytes[0] = (uint8_t)v;
		assert_int_equal(decode_exact(bytes, len, &got), v == 1);
		bytes[0] = 1;
		bytes[AT_FRAGMENT] = (uint8_t)v;
		assert_int_equal(decode_exact(bytes, len, &got), v <= 4);
		bytes[AT_FRAGMENT] = 3;
		bytes[AT_FINISHED_LEN] = (uint8_t)v; /* with nothing behind it */
		assert_int_equal(decode_exact(bytes, len, &got), v == 0);
		bytes[AT_FINISHED_LEN] = 0;
	}
	uint8_t more[WITHOUT + 6 + DTLS_FINISHED_LEN + 1] = { 0 };
	memcpy(more, bytes, len);
	more[AT_FINISHED_LEN] = DTLS_FINISHED_LEN + 1;
	assert_refused(more, sizeof(more));
}

/* what this program does not know, it does not guess. */
static void test_R204_a_suite_and_a_guard_that_do_not_belong_together_are_refused(void **state)
{
	(void)state;
	const struct dtls_context k = some_kind(&kinds[3], 0); /* keys as AEAD suites have them */
	uint8_t bytes[DTLS_CONTEXT_MAX];
	const size_t len = dtls_context_encode(&k, bytes);
	for (unsigned suite = 0; suite < 65536; suite++) {
		for (unsigned guard = 0; guard < 8; guard++) {
			bool known = false;
			for (size_t i = 0; i < COUNT_OF(kinds); i++)
				known = known ||
					(suite == kinds[i].suite && guard == kinds[i].guard &&
						guard < DTLS_GUARD_ETM);
			bytes[1] = (uint8_t)(suite >> 8);
			bytes[2] = (uint8_t)suite;
			bytes[3] = (uint8_t)guard;
			struct dtls_context got;
			assert_int_equal(dtls_context_decode(bytes, len, &got), known);
		}
	}
}

/* --- with connection ids (R-159) ------------------------------------------------------------- */

static struct dtls_context with_cids(const struct kind *kind, size_t in_len, size_t out_len)
{
	struct dtls_context k = some_kind(kind, DTLS_FINISHED_LEN);
	k.routability = in_len % 2;
	k.cid_in_len = (uint8_t)in_len;
	k.cid_out_len = (uint8_t)out_len;
	memset(k.cid_in, 0x61, in_len);
	if (in_len > 0)
		k.cid_in[0] = (uint8_t)(1 << 5 | in_len);
	memset(k.cid_out, 0x62, out_len);
	return k;
}

static void test_R159_both_ids_are_written_and_read_again(void **state)
{
	static const size_t ins[] = { 0, DTLS_CID_OURS_MIN, DTLS_CID_OURS_MAX };
	static const size_t outs[] = { 0, 1, 20, DTLS_CID_MAX };
	static const struct kind first = { 0xc0a8, DTLS_GUARD_CCM_8 };
	(void)state;
	for (size_t i = 1; i < COUNT_OF(ins) * COUNT_OF(outs); i++) {
		const struct kind *const kind = i % 2 ? &first : &kinds[7];
		const size_t in = ins[i % COUNT_OF(ins)], out = outs[i / COUNT_OF(ins)];
		if (in + out == 0)
			continue;
		const struct dtls_context k = with_cids(kind, in, out);
		uint8_t bytes[DTLS_CONTEXT_MAX + 1] = { 0 }, again[DTLS_CONTEXT_MAX];
		const size_t len = dtls_context_encode(&k, bytes);
		assert_int_equal(bytes[0], 3);
		assert_true(len <= DTLS_CONTEXT_MAX);
		struct dtls_context got;
		assert_true(decode_exact(bytes, len, &got));
		assert_int_equal(got.routability, k.routability);
		assert_int_equal(got.cid_in_len, in);
		assert_int_equal(got.cid_out_len, out);
		assert_memory_equal(got.cid_in, k.cid_in, sizeof(k.cid_in));
		assert_memory_equal(got.cid_out, k.cid_out, sizeof(k.cid_out));
		assert_int_equal(dtls_context_encode(&got, again), len);
		assert_memory_equal(again, bytes, len);
		for (size_t n = 0; n < len; n++)
			assert_refused(bytes, n);
		assert_refused(bytes, len + 1);
	}
}

static void test_R159_ids_that_are_none_are_refused(void **state)
{
	enum { AT_FLAGS = 4, AT_IN_LEN = 5, AT_IN = 6 };
	static const struct kind first = { 0xc0a8, DTLS_GUARD_CCM_8 };
	(void)state;
	const struct dtls_context k = with_cids(&first, DTLS_CID_OURS_MIN, 3);
	uint8_t bytes[DTLS_CONTEXT_MAX];
	const size_t len = dtls_context_encode(&k, bytes);
	struct dtls_context got;
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t flags = bytes[AT_FLAGS], in = bytes[AT_IN];
		bytes[AT_FLAGS] = (uint8_t)v;
		assert_int_equal(decode_exact(bytes, len, &got), v <= 1);
		bytes[AT_FLAGS] = flags;
		bytes[AT_IN] = (uint8_t)v; /* our own layout only: S25 */
		assert_int_equal(decode_exact(bytes, len, &got), v == in);
		bytes[AT_IN] = in;
		bytes[0] = (uint8_t)v;
		assert_int_equal(decode_exact(bytes, len, &got), v == 3);
		bytes[0] = 3;
	}
	/* None at all is another version, and MAC-then-encrypt has none. */
	struct dtls_context none = with_cids(&first, 0, 1);
	const size_t none_len = dtls_context_encode(&none, bytes);
	memmove(bytes + AT_IN_LEN + 2, bytes + AT_IN_LEN + 3, none_len - AT_IN_LEN - 3);
	bytes[AT_IN_LEN + 1] = 0;
	assert_refused(bytes, none_len - 1);
	const struct dtls_context cbc = with_cids(&kinds[7], 0, 1);
	const size_t cbc_len = dtls_context_encode(&cbc, bytes);
	assert_true(decode_exact(bytes, cbc_len, &got));
	bytes[3] = DTLS_GUARD_MTE;
	assert_refused(bytes, cbc_len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read_again),
		cmocka_unit_test(test_the_format_is_this_one),
		cmocka_unit_test(test_every_suite_and_guard_is_written_and_read_again),
		cmocka_unit_test(test_I5_what_is_cut_off_or_too_long_is_refused_and_leaves_nothing),
		cmocka_unit_test(test_other_versions_and_values_are_refused),
		cmocka_unit_test(
			test_R204_a_suite_and_a_guard_that_do_not_belong_together_are_refused),
		cmocka_unit_test(test_R159_both_ids_are_written_and_read_again),
		cmocka_unit_test(test_R159_ids_that_are_none_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
