/* SPDX-License-Identifier: Apache-2.0 */
/* What a credential is for, and stores from before anybody asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"
#include "unit/store/old.h"

enum { PURPOSES = STORE_FOR_BOOTSTRAP + 1 };

static const uint64_t hour_ms = 3600000;

/* Each has its own identity and key. */
static struct store_cred of(const char *endpoint, enum store_purpose purpose, char own)
{
	struct store_cred c = { .purpose = (uint8_t)purpose, .identity_len = 1, .key_len = 16 };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "%s", endpoint);
	c.identity[0] = (uint8_t)own;
	memset(c.key, own, c.key_len);
	return c;
}

static enum store_result find(
	struct depot *d, const char *endpoint, enum store_purpose purpose, struct store_cred *out)
{
	store_reader_rest(d->r);
	return store_find_endpoint(d->r, endpoint, purpose, out);
}

/* How many rows the endpoint has. */
static size_t rows_of(struct depot *d, const char *endpoint)
{
	struct store_cred c;
	uint32_t number = 0, last = 0;
	size_t n = 0;
	store_reader_rest(d->r);
	while (store_next_of_endpoint(d->r, endpoint, &number, &c) == STORE_OK) {
		assert_true(number > last && c.number == number);
		assert_string_equal(c.endpoint, endpoint);
		last = number;
		n++;
	}
	assert_int_equal(c.number, 0);
	return n;
}

static struct store_cred_mark mark_of(struct depot *d, uint32_t number)
{
	struct store_cred_mark m;
	store_reader_rest(d->r);
	assert_int_equal(store_read_cred_mark(d->r, number, &m), STORE_OK);
	return m;
}

static enum store_result put_resume(struct store_txn *t, void *arg)
{
	return store_resume_put(t, arg);
}

static bool resumes(struct depot *d, const struct store_resume *x)
{
	static struct store_resume y;
	store_reader_rest(d->r);
	return store_find_resume(d->r, x->id, x->id_len, &y) == STORE_OK;
}

/* --- who may be beside whom ------------------------------------------------------------------- */

static void test_R023_an_endpoint_has_one_for_any_purpose_or_one_for_each(void **state)
{
	struct depot *const d = *state;
	for (unsigned first = 0; first < PURPOSES; first++) {
		for (unsigned second = 0; second < PURPOSES; second++) {
			char name[8];
			(void)snprintf(name, sizeof(name), "e%u%u", first, second);
			struct store_cred a = of(name, (enum store_purpose)first,
				(char)(1 + first * 10 + second * 2));
			struct store_cred b = of(name, (enum store_purpose)second,
				(char)(2 + first * 10 + second * 2));
			const bool fits = first != second && first != STORE_FOR_ANY &&
					  second != STORE_FOR_ANY;
			assert_int_equal(depot_cred_put(d, &a), STORE_OK);
			assert_int_equal(depot_cred_put(d, &b), fits ? STORE_OK : STORE_STALE);
			assert_int_equal(rows_of(d, name), fits ? 2 : 1);
		}
	}
}

static void test_R023_each_is_found_by_its_purpose(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = of("e", STORE_FOR_SERVER, 'a'), b = of("e", STORE_FOR_BOOTSTRAP, 'b'),
			  x;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	assert_int_equal(find(d, "e", STORE_FOR_SERVER, &x), STORE_OK);
	assert_memory_equal(&x, &a, sizeof(x));
	assert_int_equal(find(d, "e", STORE_FOR_BOOTSTRAP, &x), STORE_OK);
	assert_memory_equal(&x, &b, sizeof(x));
	assert_int_equal(find(d, "e", STORE_FOR_ANY, &x), STORE_NONE);
	assert_int_equal(find(d, "f", STORE_FOR_SERVER, &x), STORE_NONE);
	/* What a device proves tells which of them it means. */
	assert_int_equal(store_find_identity(d->r, STORE_CRED_PSK, b.identity, 1, &x), STORE_OK);
	assert_int_equal(x.purpose, STORE_FOR_BOOTSTRAP);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(find(d, "e", STORE_FOR_BOOTSTRAP, &x), STORE_OK);
	assert_memory_equal(&x, &b, sizeof(x));
}

/* R-022 holds between the credentials of one device, too. */
static void test_R022_one_identity_is_not_for_two_purposes(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = of("e", STORE_FOR_SERVER, 'a'), b = of("e", STORE_FOR_BOOTSTRAP, 'a');
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(depot_cred_put(d, &b), STORE_STALE);
	assert_int_equal(rows_of(d, "e"), 1);
}

static void test_R023_who_may_only_be_bootstrapped_may_fetch_nothing(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = of("e", STORE_FOR_BOOTSTRAP, 'a');
	c.repository = true;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c.purpose = STORE_FOR_BOOTSTRAP + 1;
	c.repository = false;
	assert_int_equal(depot_cred_put(d, &c), STORE_DAMAGED);
	c.purpose = STORE_FOR_SERVER;
	c.repository = true;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
}

