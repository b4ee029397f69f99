/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a device's keys: the table, and what time does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/keyset.h"
#include "unit/sms/keyset_kit.h"

enum { DOC_MAX = 16384 };

static struct keyset with_own(void)
{
	struct keyset k;
	const struct sms_agreed own = kit_agreed(1);
	keyset_begin(&k, &own, T0);
	return k;
}

/* As far as somebody whose first refresh goes well comes. */
static struct keyset delivered(uint64_t until_ms)
{
	struct keyset k = with_own();
	assert_int_equal(kit_tell(&k, KEYSET_WANTED, T0), 0);
	assert_int_equal(k.state, KEYSET_CONFIRMED);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0), KEYSET_DO_ASK);
	assert_int_equal(k.state, KEYSET_REFRESHING);
	assert_int_equal(kit_obtain(&k, KEYSET_OBTAINED, T0 + 1, until_ms), KEYSET_DO_SEND);
	assert_int_equal(k.state, KEYSET_FRESH);
	assert_true(k.blob_len == GPI && k.set[KEYSET_NEXT].generation == 2);
	assert_int_equal(kit_tell(&k, KEYSET_TAKEN, T0 + 2), 0);
	assert_int_equal(k.state, KEYSET_DELIVERED);
	return k;
}

static void test_a_refresh_that_goes_well(void **state)
{
	(void)state;
	const uint64_t until = T0 + 600 * SECOND;
	struct keyset k = delivered(until);
	assert_int_equal(keyset_sends(&k, T0 + 3)->generation, 1);
	assert_int_equal(keyset_heard(&k, KEYSET_NEXT, T0 + 3), KEYSET_PROVED);
	assert_int_equal(kit_tell(&k, KEYSET_PROVED, T0 + 3), 0);
	assert_int_equal(k.state, KEYSET_CONFIRMED);
	assert_int_equal(keyset_sends(&k, T0 + 3)->generation, 2);
	assert_int_equal(k.set[KEYSET_OF_BEFORE].generation, 1);
	assert_int_equal(k.set[KEYSET_NEXT].generation, 0);
	assert_true(k.blob_len == 0 && k.blob[0] == 0);
	/* Superseded ones go when the overlap is over, and nothing is left of them. */
	assert_int_equal(keyset_heard(&k, KEYSET_OF_BEFORE, T0 + 4), KEYSET_HEARD_OLD);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 3 + 300 * SECOND - 1), 0);
	assert_int_equal(k.set[KEYSET_OF_BEFORE].generation, 1);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 3 + 300 * SECOND), 0);
	const struct keyset_keys none = { 0 };
	assert_memory_equal(&k.set[KEYSET_OF_BEFORE], &none, sizeof(none));
	/* Others are asked for before they end, without anybody's asking. */
	assert_int_equal(keyset_next_ms(&k), until - 60 * SECOND);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, until - 60 * SECOND), KEYSET_DO_ASK);
}

static void test_short_lives_are_renewed_at_their_half(void **state)
{
	(void)state;
	struct keyset k = delivered(T0 + 20 * SECOND);
	(void)kit_tell(&k, KEYSET_PROVED, T0 + 10 * SECOND);
	assert_int_equal(keyset_next_ms(&k), T0 + 15 * SECOND);
}

static void test_nothing_is_taken_under_keys_that_are_over(void **state)
{
	(void)state;
	const uint64_t until = T0 + 600 * SECOND;
	struct keyset k = delivered(until);
	(void)kit_tell(&k, KEYSET_PROVED, T0 + 3);
	k.due_ms = 0;
	assert_int_equal(keyset_heard(&k, KEYSET_CURRENT, until - 1), KEYSET_HEARD);
	assert_int_equal(keyset_heard(&k, KEYSET_CURRENT, until), KEYSET_HEARD_OLD);
	assert_null(keyset_sends(&k, until));
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, until), 0);
	assert_int_equal(k.state, KEYSET_EXPIRED);
	assert_true(k.over);
	/* They are known still: refused, and exactly one refresh. */
	assert_int_equal(k.set[KEYSET_CURRENT].generation, 2);
	assert_int_equal(kit_tell(&k, KEYSET_HEARD_OLD, until + HOUR), KEYSET_DO_REFUSE);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, until + HOUR), KEYSET_DO_ASK);
	assert_int_equal(kit_tell(&k, KEYSET_HEARD_OLD, until + HOUR + 1), KEYSET_DO_REFUSE);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, until + HOUR + 1), 0);
}

