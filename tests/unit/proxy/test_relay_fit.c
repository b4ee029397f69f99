/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are longer than a leg takes. */
#include "base/attr.h"
#include "tests/unit/proxy/kit.h"

struct big {
	uint8_t data[1300];
	size_t len;
};

/* b with a payload that makes it len bytes long. */
static struct big padded(struct build b, size_t len)
{
	struct big big = { .len = len };
	build_byte(&b, 0xff);
	assert_true(b.len < len && len <= sizeof(big.data));
	memcpy(big.data, b.data, b.len);
	memset(big.data + b.len, 'x', len - b.len);
	return big;
}

static struct big big_request(enum pdu_type type, unsigned code, const char *path, size_t len)
{
	return padded(build_request(&(struct want){ type, code, 0x21, "big", path, NULL }), len);
}

static struct big big_response(enum pdu_type type, unsigned code, bool notification, size_t len)
{
	struct build b = build_start(type, code, 0x21, "big");
	if (notification)
		build_option(&b, PDU_OBSERVE, &(uint8_t){ 7 }, 1);
	return padded(b, len);
}

static void up_big(struct world *w, const struct big *b)
{
	relay_from_device(w->d, b->data, b->len, w->now_ms);
}

static void down_big(struct world *w, const struct big *b)
{
	relay_from_server(w->d, b->data, b->len, w->now_ms);
}

enum { NO_HINT = -1 };

/* The next message is a 4.13 whose Block1 option is hint. */
static void expect_too_large(struct wire *w, enum pdu_type type, int hint)
{
	const struct pdu m = expect_pdu(w);
	assert_int_equal(m.type, type);
	assert_int_equal(m.code, 0x8d);
	if (type == PDU_ACK)
		assert_int_equal(m.mid, 0x21);
	assert_true(pdu_same_token(&m, (const uint8_t *)"big", 3));
	struct pdu_options it = pdu_options(&m);
	struct pdu_option o;
	int found = NO_HINT;
	while (pdu_next(&it, &o)) {
		assert_int_equal(o.number, 27);
		assert_int_equal(found, NO_HINT);
		assert_true(o.len <= 3);
		found = 0;
		for (size_t i = 0; i < o.len; i++)
			found = found << 8 | o.value[i];
	}
	assert_int_equal(found, hint);
	assert_true(m.payload_len > 0);
}

/* --- requests ------------------------------------------------------------------------------- */

static void test_R233_what_is_longer_than_the_bound_is_413(void **state)
{
	(void)state;
	const size_t max = relay_settings_default().message_max;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	struct big b = big_request(PDU_CON, PDU_POST, "rd/5a3f", max);
	up_big(&w, &b);
	expect_bytes(&w.server, b.data, b.len);
	b = big_request(PDU_CON, PDU_POST, "rd/5a3f", max + 1);
	up_big(&w, &b);
	expect_too_large(&w.device, PDU_ACK, 6);
	b = big_request(PDU_NON, 3, "5/0/0", max + 1);
	down_big(&w, &b);
	expect_too_large(&w.server, PDU_NON, 6);
	expect_silence(&w.device);
	expect_silence(&w.server);
	world_end(&w);
}

/* The four sizes of RFC 6066, and one that only other transports have. */
static void test_R164_413_says_which_blocks_the_device_takes(void **state)
{
	(void)state;
	static const struct row {
		size_t room;
		int hint;
	} rows[] = { { 512, 4 }, { 1024, 5 }, { 1200, 6 }, { 140, 2 }, { 52, 0 }, { 51, NO_HINT } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct world w;
		world_begin(&w, NULL);
		world_register(&w);
		w.device.max = rows[i].room;
		struct big b = big_request(PDU_CON, 3, "5/0/0", rows[i].room + 1);
		down_big(&w, &b);
		expect_too_large(&w.server, PDU_ACK, rows[i].hint);
		expect_silence(&w.device);
		b = big_request(PDU_CON, 3, "5/0/0", rows[i].room);
		down_big(&w, &b);
		expect_bytes(&w.device, b.data, b.len);
		expect_silence(&w.server);
		world_end(&w);
	}
}

