/* SPDX-License-Identifier: Apache-2.0 */
/* What was staged is proved, or its time is over: what becomes of it and of the credential. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "unit/store/nursery.h"

static const uint64_t hour_ms = 3600000;

/* The credential of s is what s says, under this generation, and else what it was. */
static void has_taken(struct depot *d, const struct store_cred *was, const struct store_staged *s,
	uint64_t generation)
{
	const struct store_cred is = depot_cred_now(d, s->cred);
	assert_true(is.generation == generation && is.proved == generation);
	assert_true(is.kind == s->kind && is.pinned == s->pinned);
	assert_int_equal(is.identity_len, s->identity_len);
	assert_memory_equal(is.identity, s->identity, sizeof(is.identity));
	assert_int_equal(is.key_len, s->key_len);
	assert_memory_equal(is.key, s->key, sizeof(is.key));
	assert_memory_equal(is.pin, s->pin, sizeof(is.pin));
	assert_true(is.before.generation == 0 && is.before.key[0] == 0);
	assert_true(is.state == STORE_CRED_ACTIVE && is.origin == STORE_BY_BOOTSTRAP);
	assert_true(is.changed_ms >= depot_wall(d));
	assert_string_equal(is.endpoint, was->endpoint);
	assert_true(is.until_ms == was->until_ms && is.labels_len == was->labels_len);
	assert_memory_equal(is.labels, was->labels, sizeof(is.labels));
	assert_int_equal(is.upstream_key_len, was->upstream_key_len);
	assert_memory_equal(is.upstream_key, was->upstream_key, sizeof(is.upstream_key));
	assert_false(depot_is_staged(d, s->cred));
	assert_int_equal(depot_rows(d, KEY_STAGED_END), 0);
}

/* With a label, an end, an upstream key, something before, and of a file. */
static struct store_cred rich(struct depot *d, const char *name)
{
	struct store_cred c = depot_cred(d, name);
	keep_face(&c, depot_wall(d) + hour_ms);
	memset(c.key, 'K', c.key_len);
	c.origin = STORE_BY_FILE;
	c.until_ms = depot_wall(d) + 2 * hour_ms;
	c.upstream_key_len = 16;
	memset(c.upstream_key, 'u', 16);
	c.labels_len = 1;
	(void)strcpy(c.labels[0], "eu");
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	return c;
}

/* --- the first that proves it ----------------------------------------------------------------- */

static void first_use(
	struct depot *d, const struct store_cred *c, struct store_staged *s, bool arms)
{
	struct store_assoc a;
	assert_int_equal(depot_stage(d, s), STORE_OK);
	if (arms)
		assert_int_equal(depot_arm(d, c->number, s->generation), STORE_OK);
	depot_kill(d);
	depot_start(d);
	a = depot_assoc_of(c, 7);
	a.generation = s->generation;
	assert_int_equal(depot_put(d, &a), STORE_OK);
	depot_kill(d);
	depot_start(d);
	has_taken(d, c, s, s->generation);
	assert_int_equal(depot_read(d, a.slot, &a), STORE_OK);
	assert_int_equal(a.generation, s->generation);
	const struct store_cred_mark m = depot_mark_now(d, c->number);
	assert_true(store_cred_stands(&m, s->generation, depot_wall(d)));
	assert_false(store_cred_stands(&m, c->generation, depot_wall(d)));
}

