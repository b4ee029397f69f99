/* SPDX-License-Identifier: Apache-2.0 */
/* A device with a good credential and a server with a good key, and everything else of them wrong:
   for each rule one who breaks it, and nothing crosses. */
#include "base/attr.h"
#include "tests/unit/proxy/kit.h"

static void begin(struct world *w, enum relay_purpose purpose, enum relay_update update)
{
	struct relay_settings s = relay_settings_default();
	s.update_after_handshake = update;
	world_begin(w, &s);
	relay_device_set_purpose(w->d, purpose);
}

/* The message is answered with that code, and the other side has heard nothing. */
static void device_is_told(struct world *w, const struct build *b, unsigned code)
{
	const struct relay_registration before = *registration_of(w);
	const unsigned opened = w->opened;
	up(w, b);
	expect_answer(&w->device, PDU_ACK, code, b->data[2] << 8 | b->data[3], "t");
	expect_silence(&w->device);
	expect_silence(&w->server);
	assert_int_equal(w->opened, opened);
	assert_memory_equal(registration_of(w), &before, sizeof(before));
}

static void server_is_told(struct world *w, const struct build *b, unsigned code)
{
	down(w, b);
	expect_answer(&w->server, PDU_ACK, code, b->data[2] << 8 | b->data[3], "t");
	expect_silence(&w->server);
	expect_silence(&w->device);
}

static struct build request(unsigned code, const char *path, const char *query)
{
	return build_request(&(struct want){ PDU_CON, code, 77, "t", path, query });
}

static const struct breach {
	unsigned code, told;
	const char *path, *query;
} of_devices[] = {
	{ PDU_POST, PDU_BAD_REQUEST, "rd", "ep=urn:dev:2&lt=60" }, /* another's name: I4 */
	{ PDU_POST, PDU_BAD_REQUEST, "bs", "ep=urn:dev:2" },
	{ PDU_POST, PDU_BAD_REQUEST, "rd", "ep=urn:dev:1&ep=urn:dev:2" },
	{ PDU_POST, PDU_BAD_REQUEST, "dp", "ep=urn:dev:2" },
	{ PDU_POST, PDU_BAD_REQUEST, "rd/5a3f", "ep=urn:dev:2" },
	{ PDU_POST, PDU_BAD_REQUEST, "rd/other", NULL }, /* another's location: R-268 */
	{ PDU_DELETE, PDU_BAD_REQUEST, "rd/other", NULL },
	{ PDU_POST, PDU_BAD_REQUEST, "rd/../rd/other", NULL },
	{ PDU_POST, PDU_BAD_REQUEST, "rd/5a3f/..", NULL },
	{ 1, PDU_FORBIDDEN, "rd", NULL }, /* whatever else a server has: R-014 */
	{ 1, PDU_FORBIDDEN, "rd/5a3f", NULL },
	{ 3, PDU_FORBIDDEN, "rd/5a3f", "lt=60" },
	{ 1, PDU_FORBIDDEN, ".well-known/core", NULL },
	{ 1, PDU_FORBIDDEN, "api/clients/urn:dev:2", NULL },
	{ PDU_POST, PDU_FORBIDDEN, "3/0/4", NULL },
	{ PDU_POST, PDU_FORBIDDEN, NULL, NULL },
	{ PDU_POST, PDU_BAD_REQUEST, "rd", "ep=urn:dev:1&lt=60&lt=600" },
	{ PDU_POST, PDU_BAD_REQUEST, "rd", "ep=urn:dev:1&lt=forever" },
	{ PDU_POST, PDU_BAD_REQUEST, "rd", "ep=urn:dev:1&b=U&b=UQ" },
};

static void test_R014_R268_a_rogue_device_reaches_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(of_devices); i++) {
		const struct breach *const r = &of_devices[i];
		struct world w;
		begin(&w, RELAY_FOR_ANY, RELAY_UPDATE_FORWARDED);
		world_register(&w);
		const struct build b = request(r->code, r->path, r->query);
		device_is_told(&w, &b, r->told);
		world_end(&w);
	}
}

/* Where registrations outlive the process, whatever is below rd and not known here is another's.
   What it has left itself, it may leave again: the answer may be lost. */