static void test_next_ones_that_are_over_are_never_taken(void **state)
{
	(void)state;
	const uint64_t until = T0 + 600 * SECOND;
	struct keyset k = delivered(until);
	assert_int_equal(keyset_heard(&k, KEYSET_NEXT, until), KEYSET_HEARD_OLD);
	/* Even where somebody tells it so. */
	assert_int_equal(kit_tell(&k, KEYSET_PROVED, until), 0);
	assert_int_equal(k.set[KEYSET_CURRENT].generation, 1);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, until), 0);
	assert_int_equal(k.state, KEYSET_FAILED);
	assert_string_equal(k.cause, "expired-unproved");
	assert_int_equal(k.set[KEYSET_NEXT].generation, 0);
	assert_int_equal(k.set[KEYSET_OF_BEFORE].generation, 2);
	assert_int_equal(keyset_heard(&k, KEYSET_OF_BEFORE, until), KEYSET_HEARD_OLD);
	assert_int_equal(keyset_sends(&k, until)->generation, 1);
}

static void test_a_stale_contact_is_refused_and_refreshes_once(void **state)
{
	(void)state;
	struct keyset k = delivered(T0 + HOUR);
	(void)kit_tell(&k, KEYSET_PROVED, T0 + 3);
	assert_int_equal(kit_tell(&k, KEYSET_HEARD_OLD, T0 + 10), KEYSET_DO_REFUSE);
	assert_int_equal(k.state, KEYSET_STALE);
	assert_int_equal(kit_tell(&k, KEYSET_HEARD_OLD, T0 + 11), KEYSET_DO_REFUSE);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 11), KEYSET_DO_ASK);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 12), 0);
	assert_int_equal(kit_tell(&k, KEYSET_HEARD_OLD, T0 + 13), KEYSET_DO_REFUSE);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 13), 0);
	assert_int_equal(k.counted[0], 2);
	assert_int_equal(k.counted[3], 3);
}

static void test_an_hour_has_a_bound_whatever_the_reason(void **state)
{
	(void)state;
	struct keyset k = with_own();
	uint64_t now = T0;
	unsigned asked = 0;
	for (; now < T0 + HOUR; now += SECOND) {
		(void)kit_tell(&k, KEYSET_WANTED, now);
		(void)kit_tell(&k, KEYSET_ORDERED, now);
		(void)kit_tell(&k, KEYSET_HEARD_OLD, now);
		if ((keyset_time(&k, &keyset_kit_rules, now) & KEYSET_DO_ASK) == 0)
			continue;
		asked++;
		(void)kit_obtain(&k, KEYSET_OBTAINED, now, now + HOUR);
		(void)kit_tell(&k, KEYSET_PROVED, now);
	}
	assert_int_equal(asked, keyset_kit_rules.an_hour);
	/* Nobody looks again before it may be. */
	assert_int_equal(keyset_next_ms(&k), T0 + HOUR);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + HOUR), KEYSET_DO_ASK);
}

