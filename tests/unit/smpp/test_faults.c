/* SPDX-License-Identifier: Apache-2.0 */
/* An SMSC that is busy, broken, or hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#include "bed.h"

/* --- submissions ------------------------------------------------------------------------------ */

static const struct {
	uint32_t status;
	enum way_fate fate;
} statuses[] = {
	{ SMPP_OK, WAY_SENT },
	{ 0x58, WAY_AGAIN },   /* throttled */
	{ 0x14, WAY_AGAIN },   /* message queue full */
	{ 0x08, WAY_AGAIN },   /* system error */
	{ 0x64, WAY_AGAIN },   /* temporary */
	{ 0x0b, WAY_REFUSED }, /* invalid destination address */
	{ 0x45, WAY_REFUSED }, /* submit_sm failed */
	{ 0x65, WAY_REFUSED }, /* permanent */
	{ 0xff, WAY_REFUSED },
	{ 0x400, WAY_REFUSED }, /* of a vendor: the number is kept */
	{ 0x4ff, WAY_REFUSED },
	{ 0xfffffff0, WAY_REFUSED },
};

static void test_each_status_has_its_fate_and_is_kept(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		struct bed *const b = bed_bound(&settings);
		assert_true(bed_send(b, 5));
		const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
		bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, statuses[i].status, p.sequence);
		assert_int_equal(b->sents, 1);
		assert_int_equal(b->sent[0].fate, statuses[i].fate);
		assert_int_equal(b->sent[0].code, statuses[i].status);
		/* Only what may go later holds the others back. */
		assert_int_equal(bed_send(b, 6), statuses[i].fate != WAY_AGAIN);
		assert_int_equal(b->closes, 0);
		bed_free(b);
	}
}

/* Submits one, which is answered so. */
static void try_one(struct bed *b, uint32_t status)
{
	assert_true(bed_send(b, 1));
	const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
	bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, status, p.sequence);
}

/* How long nothing is taken; told by next_ms(). */
static uint64_t held_back(struct bed *b)
{
	const uint64_t start = b->now;
	while (!bed_send(b, 1)) {
		const uint64_t next = b->way->ops->next_ms(b->way);
		assert_in_range(next, b->now + 1, b->now + 120000);
		b->now = next;
		b->way->ops->tick(b->way, b->now);
	}
	return b->now - start;
}

static void test_throttling_pauses_longer_each_time(void **state)
{
	(void)state;
	struct smpp_settings settings = bed_settings();
	settings.enquire_ms = 0;
	struct bed *const b = bed_bound(&settings);
	uint64_t least = 1000;
	try_one(b, SMPP_THROTTLED);
	for (int i = 0; i < 10; i++) {
		assert_in_range(held_back(b), least, least * 5 / 4 + 1);
		const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
		assert_false(bed_send(b, 2)); /* one at a time, until one is taken */
		bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, i % 2 ? 0x58 : 0x14, p.sequence);
		least = least * 2 < 60000 ? least * 2 : 60000;
	}
	(void)held_back(b);
	const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
	bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, SMPP_OK, p.sequence);
	for (uint32_t i = 0; i < settings.window; i++) /* all of the window again */
		assert_true(bed_send(b, i));
	bed_free(b);
}

static void test_a_window_of_refusals_is_one_reason_to_pause(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	for (uint32_t i = 0; i < settings.window; i++)
		assert_true(bed_send(b, i));
	for (uint32_t i = 0; i < settings.window; i++) {
		const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
		/* The last was taken before the others: it says nothing about now. */
		bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP,
			i + 1 < settings.window ? SMPP_THROTTLED : SMPP_OK, p.sequence);
	}
	assert_int_equal(b->sents, settings.window);
	assert_in_range(held_back(b), 1000, 1250);
	assert_false(bed_send(b, 2));
	bed_free(b);
}

