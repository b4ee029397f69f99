/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/sp.h"
#include "gateway/chronicle_parts.h"

enum { LINE = 100, ROOM = 10 * LINE };

/* "00000007......\n" */
static struct gw_piece piece(unsigned n)
{
	static char line[LINE + 1];
	(void)snprintf(line, sizeof(line), "%08u%*s\n", n, LINE - 9, "");
	return (struct gw_piece){ .line = line, .len = LINE, .wall_ms = 1790000000000 + n };
}

static bool add(struct gw_queue *q, unsigned n)
{
	const struct gw_piece p = piece(n);
	return gw_queue_add(q, &p);
}

static void expect_line(struct gw_queue *q, unsigned n)
{
	size_t len = 0;
	const uint8_t *const data = gw_queue_next(q, &len);
	assert_true(len >= LINE);
	assert_memory_equal(data, piece(n).line, LINE);
	gw_queue_gone(q, LINE);
}

static void expect_lost(struct gw_queue *q, const char *line)
{
	size_t len = 0;
	const uint8_t *const data = gw_queue_next(q, &len);
	assert_true(len >= strlen(line));
	assert_memory_equal(data, line, strlen(line));
	gw_queue_gone(q, strlen(line));
}

static void test_a_gap_is_told_where_it_is(void **state)
{
	(void)state;
	struct gw_queue q = { .most = ROOM };
	size_t len = 0;
	unsigned n = 0;
	for (; n < 10; n++)
		assert_true(add(&q, n));
	assert_false(add(&q, n++));
	assert_false(add(&q, n++));
	expect_line(&q, 0);
	/* There is room for a line, but not for it and for what has to go before it. */
	assert_false(add(&q, n++));
	expect_line(&q, 1);
	assert_true(add(&q, 13));
	for (n = 2; n < 10; n++)
		expect_line(&q, n);
	expect_lost(&q, "{\"time\":\"2026-09-21T14:13:20.012Z\",\"lost\":3}\n");
	expect_line(&q, 13);
	assert_null(gw_queue_next(&q, &len));
	assert_int_equal(len, 0);
	gw_queue_fini(&q);
}

static void test_a_gap_at_the_end_is_told_when_the_rest_has_gone(void **state)
{
	(void)state;
	struct gw_queue q = { .most = ROOM };
	size_t len = 0;
	for (unsigned n = 0; n < 14; n++)
		assert_int_equal(add(&q, n), n < 10);
	for (unsigned n = 0; n < 10; n++)
		expect_line(&q, n);
	expect_lost(&q, "{\"time\":\"2026-09-21T14:13:20.013Z\",\"lost\":4}\n");
	assert_null(gw_queue_next(&q, &len));
	gw_queue_fini(&q);
}

static void test_octets_that_have_gone_make_room(void **state)
{
	(void)state;
	struct gw_queue q = { .most = ROOM };
	size_t len = 0;
	for (unsigned n = 0; n < 1000; n++) {
		assert_true(add(&q, n));
		if (n >= 9)
			expect_line(&q, n - 9);
		(void)gw_queue_next(&q, &len);
		assert_int_equal(len, LINE * (n < 9 ? n + 1 : 9));
	}
	assert_true(q.cap <= ROOM);
	gw_queue_fini(&q);
}

static void test_each_line_is_a_message(void **state)
{
	(void)state;
	struct gw_queue q = { .most = 3 * (size_t)(LINE + CTL_SP_FRAME_LEN), .framed = true };
	size_t len = 0, body = 0;
	for (unsigned n = 0; n < 5; n++)
		assert_int_equal(add(&q, n), n < 3);
	for (unsigned n = 0; n < 4; n++) {
		const uint8_t *const data = gw_queue_next(&q, &len);
		assert_int_equal(ctl_sp_unframe(data, len, GW_ENTRY_LINE, &body), CTL_SP_GOOD);
		if (n < 3)
			assert_memory_equal(data + CTL_SP_FRAME_LEN, piece(n).line, LINE);
		else
			assert_memory_equal(
				data + CTL_SP_FRAME_LEN + body - 10, "\"lost\":2}\n", 10);
		gw_queue_gone(&q, CTL_SP_FRAME_LEN + body);
	}
	gw_queue_fini(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_gap_is_told_where_it_is),
		cmocka_unit_test(test_a_gap_at_the_end_is_told_when_the_rest_has_gone),
		cmocka_unit_test(test_octets_that_have_gone_make_room),
		cmocka_unit_test(test_each_line_is_a_message),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
