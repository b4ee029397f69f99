/* SPDX-License-Identifier: Apache-2.0 */
/* A device is given keys for short messages by its bootstrap server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/session.h"
#include "gateway/sms_keeper.h"
#include "io/inbox.h"
#include "school.h"
#include "sms/keyset.h"
#include "store/sms_keys.h"
#include "town_night.h"

enum { FINISH = 2, NEW = 7, KEYS = 32 };

static const uint8_t params[] = { 0x22, 0x22, 0x16, 0x00, 0xbf, 0xff, 0x07 };

static struct school_sms next(uint8_t n, uint8_t *key)
{
	school_key(n, key);
	school_key((uint8_t)(n + 1), key + SCHOOL_KEY);
	return (struct school_sms){ .mode = 204,
		.params = params,
		.params_len = sizeof(params),
		.key = key,
		.key_len = KEYS };
}

static size_t known(struct town *t)
{
	const size_t socket = town_socket(t, 0), ups = t->devices.ups;
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, ups + 1);
	return socket;
}

/* The endpoint's credential for short messages. */
static enum store_result put_cred(struct store_txn *x, void *arg)
{
	struct store_cred *const c = arg;
	return store_cred_put(x, c);
}

static void reached(struct town *t, uint8_t profile, uint8_t how)
{
	struct store_cred c = { .kind = STORE_CRED_SMS,
		.endpoint = "urn:dev:0",
		.identity_len = 13,
		.identity = "4915112345678",
		.key_len = KEYS,
		.sms = { .profile = profile,
			.kic = 0x12,
			.kid = 0x12,
			.cc_len = 8,
			.tar = { 0xbf, 0xff, 0x07 },
			.renew = { .how = how } } };
	static const uint8_t card[] = { 0xb2, 0x02, 0x03 };
	if (profile == STORE_SMS_LWM2M_10)
		memcpy(c.sms.tar, card, sizeof(card));
	school_key(100, c.key);
	school_key(101, c.key + SCHOOL_KEY);
	assert_int_equal(town_do(t, put_cred, &c), STORE_OK);
}

static void reached_by_sms(struct town *t, uint8_t profile)
{
	reached(t, profile, STORE_RENEW_NEVER);
}

static void write_both(struct town *t, size_t socket, const struct school_sms *sms)
{
	uint8_t key[SCHOOL_KEY];
	school_key(NEW, key);
	const struct school_account a = { .uri = SCHOOL_URI,
		.identity = "next",
		.identity_len = 4,
		.key = key,
		.key_len = sizeof(key),
		.sms = sms };
	school_write(t, 0, &a);
	school_answer(t, socket, TOWN_CODE_CHANGED);
}

/* The whole bootstrap up to Finish. */
static void teach(struct town *t, size_t socket, const struct school_sms *sms)
{
	school_request(t, 0, socket);
	write_both(t, socket, sms);
}

static void passes(struct town *t)
{
	const size_t before = t->devices.messages;
	school_finish(t, 0);
	town_until(t, &t->devices.messages, before + 1);
	assert_int_equal(t->devices.code, FINISH);
	town_settle(t);
}

static void refused(struct town *t)
{
	const size_t devices = t->devices.messages, before = t->server.messages;
	school_finish(t, 0);
	town_until(t, &t->server.messages, before + 1);
	assert_int_equal(t->server.code, SCHOOL_NOT_ACCEPTABLE);
	assert_int_equal(t->devices.messages, devices);
	town_settle(t);
}

/* --- what is refused, and what is nobody's business ------------------------------------------- */

static void test_R313_an_endpoint_that_is_not_reached_by_them_is_left_alone(void **state)
{
	uint8_t key[KEYS] = { 0 };
	struct store_staged s;
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	struct school_sms x = next(1, key);
	x.key_len = 5; /* of no interest */
	teach(t, socket, &x);
	passes(t);
	assert_true(school_staged(t, 0, &s));
	school_assert_told(t, GW_ENTRY_STAGED, "has finished");
	court_assert_silent(t);
	school_free(t);
}