static void test_a_submission_without_an_answer_is_unsure(void **state)
{
	(void)state;
	struct smpp_settings settings = bed_settings();
	settings.enquire_ms = 0;
	struct bed *const b = bed_bound(&settings);
	assert_true(bed_send(b, 1));
	const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
	bed_pass(b, 29999);
	assert_int_equal(b->sents, 0);
	bed_pass(b, 1);
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].fate, WAY_UNSURE);
	bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, SMPP_OK, p.sequence); /* too late */
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->closes, 0);
	bed_free(b);
}

static void test_an_SMSC_that_answers_no_submission_is_left(void **state)
{
	(void)state;
	struct smpp_settings settings = bed_settings();
	settings.window = 2;
	settings.enquire_ms = 60000;
	struct bed *const b = bed_bound(&settings);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(b->closes, 0);
		assert_true(bed_send(b, i));
		(void)bed_heard(b, SMPP_SUBMIT_SM);
		bed_pass(b, 15000);
		bed_say_short(b, SMPP_ENQUIRE_LINK, 0, 1); /* it is there, all the same */
		(void)bed_heard(b, SMPP_ENQUIRE_LINK | SMPP_RESP);
		bed_pass(b, 15000);
	}
	assert_int_equal(b->sents, 3);
	assert_int_equal(b->closes, 1);
	assert_non_null(strstr(b->close_why, "does not answer what is submitted"));
	bed_free(b);
}

static void test_one_answer_ends_the_silence(void **state)
{
	(void)state;
	struct smpp_settings settings = bed_settings();
	settings.enquire_ms = 0;
	struct bed *const b = bed_bound(&settings);
	for (uint32_t i = 0; i < 9; i++) { /* two in three have no answer */
		assert_true(bed_send(b, i));
		const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
		if (i % 3 == 2)
			bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, SMPP_OK, p.sequence);
		else
			bed_pass(b, 30000);
	}
	assert_int_equal(b->sents, 9);
	assert_int_equal(b->closes, 0);
	bed_free(b);
}

static void test_what_is_under_way_when_the_stream_ends_is_unsure(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	for (uint32_t i = 0; i < 4; i++)
		assert_true(bed_send(b, 40 + i));
	const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
	b->way->ops->down(b->way, b->now);
	assert_int_equal(b->sents, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(b->sent[i].tag, 40 + i);
		assert_int_equal(b->sent[i].fate, WAY_UNSURE);
	}
	assert_int_equal(b->closes, 1);
	assert_false(b->ready);
	assert_true(bed_silent(b));
	const uint64_t again_ms = b->again_ms;
	b->way->ops->down(b->way, b->now); /* nothing is new */
	assert_int_equal(b->again_ms, again_ms);
	assert_int_equal(b->sents, 4);
	b->now = b->again_ms;
	bed_log_in(b);
	bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, SMPP_OK, p.sequence);
	assert_int_equal(b->sents, 4);
	bed_free(b);
}

static void test_generic_nack_to_a_submission(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	assert_true(bed_send(b, 1));
	assert_true(bed_send(b, 2));
	(void)bed_heard(b, SMPP_SUBMIT_SM);
	const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
	bed_say_short(b, SMPP_GENERIC_NACK, SMPP_BAD_LENGTH, 0); /* it does not know which */
	assert_int_equal(b->sents, 0);
	bed_say_short(b, SMPP_GENERIC_NACK, SMPP_BAD_LENGTH, p.sequence);
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].tag, 2);
	assert_int_equal(b->sent[0].fate, WAY_REFUSED);
	assert_int_equal(b->sent[0].code, SMPP_BAD_LENGTH);
	bed_free(b);
}

static void test_an_SMSC_that_forgot_us_is_asked_to_let_us_in_again(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	try_one(b, SMPP_BAD_STATE);
	assert_int_equal(b->sent[0].fate, WAY_AGAIN);
	assert_int_equal(b->closes, 1);
	bed_free(b);
}

/* --- units that are wrong --------------------------------------------------------------------- */

