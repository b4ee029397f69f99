/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting and putting together by what others have published (tests/data/sms/vectors.json), by
   every length, and by what a hostile sender does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms-bridge/pdu/segments.h"
#include "sms-bridge/pdu/tpdu.h"

/* User data of each short message, header first, and the packet that is in them. */
static const char *const trigger_segments[] = {
	"02700000281516001212b20203c39666e82249e4b5378a2ec2df1e61325eb34aa3e07f7678273d1f"
	"294fdf09a6"
};
static const char trigger_unit[] =
	"440b914477009000f17ff6621122210000002d02700000281516001212b20203c39666e82249e4b5"
	"378a2ec2df1e61325eb34aa3e07f7678273d1f294fdf09a6";
static const char *const narrow_segments[] = {
	"0700035a0301700001281516001212b20203228b84bb5b58b7af2c48de64947a226d2831c7dc9fe6"
	"c1f229b85d6399a6c756296e84f8136e55318cb48ab13b775242a129eec86ba74c64142c85e89e44"
	"2f2d5586605957192a719db5dbbb28127c6791937a88c19ddffb522ba05a15d5bca874c16a011453"
	"fa410752450404984af8a5c35b5346e125e1174a",
	"0500035a03023dbda862c65ff772d5f6c3e87051293ae6d525f3d12b62b2c87ec0dc0b31080603ac"
	"25be77044849a162748579614fe99a0dec2f2309c5a28cdd60e309752a5238950858054f2b160598"
	"52911f14d68ef8796f198989d09c071125026d047aee426e0d123c6d3cbb44435d93d1ea85e0166b"
	"71591cf32d52324e4d3942113fe46da4fc2dcaaf",
	"0500035a0303b13dcf5d556e8b262c8ef788146e473e554f6d66fc6577d69f15147a4e9dd8fd"
};
static const char narrow_packet[] =
	"01281516001212b20203228b84bb5b58b7af2c48de64947a226d2831c7dc9fe6c1f229b85d6399a6"
	"c756296e84f8136e55318cb48ab13b775242a129eec86ba74c64142c85e89e442f2d558660595719"
	"2a719db5dbbb28127c6791937a88c19ddffb522ba05a15d5bca874c16a011453fa41075245040498"
	"4af8a5c35b5346e125e1174a3dbda862c65ff772d5f6c3e87051293ae6d525f3d12b62b2c87ec0dc"
	"0b31080603ac25be77044849a162748579614fe99a0dec2f2309c5a28cdd60e309752a5238950858"
	"054f2b16059852911f14d68ef8796f198989d09c071125026d047aee426e0d123c6d3cbb44435d93"
	"d1ea85e0166b71591cf32d52324e4d3942113fe46da4fc2dcaafb13dcf5d556e8b262c8ef788146e"
	"473e554f6d66fc6577d69f15147a4e9dd8fd";
static const char *const wide_segments[] = {
	"08080412340201700000f81516001212b202036044daf898b648cf5e4277eb91e0ba45a61b5fee93"
	"8f4ed1bf7d3b6962c3be62702af5839daf2a391a9d8a58ed6098da9ebdb2fd185d75e01504cfc205"
	"a3c016072ff145de92e90634eebc7763cd9e0c23824d5563c2ecceace377396cc424f42a774d7f24"
	"8e8114372b4d97e2749870db7ab1b748be42497b",
	"06080412340202402a7cd725bd9955b9087ea3e50e3e5a00ad1846c1da92e9169493f2cfc4bce4cd"
	"528176fbd813400f5343ea2508744cbf31dd5f11bafb628150e42d504909e68eadf12ad5e61b900c"
	"f66f02ce450f8f8f17d388aa6c8001d62e9da07af0a970cffabb0806c7869d8aa3789daaa3f2b494"
	"4d666366022f"
};
static const char wide_packet[] =
	"00f81516001212b202036044daf898b648cf5e4277eb91e0ba45a61b5fee938f4ed1bf7d3b6962c3"
	"be62702af5839daf2a391a9d8a58ed6098da9ebdb2fd185d75e01504cfc205a3c016072ff145de92"
	"e90634eebc7763cd9e0c23824d5563c2ecceace377396cc424f42a774d7f248e8114372b4d97e274"
	"9870db7ab1b748be42497b402a7cd725bd9955b9087ea3e50e3e5a00ad1846c1da92e9169493f2cf"
	"c4bce4cd528176fbd813400f5343ea2508744cbf31dd5f11bafb628150e42d504909e68eadf12ad5"
	"e61b900cf66f02ce450f8f8f17d388aa6c8001d62e9da07af0a970cffabb0806c7869d8aa3789daa"
	"a3f2b4944d666366022f";
