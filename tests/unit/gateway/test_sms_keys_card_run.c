/* SPDX-License-Identifier: Apache-2.0 */
/* Keys on their way to a smartcard, one transaction of the store after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/store_wait.h"
#include "sms/efbootstrap.h"
#include "unit/gateway/card_kit.h"

static void test_a_round(void **state)
{
	struct cardkit *const l = *state;
	struct ef_account a;
	const char *why;
	for (unsigned turn = 0; turn < 2; turn++) {
		const uint64_t before = cardkit_ota_out(l);
		cardkit_begins(l);
		const unsigned packets = cardkit_brings(l);
		cardkit_has_it(l);
		assert_int_equal(cardkit_ota_out(l), before + packets);
		const struct keyset_keys *const next = &cardkit_row(l)->set[KEYSET_NEXT];
		assert_true(next->origin == KEYSET_SMARTCARD && next->generation == turn + 2);
		assert_true(ef_account(l->card.file, CARDKIT_SMALL, "4040", &a, &why));
		assert_memory_equal(a.key, next->agreed.key, CARDKIT_KEYS);
		cardkit_uses(l, next, 1);
		assert_true(l->last.is == KEYSET_CONFIRMED && l->last.generation == turn + 2);
		/* What the card has is known, and only what differs is written the next time. */
		const struct card_state *const s = cardkit_delivery(l);
		assert_true(s->phase == CARD_HAS_IT && s->proved && s->len == CARDKIT_SMALL);
		l->now += CARDKIT_HOUR;
	}
}

static enum store_result run_row(struct store_txn *t, void *arg)
{
	return store_sms_keys_put(t, arg);
}

/* Keys were brought by push before: what becomes of such a push is nothing to a card. */
static void test_a_push_of_long_ago(void **state)
{
	enum { PUSH = 77 };
	struct cardkit *const l = *state;
	cardkit_wants(l);
	(void)cardkit_row(l);
	l->row.message = PUSH;
	l->stored.len = keyset_save(&l->row, l->stored.data, sizeof(l->stored.data));
	assert_int_equal(gw_store_do(l->s, run_row, &l->stored, false), STORE_OK);
	cardkit_obtains(l);
	struct store_sms_message m = l->last.out[0];
	cardkit_network(l, KEYSET_TAKEN, PUSH);
	assert_int_equal(cardkit_row(l)->state, KEYSET_FRESH);
	assert_int_equal(cardkit_hears(l, l->answer, cardkit_gets(l, &m)), STORE_OK);
	cardkit_has_it(l);
}

/* A file of more than one packet, each acknowledged by the card alone. */
static void test_more_than_one_packet(void **state)
{
	struct cardkit *const l = *state;
	cardkit_personalise(l, CARDKIT_LARGE);
	cardkit_begins(l);
	assert_int_equal(l->last.out[0].segments, 2);
	const uint16_t reference = l->last.out[0].reference;
	struct store_sms_message first = l->last.out[0];
	cardkit_network(l, KEYSET_TAKEN, first.id);
	assert_int_equal(cardkit_hears(l, l->answer, cardkit_gets(l, &first)), STORE_OK);
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 1);
	assert_int_equal(l->last.out[0].reference, (uint16_t)(reference + 1));
	assert_int_equal(cardkit_boxes(l, false), 1);
	assert_true(cardkit_brings(l) >= 1);
	assert_true(l->card.executed >= 2);
	cardkit_has_it(l);
}

/* What is lost is sent again under a counter of its own; the answer to any try is good. */
static void test_what_is_lost_is_sent_again(void **state)
{
	struct cardkit *const l = *state;
	cardkit_begins(l);
	struct store_sms_message first = l->last.out[0];
	cardkit_network(l, KEYSET_TAKEN, first.id);
	assert_int_equal(cardkit_stored(l)->due_ms, l->now + CARDKIT_MINUTE);
	cardkit_passes(l, CARDKIT_MINUTE - 1);
	assert_int_equal(l->last.out_len, 0);
	cardkit_passes(l, 1);
	assert_int_equal(l->last.out_len, 1);
	assert_int_equal(cardkit_ota_out(l), 2);
	const struct store_sms_message second = l->last.out[0];
	cardkit_network(l, KEYSET_UNSENT, second.id); /* which is no reason to give up */
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 0);
	const size_t len = cardkit_gets(l, &first);
	assert_int_equal(cardkit_hears(l, l->answer, len), STORE_OK);
	cardkit_has_it(l);
	assert_int_equal(
		cardkit_hears(l, l->answer, len), STORE_STALE); /* a second time it is nothing */
}

