/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/rewrite.h"

#include "base/attr.h"
#include "tests/unit/proxy/kit.h"
#include "tests/unit/proxy/oracle.h"

enum { ROOM = KIT_MESSAGE_MAX + 300 };

/* What becomes of b, in a block of exactly the room that was asked for. */
static struct build after(const struct rewrite *how, const struct build *b)
{
	struct pdu m;
	struct build out = { .len = 0 };
	assert_int_equal(pdu_parse(b->data, b->len, &m), PDU_OK);
	const size_t room = rewrite_room(how, &m);
	uint8_t *const exact = malloc(room);
	assert_non_null(exact);
	out.len = rewrite_write(exact, room, how, &m);
	assert_true(out.len > 0 && out.len <= sizeof(out.data));
	memcpy(out.data, exact, out.len);
	free(exact);
	assert_null(oracle_compare(out.data, out.len));
	return out;
}

static void expect_equal(const struct build *got, const struct build *want)
{
	assert_int_equal(got->len, want->len);
	assert_memory_equal(got->data, want->data, want->len);
}

static void test_R242_host_and_port_are_left_out(void **state)
{
	(void)state;
	static const uint8_t port[] = { 0x16, 0x34 };
	const struct rewrite how = { .without_host = true };
	/* What follows them has a delta of one byte or of two, or nothing follows. */
	static const unsigned next[] = { 8, 11, 12, 15, 16, 60, 258, 265, 268, 269, 272, 275, 280,
		292, 2048, 65000, 0 };
	for (size_t i = 0; i < 8 * COUNT_OF(next); i++) {
		struct build b = build_start(PDU_CON, PDU_POST, 0x1234, "tok"), want = b;
		if (i & 1)
			build_text(&b, PDU_URI_HOST, "gateway.example");
		if (i & 2) {
			build_option(&b, 4, "etag", 4);
			build_option(&want, 4, "etag", 4);
		}
		if (i & 4)
			build_option(&b, PDU_URI_PORT, port, i & 1 ? 2 : 0);
		if (next[i / 8] != 0) {
			build_text(&b, next[i / 8], "value");
			build_text(&want, next[i / 8], "value");
		}
		build_payload(&b, "</1/0>");
		build_payload(&want, "</1/0>");
		const struct build got = after(&how, &b);
		expect_equal(&got, &want);
	}
}

static void test_R265_the_name_comes_after_all_queries(void **state)
{
	(void)state;
	const struct rewrite how = { .endpoint = "urn:dev:1" };
	static const char *const queries[] = { NULL, "lt=300", "lwm2m=1.1&b=U&Q" };
	static const unsigned next[] = { 0, PDU_HOP_LIMIT, 17, 27, 60, 292 };
	for (size_t i = 0; i < COUNT_OF(queries) * COUNT_OF(next); i++) {
		struct build b = build_start(PDU_CON, PDU_POST, 0x1234, ""), want;
		const unsigned n = next[i / COUNT_OF(queries)];
		build_text(&b, PDU_URI_PATH, "rd");
		build_option(&b, 12, "\x28", 1);
		build_parts(&b, PDU_URI_QUERY, queries[i % COUNT_OF(queries)], '&');
		want = b;
		build_text(&want, PDU_URI_QUERY, "ep=urn:dev:1");
		if (n > 0) {
			build_option(&b, n, "\x09", 1);
			build_option(&want, n, "\x09", 1);
		}
		if (i % 2 == 0) {
			build_payload(&b, "</1/0>");
			build_payload(&want, "</1/0>");
		}
		const struct build got = after(&how, &b);
		expect_equal(&got, &want);
	}
}

static void test_R242_one_hop_less(void **state)
{
	(void)state;
	const struct rewrite how = { .one_hop_less = true };
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t before = (uint8_t)v, less = (uint8_t)(v > 0 ? v - 1 : 0);
		struct build b = build_start(PDU_NON, PDU_POST, 1, "t"), want = b;
		build_option(&b, PDU_HOP_LIMIT, &before, 1);
		build_option(&want, PDU_HOP_LIMIT, &less, 1);
		const struct build got = after(&how, &b);
		expect_equal(&got, &want);
	}
}