static const char *const cut_short[] = {
	"400881214365877ff6227052000000000302700000201506093535b00011c49ac91ab8159ba5b83a"
	"54fb6385e0a5e31694f8b215fafc",
	"400881214365877ff6227052000000000302700000281506192222b00011e87cceebb2d93083011c"
	"e294f93fc4d8de80da1abae8c37ca3e72ec4432e5058",
	"400881214365877ff6227052000000000302700000201506193535b00011ae733256918d050b87c9"
	"4fbfe12e4dc402f262c41cf67f2f",
	"400881214365877ff6227052000000000302700000201506013535b000113190be334900f52b025f"
	"3f7eddfe868e96ebf310023b7769"
};

static size_t octets(const char *hex, uint8_t *out, size_t cap)
{
	size_t n = 0;
	for (; hex[0] != '\0'; hex += 2) {
		const char two[] = { hex[0], hex[1], '\0' };
		assert_true(n < cap);
		out[n++] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static struct wire_number number(const char *digits)
{
	struct wire_number n;
	assert_true(wire_number_from_text(digits, &n));
	return n;
}

static struct wire_text packet(const uint8_t *data, size_t len)
{
	return (struct wire_text){ .peer = number("44770009001"),
		.pid = 0x7f,
		.dcs = 0xf6,
		.marker = UDH_COMMAND,
		.data = data,
		.len = len };
}

static struct segments *made(uint8_t total_max)
{
	struct segments_limits l = segments_limits_default();
	l.total_max = total_max;
	struct segments *const s = segments_new(&l);
	assert_non_null(s);
	return s;
}

/* User data of one short message, as what comes. */
static struct segments_part part_of(const struct wire_text *about, const uint8_t *ud, size_t len)
{
	struct segments_part p = { .text = *about };
	size_t head;
	assert_true(udh_read(ud, len, &p.udh, &head));
	p.text.marker = p.udh.marker;
	p.text.data = ud + head;
	p.text.len = len - head;
	return p;
}

/* --- what others have made -------------------------------------------------------------------- */

static void test_a_trigger_is_the_published_unit(void **state)
{
	(void)state;
	static const uint8_t scts[TPDU_SCTS] = { 0x62, 0x11, 0x22, 0x21, 0, 0, 0 };
	uint8_t unit[TPDU_MAX], ud[UDH_SPACE], cut[UDH_SPACE], out[TPDU_MAX];
	struct tpdu t = { .kind = TPDU_DELIVER, .pid = 0x7f, .dcs = 0xf6, .data = cut }, back;
	const size_t unit_len = octets(trigger_unit, unit, sizeof(unit));
	const size_t len = octets(trigger_segments[0], ud, sizeof(ud));
	const struct wire_text text = packet(ud + 3, len - 3);
	assert_int_equal(segments_count(&text), 1);
	t.number = text.peer;
	t.len = segments_cut(&text, 1, 1, 0, cut, &t.header);
	assert_int_equal(t.len, len);
	assert_memory_equal(cut, ud, len);
	memcpy(t.scts, scts, sizeof(scts));
	assert_int_equal(tpdu_write(&t, out), unit_len);
	assert_memory_equal(out, unit, unit_len);
	assert_true(tpdu_read(unit, unit_len, false, &back));
	assert_memory_equal(&back.number, &text.peer, sizeof(back.number));
	assert_true(back.header);
	assert_int_equal(back.len, len);
	assert_memory_equal(back.data, ud, len);
}

/* Each order of three or two segments gives the packet. */
static void in_each_order(const char *const *segments, size_t count, const char *hex)
{
	static const uint8_t orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 } };
	uint8_t expected[600];
	const size_t len = octets(hex, expected, sizeof(expected));
	const struct wire_text about = packet(NULL, 0);
	for (size_t o = 0; o < COUNT_OF(orders); o++) {
		struct segments *const s = made(16);
		struct wire_text whole;
		size_t given = 0;
		for (size_t i = 0; i < COUNT_OF(orders[o]); i++) {
			uint8_t ud[UDH_SPACE];
			if (orders[o][i] >= count)
				continue;
			const size_t n = octets(segments[orders[o][i]], ud, sizeof(ud));
			const struct segments_part p = part_of(&about, ud, n);
			const bool last = ++given == count;
			assert_int_equal(segments_add(s, &p, 0, &whole),
				last ? SEGMENTS_WHOLE : SEGMENTS_KEPT);
		}
		assert_int_equal(whole.len, len);
		assert_memory_equal(whole.data, expected, len);
		assert_int_equal(whole.marker, UDH_COMMAND);
		assert_memory_equal(&whole.peer, &about.peer, sizeof(whole.peer));
		segments_free(s);
	}
}

