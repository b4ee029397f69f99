/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/proxy/blocks: messages with blocks of up to a thousand octets, and an image to be cut
 * into them, by a builder of their own.
 */
#ifndef LWG_TESTS_PROXY_BLOCKS_H
#define LWG_TESTS_PROXY_BLOCKS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/coap.h"

enum { BLOCKS_MESSAGE_MAX = 1400, BLOCKS_IMAGE_MAX = 4096 };

struct block_msg {
	uint8_t data[BLOCKS_MESSAGE_MAX];
	size_t len;
	unsigned number; /* of the last option */
};

static inline void block_put(struct block_msg *b, const void *p, size_t n)
{
	assert_true(b->len + n <= sizeof(b->data));
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
}

static inline void block_byte(struct block_msg *b, unsigned v)
{
	const uint8_t byte = (uint8_t)v;
	block_put(b, &byte, 1);
}

static inline void block_start(
	struct block_msg *b, unsigned type, unsigned code, uint16_t mid, size_t token_len)
{
	b->len = 0;
	b->number = 0;
	block_byte(b, 0x40U | type << 4 | (unsigned)token_len);
	block_byte(b, code);
	block_byte(b, mid >> 8);
	block_byte(b, mid & 0xffU);
}

/* Deltas and lengths below 269 (RFC 7252 3.1). */
static inline void block_option(struct block_msg *b, unsigned number, const void *value, size_t len)
{
	const unsigned delta = number - b->number;
	block_byte(b, (delta < 13 ? delta : 13U) << 4 | (len < 13 ? (unsigned)len : 13U));
	if (delta >= 13)
		block_byte(b, delta - 13);
	if (len >= 13)
		block_byte(b, (unsigned)len - 13);
	block_put(b, value, len);
	b->number = number;
}

static inline void block_number(struct block_msg *b, unsigned number, uint32_t v, size_t octets)
{
	uint8_t all[4];
	for (size_t i = 0; i < octets; i++)
		all[i] = (uint8_t)(v >> 8 * (octets - 1 - i));
	block_option(b, number, all, octets);
}

static inline uint8_t block_octet(size_t at)
{
	return (uint8_t)(at * 7 + (at >> 8));
}

static inline void block_payload(struct block_msg *b, size_t at, size_t len)
{
	if (len > 0)
		block_byte(b, 0xff);
	for (size_t i = 0; i < len; i++)
		block_byte(b, block_octet(at + i));
}

/* -1: there is none. What an empty one is: 0. */
static inline int64_t block_read(const struct pdu *m, uint16_t number)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	int64_t v = 0;
	if (!pdu_next_of(&it, number, &o))
		return -1;
	for (size_t i = 0; i < o.len; i++)
		v = v << 8 | o.value[i];
	return v;
}

static inline size_t block_count(const struct pdu *m, uint16_t number)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option o;
	size_t n = 0;
	while (pdu_next_of(&it, number, &o))
		n++;
	return n;
}

#endif
