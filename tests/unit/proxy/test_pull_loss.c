/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway fetches an image: what is lost, comes twice, late, or is of no use. */
#include "tests/unit/proxy/puller.h"

static void test_R287_what_is_not_answered_is_asked_again(void **state)
{
	static uint8_t first[PULL_MESSAGE_MAX];
	uint64_t last_ms = 0, gap_ms = 0;
	(void)state;
	get_two();
	const size_t len = asked.len;
	memcpy(first, request, len);
	for (unsigned i = 1; i < PULL_TRIES; i++) {
		assert_int_equal(pull_send(&pull, now_ms, request), 0);
		const uint64_t due_ms = pull_next_ms(&pull);
		assert_int_equal(pull_send(&pull, due_ms - 1, request), 0);
		assert_false(pull_gives_up(&pull, due_ms));
		if (i == 1)
			assert_true(due_ms - now_ms >= 2000 && due_ms - now_ms <= 3000);
		else
			assert_int_equal(due_ms - now_ms, 2 * gap_ms);
		gap_ms = due_ms - now_ms;
		now_ms = due_ms;
		ask();
		assert_int_equal(asked.len, len);
		assert_memory_equal(request, first, len);
	}
	last_ms = pull_next_ms(&pull);
	assert_int_equal(last_ms - now_ms, 2 * gap_ms);
	assert_false(pull_gives_up(&pull, last_ms - 1));
	assert_int_equal(pull_send(&pull, last_ms, request), 0);
	assert_true(pull_gives_up(&pull, last_ms));
	is_over();
	/* One that was late by less: */
	get_two();
	for (unsigned i = 1; i < PULL_TRIES; i++) {
		now_ms = pull_next_ms(&pull);
		ask();
	}
	now_ms = pull_next_ms(&pull) - 1;
	assert_int_equal(hear(&third_block).what, PULL_DATA);
	assert_int_equal(pull_next_ms(&pull), now_ms);
}

static void test_R287_an_answer_may_come_later(void **state)
{
	(void)state;
	get_two();
	block_start(&msg, PDU_ACK, PDU_EMPTY, (uint16_t)(asked.mid + 1), 0);
	assert_int_equal(hear_msg().what, PULL_NOTHING);
	assert_false(pull.acked);
	block_start(&msg, PDU_ACK, PDU_EMPTY, asked.mid, 0);
	assert_int_equal(hear_msg().what, PULL_NOTHING);
	const uint64_t due_ms = now_ms + 93000;
	assert_int_equal(pull_next_ms(&pull), due_ms);
	now_ms += 60000;
	assert_int_equal(pull_send(&pull, now_ms, request), 0);
	assert_int_equal(hear_msg().what, PULL_NOTHING); /* a copy makes it no longer */
	assert_int_equal(pull_next_ms(&pull), due_ms);
	assert_false(pull_gives_up(&pull, due_ms - 1));
	struct reply r = third_block;
	build(&r);
	msg.data[3]++; /* its message id is its own */
	const struct pull_got got = hear_msg();
	assert_int_equal(got.what, PULL_DATA);
	assert_true(got.acknowledge);
	assert_int_equal(got.ack[0], 0x60);
	assert_int_equal(got.ack[1], 0);
	assert_memory_equal(got.ack + 2, msg.data + 2, 2);
	get_two();
	block_start(&msg, PDU_ACK, PDU_EMPTY, asked.mid, 0);
	(void)hear_msg();
	assert_int_equal(pull_send(&pull, pull_next_ms(&pull), request), 0);
	assert_true(pull_gives_up(&pull, pull_next_ms(&pull)));
	is_over();
}

static void test_R287_a_copy_is_acknowledged_and_no_more(void **state)
{
	(void)state;
	get_two();
	assert_int_equal(hear(&third_block).what, PULL_DATA);
	static struct block_msg copy;
	copy = msg;
	const struct pull before = pull;
	struct pull_got got = hear_msg();
	assert_int_equal(got.what, PULL_NOTHING);
	assert_true(got.acknowledge);
	/* The acknowledgement of what is answered by now: reordered. */
	block_start(&msg, PDU_ACK, PDU_EMPTY, asked.mid, 0);
	assert_int_equal(hear_msg().what, PULL_NOTHING);
	block_start(&msg, PDU_RST, PDU_EMPTY, asked.mid, 0);
	assert_int_equal(hear_msg().what, PULL_NOTHING);
	/* What guesses the next request, which was not sent. */
	block_start(&msg, PDU_RST, PDU_EMPTY, pull.mid, 0);
	assert_int_equal(hear_msg().what, PULL_NOTHING);
	struct reply r = third_block;
	r.num = 3;
	build(&r);
	msg.data[7]++;
	assert_int_equal(hear_msg().what, PULL_NOTHING);
	assert_memory_equal(&pull, &before, sizeof(pull));
	ask();
	assert_int_equal(block_read(&asked, PDU_BLOCK2) >> 4, 3);
	msg = copy;
	got = hear_msg(); /* it is late */
	assert_int_equal(got.what, PULL_NOTHING);
	assert_true(got.acknowledge);
}

