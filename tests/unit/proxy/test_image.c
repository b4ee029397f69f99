/* SPDX-License-Identifier: Apache-2.0 */
/* What a device may ask of the repository, and the blocks that it gets. */
#include "proxy/image.h"
#include "tests/unit/proxy/blocks.h"

enum {
	GET = 1,
	ETAG = 4,
	FORMAT = 12,
	ACCEPT = 17,
	SIZE2 = 28,
	CONTENT = 0x45,
	VALID = 0x43,
	ROOMY = 1500,
	OVERHEAD_MAX = 40, /* of an answer, but its block */
};

static struct block_msg msg;
static struct image_request asked;
static uint8_t code;
static const char *why;
static uint8_t answer[IMAGE_MESSAGE_MAX];
static struct pdu said;

/* --- asking ----------------------------------------------------------------------------------- */

/* Segments are given as they stand: one option for each that ends with '|'. */
static void build_path(unsigned type, unsigned method, const char *segments)
{
	block_start(&msg, type, method, 0x1234, 2);
	block_put(&msg, "to", 2);
	while (*segments != '\0') {
		const size_t len = strcspn(segments, "|");
		block_option(&msg, PDU_URI_PATH, segments, len);
		segments += len + 1;
	}
}

static enum image_verdict judge(const char *prefix)
{
	static uint8_t kept[BLOCKS_MESSAGE_MAX];
	struct pdu m;
	uint8_t *const exact = kept + sizeof(kept) - msg.len;
	memcpy(exact, msg.data, msg.len);
	assert_int_equal(pdu_parse(exact, msg.len, &m), PDU_OK);
	code = 0;
	why = NULL;
	return image_read(&m, prefix, &asked, &code, &why);
}

static enum image_verdict judge_path(const char *segments, const char *prefix)
{
	build_path(PDU_CON, GET, segments);
	return judge(prefix);
}

static void refused(unsigned wanted)
{
	if (judge("fw") != IMAGE_REFUSED || code != wanted)
		fail_msg("code %u, not %u", code, wanted);
	assert_non_null(why);
	assert_int_equal(asked.mid, 0x1234);
	assert_int_equal(asked.token_len, 2);
	assert_memory_equal(asked.token, "to", 2);
}

static void test_R288_only_what_is_below_the_prefix(void **state)
{
	(void)state;
	assert_int_equal(judge_path("fw|m1|image|", "fw"), IMAGE_ASKED);
	assert_string_equal(asked.path, "fw/m1/image");
	assert_int_equal(judge_path("a|fw|x|", "a/fw"), IMAGE_ASKED);
	assert_string_equal(asked.path, "a/fw/x");
	assert_true(asked.confirmable);
	assert_false(asked.has_block);
	assert_int_equal(asked.accept, PULL_NO_FORMAT);
	static const char *const others[] = { "", "rd|", "fwx|y|", "f|y|", "FW|y|", "|fw|y|",
		"x|fw|y|", "x|..|fw|y|", "fw/|y|", "fw/y|", "%66w|y|", ".|fw|y|" };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (judge_path(others[i], "fw") != IMAGE_NOT_OURS)
			fail_msg("\"%s\" is ours", others[i]);
	}
	assert_int_equal(judge_path("a|", "a/fw"), IMAGE_NOT_OURS);
	assert_int_equal(judge_path("a|fwx|", "a/fw"), IMAGE_NOT_OURS);
	assert_int_equal(judge_path("a|x|fw|y|", "a/fw"), IMAGE_NOT_OURS);
}

static void test_R288_no_path_leads_out_of_it(void **state)
{
	static const char *const bad[] = { "fw|", "fw||", "fw||x|", "fw|x||", "fw|..|", "fw|..|rd|",
		"fw|x|..|..|rd|", "fw|.|x|", "fw|x|.|", "fw|../rd|", "fw|a/b|", "fw|/|",
		"fw|%2e%2e|", "fw|x%00|", "fw|a\\b|", "fw|a\"b|", "fw|a b|", "fw|a\nb|", "fw|\x01|",
		"fw|\x7f|", "fw|\x80|", "fw|\xc0\xae\xc0\xae|" };
	static const char *const good[] = { "fw|...|", "fw|..x|", "fw|.x|", "fw|a.b|", "fw|~|",
		"fw|x-1_2:3;4|" };
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		build_path(PDU_CON, GET, bad[i]);
		refused(PDU_FORBIDDEN);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (judge_path(good[i], "fw") != IMAGE_ASKED)
			fail_msg("\"%s\" is refused", good[i]);
	}
	build_path(PDU_CON, GET, "fw|");
	block_option(&msg, PDU_URI_PATH, "a\0b", 3);
	refused(PDU_FORBIDDEN);
}

