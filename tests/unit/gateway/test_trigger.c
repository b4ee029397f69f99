/* SPDX-License-Identifier: Apache-2.0 */
/* A device is told to ask its bootstrap server again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/question.h"
#include "gateway/session.h"
#include "gateway/trigger.h"
#include "gateway/worker.h"
#include "proxy/coap.h"
#include "town_night.h"

static void test_it_is_an_execute_that_asks_for_no_answer(void **state)
{
	static const struct gw_question q = { .token = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.mid = { 0xab, 0xcd } };
	static const uint8_t want[] = { 0x58, 0x02, 0xab, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8, 0xb1, '1',
		0x03, '1', '0', '2', 0x01, '9', 0xd1, 0xea, 0x1a };
	uint8_t out[GW_TRIGGER_MAX];
	(void)state;
	assert_int_equal(gw_trigger_write(&q, GW_TRIGGER_BOOTSTRAP, 102, out), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
	assert_true(gw_trigger_write(&q, GW_TRIGGER_UPDATE, 65534, out) > 0);
	assert_int_equal(out[21], '8');
}

static void test_R312_a_device_gets_it_by_its_association(void **state)
{
	static const uint8_t path[] = { 0xb1, '1', 0x01, '0', 0x01, '9' };
	struct town *const t = town_new(1, true, true);
	(void)state;
	(void)town_registered(t, 0, 0);
	town_settle(t);
	struct gw_session *const s = town_session(t, 0, 0);
	const size_t messages = t->devices.messages, server = t->server.messages;
	assert_true(gw_trigger_send(s, GW_TRIGGER_BOOTSTRAP, 0));
	town_until(t, &t->devices.messages, messages + 1);
	assert_int_equal(t->devices.code, PDU_POST);
	assert_memory_equal(t->devices.last + 12, path, sizeof(path));
	/* Who may not be told anything now. */
	relay_device_gate(s->relay, RELAY_QUARANTINED, 0);
	assert_false(gw_trigger_send(s, GW_TRIGGER_BOOTSTRAP, 0));
	relay_device_gate(s->relay, RELAY_DRAINING, 0);
	assert_false(gw_trigger_send(s, GW_TRIGGER_BOOTSTRAP, 0));
	relay_device_gate(s->relay, RELAY_OPEN, 0);
	s->suspect = true;
	assert_false(gw_trigger_send(s, GW_TRIGGER_BOOTSTRAP, 0));
	s->suspect = false;
	town_turns(t, 20);
	assert_int_equal(t->devices.messages, messages + 1);
	assert_int_equal(t->server.messages, server);
	town_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_an_execute_that_asks_for_no_answer),
		cmocka_unit_test(test_R312_a_device_gets_it_by_its_association),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