static void test_R268_who_is_not_registered_claims_nothing(void **state)
{
	(void)state;
	struct relay_settings s = relay_settings_default();
	struct world w;
	s.registrations_kept = true;
	world_begin(&w, &s);
	for (unsigned again = 0; again < 2; again++) {
		struct build b = request(PDU_POST, "rd/other", NULL);
		device_is_told(&w, &b, PDU_NOT_FOUND);
		b = request(PDU_DELETE, "rd/other", NULL);
		device_is_told(&w, &b, PDU_NOT_FOUND);
		b = request(1, "rd/other", NULL);
		device_is_told(&w, &b, PDU_FORBIDDEN);
		if (again)
			break;
		world_register(&w);
		const struct build leave = request(PDU_DELETE, "rd/5a3f", NULL);
		for (unsigned copy = 0; copy < 2; copy++) {
			up(&w, &leave);
			expect_same(&w.server, &leave);
			b = build_start(PDU_ACK, 0x42, 77, "t");
			down(&w, &b);
			expect_same(&w.device, &b);
			assert_false(registration_of(&w)->active);
		}
		b = request(PDU_POST, "rd/5a3f", NULL);
		device_is_told(&w, &b, PDU_NOT_FOUND);
	}
	world_end(&w);
}

static void test_R023_R286_a_bootstrap_credential_registers_nobody(void **state)
{
	(void)state;
	static const struct breach rows[] = {
		{ PDU_POST, PDU_FORBIDDEN, "rd", "ep=urn:dev:1&lt=60" },
		{ PDU_POST, PDU_FORBIDDEN, "rd/1", NULL },
		{ PDU_DELETE, PDU_FORBIDDEN, "rd/1", NULL },
		{ PDU_POST, PDU_FORBIDDEN, "dp", NULL },
		{ 1, PDU_FORBIDDEN, "bs", NULL },
	};
	struct world w;
	begin(&w, RELAY_FOR_BOOTSTRAP, RELAY_UPDATE_FORWARDED);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct build b = request(rows[i].code, rows[i].path, rows[i].query);
		device_is_told(&w, &b, rows[i].told);
	}
	/* Nor after a bootstrap, on the same association. */
	struct build b = request(PDU_POST, "bs", "ep=urn:dev:1");
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 77, "t");
	down(&w, &b);
	expect_same(&w.device, &b);
	b = request(PDU_POST, "bs", NULL); /* Bootstrap-Finish */
	down(&w, &b);
	expect_same(&w.device, &b);
	b = build_request(&(struct want){ PDU_CON, PDU_POST, 78, "t", "rd", "ep=urn:dev:1" });
	device_is_told(&w, &b, PDU_FORBIDDEN);
	world_end(&w);
}

static void test_R023_a_servers_credential_bootstraps_nobody(void **state)
{
	(void)state;
	struct world w;
	begin(&w, RELAY_FOR_SERVER, RELAY_UPDATE_FORWARDED);
	const struct build b = request(PDU_POST, "bs", "ep=urn:dev:1");
	device_is_told(&w, &b, PDU_FORBIDDEN);
	world_register(&w);
	device_is_told(&w, &b, PDU_FORBIDDEN);
	world_end(&w);
}

static void test_R008_a_rogue_server_reaches_no_credentials(void **state)
{
	(void)state;
	static const struct breach rows[] = {
		{ 1, PDU_UNAUTHORIZED, "0/0/3", NULL },
		{ 3, PDU_UNAUTHORIZED, "0/1", NULL },
		{ 1, PDU_UNAUTHORIZED, "00", NULL },
		{ 1, PDU_UNAUTHORIZED, "21/0", NULL },
		{ PDU_DELETE, PDU_UNAUTHORIZED, NULL, NULL },
		{ PDU_POST, PDU_UNAUTHORIZED, "bs", NULL },
	};
	struct world w;
	begin(&w, RELAY_FOR_SERVER, RELAY_UPDATE_FORWARDED);
	world_register(&w);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct build b = request(rows[i].code, rows[i].path, rows[i].query);
		server_is_told(&w, &b, rows[i].told);
	}
	const struct build proxy = build_start(PDU_CON, 1, 5, "t");
	struct build b = proxy;
	build_text(&b, PDU_PROXY_URI, "coap://elsewhere/");
	server_is_told(&w, &b, PDU_NO_PROXYING);
	world_end(&w);
}

