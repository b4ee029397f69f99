/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway fetches an image: what it asks for, and what it takes. */
#include "tests/unit/proxy/puller.h"

/* --- an image --------------------------------------------------------------------------------- */

/* The repository gives blocks of szx, and of a smaller one from the third block on. */
static void fetch(size_t size, uint8_t szx, uint8_t later)
{
	size_t have = 0;
	begin(NULL);
	for (unsigned n = 0; pull.active; n++) {
		const uint8_t now = n < 2 ? szx : later;
		const size_t block = (size_t)16 << now;
		const size_t left = size - have;
		ask();
		const uint32_t wants = (uint32_t)block_read(&asked, PDU_BLOCK2);
		assert_int_equal((wants >> 4) * ((size_t)16 << (wants & 7)), have);
		assert_int_equal(wants & 7, n == 0 ? 6 : n < 3 ? szx : later);
		assert_int_equal(block_read(&asked, SIZE2), n == 0 ? 0 : -1);
		const struct pull_got got = hear(&(struct reply){ .type = PDU_ACK,
			.code = CONTENT,
			.num = (uint32_t)(have / block),
			.szx = now,
			.more = left > block,
			.len = left < block ? left : block,
			.etag = "v1" });
		assert_int_equal(got.what, PULL_DATA);
		assert_int_equal(got.last, left <= block);
		for (size_t i = 0; i < got.len; i++)
			assert_int_equal(got.data[i], block_octet(have + i));
		have += got.len;
		assert_int_equal(pull.offset, have);
	}
	assert_int_equal(have, size);
	is_over();
}

static void test_R287_an_image_comes_in_blocks_of_any_size(void **state)
{
	(void)state;
	for (uint8_t szx = 0; szx <= 6; szx++) {
		const size_t block = (size_t)16 << szx;
		const size_t sizes[] = { 0, 1, block - 1, block, block + 1, 3 * block,
			3 * block + 5 };
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			fetch(sizes[i], szx, szx);
	}
	fetch(4000, 6, 2);
	fetch(4000, 5, 0);
}

static void test_R287_the_request_says_the_whole_path(void **state)
{
	char path[PULL_PATH_MAX + 2] = "";
	struct pdu_option o;
	(void)state;
	for (size_t step = 1; step <= PULL_PATH_MAX; step++) {
		memset(path, 'x', PULL_PATH_MAX);
		for (size_t i = step; i + 1 < PULL_PATH_MAX; i += step + 1)
			path[i] = '/';
		pull_begin(&pull, path, NULL, 1, now_ms);
		ask();
		struct pdu_options it = pdu_options(&asked);
		size_t at = 0;
		while (pdu_next_of(&it, PDU_URI_PATH, &o)) {
			assert_memory_equal(path + at, o.value, o.len);
			assert_true(at + o.len == PULL_PATH_MAX || path[at + o.len] == '/');
			at += o.len + 1;
		}
		assert_int_equal(at, PULL_PATH_MAX + 1);
	}
}

static void test_R287_without_blocks_it_is_all(void **state)
{
	(void)state;
	begin(NULL);
	ask();
	const struct pull_got got = hear(&(struct reply){
		.type = PDU_NON, .code = CONTENT, .no_block = true, .len = 77, .max_age_s = 9 });
	assert_int_equal(got.what, PULL_DATA);
	assert_true(got.last);
	assert_false(got.acknowledge);
	assert_int_equal(got.len, 77);
	assert_int_equal(pull.entity.max_age_s, 9);
	assert_int_equal(pull.entity.etag_len, 0);
	assert_int_equal(pull.entity.format, PULL_NO_FORMAT);
	is_over();
}

static void test_R287_a_repository_that_says_another_thing_ends_it(void **state)
{
	static const struct reply first[] = {
		{ .num = 1, .szx = 6, .more = true, .len = 1024, .etag = "v1" },
		{ .szx = 7, .more = true, .len = 1024, .etag = "v1" },
		{ .szx = 2, .more = true, .len = 63, .etag = "v1" },
		{ .szx = 2, .more = true, .len = 65, .etag = "v1" },
		{ .szx = 2, .len = 65, .etag = "v1" },
		{ .szx = 2, .more = true, .etag = "v1" },
		{ .szx = 2, .more = true, .len = 64 }, /* nothing says what it is a block of */
		{ .szx = 2, .more = true, .len = 64, .etag = "123456789" },
		{ .szx = 2, .more = true, .len = 64, .etag = "" },
		{ .szx = 2, .more = true, .len = 64, .etag = "v1", .critical = ANY_CRITICAL },
		{ .szx = 2, .more = true, .len = 64, .etag = "v1", .twice = true },
		{ .no_block = true, .len = 64, .etag = "" },
		{ .szx = 2, .more = true, .len = 64, .etag = "v1", .critical = PDU_BLOCK1 },
	};
	static const struct reply third[] = {
		{ .num = 1, .szx = 2, .more = true, .len = 64, .etag = "v1" },
		{ .num = 3, .szx = 2, .more = true, .len = 64, .etag = "v1" },
		{ .num = 0, .szx = 2, .more = true, .len = 64, .etag = "v1" },
		{ .num = 2, .szx = 3, .more = true, .len = 128, .etag = "v1" },
		{ .num = 1, .szx = 3, .more = true, .len = 128, .etag = "v1" },
		{ .num = 2, .szx = 1, .more = true, .len = 32, .etag = "v1" },
		{ .no_block = true, .len = 64, .etag = "v1" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]) + sizeof(third) / sizeof(third[0]);
		i++) {
		const size_t of = sizeof(first) / sizeof(first[0]);
		struct reply r = i < of ? first[i] : third[i - of];
		r.type = PDU_CON;
		r.code = CONTENT;
		if (i < of) {
			begin(NULL);
			ask();
		} else {
			get_two();
		}
		const struct pull_got got = hear(&r);
		if (got.what != PULL_FAILED)
			fail_msg("reply %zu is taken", i);
		assert_int_equal(got.code, PDU_BAD_GATEWAY);
		assert_non_null(got.why);
		assert_true(got.acknowledge);
		is_over();
	}
}

