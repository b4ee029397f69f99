/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "store/keyring.h"

static const struct kek kek = { "0123456789abcdef0123456789abcde" };
static const struct kek other = { "1123456789abcdef0123456789abcde" };

struct world {
	struct keyring *keyring;
	uint8_t blob[KEYRING_WRAPPED_MAX];
	size_t len;
	struct store_error error;
};

static int begin(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->keyring = keyring_new();
	assert_non_null(w->keyring);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *const w = *state;
	keyring_free(w->keyring);
	free(w);
	return 0;
}

static void wrap(struct world *w)
{
	w->len = keyring_wrap(w->keyring, &kek, w->blob);
	assert_true(w->len > 0 && w->len <= KEYRING_WRAPPED_MAX);
}

static bool same_key(const struct keyring *a, const struct keyring *b, uint32_t id)
{
	uint8_t ka[KEYRING_KEY], kb[KEYRING_KEY];
	const bool in_a = keyring_key(a, id, ka);
	const bool in_b = keyring_key(b, id, kb);
	return in_a == in_b && (!in_a || memcmp(ka, kb, KEYRING_KEY) == 0);
}

static void test_what_was_wrapped_is_unwrapped(void **state)
{
	struct world *const w = *state;
	for (unsigned keys = 1; keys <= KEYRING_KEYS_MAX; keys++) {
		wrap(w);
		struct keyring *const k = keyring_unwrap(&kek, w->blob, w->len, &w->error);
		assert_string_equal(w->error.text, "");
		assert_non_null(k);
		uint8_t a[16], b[16];
		keyring_uuid(w->keyring, a);
		keyring_uuid(k, b);
		assert_memory_equal(a, b, 16);
		assert_true(keyring_mac_key(w->keyring, "x", a) && keyring_mac_key(k, "x", b));
		assert_memory_equal(a, b, 16);
		assert_int_equal(keyring_newest(k), keys);
		for (uint32_t id = 0; id <= KEYRING_KEYS_MAX + 1; id++)
			assert_true(same_key(w->keyring, k, id));
		keyring_free(k);
		assert_true(keyring_add(w->keyring) == (keys < KEYRING_KEYS_MAX));
	}
}

static void test_R191_no_key_is_in_what_is_wrapped(void **state)
{
	struct world *const w = *state;
	assert_true(keyring_add(w->keyring));
	wrap(w);
	for (uint32_t id = 1; id <= 2; id++) {
		uint8_t key[KEYRING_KEY];
		assert_true(keyring_key(w->keyring, id, key));
		for (size_t i = 0; i + 4 <= KEYRING_KEY; i++)
			assert_null(memmem(w->blob, w->len, key + i, 4));
	}
	assert_null(memmem(w->blob, w->len, kek.key, 4));
	uint8_t again[KEYRING_WRAPPED_MAX];
	assert_int_equal(keyring_wrap(w->keyring, &kek, again), w->len);
	assert_memory_not_equal(again + 29, w->blob + 29, 32); /* the salts */
}

static void test_a_wrong_key_is_told_from_damage_by_its_name(void **state)
{
	struct world *const w = *state;
	wrap(w);
	assert_null(keyring_unwrap(&other, w->blob, w->len, &w->error));
	uint8_t a[KEK_ID], b[KEK_ID];
	kek_id(&kek, a);
	kek_id(&other, b);
	char name[2][2 * KEK_ID + 1];
	for (size_t i = 0; i < KEK_ID; i++) {
		(void)snprintf(name[0] + 2 * i, 3, "%02x", a[i]);
		(void)snprintf(name[1] + 2 * i, 3, "%02x", b[i]);
	}
	char wanted[128];
	(void)snprintf(wanted, sizeof(wanted), "wrapped by key %s, but the key given is %s",
		name[0], name[1]);
	assert_non_null(strstr(w->error.text, wanted));
}