/* --- revoked ones ----------------------------------------------------------------------------- */

static void test_a_revoked_one_goes_when_one_comes_that_it_leaves_no_room_for(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = of("e", STORE_FOR_SERVER, 'a'), b = of("e", STORE_FOR_BOOTSTRAP, 'b'),
			  any = of("e", STORE_FOR_ANY, 'c'), x;
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	assert_int_equal(depot_revoke(d, a.number), STORE_OK);
	assert_int_equal(find(d, "e", STORE_FOR_SERVER, &x), STORE_OK);
	assert_int_equal(x.state, STORE_CRED_REVOKED);
	assert_int_equal(depot_cred_put(d, &any), STORE_STALE); /* b is active */
	assert_int_equal(rows_of(d, "e"), 2);
	assert_int_equal(depot_revoke(d, b.number), STORE_OK);
	assert_int_equal(depot_cred_put(d, &any), STORE_OK);
	assert_int_equal(rows_of(d, "e"), 1);
	assert_int_equal(find(d, "e", STORE_FOR_ANY, &x), STORE_OK);
	assert_int_equal(x.number, any.number);
}

static void test_a_revoked_one_for_any_purpose_goes_when_one_comes_for_one(void **state)
{
	struct depot *const d = *state;
	struct store_cred any = of("e", STORE_FOR_ANY, 'c'), x;
	assert_int_equal(depot_cred_put(d, &any), STORE_OK);
	assert_int_equal(depot_revoke(d, any.number), STORE_OK);
	struct store_cred c = of("e", STORE_FOR_BOOTSTRAP, 'd');
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(rows_of(d, "e"), 1);
	assert_int_equal(find(d, "e", STORE_FOR_ANY, &x), STORE_NONE);
	/* One of the other purpose leaves it room. */
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	c = of("e", STORE_FOR_SERVER, 'e');
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(rows_of(d, "e"), 2);
}

/* --- another purpose -------------------------------------------------------------------------- */

static void test_R286_what_was_proved_for_one_purpose_is_nothing_for_another(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = of("e", STORE_FOR_BOOTSTRAP, 'a');
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	const uint64_t first = c.generation;
	struct store_resume x = { .id = { 1 },
		.id_len = 4,
		.cred = c.number,
		.generation = first,
		.until_ms = UINT64_MAX,
		.len = 3 };
	assert_int_equal(depot_do(d, put_resume, &x), STORE_OK);
	assert_true(resumes(d, &x));
	c.purpose = STORE_FOR_SERVER;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	const struct store_cred_mark m = mark_of(d, c.number);
	assert_true(c.generation > first && c.proved == c.generation && m.proved == c.proved);
	assert_false(store_cred_stands(&m, first, 1));
	assert_true(store_cred_stands(&m, c.generation, 1));
	assert_false(resumes(d, &x));
}

static void test_R286_no_overlap_reaches_over_a_change_of_purpose(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = of("e", STORE_FOR_SERVER, 'a'), old;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	old = c;
	c.before = (struct store_cred_before){ .generation = 1,
		.until_ms = d->settings.wall_ms + hour_ms,
		.identity_len = c.identity_len,
		.key_len = c.key_len };
	memcpy(c.before.identity, c.identity, sizeof(c.identity));
	memcpy(c.before.key, c.key, sizeof(c.key));
	c.key[0] ^= 1;
	c.purpose = STORE_FOR_BOOTSTRAP;
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	assert_true(mark_of(d, c.number).generation == old.generation);
	/* One that runs ends with it. */
	c.purpose = STORE_FOR_SERVER;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(mark_of(d, c.number).before != 0);
	memset(&c.before, 0, sizeof(c.before));
	c.purpose = STORE_FOR_BOOTSTRAP;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	const struct store_cred_mark m = mark_of(d, c.number);
	assert_true(m.before == 0 && m.proved == c.generation);
	assert_false(store_cred_stands(&m, old.generation, 1));
}

static void test_a_change_of_purpose_takes_no_room_that_is_another_ones(void **state)
{
	struct depot *const d = *state;
	struct store_cred a = of("e", STORE_FOR_SERVER, 'a'), b = of("e", STORE_FOR_BOOTSTRAP, 'b');
	assert_int_equal(depot_cred_put(d, &a), STORE_OK);
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	struct store_cred c = a;
	c.purpose = STORE_FOR_BOOTSTRAP;
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	c.purpose = STORE_FOR_ANY;
	assert_int_equal(depot_cred_put(d, &c), STORE_STALE);
	assert_int_equal(depot_revoke(d, b.number), STORE_OK);
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(rows_of(d, "e"), 1);
}

static void test_R288_the_right_to_fetch_firmware_changes_the_generation_alone(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = of("e", STORE_FOR_ANY, 'a'), x;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	const uint64_t first = c.generation;
	c.repository = true;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > first && c.proved == first);
	assert_int_equal(find(d, "e", STORE_FOR_ANY, &x), STORE_OK);
	assert_memory_equal(&x, &c, sizeof(x));
	const uint64_t second = c.generation;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation == second);
	c.repository = false;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_true(c.generation > second && c.proved == first);
}