static void test_an_unknown_request_is_refused(void **state)
{
	(void)state;
	static const uint32_t ids[] = { 0x0b, 0x02, 0x21, SMPP_SUBMIT_SM, SMPP_BIND_TRANSCEIVER,
		0x7fffffff };
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		bed_say_short(b, ids[i], 0, 0x1000 + (uint32_t)i);
		const struct smpp_pdu r = bed_heard(b, SMPP_GENERIC_NACK);
		assert_int_equal(r.status, SMPP_BAD_ID);
		assert_int_equal(r.sequence, 0x1000 + i);
	}
	/* An answer that is nobody's, and what has none. */
	bed_say_short(b, 0x80000003, 0, 1);
	bed_say_short(b, SMPP_ALERT, 0, 1);
	bed_say_short(b, SMPP_GENERIC_NACK, SMPP_BAD_ID, 99);
	assert_true(bed_silent(b));
	assert_int_equal(b->closes, 0);
	bed_free(b);
}

static void test_lengths_that_are_no_frames_close(void **state)
{
	(void)state;
	static const uint8_t broken[][4] = { { 0, 0, 0, 15 }, { 0, 0, 0x10, 0x01 },
		{ 'H', 'T', 'T', 'P' } };
	const struct smpp_settings settings = bed_settings();
	for (size_t i = 0; i < COUNT_OF(broken); i++) {
		struct bed *const b = bed_bound(&settings);
		b->way->ops->input(b->way, broken[i], 4, b->now);
		assert_int_equal(b->closes, 1);
		b->way->ops->input(b->way, broken[i], 4, b->now); /* nobody listens any more */
		assert_int_equal(b->closes, 1);
		bed_free(b);
	}
}

/* It must be refused for good and not end the stream, or it would come first on the next one. */
static void test_a_message_that_cannot_be_read_is_refused_under_its_number(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		uint32_t status;
		uint8_t len;
	} bodies[] = {
		{ "", SMPP_BAD_LENGTH, 0 },
		{ "\0\1\1"
		  "3584",
			SMPP_BAD_LENGTH, 7 },
		{ "\0\1\1\0\1\1\0\0\0\0\0\0\0\0\0\0\377", SMPP_BAD_TEXT_LENGTH, 17 },
		{ "\0\1\1\0\1\1\0\0\0\0\0\0\0\0\0\0\1x\4\44\0\1y", SMPP_TLV_NOT_ALLOWED, 23 },
		{ "\0\1\1\0\1\1\0\0\0\0\0\0\0\0\0\0\1x\4\44\0\2y", SMPP_BAD_TLVS, 23 },
	};
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		uint8_t frame[64] = { 0, 0, 0, (uint8_t)(16 + bodies[i].len), 0, 0, 0, 5, 0, 0, 0,
			0, 0, 0, 0, 0x31 };
		memcpy(frame + 16, bodies[i].body, bodies[i].len);
		b->way->ops->input(b->way, frame, frame[3], b->now);
		const struct smpp_pdu r = bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP);
		assert_int_equal(r.status, bodies[i].status);
		assert_int_equal(r.sequence, 0x31);
	}
	assert_int_equal(b->closes, 0);
	assert_int_equal(b->receiveds, 0);
	bed_free(b);
}

/* 64 wait; more stay with the SMSC, and come when there is a place. */
static void test_I7_what_waits_is_bounded(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	struct smpp_pdu p = { .id = SMPP_DELIVER_SM, .sm = bed_message("3584", "4040") };
	for (p.sequence = 1; p.sequence <= 64; p.sequence++)
		bed_say(b, &p);
	assert_true(bed_silent(b));
	bed_say(b, &p);
	assert_int_equal(bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP).status, SMPP_LATER);
	assert_int_equal(b->receiveds, 64);
	b->way->ops->answer(b->way, b->received[7].segment.tag, true, b->now);
	assert_int_equal(bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP).sequence, 8);
	bed_say(b, &p);
	assert_int_equal(b->receiveds, 65);
	bed_free(b);
}

