/* SPDX-License-Identifier: Apache-2.0 */
/* What passes, unaltered, and what the relay answers by itself. */
#include "base/attr.h"
#include "tests/unit/proxy/kit.h"

enum naming { ANONYMOUS, NAMED }; /* whether it has Uri-Host and Uri-Port */

static struct build rich(enum pdu_type type, unsigned code, const char *path, enum naming naming)
{
	static const uint8_t bytes[40] = { 0, 1, 2, 3, 0xff, 5 };
	struct build b = build_start(type, code, 0x7001, "\x01\x00\xff\x04");
	build_option(&b, 1, bytes, 8); /* If-Match */
	if (naming == NAMED)
		build_text(&b, 3, "gateway.example"); /* Uri-Host */
	build_option(&b, 4, bytes, 8);                /* ETag */
	build_option(&b, 6, bytes, 3);                /* Observe */
	if (naming == NAMED)
		build_option(&b, 7, bytes, 2); /* Uri-Port */
	build_parts(&b, 11, path, '/');
	build_option(&b, 12, bytes, 2); /* Content-Format */
	build_option(&b, 14, bytes, 4); /* Max-Age */
	build_text(&b, 15, "lt=86400");
	build_option(&b, 17, bytes, 2);   /* Accept */
	build_option(&b, 23, bytes, 3);   /* Block2 */
	build_option(&b, 27, bytes, 3);   /* Block1 */
	build_option(&b, 28, bytes, 4);   /* Size2 */
	build_option(&b, 60, bytes, 4);   /* Size1 */
	build_option(&b, 252, bytes, 40); /* Echo */
	build_option(&b, 258, bytes, 1);  /* No-Response */
	build_option(&b, 292, bytes, 8);  /* Request-Tag */
	build_option(&b, 2048, bytes, 0); /* unknown, elective */
	if (path && path[0] != 'r')
		build_option(&b, 2049, bytes, 5); /* unknown, critical: not from a device */
	build_option(&b, 65000, bytes, 20);
	build_payload(&b, "\xff\xff binary");
	return b;
}

static void test_R238_every_option_passes_byte_for_byte(void **state)
{
	(void)state;
	static const unsigned responses[] = { 0x41, 0x44, 0x45, 0x5f, 0x80, 0x8d, 0xa0 };
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	for (unsigned code = 1; code <= 7; code++) { /* */
		const struct build request = rich(PDU_CON, code, "3/0/13", NAMED);
		const struct build passed = rich(PDU_CON, code, "3/0/13", ANONYMOUS);
		down(&w, &request);
		expect_same(&w.device, &passed); /* */
	}
	for (size_t i = 0; i < COUNT_OF(responses); i++) {
		const struct build answer = rich(PDU_ACK, responses[i], NULL, NAMED);
		up(&w, &answer);
		expect_same(&w.server, &answer);
	}
	struct build own = rich(PDU_CON, PDU_POST, "rd/5a3f", NAMED);
	const struct build passed = rich(PDU_CON, PDU_POST, "rd/5a3f", ANONYMOUS);
	up(&w, &own);
	expect_same(&w.server, &passed);
	own = rich(PDU_ACK, PDU_CHANGED, NULL, NAMED);
	down(&w, &own);
	expect_same(&w.device, &own);
	expect_silence(&w.server);
	world_end(&w);
}

static void test_R247_observation_notifications_and_cancel(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	struct build observe = build_start(PDU_CON, 1, 0x10, "obs");
	build_option(&observe, 6, "", 0);
	build_parts(&observe, PDU_URI_PATH, "3/0/13", '/');
	down(&w, &observe);
	expect_same(&w.device, &observe);
	static const enum pdu_type types[] = { PDU_ACK, PDU_NON, PDU_CON };
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct build notify = build_start(types[i], 0x45, (uint16_t)(0x10 + i), "obs");
		build_option(&notify, 6, &(uint8_t){ (uint8_t)(i + 1) }, 1);
		build_payload(&notify, "42");
		up(&w, &notify);
		expect_same(&w.server, &notify);
	}
	const struct build ack = build_start(PDU_ACK, 0, 0x12, "");
	down(&w, &ack);
	expect_same(&w.device, &ack);
	const struct build cancel = build_start(PDU_RST, 0, 0x12, "");
	down(&w, &cancel);
	expect_same(&w.device, &cancel);
	const struct build rst = build_start(PDU_RST, 0, 0x10, "");
	up(&w, &rst);
	expect_same(&w.server, &rst);
	assert_int_equal(counted(&w)->dropped, 0);
	world_end(&w);
}