static void test_R287_the_answer_to_another_is_none(void **state)
{
	struct reply r = third_block;
	(void)state;
	get_two();
	for (size_t at = 4; at < 8; at++) { /* token */
		build(&r);
		msg.data[at] ^= 1;
		assert_int_equal(hear_msg().what, PULL_NOTHING);
	}
	build(&r);
	msg.data[0]--; /* a shorter one: its last octet is an option then */
	(void)hear_msg();
	r.type = PDU_ACK;
	build(&r);
	msg.data[3] ^= 1; /* an acknowledgement of another message */
	assert_int_equal(hear_msg().what, PULL_NOTHING);
	r.type = PDU_NON;
	r.code = 1; /* a request */
	assert_int_equal(hear(&r).what, PULL_NOTHING);
	assert_int_equal(pull.offset, 128);
	r = third_block;
	assert_int_equal(hear(&r).what, PULL_DATA);
}

static void test_R287_a_reset_ends_it_and_a_ping_is_answered(void **state)
{
	(void)state;
	get_two();
	block_start(&msg, PDU_CON, PDU_EMPTY, asked.mid, 0);
	struct pull_got got = hear_msg();
	assert_int_equal(got.what, PULL_NOTHING);
	assert_true(got.acknowledge);
	assert_int_equal(got.ack[0], 0x70);
	assert_memory_equal(got.ack + 2, msg.data + 2, 2);
	assert_true(pull.active && !pull.acked);
	block_start(&msg, PDU_RST, PDU_EMPTY, asked.mid, 0);
	got = hear_msg();
	assert_int_equal(got.what, PULL_FAILED);
	assert_int_equal(got.code, PDU_BAD_GATEWAY);
	assert_false(got.acknowledge);
	is_over();
}

static void test_R287_a_new_link_goes_on_where_the_old_one_ended(void **state)
{
	(void)state;
	get_two();
	build(&third_block);
	block_start(&msg, PDU_ACK, PDU_EMPTY, asked.mid, 0);
	(void)hear_msg();
	assert_true(pull.acked);
	build(&third_block);
	now_ms += 10;
	pull_again(&pull, now_ms);
	assert_int_equal(hear_msg().what, PULL_NOTHING); /* of the old request */
	assert_int_equal(pull_next_ms(&pull), now_ms);
	ask();
	assert_int_equal(block_read(&asked, PDU_BLOCK2), 2 << 4 | 2);
	assert_int_equal(hear(&third_block).what, PULL_DATA);
	pull = (struct pull){ .active = false };
	pull_again(&pull, now_ms);
	is_over();
}

static void test_I7_what_is_no_message_is_nothing(void **state)
{
	(void)state;
	get_two();
	const struct pull before = pull;
	build(&third_block);
	const size_t whole = msg.len;
	for (msg.len = 0; msg.len < 8; msg.len++)
		assert_int_equal(hear_msg().what, PULL_NOTHING);
	msg.len = whole;
	msg.data[0] = 0x80 | (msg.data[0] & 0x3f);
	assert_int_equal(hear_msg().what, PULL_NOTHING);
	assert_memory_equal(&pull, &before, sizeof(pull));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R287_what_is_not_answered_is_asked_again),
		cmocka_unit_test(test_R287_an_answer_may_come_later),
		cmocka_unit_test(test_R287_a_copy_is_acknowledged_and_no_more),
		cmocka_unit_test(test_R287_the_answer_to_another_is_none),
		cmocka_unit_test(test_R287_a_reset_ends_it_and_a_ping_is_answered),
		cmocka_unit_test(test_R287_a_new_link_goes_on_where_the_old_one_ended),
		cmocka_unit_test(test_I7_what_is_no_message_is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
