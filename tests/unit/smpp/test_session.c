/* SPDX-License-Identifier: Apache-2.0 */
/* The session as it should go: log-in, submissions, messages, the link asked, goodbye. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

#include "bed.h"

static void test_log_in(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_new(&settings);
	assert_true(bed_silent(b));
	assert_false(bed_send(b, 1));
	b->way->ops->up(b->way, b->now);
	const struct smpp_pdu p = bed_heard(b, SMPP_BIND_TRANSCEIVER);
	assert_string_equal(p.bind.system_id, "SMPP3TEST");
	assert_string_equal(p.bind.password, "secret08");
	assert_string_equal(p.bind.system_type, "SUBMIT1");
	assert_int_equal(p.bind.version, 0x34);
	assert_string_equal(p.bind.address_range, "");
	assert_int_equal(p.sequence, 1);
	assert_false(b->ready);
	assert_false(bed_send(b, 1));
	const struct smpp_pdu r = {
		.id = SMPP_BIND_TRANSCEIVER | SMPP_RESP, .sequence = p.sequence, .name = "SMSC"
	};
	bed_say(b, &r);
	assert_true(b->ready);
	assert_string_equal(b->ready_why, "");
	assert_true(bed_send(b, 1));
	bed_free(b);
}

/* The password is in what goes out once, and not there when it has gone. */
static void test_I5_the_password_does_not_stay(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_new(&settings);
	const uint8_t *data;
	b->way->ops->up(b->way, b->now);
	const size_t len = b->way->ops->output(b->way, &data);
	assert_non_null(memmem(data, len, "secret08", 8));
	b->way->ops->consumed(b->way, len);
	assert_null(memmem(data, len, "secret08", 8));
	b->way->ops->down(b->way, b->now);
	b->now = b->again_ms;
	b->way->ops->up(b->way, b->now);
	(void)b->way->ops->output(b->way, &data);
	b->way->ops->down(b->way, b->now); /* not even sent */
	assert_null(memmem(data, len, "secret08", 8));
	bed_free(b);
}

static void test_submissions_and_their_answers_in_any_order(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	assert_true(bed_send(b, 70));
	assert_true(bed_send(b, 71));
	const struct smpp_pdu first = bed_heard(b, SMPP_SUBMIT_SM);
	assert_string_equal(first.sm.destination.digits, "358401234567");
	assert_string_equal(first.sm.source.digits, "4040");
	assert_int_equal(first.sm.esm_class, SMPP_ESM_HEADER);
	assert_int_equal(first.sm.pid, 0x7d);
	assert_int_equal(first.sm.dcs, 0xf5);
	assert_int_equal(first.sm.text_len, 5);
	const struct smpp_pdu second = bed_heard(b, SMPP_SUBMIT_SM);
	assert_int_not_equal(first.sequence, second.sequence);
	assert_int_equal(b->sents, 0);
	const struct smpp_pdu r = {
		.id = SMPP_SUBMIT_SM | SMPP_RESP, .sequence = second.sequence, .name = "id-71\n"
	};
	bed_say(b, &r);
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].tag, 71);
	assert_int_equal(b->sent[0].fate, WAY_SENT);
	assert_int_equal(b->sent[0].code, 0);
	assert_string_equal(b->sent[0].id, "id-71?"); /* into logs: printable */
	bed_say(b, &r);                               /* again: nobody's */
	bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, SMPP_OK, 12345);
	assert_int_equal(b->sents, 1);
	bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, SMPP_OK, first.sequence);
	assert_int_equal(b->sent[1].tag, 70);
	assert_string_equal(b->sent[1].id, "");
	bed_free(b);
}

static void test_the_window_is_kept(void **state)
{
	(void)state;
	struct smpp_settings settings = bed_settings();
	settings.window = 3;
	struct bed *const b = bed_bound(&settings);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(bed_send(b, i));
	assert_false(bed_send(b, 3));
	const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
	bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, SMPP_OK, p.sequence);
	assert_true(bed_send(b, 3));
	assert_false(bed_send(b, 4));
	assert_int_equal(b->sents, 1);
	bed_free(b);
}

