/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that are no PSK, and stores from before there were any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "unit/store/depot.h"
#include "unit/store/old.h"

/* All of them have these octets as their identity. */
static const uint8_t name[STORE_PIN_LEN] = "32 octets: a name, or a digest.";

static struct store_cred of_kind(const char *endpoint, enum store_cred_kind kind)
{
	struct store_cred c = { .kind = (uint8_t)kind, .identity_len = sizeof(name) };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "%s", endpoint);
	memcpy(c.identity, name, sizeof(name));
	if (kind == STORE_CRED_PSK) {
		c.key_len = 16;
		memset(c.key, endpoint[0], c.key_len);
	}
	return c;
}

static enum store_result find(
	struct depot *d, enum store_cred_kind kind, size_t len, struct store_cred *out)
{
	store_reader_rest(d->r);
	return store_find_identity(d->r, kind, name, len, out);
}

static void test_R049_an_identity_of_one_kind_is_none_of_another(void **state)
{
	struct depot *const d = *state;
	static const char *const endpoints[] = { "psk", "raw", "certificate" };
	struct store_cred c[3];
	static struct store_cred x;
	for (unsigned kind = 0; kind < COUNT_OF(c); kind++) {
		for (unsigned k = kind; k < COUNT_OF(c); k++)
			assert_int_equal(
				find(d, (enum store_cred_kind)k, sizeof(name), &x), STORE_NONE);
		c[kind] = of_kind(endpoints[kind], (enum store_cred_kind)kind);
		assert_int_equal(depot_cred_put(d, &c[kind]), STORE_OK);
	}
	for (unsigned kind = 0; kind < COUNT_OF(c); kind++) {
		assert_int_equal(find(d, (enum store_cred_kind)kind, sizeof(name), &x), STORE_OK);
		assert_memory_equal(&x, &c[kind], sizeof(x));
		assert_int_equal(
			find(d, (enum store_cred_kind)kind, sizeof(name) - 1, &x), STORE_NONE);
	}
	assert_int_equal(depot_revoke(d, c[1].number), STORE_OK);
	assert_int_equal(find(d, STORE_CRED_RAW_KEY, sizeof(name), &x), STORE_NONE);
	assert_int_equal(find(d, STORE_CRED_PSK, sizeof(name), &x), STORE_OK);
	assert_int_equal(find(d, STORE_CRED_CERTIFICATE, sizeof(name), &x), STORE_OK);
}

static void test_R022_a_public_key_or_a_certificates_name_is_one_endpoints(void **state)
{
	struct depot *const d = *state;
	for (unsigned kind = STORE_CRED_RAW_KEY; kind <= STORE_CRED_CERTIFICATE; kind++) {
		char first[8], second[8];
		(void)snprintf(first, sizeof(first), "a%u", kind);
		(void)snprintf(second, sizeof(second), "b%u", kind);
		struct store_cred a = of_kind(first, (enum store_cred_kind)kind);
		struct store_cred b = of_kind(second, (enum store_cred_kind)kind);
		assert_int_equal(depot_cred_put(d, &a), STORE_OK);
		assert_int_equal(depot_cred_put(d, &b), STORE_STALE);
		assert_int_equal(depot_revoke(d, a.number), STORE_OK);
		assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	}
}

static void test_R022_who_has_a_pin_is_found(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = of_kind("a", STORE_CRED_CERTIFICATE), b = a;
	const uint8_t pin[STORE_PIN_LEN] = { 1, 2, 3 };
	uint32_t number = 0;
	assert_int_equal(store_find_pin(d->r, pin, &number), STORE_NONE);
	a.pinned = b.pinned = true;
	memcpy(a.pin, pin, sizeof(pin));
	memcpy(b.pin, pin, sizeof(pin));
	b.endpoint[0] = 'b';
	b.identity[0] ^= 1;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_pin(d->r, pin, &number), STORE_OK);
	assert_int_equal(number, a.number);
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_pin(d->r, pin, &number), STORE_OK);
	assert_int_equal(number, b.number);
	b.pinned = false;
	memset(b.pin, 0, sizeof(b.pin));
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_pin(d->r, pin, &number), STORE_NONE);
}

static void test_R020_what_is_not_of_its_kind_is_refused(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = of_kind("e", STORE_CRED_PSK);
	c.key_len = 0;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c = of_kind("e", STORE_CRED_PSK);
	c.pinned = true;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c = of_kind("e", STORE_CRED_RAW_KEY);
	c.key_len = 16;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c = of_kind("e", STORE_CRED_RAW_KEY);
	c.identity_len--; /* the whole digest */
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c = of_kind("e", STORE_CRED_RAW_KEY);
	c.pinned = true;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c = of_kind("e", STORE_CRED_CERTIFICATE);
	c.key_len = 16;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c = of_kind("e", STORE_CRED_CERTIFICATE);
	c.pin[5] = 1; /* and not pinned */
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c = of_kind("e", STORE_CRED_CERTIFICATE);
	c.kind++;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c = of_kind("e", STORE_CRED_CERTIFICATE);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
}

static void test_S29_another_kind_or_pin_is_another_generation(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = of_kind("e", STORE_CRED_RAW_KEY), x;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	uint64_t last = c.generation;
	c.kind = STORE_CRED_CERTIFICATE;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > last);
	assert_int_equal(find(d, STORE_CRED_RAW_KEY, sizeof(name), &x), STORE_NONE);
	assert_int_equal(find(d, STORE_CRED_CERTIFICATE, sizeof(name), &x), STORE_OK);
	last = c.generation;
	c.pinned = true; /* 32 zeros are a pin, too */
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > last);
	last = c.generation;
	c.pin[31] = 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > last);
	last = c.generation;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation == last);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(store_read_cred(d->r, c.number, &x), STORE_OK);
	assert_memory_equal(&x, &c, sizeof(x));
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	assert_int_equal(store_find_endpoint(d->r, "e", STORE_FOR_ANY, &x), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_endpoint(d->r, "e", STORE_FOR_ANY, &x), STORE_OK);
	assert_int_equal(x.kind, STORE_CRED_CERTIFICATE);
	assert_int_equal(x.state, STORE_CRED_REVOKED);
	assert_false(x.pinned);
}