static void test_S31_the_first_handshake_makes_it_the_devices_only_one(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = rich(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n');
	struct store_cred x;
	first_use(d, &c, &s, true);
	assert_int_equal(depot_find_cred(d, "next", &x), STORE_OK);
	assert_int_equal(x.number, c.number);
	assert_int_equal(depot_find_cred(d, "a", &x), STORE_NONE);
	assert_int_equal(depot_find_staged(d, STORE_CRED_PSK, "next", &(struct store_staged){ 0 }),
		STORE_NONE);
	/* By what was before nobody comes in any more; and under this, again. */
	assert_int_equal(depot_shake(d, &c, c.generation), STORE_STALE);
	assert_int_equal(depot_shake(d, &c, c.before.generation), STORE_STALE);
	assert_int_equal(depot_shake(d, &c, s.generation), STORE_OK);
}

static void test_S31_one_that_was_not_armed_is_proved_as_well(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = rich(d, "a");
	struct store_staged s = next_raw_key(d, &c, 0x71);
	first_use(d, &c, &s, false);
}

static void test_S31_the_kind_may_change(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = rich(d, "a");
	struct store_staged s = next_certificate(d, &c, "name", 0x72);
	first_use(d, &c, &s, true);
	const struct store_cred raw = depot_cred_now(d, c.number);
	s = next_psk(d, &c, "a", 'n');
	first_use(d, &raw, &s, false);
}

static enum store_result keep(struct store_txn *t, void *arg)
{
	return store_resume_put(t, arg);
}

static struct store_resume *resume_of(const struct store_cred *c, uint64_t generation)
{
	static struct store_resume x;
	x = (struct store_resume){ .id = { (uint8_t)c->number },
		.id_len = 1,
		.cred = c->number,
		.generation = generation,
		.until_ms = INT64_MAX };
	return &x;
}

static bool resumes(struct depot *d, const struct store_cred *c)
{
	static struct store_resume x;
	const uint8_t id = (uint8_t)c->number;
	store_reader_rest(d->r);
	return store_find_resume(d->r, &id, 1, &x) == STORE_OK;
}

static void test_S31_resumption_state_that_proves_it_does_the_same(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = rich(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n');
	assert_int_equal(depot_do(d, keep, resume_of(&c, c.generation)), STORE_OK);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_true(resumes(d, &c)); /* what it proves now goes on */
	assert_int_equal(depot_do(d, keep, resume_of(&c, s.generation)), STORE_OK);
	has_taken(d, &c, &s, s.generation);
	assert_true(resumes(d, &c));
	assert_int_equal(depot_do(d, keep, resume_of(&c, c.generation)), STORE_STALE);
	assert_int_equal(depot_shake(d, &c, s.generation), STORE_OK);
	assert_true(resumes(d, &c));
}

static void test_R211_the_handshake_that_proves_it_ends_older_resumption(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = rich(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n');
	assert_int_equal(depot_do(d, keep, resume_of(&c, c.generation)), STORE_OK);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_shake(d, &c, s.generation), STORE_OK);
	assert_false(resumes(d, &c));
	assert_int_equal(depot_rows(d, KEY_RESUME), 0);
}

static void test_S31_what_is_refused_has_taken_nothing(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = rich(d, "a");
	const struct store_cred *const b = depot_with_key(d, "b", 'b');
	struct store_staged s = next_psk(d, &c, "next", 'n');
	struct store_assoc a = depot_assoc_of(&c, 7);
	(void)depot_roamer(d, b, 1, 1);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	a.generation = s.generation;
	depot_name(&a, 1);
	assert_int_equal(depot_put(d, &a), STORE_STALE); /* its CID is another's */
	assert_true(depot_is_staged(d, c.number));
	d->s->resumable_max = 1;
	assert_int_equal(depot_do(d, keep, resume_of(b, b->generation)), STORE_OK);
	const struct store_session w = { .cred = b->number, .registered = true };
	assert_int_equal(depot_session(d, &w), STORE_OK);
	assert_int_equal(depot_do(d, keep, resume_of(&c, s.generation)), STORE_FULL);
	assert_true(depot_is_staged(d, c.number));
	/* A link is of a credential as it is. */
	a = depot_assoc_of(&c, 8);
	a.path.role = STORE_LINK;
	a.generation = s.generation;
	assert_int_equal(depot_put(d, &a), STORE_STALE);
	assert_true(depot_is_staged(d, c.number));
	assert_int_equal(depot_mark_now(d, c.number).generation, c.generation);
	/* Under a generation that nobody gave. */
	assert_int_equal(depot_shake(d, &c, s.generation + 1), STORE_STALE);
	assert_int_equal(depot_shake(d, &c, c.generation), STORE_OK);
	assert_true(depot_is_staged(d, c.number));
}

static void test_S28_of_an_expired_or_revoked_credential_it_is_not_taken(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n'), x;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	c.until_ms = depot_wall(d) - 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	const uint64_t stamp = depot_generation(d);
	assert_int_equal(depot_shake(d, &c, stamp), STORE_STALE);
	assert_int_equal(depot_do(d, keep, resume_of(&c, stamp)), STORE_STALE);
	c.until_ms = 0; /* it is let in again */
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_OK);
	assert_int_equal(depot_revoke(d, c.number), STORE_OK);
	assert_int_equal(depot_shake(d, &c, x.generation), STORE_STALE);
	assert_int_equal(depot_cred_now(d, c.number).state, STORE_CRED_REVOKED);
}

/* What another has proved before, and may not prove any more, becomes this device's. */
static void test_R216_an_identity_whose_overlap_is_over_is_taken(void **state)
{
	struct depot *const d = *state;
	struct store_cred b = depot_cred(d, "b");
	const struct store_cred *const c = depot_with_key(d, "a", 'a');
	struct store_staged s = next_psk(d, c, "b", 'n');
	struct store_cred x;
	keep_face(&b, 1);
	rename_it(&b, "b2");
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_shake(d, c, s.generation), STORE_OK);
	has_taken(d, c, &s, s.generation);
	assert_int_equal(depot_mark_now(d, b.number).before, 0);
	assert_int_equal(depot_find_cred(d, "b", &x), STORE_OK);
	assert_int_equal(x.number, c->number);
}