static void test_the_rate_is_kept(void **state)
{
	(void)state;
	struct smpp_settings settings = bed_settings();
	settings.per_second = 20;
	settings.window = 255;
	struct bed *const b = bed_bound(&settings);
	uint32_t went = 0;
	for (uint64_t end = b->now + 2000; b->now < end;) {
		if (bed_send(b, went)) {
			went++;
			continue;
		}
		const uint64_t next = b->way->ops->next_ms(b->way);
		assert_in_range(next, b->now + 1, b->now + 50);
		b->now = next;
		b->way->ops->tick(b->way, b->now);
	}
	assert_in_range(went, 40, 43);
	bed_free(b);
}

/* It is refused at the next tick, not in send(), and nothing goes out. */
static void test_what_can_never_be_sent_is_refused(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	static const uint8_t data[200];
	const struct way_segment s = { .tag = 9,
		.peer = { .type = 0x91, .len = 4, .digits = "3584" },
		.data = data,
		.len = sizeof(data) };
	assert_true(b->way->ops->send(b->way, &s, b->now));
	assert_int_equal(b->sents, 0);
	assert_true(bed_silent(b));
	assert_int_equal(b->way->ops->next_ms(b->way), b->now);
	bed_pass(b, 0);
	assert_int_equal(b->sents, 1);
	assert_int_equal(b->sent[0].tag, 9);
	assert_int_equal(b->sent[0].fate, WAY_REFUSED);
	bed_free(b);
}

static void test_a_message_waits_for_its_answer(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	struct smpp_pdu p = {
		.id = SMPP_DELIVER_SM, .sequence = 0x77, .sm = bed_message("358401234567", "4040")
	};
	bed_say(b, &p);
	p.sequence = 0x78;
	bed_say(b, &p);
	p.id = SMPP_DATA_SM;
	p.sequence = 0x79;
	p.sm.payload = p.sm.text;
	p.sm.payload_len = p.sm.text_len;
	p.sm.text_len = 0;
	bed_say(b, &p);
	assert_int_equal(b->receiveds, 3);
	assert_int_equal(b->received[0].segment.len, 5);
	assert_memory_equal(b->received[0].data, "\x02\x70\x00\xbe\xef", 5);
	assert_memory_equal(b->received[2].data, "\x02\x70\x00\xbe\xef", 5);
	assert_true(bed_silent(b));
	const struct way_ops *const ops = b->way->ops;
	ops->answer(b->way, b->received[1].segment.tag, true, b->now);
	struct smpp_pdu r = bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP);
	assert_int_equal(r.sequence, 0x78);
	assert_int_equal(r.status, SMPP_OK);
	ops->answer(b->way, b->received[1].segment.tag, true, b->now); /* once */
	assert_true(bed_silent(b));
	/* Not taken: a temporary error of the receiver, and the SMSC keeps it. */
	ops->answer(b->way, b->received[0].segment.tag, false, b->now);
	r = bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP);
	assert_int_equal(r.sequence, 0x77);
	assert_int_equal(r.status, 0x64);
	ops->answer(b->way, b->received[2].segment.tag, true, b->now);
	r = bed_heard(b, SMPP_DATA_SM | SMPP_RESP);
	assert_int_equal(r.sequence, 0x79);
	bed_free(b);
}

static void test_a_message_may_be_answered_at_once(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	const struct smpp_pdu p = {
		.id = SMPP_DELIVER_SM, .sequence = 5, .sm = bed_message("3584", "4040")
	};
	b->answers_at_once = true;
	b->takes = true;
	bed_say(b, &p);
	assert_int_equal(bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP).status, SMPP_OK);
	bed_free(b);
}

