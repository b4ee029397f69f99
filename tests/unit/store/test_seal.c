/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/derive.h"
#include "store/keyring.h"
#include "store/seal.h"

enum { PLAIN = 200, SEALED = PLAIN + SEAL_OVERHEAD };

struct world {
	struct keyring *keyring;
	struct sealer *sealer;
	struct seal_bind bind;
	uint8_t plain[PLAIN];
	uint8_t sealed[SEALED];
};

static int begin(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->keyring = keyring_new();
	assert_non_null(w->keyring);
	w->sealer = sealer_new(w->keyring);
	assert_non_null(w->sealer);
	w->bind = (struct seal_bind){
		.table = 3,
		.key = { "key", 3 },
		.schema = 1,
		.assoc = { 7 },
		.generation = 11,
	};
	for (size_t i = 0; i < PLAIN; i++)
		w->plain[i] = (uint8_t)(i * 13 + 5);
	assert_true(seal_value(w->sealer, &w->bind, w->plain, PLAIN, w->sealed));
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *const w = *state;
	sealer_free(w->sealer);
	keyring_free(w->keyring);
	free(w);
	return 0;
}

static bool opens_as(struct world *w, struct sealer *s, const struct seal_bind *bind, size_t len)
{
	uint8_t out[PLAIN];
	size_t out_len = 1;
	memset(out, 0x5a, sizeof(out));
	const bool good =
		seal_open(s, bind, (struct kv_slice){ w->sealed, len }, out, PLAIN, &out_len);
	if (good)
		assert_true(out_len == PLAIN && memcmp(out, w->plain, PLAIN) == 0);
	for (size_t i = 0; i < PLAIN && !good; i++)
		assert_int_equal(out[i], 0);
	assert_true(good || out_len == 0);
	return good;
}

static bool opens(struct world *w)
{
	return opens_as(w, w->sealer, &w->bind, SEALED);
}

static void test_what_was_sealed_opens(void **state)
{
	struct world *const w = *state;
	assert_true(opens(w));
	assert_int_equal(seal_key_id((struct kv_slice){ w->sealed, SEALED }), 1);
	assert_null(memmem(w->sealed, SEALED, w->plain, 8));
}

static void test_every_length_opens_and_says_how_long_it_is(void **state)
{
	struct world *const w = *state;
	for (size_t len = 0; len <= PLAIN; len++) {
		uint8_t sealed[SEALED];
		uint8_t out[PLAIN];
		size_t got = 0;
		assert_true(seal_value(w->sealer, &w->bind, w->plain, len, sealed));
		const struct kv_slice s = { sealed, len + SEAL_OVERHEAD };
		assert_true(seal_open(w->sealer, &w->bind, s, out, len, &got));
		assert_true(got == len && memcmp(out, w->plain, len) == 0);
		if (len > 0)
			assert_false(seal_open(w->sealer, &w->bind, s, out, len - 1, &got));
	}
}