/* --- stamps ----------------------------------------------------------------------------------- */

static void label(struct depot *d, struct store_cred *c)
{
	c->labels_len = 1;
	c->labels[0][0] = c->labels[0][0] == 'x' ? 'y' : 'x';
	assert_int_equal(depot_cred_put(d, c), STORE_OK);
}

/* The stamp of a handshake that takes its time would lie between those of the credential. */
static void given_up(struct depot *d, struct store_cred *c, uint64_t stamp)
{
	label(d, c);
	const struct store_cred_mark m = depot_mark_now(d, c->number);
	assert_true(stamp > m.proved && stamp < m.generation);
	assert_int_equal(depot_shake(d, c, stamp), STORE_STALE);
	assert_int_equal(depot_do(d, keep, resume_of(c, stamp)), STORE_STALE);
	depot_kill(d);
	depot_start(d);
	assert_int_equal(depot_shake(d, c, stamp), STORE_STALE);
}

static void test_S28_a_credential_that_changes_gives_what_is_staged_a_later_stamp(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n'), x;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_OK);
	given_up(d, &c, s.generation);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_STALE);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_OK);
	assert_true(x.generation > c.generation && x.armed);
	s.generation = x.generation;
	s.armed = true;
	assert_memory_equal(&x, &s, sizeof(x));
	/* An end of an overlap is a change, too; one that changes nothing is none. */
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_OK);
	assert_int_equal(x.generation, s.generation);
	assert_int_equal(depot_shake(d, &c, s.generation), STORE_OK);
	has_taken(d, &c, &s, s.generation);
}

static void test_S28_one_that_was_replaced_or_dropped_proves_nothing(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n');
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	const uint64_t first = s.generation;
	s.key[0] ^= 1;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_true(s.generation > first);
	assert_int_equal(depot_shake(d, &c, first), STORE_STALE);
	given_up(d, &c, first);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_unstage(d, c.number), STORE_OK);
	given_up(d, &c, s.generation);
	/* What the device proves stands all the while, under each of its own. */
	assert_int_equal(depot_shake(d, &c, c.proved), STORE_OK);
	assert_int_equal(depot_shake(d, &c, c.generation), STORE_OK);
	/* And who took it from him, likewise. */
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	struct store_cred other = { .endpoint = "b", .key = "b", .key_len = 1 };
	rename_it(&other, "next");
	assert_int_equal(depot_cred_put(d, &other), STORE_OK);
	given_up(d, &c, s.generation);
}

