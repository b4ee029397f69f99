/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/proxy/puller: a pull, and a repository that answers it as a test likes. The clock is
 * the test's.
 */
#ifndef LWG_TESTS_PROXY_PULLER_H
#define LWG_TESTS_PROXY_PULLER_H

#include "proxy/pull.h"
#include "tests/unit/proxy/blocks.h"

enum { ETAG = 4, SIZE2 = 28, CONTENT = 0x45, VALID = 0x43, ANY_CRITICAL = 65 };

static uint64_t now_ms;
static struct pull pull;
static struct block_msg msg;
static uint8_t request[PULL_MESSAGE_MAX];
static struct pdu asked;

struct reply {
	unsigned type, code;
	uint32_t num;
	bool no_block, more, twice; /* twice: before it stands another Block2 */
	uint8_t szx;
	size_t len;
	const char *etag; /* NULL: none */
	unsigned max_age_s, critical;
};

static inline void begin(const struct pull_entity *known)
{
	now_ms = 5000;
	pull_begin(&pull, "fw/m1/image", known, 0x12345678, now_ms);
}

static inline void ask(void)
{
	const size_t len = pull_send(&pull, now_ms, request);
	assert_true(len > 0);
	assert_int_equal(pdu_parse(request, len, &asked), PDU_OK);
	assert_int_equal(asked.type, PDU_CON);
	assert_int_equal(asked.code, 1);
}

static inline void build(const struct reply *r)
{
	block_start(&msg, r->type, r->code, asked.mid, asked.token_len);
	block_put(&msg, asked.token, asked.token_len);
	if (r->etag)
		block_option(&msg, ETAG, r->etag, strlen(r->etag));
	if (r->max_age_s > 0)
		block_number(&msg, PDU_MAX_AGE, r->max_age_s, 4);
	if (r->twice)
		block_number(&msg, PDU_BLOCK2, 5U << 4 | r->szx, 1);
	if (!r->no_block)
		block_number(&msg, PDU_BLOCK2, r->num << 4 | (r->more ? 8U : 0) | r->szx, 3);
	if (r->critical > 0)
		block_option(&msg, r->critical, "x", 1);
	block_payload(&msg, r->num * ((size_t)16 << (r->szx & 7)), r->len);
}

/* In a block of exactly its size, so that one byte too far is seen under ASan. */
static inline struct pull_got hear_msg(void)
{
	static uint8_t kept[BLOCKS_MESSAGE_MAX];
	struct pull_got got;
	uint8_t *const exact = kept + sizeof(kept) - msg.len;
	memcpy(exact, msg.data, msg.len);
	pull_heard(&pull, exact, msg.len, now_ms, &got);
	return got;
}

static inline struct pull_got hear(const struct reply *r)
{
	build(r);
	return hear_msg();
}

static inline void is_over(void)
{
	assert_false(pull.active);
	assert_int_equal(pull_next_ms(&pull), UINT64_MAX);
	assert_int_equal(pull_send(&pull, now_ms + 1000000, request), 0);
	assert_false(pull_gives_up(&pull, now_ms + 1000000));
}

/* Two blocks of 64 octets are there; the third one is asked for. */
static inline void get_two(void)
{
	begin(NULL);
	for (uint32_t n = 0; n < 2; n++) {
		ask();
		assert_int_equal(hear(&(struct reply){ .type = PDU_ACK,
					      .code = CONTENT,
					      .num = n,
					      .szx = 2,
					      .more = true,
					      .len = 64,
					      .etag = "v1" })
					 .what,
			PULL_DATA);
	}
	ask();
	assert_int_equal(pull.offset, 128);
}

static const struct reply third_block = {
	.type = PDU_CON, .code = CONTENT, .num = 2, .szx = 2, .more = true, .len = 64, .etag = "v1"
};

#endif