static void test_R288_a_path_is_bounded(void **state)
{
	char path[PULL_PATH_MAX + 4] = "fw|";
	(void)state;
	memset(path + 3, 'x', PULL_PATH_MAX - 3);
	assert_int_equal(judge_path(path, "fw"), IMAGE_ASKED);
	assert_int_equal(strlen(asked.path), PULL_PATH_MAX);
	path[PULL_PATH_MAX] = 'x';
	build_path(PDU_CON, GET, path);
	refused(PDU_FORBIDDEN);
	path[PULL_PATH_MAX - 1] = '|';
	build_path(PDU_CON, GET, path);
	refused(PDU_FORBIDDEN);
}

static void test_R288_nothing_but_a_GET(void **state)
{
	(void)state;
	for (unsigned method = 2; method < 8; method++) {
		build_path(PDU_CON, method, "fw|x|");
		refused(0x85);
		build_path(PDU_CON, method, "rd|");
		assert_int_equal(judge("fw"), IMAGE_NOT_OURS);
	}
	build_path(PDU_ACK, CONTENT, "fw|x|");
	assert_int_equal(judge("fw"), IMAGE_NOT_OURS);
	build_path(PDU_CON, CONTENT, "fw|x|");
	assert_int_equal(judge("fw"), IMAGE_NOT_OURS);
	build_path(PDU_NON, GET, "fw|x|");
	assert_int_equal(judge("fw"), IMAGE_ASKED);
	assert_false(asked.confirmable);
}

static void test_R288_no_option_makes_it_mean_another_thing(void **state)
{
	static const unsigned critical[] = { PDU_URI_QUERY, PDU_BLOCK1, PDU_Q_BLOCK2, 65, 257 };
	static const unsigned elective[] = { PDU_MAX_AGE, PDU_HOP_LIMIT, SIZE2, PDU_ECHO };
	(void)state;
	for (size_t i = 0; i < sizeof(critical) / sizeof(critical[0]); i++) {
		build_path(PDU_CON, GET, "fw|x|");
		block_option(&msg, critical[i], "x", 1);
		refused(PDU_BAD_OPTION);
	}
	block_start(&msg, PDU_CON, GET, 0x1234, 2);
	block_put(&msg, "to", 2);
	block_option(&msg, 1, "x", 1); /* If-Match */
	block_option(&msg, PDU_URI_PATH, "fw", 2);
	block_option(&msg, PDU_URI_PATH, "x", 1);
	refused(PDU_BAD_OPTION);
	for (size_t i = 0; i < sizeof(elective) / sizeof(elective[0]); i++) {
		build_path(PDU_CON, GET, "fw|x|");
		block_option(&msg, elective[i], "", 0);
		assert_int_equal(judge("fw"), IMAGE_ASKED);
		assert_int_equal(asked.wants_size, elective[i] == SIZE2);
	}
	/* A proxy's are the relay's to refuse. */
	build_path(PDU_CON, GET, "fw|x|");
	block_option(&msg, PDU_PROXY_SCHEME, "coap", 4);
	assert_int_equal(judge("fw"), IMAGE_NOT_OURS);
}

