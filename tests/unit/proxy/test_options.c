/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/options.h"

#include "base/attr.h"
#include "tests/unit/proxy/kit.h"

static const uint8_t bytes[256] = { 1 };

static struct pdu with(struct build *b, enum pdu_type type, unsigned code, unsigned number)
{
	struct pdu m;
	*b = build_start(type, code, 7, "t");
	build_option(b, number, bytes, number == 3 || number == 39 || number == 252 ? 1 : 0);
	assert_int_equal(pdu_parse(b->data, b->len, &m), PDU_OK);
	return m;
}

static bool in(unsigned n, const unsigned *list, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (list[i] == n)
			return true;
	}
	return false;
}

static void try_number(unsigned n)
{
	static const unsigned critical[] = { 1, 3, 5, 7, 9, 11, 15, 17, 19, 21, 23, 27, 31, 35,
		39 };
	static const unsigned unsafe[] = { 3, 6, 7, 11, 14, 15, 19, 23, 27, 31, 35, 39, 258 };
	struct build b;
	const bool is_critical = n % 2 == 1, is_unsafe = n / 2 % 2 == 1;
	const bool safe = !is_unsafe || in(n, unsafe, COUNT_OF(unsafe));
	const bool known = !is_critical || in(n, critical, COUNT_OF(critical));
	const struct pdu request = with(&b, PDU_CON, PDU_POST, n);
	const struct options_found judged = options_of_request(&request, true);
	const struct options_found forwarded = options_of_request(&request, false);
	const struct pdu response = with(&b, PDU_CON, PDU_CHANGED, n);
	if (judged.code != (safe && known ? 0 : PDU_BAD_OPTION))
		fail_msg("option %u from a device", n);
	if (judged.reject != !known)
		fail_msg("option %u in a NON", n);
	if (forwarded.code != (safe ? 0 : PDU_BAD_OPTION))
		fail_msg("option %u from a server", n);
	if (options_of_response(&response) != safe)
		fail_msg("option %u in a response", n);
}

/* All numbers, by what their bits say and by the registry. */
static void test_R240_unknown_options_by_their_number(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= UINT16_MAX; n++) {
		if (n != PDU_HOP_LIMIT && n != PDU_PROXY_URI && n != 4) /* not of length 0 */
			try_number(n);
	}
}

struct row {
	unsigned number;
	size_t len;
	unsigned times;
	bool passes, passes_in_response;
};

static struct build built(unsigned code, const struct row *r)
{
	struct build b = build_start(PDU_CON, code, 7, "");
	for (unsigned n = 0; n < r->times; n++)
		build_option(&b, r->number, bytes, r->len);
	return b;
}

/* RFC 7252 sections 5.4.3 and 5.4.5: as if they were not known. */
static void test_R240_known_options_too_long_or_too_often(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{ 1, 8, 2, true, true },
		{ 1, 9, 1, false, true },
		{ 3, 255, 1, true, true },
		{ 3, 256, 1, false, false },
		{ 3, 0, 1, false, false },
		{ 3, 1, 2, false, false },
		{ 4, 9, 1, true, true }, /* elective, safe */
		{ 5, 1, 1, false, true },
		{ 6, 3, 1, true, true },
		{ 6, 4, 1, false, false },
		{ 6, 0, 2, false, false },
		{ 7, 2, 1, true, true },
		{ 7, 3, 1, false, false },
		{ 11, 150, 3, true, true },
		{ 11, 255, 1, true, true },
		{ 11, 256, 1, false, false },
		{ 12, 2, 2, true, true },
		{ 12, 3, 1, true, true },
		{ 14, 5, 1, false, false },
		{ 15, 150, 3, true, true },
		{ 15, 255, 1, true, true },
		{ 15, 256, 1, false, false },
		{ 17, 3, 1, false, true },
		{ 17, 1, 2, false, true },
		{ 23, 3, 1, true, true },
		{ 23, 4, 1, false, false },
		{ 23, 1, 2, false, false }, /* once */
		{ 27, 1, 2, false, false },
		{ 27, 4, 1, false, false },
		{ 31, 1, 3, true, true }, /* RFC 9177 section 4.1 */
		{ 252, 41, 1, true, true },
		{ 258, 2, 1, false, false },
		{ 292, 8, 2, true, true },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *const r = &rows[i];
		struct build b = built(PDU_POST, r), in_response = built(PDU_CHANGED, r);
		struct pdu m;
		assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
		if ((options_of_request(&m, true).code == 0) != r->passes)
			fail_msg("%u times option %u of %zu", r->times, r->number, r->len);
		assert_int_equal(pdu_parse(in_response.data, in_response.len, &m), PDU_OK);
		if (options_of_response(&m) != r->passes_in_response)
			fail_msg("in a response, %u times option %u of %zu", r->times, r->number,
				r->len);
	}
}