static void test_what_the_network_says_proves_nothing(void **state)
{
	struct cardkit *const l = *state;
	cardkit_begins(l);
	const uint64_t id = l->last.out[0].id;
	cardkit_network(l, KEYSET_TAKEN, id);
	cardkit_network(l, KEYSET_TAKEN, id);
	assert_int_equal(cardkit_row(l)->state, KEYSET_FRESH);
	assert_int_equal(cardkit_delivery(l)->phase, CARD_WAITING);
}

static void test_who_has_no_ota_keys_changes_nothing(void **state)
{
	struct cardkit *const l = *state;
	uint8_t bad[GW_SMS_MO_MAX];
	cardkit_begins(l);
	struct store_sms_message m = l->last.out[0];
	const size_t len = cardkit_gets(l, &m);
	const struct store_sms_keys before = *cardkit_stored(l);
	for (size_t i = 0; i < len; i++) {
		memcpy(bad, l->answer, len);
		bad[i] ^= 1;
		assert_int_equal(cardkit_hears(l, bad, len), STORE_STALE);
	}
	memset(bad, 0x71, sizeof(bad));
	assert_int_equal(cardkit_hears(l, bad, sizeof(bad)), STORE_STALE);
	assert_int_equal(cardkit_hears(l, bad, 1), STORE_STALE);
	assert_int_equal(
		cardkit_hears(l, bad, 0), STORE_STALE); /* nor is nothing at all no answer */
	assert_int_equal(cardkit_stored(l)->len, before.len);
	assert_memory_equal(l->stored.data, before.data, before.len);
	assert_int_equal(cardkit_hears(l, l->answer, len), STORE_OK);
	cardkit_has_it(l);
}

/* A card that never answers is bounded: so many messages, then a rest; the cause is there. */
static void test_a_card_that_is_silent(void **state)
{
	struct cardkit *const l = *state;
	unsigned sent = 1, steps = 0;
	cardkit_begins(l);
	cardkit_network(l, KEYSET_TAKEN, l->last.out[0].id);
	while (cardkit_row(l)->state != KEYSET_FAILED && ++steps < CARDKIT_MOST) {
		cardkit_passes(l, cardkit_until_due(l));
		sent += (unsigned)l->last.out_len;
		if (l->last.out_len > 0)
			cardkit_network(l, KEYSET_TAKEN, l->last.out[0].id);
	}
	assert_int_equal(cardkit_row(l)->state, KEYSET_FAILED);
	assert_string_equal(l->last.cause, "card-no-answer");
	assert_true(sent >= CARDKIT_TRIES && sent <= CARDKIT_TRIES * CARDKIT_TRIES);
	assert_int_equal(cardkit_boxes(l, false), 0);
	assert_true(cardkit_stored(l)->due_ms >= l->now + CARDKIT_HOUR);
	/* It may answer yet, and the device may have it. */
	cardkit_uses(l, &cardkit_row(l)->set[KEYSET_NEXT], 1);
	assert_int_equal(l->last.is, KEYSET_CONFIRMED);
	assert_true(cardkit_delivery(l)->phase == CARD_HAS_IT);
}

static void test_a_card_that_refuses_is_named(void **state)
{
	struct cardkit *const l = *state;
	cardkit_begins(l);
	struct store_sms_message m = l->last.out[0];
	cardkit_network(l, KEYSET_TAKEN, m.id);
	l->card.status = 9; /* TAR unknown */
	assert_int_equal(cardkit_hears(l, l->answer, cardkit_gets(l, &m)), STORE_OK);
	assert_true(l->last.is == KEYSET_FRESH && l->last.moved);
	assert_string_equal(l->last.cause, "card-bad-status");
	assert_int_equal(cardkit_delivery(l)->phase, CARD_GIVEN_UP);
	/* Somebody mends it: it begins anew. */
	l->card.status = 0;
	assert_true(cardkit_until_due(l) >= CARDKIT_MINUTE && cardkit_until_due(l) <= CARDKIT_HOUR);
	cardkit_passes(l, cardkit_until_due(l));
	assert_int_equal(l->last.out_len, 1);
	(void)cardkit_brings(l);
	cardkit_has_it(l);
}