static struct build everything(void)
{
	static const uint8_t value[40] = { 5 };
	struct build b = build_start(PDU_CON, PDU_POST, 0x1234, "\x01\x02\x03\x04\x05\x06\x07\x08");
	build_option(&b, 1, value, 8);
	build_text(&b, 3, "gateway.example");
	build_option(&b, 4, value, 8);
	build_option(&b, 6, value, 0);
	build_option(&b, 7, value, 2);
	build_text(&b, 11, "rd");
	build_option(&b, 12, value, 1);
	build_text(&b, 15, "lt=86400");
	build_option(&b, 16, value, 1);
	build_option(&b, 27, value, 3);
	build_option(&b, 252, value, 40);
	build_option(&b, 292, value, 8);
	build_option(&b, 65000, value, 13);
	build_payload(&b, "</1/0>,</3/0>");
	return b;
}

static void test_R265_all_at_once_and_a_name_of_any_length(void **state)
{
	(void)state;
	static const uint8_t value[40] = { 5 };
	char name[REWRITE_ENDPOINT_MAX + 1];
	const struct build b = everything();
	for (size_t n = 1; n <= REWRITE_ENDPOINT_MAX; n++) {
		char query[REWRITE_ENDPOINT_MAX + 4] = "ep=";
		memset(name, 'n', n);
		name[n] = '\0';
		memcpy(query + 3, name, n + 1);
		const struct rewrite how = { name, true, true, false };
		struct build want =
			build_start(PDU_CON, PDU_POST, 0x1234, "\x01\x02\x03\x04\x05\x06\x07\x08");
		build_option(&want, 1, value, 8);
		build_option(&want, 4, value, 8);
		build_option(&want, 6, value, 0);
		build_text(&want, 11, "rd");
		build_option(&want, 12, value, 1);
		build_text(&want, 15, "lt=86400");
		build_text(&want, 15, query);
		build_option(&want, 16, "\x04", 1);
		build_option(&want, 27, value, 3);
		build_option(&want, 252, value, 40);
		build_option(&want, 292, value, 8);
		build_option(&want, 65000, value, 13);
		build_payload(&want, "</1/0>,</3/0>");
		const struct build got = after(&how, &b);
		expect_equal(&got, &want);
	}
}

static void test_R234_nothing_is_written_beyond_the_room(void **state)
{
	(void)state;
	const struct rewrite how = { "urn:dev:1", true, true, false };
	const struct build b = everything();
	const struct build whole = after(&how, &b);
	uint8_t out[ROOM];
	struct pdu m;
	assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
	for (size_t cap = 0; cap <= whole.len + 1; cap++) {
		memset(out, 0xa5, sizeof(out));
		const size_t len = rewrite_write(out, cap, &how, &m);
		assert_int_equal(len, cap < whole.len ? 0 : whole.len);
		assert_int_equal(out[cap], 0xa5);
	}
}

static void test_R238_without_a_reason_it_is_the_same(void **state)
{
	(void)state;
	const struct rewrite how = { .endpoint = NULL };
	const struct build b = everything();
	const struct build got = after(&how, &b);
	assert_false(rewrite_changes(&how));
	expect_equal(&got, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R242_host_and_port_are_left_out),
		cmocka_unit_test(test_R265_the_name_comes_after_all_queries),
		cmocka_unit_test(test_R242_one_hop_less),
		cmocka_unit_test(test_R265_all_at_once_and_a_name_of_any_length),
		cmocka_unit_test(test_R234_nothing_is_written_beyond_the_room),
		cmocka_unit_test(test_R238_without_a_reason_it_is_the_same),
	};
	return cmocka_run_group_tests_name("proxy/rewrite", tests, NULL, NULL);
}