static struct options_found found_with(unsigned number, const uint8_t *value, size_t len)
{
	struct build b = build_start(PDU_CON, PDU_POST, 7, "t");
	struct pdu m;
	build_text(&b, PDU_URI_PATH, "rd");
	build_option(&b, number, value, len);
	build_option(&b, 60, bytes, 1);
	assert_int_equal(pdu_parse(b.data, b.len, &m), PDU_OK);
	return options_of_request(&m, true);
}

static void test_R251_reserved_sizes_of_blocks(void **state)
{
	(void)state;
	static const unsigned blocks[] = { PDU_BLOCK1, PDU_BLOCK2, PDU_Q_BLOCK1, PDU_Q_BLOCK2 };
	for (size_t i = 0; i < COUNT_OF(blocks); i++) {
		assert_int_equal(found_with(blocks[i], NULL, 0).code, 0);
		for (unsigned v = 0; v < 256; v++) {
			const uint8_t one = (uint8_t)v, three[] = { 7, 0xff, (uint8_t)v };
			const unsigned code = v % 8 == 7 ? PDU_BAD_REQUEST : 0;
			assert_int_equal(found_with(blocks[i], &one, 1).code, code);
			assert_int_equal(found_with(blocks[i], three, 3).code, code);
		}
	}
	const uint8_t seven = 7;
	assert_int_equal(found_with(PDU_HOP_LIMIT, &seven, 1).code, 0);
	assert_int_equal(found_with(17, &seven, 1).code, 0);
}

static void test_R242_the_hop_limit_ends(void **state)
{
	(void)state;
	static const uint8_t two[] = { 0, 5 };
	for (unsigned v = 0; v < 256; v++) {
		const uint8_t value = (uint8_t)v;
		const struct options_found f = found_with(PDU_HOP_LIMIT, &value, 1);
		const unsigned spent = v == 0 ? PDU_BAD_REQUEST : PDU_HOP_LIMIT_REACHED;
		assert_int_equal(f.code, v < 2 ? spent : 0);
		assert_int_equal(f.hop, v >= 2);
		assert_false(f.host);
		if (v == 1) /* "MUST NOT contain whitespace": RFC 8768 section 3 */
			assert_null(strchr(f.why, ' '));
	}
	assert_int_equal(found_with(PDU_HOP_LIMIT, NULL, 0).code, PDU_BAD_REQUEST);
	assert_int_equal(found_with(PDU_HOP_LIMIT, two, 2).code, PDU_BAD_REQUEST);
}

static void test_R242_our_name_is_noticed(void **state)
{
	(void)state;
	struct build b;
	struct pdu m = with(&b, PDU_CON, PDU_POST, PDU_URI_HOST);
	assert_true(options_of_request(&m, true).host);
	m = with(&b, PDU_CON, PDU_POST, PDU_URI_PORT);
	assert_true(options_of_request(&m, true).host);
	m = with(&b, PDU_CON, PDU_POST, PDU_URI_PATH);
	assert_false(options_of_request(&m, true).host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R240_unknown_options_by_their_number),
		cmocka_unit_test(test_R240_known_options_too_long_or_too_often),
		cmocka_unit_test(test_R251_reserved_sizes_of_blocks),
		cmocka_unit_test(test_R242_the_hop_limit_ends),
		cmocka_unit_test(test_R242_our_name_is_noticed),
	};
	return cmocka_run_group_tests_name("proxy/options", tests, NULL, NULL);
}