static void test_what_fails_is_tried_again_later_and_later(void **state)
{
	(void)state;
	static const uint32_t waits[] = { 4, 8, 16, 32, 64 };
	struct keyset_rules r = keyset_kit_rules;
	struct keyset k = with_own();
	uint64_t now = T0;
	r.an_hour = 0;
	(void)kit_tell(&k, KEYSET_WANTED, now);
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		assert_int_equal(keyset_time(&k, &r, now), KEYSET_DO_ASK);
		const struct keyset_news n = { .now_ms = now, .cause = "bsf-down" };
		assert_int_equal(keyset_step(&k, &r, KEYSET_REFUSED, &n), 0);
		assert_int_equal(k.state, KEYSET_FAILED);
		assert_string_equal(k.cause, "bsf-down");
		assert_int_equal(keyset_next_ms(&k), now + waits[i] * SECOND);
		/* Who is heard in between does not shorten it. */
		(void)kit_tell(&k, KEYSET_WANTED, now + 1);
		(void)kit_tell(&k, KEYSET_HEARD_OLD, now + 1);
		assert_int_equal(keyset_next_ms(&k), now + waits[i] * SECOND);
		now += waits[i] * SECOND;
	}
	k.fails = UINT8_MAX;
	assert_int_equal(keyset_time(&k, &r, now), KEYSET_DO_ASK);
	const struct keyset_news n = { .now_ms = now, .cause = "bsf-down" };
	(void)keyset_step(&k, &r, KEYSET_REFUSED, &n);
	assert_int_equal(keyset_next_ms(&k), now + 15 * MINUTE);
	/* What the server wishes is kept, too. */
	(void)keyset_time(&k, &r, now + 15 * MINUTE);
	const struct keyset_news wish = { .now_ms = now, .retry_s = 3600 };
	(void)keyset_step(&k, &r, KEYSET_REFUSED, &wish);
	assert_int_equal(keyset_next_ms(&k), now + HOUR);
	/* A person need not wait. */
	assert_int_equal(kit_tell(&k, KEYSET_ORDERED, now + 1), 0);
	assert_int_equal(keyset_time(&k, &r, now + 1), KEYSET_DO_ASK);
}

static void test_an_answer_that_never_comes_is_asked_for_again(void **state)
{
	(void)state;
	struct keyset k = with_own();
	(void)kit_tell(&k, KEYSET_WANTED, T0);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0), KEYSET_DO_ASK);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 30 * SECOND - 1), 0);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 30 * SECOND), KEYSET_DO_ASK);
	/* One that comes when nobody waits any more changes nothing. */
	assert_int_equal(kit_obtain(&k, KEYSET_OBTAINED, T0 + 31 * SECOND, 0), KEYSET_DO_SEND);
	assert_int_equal(kit_obtain(&k, KEYSET_OBTAINED, T0 + 32 * SECOND, 0), 0);
	assert_int_equal(k.set[KEYSET_NEXT].generation, 2);
}

static void test_a_delivery_that_was_lost_is_made_again(void **state)
{
	(void)state;
	struct keyset k = delivered(T0 + 2 * HOUR);
	/* Not while the device has keys that serve, and is not heard ... */
	assert_int_equal(keyset_next_ms(&k), T0 + 2 * HOUR);
	/* ... nor at once, when it uses them ... */
	assert_int_equal(kit_tell(&k, KEYSET_HEARD, T0 + MINUTE), 0);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + MINUTE), 0);
	/* ... but then; the same keys, in a message of their own. */
	assert_int_equal(kit_tell(&k, KEYSET_HEARD, T0 + MINUTE + 1), 0);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + MINUTE + 1), KEYSET_DO_SEND);
	assert_true(k.set[KEYSET_NEXT].generation == 2 && k.tries == 2 && k.blob_len == GPI);
	/* The network has refused it: after a while, twice as long. */
	assert_int_equal(kit_tell(&k, KEYSET_UNSENT, T0 + MINUTE + 2), 0);
	assert_int_equal(keyset_next_ms(&k), T0 + 3 * MINUTE + 2);
	uint64_t now = keyset_next_ms(&k);
	for (unsigned i = 2; i < keyset_kit_rules.tries; i++) {
		assert_int_equal(keyset_time(&k, &keyset_kit_rules, now), KEYSET_DO_SEND);
		(void)kit_tell(&k, KEYSET_UNSENT, now);
		now = keyset_next_ms(&k);
	}
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, now), 0);
	assert_int_equal(k.state, KEYSET_FAILED);
	assert_string_equal(k.cause, "not-proved");
	assert_int_equal(k.due_ms, now + 24 * HOUR);
	/* The network may have kept it: they serve whenever the device shows them. */
	struct keyset late = k;
	assert_int_equal(keyset_heard(&late, KEYSET_NEXT, now + HOUR / 2), KEYSET_PROVED);
	(void)kit_tell(&late, KEYSET_PROVED, now + HOUR / 2);
	assert_int_equal(late.set[KEYSET_CURRENT].generation, 2);
	/* The device is there after all: nobody waits for the rest. */
	assert_int_equal(kit_tell(&k, KEYSET_HEARD, now + 1), 0);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, now + 1), KEYSET_DO_ASK);
}