static enum store_result put_resume(struct store_txn *t, void *arg)
{
	return store_resume_put(t, arg);
}

static void resumes(struct depot *d)
{
	struct store_cred c = of_kind("e", STORE_CRED_CERTIFICATE);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	struct store_resume x = { .id = { 1 },
		.id_len = STORE_SESSION_ID_MAX,
		.cred = c.number,
		.generation = c.generation,
		.until_ms = UINT64_MAX,
		.len = STORE_RESUME_MAX };
	static struct store_resume y;
	for (size_t i = 0; i < sizeof(x.session); i++)
		x.session[i] = (uint8_t)(i * 7);
	assert_int_equal(depot_do(d, put_resume, &x), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_find_resume(d->r, x.id, x.id_len, &y), STORE_OK);
	assert_int_equal(y.len, x.len);
	assert_memory_equal(y.session, x.session, sizeof(x.session));
}

/* With a certificate a session is that long. */
static void test_resumption_state_of_2048_octets_is_kept(void **state)
{
	struct depot *const d = depot_new_lmdb();
	depot_start(d);
	resumes(*state);
	resumes(d);
	depot_free(d);
}

/* --- from before ------------------------------------------------------------------------------ */

static void test_R204_what_was_written_before_there_were_kinds_is_a_PSK(void **state)
{
	(void)state;
	struct depot *const d = old_depot(1);
	struct store_cred c;
	assert_int_equal(store_find_identity(d->r, STORE_CRED_PSK, (const uint8_t *)"old-1", 5, &c),
		STORE_OK);
	assert_string_equal(c.endpoint, "urn:dev:old-1");
	assert_int_equal(c.number, 2);
	assert_int_equal(c.kind, STORE_CRED_PSK);
	assert_int_equal(c.origin, STORE_BY_FILE);
	assert_int_equal(c.key_len, 16);
	for (int i = 0; i < 16; i++)
		assert_int_equal(c.key[i], (uint8_t)(i * 37 + 11));
	assert_int_equal(store_find_identity(d->r, STORE_CRED_PSK, (const uint8_t *)"a\0b", 3, &c),
		STORE_OK);
	assert_string_equal(c.endpoint, "urn:dev:old-2");
	assert_int_equal(c.upstream_key_len, 16);
	assert_int_equal(c.upstream_key[1], 29 + 7);
	uint32_t number;
	assert_int_equal(
		store_find_upstream_identity(d->r, (const uint8_t *)"gw-2", 4, &number), STORE_OK);
	assert_int_equal(number, 3);
	assert_int_equal(store_find_endpoint(d->r, "gone", STORE_FOR_ANY, &c), STORE_OK);
	assert_int_equal(c.state, STORE_CRED_REVOKED);
	assert_int_equal(store_stats(d->s).damaged, 0);
	depot_free(d);
}

static void test_R204_what_was_written_before_goes_on(void **state)
{
	(void)state;
	struct depot *const d = old_depot(1);
	struct store_session s;
	static struct store_resume x;
	struct store_cred c, again;
	assert_int_equal(store_read_session(d->r, 2, &s), STORE_OK);
	assert_string_equal(s.location, "abc");
	assert_int_equal(store_find_resume(d->r, (const uint8_t *)"\1\2\3\4", 4, &x), STORE_OK);
	assert_int_equal(x.len, 40);
	assert_int_equal(x.session[39], 's');
	/* The same is the same; another kind is a change. */
	assert_int_equal(store_read_cred(d->r, 3, &c), STORE_OK);
	again = c;
	assert_int_equal(depot_cred_put(d, &again), STORE_OK);
	assert_true(again.generation == c.generation);
	again.kind = STORE_CRED_CERTIFICATE;
	again.key_len = 0;
	memset(again.key, 0, sizeof(again.key));
	assert_int_equal(depot_cred_put(d, &again), STORE_OK);
	assert_true(again.generation > c.generation);
	store_reader_rest(d->r);
	assert_int_equal(store_find_identity(d->r, STORE_CRED_PSK, (const uint8_t *)"a\0b", 3, &c),
		STORE_NONE);
	assert_int_equal(
		store_find_identity(d->r, STORE_CRED_CERTIFICATE, (const uint8_t *)"a\0b", 3, &c),
		STORE_OK);
	assert_int_equal(store_find_resume(d->r, (const uint8_t *)"\1\2\3\4", 4, &x), STORE_NONE);
	assert_int_equal(store_stats(d->s).damaged, 0);
	depot_free(d);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, depot_begin, depot_end)
	const struct CMUnitTest tests[] = {
		TEST(test_R049_an_identity_of_one_kind_is_none_of_another),
		TEST(test_R022_a_public_key_or_a_certificates_name_is_one_endpoints),
		TEST(test_R022_who_has_a_pin_is_found),
		TEST(test_R020_what_is_not_of_its_kind_is_refused),
		TEST(test_S29_another_kind_or_pin_is_another_generation),
		TEST(test_resumption_state_of_2048_octets_is_kept),
		cmocka_unit_test(test_R204_what_was_written_before_there_were_kinds_is_a_PSK),
		cmocka_unit_test(test_R204_what_was_written_before_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