static uint64_t took_us(const struct world *w)
{
	return counted(w)->answer.sum_us;
}

static void test_the_time_to_an_answer_begins_with_the_request(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build r = reg(1, "t1"), ack = build_start(PDU_ACK, 0, 1, "");
	const struct build created = build_created(PDU_CON, 77, "t1", "rd/5a3f");
	up(&w, &r);
	later(&w, 3000);
	down(&w, &ack); /* what follows is a separate answer */
	assert_int_equal(took_us(&w), 0);
	later(&w, 20000);
	down(&w, &created);
	assert_int_equal(took_us(&w), 23000000);
	later(&w, 1000);
	down(&w, &created); /* said again */
	assert_int_equal(took_us(&w), 23000000);
	world_end(&w);
}

static void test_R272_nothing_passes_before_registration(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build con = build_start(PDU_CON, 0x45, 5, "t"),
			   non = build_start(PDU_NON, 0x45, 6, "t");
	const struct build ack = build_start(PDU_ACK, 0x45, 7, "t"),
			   empty = build_start(PDU_ACK, 0, 7, "");
	up(&w, &con);
	expect_answer(&w.device, PDU_RST, 0, 5, "");
	up(&w, &non);
	expect_silence(&w.device);
	struct build told = build_start(PDU_NON, 0x45, 9, "t");
	build_option(&told, PDU_OBSERVE, "\1", 1);
	up(&w, &told);
	expect_answer(&w.device, PDU_RST, 0, 9, "");
	up(&w, &ack);
	up(&w, &empty);
	assert_int_equal(counted(&w)->dropped, 3);
	const struct build send =
		build_request(&(struct want){ PDU_CON, PDU_POST, 8, "s", "dp", NULL });
	up(&w, &send);
	expect_answer(&w.device, PDU_ACK, PDU_FORBIDDEN, 8, "s");
	assert_int_equal(w.opened, 0);
	assert_int_equal(counted(&w)->reset, 2);
	assert_int_equal(counted(&w)->refused, 1);
	assert_int_equal(counted(&w)->up, 0);
	world_end(&w);
}

static void test_I3_the_server_starts_nothing_before_registration(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build r = reg(1, "t1");
	up(&w, &r);
	expect_same(&w.server, &r);
	struct build b = build_start(PDU_ACK, PDU_FORBIDDEN, 1, "t1");
	down(&w, &b); /* the link stays, but nobody is registered */
	expect_same(&w.device, &b);
	const uint64_t passed = counted(&w)->down;
	b = build_request(&(struct want){ PDU_CON, 1, 9, "x", "3/0/0", NULL });
	down(&w, &b); /* a request */
	expect_answer(&w.server, PDU_RST, 0, 9, "");
	b = build_request(&(struct want){ PDU_NON, 1, 10, "x", "3/0/0", NULL });
	down(&w, &b);
	b = build_start(PDU_CON, 0x45, 11, "other");
	down(&w, &b); /* an answer to nothing */
	expect_answer(&w.server, PDU_RST, 0, 11, "");
	b = build_start(PDU_ACK, PDU_CREATED, 1, "other"); /* the id alone is not enough */
	down(&w, &b);
	b = build_start(PDU_RST, 0, 99, "");
	down(&w, &b);
	expect_silence(&w.device);
	expect_silence(&w.server);
	assert_int_equal(counted(&w)->down, passed);
	assert_int_equal(counted(&w)->dropped, 3);
	world_end(&w);
}

/* The server registers a device before the device can know: what it asks may overtake a lost
   2.01. */
static void test_R272_a_request_may_overtake_the_created(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build r = reg(1, "t1");
	up(&w, &r);
	expect_same(&w.server, &r);
	struct build b = build_start(PDU_CON, 0x45, 11, "other");
	down(&w, &b); /* still no answer to nothing */
	expect_answer(&w.server, PDU_RST, 0, 11, "");
	b = build_request(&(struct want){ PDU_CON, 1, 9, "x", "3/0/0", NULL });
	down(&w, &b);
	expect_same(&w.device, &b);
	b = build_start(PDU_ACK, 0x45, 9, "x");
	up(&w, &b);
	expect_same(&w.server, &b);
	world_end(&w);
}