/* The gateway's answer to a message of a stream that is gone is nobody's. */
static void test_answers_of_an_old_stream_go_nowhere(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	const struct smpp_pdu p = {
		.id = SMPP_DELIVER_SM, .sequence = 1, .sm = bed_message("3584", "4040")
	};
	bed_say(b, &p);
	b->way->ops->down(b->way, b->now);
	b->way->ops->answer(b->way, b->received[0].segment.tag, true, b->now);
	assert_true(bed_silent(b));
	b->now = b->again_ms;
	bed_log_in(b);
	bed_say(b, &p); /* again, as it was not acknowledged */
	assert_int_equal(b->receiveds, 2);
	b->way->ops->answer(b->way, b->received[0].segment.tag, true, b->now);
	assert_true(bed_silent(b));
	b->way->ops->answer(b->way, b->received[1].segment.tag, true, b->now);
	assert_int_equal(bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP).status, SMPP_OK);
	bed_free(b);
}

static void test_a_message_before_the_log_in_is_refused(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_new(&settings);
	const struct smpp_pdu p = {
		.id = SMPP_DELIVER_SM, .sequence = 1, .sm = bed_message("3584", "4040")
	};
	b->way->ops->up(b->way, b->now);
	(void)bed_heard(b, SMPP_BIND_TRANSCEIVER);
	bed_say(b, &p);
	assert_int_equal(bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP).status, SMPP_BAD_STATE);
	assert_int_equal(b->receiveds, 0);
	bed_free(b);
}

/* It asks and asks, and never reads an answer. */
static void test_I7_an_SMSC_that_does_not_read_is_left(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	uint32_t asked = 0;
	while (b->closes == 0 && asked < 10000)
		bed_say_short(b, SMPP_ENQUIRE_LINK, 0, ++asked);
	assert_in_range(asked, 1000, 2048);
	assert_non_null(strstr(b->close_why, "does not read"));
	assert_true(bed_silent(b));
	bed_free(b);
}

/* Nobody takes what goes out: the window is wide, but answers have room yet. */
static void test_I7_submissions_leave_room_for_answers(void **state)
{
	(void)state;
	static const uint8_t data[140];
	struct smpp_settings settings = bed_settings();
	settings.window = 255;
	struct bed *const b = bed_bound(&settings);
	const struct way_segment s = { .peer = { .type = 0x91, .len = 4, .digits = "3584" },
		.data = data,
		.len = sizeof(data) };
	uint32_t went = 0;
	while (b->way->ops->send(b->way, &s, b->now))
		went++;
	assert_in_range(went, 100, 200);
	for (uint32_t i = 0; i < 200; i++)
		bed_say_short(b, SMPP_ENQUIRE_LINK, 0, i + 1);
	assert_int_equal(b->closes, 0);
	for (uint32_t i = 0; i < went; i++)
		(void)bed_heard(b, SMPP_SUBMIT_SM);
	assert_true(b->way->ops->send(b->way, &s, b->now));
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_status_has_its_fate_and_is_kept),
		cmocka_unit_test(test_throttling_pauses_longer_each_time),
		cmocka_unit_test(test_a_window_of_refusals_is_one_reason_to_pause),
		cmocka_unit_test(test_a_submission_without_an_answer_is_unsure),
		cmocka_unit_test(test_an_SMSC_that_answers_no_submission_is_left),
		cmocka_unit_test(test_one_answer_ends_the_silence),
		cmocka_unit_test(test_what_is_under_way_when_the_stream_ends_is_unsure),
		cmocka_unit_test(test_generic_nack_to_a_submission),
		cmocka_unit_test(test_an_SMSC_that_forgot_us_is_asked_to_let_us_in_again),
		cmocka_unit_test(test_an_unknown_request_is_refused),
		cmocka_unit_test(test_lengths_that_are_no_frames_close),
		cmocka_unit_test(test_a_message_that_cannot_be_read_is_refused_under_its_number),
		cmocka_unit_test(test_I7_what_waits_is_bounded),
		cmocka_unit_test(test_answers_of_an_old_stream_go_nowhere),
		cmocka_unit_test(test_a_message_before_the_log_in_is_refused),
		cmocka_unit_test(test_I7_an_SMSC_that_does_not_read_is_left),
		cmocka_unit_test(test_I7_submissions_leave_room_for_answers),
	};
	return cmocka_run_group_tests_name("smpp/faults", tests, NULL, NULL);
}