static void test_first_keys_are_asked_for_at_once(void **state)
{
	(void)state;
	struct keyset k;
	keyset_begin(&k, NULL, T0);
	assert_int_equal(k.state, KEYSET_EXPIRED);
	assert_null(keyset_sends(&k, T0));
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0), KEYSET_DO_ASK);
	assert_int_equal(kit_obtain(&k, KEYSET_OBTAINED, T0, T0 + 10 * HOUR), KEYSET_DO_SEND);
	(void)kit_tell(&k, KEYSET_TAKEN, T0);
	/* Nothing else leads to that device: it is delivered again without its being heard. */
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + MINUTE), KEYSET_DO_SEND);
	(void)kit_tell(&k, KEYSET_TAKEN, T0 + MINUTE);
	assert_int_equal(keyset_sends(&k, T0 + MINUTE)->generation, 1);
	(void)kit_tell(&k, KEYSET_PROVED, T0 + MINUTE);
	assert_int_equal(k.state, KEYSET_CONFIRMED);
	assert_int_equal(k.set[KEYSET_OF_BEFORE].generation, 0);
}

static void test_who_leaves_ends_his_keys_but_not_the_operators(void **state)
{
	(void)state;
	struct keyset k = with_own();
	(void)kit_tell(&k, KEYSET_LEFT, T0);
	assert_int_equal(k.state, KEYSET_CONFIRMED);
	assert_int_equal(keyset_next_ms(&k), UINT64_MAX);
	k = delivered(T0 + HOUR);
	(void)kit_tell(&k, KEYSET_PROVED, T0 + 3);
	(void)kit_tell(&k, KEYSET_LEFT, T0 + 4);
	assert_int_equal(k.state, KEYSET_EXPIRED);
	(void)keyset_time(&k, &keyset_kit_rules, T0 + 2 * HOUR);
	/* Nobody is sent anything who has said that he goes; if he comes, he is. */
	assert_int_equal(keyset_next_ms(&k), UINT64_MAX);
	assert_int_equal(keyset_heard(&k, KEYSET_CURRENT, T0 + 4), KEYSET_HEARD_OLD);
	assert_int_equal(kit_tell(&k, KEYSET_HEARD_OLD, T0 + 2 * HOUR), KEYSET_DO_REFUSE);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 2 * HOUR), KEYSET_DO_ASK);
}