static void test_stamps_that_were_given_up_are_bounded(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n');
	uint64_t stamps[6];
	d->s->past_max = 4;
	for (size_t i = 0; i < COUNT_OF(stamps); i++) {
		assert_int_equal(depot_stage(d, &s), STORE_OK);
		stamps[i] = s.generation;
	}
	assert_int_equal(depot_unstage(d, c.number), STORE_OK);
	assert_int_equal(depot_rows(d, KEY_STAGED_PAST), 4);
	label(d, &c);
	for (size_t i = 2; i < COUNT_OF(stamps); i++)
		assert_int_equal(depot_shake(d, &c, stamps[i]), STORE_STALE);
}

/* --- arming ----------------------------------------------------------------------------------- */

static void test_S31_it_is_armed_under_its_own_generation(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n'), x;
	assert_int_equal(depot_arm(d, c.number, 1), STORE_STALE);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation - 1), STORE_STALE);
	assert_int_equal(depot_arm(d, c.number + 1, s.generation), STORE_STALE);
	assert_false(depot_staged(d, c.number, &x) == STORE_OK && x.armed);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_OK); /* a copy of the 2.04 */
	depot_kill(d);
	depot_start(d);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_OK);
	s.armed = true;
	assert_memory_equal(&x, &s, sizeof(x));
	/* It has it, and is written the same again. */
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_OK);
	assert_true(x.armed && x.generation == s.generation);
	/* What else is staged has to be armed. */
	memset(s.key, 'm', s.key_len);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_OK);
	assert_false(x.armed);
}

/* --- by the clock ----------------------------------------------------------------------------- */

static void test_S31_an_armed_one_takes_the_place_when_its_time_is_over(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = rich(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n'), x;
	bool taken;
	s.until_ms = depot_wall(d) + hour_ms / 2;
	assert_int_equal(depot_over(d, c.number, &taken), STORE_NONE);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_OK);
	assert_int_equal(depot_over(d, c.number, &taken), STORE_NONE);
	assert_true(depot_is_staged(d, c.number));
	depot_kill(d);
	d->settings.wall_ms = s.until_ms;
	depot_start(d);
	assert_int_equal(depot_staged(d, c.number, &x), STORE_NONE);
	assert_true(x.identity_len == 0 && x.key[0] == 0);
	assert_int_equal(depot_shake(d, &c, s.generation), STORE_STALE);
	const uint64_t generation = depot_generation(d) + 1;
	assert_int_equal(depot_over(d, c.number, &taken), STORE_OK);
	assert_true(taken);
	has_taken(d, &c, &s, generation);
	assert_int_equal(depot_over(d, c.number, &taken), STORE_NONE);
	assert_false(taken);
	/* What stood before does not. */
	assert_int_equal(depot_shake(d, &c, c.generation), STORE_STALE);
	assert_int_equal(depot_shake(d, &c, s.generation), STORE_STALE);
	assert_int_equal(depot_shake(d, &c, generation), STORE_OK);
}

static void test_S31_one_that_is_not_armed_is_forgotten(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = rich(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n');
	const uint64_t hints = depot_rows(d, KEY_CRED_INDEX);
	bool taken;
	s.until_ms = depot_wall(d);
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_STALE); /* too late */
	assert_int_equal(depot_over(d, c.number, &taken), STORE_OK);
	assert_false(taken);
	assert_int_equal(depot_rows(d, KEY_STAGED), 0);
	assert_int_equal(depot_rows(d, KEY_STAGED_END), 0);
	assert_int_equal(depot_rows(d, KEY_CRED_INDEX), hints);
	const struct store_cred is = depot_cred_now(d, c.number);
	assert_memory_equal(&is, &c, sizeof(is));
	assert_int_equal(depot_shake(d, &c, c.generation), STORE_OK);
}

