/* SPDX-License-Identifier: Apache-2.0 */
/* Frames between gateway and bridge: what one writes the other reads, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms-bridge/wire/wire.h"

static const uint8_t packet[] = { 0x00, 0x1d, 0x15, 0x02, 0x00, 0xff };

static struct wire_number number(const char *digits)
{
	struct wire_number n = { .type = 0x91, .len = (uint8_t)strlen(digits) };
	memcpy(n.digits, digits, n.len);
	return n;
}

static struct wire_text text(void)
{
	return (struct wire_text){ .id = UINT64_C(0xfedcba9876543210),
		.peer = number("491701234567"),
		.own = number("4915*#abc"),
		.pid = 0x7d,
		.dcs = 0xf5,
		.marker = 0x70,
		.port = 5683,
		.data = packet,
		.len = sizeof(packet) };
}

static struct wire_message sample(enum wire_type type)
{
	struct wire_message m;
	memset(&m, 0, sizeof(m));
	m.type = (uint8_t)type;
	switch (type) {
	case WIRE_HELLO:
		m.hello = (struct wire_hello){ .instance = 7, .name = "bridge" };
		break;
	case WIRE_MT:
		m.mt = (struct wire_mt){ .text = text(), .reference = 0xabcd, .valid_s = 86400 };
		break;
	case WIRE_MT_OUTCOME:
		m.mt_outcome = (struct wire_mt_outcome){ .id = 9,
			.outcome = WIRE_REFUSED,
			.segments = 3,
			.code = 0xfffffff0,
			.way = "smsc-1",
			.smsc_id = "0A1b" };
		break;
	case WIRE_MO:
		m.mo = (struct wire_mo){ .text = text(), .at_ms = 1, .way = "modem" };
		break;
	case WIRE_MO_ANSWER:
		m.mo_answer = (struct wire_mo_answer){ .id = 9, .taken = WIRE_LATER };
		break;
	}
	return m;
}

static void same_text(const struct wire_text *a, const struct wire_text *b)
{
	assert_true(a->id == b->id);
	assert_memory_equal(&a->peer, &b->peer, sizeof(a->peer));
	assert_memory_equal(&a->own, &b->own, sizeof(a->own));
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->dcs, b->dcs);
	assert_int_equal(a->marker, b->marker);
	assert_int_equal(a->port, b->port);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

static void same(const struct wire_message *a, const struct wire_message *b)
{
	assert_int_equal(a->type, b->type);
	if (a->type == WIRE_MT) {
		same_text(&a->mt.text, &b->mt.text);
		assert_int_equal(a->mt.reference, b->mt.reference);
		assert_int_equal(a->mt.valid_s, b->mt.valid_s);
	} else if (a->type == WIRE_MO) {
		same_text(&a->mo.text, &b->mo.text);
		assert_true(a->mo.at_ms == b->mo.at_ms);
		assert_string_equal(a->mo.way, b->mo.way);
	} else {
		assert_memory_equal(a, b, sizeof(*a));
	}
}

/* --- frames ----------------------------------------------------------------------------------- */

static void test_what_is_written_is_read(void **state)
{
	(void)state;
	for (int type = WIRE_HELLO; type <= WIRE_MO_ANSWER; type++) {
		const struct wire_message m = sample((enum wire_type)type);
		struct wire_message back;
		uint8_t frame[256];
		const size_t len = wire_write(&m, frame, sizeof(frame));
		assert_true(len > 0);
		assert_true(wire_read(frame, len, &back));
		same(&m, &back);
	}
}

static void must_be_unread(const uint8_t *frame, size_t len)
{
	static const struct wire_message none;
	uint8_t *const exact = malloc(len + 1);
	struct wire_message out;
	assert_non_null(exact);
	memcpy(exact, frame, len);
	memset(&out, 0xaa, sizeof(out));
	assert_false(wire_read(exact, len, &out));
	assert_memory_equal(&out, &none, sizeof(out));
	free(exact);
}

static void test_no_frame_is_shorter_or_longer(void **state)
{
	(void)state;
	for (int type = WIRE_HELLO; type <= WIRE_MO_ANSWER; type++) {
		const struct wire_message m = sample((enum wire_type)type);
		uint8_t frame[256] = { 0 }, scrap[256];
		const size_t len = wire_write(&m, frame, sizeof(frame) - 1);
		for (size_t i = 0; i < len; i++) {
			must_be_unread(frame, i);
			assert_int_equal(wire_write(&m, scrap, i), 0);
		}
		must_be_unread(frame, len + 1);
		assert_int_equal(wire_write(&m, scrap, len), len);
	}
}

