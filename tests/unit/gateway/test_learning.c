/* SPDX-License-Identifier: Apache-2.0 */
/* A device is given another credential by its bootstrap server, and proves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/learning.h"
#include "gateway/session.h"
#include "proxy/channel.h"
#include "school.h"

enum { FINISH = 2, OTHER = 1, NEW = 7, NEWER = 8 };

static size_t known(struct town *t)
{
	const size_t socket = town_socket(t, 0), ups = t->devices.ups;
	town_connect(t, 0, socket);
	town_until(t, &t->devices.ups, ups + 1);
	return socket;
}

static void assert_nothing(struct town *t)
{
	struct store_staged s;
	assert_false(school_staged(t, 0, &s));
}

/* --- staged and armed ------------------------------------------------------------------------- */

static void test_S31_it_is_durable_before_the_device_has_the_finish(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	struct store_staged s;
	school_teach(t, socket, "next", NEW);
	assert_nothing(t);
	town_settle(t);
	town_stall(t);
	const size_t messages = t->devices.messages;
	school_finish(t, 0);
	town_turns(t, COURT_QUIET_TURNS);
	assert_int_equal(t->devices.messages, messages);
	court_assert_silent(t);
	town_go_on(t);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, FINISH);
	assert_true(school_staged(t, 0, &s));
	assert_false(s.armed);
	assert_int_equal(s.kind, STORE_CRED_PSK);
	assert_int_equal(s.identity_len, 4);
	assert_memory_equal(s.identity, "next", 4);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	court_assert_silent(t);
	school_free(t);
}

static void test_S31_the_devices_answer_arms_it(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	struct store_staged s;
	school_bootstrap(t, socket, "next", NEW, true);
	assert_int_equal(t->server.code, TOWN_CODE_CHANGED);
	assert_true(school_staged(t, 0, &s));
	assert_true(s.armed);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	school_assert_told(t, GW_ENTRY_ARMED, "");
	court_assert_silent(t);
	school_free(t);
}

/* Copies of the Finish, and of its answer, as a network makes them. */
static void test_S31_copies_stage_and_arm_once(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	struct store_staged s;
	uint64_t generation = 0;
	school_bootstrap(t, socket, "next", NEW, false);
	assert_true(school_staged(t, 0, &s));
	generation = s.generation;
	const size_t messages = t->devices.messages;
	school_repeat(t, 0);
	town_until(t, &t->devices.messages, messages + 1);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	town_settle(t);
	assert_true(school_staged(t, 0, &s));
	assert_true(s.armed && s.generation == generation);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	school_assert_told(t, GW_ENTRY_ARMED, "");
	court_assert_silent(t);
	school_free(t);
}

/* --- proved ----------------------------------------------------------------------------------- */

static void label_and_end(struct store_cred *c)
{
	court_label(c);
	court_prolong(c);
}

static void test_S31_the_first_proof_makes_it_the_only_one(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	static struct store_cred was, is;
	court_change(t, 0, label_and_end);
	town_settle(t);
	school_cred(t, 0, &was);
	school_bootstrap(t, socket, "next", NEW, true);
	assert_true(school_comes_as_before(t, &socket)); /* until then the old one is taken */
	assert_true(school_comes(t, &socket, "next", NEW));
	school_assert_told(t, GW_ENTRY_STAGED, "");
	school_assert_told(t, GW_ENTRY_ARMED, "");
	school_assert_told(t, GW_ENTRY_LEARNED, "proved");
	court_assert_silent(t);
	assert_nothing(t);
	school_cred(t, 0, &is);
	assert_int_equal(is.identity_len, 4);
	assert_memory_equal(is.identity, "next", 4);
	assert_true(is.generation > was.generation && is.state == STORE_CRED_ACTIVE);
	assert_true(is.until_ms == was.until_ms && is.labels_len == was.labels_len);
	assert_string_equal(is.labels[0], was.labels[0]);
	assert_string_equal(is.endpoint, was.endpoint);
	assert_int_equal(is.before.generation, 0);
	assert_false(school_comes_as_before(t, &socket));
	assert_non_null(town_session(t, 0, 0));
	town_register(t, 0, socket);
	town_settle(t);
	assert_int_equal(t->devices.code, TOWN_CODE_CREATED);
	school_free(t);
}