static void test_R288_a_block_is_one_that_there_may_be(void **state)
{
	static const struct {
		uint32_t v;
		unsigned octets, code;
	} rows[] = { { 7, 1, PDU_BAD_REQUEST }, { 0x17, 1, PDU_BAD_REQUEST },
		{ 0xffffff, 3, PDU_BAD_REQUEST }, { 6, 4, PDU_BAD_OPTION }, { 0, 0, 0 },
		{ 0xe, 1, 0 }, { 0xfffff6, 3, 0 } };
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build_path(PDU_CON, GET, "fw|x|");
		block_number(&msg, PDU_BLOCK2, rows[i].v, rows[i].octets);
		if (rows[i].code != 0) {
			refused(rows[i].code);
			continue;
		}
		assert_int_equal(judge("fw"), IMAGE_ASKED);
		assert_true(asked.has_block);
		assert_int_equal(asked.num, rows[i].v >> 4);
		assert_int_equal(asked.szx, rows[i].v & 7);
	}
	build_path(PDU_CON, GET, "fw|x|");
	block_number(&msg, PDU_BLOCK2, 2, 1);
	block_number(&msg, PDU_BLOCK2, 2, 1);
	refused(PDU_BAD_OPTION);
	for (unsigned twice = 0; twice < 2; twice++) {
		build_path(PDU_CON, GET, "fw|x|");
		block_number(&msg, ACCEPT, 42, twice ? 1 : 3);
		if (twice)
			block_number(&msg, ACCEPT, 43, 1);
		refused(PDU_BAD_OPTION);
	}
}

/* --- being answered --------------------------------------------------------------------------- */

static struct pull_entity entity;
static struct image image;

static void there_is(uint64_t have, bool whole)
{
	entity = (struct pull_entity){
		.format = 42, .max_age_s = 60, .size = 5000, .etag_len = 8, .etag = "etag-one"
	};
	image = (struct image){
		.entity = &entity, .have = have, .whole = whole, .max_age_s = 0x12345678
	};
}

static void wants(bool has_block, uint32_t num, uint8_t szx)
{
	asked = (struct image_request){
		.mid = 7,
		.confirmable = true,
		.has_block = has_block,
		.num = num,
		.szx = szx,
		.token_len = 8,
		.token = "12345678",
		.accept = PULL_NO_FORMAT,
	};
}

static void write_it(const struct image_part *p)
{
	static uint8_t data[IMAGE_BLOCK_MAX];
	for (size_t i = 0; i < p->len; i++)
		data[i] = block_octet((size_t)p->offset + i);
	const size_t len = image_write(&image, &asked, p, data, answer);
	assert_true(len > 0);
	assert_int_equal(pdu_parse(answer, len, &said), PDU_OK);
	assert_int_equal(said.code, p->code);
	assert_int_equal(said.mid, 7);
	assert_true(pdu_same_token(&said, asked.token, asked.token_len));
	assert_int_equal(said.type, asked.confirmable ? PDU_ACK : PDU_NON);
}

static bool get(size_t room)
{
	struct image_part p;
	if (!image_part(&image, &asked, room, &p))
		return false;
	write_it(&p);
	return true;
}

static unsigned says_code(size_t room)
{
	struct image_part p;
	assert_true(image_part(&image, &asked, room, &p));
	assert_true(p.code < PDU_BAD_REQUEST || p.why);
	return p.code;
}

static void read_all(size_t size, uint8_t szx, size_t room)
{
	size_t have = 0;
	bool more = true;
	there_is(size, true);
	while (more) {
		wants(true, (uint32_t)(have >> (4 + szx)), szx);
		assert_true(get(room));
		assert_true(said.len <= room);
		const int64_t block = block_read(&said, PDU_BLOCK2);
		szx = block & 7;
		assert_true(szx <= asked.szx);
		assert_int_equal((block >> 4) * ((int64_t)16 << szx), have);
		assert_int_equal(block_read(&said, SIZE2), have == 0 ? (int64_t)size : -1);
		assert_int_equal(block_count(&said, ETAG), 1);
		assert_int_equal(block_read(&said, FORMAT), 42);
		assert_int_equal(block_read(&said, PDU_MAX_AGE), 0x12345678);
		for (size_t i = 0; i < said.payload_len; i++)
			assert_int_equal(said.payload[i], block_octet(have + i));
		have += said.payload_len;
		more = (block & 8) != 0;
		assert_true(!more || said.payload_len == (size_t)16 << szx);
	}
	assert_int_equal(have, size);
}