static void test_published_segments_are_put_together(void **state)
{
	(void)state;
	in_each_order(narrow_segments, COUNT_OF(narrow_segments), narrow_packet);
	in_each_order(wide_segments, COUNT_OF(wide_segments), wide_packet);
}

static void test_published_segments_are_what_is_cut(void **state)
{
	(void)state;
	uint8_t data[600], ud[UDH_SPACE], cut[UDH_SPACE];
	const struct wire_text t = packet(data, octets(narrow_packet, data, sizeof(data)));
	const size_t count = COUNT_OF(narrow_segments);
	assert_int_equal(segments_count(&t), count);
	for (size_t i = 0; i < count; i++) {
		bool header = false;
		const size_t len = octets(narrow_segments[i], ud, sizeof(ud));
		assert_int_equal(segments_cut(&t, 0x5a, count, i, cut, &header), len);
		assert_true(header);
		assert_memory_equal(cut, ud, len);
	}
}

/* A library says TP-UDL 3 and lets the packet stand behind it. */
static void test_published_units_with_octets_too_many(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cut_short); i++) {
		enum { TP_UDL = 16 };
		uint8_t unit[TPDU_MAX];
		struct tpdu t;
		const size_t len = octets(cut_short[i], unit, sizeof(unit));
		assert_int_equal(unit[TP_UDL], 3);
		assert_false(tpdu_read(unit, len, false, &t));
		unit[TP_UDL] = (uint8_t)(len - TP_UDL - 1);
		assert_true(tpdu_read(unit, len, false, &t));
		assert_string_equal(t.number.digits, "12345678");
		assert_int_equal(t.len, len - TP_UDL - 1);
	}
}

/* --- every length ----------------------------------------------------------------------------- */

/* Segment i, which begins with octet `at` of t: how many octets of t it has. */
static size_t look_at(const struct wire_text *t, size_t count, size_t i, size_t at)
{
	uint8_t out[UDH_SPACE];
	struct udh u = { .joined = false };
	size_t head = 0;
	bool header = false;
	const size_t n = segments_cut(t, 7, count, i, out, &header);
	assert_true(n <= UDH_SPACE);
	if (header)
		assert_true(udh_read(out, n, &u, &head));
	assert_true(n == UDH_SPACE || i + 1 == count); /* all but the last are full */
	assert_true(n > head || t->len == 0);
	assert_int_equal(u.joined, count > 1);
	assert_int_equal(u.marker, i == 0 ? t->marker : 0);
	assert_int_equal(u.to_port, t->port);
	assert_true(at + n - head <= t->len);
	assert_memory_equal(out + head, t->data + at, n - head);
	return n - head;
}

