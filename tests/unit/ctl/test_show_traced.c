/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/members.h"
#include "ctl/out.h"
#include "ctl/traced.h"

static struct ctl_traced a_request(void)
{
	return (struct ctl_traced){
		.number = 7,
		.wall_ms = UINT64_C(1795457800123),
		.leg = CTL_WITH_DEVICE,
		.numbered = true,
		.epoch = 1,
		.octets = 87,
		.record = 4711,
		.peer = { .ip = { 192, 0, 2, 1 }, .port = 5683, .family = NET_IPV4 },
		.coap = { .is = true,
			.code = 2,
			.token_len = 2,
			.token = { 0x0a, 0xff },
			.mid = 0x12,
			.payload_len = 3,
			.path = "/rd?ep=\033[2Jx" },
		.fate = "answered",
		.why = "4.04 \"gone\"",
		.rule = "mine",
	};
}

static void show(struct ctl_out *o, enum ctl_form form, const struct ctl_traced *t)
{
	ctl_show_traced(o, form, t);
	ctl_out_bytes(o, "", 1);
	assert_false(o->bad);
}

static void test_a_line_for_people(void **state)
{
	struct ctl_traced t = a_request();
	struct ctl_out o = { 0 };
	(void)state;
	show(&o, CTL_TEXT, &t);
	assert_string_equal(o.data,
		"18:16:40.123  from device 192.0.2.1:5683 87 octets 1/4711  CON POST mid=0012 "
		"token=0aff /rd?ep=?[2Jx +3  => answered: 4.04 \"gone\" (rule mine)\n");
	ctl_out_fini(&o);
}

static void test_a_line_for_programs(void **state)
{
	struct ctl_traced t = a_request();
	struct ctl_out o = { 0 };
	char text[64];
	(void)state;
	show(&o, CTL_JSON, &t);
	const struct ctl_piece all = { .at = o.data, .len = o.len - 1 };
	const struct ctl_piece coap = ctl_member_of(all, "coap");
	assert_int_equal(ctl_member_number(all, "record"), 4711);
	assert_string_equal(ctl_member_text(all, "why", text, sizeof(text)), "4.04 \"gone\"");
	assert_string_equal(ctl_member_text(coap, "code", text, sizeof(text)), "0.02");
	assert_string_equal(ctl_member_text(coap, "token", text, sizeof(text)), "0aff");
	assert_string_equal(ctl_member_text(coap, "path", text, sizeof(text)), "/rd?ep=\033[2Jx");
	assert_int_equal(ctl_member_of(coap, "payload").len, 0);
	ctl_out_fini(&o);
}

static void test_a_payload_is_there_only_if_it_was_kept(void **state)
{
	struct ctl_traced t = a_request();
	struct ctl_out o = { 0 };
	(void)state;
	memcpy(t.coap.payload, "\1\2\3", 3);
	t.coap.kept = 2;
	show(&o, CTL_TEXT, &t);
	assert_null(strstr(o.data, "payload"));
	ctl_out_fini(&o);
	t.coap.payload_kept = true;
	show(&o, CTL_TEXT, &t);
	assert_non_null(strstr(o.data, " payload=0102...  =>"));
	ctl_out_fini(&o);
	t.coap.kept = 3;
	show(&o, CTL_JSON, &t);
	assert_non_null(strstr(o.data, "\"payload\":\"010203\""));
	ctl_out_fini(&o);
}

static void test_a_decision_is_of_no_datagram(void **state)
{
	struct ctl_traced t = {
		.leg = CTL_WITH_NOBODY, .fate = "decided", .why = "age", .rule = "r"
	};
	struct ctl_out o = { 0 };
	(void)state;
	show(&o, CTL_TEXT, &t);
	assert_string_equal(o.data, "00:00:00.000  policy  => decided: age (rule r)\n");
	ctl_out_fini(&o);
	show(&o, CTL_JSON, &t);
	assert_null(strstr(o.data, "\"way\""));
	assert_null(strstr(o.data, "\"octets\""));
	ctl_out_fini(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_for_people),
		cmocka_unit_test(test_a_line_for_programs),
		cmocka_unit_test(test_a_payload_is_there_only_if_it_was_kept),
		cmocka_unit_test(test_a_decision_is_of_no_datagram),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
