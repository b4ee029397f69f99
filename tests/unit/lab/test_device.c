/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "tests/lab/device.h"

enum { ACK_MS = 2000, NOTIFY_MS = 500, UPDATE_MS = 60000 };

/* A device and what it has sent last. */
struct rig {
	struct device device;
	struct device_settings set;
	struct device_counts counts;
	struct device_owner owner;
	struct lab_msg sent;
	uint8_t bytes[DEVICE_TX_MAX];
	size_t len;
	unsigned sent_len; /* messages */
	uint64_t now_ms;
};

static void keep(void *ctx, struct device *d, const uint8_t *msg, size_t len)
{
	struct rig *r = ctx;
	(void)d;
	assert_in_range(len, LAB_HEADER, sizeof(r->bytes));
	memcpy(r->bytes, msg, len);
	r->len = len;
	r->sent_len++;
	assert_true(lab_msg_parse(&r->sent, r->bytes, len));
}

static int up(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	if (!r)
		return -1;
	r->set = (struct device_settings){ .ack_timeout_ms = ACK_MS,
		.notify_ms = NOTIFY_MS,
		.con_every = 3,
		.update_ms = UPDATE_MS,
		.lifetime_s = 60,
		.load_bytes = 100,
		.load_wait_ms = 1000 };
	r->owner = (struct device_owner){
		.ctx = r, .send = keep, .settings = &r->set, .counts = &r->counts
	};
	r->now_ms = 1000;
	device_init(&r->device, &r->owner, "urn:dev:1", 7);
	*state = r;
	return 0;
}

static int down(void **state)
{
	free(*state);
	return 0;
}

static void hand_in(struct rig *r, const struct lab_head *head, const char *path, uint32_t observe,
	const char *payload)
{
	uint8_t bytes[128];
	struct lab_out o;
	lab_out_begin(&o, bytes, sizeof(bytes), head);
	if (observe != LAB_ABSENT)
		lab_out_uint(&o, LAB_OPT_OBSERVE, observe);
	lab_out_parts(&o, lab_is_request(head->code) ? LAB_OPT_PATH : LAB_OPT_LOCATION, path, '/');
	lab_out_payload(&o, payload, strlen(payload));
	device_input(&r->device, bytes, lab_out_end(&o), r->now_ms);
}

/* The answer to what the device has sent last. */
static void answer(struct rig *r, enum lab_code code, const char *location)
{
	struct lab_head head = r->sent.head;
	head.type = LAB_ACK;
	head.code = (uint8_t)code;
	hand_in(r, &head, location, LAB_ABSENT, "");
}

static void empty(struct rig *r, enum lab_type type, uint16_t id)
{
	hand_in(r, &(struct lab_head){ .type = type, .id = id }, "", LAB_ABSENT, "");
}

static void request(struct rig *r, enum lab_code method, uint16_t id, const char *path,
	uint32_t observe, const char *payload)
{
	const struct lab_head head = { .type = LAB_CON,
		.code = (uint8_t)method,
		.id = id,
		.token = { 0xaa },
		.token_len = 1 };
	hand_in(r, &head, path, observe, payload);
}

/* The clock jumps to what the device waits for. */
static void wait_for_it(struct rig *r)
{
	const uint64_t next = device_next_ms(&r->device);
	assert_true(next != UINT64_MAX && next >= r->now_ms);
	r->now_ms = next;
	device_tick(&r->device, r->now_ms);
}

static void register_it(struct rig *r)
{
	device_start(&r->device, r->now_ms);
	answer(r, LAB_CREATED, "rd/5");
	assert_int_equal(r->device.state, DEVICE_REGISTERED);
}

static void test_registers_updates_and_leaves(void **state)
{
	struct rig *r = *state;
	device_start(&r->device, r->now_ms);
	assert_int_equal(r->sent.head.code, LAB_POST);
	assert_string_equal(r->sent.path, "rd");
	assert_string_equal(r->sent.query, "ep=urn:dev:1&lt=60&lwm2m=1.1&b=U");
	answer(r, LAB_CREATED, "rd/5");
	r->now_ms += UPDATE_MS;
	device_tick(&r->device, r->now_ms);
	assert_string_equal(r->sent.path, "rd/5");
	assert_int_equal(r->sent.head.code, LAB_POST);
	answer(r, LAB_CHANGED, "");
	device_stop(&r->device, r->now_ms);
	assert_int_equal(r->sent.head.code, LAB_DELETE);
	assert_string_equal(r->sent.path, "rd/5");
	answer(r, LAB_DELETED, "");
	assert_int_equal(r->device.state, DEVICE_GONE);
	assert_int_equal(device_next_ms(&r->device), UINT64_MAX);
}

