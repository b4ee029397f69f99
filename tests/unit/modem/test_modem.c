/* SPDX-License-Identifier: Apache-2.0 */
/* A modem that does what it is told, and some that do not do all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#include "bed.h"

/* SMSC as the card has it; SUBMIT, MR 0, 12 digits, PID 7D, DCS F5, 5 octets with a header. */
#define OCTETS                                                                                     \
	"00"                                                                                       \
	"4100"                                                                                     \
	"0C91"                                                                                     \
	"534810325476"                                                                             \
	"7DF5"                                                                                     \
	"05"                                                                                       \
	"027000AABB"
#define LENGTH "18"

static void test_the_beginning(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	assert_int_equal(b->readies, 1);
	assert_string_equal(b->ready_why, "");
	assert_int_equal(b->closes, 0);
	bed_free(b);
}

static void test_a_message_goes(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	assert_true(bed_send(b, 70));
	assert_false(bed_send(b, 71)); /* one at a time */
	bed_does(b, "AT+CMGS=" LENGTH, "\r\n> ");
	bed_hears(b, OCTETS "\x1a");
	bed_say(b, "\r\n+CMGS: 42\r\n");
	assert_int_equal(b->sents, 0);
	bed_say(b, "\r\nOK\r\n");
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].tag, 70);
	assert_int_equal(b->sent[0].fate, WAY_SENT);
	assert_string_equal(b->sent[0].id, "042");
	assert_true(bed_send(b, 71));
	bed_free(b);
}

static void test_the_smsc_of_the_settings(void **state)
{
	(void)state;
	struct modem_settings s = bed_settings();
	s.smsc = (struct wire_number){ .type = 0x91, .len = 11, .digits = "35840520200" };
	struct bed *const b = bed_ready(&s);
	assert_true(bed_send(b, 70));
	bed_does(b, "AT+CMGS=" LENGTH, "\r\n> "); /* its octets are not counted */
	bed_hears(b, "07915348500202F0"
		     "4100"
		     "0C91"
		     "534810325476"
		     "7DF5"
		     "05"
		     "027000AABB"
		     "\x1a");
	bed_free(b);
}

static void test_unsolicited_lines_between_prompt_and_answer(void **state)
{
	(void)state;
	char came[BED_LINE];
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	bed_message(came, "+CMT: ,", 'x');
	assert_true(bed_send(b, 70));
	bed_hears(b, "AT+CMGS=" LENGTH "\r");
	bed_say(b, "\r\nRING\r\n\r\n+CREG: 1\r\n\r\n> ");
	bed_hears(b, OCTETS "\x1a");
	bed_say(b, came);
	assert_int_equal(b->receiveds, 1);
	b->way->ops->answer(b->way, b->received[0].segment.tag, true, b->now);
	assert_true(bed_silent(b)); /* not before +CMGS has its answer */
	bed_say(b, "\r\n+CMGS: 7\r\n\r\nRING\r\n\r\nOK\r\n");
	assert_int_equal(b->sent[0].fate, WAY_SENT);
	bed_does(b, "AT+CNMA", "\r\nOK\r\n");
	assert_true(bed_silent(b));
	bed_free(b);
}

static void test_errors_that_pass_and_errors_that_stay(void **state)
{
	(void)state;
	const struct {
		const char *said;
		uint32_t code;
		enum way_fate fate;
	} all[] = {
		{ "\r\n+CMS ERROR: 42\r\n", 42, WAY_AGAIN },
		{ "\r\n+CMS ERROR: 331\r\n", 331, WAY_AGAIN },
		{ "\r\n+CMS ERROR: 512\r\n", 512, WAY_AGAIN },
		{ "\r\nERROR\r\n", 0, WAY_AGAIN },
		{ "\r\n+CMS ERROR: 1\r\n", 1, WAY_REFUSED },
		{ "\r\n+CMS ERROR: 304\r\n", 304, WAY_REFUSED },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		const struct modem_settings s = bed_settings();
		struct bed *const b = bed_ready(&s);
		assert_true(bed_send(b, 70));
		bed_does(b, "AT+CMGS=" LENGTH, "\r\n> ");
		bed_hears(b, OCTETS "\x1a");
		bed_say(b, all[i].said);
		assert_int_equal(b->sents, 1);
		assert_int_equal(b->sent[0].fate, all[i].fate);
		assert_int_equal(b->sent[0].code, all[i].code);
		/* What passes takes a while; next_ms() knows how long. */
		assert_int_equal(bed_send(b, 71), all[i].fate == WAY_REFUSED);
		if (all[i].fate == WAY_AGAIN) {
			assert_int_equal(b->way->ops->next_ms(b->way), b->now + 1000);
			bed_pass(b, 1000);
			assert_true(bed_send(b, 71));
		}
		bed_free(b);
	}
}