static void look_at_all(const struct wire_text *t)
{
	const size_t count = segments_count(t);
	size_t at = 0;
	for (size_t i = 0; i < count; i++)
		at += look_at(t, count, i, at);
	assert_int_equal(at, t->len);
}

static void test_every_length_is_cut_without_a_gap(void **state)
{
	(void)state;
	static const struct {
		uint16_t port;
		uint8_t marker;
	} rows[] = { { 0, 0 }, { 0, UDH_COMMAND }, { 5683, 0 }, { 5683, UDH_RESPONSE } };
	static uint8_t data[WIRE_DATA_MAX];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
	for (size_t r = 0; r < COUNT_OF(rows); r++) {
		struct wire_text t = packet(data, 0);
		t.marker = rows[r].marker;
		t.port = rows[r].port;
		for (; t.len <= sizeof(data); t.len += t.len < 600 ? 1 : 97)
			look_at_all(&t);
	}
}

/* --- 255, and hostile ones -------------------------------------------------------------------- */

/* 255 segments of 32 octets are as much as the wire takes; they come from the middle outwards. */
static void test_255_segments(void **state)
{
	(void)state;
	struct segments *const s = made(255);
	struct wire_text whole = { .len = 0 };
	for (size_t i = 0; i < 255; i++) {
		uint8_t data[32] = { 0 };
		struct segments_part p = { .text = packet(data, sizeof(data)) };
		const size_t n = 1 + (i * 127 + 90) % 255; /* each once */
		memset(data, (int)n, sizeof(data));
		p.udh = (struct udh){ .joined = true, .total = 255, .number = (uint8_t)n };
		assert_int_equal(
			segments_add(s, &p, i, &whole), i < 254 ? SEGMENTS_KEPT : SEGMENTS_WHOLE);
	}
	assert_int_equal(whole.len, 255 * 32);
	for (size_t i = 0; i < whole.len; i++)
		assert_int_equal(whole.data[i], 1 + i / 32);
	segments_free(s);
}

static enum segments_result add(struct segments *s, const char *from, uint8_t reference,
	uint8_t total, uint8_t n, bool forget)
{
	uint8_t data[UDH_SPACE] = { 0 };
	struct wire_text whole;
	struct segments_part p = { .text = packet(data, 100) };
	memset(data, reference ^ n, sizeof(data));
	p.text.peer = number(from);
	p.udh = (struct udh){ .joined = true, .reference = reference, .total = total, .number = n };
	const enum segments_result r = segments_add(s, &p, 0, &whole);
	if (forget)
		segments_forget(s, &p);
	return r;
}

/* What is forgotten is the message of that segment, and no other. */
static void test_only_what_was_taken_is_forgotten(void **state)
{
	(void)state;
	struct segments *const s = made(16);
	assert_int_equal(add(s, "491", 1, 2, 1, false), SEGMENTS_KEPT);
	assert_int_equal(add(s, "492", 1, 2, 1, false), SEGMENTS_KEPT);
	assert_int_equal(add(s, "491", 2, 2, 1, false), SEGMENTS_KEPT);
	assert_int_equal(add(s, "491", 1, 3, 2, true), SEGMENTS_KEPT); /* of another total */
	assert_int_equal(segments_stats(s).under_way, 4);
	assert_int_equal(add(s, "491", 1, 2, 2, true), SEGMENTS_WHOLE);
	assert_int_equal(segments_stats(s).under_way, 3);
	assert_int_equal(segments_stats(s).octets, 300);
	assert_int_equal(add(s, "492", 1, 2, 2, true), SEGMENTS_WHOLE);
	assert_int_equal(add(s, "491", 2, 2, 2, true), SEGMENTS_WHOLE);
	assert_int_equal(segments_stats(s).under_way, 1);
	segments_free(s);
}

