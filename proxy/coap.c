/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/coap.h"

#include <coap3/coap.h>
#include <string.h>

#include "base/wr.h"

/* RFC 7252 section 3, figure 7, and section 3.1. */
enum {
	VERSION = 1,
	PAYLOAD_MARKER = 0xff,
	EXTENDED_8 = 13,
	EXTENDED_16 = 14,
	EXTENDED_16_BASE = 269
};

/*
 * One option, by libcoap; 0: malformed. Option numbers end at 65535 (RFC 7252 section 12.2), but
 * libcoap 4.3.1 lets an extended delta wrap around 16 bits, and so would take 65548 for 12.
 */
static size_t option_parse(const uint8_t *at, size_t left, uint16_t *number, coap_option_t *out)
{
	const size_t used = coap_opt_parse(at, left, out);
	if (used == 0)
		return 0;
	if (at[0] >> 4 == EXTENDED_16 && (at[1] << 8 | at[2]) > UINT16_MAX - EXTENDED_16_BASE)
		return 0;
	if (out->delta > UINT16_MAX - *number)
		return 0;
	*number = (uint16_t)(*number + out->delta);
	return used;
}

static bool options_parse(struct pdu *m, const uint8_t *at, size_t left)
{
	const uint8_t *const begin = at;
	uint16_t number = 0;
	while (left > 0 && *at != PAYLOAD_MARKER) {
		coap_option_t o;
		const size_t used = option_parse(at, left, &number, &o);
		if (used == 0)
			return false;
		m->proxying |= number == PDU_PROXY_URI || number == PDU_PROXY_SCHEME;
		at += used;
		left -= used;
	}
	/* "The presence of a marker followed by a zero-length payload MUST be processed as a
	   message format error" (RFC 7252 section 3). */
	if (left == 1)
		return false;
	m->options = begin;
	m->options_len = (size_t)(at - begin);
	m->payload = left > 0 ? at + 1 : NULL;
	m->payload_len = left > 0 ? left - 1 : 0;
	return true;
}

/* RFC 7252 section 4.3, table 1, and sections 4.2 and 4.3 in their words. */
static bool type_may_carry(const struct pdu *m)
{
	switch ((enum pdu_type)m->type) {
	case PDU_CON:
		return m->code == PDU_EMPTY || pdu_is_request(m) || pdu_is_response(m);
	case PDU_NON:
		return pdu_is_request(m) || pdu_is_response(m);
	case PDU_ACK:
		return m->code == PDU_EMPTY || pdu_is_response(m);
	case PDU_RST:
		return m->code == PDU_EMPTY;
	}
	return false;
}

enum pdu_verdict pdu_parse(const uint8_t *data, size_t len, struct pdu *out)
{
	*out = (struct pdu){ .data = data, .len = len, .type = PDU_RST };
	if (len < PDU_EMPTY_LEN)
		return PDU_MALFORMED;
	if (data[0] >> 6 != VERSION)
		return PDU_OTHER_VERSION;
	const uint8_t token_len = data[0] & 0x0f;
	out->type = data[0] >> 4 & 3;
	out->code = data[1];
	out->mid = (uint16_t)(data[2] << 8 | data[3]);
	/* "Lengths 9-15 are reserved, MUST NOT be sent, and MUST be processed as a message
	   format error." (RFC 7252 section 3; newer libcoap reads them as RFC 8974 says) */
	if (token_len > PDU_TOKEN_MAX || token_len > len - PDU_EMPTY_LEN)
		return PDU_MALFORMED;
	out->token = data + PDU_EMPTY_LEN;
	out->token_len = token_len;
	if (!type_may_carry(out))
		return PDU_MALFORMED;
	if (out->code == PDU_EMPTY)
		return len == PDU_EMPTY_LEN ? PDU_OK : PDU_MALFORMED;
	const size_t head = PDU_EMPTY_LEN + (size_t)token_len;
	return options_parse(out, data + head, len - head) ? PDU_OK : PDU_MALFORMED;
}