/* Nobody mends it. */
static void test_the_cards_cause_stays(void **state)
{
	struct cardkit *const l = *state;
	unsigned steps = 0;
	cardkit_begins(l);
	l->card.status = 9;
	while (cardkit_row(l)->state == KEYSET_FRESH && ++steps < CARDKIT_MOST) {
		if (l->last.out_len > 0) {
			struct store_sms_message m = l->last.out[0];
			cardkit_network(l, KEYSET_TAKEN, m.id);
			assert_int_equal(
				cardkit_hears(l, l->answer, cardkit_gets(l, &m)), STORE_OK);
		} else {
			cardkit_passes(l, cardkit_until_due(l));
		}
	}
	assert_int_equal(cardkit_row(l)->state, KEYSET_FAILED);
	assert_string_equal(cardkit_row(l)->cause, "card-bad-status");
}

/* The card has it, and its device goes on with what it had, which has no end: it looks when it is
   bootstrapped. Till the keys that the card has are over there is nothing to be written. */
static void test_a_device_that_does_not_look(void **state)
{
	enum { EVERY_MIN = 10, HOURS = 23 };
	struct cardkit *const l = *state;
	uint64_t counter = 0;
	cardkit_begins(l);
	(void)cardkit_brings(l);
	while (counter < HOURS * 60 / EVERY_MIN) {
		l->now += EVERY_MIN * CARDKIT_MINUTE;
		cardkit_uses(l, &cardkit_row(l)->set[KEYSET_CURRENT], ++counter);
		if (l->last.ask)
			cardkit_obtains(l);
		if (l->last.out_len > 0)
			(void)cardkit_brings(l);
	}
	assert_int_equal(l->card.executed, 1);
	assert_int_equal(cardkit_ota_out(l), 1);
	assert_int_equal(cardkit_row(l)->state, KEYSET_DELIVERED);
	cardkit_uses(l, &cardkit_row(l)->set[KEYSET_NEXT], 1);
	assert_int_equal(l->last.is, KEYSET_CONFIRMED);
}

/* Its keys are over, and it does not come back: that is not the card's fault. */
static void test_a_device_that_is_gone(void **state)
{
	struct cardkit *const l = *state;
	unsigned steps = 0;
	cardkit_begins(l);
	(void)cardkit_brings(l);
	cardkit_uses(l, &cardkit_row(l)->set[KEYSET_NEXT], 1);
	for (unsigned i = 0; !l->last.ask && i < CARDKIT_MOST; i++)
		cardkit_passes(l, cardkit_until_due(l));
	assert_true(l->last.ask);
	cardkit_obtains(l);
	(void)cardkit_brings(l);
	cardkit_has_it(l);
	const size_t executed = l->card.executed;
	while (cardkit_row(l)->state != KEYSET_FAILED && ++steps < CARDKIT_MOST) {
		cardkit_passes(l, cardkit_until_due(l));
		assert_int_equal(l->last.out_len, 0);
	}
	assert_int_equal(cardkit_row(l)->state, KEYSET_FAILED);
	assert_string_equal(cardkit_row(l)->cause, "not-proved");
	assert_int_equal(l->card.executed, executed);
}

/* What the device has proved is not written again, whatever the network brings yet. */
static void test_the_device_is_a_better_proof(void **state)
{
	struct cardkit *const l = *state;
	cardkit_begins(l);
	struct store_sms_message m = l->last.out[0];
	const size_t len = cardkit_gets(l, &m);
	cardkit_uses(l, &cardkit_row(l)->set[KEYSET_NEXT], 1);
	assert_int_equal(l->last.is, KEYSET_CONFIRMED);
	assert_true(cardkit_delivery(l)->phase == CARD_HAS_IT && cardkit_delivery(l)->proved);
	assert_int_equal(cardkit_hears(l, l->answer, len), STORE_STALE);
	l->now += CARDKIT_MINUTE;
	cardkit_passes(l, CARDKIT_MINUTE);
	assert_int_equal(l->last.out_len, 0);
}

