/* SPDX-License-Identifier: Apache-2.0 */
/* Requirements of areas A and K that the relay holds. */
#include "base/attr.h"
#include "tests/unit/proxy/kit.h"

/* --- who is paired with whom --------------------------------------------------------- */

struct two { /* a second device beside that of a world */
	struct world w;
	struct relay_device *d;
	struct wire device, server;
};

static void both_registered(struct two *t)
{
	world_begin(&t->w, NULL);
	world_register(&t->w);
	t->w.at_once = false;
	t->d = relay_device_up(t->w.relay, "urn:dev:2", &t->w, wire_init(&t->device));
	assert_non_null(t->d);
	const struct build r = build_request(&(struct want){
		PDU_CON, PDU_POST, 1, "t1", "rd", "ep=urn:dev:2&lt=300&lwm2m=1.1&b=U" });
	relay_from_device(t->d, r.data, r.len, t->w.now_ms);
	relay_link_up(t->d, wire_init(&t->server), t->w.now_ms);
	expect_same(&t->server, &r);
	const struct build created = build_created(PDU_ACK, 1, "t1", "rd/77aa");
	relay_from_server(t->d, created.data, created.len, t->w.now_ms);
	expect_same(&t->device, &created);
}

static void two_end(struct two *t)
{
	world_end(&t->w);
	wire_fini(&t->device);
	wire_fini(&t->server);
}

/* Same ids, same tokens, same paths: what keeps them apart is only whose link they came on. */
static void test_R008_each_server_account_reaches_its_own_device_alone(void **state)
{
	(void)state;
	struct two t;
	both_registered(&t);
	const struct build read =
		build_request(&(struct want){ PDU_CON, 1, 0x90, "r", "3/0/0", NULL });
	struct build one = build_start(PDU_ACK, 0x45, 0x90, "r"), two = one;
	build_payload(&one, "one");
	build_payload(&two, "two");
	down(&t.w, &read);
	expect_same(&t.w.device, &read);
	expect_silence(&t.device);
	relay_from_server(t.d, read.data, read.len, t.w.now_ms);
	expect_same(&t.device, &read);
	expect_silence(&t.w.device);
	relay_from_device(t.d, two.data, two.len, t.w.now_ms);
	expect_same(&t.server, &two);
	expect_silence(&t.w.server);
	up(&t.w, &one);
	expect_same(&t.w.server, &one);
	expect_silence(&t.server);
	two_end(&t);
}

static void test_R008_a_swapped_link_fails_closed(void **state)
{
	(void)state;
	struct two t;
	both_registered(&t);
	/* What one device registered is nothing to the other's: refused here, not asked there. */
	const struct build foreign = update(0x91, "u", "rd/77aa");
	up(&t.w, &foreign);
	expect_answer(&t.w.device, PDU_ACK, PDU_BAD_REQUEST, 0x91, "u");
	expect_silence(&t.w.server);
	expect_silence(&t.server);
	/* When the link of one is gone, the other's is not taken for it. */
	relay_link_down(t.d, RELAY_LINK_CLOSED, t.w.now_ms);
	const struct build own = update(0x92, "v", "rd/77aa");
	relay_from_device(t.d, own.data, own.len, t.w.now_ms);
	expect_silence(&t.w.server);
	expect_silence(&t.server);
	two_end(&t);
}

/* --- what the relay does not look into ---------------------------------------- */

static void test_R009_access_control_objects_pass_as_they_are(void **state)
{
	(void)state;
	static const uint8_t tlv[] = { 0xc1, 0x00, 0x03, 0xc2, 0x01, 0x00, 0x00, 0x86, 0x02, 0x41,
		0x7f, 0x07, 0x42, 0x00, 0x65, 0x01, 0xc1, 0x03, 0x7f };
	static const struct {
		unsigned code;
		const char *path;
	} rows[] = { { 1, "2" }, { 1, "2/0" }, { 3, "2/0/2" }, { 2, "2/0/3" }, { 2, "2" },
		{ 4, "2/0" } };
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct build b = build_request(&(struct want){
			PDU_CON, rows[i].code, (uint16_t)(0x40 + i), "acl", rows[i].path, NULL });
		build_option(&b, 12, "\x2d\x16", 2); /* TLV */
		build_byte(&b, 0xff);
		build_bytes(&b, tlv, sizeof(tlv));
		down(&w, &b);
		expect_same(&w.device, &b);
		struct build a = build_start(PDU_ACK, 0x45, (uint16_t)(0x40 + i), "acl");
		build_option(&a, 12, "\x2d\x16", 2);
		build_byte(&a, 0xff);
		build_bytes(&a, tlv, sizeof(tlv));
		up(&w, &a);
		expect_same(&w.server, &a);
		/* Asked again, the device is asked again. */
		b.data[3] ^= 0x80;
		down(&w, &b);
		expect_same(&w.device, &b);
	}
	world_end(&w);
}

static void test_R174_a_payload_of_any_encoding_passes_byte_for_byte(void **state)
{
	(void)state;
	static const uint16_t formats[] = { 0, 40, 42, 50, 60, 110, 112, 11542, 11543, 11544 };
	uint8_t all[256];
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i * 7 + 3);
	struct world w;
	world_begin(&w, NULL);
	world_register(&w);
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		const uint8_t format[2] = { (uint8_t)(formats[i] >> 8), (uint8_t)formats[i] };
		struct build b = build_request(
			&(struct want){ PDU_CON, PDU_POST, (uint16_t)(i + 9), "s", "dp", NULL });
		build_option(&b, 12, format + (format[0] == 0), format[0] ? 2 : format[1] != 0);
		build_byte(&b, 0xff);
		build_bytes(&b, all, sizeof(all));
		up(&w, &b);
		expect_same(&w.server, &b);
	}
	world_end(&w);
}

/* --- versions ------------------------------------------------------------------------ */

static void test_R016_the_versions_of_lwm2m_register_alike(void **state)
{
	(void)state;
	static const char *const queries[] = { "ep=urn:dev:1&lt=300&lwm2m=1.0&b=UQ",
		"ep=urn:dev:1&lt=300&lwm2m=1.1&b=U&Q", "ep=urn:dev:1&lt=300&lwm2m=1.2&b=UM&Q&pid",
		"ep=urn:dev:1&lt=300" };
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		struct world w;
		world_begin(&w, NULL);
		struct build r = build_request(
			&(struct want){ PDU_CON, PDU_POST, 1, "t1", "rd", queries[i] });
		build_payload(&r, "</1/0>,</3/0>");
		up(&w, &r);
		expect_same(&w.server, &r);
		const struct build created = build_created(PDU_ACK, 1, "t1", "rd/5a3f");
		down(&w, &created);
		expect_same(&w.device, &created);
		assert_true(registration_of(&w)->active);
		assert_int_equal(registration_of(&w)->lifetime_s, 300);
		const struct build read =
			build_request(&(struct want){ PDU_CON, 1, 2, "r", "3/0", NULL });
		down(&w, &read);
		expect_same(&w.device, &read);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R008_each_server_account_reaches_its_own_device_alone),
		cmocka_unit_test(test_R008_a_swapped_link_fails_closed),
		cmocka_unit_test(test_R009_access_control_objects_pass_as_they_are),
		cmocka_unit_test(test_R174_a_payload_of_any_encoding_passes_byte_for_byte),
		cmocka_unit_test(test_R016_the_versions_of_lwm2m_register_alike),
	};
	return cmocka_run_group_tests_name("proxy/conf_relay", tests, NULL, NULL);
}
