/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in by what he proved before, and who is not any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/log.h"
#include "gateway/known.h"
#include "gateway/store_wait.h"
#include "gateway/worker.h"
#include "store/store.h"

enum { OLD = 0x0a, NEW = 0x0b };

static const uint64_t hour_ms = UINT64_C(3600000);

struct world {
	struct store *store;
	struct gw_shared shared;
	struct gw_worker *worker;
	uint64_t now_ms;
	uint64_t old_generation; /* of the credential when it was made */
	struct store_cred cred;
};

static const struct log quiet = { .fd = 2, .level = LOG_LEVEL_ERROR, .name = "t" };

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct store_error why;
	assert_non_null(w);
	w->now_ms = (uint64_t)time(NULL) * 1000;
	const struct store_settings memory = {
		.log = &quiet, .boot_ms = 1000, .wall_ms = w->now_ms
	};
	w->store = store_open(&memory, &why);
	assert_non_null(w->store);
	w->shared = (struct gw_shared){ .store = w->store, .identity_key = { 1, 2 } };
	w->worker = calloc(1, sizeof(*w->worker));
	assert_non_null(w->worker);
	w->worker->shared = &w->shared;
	w->worker->reader = store_reader_new(w->store);
	assert_non_null(w->worker->reader);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	store_reader_free(w->worker->reader);
	free(w->worker);
	store_close(w->store);
	free(w);
	return 0;
}

static enum store_result run_put(struct store_txn *t, void *ctx)
{
	return store_cred_put(t, ctx);
}

static enum store_result run_settle(struct store_txn *t, void *ctx)
{
	const struct store_cred *const c = ctx;
	return store_cred_settle(t, c->number);
}

static void put(struct world *w)
{
	assert_int_equal(gw_store_do(w->store, run_put, &w->cred, true), STORE_OK);
	store_reader_rest(w->worker->reader);
}

static void identity(struct world *w, const char *name)
{
	w->cred.identity_len = (uint8_t)strlen(name);
	memcpy(w->cred.identity, name, w->cred.identity_len);
}

/* One that proves `name` and, as its kind has it, a key or a pin of OLD. */
static void add(struct world *w, enum store_cred_kind kind, const char *name)
{
	w->cred = (struct store_cred){ .endpoint = "e", .kind = (uint8_t)kind };
	identity(w, name);
	if (kind == STORE_CRED_PSK)
		w->cred.key_len = 16;
	memset(w->cred.key, OLD, w->cred.key_len);
	w->cred.pinned = kind == STORE_CRED_CERTIFICATE;
	memset(w->cred.pin, w->cred.pinned ? OLD : 0, STORE_PIN_LEN);
	put(w);
	w->old_generation = w->cred.generation;
}

/* By another name or key, NEW; what was before is taken for so long. */
static void replace(struct world *w, const char *name, uint64_t overlap_ms)
{
	struct store_cred_before *const b = &w->cred.before;
	*b = (struct store_cred_before){
		.generation = overlap_ms == 0 ? 0 : w->cred.generation,
		.until_ms = w->now_ms + overlap_ms,
		.identity_len = w->cred.identity_len,
		.key_len = w->cred.key_len,
		.pinned = w->cred.pinned,
	};
	memcpy(b->pin, w->cred.pin, sizeof(b->pin));
	memcpy(b->identity, w->cred.identity, sizeof(b->identity));
	memcpy(b->key, w->cred.key, sizeof(b->key));
	identity(w, name);
	memset(w->cred.key, NEW, w->cred.key_len);
	memset(w->cred.pin, w->cred.pinned ? NEW : 0, STORE_PIN_LEN);
	put(w);
}

/* Of which key a handshake is that says `name`; 0: nobody's. Its generation must be that of the
   key. */