static void test_keys_that_were_brought_are_next(void **state)
{
	(void)state;
	struct keyset k = delivered(T0 + HOUR);
	assert_int_equal(kit_obtain(&k, KEYSET_BROUGHT, T0 + 5, 0), 0);
	assert_true(k.state == KEYSET_DELIVERED && k.set[KEYSET_NEXT].generation == 3);
	/* What they took the place of is superseded. */
	assert_int_equal(k.set[KEYSET_OF_BEFORE].generation, 2);
	/* There is nothing to deliver again: the device that goes on with the others is told to
	   fetch some. */
	assert_int_equal(kit_tell(&k, KEYSET_HEARD, T0 + HOUR), 0);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + HOUR), 0);
	assert_int_equal(k.state, KEYSET_FAILED);
	assert_int_equal(kit_tell(&k, KEYSET_WANTED, T0 + HOUR), 0);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + HOUR), KEYSET_DO_ASK);
	/* If it has them after all, all is well. */
	assert_int_equal(kit_tell(&k, KEYSET_PROVED, T0 + HOUR + 1), 0);
	assert_true(k.state == KEYSET_CONFIRMED && k.set[KEYSET_CURRENT].generation == 3);
	assert_int_equal(kit_obtain(&k, KEYSET_OBTAINED, T0 + HOUR + 2, 0), 0);
}

/* keys that were there before the registration end with it; what the operator gave does
   not. */
static void test_keys_end_with_the_registration(void **state)
{
	(void)state;
	struct keyset k = delivered(T0 + 24 * HOUR);
	assert_int_equal(k.set[KEYSET_CURRENT].until_ms, 0);
	(void)kit_tell(&k, KEYSET_PROVED, T0 + SECOND);
	assert_int_equal(k.set[KEYSET_CURRENT].until_ms, T0 + 24 * HOUR);
	(void)kit_tell(&k, KEYSET_WANTED, T0 + MINUTE);
	assert_int_equal(k.set[KEYSET_CURRENT].until_ms, T0 + MINUTE + 600 * SECOND);
	/* It is never put off. */
	(void)kit_tell(&k, KEYSET_WANTED, T0 + 2 * MINUTE);
	assert_int_equal(k.set[KEYSET_CURRENT].until_ms, T0 + MINUTE + 600 * SECOND);
}

/* a delivery follows each message under old keys, if not at once. */
static void test_what_is_too_soon_is_delivered_later(void **state)
{
	(void)state;
	struct keyset k = delivered(T0 + HOUR);
	assert_int_equal(k.due_ms, 0);
	assert_int_equal(kit_tell(&k, KEYSET_HEARD_OLD, T0 + 2 * SECOND), KEYSET_DO_REFUSE);
	assert_int_equal(k.state, KEYSET_DELIVERED);
	const uint64_t then = keyset_next_ms(&k);
	assert_true(then > T0 + 2 * SECOND && then <= T0 + 1 + keyset_kit_rules.retry_ms);
	assert_int_equal(kit_tell(&k, KEYSET_HEARD_OLD, T0 + 3 * SECOND), KEYSET_DO_REFUSE);
	assert_int_equal(keyset_next_ms(&k), then);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, then - 1), 0);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, then), KEYSET_DO_SEND);
	assert_int_equal(k.state, KEYSET_FRESH);
}

static void test_what_a_card_has_stays_known(void **state)
{
	(void)state;
	static const uint8_t content[] = "what the card has";
	struct keyset k = with_own();
	const struct keyset_keys keys = { .origin = KEYSET_SMARTCARD, .agreed = kit_agreed(5) };
	const struct keyset_news n = {
		.now_ms = T0, .keys = &keys, .blob = content, .blob_len = sizeof(content)
	};
	(void)kit_tell(&k, KEYSET_WANTED, T0);
	(void)keyset_time(&k, &keyset_kit_rules, T0);
	assert_int_equal(keyset_step(&k, &keyset_kit_rules, KEYSET_OBTAINED, &n), KEYSET_DO_SEND);
	(void)kit_tell(&k, KEYSET_PROVED, T0 + 1);
	assert_int_equal(k.state, KEYSET_CONFIRMED);
	(void)kit_tell(&k, KEYSET_WANTED, T0 + 2);
	assert_int_equal(keyset_time(&k, &keyset_kit_rules, T0 + 2), KEYSET_DO_ASK);
	(void)kit_tell(&k, KEYSET_LEFT, T0 + 3);
	assert_int_equal(k.blob_len, sizeof(content));
	assert_memory_equal(k.blob, content, sizeof(content));
}

