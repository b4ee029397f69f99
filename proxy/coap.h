/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/coap: one CoAP message over datagrams: what it says, and the few messages that the relay
 * writes itself.
 *
 * Header and token are judged here, options by libcoap's coap_opt_parse(), whose one laxness (an
 * option delta that overflows 16 bits) is made good. Names begin with pdu_: coap_ is libcoap's.
 *
 * Promise: total and bounded (I7): no byte past the end is read, whatever the message says. What is
 *          PDU_OK, another parser of RFC 7252 reads the same way; the fuzz target compares with
 *          libcoap's whole parser.
 * Memory:  a struct pdu points into the message it was parsed from. Nothing is copied or allocated.
 * Threads: any. Clock, I/O: none.
 * Source:  RFC 7252 sections 3, 4.1 to 4.3, 5.10; RFC 7967 (No-Response); RFC 7959 (Block1).
 */
#ifndef LWG_PROXY_COAP_H
#define LWG_PROXY_COAP_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wr;

enum { PDU_TOKEN_MAX = 8, PDU_EMPTY_LEN = 4, PDU_OWN_MAX = 192 /* longest message of our own */ };

enum pdu_type { PDU_CON, PDU_NON, PDU_ACK, PDU_RST };

enum pdu_code { /* RFC 7252 section 12.1; class << 5 | detail. Those that the relay names. */
	PDU_EMPTY = 0,
	PDU_POST = 0x02,
	PDU_DELETE = 0x04,
	PDU_CREATED = 0x41,
	PDU_DELETED = 0x42,
	PDU_CHANGED = 0x44,
	PDU_CONTINUE = 0x5f, /* RFC 7959 section 2.9 */
	PDU_BAD_REQUEST = 0x80,
	PDU_UNAUTHORIZED = 0x81,
	PDU_BAD_OPTION = 0x82,
	PDU_FORBIDDEN = 0x83,
	PDU_NOT_FOUND = 0x84,
	PDU_TOO_LARGE = 0x8d,
	PDU_BAD_GATEWAY = 0xa2,
	PDU_UNAVAILABLE = 0xa3,
	PDU_GATEWAY_TIMEOUT = 0xa4,
	PDU_NO_PROXYING = 0xa5,
	PDU_HOP_LIMIT_REACHED = 0xa8, /* RFC 8768 section 6.1 */
};

enum pdu_option_number {
	PDU_URI_HOST = 3,
	PDU_OBSERVE = 6,
	PDU_URI_PORT = 7,
	PDU_LOCATION_PATH = 8,
	PDU_URI_PATH = 11,
	PDU_MAX_AGE = 14,
	PDU_URI_QUERY = 15,
	PDU_HOP_LIMIT = 16,
	PDU_Q_BLOCK1 = 19,
	PDU_BLOCK2 = 23,
	PDU_BLOCK1 = 27,
	PDU_Q_BLOCK2 = 31,
	PDU_PROXY_URI = 35,
	PDU_PROXY_SCHEME = 39,
	PDU_ECHO = 252, /* RFC 9175 section 2.2 */
	PDU_NO_RESPONSE = 258,
};

enum pdu_verdict {
	PDU_OK,
	PDU_OTHER_VERSION, /* to be ignored */
	PDU_MALFORMED,     /* a CON is to be answered with RST, anything else ignored */
};

struct pdu {
	const uint8_t *data; /* the whole message */
	size_t len;
	const uint8_t *token;
	const uint8_t *options;
	size_t options_len;
	const uint8_t *payload; /* NULL: none */
	size_t payload_len;
	uint16_t mid;
	uint8_t type; /* enum pdu_type */
	uint8_t code;
	uint8_t token_len;
	bool proxying; /* has Proxy-Uri or Proxy-Scheme */
};

struct pdu_option {
	const uint8_t *value;
	size_t len;
	uint16_t number;
};

struct pdu_options { /* an iterator; zeroed = at its end */
	const uint8_t *at;
	size_t left;
	uint16_t number;
};

/* An answer of the relay's own. */
struct pdu_answer {
	enum pdu_type type;
	uint8_t code;
	uint16_t mid;
	uint8_t token_len; /* at most PDU_TOKEN_MAX */
	const uint8_t *token;
	uint32_t max_age_s; /* 0: no Max-Age option */
	bool has_block1;
	uint32_t block1; /* see proxy/block */
	const char
		*diagnostic; /* RFC 7252 section 5.5.2; NULL: none; what doesn't fit is cut off */
};

/*
 * After PDU_MALFORMED type, code and mid are those of the header, if there is one (else type is
 * PDU_RST, which nobody answers), the token is there if it could be read, and there are no options.
 */
MUST_USE enum pdu_verdict pdu_parse(const uint8_t *data, size_t len, struct pdu *out);

static inline bool pdu_is_request(const struct pdu *m)
{
	return m->code != PDU_EMPTY && m->code >> 5 == 0;
}

static inline bool pdu_is_response(const struct pdu *m)
{
	return m->code >> 5 >= 2 && m->code >> 5 <= 5;
}

static inline struct pdu_options pdu_options(const struct pdu *m)
{
	return (struct pdu_options){ .at = m->options, .left = m->options_len };
}

/* The next option, in the order of the message. False: there is none. */
MUST_USE bool pdu_next(struct pdu_options *it, struct pdu_option *out);
/* The next option of that number. */
MUST_USE bool pdu_next_of(struct pdu_options *it, uint16_t number, struct pdu_option *out);
/* Does the sender of the request want no answer of the class of this code? (RFC 7967) */
MUST_USE bool pdu_unwanted(const struct pdu *request, uint8_t code);
MUST_USE bool pdu_same_token(const struct pdu *m, const uint8_t *token, size_t token_len);

/* One option after the option *last, which it becomes. Its number is not below *last, its length
   at most 65535. */
void pdu_write_option(struct wr *w, uint16_t *last, const struct pdu_option *o);
/* A message without code: RST, or an ACK that carries nothing. */
void pdu_write_empty(uint8_t out[PDU_EMPTY_LEN], enum pdu_type type, uint16_t mid);
/* The length of the message; 0: even without its diagnostic it doesn't fit in cap. */
MUST_USE size_t pdu_write(uint8_t *out, size_t cap, const struct pdu_answer *a);

#endif