/* Each finding is a commit and a step of the anchor, which may be a TPM's. */
static void test_S31_who_bootstraps_for_ever_is_slowed_down(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	for (unsigned i = 0; i < GW_FINDINGS; i++) {
		school_bootstrap(t, socket, "next", (uint8_t)(NEW + 1 + i), false);
		school_assert_told(t, GW_ENTRY_STAGED, "");
		court_assert_silent(t);
	}
	school_teach(t, socket, "next", NEW);
	const size_t answers = t->server.messages, messages = t->devices.messages;
	school_finish(t, 0);
	town_until(t, &t->server.messages, answers + 1);
	assert_int_equal(t->server.code, SCHOOL_NOT_ACCEPTABLE);
	assert_int_equal(t->devices.messages, messages);
	court_assert_silent(t);
	school_free(t);
}

static void test_S31_a_lost_answer_leaves_it_to_be_proved_once(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	school_bootstrap(t, socket, "next", NEW, false);
	assert_true(school_comes(t, &socket, "next", NEW));
	school_assert_told(t, GW_ENTRY_STAGED, "");
	school_assert_told(t, GW_ENTRY_LEARNED, "");
	court_assert_silent(t);
	assert_false(school_comes_as_before(t, &socket));
	school_free(t);
}

/* The proof is in the association alone. */
static void test_S31_without_resumption_it_is_told_once_too(void **state)
{
	(void)state;
	struct town *const t = school_new();
	t->conf.store_resumption = 0;
	school_restart(t);
	size_t socket = known(t);
	school_bootstrap(t, socket, "next", NEW, true);
	assert_true(school_comes(t, &socket, "next", NEW));
	school_assert_told(t, GW_ENTRY_STAGED, "");
	school_assert_told(t, GW_ENTRY_ARMED, "");
	school_assert_told(t, GW_ENTRY_LEARNED, "proved");
	court_assert_silent(t);
	assert_nothing(t);
	school_free(t);
}

/* Under its own name, the new key is found among those that it may be. */
static void test_S31_the_same_identity_with_another_key(void **state)
{
	(void)state;
	for (int answered = 0; answered < 2; answered++) {
		struct town *const t = school_new();
		size_t socket = known(t);
		school_bootstrap(t, socket, "dev-0", NEW, answered);
		if (!answered) /* the other key first, once */
			assert_false(school_comes(t, &socket, "dev-0", NEW));
		assert_true(school_comes(t, &socket, "dev-0", NEW));
		assert_nothing(t);
		assert_false(school_comes_as_before(t, &socket));
		school_free(t);
	}
}

static void test_what_it_proves_already_is_nothing_new(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	school_bootstrap(t, socket, "next", NEW, true);
	assert_true(school_comes(t, &socket, "next", NEW));
	for (size_t i = 0; i < 3; i++)
		school_assert_told(t, GW_ENTRY_STAGED + (enum gw_entry_kind)i, "");
	school_bootstrap(t, socket, "next", NEW, true);
	assert_nothing(t);
	court_assert_silent(t);
	school_free(t);
}

static void test_a_second_bootstrap_replaces_the_first(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	struct store_staged s;
	school_bootstrap(t, socket, "next", NEW, true);
	school_bootstrap(t, socket, "then", NEWER, true);
	assert_true(school_staged(t, 0, &s));
	assert_memory_equal(s.identity, "then", 4);
	assert_true(s.armed);
	assert_false(school_comes(t, &socket, "next", NEW));
	assert_true(school_comes(t, &socket, "then", NEWER));
	school_free(t);
}

/* --- refused ---------------------------------------------------------------------------------- */