/* Before a device has registered its server has nothing to ask. */
static void test_R272_a_rogue_server_asks_before_it_is_asked(void **state)
{
	(void)state;
	for (enum relay_purpose p = RELAY_FOR_ANY; p <= RELAY_FOR_BOOTSTRAP; p++) {
		struct world w;
		begin(&w, p, RELAY_UPDATE_FORWARDED);
		relay_link_up(w.d, &w.server.base, w.now_ms);
		struct build b = request(1, "3/0/0", NULL);
		if (p != RELAY_FOR_BOOTSTRAP) {
			down(&w, &b);
			expect_answer(&w.server, PDU_RST, 0, 77, "");
		}
		b = build_created(PDU_CON, 9, "t", "rd/1"); /* an answer to nothing */
		down(&w, &b);
		expect_answer(&w.server, PDU_RST, 0, 9, "");
		expect_silence(&w.device);
		assert_false(registration_of(&w)->active);
		world_end(&w);
	}
}

/* A bootstrap server may: what it asks is a bootstrap, with the end of one. */
static void test_R285_a_bootstrap_server_begins_by_itself(void **state)
{
	(void)state;
	struct world w;
	begin(&w, RELAY_FOR_BOOTSTRAP, RELAY_UPDATE_FORWARDED);
	relay_link_up(w.d, &w.server.base, w.now_ms);
	struct build b = request(3, "0/1", NULL);
	down(&w, &b);
	expect_same(&w.device, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 77, "t");
	up(&w, &b);
	expect_same(&w.server, &b);
	b = build_request(&(struct want){ PDU_CON, PDU_POST, 78, "f", "bs", NULL });
	down(&w, &b);
	expect_same(&w.device, &b);
	b = build_start(PDU_ACK, PDU_CHANGED, 78, "f");
	up(&w, &b);
	expect_same(&w.server, &b);
	assert_false(registration_of(&w)->active);
	world_end(&w);
}

static void test_R240_options_that_nobody_knows_go_nowhere(void **state)
{
	(void)state;
	struct world w;
	begin(&w, RELAY_FOR_ANY, RELAY_UPDATE_FORWARDED);
	world_register(&w);
	struct build b = build_start(PDU_CON, PDU_POST, 5, "t");
	build_parts(&b, PDU_URI_PATH, "rd/5a3f", '/');
	build_option(&b, 13, "\x05", 1); /* critical: another way to say a path */
	device_is_told(&w, &b, PDU_BAD_OPTION);
	b = build_start(PDU_CON, 1, 6, "t");
	build_parts(&b, PDU_URI_PATH, "3/0/0", '/');
	build_option(&b, 2050, "x", 1); /* unsafe */
	server_is_told(&w, &b, PDU_BAD_OPTION);
	b = build_start(PDU_NON, 1, 6, "t");
	build_option(&b, 2050, "x", 1); /* unsafe, and elective */
	down(&w, &b);
	expect_answer(&w.server, PDU_NON, PDU_BAD_OPTION, -1, "t");
	b = build_start(PDU_NON, 1, 6, "t");
	build_option(&b, 2051, "x", 1); /* critical: a NON is rejected */
	down(&w, &b);
	assert_int_equal(counted(&w)->dropped, 1);
	expect_silence(&w.device);
	expect_silence(&w.server);
	b = build_start(PDU_CON, 1, 7, "t");
	build_option(&b, PDU_BLOCK2, "\x07", 1);
	server_is_told(&w, &b, PDU_BAD_REQUEST); /* */
	b = build_start(PDU_CON, 1, 8, "t");
	build_option(&b, PDU_HOP_LIMIT, "\x01", 1);
	server_is_told(&w, &b, PDU_HOP_LIMIT_REACHED);
	world_end(&w);
}

static void test_R240_nor_do_they_in_answers_of_a_server(void **state)
{
	(void)state;
	struct world w;
	begin(&w, RELAY_FOR_ANY, RELAY_UPDATE_FORWARDED);
	const struct build r = reg(1, "r");
	up(&w, &r);
	expect_same(&w.server, &r);
	struct build b = build_created(PDU_ACK, 1, "r", "rd/1");
	build_option(&b, 2050, "x", 1);
	down(&w, &b);
	expect_answer(&w.device, PDU_ACK, PDU_BAD_GATEWAY, 1, "r");
	expect_silence(&w.device);
	assert_false(registration_of(&w)->active);
	world_end(&w);
}