static void test_R164_blocks_are_of_the_size_that_fits(void **state)
{
	static const size_t rooms[] = { 56, 72, 100, 167, 168, 295, 296, 511, 512, 551, 552, 1063,
		1064, 1200, 16384 };
	static const size_t sizes[] = { 1, 16, 17, 1023, 1024, 1025, 3000 };
	(void)state;
	for (uint8_t szx = 0; szx <= 6; szx++) {
		for (size_t r = 0; r < sizeof(rooms) / sizeof(rooms[0]); r++) {
			for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
				read_all(sizes[s], szx, rooms[r]);
		}
	}
}

static void test_R253_a_size_is_taken_down_in_mid_transfer(void **state)
{
	(void)state;
	there_is(4000, true);
	wants(true, 3, 5);
	assert_true(get(256 + OVERHEAD_MAX));
	assert_int_equal(block_read(&said, PDU_BLOCK2), 6 << 4 | 8 | 4);
	assert_int_equal(said.payload[0], block_octet(1536));
	/* As large as it can be, and no larger. */
	for (uint8_t szx = 0; szx <= 6; szx++) {
		wants(true, 0, 6);
		assert_true(get(((size_t)16 << szx) + OVERHEAD_MAX));
		assert_int_equal(block_read(&said, PDU_BLOCK2) & 7, szx);
	}
}

static void test_R287_only_what_is_there_is_given(void **state)
{
	(void)state;
	wants(true, 0, 6);
	there_is(0, false);
	assert_false(get(ROOMY));
	there_is(1024, false);
	assert_false(get(ROOMY)); /* is it the last one? */
	there_is(1025, false);
	assert_true(get(ROOMY));
	assert_int_equal(block_read(&said, PDU_BLOCK2), 8 | 6);
	assert_int_equal(block_read(&said, SIZE2), 5000);
	wants(true, 1, 6);
	assert_false(get(ROOMY));
	wants(true, 0xfffff, 6);
	assert_false(get(ROOMY));
	there_is(1024, true);
	wants(true, 0, 6);
	assert_true(get(ROOMY));
	assert_int_equal(block_read(&said, PDU_BLOCK2), 6);
}

static void test_R287_a_block_beyond_the_end_is_none(void **state)
{
	static const uint32_t nums[] = { 1, 2, 0xfffff };
	(void)state;
	there_is(1024, true);
	for (size_t i = 0; i < sizeof(nums) / sizeof(nums[0]); i++) {
		wants(true, nums[i], 6);
		assert_int_equal(says_code(ROOMY), PDU_BAD_REQUEST);
	}
	there_is(0, true);
	assert_int_equal(says_code(ROOMY), PDU_BAD_REQUEST);
	wants(true, 0, 6);
	assert_true(get(ROOMY));
	assert_int_equal(said.code, CONTENT);
	assert_int_equal(said.payload_len, 0);
	assert_int_equal(block_read(&said, PDU_BLOCK2), 6);
}

static void test_R287_who_has_it_gets_nothing_but_that(void **state)
{
	(void)state;
	there_is(3000, true);
	wants(true, 0, 6);
	asked.etags_len = 2;
	asked.etag_len[0] = 7;
	memcpy(asked.etags[0], "etag-on", 7);
	asked.etag_len[1] = 8;
	memcpy(asked.etags[1], "etag-two", 8);
	assert_int_equal(says_code(ROOMY), CONTENT);
	memcpy(asked.etags[1], "etag-one", 8);
	assert_true(get(ROOMY));
	assert_int_equal(said.code, VALID);
	assert_int_equal(said.payload_len, 0);
	assert_int_equal(block_count(&said, ETAG), 1);
	assert_int_equal(block_count(&said, PDU_BLOCK2), 0);
	assert_int_equal(block_read(&said, PDU_MAX_AGE), 0x12345678);
	asked.num = 1;
	assert_int_equal(says_code(ROOMY), CONTENT);
	asked.num = 0;
	entity.etag_len = 4;
	assert_int_equal(says_code(ROOMY), CONTENT);
	entity.etag_len = 0;
	asked.etag_len[0] = 0;
	assert_int_equal(says_code(ROOMY), CONTENT);
}