/* The server has 4.06 to its Finish, the device never sees that. */
static void assert_refused(struct town *t, const char *why)
{
	const size_t messages = t->devices.messages, answers = t->server.messages;
	for (size_t i = 1; i < 3; i++) {
		if (i == 1)
			school_finish(t, 0);
		else
			school_repeat(t, 0);
		town_until(t, &t->server.messages, answers + i);
		assert_int_equal(t->server.code, SCHOOL_NOT_ACCEPTABLE);
		assert_non_null(memmem(t->server.last, t->server.last_len, why, strlen(why)));
	}
	assert_int_equal(t->devices.messages, messages);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, why);
	court_assert_silent(t);
	assert_nothing(t);
}

static void test_R022_the_identity_or_the_key_of_another_is_refused(void **state)
{
	(void)state;
	static struct store_cred other;
	struct town *const t = school_new();
	const size_t socket = known(t);
	school_teach(t, socket, "dev-1", NEW);
	assert_refused(t, "identity is another device's");
	school_cred(t, OTHER, &other);
	const struct school_account a = { .uri = SCHOOL_URI,
		.identity = "next",
		.identity_len = 4,
		.key = other.key,
		.key_len = other.key_len };
	school_request(t, 0, socket);
	school_write(t, 0, &a);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	assert_refused(t, "key is another device's");
	school_free(t);
}

/* Two devices are given the same: the second is refused. */
static void test_R022_what_is_staged_for_another_is_refused(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t), second = town_socket(t, 0);
	uint8_t key[SCHOOL_KEY];
	school_key(NEW, key);
	struct school_account a = { .uri = SCHOOL_URI,
		.identity = "next",
		.identity_len = 4,
		.key = key,
		.key_len = sizeof(key) };
	const size_t ups = t->devices.ups;
	town_connect(t, OTHER, second);
	town_until(t, &t->devices.ups, ups + 1);
	school_request(t, OTHER, second);
	school_write(t, OTHER, &a);
	school_answer(t, second, TOWN_CODE_CHANGED);
	school_finish(t, OTHER);
	town_settle(t);
	struct gw_entry e;
	assert_true(court_entry(t, &e));
	assert_int_equal(e.kind, GW_ENTRY_STAGED);
	school_teach(t, socket, "next", NEWER);
	assert_refused(t, "identity is another device's");
	school_teach(t, socket, "then", NEW);
	assert_refused(t, "key is another device's");
	school_free(t);
}

static void test_R021_R061_weak_keys_and_kinds_that_are_not_taken_are_refused(void **state)
{
	(void)state;
	static const uint8_t weak[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct town *const t = school_new();
	const size_t socket = known(t);
	struct school_account a = { .uri = SCHOOL_URI,
		.identity = "next",
		.identity_len = 4,
		.key = weak,
		.key_len = sizeof(weak) };
	school_request(t, 0, socket);
	school_write(t, 0, &a);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	assert_refused(t, "can be guessed");
	a.mode = SCHOOL_RAW_KEY;
	school_request(t, 0, socket);
	school_write(t, 0, &a);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	assert_refused(t, "does not take this security mode");
	school_free(t);
}

/* After a refusal the server may do better, in the same bootstrap. */
static void test_what_was_refused_can_be_made_good(void **state)
{
	(void)state;
	struct town *const t = school_new();
	size_t socket = known(t);
	uint8_t key[SCHOOL_KEY];
	school_key(NEW, key);
	const struct school_account a = { .uri = SCHOOL_URI,
		.identity = "next",
		.identity_len = 4,
		.key = key,
		.key_len = sizeof(key) };
	school_teach(t, socket, "dev-1", NEW);
	assert_refused(t, "identity is another device's");
	school_write(t, 0, &a);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	const size_t messages = t->devices.messages;
	school_finish(t, 0);
	town_until(t, &t->devices.messages, messages + 1);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	assert_true(school_comes(t, &socket, "next", NEW));
	school_free(t);
}

/* --- not learned ------------------------------------------------------------------------------ */

static void test_R224_without_a_uri_of_the_gateway_nothing_is_learned(void **state)
{
	(void)state;
	static const char *const uris[] = { NULL, "coaps://gw.example:5685" };
	struct town *const t = school_new();
	size_t socket = known(t);
	for (size_t i = 0; i < COUNT_OF(uris); i++) {
		school_learn_for(t, uris[i]);
		school_bootstrap(t, socket, "next", NEW, true);
		assert_nothing(t);
		court_assert_silent(t);
		assert_false(school_comes(t, &socket, "next", NEW));
		assert_true(school_comes_as_before(t, &socket));
	}
	school_free(t);
}

static void test_what_cannot_be_read_passes_and_is_told(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	const struct school_account a = { .uri = SCHOOL_URI,
		.mode = (enum school_mode)77,
		.identity = "next",
		.identity_len = 4 };
	school_request(t, 0, socket);
	school_write(t, 0, &a);
	school_answer(t, socket, TOWN_CODE_CHANGED);
	const size_t messages = t->devices.messages;
	school_finish(t, 0);
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, FINISH);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "");
	assert_nothing(t);
	school_free(t);
}

