/* SPDX-License-Identifier: Apache-2.0 */
/* Log-ins that are refused, connections that end: the pauses between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#include "bed.h"

/* --- log-in ----------------------------------------------------------------------------------- */

/* One more connection whose log-in ends so; how long until the next. */
static uint64_t refused(struct bed *b, uint32_t id, uint32_t status)
{
	const size_t closes = b->closes;
	b->way->ops->up(b->way, b->now);
	const struct smpp_pdu p = bed_heard(b, SMPP_BIND_TRANSCEIVER);
	bed_say_short(b, id, status, p.sequence);
	assert_int_equal(b->closes, closes + 1);
	const uint64_t pause = b->again_ms - b->now;
	b->now = b->again_ms;
	return pause;
}

/* 32 s to 48 s after the first refusal, then doubled to the most, and no sooner ever. */
static void test_a_refused_log_in_is_no_storm(void **state)
{
	(void)state;
	static const uint32_t codes[] = { 0x0d, 0x0e, 0x0f, 0x05, 0x53, 0x03, 0x421 };
	const struct smpp_settings settings = bed_settings();
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		struct bed *const b = bed_new(&settings);
		const uint32_t id = codes[i] == SMPP_BAD_ID ? SMPP_GENERIC_NACK
							    : SMPP_BIND_TRANSCEIVER | SMPP_RESP;
		assert_in_range(refused(b, id, codes[i]), 32000, 48000);
		assert_in_range(refused(b, id, codes[i]), 64000, 96000);
		assert_in_range(refused(b, id, codes[i]), 128000, 192000);
		for (int n = 0; n < 50; n++)
			assert_in_range(refused(b, id, codes[i]), 200000, 300000);
		assert_int_equal(b->readies, 0);
		assert_non_null(strstr(b->close_why, "refused our log-in"));
		assert_null(strstr(b->close_why, "secret08"));
		bed_free(b);
	}
	struct bed *const b = bed_new(&settings);
	(void)refused(b, SMPP_BIND_TRANSCEIVER | SMPP_RESP, SMPP_BAD_PASSWORD);
	assert_non_null(strstr(b->close_why, "0x0000000E"));
	assert_non_null(strstr(b->close_why, "password is wrong"));
	/* It cannot now: an ordinary failure. */
	bed_free(b);
	struct bed *const c = bed_new(&settings);
	assert_in_range(refused(c, SMPP_BIND_TRANSCEIVER | SMPP_RESP, 0x58), 1000, 1500);
	bed_free(c);
}

static void test_a_log_in_without_an_answer_ends(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_new(&settings);
	b->way->ops->up(b->way, b->now);
	bed_pass(b, 29999);
	assert_int_equal(b->closes, 0);
	bed_pass(b, 1);
	assert_int_equal(b->closes, 1);
	assert_int_equal(b->readies, 0);
	bed_free(b);
}

/* --- connections ------------------------------------------------------------------------------ */

static void test_connections_that_fail_come_more_rarely(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_new(&settings);
	for (uint64_t least = 1000; least < 200000; least *= 2) {
		b->way->ops->down(b->way, b->now); /* it could not be made */
		assert_in_range(b->again_ms - b->now, least, least * 3 / 2);
		/* Of the same one, or opened too early: the time stands, and is told. */
		const uint64_t again_ms = b->again_ms;
		b->again_ms = 0;
		b->now = again_ms - 1;
		b->way->ops->down(b->way, b->now);
		assert_int_equal(b->again_ms, again_ms);
		b->now = again_ms;
	}
	assert_int_equal(b->closes, 16);
	for (int i = 0; i < 100; i++) {
		b->way->ops->down(b->way, b->now);
		assert_in_range(b->again_ms - b->now, 200000, 300000);
		b->now = b->again_ms;
	}
	bed_free(b);
}

static void close_and_down(void *ctx, struct way *w, uint64_t again_ms, const char *why)
{
	size_t *const closes = ctx;
	(void)why;
	assert_true(++*closes < 10);
	w->ops->down(w, again_ms - 1);
	w->ops->down(w, again_ms);
	w->ops->leave(w, again_ms);
}