static void test_R231_retransmits_four_times_doubling_then_gives_up(void **state)
{
	struct rig *r = *state;
	const uint64_t begin = r->now_ms;
	device_start(&r->device, r->now_ms);
	const uint64_t first = device_next_ms(&r->device) - begin;
	const uint16_t id = r->sent.head.id;
	assert_in_range(first, ACK_MS, ACK_MS * 3 / 2);
	for (unsigned i = 0; i < 4; i++) {
		wait_for_it(r);
		assert_int_equal(r->sent_len, i + 2);
		assert_int_equal(r->sent.head.id, id);
	}
	wait_for_it(r);
	assert_int_equal(r->sent_len, 5);
	assert_int_equal(r->now_ms - begin, first * 31);
	assert_int_equal(r->device.state, DEVICE_LOST);
	assert_int_equal(r->counts.ended[DEVICE_REGISTER][DEVICE_TIMEOUT], 1);
}

static void test_an_empty_ack_stops_retransmission_and_the_answer_comes_later(void **state)
{
	struct rig *r = *state;
	device_start(&r->device, r->now_ms);
	struct lab_head head = r->sent.head;
	empty(r, LAB_ACK, head.id);
	assert_true(device_next_ms(&r->device) > r->now_ms + (uint64_t)ACK_MS * 30);
	head.type = LAB_CON;
	head.code = LAB_CREATED;
	head.id = 999;
	hand_in(r, &head, "rd/9", LAB_ABSENT, "");
	assert_int_equal(r->sent.head.type, LAB_ACK);
	assert_int_equal(r->sent.head.id, 999);
	assert_string_equal(r->device.location, "rd/9");
}

static void test_answers_each_operation(void **state)
{
	static const struct {
		enum lab_code method, code;
		const char *path, *payload;
	} rows[] = {
		{ LAB_GET, LAB_CONTENT, "3/0", "" },
		{ LAB_PUT, LAB_CHANGED, "1/0/1", "60" },
		{ LAB_PUT, LAB_BAD_REQUEST, "1/0/1", "6x" },
		{ LAB_PUT, LAB_BAD_REQUEST, "1/0/1", "99999999999" },
		{ LAB_POST, LAB_CHANGED, "3/0/4", "" },
		{ LAB_GET, LAB_NOT_ALLOWED, "3/0/4", "" },
		{ LAB_GET, LAB_CONTENT, "3/0/13", "" },
		{ LAB_GET, LAB_NOT_FOUND, "5/0", "" },
	};
	struct rig *r = *state;
	register_it(r);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		request(r, rows[i].method, (uint16_t)i, rows[i].path, LAB_ABSENT, rows[i].payload);
		assert_int_equal(r->sent.head.code, rows[i].code);
		assert_int_equal(r->sent.head.type, LAB_ACK);
		assert_int_equal(r->sent.head.id, i);
		assert_int_equal(r->sent.head.token[0], 0xaa);
	}
}

static void test_R228_a_repeated_request_gets_the_same_answer_and_is_executed_once(void **state)
{
	struct rig *r = *state;
	uint8_t first[DEVICE_TX_MAX];
	register_it(r);
	request(r, LAB_POST, 77, "3/0/4", LAB_ABSENT, "");
	memcpy(first, r->bytes, r->len);
	const size_t len = r->len;
	r->len = 0;
	request(r, LAB_POST, 77, "3/0/4", LAB_ABSENT, "");
	assert_int_equal(r->len, len);
	assert_memory_equal(first, r->bytes, len);
	assert_int_equal(r->counts.served[DEVICE_EXECUTE], 1);
	assert_int_equal(r->counts.duplicates, 1);
}

/* After another request the first one's answer is not kept any more. */
static void test_R228_only_what_changes_nothing_is_done_again(void **state)
{
	struct rig *r = *state;
	register_it(r);
	request(r, LAB_GET, 70, "3/0", LAB_ABSENT, "");
	request(r, LAB_POST, 71, "3/0/4", LAB_ABSENT, "");
	request(r, LAB_GET, 72, "lwgate", LAB_ABSENT, "");
	assert_int_equal(r->sent.head.code, LAB_NOT_FOUND);
	request(r, LAB_GET, 70, "3/0", LAB_ABSENT, "");
	assert_int_equal(r->sent.head.id, 70);
	assert_int_equal(r->sent.head.code, LAB_CONTENT);
	r->len = 0;
	request(r, LAB_POST, 71, "3/0/4", LAB_ABSENT, "");
	assert_int_equal(r->len, 0);
	assert_int_equal(r->counts.served[DEVICE_EXECUTE], 1);
	assert_int_equal(r->counts.duplicates, 2);
}

static void test_R247_notifies_with_rising_numbers_and_each_third_is_confirmable(void **state)
{
	struct rig *r = *state;
	register_it(r);
	request(r, LAB_GET, 1, "3/0/13", 0, "");
	uint32_t last = r->sent.observe;
	unsigned con = 0;
	assert_true(last != LAB_ABSENT);
	for (int i = 0; i < 6; i++) {
		wait_for_it(r);
		assert_int_equal(r->sent.head.token[0], 0xaa);
		assert_int_equal(r->sent.observe, ++last);
		if (r->sent.head.type == LAB_CON) {
			con++;
			empty(r, LAB_ACK, r->sent.head.id);
		}
	}
	assert_int_equal(con, 2);
	assert_int_equal(r->counts.ended[DEVICE_NOTIFY][DEVICE_ANSWERED], 2);
}