static int psk(struct world *w, const char *name)
{
	struct dtls_psk out = { .cred = DTLS_NO_CRED };
	if (!gw_known_psk(w->worker, (const uint8_t *)name, strlen(name), &out))
		return 0;
	assert_int_equal(out.len, 16);
	assert_int_equal(out.cred, w->cred.number);
	assert_true(out.generation == (out.key[0] == NEW ? w->cred.generation : w->old_generation));
	return out.key[0];
}

static void fails(struct world *w, const char *name, enum dtls_cause cause, enum dtls_role role)
{
	const struct dtls_failure f = {
		.role = role,
		.cause = cause,
		.identity = (const uint8_t *)name,
		.identity_len = strlen(name),
	};
	gw_known_failed(w->worker, &f);
}

static void test_R216_both_identities_are_known_within_the_overlap(void **state)
{
	struct world *w = *state;
	add(w, STORE_CRED_PSK, "old");
	assert_int_equal(psk(w, "old"), OLD);
	replace(w, "new", hour_ms);
	assert_int_equal(psk(w, "old"), OLD);
	assert_int_equal(psk(w, "new"), NEW);
}

static void test_R216_a_key_whose_overlap_is_over_is_not_tried(void **state)
{
	struct world *w = *state;
	add(w, STORE_CRED_PSK, "i");
	w->now_ms -= 2 * hour_ms;
	replace(w, "i", hour_ms);
	fails(w, "i", DTLS_FAIL_KEY, DTLS_SERVER);
	assert_int_equal(psk(w, "i"), NEW);
}

static void test_R216_outside_the_overlap_only_the_newest_is_known(void **state)
{
	struct world *w = *state;
	add(w, STORE_CRED_PSK, "old");
	replace(w, "new", 0);
	assert_int_equal(psk(w, "old"), 0);
	assert_int_equal(psk(w, "new"), NEW);
	/* One that is over. */
	w->cred.before.generation = 0;
	w->now_ms -= 2 * hour_ms;
	replace(w, "newer", hour_ms);
	assert_int_equal(psk(w, "new"), 0);
	assert_int_equal(psk(w, "newer"), NEW);
}

/* The psk callback can give one key only. */
static void test_R216_of_two_keys_the_other_is_tried_after_a_failure(void **state)
{
	struct world *w = *state;
	add(w, STORE_CRED_PSK, "i");
	replace(w, "i", hour_ms);
	assert_int_equal(psk(w, "i"), NEW);
	fails(w, "i", DTLS_FAIL_KEY, DTLS_SERVER);
	assert_int_equal(psk(w, "i"), OLD);
	/* It is kept to: a device that has the old one must not fail each time. */
	assert_int_equal(psk(w, "i"), OLD);
	fails(w, "i", DTLS_FAIL_KEY, DTLS_SERVER);
	assert_int_equal(psk(w, "i"), NEW);
	/* What says nothing of the key changes nothing. */
	fails(w, "i", DTLS_FAIL_TIMEOUT, DTLS_SERVER);
	fails(w, "i", DTLS_FAIL_KEY, DTLS_CLIENT);
	fails(w, "j", DTLS_FAIL_KEY, DTLS_SERVER);
	assert_int_equal(psk(w, "i"), NEW);
}

static void test_R216_who_has_one_key_is_not_remembered(void **state)
{
	struct world *w = *state;
	add(w, STORE_CRED_PSK, "i");
	fails(w, "i", DTLS_FAIL_KEY, DTLS_SERVER);
	for (size_t i = 0; i < GW_KNOWN_OTHERS; i++)
		assert_true(w->worker->other_keys[i] == 0);
	assert_int_equal(psk(w, "i"), OLD);
	replace(w, "i", hour_ms);
	fails(w, "i", DTLS_FAIL_KEY, DTLS_SERVER);
	assert_int_equal(psk(w, "i"), OLD);
	/* The overlap ends, and the memory of it is no harm. */
	assert_int_equal(gw_store_do(w->store, run_settle, &w->cred, true), STORE_OK);
	store_reader_rest(w->worker->reader);
	assert_int_equal(psk(w, "i"), NEW);
	fails(w, "i", DTLS_FAIL_KEY, DTLS_SERVER);
	assert_int_equal(psk(w, "i"), NEW);
}