static void test_R245_pings_are_answered_on_their_own_side(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build ping = build_start(PDU_CON, 0, 0x55, "");
	up(&w, &ping);
	expect_answer(&w.device, PDU_RST, 0, 0x55, "");
	down(&w, &ping);
	expect_answer(&w.server, PDU_RST, 0, 0x55, "");
	expect_silence(&w.device);
	expect_silence(&w.server);
	world_end(&w);
}

static void test_R234_malformed_messages_end_here(void **state)
{
	(void)state;
	static const struct row {
		uint8_t data[8];
		size_t len;
		bool reset;
	} rows[] = {
		{ { 0x40, 1 }, 2, false },
		{ { 0x80, 1, 0, 7 }, 4, false },
		{ { 0x49, 1, 0, 7 }, 4, true },
		{ { 0x59, 1, 0, 7 }, 4, false },
		{ { 0x40, 1, 0, 7, 0xff }, 5, true },
		{ { 0x50, 1, 0, 7, 0xff }, 5, false },
		{ { 0x60, 0x45, 0, 7, 0xff }, 5, false },
		{ { 0x40, 0xe1, 0, 7 }, 4, true },
		{ { 0x70, 0x45, 0, 7 }, 4, false },
	};
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		relay_from_device(w.d, rows[i].data, rows[i].len, w.now_ms);
		if (rows[i].reset)
			expect_answer(&w.device, PDU_RST, 0, 7, "");
		expect_silence(&w.server);
		relay_from_server(w.d, rows[i].data, rows[i].len, w.now_ms);
		if (rows[i].reset)
			expect_answer(&w.server, PDU_RST, 0, 7, "");
		expect_silence(&w.device);
	}
	assert_int_equal(counted(&w)->malformed, 2 * COUNT_OF(rows));
	world_end(&w);
}

static void test_R241_the_gateway_is_no_forward_proxy(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 3, "p", "rd/5a3f", NULL });
	build_text(&b, PDU_PROXY_URI, "coap://elsewhere.example/");
	up(&w, &b);
	expect_answer(&w.device, PDU_ACK, PDU_NO_PROXYING, 3, "p");
	expect_silence(&w.server);
	b = build_request(&(struct want){ PDU_NON, 1, 4, "q", "3", NULL });
	build_text(&b, PDU_PROXY_SCHEME, "coap");
	down(&w, &b);
	expect_answer(&w.server, PDU_NON, PDU_NO_PROXYING, -1, "q");
	expect_silence(&w.device);
	world_end(&w);
}

static void test_R243_an_undecodable_answer_is_502(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build b = update(0x30, "u", "rd/5a3f");
	up(&w, &b);
	expect_same(&w.server, &b);
	struct build bad = build_start(PDU_ACK, PDU_CHANGED, 0x30, "u");
	build_byte(&bad, 0xff);
	down(&w, &bad);
	expect_answer(&w.device, PDU_ACK, PDU_BAD_GATEWAY, 0x30, "u");
	/* Once is enough. */
	down(&w, &bad);
	expect_silence(&w.device);
	world_end(&w);
}

static void test_R237_an_RST_for_our_own_message_ends_here(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	const struct build b = build_request(&(struct want){ PDU_NON, 1, 4, "q", "x", NULL });
	up(&w, &b);
	expect_answer(&w.device, PDU_NON, PDU_FORBIDDEN, 0xf000, "q");
	const struct build rst = build_start(PDU_RST, 0, 0xf000, "");
	up(&w, &rst);
	expect_silence(&w.server);
	up(&w, &rst); /* the second one is for a message of the server's */
	expect_same(&w.server, &rst);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R238_every_option_passes_byte_for_byte),
		cmocka_unit_test(test_R247_observation_notifications_and_cancel),
		cmocka_unit_test(test_R272_nothing_passes_before_registration),
		cmocka_unit_test(test_I3_the_server_starts_nothing_before_registration),
		cmocka_unit_test(test_R272_a_request_may_overtake_the_created),
		cmocka_unit_test(test_R245_pings_are_answered_on_their_own_side),
		cmocka_unit_test(test_R234_malformed_messages_end_here),
		cmocka_unit_test(test_R241_the_gateway_is_no_forward_proxy),
		cmocka_unit_test(test_R243_an_undecodable_answer_is_502),
		cmocka_unit_test(test_R237_an_RST_for_our_own_message_ends_here),
		cmocka_unit_test(test_the_time_to_an_answer_begins_with_the_request),
	};
	return cmocka_run_group_tests_name("proxy/relay: passing", tests, NULL, NULL);
}