bool pdu_next(struct pdu_options *it, struct pdu_option *out)
{
	coap_option_t o;
	const size_t used = it->left > 0 ? option_parse(it->at, it->left, &it->number, &o) : 0;
	if (used == 0)
		return false;
	it->at += used;
	it->left -= used;
	*out = (struct pdu_option){ .value = o.value, .len = o.length, .number = it->number };
	return true;
}

bool pdu_next_of(struct pdu_options *it, uint16_t number, struct pdu_option *out)
{
	while (pdu_next(it, out)) {
		if (out->number == number)
			return true;
	}
	return false;
}

bool pdu_unwanted(const struct pdu *request, uint8_t code)
{
	struct pdu_options it = pdu_options(request);
	struct pdu_option o;
	/* 2: no 2.xx, 8: no 4.xx, 16: no 5.xx: one bit a class (RFC 7967 section 2.1) */
	return pdu_next_of(&it, PDU_NO_RESPONSE, &o) && o.len == 1 &&
	       (o.value[0] & 1U << ((code >> 5) - 1)) != 0;
}

bool pdu_same_token(const struct pdu *m, const uint8_t *token, size_t token_len)
{
	return m->token_len == token_len &&
	       (token_len == 0 || memcmp(m->token, token, token_len) == 0);
}

void pdu_write_empty(uint8_t out[PDU_EMPTY_LEN], enum pdu_type type, uint16_t mid)
{
	struct wr w = wr_into(out, PDU_EMPTY_LEN);
	wr_u8(&w, (uint8_t)(VERSION << 6 | (uint8_t)type << 4));
	wr_u8(&w, PDU_EMPTY);
	wr_u16(&w, mid);
}

/* RFC 7252 section 3.1: the nibble of a delta or length, and what follows for it. */
static uint8_t nibble(size_t v)
{
	if (v < EXTENDED_8)
		return (uint8_t)v;
	return v < EXTENDED_16_BASE ? EXTENDED_8 : EXTENDED_16;
}

static void write_extended(struct wr *w, size_t v)
{
	if (v >= EXTENDED_16_BASE)
		wr_u16(w, (uint16_t)(v - EXTENDED_16_BASE));
	else if (v >= EXTENDED_8)
		wr_u8(w, (uint8_t)(v - EXTENDED_8));
}

void pdu_write_option(struct wr *w, uint16_t *last, const struct pdu_option *o)
{
	const size_t delta = (size_t)o->number - *last;
	wr_u8(w, (uint8_t)(nibble(delta) << 4 | nibble(o->len)));
	write_extended(w, delta);
	write_extended(w, o->len);
	if (o->len > 0)
		wr_bytes(w, o->value, o->len);
	*last = o->number;
}

/* An option that is a number, in as few bytes as that needs (RFC 7252 section 3.2). */
static void write_number(struct wr *w, uint16_t *last, uint16_t option, uint32_t v)
{
	uint8_t value[sizeof(v)];
	size_t len = 0;
	for (size_t i = 0; i < sizeof(v); i++) {
		const uint8_t byte = (uint8_t)(v >> 8 * (sizeof(v) - 1 - i));
		if (len > 0 || byte != 0)
			value[len++] = byte;
	}
	pdu_write_option(
		w, last, &(struct pdu_option){ .value = value, .len = len, .number = option });
}

size_t pdu_write(uint8_t *out, size_t cap, const struct pdu_answer *a)
{
	struct wr w = wr_into(out, cap);
	wr_u8(&w, (uint8_t)(VERSION << 6 | (uint8_t)a->type << 4 | a->token_len));
	wr_u8(&w, a->code);
	wr_u16(&w, a->mid);
	if (a->token_len > 0)
		wr_bytes(&w, a->token, a->token_len);
	uint16_t last = 0;
	if (a->max_age_s > 0)
		write_number(&w, &last, PDU_MAX_AGE, a->max_age_s);
	if (a->has_block1)
		write_number(&w, &last, PDU_BLOCK1, a->block1);
	if (!wr_ok(&w))
		return 0;
	const size_t said = a->diagnostic ? strlen(a->diagnostic) : 0;
	const size_t room = cap - w.len;
	if (said > 0 && room >= 2) {
		wr_u8(&w, PAYLOAD_MARKER);
		wr_bytes(&w, a->diagnostic, said < room ? said : room - 1);
	}
	return w.len;
}