static struct build block(uint16_t mid, uint32_t value)
{
	struct build b = build_request(&(struct want){ PDU_CON, 3, mid, "big", "5/0/0", NULL });
	build_option(&b, 12, &(uint8_t){ 42 }, 1);
	build_option(&b, 27, &(uint8_t[2]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
	build_option(&b, 60, &(uint8_t[4]){ 0, 1, 0x86, 0xa0 }, 4);
	return b;
}

/* A server that sends firmware in blocks of 1024 to a device of 512 goes on with 256. */
static void test_R164_a_server_that_takes_the_hint_gets_through(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	w.device.max = 512;
	struct build b = block(0x21, 0x000e); /* number 0, more, 1024 */
	struct big whole = padded(b, b.len + 1 + 1024);
	down_big(&w, &whole);
	expect_too_large(&w.server, PDU_ACK, 0x0004);
	b = block(0x22, 0x000c); /* 0, more, 256 */
	whole = padded(b, b.len + 1 + 256);
	down_big(&w, &whole);
	expect_bytes(&w.device, whole.data, whole.len);
	b = block(0x21, 0x123e); /* in the middle, for whatever reason */
	whole = padded(b, b.len + 1 + 1024);
	down_big(&w, &whole);
	expect_too_large(&w.server, PDU_ACK, 0x1234);
	world_end(&w);
}

static void test_R164_what_has_no_payload_gets_no_hint(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	w.device.max = 64;
	struct build b = build_request(&(struct want){ PDU_CON, 1, 0x21, "big", "3/0", NULL });
	for (int i = 0; i < 4; i++)
		build_text(&b, PDU_URI_QUERY, "sixteen=sixteen=");
	down(&w, &b);
	expect_too_large(&w.server, PDU_ACK, NO_HINT);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_R164_a_device_is_told_what_the_link_takes(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	w.server.max = 512;
	const struct big b = big_request(PDU_CON, PDU_POST, "rd/5a3f", 513);
	up_big(&w, &b);
	expect_too_large(&w.device, PDU_ACK, 4);
	expect_silence(&w.server);
	assert_true(relay_device_is_idle(w.d));
	world_end(&w);
}

/* The link's length is not known before it is there. */
static void test_R164_a_device_is_told_when_the_link_has_come(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	w.at_once = false;
	w.server.max = 512;
	struct build r = build_request(&(struct want){
		PDU_CON, PDU_POST, 0x21, "big", "rd", "ep=urn:dev:1&lt=300&lwm2m=1.1&b=U" });
	const struct big b = padded(r, 600);
	up_big(&w, &b);
	expect_silence(&w.device);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	expect_too_large(&w.device, PDU_ACK, 4);
	expect_silence(&w.server);
	world_end(&w);
}

static void test_R164_a_stranger_is_refused_not_advised(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build r = reg(1, "t1");
	up(&w, &r);
	expect_same(&w.server, &r);
	const struct build no = build_start(PDU_ACK, PDU_FORBIDDEN, 1, "t1");
	down(&w, &no);
	expect_same(&w.device, &no);
	w.device.max = w.server.max = 512;
	const struct big write = big_request(PDU_CON, 3, "5/0/0", 513);
	down_big(&w, &write);
	expect_answer(&w.server, PDU_RST, 0, 0x21, "");
	const struct big send = big_request(PDU_CON, PDU_POST, "dp", 513);
	up_big(&w, &send);
	expect_answer(&w.device, PDU_ACK, PDU_FORBIDDEN, 0x21, "big");
	expect_silence(&w.server);
	world_end(&w);
}

static void test_R272_nor_is_its_answer_explained_to_the_server(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct big answer = big_response(
		PDU_CON, 0x45, false, (size_t)relay_settings_default().message_max + 1);
	up_big(&w, &answer);
	expect_answer(&w.device, PDU_RST, 0, 0x21, "");
	assert_int_equal(w.opened, 0);
	expect_silence(&w.server);
	world_end(&w);
}

/* --- responses ------------------------------------------------------------------------------ */

static void test_R164_an_answer_that_the_device_cannot_take_is_502(void **state)
{
	(void)state;
	static const enum pdu_type asked[] = { PDU_CON, PDU_CON, PDU_NON };
	static const enum pdu_type types[] = { PDU_ACK, PDU_CON, PDU_NON };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct world w;
		world_begin(&w, NULL);
		world_register(&w);
		w.device.max = 512;
		const struct build r = build_request(
			&(struct want){ asked[i], PDU_POST, 0x21, "big", "rd/5a3f", NULL });
		up(&w, &r);
		expect_same(&w.server, &r);
		const struct big b = big_response(types[i], PDU_CHANGED, false, 513);
		for (int again = 0; again < 2; again++) {
			down_big(&w, &b);
			if (types[i] == PDU_CON)
				expect_answer(&w.server, PDU_RST, 0, 0x21, "");
		}
		/* Once is enough. */
		expect_answer(&w.device, asked[i] == PDU_CON ? PDU_ACK : PDU_NON, PDU_BAD_GATEWAY,
			asked[i] == PDU_CON ? 0x21 : -1, "big");
		expect_silence(&w.device);
		expect_silence(&w.server);
		later(&w, 100000);
		expect_silence(&w.device);
		world_end(&w);
	}
}

static void test_R164_what_the_device_was_not_told_is_no_registration(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build r = reg(0x21, "big");
	up(&w, &r);
	expect_same(&w.server, &r);
	w.device.max = 200; /* its own answers fit */
	const struct big b =
		padded(build_created(PDU_ACK, 0x21, "big", "rd/5a3f"), w.device.max + 1);
	down_big(&w, &b);
	expect_answer(&w.device, PDU_ACK, PDU_BAD_GATEWAY, 0x21, "big");
	assert_false(registration_of(&w)->active);
	world_end(&w);
}

/* No request waits for it: both ends of the observation are told that it is over. */
static void test_R164_a_notification_that_does_not_fit_ends_the_observation(void **state)
{
	(void)state;
	static const enum pdu_type types[] = { PDU_CON, PDU_NON };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct world w;
		world_begin(&w, NULL);
		world_register(&w);
		w.device.max = w.server.max = 512;
		const struct big b = big_response(types[i], 0x45, true, 513);
		down_big(&w, &b);
		expect_answer(&w.server, PDU_RST, 0, 0x21, "");
		expect_answer(&w.device, PDU_NON, PDU_BAD_GATEWAY, -1, "big");
		up_big(&w, &b);
		expect_answer(&w.device, PDU_RST, 0, 0x21, "");
		expect_answer(&w.server, PDU_NON, PDU_BAD_GATEWAY, -1, "big");
		expect_silence(&w.device);
		expect_silence(&w.server);
		assert_int_equal(counted(&w)->dropped, 0);
		world_end(&w);
	}
}

/* Its first notification, which was the answer, did fit. */
static void test_R164_also_soon_after_the_answer(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build r =
		build_request(&(struct want){ PDU_CON, PDU_POST, 0x20, "big", "rd/5a3f", NULL });
	up(&w, &r);
	expect_same(&w.server, &r);
	const struct build ok = build_start(PDU_ACK, PDU_CHANGED, 0x20, "big");
	down(&w, &ok);
	expect_same(&w.device, &ok);
	w.device.max = 512;
	const struct big b = big_response(PDU_NON, 0x45, true, 513);
	down_big(&w, &b);
	expect_answer(&w.server, PDU_RST, 0, 0x21, "");
	expect_answer(&w.device, PDU_NON, PDU_BAD_GATEWAY, -1, "big");
	world_end(&w);
}

static void test_R233_too_long_answers_of_the_device_too(void **state)
{
	(void)state;
	static const size_t rooms[] = { SIZE_MAX, 512 };
	for (size_t i = 0; i < COUNT_OF(rooms); i++) {
		const size_t max = i > 0 ? rooms[i] : relay_settings_default().message_max;
		struct world w;
		world_begin(&w, NULL);
		world_register(&w);
		w.server.max = rooms[i];
		struct big b = big_response(PDU_ACK, 0x45, false, max + 1);
		up_big(&w, &b); /* the asker must know */
		expect_answer(&w.server, PDU_ACK, PDU_BAD_GATEWAY, 0x21, "big");
		b = big_response(PDU_CON, 0x45, false, max + 1);
		up_big(&w, &b);
		expect_answer(&w.device, PDU_RST, 0, 0x21, "");
		expect_answer(&w.server, PDU_NON, PDU_BAD_GATEWAY, -1, "big");
		expect_silence(&w.device);
		expect_silence(&w.server);
		world_end(&w);
	}
}

/* The wire of the kit fails the test when it is given more than it takes. */
static void test_R164_an_own_answer_fits_too(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	w.device.max = 24;
	const struct build b = build_request(&(struct want){ PDU_CON, 1, 4, "token", "x", NULL });
	up(&w, &b);
	const struct pdu m = expect_pdu(&w.device);
	assert_int_equal(m.code, PDU_FORBIDDEN);
	assert_int_equal(m.len, 24);
	w.device.max = 8; /* not even its header and token */
	up(&w, &b);
	expect_silence(&w.device);
	assert_int_equal(counted(&w)->dropped, 1);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R233_what_is_longer_than_the_bound_is_413),
		cmocka_unit_test(test_R164_413_says_which_blocks_the_device_takes),
		cmocka_unit_test(test_R164_a_server_that_takes_the_hint_gets_through),
		cmocka_unit_test(test_R164_what_has_no_payload_gets_no_hint),
		cmocka_unit_test(test_R164_a_device_is_told_what_the_link_takes),
		cmocka_unit_test(test_R164_a_device_is_told_when_the_link_has_come),
		cmocka_unit_test(test_R164_a_stranger_is_refused_not_advised),
		cmocka_unit_test(test_R272_nor_is_its_answer_explained_to_the_server),
		cmocka_unit_test(test_R164_an_answer_that_the_device_cannot_take_is_502),
		cmocka_unit_test(test_R164_what_the_device_was_not_told_is_no_registration),
		cmocka_unit_test(test_R164_a_notification_that_does_not_fit_ends_the_observation),
		cmocka_unit_test(test_R164_also_soon_after_the_answer),
		cmocka_unit_test(test_R233_too_long_answers_of_the_device_too),
		cmocka_unit_test(test_R164_an_own_answer_fits_too),
	};
	return cmocka_run_group_tests_name("proxy/relay: too long", tests, NULL, NULL);
}