static void test_R313_keys_that_are_not_good_never_reach_the_device(void **state)
{
	uint8_t key[KEYS] = { 0 };
	struct store_staged s;
	(void)state;
	struct town *const t = school_new();
	reached_by_sms(t, STORE_SMS_CR_004);
	const size_t socket = known(t);
	struct school_sms x = next(1, key);
	x.key_len = SCHOOL_KEY;
	teach(t, socket, &x);
	refused(t);
	assert_false(school_staged(t, 0, &s)); /* all of it or nothing */
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "one key");
	x = next(1, key);
	memcpy(key + SCHOOL_KEY, key, SCHOOL_KEY);
	teach(t, socket, &x);
	refused(t);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "same");
	x = next(1, key);
	x.mode = 3;
	teach(t, socket, &x);
	refused(t);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "no secured packets");
	school_free(t);
}

static void test_R313_keys_of_another_profile_are_refused(void **state)
{
	uint8_t key[KEYS] = { 0 };
	(void)state;
	struct town *const t = school_new();
	reached_by_sms(t, STORE_SMS_LWM2M_10);
	const size_t socket = known(t);
	const struct school_sms x = next(1, key);
	teach(t, socket, &x);
	refused(t);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "another profile");
	school_free(t);
}

/* --- what is kept ----------------------------------------------------------------------------- */

static bool sets(struct town *t, struct keyset *k)
{
	struct store_reader *const r = store_reader_new(t->store);
	struct store_sms_keys row = { .cred = 0 };
	struct store_cred c = { .number = 0 };
	assert_non_null(r);
	assert_int_equal(store_find_endpoint_sms(r, "urn:dev:0", &c), STORE_OK);
	const enum store_result got = store_sms_keys_read(r, c.number, &row);
	store_reader_free(r);
	if (got == STORE_OK) {
		assert_true(keyset_load(row.data, row.len, k));
		assert_int_equal(row.proved, c.proved);
	}
	return got == STORE_OK;
}

static void test_R313_they_are_the_next_before_the_device_has_the_finish(void **state)
{
	uint8_t key[KEYS] = { 0 };
	struct keyset k = { .state = 0 };
	(void)state;
	struct town *const t = school_new();
	reached_by_sms(t, STORE_SMS_CR_004);
	const size_t socket = known(t);
	const struct school_sms x = next(1, key);
	teach(t, socket, &x);
	town_settle(t);
	assert_false(sets(t, &k));
	town_stall(t);
	const size_t messages = t->devices.messages;
	school_finish(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	assert_int_equal(t->devices.messages, messages);
	town_go_on(t);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, FINISH);
	assert_true(sets(t, &k));
	assert_int_equal(k.state, KEYSET_DELIVERED);
	const struct keyset_keys *const current = &k.set[KEYSET_CURRENT],
					*const n = &k.set[KEYSET_NEXT];
	assert_int_equal(current->origin, KEYSET_PROVISIONED);
	assert_int_equal(current->agreed.kic, 0x12);
	assert_int_equal(n->origin, KEYSET_UDP);
	assert_true(n->generation > current->generation);
	assert_int_equal(n->agreed.kic, 0x22);
	assert_int_equal(n->agreed.key_len, KEYS);
	assert_memory_equal(n->agreed.key, key, KEYS);
	assert_int_equal(n->until_ms, 0);
	school_assert_told(t, GW_ENTRY_STAGED, "has finished");
	school_assert_told(t, GW_ENTRY_STAGED, "keys for short messages");
	school_assert_told(t, GW_ENTRY_SMS_KEYS, "");
	school_free(t);
}

static void test_R313_the_same_again_brings_nothing(void **state)
{
	uint8_t key[KEYS] = { 0 };
	struct keyset k = { .state = 0 };
	(void)state;
	struct town *const t = school_new();
	reached_by_sms(t, STORE_SMS_CR_004);
	const size_t socket = known(t);
	struct school_sms x = next(1, key);
	for (unsigned i = 0; i < 2; i++) {
		teach(t, socket, &x);
		passes(t);
		school_answer(t, socket, TOWN_CODE_CHANGED);
		town_settle(t);
		assert_true(sets(t, &k));
		assert_int_equal(k.last, 2);
	}
	x = next(3, key); /* others take their place */
	teach(t, socket, &x);
	passes(t);
	assert_true(sets(t, &k));
	assert_int_equal(k.last, 3);
	assert_memory_equal(k.set[KEYSET_NEXT].agreed.key, key, KEYS);
	school_free(t);
}

