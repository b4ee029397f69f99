/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"
#include "proxy/exchange.h"
#include "tests/unit/proxy/kit.h"

static struct exchange *open_one(struct exchange_table **t, enum pdu_type type, uint16_t mid,
	const char *token, uint64_t due_ms)
{
	const struct build b =
		build_request(&(struct want){ type, PDU_POST, mid, token, "rd/7", NULL });
	const struct registration_request q = { .kind = REGISTRATION_UPDATE, .claims = true };
	struct pdu m;
	assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
	static struct pool tables;
	if (tables.size == 0)
		pool_init(&tables, sizeof(struct exchange_table));
	struct exchange *const e = exchange_open(&tables, t, &m, &q, due_ms);
	assert_non_null(e);
	return e;
}

static struct exchange *answer_to(
	struct exchange_table *t, enum pdu_type type, uint16_t mid, const char *token)
{
	const struct build b = build_start(type, PDU_CHANGED, mid, token);
	struct pdu m;
	assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
	return exchange_of_answer(t, &m);
}

static void test_R238_an_answer_is_known_by_token_and_id(void **state)
{
	(void)state;
	struct exchange_table *t = NULL;
	assert_null(answer_to(t, PDU_ACK, 1, "a"));
	const struct exchange *const a = open_one(&t, PDU_CON, 1, "a", 100);
	const struct exchange *const b = open_one(&t, PDU_CON, 2, "", 100);
	const struct exchange *const c = open_one(&t, PDU_NON, 3, "c", 100);
	assert_ptr_equal(answer_to(t, PDU_ACK, 1, "a"), a);
	assert_null(answer_to(t, PDU_ACK, 2, "a")); /* the id of another */
	assert_null(answer_to(t, PDU_ACK, 1, "b"));
	assert_ptr_equal(answer_to(t, PDU_CON, 77, "a"), a); /* separate */
	assert_ptr_equal(answer_to(t, PDU_NON, 78, ""), b);
	assert_ptr_equal(answer_to(t, PDU_NON, 79, "c"), c);
	assert_null(answer_to(t, PDU_ACK, 3, "c")); /* nobody acknowledges a NON */
	assert_ptr_equal(exchange_of_mid(t, 2), b);
	assert_null(exchange_of_mid(t, 3));
	/* The blocks of one Register may share a token: the youngest is asked for. */
	const struct exchange *const d = open_one(&t, PDU_CON, 4, "a", 100);
	assert_ptr_equal(answer_to(t, PDU_CON, 80, "a"), d);
	exchange_clear(&t);
}

static void test_R243_a_retransmission_keeps_its_deadline(void **state)
{
	(void)state;
	struct exchange_table *t = NULL;
	struct exchange *const e = open_one(&t, PDU_CON, 1, "a", 100);
	assert_ptr_equal(open_one(&t, PDU_CON, 1, "a", 200), e);
	assert_int_equal(e->due_ms, 100);
	e->answered = true;
	e->acked = true;
	assert_ptr_equal(
		open_one(&t, PDU_CON, 1, "a", 300), e); /* its answer was lost: ask again */
	assert_int_equal(e->due_ms, 300);
	assert_false(e->answered);
	assert_false(e->acked);
	exchange_clear(&t);
}

static void test_I6_the_table_is_small_and_goes(void **state)
{
	(void)state;
	struct exchange_table *t = NULL;
	for (unsigned mid = 1; mid <= EXCHANGE_MAX; mid++)
		(void)open_one(&t, PDU_CON, (uint16_t)mid, "a", 100U + mid);
	exchange_of_mid(t, 3)->answered = true;
	(void)open_one(&t, PDU_CON, 5, "a", 105);
	assert_null(exchange_of_mid(t, 3)); /* the answered one goes first, */
	(void)open_one(&t, PDU_CON, 6, "a", 106);
	assert_null(exchange_of_mid(t, 1)); /* then the oldest */
	assert_int_equal(exchange_next_ms(t), 102);
	assert_null(exchange_due(t, 101));
	struct exchange *e;
	while ((e = exchange_due(t, 1000)))
		exchange_close(&t, e);
	assert_null(t);
	assert_true(exchange_next_ms(t) == UINT64_MAX);
}

static void test_R267_the_last_claim_is_remembered(void **state)
{
	(void)state;
	struct exchange_table *t = NULL;
	const struct exchange *const a = open_one(&t, PDU_CON, 1, "a", 100);
	assert_string_equal(exchange_claim(t, a), "rd/7");
	struct exchange *const b = open_one(&t, PDU_CON, 2, "b", 100);
	assert_null(exchange_claim(t, a));
	assert_string_equal(exchange_claim(t, b), "rd/7");
	exchange_close(&t, b);
	assert_null(exchange_claim(t, a));
	exchange_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R238_an_answer_is_known_by_token_and_id),
		cmocka_unit_test(test_R243_a_retransmission_keeps_its_deadline),
		cmocka_unit_test(test_I6_the_table_is_small_and_goes),
		cmocka_unit_test(test_R267_the_last_claim_is_remembered),
	};
	return cmocka_run_group_tests_name("proxy/exchange", tests, NULL, NULL);
}