/* The octets are full, not the places: who has most of them gives way, and he cannot push out
   others for the message that has made him so. */
static void test_the_greedy_one_pays_in_octets(void **state)
{
	(void)state;
	struct segments_limits l = segments_limits_default();
	l.octets = 16384;
	l.total_max = 60;
	l.of_one = 2;
	struct segments *const s = segments_new(&l);
	assert_non_null(s);
	unsigned kept = 0;
	assert_int_equal(add(s, "491", 1, 2, 1, false), SEGMENTS_KEPT);
	for (uint8_t n = 1; n <= 60; n++)
		kept += add(s, "492", 9, 60, n, false) == SEGMENTS_KEPT;
	assert_true(kept > 16 && kept < 60); /* all the room there is, and no more */
	assert_int_equal(segments_stats(s).pushed_out, 0);
	assert_int_equal(segments_stats(s).refused, 60 - kept);
	assert_int_equal(add(s, "493", 1, 2, 1, false), SEGMENTS_KEPT);
	assert_int_equal(segments_stats(s).pushed_out, 1);
	assert_int_equal(segments_stats(s).octets, 200);
	assert_int_equal(add(s, "493", 1, 2, 2, true), SEGMENTS_WHOLE);
	assert_int_equal(add(s, "491", 1, 2, 2, true), SEGMENTS_WHOLE);
	segments_free(s);
}

/* A whole message that nobody takes goes in its time like any other. */
static void test_a_whole_one_expires_too(void **state)
{
	(void)state;
	struct segments *const s = made(16);
	assert_int_equal(add(s, "491", 1, 2, 1, false), SEGMENTS_KEPT);
	assert_int_equal(add(s, "491", 1, 2, 2, false), SEGMENTS_WHOLE);
	assert_int_equal(segments_next_ms(s), 600000);
	assert_int_equal(add(s, "491", 1, 2, 1, false), SEGMENTS_WHOLE);
	assert_int_equal(segments_expire(s, 599999), 0);
	assert_int_equal(segments_expire(s, 600000), 1);
	assert_int_equal(segments_stats(s).octets, 0);
	segments_free(s);
}

/* The answer to a message that is gone does not take the next of its reference. */
static void test_a_late_answer_harms_nobody(void **state)
{
	(void)state;
	struct segments *const s = made(16);
	assert_int_equal(add(s, "491", 1, 2, 1, false), SEGMENTS_KEPT);
	assert_int_equal(add(s, "491", 1, 2, 2, false), SEGMENTS_WHOLE);
	assert_int_equal(segments_expire(s, 600000), 1);
	assert_int_equal(add(s, "491", 1, 2, 1, true), SEGMENTS_KEPT);
	assert_int_equal(segments_stats(s).under_way, 1);
	assert_int_equal(add(s, "491", 1, 2, 2, true), SEGMENTS_WHOLE);
	assert_int_equal(segments_stats(s).under_way, 0);
	segments_free(s);
}

static void test_no_memory_for_nothing(void **state)
{
	(void)state;
	struct segments_limits l = segments_limits_default();
	l.octets = 2048; /* the room of a whole alone is more */
	assert_null(segments_new(&l));
	segments_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_trigger_is_the_published_unit),
		cmocka_unit_test(test_published_segments_are_put_together),
		cmocka_unit_test(test_published_segments_are_what_is_cut),
		cmocka_unit_test(test_published_units_with_octets_too_many),
		cmocka_unit_test(test_every_length_is_cut_without_a_gap),
		cmocka_unit_test(test_255_segments),
		cmocka_unit_test(test_only_what_was_taken_is_forgotten),
		cmocka_unit_test(test_the_greedy_one_pays_in_octets),
		cmocka_unit_test(test_a_whole_one_expires_too),
		cmocka_unit_test(test_a_late_answer_harms_nobody),
		cmocka_unit_test(test_no_memory_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