static void test_a_prompt_that_does_not_come(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	assert_true(bed_send(b, 70));
	bed_hears(b, "AT+CMGS=" LENGTH "\r");
	bed_pass(b, 4999);
	assert_true(bed_silent(b));
	bed_pass(b, 1);
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].fate, WAY_AGAIN); /* it has not got it */
	bed_hears(b, "\x1b"
		     "AT\r");
	bed_say(b, "\r\nOK\r\n> \r\nOK\r\n");
	bed_pass(b, 1000);
	assert_true(bed_silent(b));
	for (uint32_t i = 1; i < 3; i++) {
		assert_true(bed_send(b, 70));
		bed_hears(b, "AT+CMGS=" LENGTH "\r");
		assert_int_equal(b->closes, 0);
		bed_pass(b, 5000);
		if (i == 1)
			bed_sync(b);
		bed_pass(b, 2000);
	}
	assert_int_equal(b->closes, 1);
	assert_int_equal(b->sents, 3);
	assert_int_equal(b->sent[2].fate, WAY_AGAIN);
	bed_free(b);
}

static void test_no_answer_to_what_was_given_is_unsure(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	assert_true(bed_send(b, 70));
	bed_does(b, "AT+CMGS=" LENGTH, "\r\n> ");
	bed_hears(b, OCTETS "\x1a");
	bed_pass(b, 59999);
	assert_int_equal(b->sents, 0);
	bed_pass(b, 1);
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].fate, WAY_UNSURE);
	assert_int_equal(b->closes, 1);
	assert_true(b->again_ms > b->now);
	assert_int_equal(b->way->ops->next_ms(b->way), UINT64_MAX);
	bed_free(b);
}

static void test_it_has_gone_at_every_step(void **state)
{
	(void)state;
	for (int step = 0; step < 3; step++) {
		const struct modem_settings s = bed_settings();
		struct bed *const b = bed_ready(&s);
		if (step > 0)
			assert_true(bed_send(b, 70));
		if (step > 1)
			bed_does(b, "AT+CMGS=" LENGTH, "\r\n> ");
		b->way->ops->down(b->way, b->now);
		assert_int_equal(b->sents, step > 0);
		if (step > 0)
			assert_int_equal(b->sent[0].fate, step > 1 ? WAY_UNSURE : WAY_AGAIN);
		assert_int_equal(b->closes, 1);
		assert_false(b->ready);
		assert_false(bed_send(b, 71));
		b->now = b->again_ms;
		b->way->ops->up(b->way, b->now);
		bed_sync(b);
		bed_free(b);
	}
}

static void test_what_cannot_be_sent_is_refused_at_the_next_tick(void **state)
{
	(void)state;
	static const uint8_t data[141];
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	const struct way_segment long_one = { .tag = 9,
		.peer = { .type = 0x91, .len = 4, .digits = "3584" },
		.dcs = 4,
		.data = data,
		.len = sizeof(data) };
	assert_true(b->way->ops->send(b->way, &long_one, b->now));
	assert_int_equal(b->sents, 0);
	assert_int_equal(b->way->ops->next_ms(b->way), b->now);
	bed_pass(b, 0);
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].fate, WAY_REFUSED);
	assert_true(bed_silent(b));
	bed_free(b);
}

/* Whoever cannot open it says so by down(), maybe a little early: there is always a close(). */
static void test_each_down_is_told_when_to_come_again(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_new(&s);
	b->way->ops->down(b->way, b->now);
	assert_int_equal(b->closes, 1);
	const uint64_t first = b->again_ms;
	assert_true(first > b->now);
	b->now = first - 1;
	b->way->ops->down(b->way, b->now);
	assert_int_equal(b->closes, 2);
	assert_int_equal(b->again_ms, first); /* it has not failed once more */
	b->now = first;
	b->way->ops->down(b->way, b->now);
	assert_int_equal(b->closes, 3);
	assert_true(b->again_ms > first);
	bed_free(b);
}

static void test_leaving(void **state)
{
	(void)state;
	const struct modem_settings s = bed_settings();
	struct bed *const b = bed_ready(&s);
	assert_true(bed_send(b, 70));
	bed_does(b, "AT+CMGS=" LENGTH, "\r\n> ");
	bed_hears(b, OCTETS "\x1a");
	b->way->ops->leave(b->way, b->now);
	assert_false(b->ready);
	assert_true(bed_silent(b));
	bed_say(b, "\r\n+CMGS: 1\r\n\r\nOK\r\n");
	assert_int_equal(b->sent[0].fate, WAY_SENT);
	assert_int_equal(b->closes, 0);
	bed_does(b, "AT+CNMI=2,1,0,0,0", "\r\nOK\r\n"); /* what comes is kept */
	assert_int_equal(b->closes, 1);
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_beginning),
		cmocka_unit_test(test_a_message_goes),
		cmocka_unit_test(test_the_smsc_of_the_settings),
		cmocka_unit_test(test_unsolicited_lines_between_prompt_and_answer),
		cmocka_unit_test(test_errors_that_pass_and_errors_that_stay),
		cmocka_unit_test(test_a_prompt_that_does_not_come),
		cmocka_unit_test(test_no_answer_to_what_was_given_is_unsure),
		cmocka_unit_test(test_it_has_gone_at_every_step),
		cmocka_unit_test(test_what_cannot_be_sent_is_refused_at_the_next_tick),
		cmocka_unit_test(test_each_down_is_told_when_to_come_again),
		cmocka_unit_test(test_leaving),
	};
	return cmocka_run_group_tests_name("sms-bridge/modem", tests, NULL, NULL);
}
