/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/msg.h"

#include <string.h>

#include "base/rd.h"

enum { PAYLOAD_MARK = 0xff, EXT8 = 13, EXT16 = 14, EXT8_BASE = 13, EXT16_BASE = 269 };

/* RFC 7252 section 3.1: 13 and 14 announce one or two more bytes, 15 is reserved. */
static uint32_t extended(struct rd *r, uint32_t nibble)
{
	if (nibble < EXT8)
		return nibble;
	if (nibble == EXT8)
		return rd_u8(r) + (uint32_t)EXT8_BASE;
	if (nibble == EXT16)
		return rd_u16(r) + (uint32_t)EXT16_BASE;
	r->bad = true;
	return 0;
}

static uint32_t number_of(const uint8_t *value, size_t len)
{
	uint32_t n = 0;
	for (size_t i = 0; i < len; i++)
		n = n << 8 | value[i];
	return n;
}

/* False when the part does not fit. */
static bool join(char *text, size_t cap, char separator, const uint8_t *part, size_t len)
{
	const size_t have = strlen(text);
	const size_t extra = have > 0;
	if (have + extra + len + 1 > cap || memchr(part, 0, len))
		return false;
	if (extra)
		text[have] = separator;
	memcpy(text + have + extra, part, len);
	text[have + extra + len] = 0;
	return true;
}

static bool take_option(struct lab_msg *m, uint32_t number, const uint8_t *value, size_t len)
{
	switch (number) {
	case LAB_OPT_OBSERVE:
		m->observe = number_of(value, len);
		return len <= 3;
	case LAB_OPT_LOCATION:
		return join(m->location, sizeof(m->location), '/', value, len);
	case LAB_OPT_PATH:
		return join(m->path, sizeof(m->path), '/', value, len);
	case LAB_OPT_FORMAT:
		m->format = number_of(value, len);
		return len <= 2;
	case LAB_OPT_QUERY:
		return join(m->query, sizeof(m->query), '&', value, len);
	case LAB_OPT_ACCEPT:
		m->accept = number_of(value, len);
		return len <= 2;
	default:
		return true;
	}
}

/* Options and payload. */
static bool take_rest(struct lab_msg *m, struct rd *r)
{
	uint32_t number = 0;
	while (r->left > 0) {
		const uint8_t first = rd_u8(r);
		if (first == PAYLOAD_MARK) {
			m->payload_len = r->left;
			m->payload = rd_bytes(r, r->left);
			/* 3: a marker and nothing behind it is malformed */
			return m->payload_len > 0;
		}
		number += extended(r, first >> 4);
		const uint32_t len = extended(r, first & 0x0f);
		const uint8_t *value = rd_bytes(r, len);
		if (!rd_ok(r) || !take_option(m, number, value, len))
			return false;
	}
	return rd_ok(r);
}

bool lab_msg_parse(struct lab_msg *m, const uint8_t *data, size_t len)
{
	struct rd r = rd_from(data, len);
	const uint8_t first = rd_u8(&r);
	*m = (struct lab_msg){ .observe = LAB_ABSENT, .format = LAB_ABSENT, .accept = LAB_ABSENT };
	m->head.type = (enum lab_type)(first >> 4 & 3);
	m->head.token_len = first & 0x0f;
	m->head.code = rd_u8(&r);
	m->head.id = rd_u16(&r);
	if (first >> 6 != 1 || m->head.token_len > LAB_TOKEN_MAX)
		return false;
	rd_copy(&r, m->head.token, m->head.token_len);
	if (!rd_ok(&r))
		return false;
	if (m->head.code == LAB_EMPTY) /* 4.1: nothing after the message id */
		return len == LAB_HEADER && m->head.token_len == 0;
	return take_rest(m, &r);
}

bool lab_query_value(const char *query, const char *name, char *out, size_t cap)
{
	const size_t name_len = strlen(name);
	while (*query) {
		const size_t len = strcspn(query, "&");
		if (len > name_len && query[name_len] == '=' &&
			memcmp(query, name, name_len) == 0) {
			const size_t value_len = len - name_len - 1;
			if (value_len + 1 > cap)
				return false;
			memcpy(out, query + name_len + 1, value_len);
			out[value_len] = 0;
			return true;
		}
		query += len + (query[len] == '&');
	}
	return false;
}

bool lab_token_same(const struct lab_head *a, const struct lab_head *b)
{
	return a->token_len == b->token_len && memcmp(a->token, b->token, a->token_len) == 0;
}

void lab_out_begin(struct lab_out *o, uint8_t *buffer, size_t cap, const struct lab_head *head)
{
	*o = (struct lab_out){ .w = wr_into(buffer, cap) };
	wr_u8(&o->w, (uint8_t)(1U << 6 | (unsigned)head->type << 4 | head->token_len));
	wr_u8(&o->w, head->code);
	wr_u16(&o->w, head->id);
	wr_bytes(&o->w, head->token, head->token_len);
}

static unsigned nibble_of(size_t n)
{
	if (n < EXT8_BASE)
		return (unsigned)n;
	return n < EXT16_BASE ? EXT8 : EXT16;
}

static void extension(struct wr *w, size_t n)
{
	if (n >= EXT16_BASE)
		wr_u16(w, (uint16_t)(n - EXT16_BASE));
	else if (n >= EXT8_BASE)
		wr_u8(w, (uint8_t)(n - EXT8_BASE));
}

void lab_out_option(struct lab_out *o, unsigned number, const void *value, size_t len)
{
	const unsigned delta = number - o->last;
	o->last = number;
	wr_u8(&o->w, (uint8_t)(nibble_of(delta) << 4 | nibble_of(len)));
	extension(&o->w, delta);
	extension(&o->w, len);
	wr_bytes(&o->w, value, len);
}

void lab_out_uint(struct lab_out *o, unsigned number, uint32_t value)
{
	uint8_t bytes[4];
	size_t len = 0;
	for (int shift = 24; shift >= 0; shift -= 8) { /* 3.2: no leading zeros */
		if (len > 0 || value >> shift != 0)
			bytes[len++] = (uint8_t)(value >> shift);
	}
	lab_out_option(o, number, bytes, len);
}

void lab_out_parts(struct lab_out *o, unsigned number, const char *text, char separator)
{
	while (*text) {
		const char *end = strchr(text, separator);
		const size_t len = end ? (size_t)(end - text) : strlen(text);
		lab_out_option(o, number, text, len);
		text += len + (end != NULL);
	}
}

void lab_out_payload(struct lab_out *o, const void *payload, size_t len)
{
	if (len == 0)
		return;
	wr_u8(&o->w, PAYLOAD_MARK);
	wr_bytes(&o->w, payload, len);
}

size_t lab_out_end(const struct lab_out *o)
{
	return wr_ok(&o->w) ? o->w.len : 0;
}
