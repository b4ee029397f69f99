/* SPDX-License-Identifier: Apache-2.0 */
/* What came and went by each listener, over all workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/control.h"
#include "ctl/json.h"
#include "ctl/out.h"
#include "ctl/show.h"
#include "ctl/show_listeners.h"

static void test_R084_all_workers_are_added_up(void **state)
{
	(void)state;
	static struct ctl_worker workers[2];
	const struct ctl_totals t = { .workers = workers, .len = 2 };
	struct ctl_out json = { 0 }, text = { 0 };
	struct ctl_json j = { .out = &json };
	for (size_t i = 0; i < 2; i++) {
		workers[i].listeners_len = 2;
		workers[i].listeners[0].address =
			(struct net_addr){ .family = NET_IPV4, .port = 5684 };
		workers[i].listeners[1] = (struct ctl_listener){
			.address = { .family = NET_IPV4, .ip = { 10, 0, 0, 1 }, .port = 5683 },
			.is_bare = true,
			.datagrams_in = 1 + i,
			.octets_in = 10 + i,
			.datagrams_out = 100 + i,
			.octets_out = 1000 + i,
		};
		workers[i].listeners[0].handshakes = 7;
	}
	ctl_show_listeners_json(&j, &t);
	ctl_out_bytes(&json, "", 1);
	assert_string_equal(json.data,
		"[{\"address\":\"0.0.0.0:5684\",\"security\":\"dtls\",\"datagrams_in\":0,"
		"\"bytes_in\":0,\"datagrams_out\":0,\"bytes_out\":0,\"handshakes\":14},"
		"{\"address\":\"10.0.0.1:5683\",\"security\":\"nosec\",\"datagrams_in\":3,"
		"\"bytes_in\":21,\"datagrams_out\":201,\"bytes_out\":2001,\"handshakes\":0}]");
	ctl_show_listeners_text(&text, &t);
	ctl_out_bytes(&text, "", 1);
	assert_non_null(strstr(text.data,
		"10.0.0.1:5683               nosec            0             21           2001\n"));
	ctl_out_fini(&json);
	ctl_out_fini(&text);
}

static void test_where_there_is_none_there_is_nothing(void **state)
{
	(void)state;
	const struct ctl_totals none = { .len = 0 };
	struct ctl_out json = { 0 }, text = { 0 };
	struct ctl_json j = { .out = &json };
	ctl_show_listeners_json(&j, &none);
	ctl_show_listeners_text(&text, &none);
	assert_int_equal(json.len, 2);
	assert_int_equal(text.len, 0);
	ctl_out_fini(&json);
	ctl_out_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R084_all_workers_are_added_up),
		cmocka_unit_test(test_where_there_is_none_there_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