static void test_what_is_to_last_how_long(void **state)
{
	(void)state;
	struct keyset k = with_own();
	assert_int_equal(keyset_lifetime(&k, 0), 0);
	assert_int_equal(keyset_lifetime(&k, 700), 700);
	(void)kit_tell(&k, KEYSET_WANTED, T0);
	assert_int_equal(keyset_lifetime(&k, 0), 600);
	assert_int_equal(keyset_lifetime(&k, 700), 600);
	assert_int_equal(keyset_lifetime(&k, 60), 60);
}

/* --- every cell ------------------------------------------------------------------------------- */

/* A row in that state, as one comes to be there. */
static struct keyset in_state(uint8_t s)
{
	struct keyset k = delivered(T0 + HOUR);
	if (s == KEYSET_DELIVERED)
		return k;
	if (s == KEYSET_FRESH) {
		(void)kit_tell(&k, KEYSET_UNSENT, T0 + 3);
		return k;
	}
	(void)kit_tell(&k, KEYSET_PROVED, T0 + 3);
	if (s == KEYSET_STALE)
		(void)kit_tell(&k, KEYSET_HEARD_OLD, T0 + 4);
	if (s == KEYSET_EXPIRED)
		(void)kit_tell(&k, KEYSET_LEFT, T0 + 4);
	if (s == KEYSET_REFRESHING || s == KEYSET_FAILED) {
		(void)kit_tell(&k, KEYSET_ORDERED, T0 + 4);
		(void)keyset_time(&k, &keyset_kit_rules, T0 + 4);
	}
	if (s == KEYSET_FAILED)
		(void)kit_tell(&k, KEYSET_REFUSED, T0 + 5);
	return k;
}

/* Each event in each state leaves a row that is read again as it was written, and that never has
   two reasons to send. */
static void happens_in(uint8_t s, uint8_t e)
{
	static uint8_t octets[KEYSET_SAVED_MAX], again[KEYSET_SAVED_MAX];
	struct keyset k = in_state(s), back;
	assert_int_equal(k.state, s);
	const unsigned does = kit_anything(&k, (enum keyset_event)e, T0 + 2 * MINUTE);
	assert_false((does & KEYSET_DO_ASK) != 0 && (does & KEYSET_DO_SEND) != 0);
	assert_int_equal((does & KEYSET_DO_REFUSE) != 0, e == KEYSET_HEARD_OLD);
	assert_true((does & KEYSET_DO_ASK) == 0 || e == KEYSET_DUE);
	const size_t len = keyset_save(&k, octets, sizeof(octets));
	assert_true(len > 0);
	if (!keyset_load(octets, len, &back))
		fail_msg("%s, %s", keyset_state_name(s), keyset_event_name(e));
	assert_int_equal(keyset_save(&back, again, sizeof(again)), len);
	assert_memory_equal(octets, again, len);
	assert_int_equal(keyset_next_ms(&back), keyset_next_ms(&k));
}

static void test_every_event_in_every_state(void **state)
{
	(void)state;
	for (unsigned s = 0; s < KEYSET_STATES; s++)
		for (unsigned e = 0; e < KEYSET_EVENTS; e++)
			happens_in((uint8_t)s, (uint8_t)e);
}

static void test_what_was_stored_is_read_or_refused(void **state)
{
	(void)state;
	static uint8_t octets[KEYSET_SAVED_MAX], broken[KEYSET_SAVED_MAX], again[KEYSET_SAVED_MAX];
	struct keyset k = in_state(KEYSET_FRESH), back;
	const size_t len = keyset_save(&k, octets, sizeof(octets));
	assert_int_equal(keyset_save(&k, again, sizeof(again) - 1), 0);
	for (size_t i = 0; i < len; i++) {
		assert_false(keyset_load(octets, i, &back));
		assert_true(back.state == KEYSET_EXPIRED && back.set[KEYSET_NEXT].generation == 0);
	}
	for (size_t i = 0; i < len * 8; i++) {
		memcpy(broken, octets, len);
		broken[i / 8] ^= (uint8_t)(1U << i % 8);
		if (keyset_load(broken, len, &back)) {
			assert_int_equal(keyset_save(&back, again, sizeof(again)), len);
			assert_memory_equal(again, broken, len);
		}
	}
}