/* The day has no room: it is looked at again with pauses that grow, and goes on when there is. */
static void test_a_day_that_is_spent(void **state)
{
	struct cardkit *const l = *state;
	cardkit_wants(l);
	l->settings.a_day = 1;
	cardkit_obtains(l);
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 0);
	assert_string_equal(l->last.cause, "no-room");
	assert_int_equal(cardkit_ota_out(l), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(cardkit_until_due(l) >= CARDKIT_MINUTE);
		cardkit_passes(l, cardkit_until_due(l));
		assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 0);
	}
	l->settings.a_day = 0;
	assert_true(cardkit_until_due(l) >= CARDKIT_MINUTE);
	cardkit_passes(l, cardkit_until_due(l));
	assert_int_equal(l->last.out_len, 1);
	(void)cardkit_brings(l);
	cardkit_has_it(l);
}

static void test_a_day_that_stays_spent_ends(void **state)
{
	struct cardkit *const l = *state;
	unsigned steps = 0;
	cardkit_wants(l);
	l->settings.a_day = 1;
	cardkit_obtains(l);
	while (cardkit_row(l)->state == KEYSET_FRESH && ++steps < CARDKIT_MOST)
		cardkit_passes(l, cardkit_until_due(l));
	assert_int_equal(cardkit_row(l)->state, KEYSET_FAILED);
	assert_true(steps <= 2 * CARDKIT_TRIES);
	assert_int_equal(cardkit_boxes(l, false), 0);
}

/* Who cannot seal leaves it to who can, at once. */
static void test_who_cannot_seal(void **state)
{
	struct cardkit *const l = *state;
	cardkit_begins(l);
	l->now += CARDKIT_MINUTE;
	cardkit_change(l, KEYSET_WANTED)->cipher = NULL;
	l->last.news.lifetime_s = 86400;
	assert_int_equal(cardkit_does(l), STORE_OK);
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 0);
	assert_string_equal(l->last.cause, "");
	assert_true(cardkit_stored(l)->due_ms <= l->now);
	cardkit_passes(l, 0);
	assert_int_equal(l->last.out_len, 1);
}

/* A card that answers nothing: that the network has it is all there is, and a device which goes on
   with what it had shows that the card has not got it. */
static void test_a_card_that_is_to_say_nothing(void **state)
{
	struct cardkit *const l = *state;
	cardkit_agree(l, 0);
	cardkit_begins(l);
	cardkit_network(l, KEYSET_TAKEN, l->last.out[0].id); /* and loses it */
	assert_true(cardkit_row(l)->state == KEYSET_DELIVERED && !cardkit_delivery(l)->proved);
	l->now += CARDKIT_MINUTE;
	cardkit_uses(l, &cardkit_row(l)->set[KEYSET_CURRENT], 1);
	assert_true(l->last.is == KEYSET_FRESH && l->last.out_len == 1);
	struct store_sms_message m = l->last.out[0];
	assert_int_equal(cardkit_gets(l, &m), 0);
	cardkit_network(l, KEYSET_TAKEN, m.id);
	assert_int_equal(cardkit_row(l)->state, KEYSET_DELIVERED);
	assert_memory_equal(l->card.file, cardkit_delivery(l)->content, CARDKIT_SMALL);
	cardkit_uses(l, &cardkit_row(l)->set[KEYSET_NEXT], 1);
	assert_int_equal(l->last.is, KEYSET_CONFIRMED);
}

#define LIFE(test) cmocka_unit_test_setup_teardown(test, cardkit_begin, cardkit_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE(test_a_round),
		LIFE(test_a_push_of_long_ago),
		LIFE(test_more_than_one_packet),
		LIFE(test_what_is_lost_is_sent_again),
		LIFE(test_what_the_network_says_proves_nothing),
		LIFE(test_who_has_no_ota_keys_changes_nothing),
		LIFE(test_a_card_that_is_silent),
		LIFE(test_a_card_that_refuses_is_named),
		LIFE(test_the_cards_cause_stays),
		LIFE(test_a_device_that_does_not_look),
		LIFE(test_a_device_that_is_gone),
		LIFE(test_the_device_is_a_better_proof),
		LIFE(test_a_day_that_is_spent),
		LIFE(test_a_day_that_stays_spent_ends),
		LIFE(test_who_cannot_seal),
		LIFE(test_a_card_that_is_to_say_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