static void test_any_wrong_bit_and_any_length_is_refused(void **state)
{
	struct world *const w = *state;
	wrap(w);
	for (size_t bit = 0; bit < w->len * 8; bit++) {
		w->blob[bit / 8] ^= (uint8_t)(1U << bit % 8);
		w->error.text[0] = '\0';
		assert_null(keyring_unwrap(&kek, w->blob, w->len, &w->error));
		assert_true(w->error.text[0] != '\0');
		w->blob[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	for (size_t len = 0; len < w->len; len++)
		assert_null(keyring_unwrap(&kek, w->blob, len, &w->error));
	assert_non_null(strstr(w->error.text, "is damaged"));
	assert_null(keyring_unwrap(&kek, w->blob, w->len + 1, &w->error));
	w->blob[4] = 2;
	assert_null(keyring_unwrap(&kek, w->blob, w->len, &w->error));
	assert_non_null(strstr(w->error.text, "format 2"));
}

static void test_S19_a_number_never_comes_back(void **state)
{
	struct world *const w = *state;
	uint8_t key[KEYRING_KEY];
	for (uint32_t id = 2; id < 40; id++) {
		assert_true(keyring_add(w->keyring));
		assert_int_equal(keyring_newest(w->keyring), id);
		keyring_drop(w->keyring, id); /* the newest stays */
		assert_true(keyring_key(w->keyring, id, key));
		keyring_drop(w->keyring, id - 1);
		assert_false(keyring_key(w->keyring, id - 1, key));
		assert_true(keyring_key(w->keyring, id, key));
		if (id % 10 != 0)
			continue;
		wrap(w);
		keyring_free(w->keyring);
		w->keyring = keyring_unwrap(&kek, w->blob, w->len, &w->error);
		assert_non_null(w->keyring);
	}
}

static void test_dropping_one_leaves_the_others(void **state)
{
	struct world *const w = *state;
	uint8_t before[6][KEYRING_KEY], after[KEYRING_KEY];
	for (uint32_t id = 2; id <= 5; id++)
		assert_true(keyring_add(w->keyring));
	for (uint32_t id = 1; id <= 5; id++)
		assert_true(keyring_key(w->keyring, id, before[id]));
	keyring_drop(w->keyring, 3);
	keyring_drop(w->keyring, 1);
	keyring_drop(w->keyring, 77);
	for (uint32_t id = 1; id <= 5; id++) {
		assert_int_equal(keyring_key(w->keyring, id, after), id != 3 && id != 1);
		if (id != 3 && id != 1)
			assert_memory_equal(after, before[id], KEYRING_KEY);
	}
}

static void test_mac_keys_stay_when_data_keys_go(void **state)
{
	struct world *const w = *state;
	uint8_t a[16], b[16], c[16];
	assert_true(keyring_mac_key(w->keyring, "slots", a));
	assert_true(keyring_mac_key(w->keyring, "rows", c));
	assert_true(keyring_add(w->keyring));
	keyring_drop(w->keyring, 1);
	assert_true(keyring_mac_key(w->keyring, "slots", b));
	assert_memory_equal(a, b, 16);
	assert_memory_not_equal(a, c, 16);
}

static long locked_kib(void)
{
	FILE *const f = fopen("/proc/self/status", "re");
	assert_non_null(f);
	char line[256];
	long kib = -1;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmLck:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	(void)fclose(f);
	return kib;
}

/* Not where the limit is too low; and sanitizers make mlock() do nothing. */
static bool can_lock(void)
{
	static uint8_t page[8192];
	const long before = locked_kib();
	if (before < 0 || mlock(page, sizeof(page)) != 0)
		return false;
	const bool counted = locked_kib() > before;
	(void)munlock(page, sizeof(page));
	return counted;
}

static void test_I5_keys_lie_in_locked_memory(void **state)
{
	(void)state;
	if (!can_lock())
		skip();
	const long before = locked_kib();
	struct keyring *const k = keyring_new();
	assert_non_null(k);
	assert_true(locked_kib() > before);
	keyring_free(k);
	assert_int_equal(locked_kib(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_wrapped_is_unwrapped),
		TEST(test_R191_no_key_is_in_what_is_wrapped),
		TEST(test_a_wrong_key_is_told_from_damage_by_its_name),
		TEST(test_any_wrong_bit_and_any_length_is_refused),
		TEST(test_S19_a_number_never_comes_back),
		TEST(test_dropping_one_leaves_the_others),
		TEST(test_mac_keys_stay_when_data_keys_go),
		TEST(test_I5_keys_lie_in_locked_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