/* It has expired meanwhile: what it would prove is another all the same, and its end stays. */
static void test_S31_an_expired_credential_takes_it_and_stays_expired(void **state)
{
	struct depot *const d = *state;
	struct store_cred c = depot_cred(d, "a");
	struct store_staged s = next_psk(d, &c, "next", 'n');
	bool taken;
	assert_int_equal(depot_stage(d, &s), STORE_OK);
	assert_int_equal(depot_arm(d, c.number, s.generation), STORE_OK);
	c.until_ms = depot_wall(d) + 1;
	assert_int_equal(depot_cred_put(d, &c), STORE_OK);
	depot_kill(d);
	d->settings.wall_ms = s.until_ms;
	depot_start(d);
	assert_int_equal(depot_over(d, c.number, &taken), STORE_OK);
	assert_true(taken);
	const struct store_cred is = depot_cred_now(d, c.number);
	assert_true(is.until_ms == c.until_ms && is.identity[0] == 'n');
	assert_int_equal(depot_shake(d, &c, is.generation), STORE_STALE);
}

static void test_S31_ends_come_in_their_order_and_not_among_those_of_credentials(void **state)
{
	struct depot *const d = *state;
	const struct store_cred *const a = depot_with_key(d, "a", 'a');
	struct store_cred b = *depot_with_key(d, "b", 'b');
	struct store_staged x = next_psk(d, a, "x", 'x'), y = next_psk(d, &b, "y", 'y');
	uint64_t ms = 0;
	uint32_t cred = 0;
	b.until_ms = x.until_ms = 3000; /* at once, and of other kinds */
	y.until_ms = 2000;
	assert_int_equal(depot_stage(d, &x), STORE_OK);
	assert_int_equal(depot_stage(d, &y), STORE_OK);
	assert_int_equal(depot_cred_put(d, &b), STORE_OK);
	store_reader_rest(d->r);
	assert_int_equal(store_next_staged_end(d->r, 1999, &ms, &cred), STORE_NONE);
	assert_int_equal(store_next_staged_end(d->r, 3000, &ms, &cred), STORE_OK);
	assert_true(ms == 2000 && cred == b.number);
	assert_int_equal(store_next_staged_end(d->r, 3000, &ms, &cred), STORE_OK);
	assert_true(ms == 3000 && cred == a->number);
	assert_int_equal(store_next_staged_end(d->r, UINT64_MAX, &ms, &cred), STORE_NONE);
	ms = cred = 0;
	assert_int_equal(store_next_expiry(d->r, UINT64_MAX, &ms, &cred), STORE_OK);
	assert_true(ms == 3000 && cred == b.number);
	assert_int_equal(store_next_expiry(d->r, UINT64_MAX, &ms, &cred), STORE_NONE);
	bool taken;
	assert_int_equal(depot_over(d, b.number, &taken), STORE_OK);
	ms = cred = 0;
	store_reader_rest(d->r);
	assert_int_equal(store_next_staged_end(d->r, UINT64_MAX, &ms, &cred), STORE_OK);
	assert_int_equal(cred, a->number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, depot_begin, depot_end)
		T(test_S31_the_first_handshake_makes_it_the_devices_only_one),
		T(test_S31_one_that_was_not_armed_is_proved_as_well),
		T(test_S31_the_kind_may_change),
		T(test_S31_resumption_state_that_proves_it_does_the_same),
		T(test_R211_the_handshake_that_proves_it_ends_older_resumption),
		T(test_S31_what_is_refused_has_taken_nothing),
		T(test_S28_of_an_expired_or_revoked_credential_it_is_not_taken),
		T(test_R216_an_identity_whose_overlap_is_over_is_taken),
		T(test_S28_a_credential_that_changes_gives_what_is_staged_a_later_stamp),
		T(test_S28_one_that_was_replaced_or_dropped_proves_nothing),
		T(test_stamps_that_were_given_up_are_bounded),
		T(test_S31_it_is_armed_under_its_own_generation),
		T(test_S31_an_armed_one_takes_the_place_when_its_time_is_over),
		T(test_S31_one_that_is_not_armed_is_forgotten),
		T(test_S31_an_expired_credential_takes_it_and_stays_expired),
		T(test_S31_ends_come_in_their_order_and_not_among_those_of_credentials),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