/* What the server has written goes through; where it came in nothing of it is left. */
static void test_I5_R027_no_key_stays_where_the_messages_came_in(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	uint8_t key[SCHOOL_KEY];
	school_key(NEW, key);
	school_bootstrap(t, socket, "next", NEW, true);
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct gw_worker *const w = t->workers[i];
		assert_null(memmem(w, sizeof(*w), key, sizeof(key)));
		assert_int_equal(w->learnings, 0);
	}
	school_free(t);
}

static void test_I6_so_many_bootstraps_are_followed_and_no_more(void **state)
{
	(void)state;
	struct town *const t = school_new();
	const size_t socket = known(t);
	t->workers[0]->learnings = GW_LEARNING_MAX;
	school_bootstrap(t, socket, "next", NEW, true);
	school_assert_told(t, GW_ENTRY_NOT_LEARNED, "too many");
	assert_nothing(t);
	t->workers[0]->learnings = 0;
	school_bootstrap(t, socket, "next", NEW, true);
	school_assert_told(t, GW_ENTRY_STAGED, "");
	assert_int_equal(t->workers[0]->learnings, 0);
	school_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S31_it_is_durable_before_the_device_has_the_finish),
		cmocka_unit_test(test_S31_the_devices_answer_arms_it),
		cmocka_unit_test(test_S31_copies_stage_and_arm_once),
		cmocka_unit_test(test_S31_the_first_proof_makes_it_the_only_one),
		cmocka_unit_test(test_S31_who_bootstraps_for_ever_is_slowed_down),
		cmocka_unit_test(test_S31_a_lost_answer_leaves_it_to_be_proved_once),
		cmocka_unit_test(test_S31_without_resumption_it_is_told_once_too),
		cmocka_unit_test(test_S31_the_same_identity_with_another_key),
		cmocka_unit_test(test_what_it_proves_already_is_nothing_new),
		cmocka_unit_test(test_a_second_bootstrap_replaces_the_first),
		cmocka_unit_test(test_R022_the_identity_or_the_key_of_another_is_refused),
		cmocka_unit_test(test_R022_what_is_staged_for_another_is_refused),
		cmocka_unit_test(test_R021_R061_weak_keys_and_kinds_that_are_not_taken_are_refused),
		cmocka_unit_test(test_what_was_refused_can_be_made_good),
		cmocka_unit_test(test_R224_without_a_uri_of_the_gateway_nothing_is_learned),
		cmocka_unit_test(test_what_cannot_be_read_passes_and_is_told),
		cmocka_unit_test(test_I5_R027_no_key_stays_where_the_messages_came_in),
		cmocka_unit_test(test_I6_so_many_bootstraps_are_followed_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