static void test_R240_nor_in_answers_and_notifications_of_a_device(void **state)
{
	(void)state;
	struct world w;
	begin(&w, RELAY_FOR_ANY, RELAY_UPDATE_FORWARDED);
	world_register(&w);
	const struct build read = request(1, "3/0/0", NULL);
	down(&w, &read);
	expect_same(&w.device, &read);
	struct build b = build_start(PDU_ACK, 0x45, 77, "t");
	build_option(&b, 2050, "x", 1);
	up(&w, &b);
	expect_answer(&w.server, PDU_ACK, PDU_BAD_GATEWAY, 77, "t");
	b = build_start(PDU_CON, 0x45, 500, "t");
	build_option(&b, PDU_OBSERVE, "\x01", 1);
	build_option(&b, 2050, "x", 1);
	up(&w, &b);
	expect_answer(&w.device, PDU_RST, 0, 500, "");
	expect_answer(&w.server, PDU_NON, PDU_BAD_GATEWAY, -1, "t");
	expect_silence(&w.server);
	expect_silence(&w.device);
	world_end(&w);
}

/* Message 8. */
static void updates(struct world *w, const char *path)
{
	const struct build b = update(8, "t", path);
	up(w, &b);
}

/* Message 9. */
static void registers(struct world *w, struct wire *device, const char *location)
{
	const struct build b = reg(9, "t9");
	const struct build gone_up = in_channel(&b, 1);
	up(w, &b);
	expect_same(&w->server, &gone_up);
	const struct build created = build_created(PDU_ACK, 9, "t9", location);
	const struct build come_down = in_channel(&created, 1);
	down(w, &come_down);
	expect_same(device, &created);
}

static void test_R267_an_update_after_a_handshake_waits_for_a_register(void **state)
{
	(void)state;
	static struct wire fresh;
	static struct world w;
	begin(&w, RELAY_FOR_SERVER, RELAY_UPDATE_BY_VERSION);
	world_register(&w); /* of LwM2M 1.1 */
	relay_device_rebind(w.d, wire_init(&fresh));
	updates(&w, "rd/5a3f");
	expect_answer(&fresh, PDU_ACK, PDU_NOT_FOUND, 8, "t");
	expect_silence(&w.server);
	assert_true(registration_of(&w)->active); /* the server has it still, and may ask */
	registers(&w, &fresh, "rd/new");
	updates(&w, "rd/new");
	assert_int_equal(w.server.count, w.server.seen + 1);
	expect_silence(&fresh);
	wire_fini(&fresh);
	world_end(&w);
}

static void test_R267_or_is_forwarded_and_is_good_from_then_on(void **state)
{
	(void)state;
	struct wire fresh;
	struct world w;
	begin(&w, RELAY_FOR_SERVER, RELAY_UPDATE_FORWARDED);
	world_register(&w);
	assert_false(registration_of(&w)->stale);
	relay_device_rebind(w.d, wire_init(&fresh));
	assert_true(registration_of(&w)->stale);
	struct build b = update(8, "t", "rd/5a3f");
	struct build on_link = in_channel(&b, 1);
	up(&w, &b);
	expect_same(&w.server, &on_link);
	b = build_start(PDU_ACK, PDU_CHANGED, 8, "t");
	on_link = in_channel(&b, 1);
	down(&w, &on_link);
	expect_same(&fresh, &b);
	assert_false(registration_of(&w)->stale);
	wire_fini(&fresh);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R014_R268_a_rogue_device_reaches_nothing),
		cmocka_unit_test(test_R268_who_is_not_registered_claims_nothing),
		cmocka_unit_test(test_R023_R286_a_bootstrap_credential_registers_nobody),
		cmocka_unit_test(test_R023_a_servers_credential_bootstraps_nobody),
		cmocka_unit_test(test_R008_a_rogue_server_reaches_no_credentials),
		cmocka_unit_test(test_R272_a_rogue_server_asks_before_it_is_asked),
		cmocka_unit_test(test_R285_a_bootstrap_server_begins_by_itself),
		cmocka_unit_test(test_R240_options_that_nobody_knows_go_nowhere),
		cmocka_unit_test(test_R240_nor_do_they_in_answers_of_a_server),
		cmocka_unit_test(test_R240_nor_in_answers_and_notifications_of_a_device),
		cmocka_unit_test(test_R267_an_update_after_a_handshake_waits_for_a_register),
		cmocka_unit_test(test_R267_or_is_forwarded_and_is_good_from_then_on),
	};
	return cmocka_run_group_tests_name("proxy/relay: rogues", tests, NULL, NULL);
}