static void test_any_wrong_bit_and_any_length_is_refused(void **state)
{
	struct world *const w = *state;
	for (size_t bit = 0; bit < (size_t)SEALED * 8; bit++) {
		w->sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_false(opens(w));
		w->sealed[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t len = 0; len < (size_t)SEALED; len++)
		assert_false(opens_as(w, w->sealer, &w->bind, len));
	assert_true(opens(w));
}

static void test_S20_all_of_the_bind_counts(void **state)
{
	struct world *const w = *state;
	struct seal_bind other[7];
	for (size_t i = 0; i < COUNT_OF(other); i++)
		other[i] = w->bind;
	other[0].table = 4;
	other[1].key = (struct kv_slice){ "kez", 3 };
	other[2].key.len = 2;
	other[3].schema = 2;
	other[4].assoc[15] = 1;
	other[5].generation = 12;
	other[6].generation = 11 + (UINT64_C(1) << 32);
	for (size_t i = 0; i < COUNT_OF(other); i++)
		assert_false(opens_as(w, w->sealer, &other[i], SEALED));
	assert_true(opens(w));
}

/* The keyring's keys under another UUID, as nobody but the holder of the KEK could make it. */
static struct keyring *same_keys_other_store(const struct keyring *k)
{
	enum { UUID_AT = 5, HEAD = 29, SEALED_AT = HEAD + DERIVE_SALT };
	static const struct kek kek = { { 1, 2, 3 } };
	uint8_t blob[KEYRING_WRAPPED_MAX], plain[KEYRING_WRAPPED_MAX], key[DERIVE_KEY];
	const size_t len = keyring_wrap(k, &kek, blob);
	assert_true(len > SEALED_AT);
	struct derive *const d = derive_new();
	assert_true(derive_key(d, kek.key, (struct kv_slice){ blob + HEAD, DERIVE_SALT },
		"lwgate keyring wrap 1", key, sizeof(key)));
	struct derive_message m = {
		.key = key,
		.aad = { blob, HEAD },
		.in = { blob + SEALED_AT, len - SEALED_AT },
	};
	assert_true(derive_open(d, &m, plain));
	blob[UUID_AT] ^= 1;
	m.in = (struct kv_slice){ plain, len - SEALED_AT - DERIVE_TAG };
	assert_true(derive_seal(d, &m, blob + SEALED_AT));
	derive_free(d);
	struct keyring *const other = keyring_unwrap(&kek, blob, len, NULL);
	assert_non_null(other);
	return other;
}

static void test_S20_another_store_opens_nothing(void **state)
{
	struct world *const w = *state;
	struct keyring *const k = same_keys_other_store(w->keyring);
	uint8_t a[KEYRING_KEY], b[KEYRING_KEY];
	assert_true(keyring_key(k, 1, a) && keyring_key(w->keyring, 1, b));
	assert_memory_equal(a, b, sizeof(a));
	struct sealer *const s = sealer_new(k);
	assert_non_null(s);
	assert_false(opens_as(w, s, &w->bind, SEALED));
	sealer_free(s);
	keyring_free(k);
}

static void test_S19_old_values_open_until_their_key_is_destroyed(void **state)
{
	struct world *const w = *state;
	assert_true(keyring_add(w->keyring));
	uint8_t sealed[SEALED];
	assert_true(seal_value(w->sealer, &w->bind, w->plain, PLAIN, sealed));
	assert_int_equal(seal_key_id((struct kv_slice){ sealed, SEALED }), 2);
	assert_true(opens(w));
	keyring_drop(w->keyring, 1);
	assert_false(opens(w));
	memcpy(w->sealed, sealed, SEALED);
	assert_true(opens(w));
}

static uint64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int by_octets(const void *a, const void *b)
{
	return memcmp(a, b, SEAL_SALT);
}

/* The key comes of the salt alone, as the data key is one; so distinct salts are distinct keys.
   That the key does come of the salt: equal plain texts under the constant nonce differ. */
static void test_S18_100000_seals_have_100000_keys(void **state)
{
	enum { SEALS = 100000 };
	struct world *const w = *state;
	static uint8_t salts[SEALS][SEAL_SALT];
	static uint8_t texts[SEALS][SEAL_SALT];
	uint8_t sealed[SEALED];
	uint64_t from = now_ns();
	for (size_t i = 0; i < SEALS; i++) {
		assert_true(seal_value(w->sealer, &w->bind, w->plain, PLAIN, sealed));
		memcpy(salts[i], sealed + 5, SEAL_SALT);
		memcpy(texts[i], sealed + 5 + SEAL_SALT, SEAL_SALT);
	}
	print_message(
		"# a seal of %d octets: %u ns\n", PLAIN, (unsigned)((now_ns() - from) / SEALS));
	qsort(salts, SEALS, SEAL_SALT, by_octets);
	qsort(texts, SEALS, SEAL_SALT, by_octets);
	for (size_t i = 1; i < SEALS; i++) {
		assert_true(memcmp(salts[i - 1], salts[i], SEAL_SALT) != 0);
		assert_true(memcmp(texts[i - 1], texts[i], SEAL_SALT) != 0);
	}
	enum { OPENINGS = 10000 };
	from = now_ns();
	for (size_t i = 0; i < OPENINGS; i++)
		assert_true(opens(w));
	print_message("# an opening: %u ns\n", (unsigned)((now_ns() - from) / OPENINGS));
}

/* The keyring's own copy lies in a mapping of its own, away from the heap. */
static void test_I5_no_data_key_stays_in_the_heap(void **state)
{
	struct world *const w = *state;
	uint8_t key[KEYRING_KEY];
	assert_true(keyring_key(w->keyring, 1, key) && opens(w));
	FILE *const f = fopen("/proc/self/maps", "re");
	assert_non_null(f);
	char line[512];
	bool found = false;
	while (fgets(line, sizeof(line), f) != NULL) {
		void *from = NULL;
		void *end = NULL;
		/* NOLINTNEXTLINE(cert-err34-c): the kernel wrote these numbers */
		if (strstr(line, "[heap]") == NULL || sscanf(line, "%p-%p", &from, &end) != 2)
			continue;
		const size_t len = (size_t)((char *)end - (char *)from);
		found = found || memmem(from, len, key, sizeof(key)) != NULL;
	}
	(void)fclose(f);
	assert_false(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_was_sealed_opens, begin, end),
		cmocka_unit_test_setup_teardown(
			test_every_length_opens_and_says_how_long_it_is, begin, end),
		cmocka_unit_test_setup_teardown(
			test_any_wrong_bit_and_any_length_is_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_S20_all_of_the_bind_counts, begin, end),
		cmocka_unit_test_setup_teardown(test_S20_another_store_opens_nothing, begin, end),
		cmocka_unit_test_setup_teardown(
			test_S19_old_values_open_until_their_key_is_destroyed, begin, end),
		cmocka_unit_test_setup_teardown(test_I5_no_data_key_stays_in_the_heap, begin, end),
		cmocka_unit_test_setup_teardown(test_S18_100000_seals_have_100000_keys, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