/* 4.6.2: deliver_sm_resp has a message_id, which is empty: 17 octets. */
static void test_deliver_sm_resp_has_its_empty_name(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	static const uint8_t want[2][17] = {
		{ 0, 0, 0, 17, 0x80, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 5, 0 },
		{ 0, 0, 0, 17, 0x80, 0, 0, 5, 0, 0, 0, 0x64, 0, 0, 0, 5, 0 },
	};
	const struct smpp_pdu p = {
		.id = SMPP_DELIVER_SM, .sequence = 5, .sm = bed_message("3584", "4040")
	};
	b->answers_at_once = true;
	for (size_t i = 0; i < COUNT_OF(want); i++) {
		const uint8_t *data;
		b->takes = i == 0;
		bed_say(b, &p);
		assert_int_equal(b->way->ops->output(b->way, &data), 17);
		assert_memory_equal(data, want[i], 17);
		b->way->ops->consumed(b->way, 17);
	}
	bed_free(b);
}

static void test_a_receipt_is_acknowledged_and_no_message(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	struct smpp_pdu p = {
		.id = SMPP_DELIVER_SM, .sequence = 6, .sm = bed_message("3584", "4040")
	};
	p.sm.esm_class = SMPP_ESM_RECEIPT;
	bed_say(b, &p);
	assert_int_equal(b->receiveds, 0);
	const struct smpp_pdu r = bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP);
	assert_int_equal(r.status, SMPP_OK);
	assert_int_equal(r.sequence, 6);
	bed_free(b);
}

static void test_SAR_arrives_as_a_header(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	struct smpp_pdu p = {
		.id = SMPP_DELIVER_SM, .sequence = 6, .sm = bed_message("3584", "4040")
	};
	p.sm.sar = true;
	p.sm.sar_reference = 7;
	p.sm.sar_total = 2;
	p.sm.sar_number = 1;
	bed_say(b, &p);
	assert_true(b->received[0].segment.header);
	assert_int_equal(b->received[0].segment.len, 10);
	assert_memory_equal(b->received[0].data, "\x07\x00\x03\x07\x02\x01\x70\x00\xbe\xef", 10);
	bed_free(b);
}

static void test_enquire_link_is_answered(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_new(&settings);
	b->way->ops->up(b->way, b->now);
	(void)bed_heard(b, SMPP_BIND_TRANSCEIVER);
	bed_say_short(b, SMPP_ENQUIRE_LINK, 0, 3); /* before it has let us in, too */
	const struct smpp_pdu r = bed_heard(b, SMPP_ENQUIRE_LINK | SMPP_RESP);
	assert_int_equal(r.sequence, 3);
	assert_int_equal(r.status, SMPP_OK);
	bed_free(b);
}

static void test_a_silent_link_is_asked(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	bed_pass(b, 29999);
	assert_true(bed_silent(b));
	bed_say_short(b, SMPP_ENQUIRE_LINK, 0, 3); /* whatever comes starts it anew */
	(void)bed_heard(b, SMPP_ENQUIRE_LINK | SMPP_RESP);
	bed_pass(b, 29999);
	assert_true(bed_silent(b));
	bed_pass(b, 1);
	const struct smpp_pdu p = bed_heard(b, SMPP_ENQUIRE_LINK);
	bed_pass(b, 29999);
	assert_true(bed_silent(b)); /* asked once */
	bed_say_short(b, SMPP_ENQUIRE_LINK | SMPP_RESP, 0, p.sequence);
	bed_pass(b, 29999);
	assert_int_equal(b->closes, 0);
	assert_true(bed_silent(b));
	bed_pass(b, 1);
	(void)bed_heard(b, SMPP_ENQUIRE_LINK);
	bed_free(b);
}