/* The server goes on in one bootstrap: what it writes last counts, and is waited for by itself. */
static void test_R313_what_is_written_last_counts(void **state)
{
	uint8_t key[KEYS] = { 0 };
	struct keyset k = { .state = 0 };
	struct store_staged s;
	(void)state;
	struct town *const t = school_new();
	reached_by_sms(t, STORE_SMS_CR_004);
	const size_t socket = known(t);
	struct school_sms x = next(1, key);
	teach(t, socket, &x);
	passes(t);
	x = next(3, key);
	write_both(t, socket, &x);
	town_settle(t);
	town_stall(t);
	const size_t messages = t->devices.messages;
	school_finish(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	assert_int_equal(t->devices.messages, messages);
	town_go_on(t);
	town_until(t, &t->devices.messages, messages + 1);
	assert_true(sets(t, &k));
	assert_memory_equal(k.set[KEYSET_NEXT].agreed.key, key, KEYS);
	/* And what is not good undoes what the device has not got. */
	assert_true(school_staged(t, 0, &s));
	x.mode = 3;
	write_both(t, socket, &x);
	refused(t);
	assert_false(school_staged(t, 0, &s));
	school_free(t);
}

static void test_R313_an_account_that_says_nothing_of_them_changes_nothing(void **state)
{
	struct keyset k = { .state = 0 };
	struct store_staged s;
	(void)state;
	struct town *const t = school_new();
	reached_by_sms(t, STORE_SMS_CR_004);
	const size_t socket = known(t);
	teach(t, socket, NULL);
	passes(t);
	assert_true(school_staged(t, 0, &s));
	assert_false(sets(t, &k));
	school_free(t);
}

/* --- where the bootstrap server is who renews them -------------------------------------------- */

static enum store_result put_session(struct store_txn *x, void *arg)
{
	return store_session_put(x, arg);
}

static void registered(struct town *t, uint32_t lifetime_s)
{
	struct store_reader *const r = store_reader_new(t->store);
	struct store_cred c = { .number = 0 };
	assert_non_null(r);
	assert_int_equal(store_find_endpoint_sms(r, "urn:dev:0", &c), STORE_OK);
	store_reader_free(r);
	struct store_session row = { .cred = c.number,
		.device = STORE_NO_SLOT,
		.link = STORE_NO_SLOT,
		.registered = true,
		.location = "rd/7",
		.lifetime_s = lifetime_s,
		.expires_ms = UINT64_MAX / 2 };
	assert_int_equal(town_do(t, put_session, &row), STORE_OK);
}

/* Its sets are these. */
static enum store_result put_sets(struct store_txn *x, void *arg)
{
	const struct keyset *const k = arg;
	struct store_sms_keys row = { .due_ms = UINT64_MAX };
	struct store_cred c = { .number = 0 };
	assert_int_equal(store_find_endpoint_sms(store_txn_reader(x), "urn:dev:0", &c), STORE_OK);
	row.cred = c.number;
	row.proved = c.proved;
	row.len = keyset_save(k, row.data, sizeof(row.data));
	return store_sms_keys_put(x, &row);
}

/* Others were asked for. */
static void asked(struct town *t, const struct sms_agreed *current)
{
	struct keyset k;
	keyset_begin(&k, current, 1);
	k.state = KEYSET_REFRESHING;
	k.due_ms = UINT64_MAX / 2;
	assert_int_equal(town_do(t, put_sets, &k), STORE_OK);
}

static void test_R305_they_end_with_the_registration(void **state)
{
	static const uint32_t lifetimes[] = { 0, 120 };
	uint8_t key[KEYS] = { 0 };
	struct keyset k = { .state = 0 };
	(void)state;
	struct town *const t = school_new();
	reached(t, STORE_SMS_CR_004, STORE_RENEW_UDP);
	const size_t socket = known(t);
	for (size_t i = 0; i < COUNT_OF(lifetimes); i++) {
		const uint32_t want_s = lifetimes[i] > 0 ? lifetimes[i] : 86400;
		const struct school_sms x = next((uint8_t)(1 + 2 * i), key);
		if (lifetimes[i] > 0)
			registered(t, lifetimes[i]);
		teach(t, socket, &x);
		passes(t);
		school_answer(t, socket, TOWN_CODE_CHANGED);
		town_settle(t);
		assert_true(sets(t, &k));
		const struct keyset_keys *const n = &k.set[KEYSET_NEXT];
		assert_memory_equal(n->agreed.key, key, KEYS);
		assert_true(n->until_ms == n->obtained_ms + (uint64_t)want_s * 1000);
	}
	school_free(t);
}

/* What the keeper is told; false: nothing. */
static bool told(struct inbox *keeper, const char *cause)
{
	struct inbox_message *const m = calloc(1, sizeof(*m));
	struct gw_keeper_told x = { .cred = 0 };
	assert_non_null(m);
	const bool is = inbox_take(keeper, m);
	if (is) {
		assert_int_equal(m->kind, GW_KEEPER_TOLD);
		memcpy(&x, m->data, sizeof(x));
		assert_int_equal(x.event, KEYSET_REFUSED);
		assert_false(x.ask);
		assert_string_equal(x.cause, cause);
		assert_int_equal(x.retry_s, 0);
	}
	free(m);
	return is;
}

static void test_R312_a_bootstrap_that_brings_none_is_told_where_some_are_awaited(void **state)
{
	static const struct sms_agreed own = { .profile = SMS_CR_004,
		.kic = 0x12,
		.kid = 0x12,
		.cc_len = 8,
		.key_len = KEYS,
		.key = { 1, 2 } };
	uint8_t key[KEYS] = { 0 };
	(void)state;
	struct town *const t = school_new();
	struct inbox *const keeper = inbox_new();
	assert_non_null(keeper);
	t->shared.keeper = keeper;
	reached(t, STORE_SMS_CR_004, STORE_RENEW_UDP);
	const size_t socket = known(t);
	teach(t, socket, NULL);
	passes(t);
	assert_false(told(keeper, ""));
	asked(t, &own);
	teach(t, socket, NULL);
	passes(t);
	assert_true(told(keeper, "no-keys"));
	assert_false(told(keeper, ""));
	struct school_sms x = next(1, key);
	x.mode = 3;
	teach(t, socket, &x);
	refused(t);
	assert_true(told(keeper, "bad-keys"));
	assert_false(told(keeper, ""));
	t->shared.keeper = NULL;
	inbox_free(keeper);
	school_free(t);
}

static void test_R312_the_current_ones_again_are_none(void **state)
{
	struct sms_agreed own = { .profile = SMS_CR_004,
		.kic = 0x22,
		.kid = 0x22,
		.cc_len = 8,
		.key_len = KEYS,
		.tar = { 0xbf, 0xff, 0x07 } };
	struct keyset k = { .state = 0 };
	uint8_t key[KEYS] = { 0 };
	(void)state;
	struct town *const t = school_new();
	t->conf.sms_keys.backoff_s = 60;
	t->conf.sms_keys.most_s = 3600;
	reached(t, STORE_SMS_CR_004, STORE_RENEW_UDP);
	const size_t socket = known(t);
	const struct school_sms x = next(1, key);
	memcpy(own.key, key, KEYS);
	asked(t, &own);
	teach(t, socket, &x);
	passes(t);
	assert_true(sets(t, &k));
	assert_int_equal(k.state, KEYSET_FAILED);
	assert_string_equal(k.cause, "same-keys");
	assert_int_equal(k.last, 1);
	assert_int_equal(k.set[KEYSET_NEXT].generation, 0);
	school_assert_told(t, GW_ENTRY_STAGED, "has finished");
	school_assert_told(t, GW_ENTRY_STAGED, "keys for short messages");
	school_assert_told(t, GW_ENTRY_SMS_KEYS, "same-keys");
	school_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R313_an_endpoint_that_is_not_reached_by_them_is_left_alone),
		cmocka_unit_test(test_R313_keys_that_are_not_good_never_reach_the_device),
		cmocka_unit_test(test_R313_keys_of_another_profile_are_refused),
		cmocka_unit_test(test_R313_they_are_the_next_before_the_device_has_the_finish),
		cmocka_unit_test(test_R313_the_same_again_brings_nothing),
		cmocka_unit_test(test_R313_what_is_written_last_counts),
		cmocka_unit_test(test_R313_an_account_that_says_nothing_of_them_changes_nothing),
		cmocka_unit_test(test_R305_they_end_with_the_registration),
		cmocka_unit_test(
			test_R312_a_bootstrap_that_brings_none_is_told_where_some_are_awaited),
		cmocka_unit_test(test_R312_the_current_ones_again_are_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