static void test_a_cause_is_a_text(void **state)
{
	(void)state;
	uint8_t octets[KEYSET_SAVED_MAX];
	struct keyset k = in_state(KEYSET_FAILED), back;
	assert_string_equal(k.cause, "a-cause");
	const size_t len = keyset_save(&k, octets, sizeof(octets));
	uint8_t *const at = memmem(octets, len, "a-cause", 7);
	assert_non_null(at);
	assert_true(keyset_load(octets, len, &back));
	at[3] = '\0';
	assert_false(keyset_load(octets, len, &back));
}

static void test_generations_never_begin_anew(void **state)
{
	(void)state;
	struct keyset k = in_state(KEYSET_REFRESHING);
	k.last = UINT32_MAX;
	assert_int_equal(kit_obtain(&k, KEYSET_OBTAINED, T0 + 5, 0), 0);
	assert_true(k.state == KEYSET_REFRESHING && k.set[KEYSET_NEXT].generation == 0);
}

static void test_the_table_for_people(void **state)
{
	(void)state;
	char table[KEYSET_TABLE_MAX];
	assert_int_equal(keyset_table(table, sizeof(table) - 1), 0);
	const size_t len = keyset_table(table, sizeof(table));
	assert_true(len > 0 && len < sizeof(table) - 1);
	assert_non_null(strstr(table, "| confirmed | heard old | stale | 4.00, ask soon |\n"));
	assert_non_null(strstr(table, "| refreshing | obtained | fresh | next is what came, "
				      "deliver |\n"));
	assert_null(strstr(table, "unknown"));
	/* deploy/sms-keys.md has exactly that. */
	char *const doc = calloc(1, DOC_MAX);
	FILE *const f = fopen("deploy/sms-keys.md", "r");
	assert_non_null(doc);
	assert_non_null(f);
	assert_true(fread(doc, 1, DOC_MAX - 1, f) > 0);
	(void)fclose(f);
	const char *const at = strstr(doc, "| state | event |");
	assert_non_null(at);
	assert_string_equal(at, table);
	free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_refresh_that_goes_well),
		cmocka_unit_test(test_short_lives_are_renewed_at_their_half),
		cmocka_unit_test(test_nothing_is_taken_under_keys_that_are_over),
		cmocka_unit_test(test_next_ones_that_are_over_are_never_taken),
		cmocka_unit_test(test_a_stale_contact_is_refused_and_refreshes_once),
		cmocka_unit_test(test_an_hour_has_a_bound_whatever_the_reason),
		cmocka_unit_test(test_what_fails_is_tried_again_later_and_later),
		cmocka_unit_test(test_an_answer_that_never_comes_is_asked_for_again),
		cmocka_unit_test(test_a_delivery_that_was_lost_is_made_again),
		cmocka_unit_test(test_first_keys_are_asked_for_at_once),
		cmocka_unit_test(test_who_leaves_ends_his_keys_but_not_the_operators),
		cmocka_unit_test(test_keys_that_were_brought_are_next),
		cmocka_unit_test(test_what_a_card_has_stays_known),
		cmocka_unit_test(test_what_is_to_last_how_long),
		cmocka_unit_test(test_every_event_in_every_state),
		cmocka_unit_test(test_what_was_stored_is_read_or_refused),
		cmocka_unit_test(test_keys_end_with_the_registration),
		cmocka_unit_test(test_what_is_too_soon_is_delivered_later),
		cmocka_unit_test(test_a_cause_is_a_text),
		cmocka_unit_test(test_generations_never_begin_anew),
		cmocka_unit_test(test_the_table_for_people),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