/* Octet by octet, and all at once. */
static void test_octets_come_as_they_like(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	const struct smpp_pdu p = {
		.id = SMPP_DELIVER_SM, .sequence = 5, .sm = bed_message("3584", "4040")
	};
	uint8_t stream[512];
	size_t len = 0;
	for (int i = 0; i < 3; i++)
		len += smpp_write(&p, stream + len, sizeof(stream) - len);
	for (size_t cut = 1; cut <= len; cut++) {
		b->receiveds = 0;
		for (size_t at = 0; at < len; at += cut) {
			const size_t n = cut < len - at ? cut : len - at;
			b->way->ops->input(b->way, stream + at, n, b->now);
		}
		assert_int_equal(b->receiveds, 3);
		for (size_t i = 0; i < 3; i++) {
			assert_memory_equal(b->received[i].data, "\x02\x70\x00\xbe\xef", 5);
			b->way->ops->answer(b->way, b->received[i].segment.tag, true, b->now);
			(void)bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP);
		}
	}
	bed_free(b);
}

static void test_leaving_waits_for_answers_and_says_goodbye(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	struct bed *const b = bed_bound(&settings);
	assert_true(bed_send(b, 1));
	const struct smpp_pdu p = bed_heard(b, SMPP_SUBMIT_SM);
	b->way->ops->leave(b->way, b->now);
	assert_false(b->ready);
	assert_false(bed_send(b, 2));
	bed_pass(b, 100);
	assert_true(bed_silent(b));
	/* What comes meanwhile stays with the SMSC. */
	const struct smpp_pdu m = {
		.id = SMPP_DELIVER_SM, .sequence = 6, .sm = bed_message("3584", "4040")
	};
	bed_say(b, &m);
	assert_int_equal(b->receiveds, 0);
	assert_int_equal(bed_heard(b, SMPP_DELIVER_SM | SMPP_RESP).status, SMPP_LATER);
	bed_say_short(b, SMPP_SUBMIT_SM | SMPP_RESP, SMPP_OK, p.sequence);
	assert_int_equal(b->sent[0].fate, WAY_SENT);
	bed_pass(b, 0);
	const struct smpp_pdu u = bed_heard(b, SMPP_UNBIND);
	assert_int_equal(b->closes, 0);
	bed_say_short(b, SMPP_UNBIND | SMPP_RESP, SMPP_OK, u.sequence);
	assert_int_equal(b->closes, 1);
	bed_free(b);
}

static void test_leaving_ends_without_an_SMSC_too(void **state)
{
	(void)state;
	const struct smpp_settings settings = bed_settings();
	for (int i = 0; i < 4; i++) {
		struct bed *const b = bed_new(&settings);
		if (i == 1)
			b->way->ops->up(b->way, b->now);
		if (i >= 2)
			bed_log_in(b);
		if (i == 3)
			assert_true(bed_send(b, 1));
		b->way->ops->leave(b->way, b->now);
		bed_pass(b, 5000);
		assert_int_equal(b->closes, 1);
		assert_int_equal(b->sents, i == 3 ? 1 : 0);
		if (i == 3)
			assert_int_equal(b->sent[0].fate, WAY_UNSURE);
		bed_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_in),
		cmocka_unit_test(test_I5_the_password_does_not_stay),
		cmocka_unit_test(test_submissions_and_their_answers_in_any_order),
		cmocka_unit_test(test_the_window_is_kept),
		cmocka_unit_test(test_the_rate_is_kept),
		cmocka_unit_test(test_what_can_never_be_sent_is_refused),
		cmocka_unit_test(test_a_message_waits_for_its_answer),
		cmocka_unit_test(test_a_message_may_be_answered_at_once),
		cmocka_unit_test(test_deliver_sm_resp_has_its_empty_name),
		cmocka_unit_test(test_a_receipt_is_acknowledged_and_no_message),
		cmocka_unit_test(test_SAR_arrives_as_a_header),
		cmocka_unit_test(test_enquire_link_is_answered),
		cmocka_unit_test(test_a_silent_link_is_asked),
		cmocka_unit_test(test_octets_come_as_they_like),
		cmocka_unit_test(test_leaving_waits_for_answers_and_says_goodbye),
		cmocka_unit_test(test_leaving_ends_without_an_SMSC_too),
	};
	return cmocka_run_group_tests_name("smpp/session", tests, NULL, NULL);
}