static void test_other_versions_and_types_are_not_read(void **state)
{
	(void)state;
	struct wire_message m = sample(WIRE_MO_ANSWER);
	uint8_t frame[64];
	const size_t len = wire_write(&m, frame, sizeof(frame));
	assert_int_equal(frame[0], WIRE_VERSION);
	for (unsigned v = 0; v < 256; v++) {
		frame[0] = (uint8_t)v;
		if (v != WIRE_VERSION)
			must_be_unread(frame, len);
	}
	frame[0] = WIRE_VERSION;
	for (unsigned t = WIRE_MO_ANSWER + 1; t < 258; t++) {
		frame[1] = (uint8_t)t; /* 0 at last but one */
		if (frame[1] == WIRE_HELLO)
			continue;
		must_be_unread(frame, len);
		m.type = frame[1];
		assert_int_equal(wire_write(&m, frame + 32, 32), 0);
	}
}

static void test_values_that_are_none(void **state)
{
	(void)state;
	static const uint8_t outcomes[] = { 0, WIRE_BUSY + 1, 255 },
			     taken[] = { 0, WIRE_LATER + 1, 255 };
	uint8_t frame[256];
	for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
		struct wire_message m = sample(WIRE_MT_OUTCOME);
		const size_t len = wire_write(&m, frame, sizeof(frame));
		assert_int_equal(frame[10], WIRE_REFUSED); /* behind version, type, id */
		frame[10] = outcomes[i];
		must_be_unread(frame, len);
		m.mt_outcome.outcome = outcomes[i];
		assert_int_equal(wire_write(&m, frame, sizeof(frame)), 0);
		m = sample(WIRE_MO_ANSWER);
		const size_t answer = wire_write(&m, frame, sizeof(frame));
		frame[answer - 1] = taken[i];
		must_be_unread(frame, answer);
		m.mo_answer.taken = taken[i];
		assert_int_equal(wire_write(&m, frame, sizeof(frame)), 0);
	}
}

/* A text that ends before its length would be written otherwise than it was read. */
static void test_no_text_has_an_end_within(void **state)
{
	(void)state;
	const struct wire_message m = sample(WIRE_HELLO);
	uint8_t frame[64];
	const size_t len = wire_write(&m, frame, sizeof(frame));
	frame[len - 2] = 0;
	must_be_unread(frame, len);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void test_the_longest_message_goes(void **state)
{
	(void)state;
	static uint8_t data[WIRE_DATA_MAX + 1], frame[WIRE_FRAME_MAX];
	struct wire_message m = sample(WIRE_MO), back;
	memset(data, 0x5a, sizeof(data));
	m.mo.text.data = data;
	m.mo.text.len = WIRE_DATA_MAX;
	m.mo.text.peer = m.mo.text.own = number("12345678901234567890");
	memset(m.mo.way, 'w', WIRE_NAME_MAX);
	const size_t len = wire_write(&m, frame, sizeof(frame));
	assert_true(len > WIRE_DATA_MAX);
	assert_true(wire_read(frame, len, &back));
	same(&m, &back);
	m.mo.text.len++;
	assert_int_equal(wire_write(&m, frame, sizeof(frame)), 0);
	m.mo.text.len = 0;
	m.mo.text.data = NULL;
	const size_t empty = wire_write(&m, frame, sizeof(frame));
	assert_true(empty > 0 && wire_read(frame, empty, &back));
	assert_int_equal(back.mo.text.len, 0);
}

static void test_names_and_ids_beyond_their_bound(void **state)
{
	(void)state;
	uint8_t frame[256];
	struct wire_message m = sample(WIRE_MT_OUTCOME), back = sample(WIRE_HELLO);
	memset(m.mt_outcome.way, 'w', WIRE_NAME_MAX);
	memset(m.mt_outcome.smsc_id, 'i', WIRE_SMSC_ID_MAX);
	const size_t len = wire_write(&m, frame, sizeof(frame));
	assert_true(len > 0 && wire_read(frame, len, &back));
	same(&m, &back);
	m.mt_outcome.way[WIRE_NAME_MAX] = 'w'; /* without end */
	assert_int_equal(wire_write(&m, frame, sizeof(frame)), 0);
	m = sample(WIRE_MT_OUTCOME);
	memset(m.mt_outcome.smsc_id, 'i', sizeof(m.mt_outcome.smsc_id));
	assert_int_equal(wire_write(&m, frame, sizeof(frame)), 0);
}

static void test_numbers_that_are_none(void **state)
{
	(void)state;
	struct wire_number bad[] = { number("1234"), number("1234"), number("12x4"), number("12 4"),
		number(""), number("12d4") };
	uint8_t frame[256];
	bad[0].len = WIRE_DIGITS_MAX + 1;
	bad[1].type = 0; /* digits of no type; the one without digits has a type */
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct wire_message m = sample(WIRE_MT);
		m.mt.text.peer = bad[i];
		assert_int_equal(wire_write(&m, frame, sizeof(frame)), 0);
	}
	const struct wire_message m = sample(WIRE_MT);
	const size_t len = wire_write(&m, frame, sizeof(frame));
	assert_memory_equal(
		frame + 12, "491701234567", 12); /* behind version, type, id, type, length */
	frame[12] = 'x';
	must_be_unread(frame, len);
	frame[12] = '4';
	frame[10] = 0;
	must_be_unread(frame, len);
}

