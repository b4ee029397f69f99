/* SPDX-License-Identifier: Apache-2.0 */
/* Long messages, cut and put together: TS 23.040 9.2.3.24.1, TS 31.115 4.3, and hostile senders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms-bridge/pdu/segments.h"

static struct wire_number number(unsigned n)
{
	struct wire_number out = { .type = 0x91 };
	const int len = snprintf(out.digits, sizeof(out.digits), "49%010u", n);
	assert_true(len > 0 && len <= WIRE_DIGITS_MAX);
	out.len = (uint8_t)len;
	return out;
}

static struct segments *made(size_t octets, size_t of_one)
{
	struct segments_limits l = segments_limits_default();
	if (octets > 0)
		l.octets = octets;
	if (of_one > 0)
		l.of_one = of_one;
	struct segments *const s = segments_new(&l);
	assert_non_null(s);
	return s;
}

/* Segment n of total, of sender and reference; its octets tell which it is. */
struct spoken {
	uint8_t data[UDH_SPACE];
	struct segments_part part;
};
static struct segments_part *speak(
	struct spoken *k, unsigned sender, uint8_t reference, uint8_t total, uint8_t n)
{
	memset(k, 0, sizeof(*k));
	memset(k->data, n, sizeof(k->data));
	k->part.text = (struct wire_text){
		.peer = number(sender), .pid = 0x7d, .dcs = 0xf5, .data = k->data, .len = 100
	};
	k->part.udh = (struct udh){ .joined = true,
		.reference = reference,
		.total = total,
		.number = n,
		.marker = n == 1 ? UDH_COMMAND : 0 };
	return &k->part;
}

static enum segments_result add(struct segments *s, unsigned sender, uint8_t reference,
	uint8_t total, uint8_t n, uint64_t now_ms)
{
	struct spoken k;
	struct wire_text whole;
	return segments_add(s, speak(&k, sender, reference, total, n), now_ms, &whole);
}

/* --- cutting ---------------------------------------------------------------------------------- */