static void test_an_end_within_the_event_of_the_end_is_the_same(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	size_t closes = 0;
	const struct way_owner o = { .ctx = &closes, .close = close_and_down };
	struct way *const w = smpp_new(&settings, &o);
	assert_non_null(w);
	w->ops->down(w, BED_START_MS);
	assert_int_equal(closes, 1);
	w->ops->free(w);
}

/* Let in and thrown out at once is a failure as well; a minute is none. */
static void test_only_a_log_in_that_holds_ends_the_pauses(void **state)
{
	(void)state;
	struct smpp_settings settings = bed_settings();
	settings.enquire_ms = 0;
	struct bed *const b = bed_new(&settings);
	for (uint64_t least = 1000; least < 64000; least *= 2) {
		bed_log_in(b);
		bed_pass(b, 59999);
		b->way->ops->down(b->way, b->now);
		assert_in_range(b->again_ms - b->now, least, least * 3 / 2);
		b->now = b->again_ms;
	}
	bed_log_in(b);
	bed_pass(b, 60000);
	b->way->ops->down(b->way, b->now);
	assert_in_range(b->again_ms - b->now, 1000, 1500);
	bed_free(b);
}

static void test_pauses_of_two_bridges_differ(void **state)
{
	(void)state;
	struct smpp_settings settings = bed_settings();
	uint64_t pauses[8];
	size_t same = 0;
	for (size_t i = 0; i < COUNT_OF(pauses); i++) {
		settings.seed = (uint32_t)i * 0x9e3779b9U;
		struct bed *const b = bed_new(&settings);
		pauses[i] = refused(b, SMPP_BIND_TRANSCEIVER | SMPP_RESP, SMPP_BAD_PASSWORD);
		for (size_t k = 0; k < i; k++)
			same += pauses[k] == pauses[i];
		bed_free(b);
	}
	assert_in_range(same, 0, 1);
}

static void test_an_SMSC_that_is_silent_is_left(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	bed_pass(b, 30000);
	(void)bed_heard(b, SMPP_ENQUIRE_LINK);
	/* Octets that make no unit are no sign of life. */
	const uint8_t octet = 0;
	b->way->ops->input(b->way, &octet, 1, b->now + 1);
	bed_pass(b, 29999);
	assert_int_equal(b->closes, 0);
	bed_pass(b, 1);
	assert_int_equal(b->closes, 1);
	assert_non_null(strstr(b->close_why, "enquire_link"));
	bed_free(b);
}

static void test_unbind_of_the_SMSC_is_answered_before_the_end(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	assert_true(bed_send(b, 1));
	(void)bed_heard(b, SMPP_SUBMIT_SM);
	bed_say_short(b, SMPP_UNBIND, 0, 44);
	assert_false(b->ready);
	assert_int_equal(b->closes, 0);
	assert_false(bed_send(b, 2));
	const struct smpp_pdu r = bed_heard(b, SMPP_UNBIND | SMPP_RESP);
	assert_int_equal(r.sequence, 44);
	b->now += 100; /* when it has gone, at the next tick */
	bed_pass(b, 0);
	assert_int_equal(b->closes, 1);
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].fate, WAY_UNSURE);
	bed_free(b);
	/* Nobody reads it: it ends all the same. */
	struct bed *const c = bed_bound(&settings);
	bed_say_short(c, SMPP_UNBIND, 0, 44);
	bed_pass(c, 5000);
	assert_int_equal(c->closes, 1);
	bed_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_refused_log_in_is_no_storm),
		cmocka_unit_test(test_a_log_in_without_an_answer_ends),
		cmocka_unit_test(test_connections_that_fail_come_more_rarely),
		cmocka_unit_test(test_an_end_within_the_event_of_the_end_is_the_same),
		cmocka_unit_test(test_only_a_log_in_that_holds_ends_the_pauses),
		cmocka_unit_test(test_pauses_of_two_bridges_differ),
		cmocka_unit_test(test_an_SMSC_that_is_silent_is_left),
		cmocka_unit_test(test_unbind_of_the_SMSC_is_answered_before_the_end),
	};
	return cmocka_run_group_tests_name("smpp/connections", tests, NULL, NULL);
}