static void test_S28_who_has_expired_is_nobody(void **state)
{
	struct world *w = *state;
	add(w, STORE_CRED_PSK, "i");
	replace(w, "j", hour_ms);
	w->cred.before.generation = 0;
	w->cred.until_ms = w->now_ms + hour_ms;
	put(w);
	w->old_generation = w->cred.before.generation;
	assert_int_equal(psk(w, "j"), NEW);
	w->cred.until_ms = w->now_ms - 1;
	put(w);
	assert_int_equal(psk(w, "j"), 0);
	assert_int_equal(psk(w, "i"), 0);
}

static void test_R216_a_raw_key_of_before_is_known(void **state)
{
	struct world *w = *state;
	static const char old[] = "0123456789abcdef0123456789abcdef";
	static const char new[] = "fedcba9876543210fedcba9876543210";
	const uint8_t *const digests[] = { (const uint8_t *)old, (const uint8_t *)new };
	struct dtls_known out;
	add(w, STORE_CRED_RAW_KEY, old);
	replace(w, new, hour_ms);
	assert_true(gw_known_raw_key(w->worker, digests[0], &out));
	assert_true(out.generation == w->old_generation);
	assert_int_equal(out.cred, w->cred.number);
	assert_true(gw_known_raw_key(w->worker, digests[1], &out));
	assert_true(out.generation == w->cred.generation);
	w->cred.until_ms = w->now_ms - 1;
	w->cred.before.generation = 0;
	put(w);
	assert_false(gw_known_raw_key(w->worker, digests[0], &out));
	assert_false(gw_known_raw_key(w->worker, digests[1], &out));
}

static bool certificate(struct world *w, const char *name, int pin, struct dtls_known *out)
{
	uint8_t pins[1][32];
	memset(pins, pin, sizeof(pins));
	const struct dtls_chain chain = {
		.name = (const uint8_t *)name,
		.name_len = strlen(name),
		.pins = pins,
		.pins_len = 1,
	};
	return gw_known_certificate(w->worker, &chain, out);
}

static void test_R216_a_pin_or_a_name_of_before_is_known(void **state)
{
	struct world *w = *state;
	struct dtls_known out;
	add(w, STORE_CRED_CERTIFICATE, "n");
	replace(w, "n", hour_ms);
	assert_true(certificate(w, "n", OLD, &out));
	assert_true(out.generation == w->old_generation);
	assert_true(certificate(w, "n", NEW, &out));
	assert_true(out.generation == w->cred.generation);
	assert_false(certificate(w, "n", 7, &out));
	/* Another name: each goes with its own pin. */
	const uint64_t middle = w->cred.generation;
	replace(w, "m", hour_ms);
	assert_false(certificate(w, "n", OLD, &out));
	assert_true(certificate(w, "n", NEW, &out));
	assert_true(out.generation == middle);
	assert_true(certificate(w, "m", NEW, &out));
	assert_false(certificate(w, "m", OLD, &out));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_R216_both_identities_are_known_within_the_overlap),
		TEST(test_R216_outside_the_overlap_only_the_newest_is_known),
		TEST(test_R216_a_key_whose_overlap_is_over_is_not_tried),
		TEST(test_R216_of_two_keys_the_other_is_tried_after_a_failure),
		TEST(test_R216_who_has_one_key_is_not_remembered),
		TEST(test_S28_who_has_expired_is_nobody),
		TEST(test_R216_a_raw_key_of_before_is_known),
		TEST(test_R216_a_pin_or_a_name_of_before_is_known),
	};
	return cmocka_run_group_tests_name("gateway/known_before", tests, NULL, NULL);
}
