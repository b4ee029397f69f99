/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that leave otherwise than they came, seen through the relay. */
#include "base/attr.h"
#include "tests/unit/proxy/kit.h"

/* A Register of LwM2M 1.1 to a host by name, without the device's own; and as it is to leave. */
static struct build came(uint16_t mid, bool in_blocks, const char *payload)
{
	struct build b = build_start(PDU_CON, PDU_POST, mid, "t1");
	build_text(&b, PDU_URI_HOST, "gateway.example");
	build_option(&b, PDU_URI_PORT, "\x16\x34", 2);
	build_text(&b, PDU_URI_PATH, "rd");
	build_parts(&b, PDU_URI_QUERY, "lt=300&lwm2m=1.1&b=U&Q", '&');
	build_option(&b, PDU_HOP_LIMIT, "\x10", 1);
	if (in_blocks)
		build_option(&b, PDU_BLOCK1, "\x0a", 1);
	build_payload(&b, payload);
	return b;
}

static struct build left(uint16_t mid, bool in_blocks, const char *payload)
{
	struct build b = build_start(PDU_CON, PDU_POST, mid, "t1");
	build_text(&b, PDU_URI_PATH, "rd");
	build_parts(&b, PDU_URI_QUERY, "lt=300&lwm2m=1.1&b=U&Q&ep=urn:dev:1", '&');
	build_option(&b, PDU_HOP_LIMIT, "\x0f", 1);
	if (in_blocks)
		build_option(&b, PDU_BLOCK1, "\x0a", 1);
	build_payload(&b, payload);
	return b;
}

static const char objects[] = "</1/0>,</3/0>";

static void test_R265_R242_a_register_is_completed_and_answered(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	const struct build b = came(1, false, objects), want = left(1, false, objects);
	up(&w, &b);
	expect_same(&w.server, &want);
	up(&w, &b); /* a copy is one again */
	expect_same(&w.server, &want);
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	down(&w, &created);
	expect_same(&w.device, &created);
	assert_true(registration_of(&w)->active);
	assert_int_equal(registration_of(&w)->lifetime_s, 300);
	assert_true(registration_of(&w)->attributes.queue);
	world_end(&w);
}

static void test_R265_what_waits_for_the_link_is_completed_too(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	w.at_once = false;
	const struct build b = came(1, false, objects), want = left(1, false, objects);
	up(&w, &b);
	up(&w, &b);
	expect_silence(&w.server);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	expect_same(&w.server, &want);
	expect_silence(&w.server);
	world_end(&w);
}

static void test_R273_each_block_of_a_register_has_the_name(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	for (uint16_t mid = 1; mid <= 3; mid++) {
		const struct build b = came(mid, true, objects), want = left(mid, true, objects);
		up(&w, &b);
		expect_same(&w.server, &want);
		const struct build answer = mid < 3 ? build_start(PDU_ACK, PDU_CONTINUE, mid, "t1")
						    : build_created(PDU_ACK, mid, "t1", "rd/5a3f");
		down(&w, &answer);
		expect_same(&w.device, &answer);
		assert_int_equal(registration_of(&w)->active, mid == 3);
	}
	world_end(&w);
}

/* what counts is what is sent. */
static void test_R233_the_name_may_make_it_too_long(void **state)
{
	(void)state;
	static const char long_objects[] = "</1/0>,</3/0>,</4/0>,</5/0>,</6/0>,</7/0>,</10/0>,"
					   "</11/0>,</12/0>,</13/0>,</14/0>";
	const struct build want = left(2, false, long_objects);
	for (size_t less = 0; less < 2; less++) {
		struct world w;
		world_begin(&w, NULL);
		w.server.max = want.len - less;
		struct build b = build_start(PDU_CON, PDU_POST, 2, "t1");
		build_text(&b, PDU_URI_PATH, "rd");
		build_parts(&b, PDU_URI_QUERY, "lt=300&lwm2m=1.1&b=U&Q", '&');
		build_option(&b, PDU_HOP_LIMIT, "\x10", 1);
		build_payload(&b, long_objects);
		assert_true(b.len < w.server.max);
		const struct build small = reg(1, "r");
		up(&w, &small); /* the link is up: its room counts from now on */
		expect_same(&w.server, &small);
		up(&w, &b);
		if (less == 0) {
			expect_same(&w.server, &want);
		} else {
			const struct pdu m = expect_pdu(&w.device);
			assert_int_equal(m.code, PDU_TOO_LARGE);
			struct pdu_options it = pdu_options(&m);
			struct pdu_option o;
			assert_true(pdu_next_of(&it, PDU_BLOCK1, &o));
			/* 32 bytes with all options and the name; 64 without the name would fit. */
			assert_int_equal(o.value[o.len - 1] & 7, 1);
		}
		expect_silence(&w.server);
		world_end(&w);
	}
}

static void test_R265_a_bootstrap_request_is_completed(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	relay_device_set_purpose(w.d, RELAY_FOR_BOOTSTRAP);
	struct build b =
		build_request(&(struct want){ PDU_CON, PDU_POST, 1, "b", "bs", "pct=11543" });
	up(&w, &b);
	b = build_request(
		&(struct want){ PDU_CON, PDU_POST, 1, "b", "bs", "pct=11543&ep=urn:dev:1" });
	expect_same(&w.server, &b);
	world_end(&w);
}

static void test_R242_a_server_that_names_us_and_counts(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	struct build b = build_start(PDU_CON, 1, 9, "q"), want = b;
	build_text(&b, PDU_URI_HOST, "192.0.2.1");
	build_parts(&b, PDU_URI_PATH, "3/0/0", '/');
	build_option(&b, PDU_HOP_LIMIT, "\xff", 1);
	build_parts(&want, PDU_URI_PATH, "3/0/0", '/');
	build_option(&want, PDU_HOP_LIMIT, "\xfe", 1);
	down(&w, &b);
	expect_same(&w.device, &want);
	b = build_start(PDU_ACK, 0x45, 9, "q");
	up(&w, &b);
	expect_same(&w.server, &b);
	assert_int_equal(relay_device_exchanges(w.d), 0);
	world_end(&w);
}

/* What the governor keeps and compares is what came, and what it sends is what is to leave. */
static void test_R228_copies_over_a_slow_radio(void **state)
{
	(void)state;
	struct world w;
	world_begin(&w, NULL);
	relay_device_set_radio(w.d, relay_radio_of(RELAY_NB_IOT));
	const struct build b = came(1, false, objects), want = left(1, false, objects);
	up(&w, &b);
	expect_same(&w.server, &want);
	up(&w, &b); /* the server's own timer has not run out */
	expect_silence(&w.server);
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
	down(&w, &created);
	assert_true(registration_of(&w)->active);
	w.device.seen = w.device.count;
	up(&w, &b); /* answered from what was said */
	expect_silence(&w.server);
	const struct pdu m = expect_pdu(&w.device);
	assert_int_equal(m.code, PDU_CREATED);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R265_R242_a_register_is_completed_and_answered),
		cmocka_unit_test(test_R265_what_waits_for_the_link_is_completed_too),
		cmocka_unit_test(test_R273_each_block_of_a_register_has_the_name),
		cmocka_unit_test(test_R233_the_name_may_make_it_too_long),
		cmocka_unit_test(test_R265_a_bootstrap_request_is_completed),
		cmocka_unit_test(test_R228_copies_over_a_slow_radio),
		cmocka_unit_test(test_R242_a_server_that_names_us_and_counts),
	};
	return cmocka_run_group_tests_name("proxy/relay: rewritten", tests, NULL, NULL);
}