static void observe_until_con(struct rig *r)
{
	register_it(r);
	request(r, LAB_GET, 1, "3/0/13", 0, "");
	do
		wait_for_it(r);
	while (r->sent.head.type != LAB_CON);
}

static void test_R247_cancel_by_observe_1_ends_the_relation(void **state)
{
	struct rig *r = *state;
	observe_until_con(r);
	empty(r, LAB_ACK, r->sent.head.id);
	request(r, LAB_GET, 2, "3/0/13", 1, "");
	assert_int_equal(r->sent.head.code, LAB_CONTENT);
	assert_true(r->sent.observe == LAB_ABSENT && !r->device.observed);
}

static void test_R247_a_reset_ends_the_relation(void **state)
{
	struct rig *r = *state;
	observe_until_con(r);
	empty(r, LAB_RST, r->sent.head.id);
	assert_false(r->device.observed);
	assert_int_equal(r->counts.ended[DEVICE_NOTIFY][DEVICE_RESET], 1);
	assert_int_equal(r->device.state, DEVICE_REGISTERED);
}

static void test_R249_a_lost_link_ends_relations_and_exchanges(void **state)
{
	struct rig *r = *state;
	observe_until_con(r);
	device_link_lost(&r->device);
	assert_false(r->device.observed);
	assert_int_equal(r->counts.ended[DEVICE_NOTIFY][DEVICE_ABANDONED], 1);
	assert_int_equal(device_next_ms(&r->device), UINT64_MAX);
}

static void test_R267_registers_again_when_the_update_is_refused(void **state)
{
	struct rig *r = *state;
	register_it(r);
	wait_for_it(r);
	answer(r, LAB_NOT_FOUND, "");
	assert_string_equal(r->sent.path, "rd");
	assert_int_equal(r->device.state, DEVICE_REGISTERING);
}

static void test_R245_a_ping_is_reset_and_a_stranger_is_rejected(void **state)
{
	struct rig *r = *state;
	register_it(r);
	empty(r, LAB_CON, 5);
	assert_int_equal(r->sent.head.type, LAB_RST);
	const struct lab_head stranger = {
		.type = LAB_CON, .code = LAB_CONTENT, .id = 6, .token = { 9 }, .token_len = 1
	};
	hand_in(r, &stranger, "", LAB_ABSENT, "x");
	assert_int_equal(r->sent.head.type, LAB_RST);
	assert_int_equal(r->sent.head.id, 6);
}

static void test_load_counts_what_is_answered_and_what_is_lost(void **state)
{
	struct rig *r = *state;
	register_it(r);
	assert_true(device_load(&r->device, false, r->now_ms));
	assert_int_equal(r->sent.head.type, LAB_NON);
	assert_int_equal(r->sent.payload_len, 100);
	assert_false(device_load(&r->device, false, r->now_ms));
	struct lab_head head = r->sent.head;
	head.code = LAB_CHANGED;
	hand_in(r, &head, "", LAB_ABSENT, "");
	assert_true(device_load(&r->device, false, r->now_ms));
	wait_for_it(r);
	assert_int_equal(r->counts.ended[DEVICE_LOAD][DEVICE_ANSWERED], 1);
	assert_int_equal(r->counts.ended[DEVICE_LOAD][DEVICE_TIMEOUT], 1);
	assert_int_equal(r->device.state, DEVICE_REGISTERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_registers_updates_and_leaves, up, down),
		cmocka_unit_test_setup_teardown(
			test_R231_retransmits_four_times_doubling_then_gives_up, up, down),
		cmocka_unit_test_setup_teardown(
			test_an_empty_ack_stops_retransmission_and_the_answer_comes_later, up,
			down),
		cmocka_unit_test_setup_teardown(test_answers_each_operation, up, down),
		cmocka_unit_test_setup_teardown(
			test_R228_a_repeated_request_gets_the_same_answer_and_is_executed_once, up,
			down),
		cmocka_unit_test_setup_teardown(
			test_R228_only_what_changes_nothing_is_done_again, up, down),
		cmocka_unit_test_setup_teardown(
			test_R247_notifies_with_rising_numbers_and_each_third_is_confirmable, up,
			down),
		cmocka_unit_test_setup_teardown(
			test_R247_cancel_by_observe_1_ends_the_relation, up, down),
		cmocka_unit_test_setup_teardown(test_R247_a_reset_ends_the_relation, up, down),
		cmocka_unit_test_setup_teardown(
			test_R249_a_lost_link_ends_relations_and_exchanges, up, down),
		cmocka_unit_test_setup_teardown(
			test_R267_registers_again_when_the_update_is_refused, up, down),
		cmocka_unit_test_setup_teardown(
			test_R245_a_ping_is_reset_and_a_stranger_is_rejected, up, down),
		cmocka_unit_test_setup_teardown(
			test_load_counts_what_is_answered_and_what_is_lost, up, down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