static void test_how_many_it_takes(void **state)
{
	(void)state;
	static const struct {
		size_t len, count;
		uint8_t marker;
		uint16_t port;
	} rows[] = {
		{ 0, 1, 0x70, 0 },
		{ 137, 1, 0x70, 0 },
		{ 138, 2, 0x70, 0 }, /* 31.115: 137 */
		{ 132 + 134, 2, 0x70, 0 },
		{ 132 + 134 + 1, 3, 0x70, 0 },
		{ 132 + 254 * 134, 255, 0x70, 0 },
		{ 132 + 254 * 134 + 1, 0, 0x70, 0 },
		{ 140, 1, 0, 0 },
		{ 141, 2, 0, 0 },
		{ 268, 2, 0, 0 },
		{ 269, 3, 0, 0 },
		{ 133, 1, 0, 5683 },
		{ 134, 2, 0, 5683 },
		{ 256, 2, 0, 5683 },
		{ 257, 3, 0, 5683 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct wire_text t = {
			.len = rows[i].len, .marker = rows[i].marker, .port = rows[i].port
		};
		assert_int_equal(segments_count(&t), rows[i].count);
	}
}

static void test_the_headers_of_a_cut_packet(void **state)
{
	(void)state;
	uint8_t data[300], out[UDH_SPACE];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	struct wire_text t = { .marker = 0x70, .data = data, .len = sizeof(data) };
	bool header = false;
	assert_int_equal(segments_count(&t), 3);
	assert_int_equal(segments_cut(&t, 0xab42, 3, 0, out, &header), 140);
	assert_true(header);
	assert_memory_equal(out, "\x07\x00\x03\x42\x03\x01\x70\x00", 8);
	assert_memory_equal(out + 8, data, 132);
	assert_int_equal(segments_cut(&t, 0xab42, 3, 1, out, &header), 140);
	assert_memory_equal(out, "\x05\x00\x03\x42\x03\x02", 6);
	assert_memory_equal(out + 6, data + 132, 134);
	assert_int_equal(segments_cut(&t, 0xab42, 3, 2, out, &header), 6 + 34);
	assert_memory_equal(out, "\x05\x00\x03\x42\x03\x03", 6);
	assert_memory_equal(out + 6, data + 266, 34);
	t.len = 137;
	assert_int_equal(segments_cut(&t, 0xab42, 1, 0, out, &header), 140);
	assert_memory_equal(out, "\x02\x70\x00", 3);
	assert_memory_equal(out + 3, data, 137);
	t.marker = 0;
	assert_int_equal(segments_cut(&t, 0xab42, 1, 0, out, &header), 137);
	assert_false(header);
	assert_memory_equal(out, data, 137);
}

/* --- putting together ------------------------------------------------------------------------- */

/* Each length, cut, and given in a turned order, is what it was. */
static void test_what_is_cut_is_put_together(void **state)
{
	(void)state;
	static uint8_t data[2000];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	struct segments *const s = made(0, 0);
	for (size_t len = 0; len <= sizeof(data); len += 13) {
		const struct wire_text t = { .peer = number(1),
			.pid = 0x7d,
			.dcs = 0xf6,
			.marker = 0x70,
			.data = data,
			.len = len };
		const size_t count = segments_count(&t);
		struct wire_text whole;
		for (size_t i = 0; i < count; i++) {
			uint8_t out[UDH_SPACE];
			bool header;
			const size_t turned = (i + 1 + len) % count;
			const size_t n =
				segments_cut(&t, (uint16_t)len, count, turned, out, &header);
			struct segments_part p = { .text = t };
			size_t used;
			assert_true(udh_read(out, n, &p.udh, &used));
			p.text.marker = 0;
			p.text.data = out + used;
			p.text.len = n - used;
			const enum segments_result r = segments_add(s, &p, 0, &whole);
			assert_int_equal(r, i + 1 < count ? SEGMENTS_KEPT : SEGMENTS_WHOLE);
			if (r != SEGMENTS_WHOLE)
				continue;
			assert_int_equal(whole.len, len);
			assert_memory_equal(whole.data, data, len);
			assert_int_equal(whole.marker, 0x70);
			assert_int_equal(whole.pid, 0x7d);
			assert_int_equal(whole.dcs, 0xf6);
			assert_string_equal(whole.peer.digits, t.peer.digits);
			segments_forget(s, &p);
		}
	}
	assert_int_equal(segments_stats(s).under_way, 0);
	assert_int_equal(segments_stats(s).octets, 0);
	segments_free(s);
}

static void test_doubled_ones_count_once(void **state)
{
	(void)state;
	struct segments *const s = made(0, 0);
	assert_int_equal(add(s, 1, 5, 3, 2, 0), SEGMENTS_KEPT);
	assert_int_equal(add(s, 1, 5, 3, 2, 0), SEGMENTS_DOUBLE);
	assert_int_equal(add(s, 1, 5, 3, 1, 0), SEGMENTS_KEPT);
	assert_int_equal(add(s, 1, 5, 3, 1, 0), SEGMENTS_DOUBLE);
	assert_int_equal(add(s, 1, 5, 3, 3, 0), SEGMENTS_WHOLE);
	/* Nobody has taken it: whole again, until it is forgotten. */
	assert_int_equal(add(s, 1, 5, 3, 3, 0), SEGMENTS_WHOLE);
	struct spoken k;
	segments_forget(s, speak(&k, 1, 5, 3, 3));
	assert_int_equal(add(s, 1, 5, 3, 3, 0), SEGMENTS_KEPT);
	assert_int_equal(segments_stats(s).doubled, 3);
	assert_int_equal(segments_stats(s).whole, 1);
	segments_free(s);
}

/* Each is of another message or of none, and the message is put together as if it had not come. */
static void test_contradictions_harm_nothing(void **state)
{
	(void)state;
	for (int what = 0; what < 7; what++) {
		struct segments *const s = made(0, 0);
		struct spoken k;
		struct wire_text whole;
		assert_int_equal(add(s, 1, 5, 2, 1, 0), SEGMENTS_KEPT);
		struct segments_part *const p = speak(&k, 1, 5, 2, 2);
		if (what == 0)
			p->udh.total = 3;
		else if (what == 1)
			p->udh.marker = UDH_RESPONSE;
		else if (what == 2)
			p->text.dcs = 0xf6;
		else if (what == 3)
			p->text.pid = 0x7f;
		else if (what == 4)
			(void)speak(&k, 1, 5, 2, 1), k.data[99] ^= 1; /* other octets */
		else if (what == 5)
			(void)speak(&k, 1, 5, 2, 1), p->text.len = 99;
		else
			p->text.len = UDH_SPACE + 1;
		const bool apart = what < 4;
		assert_int_equal(
			segments_add(s, p, 0, &whole), apart ? SEGMENTS_KEPT : SEGMENTS_REFUSED);
		assert_int_equal(segments_stats(s).refused, !apart);
		assert_int_equal(segments_stats(s).octets, apart ? 200 : 100);
		assert_int_equal(segments_add(s, speak(&k, 1, 5, 2, 2), 0, &whole), SEGMENTS_WHOLE);
		assert_int_equal(whole.len, 200);
		assert_int_equal(whole.data[99], 1);
		assert_int_equal(whole.data[100], 2);
		segments_free(s);
	}
}

/* Neither another sender, number of ours, reference nor width of it is the same message. */
static void test_messages_are_told_apart(void **state)
{
	(void)state;
	struct segments *const s = made(0, 8);
	struct spoken k;
	struct wire_text whole;
	assert_int_equal(add(s, 1, 5, 2, 1, 0), SEGMENTS_KEPT);
	assert_int_equal(add(s, 2, 5, 2, 2, 0), SEGMENTS_KEPT);
	assert_int_equal(add(s, 1, 6, 2, 2, 0), SEGMENTS_KEPT);
	struct segments_part *p = speak(&k, 1, 5, 2, 2);
	p->udh.wide = true;
	assert_int_equal(segments_add(s, p, 0, &whole), SEGMENTS_KEPT);
	p = speak(&k, 1, 5, 2, 2);
	p->text.own = number(9);
	assert_int_equal(segments_add(s, p, 0, &whole), SEGMENTS_KEPT);
	assert_int_equal(segments_stats(s).under_way, 5);
	assert_int_equal(add(s, 1, 5, 2, 2, 0), SEGMENTS_WHOLE);
	segments_free(s);
}

static void test_one_that_is_whole_in_itself(void **state)
{
	(void)state;
	struct segments *const s = made(0, 0);
	struct spoken k;
	struct wire_text whole;
	struct segments_part *const p = speak(&k, 1, 0, 1, 1);
	p->udh = (struct udh){ .marker = UDH_COMMAND, .ported = true, .to_port = 5683 };
	assert_int_equal(segments_add(s, p, 0, &whole), SEGMENTS_WHOLE);
	assert_int_equal(whole.len, 100);
	assert_int_equal(whole.marker, UDH_COMMAND);
	assert_int_equal(whole.port, 5683);
	assert_int_equal(add(s, 1, 7, 1, 1, 0), SEGMENTS_WHOLE); /* one of one */
	segments_free(s);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void test_more_segments_than_the_limit(void **state)
{
	(void)state;
	struct segments *const s = made(0, 0);
	assert_int_equal(add(s, 1, 5, 17, 1, 0), SEGMENTS_REFUSED);
	assert_int_equal(add(s, 1, 5, 255, 255, 0), SEGMENTS_REFUSED);
	assert_int_equal(segments_stats(s).octets, 0);
	for (uint8_t n = 1; n <= 16; n++)
		assert_int_equal(add(s, 1, 5, 16, n, 0), n < 16 ? SEGMENTS_KEPT : SEGMENTS_WHOLE);
	segments_free(s);
}

/* What nobody could be told of (WIRE_DATA_MAX) is not put together. */
static void test_a_whole_fits_the_wire(void **state)
{
	(void)state;
	struct segments_limits l = segments_limits_default();
	l.total_max = 255;
	struct segments *const s = segments_new(&l);
	assert_non_null(s);
	for (uint8_t n = 1; n <= 82; n++) {
		const bool fits = n * 100 <= WIRE_DATA_MAX;
		assert_int_equal(add(s, 1, 5, 82, n, 0),
			fits ? (n == 82 ? SEGMENTS_WHOLE : SEGMENTS_KEPT) : SEGMENTS_REFUSED);
	}
	segments_free(s);
}

static void test_who_has_too_many_loses_his_own_oldest(void **state)
{
	(void)state;
	struct segments *const s = made(0, 0);
	assert_int_equal(add(s, 9, 1, 2, 1, 0), SEGMENTS_KEPT); /* the oldest, of another */
	for (uint8_t r = 1; r <= 5; r++)
		assert_int_equal(add(s, 1, r, 2, 1, 0), SEGMENTS_KEPT);
	assert_int_equal(segments_stats(s).pushed_out, 1);
	assert_int_equal(segments_stats(s).under_way, 5);
	for (uint8_t r = 2; r <= 5; r++)
		assert_int_equal(add(s, 1, r, 2, 2, 0), SEGMENTS_WHOLE);
	assert_int_equal(add(s, 9, 1, 2, 2, 0), SEGMENTS_WHOLE);
	segments_free(s);
}

/* A quiet device's half message lives through a flood from one number. */
static void test_a_flood_harms_only_who_makes_it(void **state)
{
	(void)state;
	struct segments *const s = made(16384, 1000);
	assert_int_equal(add(s, 7, 1, 2, 1, 0), SEGMENTS_KEPT);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(
			add(s, 1, (uint8_t)i, 16, (uint8_t)(1 + i / 256 % 15), 0) == SEGMENTS_WHOLE,
			0);
	const struct segments_stats st = segments_stats(s);
	assert_true(st.octets <= 16384);
	assert_true(st.pushed_out > 0);
	/* Who comes anew has a place, at the cost of him who has most. */
	assert_int_equal(add(s, 8, 1, 2, 1, 0), SEGMENTS_KEPT);
	assert_int_equal(add(s, 8, 1, 2, 2, 0), SEGMENTS_WHOLE);
	assert_int_equal(add(s, 7, 1, 2, 2, 0), SEGMENTS_WHOLE);
	segments_free(s);
}

/* Many numbers: everything stays within its bound, and who comes is still served. */
static void test_a_flood_of_many_numbers_is_bounded(void **state)
{
	(void)state;
	struct segments *const s = made(16384, 0);
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(add(s, i + 10, 1, 16, 1, 0), SEGMENTS_KEPT);
	assert_true(segments_stats(s).octets <= 16384);
	assert_int_equal(add(s, 7, 1, 2, 1, 0), SEGMENTS_KEPT);
	assert_int_equal(add(s, 7, 1, 2, 2, 0), SEGMENTS_WHOLE);
	segments_free(s);
}

/* --- time ------------------------------------------------------------------------------------- */

static void test_patience_is_from_the_last_new_one(void **state)
{
	(void)state;
	struct segments *const s = made(0, 0);
	assert_true(segments_next_ms(s) == UINT64_MAX);
	assert_int_equal(add(s, 1, 5, 3, 1, 1000), SEGMENTS_KEPT);
	assert_int_equal(segments_next_ms(s), 601000);
	assert_int_equal(add(s, 1, 5, 3, 2, 500000), SEGMENTS_KEPT);
	assert_int_equal(segments_next_ms(s), 1100000);
	assert_int_equal(add(s, 1, 5, 3, 2, 900000), SEGMENTS_DOUBLE); /* is nothing new */
	assert_int_equal(segments_next_ms(s), 1100000);
	assert_int_equal(segments_expire(s, 1099999), 0);
	assert_int_equal(segments_expire(s, 1100000), 1);
	assert_int_equal(segments_stats(s).expired, 1);
	assert_int_equal(segments_stats(s).octets, 0);
	assert_true(segments_next_ms(s) == UINT64_MAX);
	segments_free(s);
}

/* References of 8 bits come round: what is over its time is no part of the next message. */
static void test_a_reference_comes_again(void **state)
{
	(void)state;
	struct segments *const s = made(0, 0);
	assert_int_equal(add(s, 1, 5, 3, 1, 0), SEGMENTS_KEPT);
	assert_int_equal(add(s, 1, 5, 3, 1, 599999), SEGMENTS_DOUBLE);
	assert_int_equal(add(s, 1, 5, 3, 1, 600000), SEGMENTS_KEPT);
	assert_int_equal(segments_stats(s).expired, 1);
	/* And one of another total is another message in any case. */
	assert_int_equal(add(s, 1, 5, 2, 2, 600001), SEGMENTS_KEPT);
	assert_int_equal(add(s, 1, 5, 2, 1, 600002), SEGMENTS_WHOLE);
	assert_int_equal(segments_stats(s).refused, 0);
	segments_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_how_many_it_takes),
		cmocka_unit_test(test_the_headers_of_a_cut_packet),
		cmocka_unit_test(test_what_is_cut_is_put_together),
		cmocka_unit_test(test_doubled_ones_count_once),
		cmocka_unit_test(test_contradictions_harm_nothing),
		cmocka_unit_test(test_messages_are_told_apart),
		cmocka_unit_test(test_one_that_is_whole_in_itself),
		cmocka_unit_test(test_more_segments_than_the_limit),
		cmocka_unit_test(test_a_whole_fits_the_wire),
		cmocka_unit_test(test_who_has_too_many_loses_his_own_oldest),
		cmocka_unit_test(test_a_flood_harms_only_who_makes_it),
		cmocka_unit_test(test_a_flood_of_many_numbers_is_bounded),
		cmocka_unit_test(test_patience_is_from_the_last_new_one),
		cmocka_unit_test(test_a_reference_comes_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