/* --- numbers and ids -------------------------------------------------------------------------- */

static void test_numbers_from_text(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "+", "++49", "49 170", "1234567890123456", "49170a",
		"*1", "-1" };
	struct wire_number a, b;
	assert_true(wire_number_from_text("491701234567", &a));
	assert_true(wire_number_from_text("+491701234567", &b));
	assert_int_equal(a.type, 0x91);
	assert_int_equal(a.len, 12);
	assert_string_equal(a.digits, "491701234567");
	assert_memory_equal(&a, &b, sizeof(a));
	assert_true(wire_number_from_text("123456789012345", &a)); /* E.164 has at most 15 */
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_false(wire_number_from_text(bad[i], &a));
		assert_int_equal(a.len, 0);
	}
}

static void test_an_id_is_of_sender_time_and_octets(void **state)
{
	(void)state;
	static const uint8_t scts[7] = { 0x62, 0x11, 0x32, 0x50, 0x00, 0x00, 0x40 };
	static const uint8_t later[7] = { 0x62, 0x11, 0x32, 0x50, 0x00, 0x10, 0x40 };
	static const uint8_t octets[] = { 0x00, 0x1d, 0x15, 0x02, 0x00, 0xfe };
	struct wire_text t = text();
	const uint64_t id = wire_mo_id(&t, scts, sizeof(scts));
	uint8_t copy[sizeof(packet)];
	memcpy(copy, packet, sizeof(copy));
	t.data = copy;
	t.id = 5; /* is what comes out */
	assert_true(wire_mo_id(&t, scts, sizeof(scts)) == id);
	assert_true(wire_mo_id(&t, later, sizeof(later)) != id);
	assert_true(wire_mo_id(&t, NULL, 0) != id);
	t.data = octets;
	assert_true(wire_mo_id(&t, scts, sizeof(scts)) != id);
	t = text();
	t.len--;
	assert_true(wire_mo_id(&t, scts, sizeof(scts)) != id);
	t = text();
	t.peer = number("491701234568");
	assert_true(wire_mo_id(&t, scts, sizeof(scts)) != id);
	/* What ends one field does not begin the next. */
	t = text();
	t.peer = number("12");
	t.own = number("3");
	const uint64_t one = wire_mo_id(&t, scts, sizeof(scts));
	t.peer = number("1");
	t.own = number("23");
	assert_true(wire_mo_id(&t, scts, sizeof(scts)) != one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_no_frame_is_shorter_or_longer),
		cmocka_unit_test(test_other_versions_and_types_are_not_read),
		cmocka_unit_test(test_values_that_are_none),
		cmocka_unit_test(test_no_text_has_an_end_within),
		cmocka_unit_test(test_the_longest_message_goes),
		cmocka_unit_test(test_names_and_ids_beyond_their_bound),
		cmocka_unit_test(test_numbers_that_are_none),
		cmocka_unit_test(test_numbers_from_text),
		cmocka_unit_test(test_an_id_is_of_sender_time_and_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