static void test_R287_an_endless_image_ends_with_the_numbers(void **state)
{
	(void)state;
	get_two();
	struct reply r = { .type = PDU_ACK, .code = CONTENT, .more = true, .etag = "v1" };
	pull.szx = 0;
	pull.offset = UINT64_C(16) * ((1 << 20) - 2);
	r.num = (1 << 20) - 2;
	r.len = 16;
	pull_again(&pull, now_ms);
	ask();
	assert_int_equal(hear(&r).what, PULL_DATA);
	ask();
	r.num++;
	assert_int_equal(hear(&r).what, PULL_FAILED);
	is_over();
}

static void test_R287_another_ETag_is_another_image(void **state)
{
	static const char *const others[] = { "v2", "v", "v10", NULL };
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		get_two();
		const struct pull_got got = hear(&(struct reply){ .type = PDU_ACK,
			.code = CONTENT,
			.num = 2,
			.szx = 2,
			.len = 64,
			.etag = others[i] });
		assert_int_equal(got.what, PULL_OTHER);
		assert_int_equal(got.len, 0);
		is_over();
	}
}

/* --- what is there already -------------------------------------------------------------------- */

static const struct pull_entity known = {
	.format = 42, .max_age_s = 5, .etag_len = 2, .etag = "v1"
};

static void ask_whether_it_is_valid(void)
{
	struct pdu_option o;
	begin(&known);
	ask();
	struct pdu_options it = pdu_options(&asked);
	assert_true(pdu_next_of(&it, ETAG, &o));
	assert_int_equal(o.len, 2);
	assert_memory_equal(o.value, "v1", 2);
}

static void test_R287_what_is_stale_is_asked_for_by_its_ETag(void **state)
{
	(void)state;
	ask_whether_it_is_valid();
	struct pull_got got = hear(&(struct reply){
		.type = PDU_ACK, .code = VALID, .no_block = true, .etag = "v1", .max_age_s = 777 });
	assert_int_equal(got.what, PULL_VALID);
	assert_int_equal(pull.entity.max_age_s, 777);
	is_over();
	ask_whether_it_is_valid();
	got = hear(&(struct reply){ .type = PDU_ACK, .code = VALID, .no_block = true });
	assert_int_equal(got.what, PULL_VALID);
	assert_int_equal(pull.entity.max_age_s, PULL_MAX_AGE_S);
	ask_whether_it_is_valid();
	got = hear(&(struct reply){ .type = PDU_ACK,
		.code = CONTENT,
		.szx = 2,
		.more = true,
		.len = 64,
		.etag = "v2" });
	assert_int_equal(got.what, PULL_DATA);
	assert_memory_equal(pull.entity.etag, "v2", 2);
	assert_int_equal(pull.entity.format, PULL_NO_FORMAT);
	ask();
	assert_int_equal(block_count(&asked, ETAG), 0);
}

static void test_R287_valid_is_only_what_was_asked_about(void **state)
{
	static const struct reply bad[] = {
		{ .etag = "v2" },
		{ .etag = "v1", .critical = ANY_CRITICAL },
	};
	struct reply r = { .type = PDU_ACK, .code = VALID, .no_block = true, .etag = "v1" };
	(void)state;
	begin(NULL);
	ask();
	assert_int_equal(hear(&r).what, PULL_FAILED);
	r.etag = NULL;
	begin(NULL);
	ask();
	assert_int_equal(hear(&r).what, PULL_FAILED);
	get_two();
	assert_int_equal(hear(&r).what, PULL_FAILED);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r.etag = bad[i].etag;
		r.critical = bad[i].critical;
		ask_whether_it_is_valid();
		assert_int_equal(hear(&r).what, PULL_FAILED);
		assert_int_equal(pull.entity.max_age_s, 5);
		is_over();
	}
}

static void test_R287_a_refusal_is_told(void **state)
{
	static const uint8_t codes[][2] = { { PDU_NOT_FOUND, PDU_NOT_FOUND },
		{ PDU_FORBIDDEN, PDU_BAD_GATEWAY }, { PDU_UNAVAILABLE, PDU_BAD_GATEWAY },
		{ PDU_CHANGED, PDU_BAD_GATEWAY }, { PDU_CONTINUE, PDU_BAD_GATEWAY } };
	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		begin(NULL);
		ask();
		const struct pull_got got = hear(
			&(struct reply){ .type = PDU_ACK, .code = codes[i][0], .no_block = true });
		assert_int_equal(got.what, PULL_FAILED);
		assert_int_equal(got.code, codes[i][1]);
		is_over();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R287_an_image_comes_in_blocks_of_any_size),
		cmocka_unit_test(test_R287_the_request_says_the_whole_path),
		cmocka_unit_test(test_R287_without_blocks_it_is_all),
		cmocka_unit_test(test_R287_a_repository_that_says_another_thing_ends_it),
		cmocka_unit_test(test_R287_an_endless_image_ends_with_the_numbers),
		cmocka_unit_test(test_R287_another_ETag_is_another_image),
		cmocka_unit_test(test_R287_what_is_stale_is_asked_for_by_its_ETag),
		cmocka_unit_test(test_R287_valid_is_only_what_was_asked_about),
		cmocka_unit_test(test_R287_a_refusal_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
