/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in by what he is to prove next (S31). */
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
#include "store/staging.h"
#include "store/store.h"

enum { BEFORE = 0x0a, NOW = 0x0b, NEXT = 0x0c };

static const uint64_t hour_ms = UINT64_C(3600000);

struct world {
	struct store *store;
	struct gw_shared shared;
	struct gw_worker *worker;
	uint64_t now_ms;
	struct store_cred cred;
	struct store_staged staged;
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

/* --- what there is ---------------------------------------------------------------------------- */

static enum store_result run_put(struct store_txn *t, void *ctx)
{
	return store_cred_put(t, ctx);
}

static enum store_result run_stage(struct store_txn *t, void *ctx)
{
	return store_stage(t, ctx);
}

static enum store_result run_arm(struct store_txn *t, void *ctx)
{
	const struct store_staged *const s = ctx;
	return store_stage_arm(t, s->cred, s->generation);
}

static void do_it(
	struct world *w, enum store_result (*run)(struct store_txn *t, void *ctx), void *ctx)
{
	assert_int_equal(gw_store_do(w->store, run, ctx, true), STORE_OK);
	store_reader_rest(w->worker->reader);
}

/* What a credential of a kind has beside its name. */
static void fill(enum store_cred_kind kind, uint8_t octet, uint8_t *key_len, uint8_t *key,
	uint8_t pin[STORE_PIN_LEN])
{
	*key_len = kind == STORE_CRED_PSK ? 16 : 0;
	memset(key, octet, *key_len);
	if (kind == STORE_CRED_CERTIFICATE)
		memset(pin, octet, STORE_PIN_LEN);
}

static void put(struct world *w, enum store_cred_kind kind, const char *name)
{
	struct store_cred *const c = &w->cred;
	*c = (struct store_cred){ .endpoint = "e",
		.kind = (uint8_t)kind,
		.identity_len = (uint8_t)strlen(name),
		.pinned = kind == STORE_CRED_CERTIFICATE };
	memcpy(c->identity, name, c->identity_len);
	fill(kind, NOW, &c->key_len, c->key, c->pin);
	do_it(w, run_put, c);
}

/* What it had before NOW is BEFORE. */
static void put_after(struct world *w, const char *name)
{
	struct store_cred *const c = &w->cred;
	put(w, STORE_CRED_PSK, name);
	memset(c->key, BEFORE, c->key_len);
	do_it(w, run_put, c);
	c->before = (struct store_cred_before){ .generation = c->generation,
		.until_ms = w->now_ms + hour_ms,
		.identity_len = c->identity_len,
		.key_len = c->key_len };
	memcpy(c->before.identity, c->identity, c->identity_len);
	memcpy(c->before.key, c->key, c->key_len);
	memset(c->key, NOW, c->key_len);
	do_it(w, run_put, c);
}

static void stage(struct world *w, enum store_cred_kind kind, const char *name, bool armed)
{
	struct store_staged *const s = &w->staged;
	*s = (struct store_staged){ .cred = w->cred.number,
		.until_ms = w->now_ms + hour_ms,
		.kind = (uint8_t)kind,
		.identity_len = (uint8_t)strlen(name),
		.pinned = kind == STORE_CRED_CERTIFICATE };
	memcpy(s->identity, name, s->identity_len);
	fill(kind, NEXT, &s->key_len, s->key, s->pin);
	do_it(w, run_stage, s);
	assert_true(s->generation > w->cred.generation);
	if (armed)
		do_it(w, run_arm, s);
}

/* --- who comes -------------------------------------------------------------------------------- */

/* Of which key a handshake is; 0: nobody's. Its generation must be that of the key. */
static int psk(struct world *w, const char *name)
{
	struct dtls_psk out = { .cred = DTLS_NO_CRED };
	if (!gw_known_psk(w->worker, (const uint8_t *)name, strlen(name), &out))
		return 0;
	const uint64_t wanted = out.key[0] == NEXT     ? w->staged.generation
				: out.key[0] == BEFORE ? w->cred.before.generation
						       : w->cred.generation;
	assert_int_equal(out.len, 16);
	assert_int_equal(out.cred, w->cred.number);
	assert_true(out.generation == wanted);
	return out.key[0];
}

static void fails(struct world *w, const char *name)
{
	const struct dtls_failure f = {
		.role = DTLS_SERVER,
		.cause = DTLS_FAIL_KEY,
		.identity = (const uint8_t *)name,
		.identity_len = strlen(name),
	};
	gw_known_failed(w->worker, &f);
}

static void test_S31_another_identity_is_known_beside(void **state)
{
	struct world *w = *state;
	for (int armed = 0; armed < 2; armed++) {
		put(w, STORE_CRED_PSK, "i");
		stage(w, STORE_CRED_PSK, "j", armed != 0);
		assert_int_equal(psk(w, "i"), NOW);
		assert_int_equal(psk(w, "j"), NEXT);
		assert_int_equal(psk(w, "k"), 0);
		w->cred.until_ms = w->now_ms - 1;
		do_it(w, run_put, &w->cred);
		assert_int_equal(psk(w, "j"), 0); /* S28: who has expired is nobody */
		(void)tear_down(state);
		(void)set_up(state);
		w = *state;
	}
}

/* What the device is known to have goes first; the other after a failure, and is kept to. */
static void test_S31_one_identity_with_two_keys(void **state)
{
	struct world *w = *state;
	put(w, STORE_CRED_PSK, "i");
	stage(w, STORE_CRED_PSK, "i", false);
	assert_int_equal(psk(w, "i"), NOW);
	fails(w, "i");
	assert_int_equal(psk(w, "i"), NEXT);
	assert_int_equal(psk(w, "i"), NEXT);
	fails(w, "i");
	assert_int_equal(psk(w, "i"), NOW);
	do_it(w, run_arm, &w->staged);
	assert_int_equal(psk(w, "i"), NEXT);
	fails(w, "i");
	assert_int_equal(psk(w, "i"), NOW);
	fails(w, "i");
	assert_int_equal(psk(w, "i"), NEXT);
}

static void test_S31_R216_three_keys_take_turns(void **state)
{
	struct world *w = *state;
	static const int orders[2][3] = { { NOW, BEFORE, NEXT }, { NEXT, NOW, BEFORE } };
	put_after(w, "i");
	stage(w, STORE_CRED_PSK, "i", false);
	for (size_t armed = 0; armed < 2; armed++) {
		for (size_t i = 0; i < 6; i++) {
			assert_int_equal(psk(w, "i"), orders[armed][i % 3]);
			fails(w, "i");
		}
		if (armed == 0)
			do_it(w, run_arm, &w->staged);
	}
}

static void test_S31_a_raw_key_is_known_beside(void **state)
{
	struct world *w = *state;
	static const char next[] = "fedcba9876543210fedcba9876543210";
	uint8_t digest[32];
	struct dtls_known out;
	put(w, STORE_CRED_PSK, "i");
	stage(w, STORE_CRED_RAW_KEY, next, false);
	memcpy(digest, next, sizeof(digest));
	assert_true(gw_known_raw_key(w->worker, digest, &out));
	assert_int_equal(out.cred, w->cred.number);
	assert_true(out.generation == w->staged.generation);
	assert_int_equal(psk(w, "i"), NOW);
	digest[0] ^= 1;
	assert_false(gw_known_raw_key(w->worker, digest, &out));
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

/* A new certificate has the old name, mostly. */
static void test_S31_R075_a_certificate_of_the_same_name_is_known_by_its_pin(void **state)
{
	struct world *w = *state;
	struct dtls_known out;
	put(w, STORE_CRED_CERTIFICATE, "n");
	stage(w, STORE_CRED_CERTIFICATE, "n", false);
	assert_true(certificate(w, "n", NEXT, &out));
	assert_true(out.generation == w->staged.generation);
	assert_true(certificate(w, "n", NOW, &out));
	assert_true(out.generation == w->cred.generation);
	assert_false(certificate(w, "n", 7, &out));
	/* Also beside one that any key of this name has proved until now. */
	w->cred.pinned = false;
	memset(w->cred.pin, 0, sizeof(w->cred.pin));
	do_it(w, run_put, &w->cred);
	stage(w, STORE_CRED_CERTIFICATE, "n", false);
	assert_true(certificate(w, "n", NEXT, &out));
	assert_true(out.generation == w->staged.generation);
	assert_true(certificate(w, "n", 7, &out));
	assert_true(out.generation == w->cred.generation);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_S31_another_identity_is_known_beside),
		TEST(test_S31_one_identity_with_two_keys),
		TEST(test_S31_R216_three_keys_take_turns),
		TEST(test_S31_a_raw_key_is_known_beside),
		TEST(test_S31_R075_a_certificate_of_the_same_name_is_known_by_its_pin),
	};
	return cmocka_run_group_tests_name("gateway/known_staged", tests, NULL, NULL);
}
