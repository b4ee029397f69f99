/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/queue.h"
#include "tests/unit/proxy/kit.h"

static bool put(struct queue *q, struct queue_budget *b, uint32_t max, const struct build *m)
{
	struct pdu p;
	assert_int_equal(pdu_parse(m->data, m->len, &p), PDU_OK);
	return queue_put(q, b, max, &p);
}

static void expect_mid(struct queue *q, struct queue_budget *b, uint16_t mid)
{
	struct queue_entry *const e = queue_take(q);
	assert_non_null(e);
	assert_int_equal(e->mid, mid);
	queue_drop(b, e);
}

static void test_R243_messages_wait_in_order_and_bounded(void **state)
{
	(void)state;
	struct queue q = { .head = NULL };
	struct queue_budget b = { .max = 4096 };
	for (uint16_t mid = 1; mid <= 5; mid++) {
		const struct build m = update(mid, "t", "rd/1");
		assert_int_equal(put(&q, &b, 4, &m), mid <= 4);
	}
	assert_int_equal(q.count, 4);
	for (uint16_t mid = 1; mid <= 4; mid++)
		expect_mid(&q, &b, mid);
	assert_null(queue_take(&q));
	assert_int_equal(b.used, 0);
}

static void test_R243_a_retransmission_takes_the_place_of_its_copy(void **state)
{
	(void)state;
	struct queue q = { .head = NULL };
	struct queue_budget b = { .max = 4096 };
	for (uint16_t mid = 1; mid <= 3; mid++) {
		const struct build m = update(mid, "t", "rd/1");
		assert_true(put(&q, &b, 3, &m));
	}
	const size_t used = b.used;
	const struct build again = update(2, "t", "rd/longer");
	assert_true(put(&q, &b, 3, &again)); /* though it is full */
	assert_int_equal(q.count, 3);
	assert_int_equal(b.used, used + 5);
	expect_mid(&q, &b, 1);
	struct queue_entry *const e = queue_take(&q);
	assert_int_equal(e->len, again.len);
	assert_memory_equal(e->data, again.data, again.len);
	queue_drop(&b, e);
	/* A NON has no copies: the same id twice is two messages. */
	const struct build non = build_start(PDU_NON, 0x45, 3, "t");
	assert_true(put(&q, &b, 3, &non));
	assert_true(put(&q, &b, 3, &non));
	assert_int_equal(q.count, 3);
	queue_clear(&q, &b);
	assert_int_equal(b.used, 0);
}

static void test_I6_all_queues_share_one_budget(void **state)
{
	(void)state;
	struct queue a = { .head = NULL }, c = { .head = NULL };
	const struct build m = update(1, "t", "rd/1");
	const struct build other = update(2, "t", "rd/1");
	const size_t each = sizeof(struct queue_entry) + m.len;
	struct queue_budget b = { .max = 2 * each };
	assert_true(put(&a, &b, 4, &m));
	assert_true(put(&c, &b, 4, &m));
	assert_false(put(&c, &b, 4, &other));
	assert_true(put(&c, &b, 4, &m)); /* a copy costs nothing more */
	assert_int_equal(b.used, 2 * each);
	queue_clear(&a, &b);
	assert_true(put(&c, &b, 4, &other));
	queue_clear(&c, &b);
	b.max = each - 1;
	assert_false(put(&c, &b, 4, &m));
	assert_int_equal(b.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R243_messages_wait_in_order_and_bounded),
		cmocka_unit_test(test_R243_a_retransmission_takes_the_place_of_its_copy),
		cmocka_unit_test(test_I6_all_queues_share_one_budget),
	};
	return cmocka_run_group_tests_name("proxy/queue", tests, NULL, NULL);
}