/* --- sessions --------------------------------------------------------------------------------- */

static enum store_result put_session(struct store_txn *t, void *arg)
{
	return store_session_put(t, arg);
}

static void test_R261_what_a_device_said_of_itself_outlives_the_process(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "e");
	struct store_session s = { .cred = c.number,
		.device = STORE_NO_SLOT,
		.link = STORE_NO_SLOT,
		.registered = true,
		.location = "rd/1",
		.lifetime_s = 60,
		.expires_ms = 99,
		.upstream = 0x0123456789abcdef,
		.binding = 5,
		.version = 0x11,
		.queue = true,
		.stale = true,
		.sms = "491234567890123" },
			     x;
	assert_int_equal(depot_do(d, put_session, &s), STORE_OK);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(store_read_session(d->r, c.number, &x), STORE_OK);
	assert_memory_equal(&x, &s, sizeof(x));
}

/* --- from before ------------------------------------------------------------------------------ */

static void check_old(struct depot *d)
{
	struct store_cred c, x;
	struct store_session s;
	struct store_assoc a;
	assert_int_equal(find(d, "urn:dev:four-1", STORE_FOR_ANY, &c), STORE_OK);
	assert_true(c.number == 1 && c.generation == 2 && c.purpose == STORE_FOR_ANY);
	assert_false(c.repository);
	assert_int_equal(c.labels_len, 1);
	assert_string_equal(c.labels[0], "eu");
	assert_memory_equal(c.key, "ssssssssssssssss", 16);
	assert_true(c.before.generation == 1);
	assert_int_equal(find(d, "urn:dev:four-2", STORE_FOR_ANY, &x), STORE_OK);
	assert_true(x.kind == STORE_CRED_RAW_KEY && x.generation == 3);
	assert_int_equal(find(d, "urn:dev:four-3", STORE_FOR_ANY, &x), STORE_OK);
	assert_true(x.kind == STORE_CRED_CERTIFICATE && x.pinned && x.generation == 4);
	assert_false(x.repository);
	assert_int_equal(store_read_session(d->r, 1, &s), STORE_OK);
	assert_true(s.registered && s.device == 0 && s.upstream == 0 && s.version == 0);
	assert_string_equal(s.location, "ghi");
	assert_string_equal(s.sms, "");
	assert_int_equal(depot_read(d, 0, &a), STORE_OK);
	assert_int_equal(a.cred, 1);
	/* The same is the same, and its association stands. */
	struct store_cred again = c;
	assert_int_equal(depot_cred_put(d, &again), STORE_OK);
	assert_true(again.generation == c.generation);
	const struct store_cred_mark m = mark_of(d, 1);
	assert_true(store_cred_stands(&m, a.generation, 1));
	assert_int_equal(store_stats(d->s).damaged, 0);
}

static void test_R204_what_was_written_before_there_were_purposes_is_for_any(void **state)
{
	(void)state;
	for (uint32_t version = 4; version <= 5; version++) {
		struct depot *const d = old_depot(version);
		check_old(d);
		depot_kill(d);
		depot_start(d);
		check_old(d);
		/* It can be given one, and then there is room for the other. */
		struct store_cred c, b = of("urn:dev:four-1", STORE_FOR_BOOTSTRAP, 'b');
		assert_int_equal(find(d, "urn:dev:four-1", STORE_FOR_ANY, &c), STORE_OK);
		assert_int_equal(depot_cred_put(d, &b), STORE_STALE);
		c.purpose = STORE_FOR_SERVER;
		memset(&c.before, 0, sizeof(c.before));
		assert_int_equal(depot_cred_put(d, &c), STORE_OK);
		assert_int_equal(depot_cred_put(d, &b), STORE_OK);
		assert_int_equal(rows_of(d, "urn:dev:four-1"), 2);
		depot_free(d);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, depot_begin, depot_end)
	const struct CMUnitTest tests[] = {
		TEST(test_R023_an_endpoint_has_one_for_any_purpose_or_one_for_each),
		TEST(test_R023_each_is_found_by_its_purpose),
		TEST(test_R022_one_identity_is_not_for_two_purposes),
		TEST(test_R023_who_may_only_be_bootstrapped_may_fetch_nothing),
		TEST(test_a_revoked_one_goes_when_one_comes_that_it_leaves_no_room_for),
		TEST(test_a_revoked_one_for_any_purpose_goes_when_one_comes_for_one),
		TEST(test_R286_what_was_proved_for_one_purpose_is_nothing_for_another),
		TEST(test_R286_no_overlap_reaches_over_a_change_of_purpose),
		TEST(test_a_change_of_purpose_takes_no_room_that_is_another_ones),
		TEST(test_R288_the_right_to_fetch_firmware_changes_the_generation_alone),
		TEST(test_R261_what_a_device_said_of_itself_outlives_the_process),
		cmocka_unit_test(test_R204_what_was_written_before_there_were_purposes_is_for_any),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