static void test_R287_ETags_of_a_request_are_bounded(void **state)
{
	(void)state;
	block_start(&msg, PDU_CON, GET, 1, 0);
	block_option(&msg, ETAG, "", 0);
	block_option(&msg, ETAG, "123456789", 9);
	for (unsigned i = 0; i < 9; i++)
		block_number(&msg, ETAG, i, 4);
	block_option(&msg, PDU_URI_PATH, "fw", 2);
	block_option(&msg, PDU_URI_PATH, "x", 1);
	assert_int_equal(judge("fw"), IMAGE_ASKED);
	assert_int_equal(asked.etags_len, IMAGE_ETAGS_MAX);
	for (unsigned i = 0; i < IMAGE_ETAGS_MAX; i++) {
		assert_int_equal(asked.etag_len[i], 4);
		assert_int_equal(asked.etags[i][3], i);
	}
}

static void test_R287_a_format_is_what_it_is(void **state)
{
	(void)state;
	there_is(100, true);
	wants(true, 0, 6);
	asked.accept = 41;
	assert_int_equal(says_code(ROOMY), 0x86);
	asked.accept = 42;
	assert_int_equal(says_code(ROOMY), CONTENT);
	asked.accept = 41;
	entity.format = PULL_NO_FORMAT;
	assert_true(get(ROOMY));
	assert_int_equal(block_read(&said, FORMAT), -1);
}

static void test_R287_who_asks_for_no_block_gets_one_if_it_must_be(void **state)
{
	(void)state;
	there_is(1025, true);
	wants(false, 0, 6);
	assert_true(get(ROOMY));
	assert_int_equal(block_read(&said, PDU_BLOCK2), 8 | 6);
	there_is(1024, true);
	assert_true(get(ROOMY));
	assert_int_equal(block_read(&said, PDU_BLOCK2), -1);
	asked.confirmable = false;
	assert_true(get(100));
	assert_int_equal(block_read(&said, PDU_BLOCK2), 8 | 1);
	wants(true, 2, 1);
	asked.wants_size = true;
	assert_true(get(ROOMY));
	assert_int_equal(block_read(&said, SIZE2), 1024);
}

static void test_R288_a_refusal_is_an_answer(void **state)
{
	(void)state;
	wants(true, 0, 6);
	size_t len = image_refuse(&asked, PDU_FORBIDDEN, "no", 5, answer);
	assert_int_equal(pdu_parse(answer, len, &said), PDU_OK);
	assert_int_equal(said.type, PDU_ACK);
	assert_int_equal(said.code, PDU_FORBIDDEN);
	assert_int_equal(said.mid, 7);
	assert_int_equal(block_read(&said, PDU_MAX_AGE), 5);
	assert_memory_equal(said.payload, "no", 2);
	assert_true(image_refuse(&asked, PDU_BAD_OPTION, "no", 0, answer) > 0);
	asked.confirmable = false;
	len = image_refuse(&asked, PDU_FORBIDDEN, "no", 0, answer);
	assert_int_equal(pdu_parse(answer, len, &said), PDU_OK);
	assert_int_equal(said.type, PDU_NON);
	assert_int_equal(block_read(&said, PDU_MAX_AGE), -1);
	/* RFC 7252 5.4.1: a NON with a critical option that is not known is not answered. */
	assert_int_equal(image_refuse(&asked, PDU_BAD_OPTION, "no", 0, answer), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R288_only_what_is_below_the_prefix),
		cmocka_unit_test(test_R288_no_path_leads_out_of_it),
		cmocka_unit_test(test_R288_a_path_is_bounded),
		cmocka_unit_test(test_R288_nothing_but_a_GET),
		cmocka_unit_test(test_R288_no_option_makes_it_mean_another_thing),
		cmocka_unit_test(test_R288_a_block_is_one_that_there_may_be),
		cmocka_unit_test(test_R164_blocks_are_of_the_size_that_fits),
		cmocka_unit_test(test_R253_a_size_is_taken_down_in_mid_transfer),
		cmocka_unit_test(test_R287_only_what_is_there_is_given),
		cmocka_unit_test(test_R287_a_block_beyond_the_end_is_none),
		cmocka_unit_test(test_R287_who_has_it_gets_nothing_but_that),
		cmocka_unit_test(test_R287_ETags_of_a_request_are_bounded),
		cmocka_unit_test(test_R287_a_format_is_what_it_is),
		cmocka_unit_test(test_R287_who_asks_for_no_block_gets_one_if_it_must_be),
		cmocka_unit_test(test_R288_a_refusal_is_an_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
