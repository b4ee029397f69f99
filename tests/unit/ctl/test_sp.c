/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/sp.h"

static const uint8_t frame[] = { 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x80, 1, 2, 3, 'a', 'b', 'c' };

static void test_only_req_sockets_are_greeted(void **state)
{
	(void)state;
	const uint8_t req[] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0, 1 };
	const uint8_t rep[] = { 0, 'S', 'P', 0, 0, 0x31, 0, 0 };
	for (size_t len = 0; len < 8; len++)
		assert_int_equal(ctl_sp_greeted(req, len), CTL_SP_MORE);
	assert_int_equal(ctl_sp_greeted(req, 8), CTL_SP_GOOD);
	assert_int_equal(ctl_sp_greeted(req, 9), CTL_SP_GOOD);
	assert_int_equal(ctl_sp_greeted(rep, 5), CTL_SP_MORE);
	assert_int_equal(ctl_sp_greeted(rep, 6), CTL_SP_BAD);
	assert_int_equal(ctl_sp_greeted((const uint8_t *)"GET", 3), CTL_SP_BAD);
	assert_memory_equal(ctl_sp_greeting, rep, 8);
}

static void test_frames_are_parsed_when_they_are_whole(void **state)
{
	(void)state;
	struct ctl_sp_request q;
	for (size_t len = 0; len < sizeof(frame); len++)
		assert_int_equal(ctl_sp_parse(frame, len, &q), CTL_SP_MORE);
	assert_int_equal(ctl_sp_parse(frame, sizeof(frame), &q), CTL_SP_GOOD);
	assert_ptr_equal(q.stack, frame + 9);
	assert_int_equal(q.stack_len, 4);
	assert_ptr_equal(q.body, frame + 13);
	assert_int_equal(q.body_len, 3);
	assert_int_equal(q.len, sizeof(frame));
}

static void test_the_stack_of_ids_goes_back(void **state)
{
	(void)state;
	uint8_t hops[CTL_SP_FRAME_LEN + CTL_SP_STACK_MAX + 4] = { 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0,
		0, 5, 0x80, 0, 0, 1, 'x' };
	uint8_t head[CTL_SP_HEAD_MAX];
	struct ctl_sp_request q;
	assert_int_equal(ctl_sp_parse(hops, 18, &q), CTL_SP_GOOD);
	assert_int_equal(q.stack_len, 8);
	assert_int_equal(q.body_len, 1);
	assert_int_equal(ctl_sp_head(&q, 300, head), 17);
	assert_memory_equal(head, "\1\0\0\0\0\0\0\1\x34\0\0\0\5\x80\0\0\1", 17);
	/* As many hops as may be, and one more. */
	memset(hops + 9, 0, sizeof(hops) - 9);
	hops[8] = CTL_SP_STACK_MAX;
	hops[9 + CTL_SP_STACK_MAX - 4] = 0x80;
	assert_int_equal(ctl_sp_parse(hops, sizeof(hops), &q), CTL_SP_GOOD);
	assert_int_equal(ctl_sp_head(&q, 0, head), CTL_SP_HEAD_MAX);
	hops[8] = CTL_SP_STACK_MAX + 4;
	hops[9 + CTL_SP_STACK_MAX - 4] = 0;
	hops[9 + CTL_SP_STACK_MAX] = 0x80;
	assert_int_equal(ctl_sp_parse(hops, sizeof(hops), &q), CTL_SP_BAD);
}

static void test_I7_frames_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static uint8_t longest[CTL_SP_REQUEST_MAX] = { 1 };
	struct ctl_sp_request q;
	const size_t payload = sizeof(longest) - CTL_SP_FRAME_LEN;
	assert_int_equal(ctl_sp_parse((const uint8_t *)"\2", 1, &q), CTL_SP_BAD);
	assert_int_equal(
		ctl_sp_parse((const uint8_t *)"\1\0\0\0\0\0\0\0\3abc", 12, &q), CTL_SP_BAD);
	assert_int_equal(ctl_sp_parse((const uint8_t *)"\1\0\0\0\0\0\0\0\0", 9, &q), CTL_SP_BAD);
	assert_int_equal(ctl_sp_parse((const uint8_t *)"\1\xff\xff\xff\xff\xff\xff\xff\xff", 9, &q),
		CTL_SP_BAD);
	longest[7] = (uint8_t)(payload >> 8);
	longest[8] = (uint8_t)payload;
	longest[9] = 0x80;
	assert_int_equal(ctl_sp_parse(longest, sizeof(longest), &q), CTL_SP_GOOD);
	longest[8]++;
	assert_int_equal(ctl_sp_parse(longest, sizeof(longest), &q), CTL_SP_BAD);
}

static void test_pub_and_sub_know_each_other(void **state)
{
	(void)state;
	const uint8_t pub[] = { 0, 'S', 'P', 0, 0, 0x20, 0, 0, 1 };
	const uint8_t sub[] = { 0, 'S', 'P', 0, 0, 0x21, 0, 0, 1 };
	assert_memory_equal(ctl_sp_pub_greeting, pub, 8);
	assert_memory_equal(ctl_sp_sub_greeting, sub, 8);
	for (size_t len = 0; len < 8; len++) {
		assert_int_equal(ctl_sp_is_sub(sub, len), CTL_SP_MORE);
		assert_int_equal(ctl_sp_is_pub(pub, len), CTL_SP_MORE);
	}
	assert_int_equal(ctl_sp_is_sub(sub, 9), CTL_SP_GOOD);
	assert_int_equal(ctl_sp_is_pub(pub, 8), CTL_SP_GOOD);
	assert_int_equal(ctl_sp_is_sub(pub, 6), CTL_SP_BAD);
	assert_int_equal(ctl_sp_is_pub(sub, 6), CTL_SP_BAD);
	assert_int_equal(ctl_sp_greeted(sub, 8), CTL_SP_BAD);
}

static void test_I7_a_message_is_as_long_as_its_reader_allows(void **state)
{
	(void)state;
	uint8_t message[CTL_SP_FRAME_LEN + 300] = { 0 };
	size_t body = 1;
	ctl_sp_frame(300, message);
	assert_memory_equal(message, "\1\0\0\0\0\0\0\1\x2c", CTL_SP_FRAME_LEN);
	for (size_t len = 0; len < sizeof(message); len++) {
		assert_int_equal(ctl_sp_unframe(message, len, 300, &body), CTL_SP_MORE);
		assert_int_equal(body, 0);
	}
	assert_int_equal(ctl_sp_unframe(message, sizeof(message), 300, &body), CTL_SP_GOOD);
	assert_int_equal(body, 300);
	assert_int_equal(ctl_sp_unframe(message, CTL_SP_FRAME_LEN, 299, &body), CTL_SP_BAD);
	memset(message + 1, 0xff, 8);
	assert_int_equal(ctl_sp_unframe(message, sizeof(message), SIZE_MAX / 2, &body), CTL_SP_BAD);
	message[0] = 2;
	assert_int_equal(ctl_sp_unframe(message, 1, 300, &body), CTL_SP_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_req_sockets_are_greeted),
		cmocka_unit_test(test_frames_are_parsed_when_they_are_whole),
		cmocka_unit_test(test_the_stack_of_ids_goes_back),
		cmocka_unit_test(test_I7_frames_that_cannot_be_are_refused),
		cmocka_unit_test(test_pub_and_sub_know_each_other),
		cmocka_unit_test(test_I7_a_message_is_as_long_as_its_reader_allows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
