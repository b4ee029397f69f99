/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/msg: the lab's own CoAP codec; it shares no line with the relay that it tests.
 *
 * Promise: parse and write are pure and bounded; a message that RFC 7252 calls malformed is
 *          refused. Options that the lab's devices and sink do not use are read over.
 * Errors:  lab_msg_parse() false; the writer latches, lab_out_end() gives 0.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  RFC 7252 section 3, RFC 7641 section 2.
 */
#ifndef LWG_LAB_MSG_H
#define LWG_LAB_MSG_H

#include "base/attr.h"
#include "base/wr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LAB_TOKEN_MAX = 8, LAB_PATH_MAX = 64, LAB_QUERY_MAX = 192, LAB_HEADER = 4 };
enum { LAB_ABSENT = 0xffffffff }; /* of an option that holds a number */

enum lab_type { LAB_CON, LAB_NON, LAB_ACK, LAB_RST }; /* RFC 7252 section 3 */

enum lab_code { /* RFC 7252 section 12.1: class in 3 bits, detail in 5 */
	LAB_EMPTY = 0,
	LAB_GET = 1,
	LAB_POST = 2,
	LAB_PUT = 3,
	LAB_DELETE = 4,
	LAB_METHOD_MAX = 31,
	LAB_CREATED = 2 << 5 | 1,
	LAB_DELETED = 2 << 5 | 2,
	LAB_CHANGED = 2 << 5 | 4,
	LAB_CONTENT = 2 << 5 | 5,
	LAB_BAD_REQUEST = 4 << 5,
	LAB_FORBIDDEN = 4 << 5 | 3,
	LAB_NOT_FOUND = 4 << 5 | 4,
	LAB_NOT_ALLOWED = 4 << 5 | 5,
	LAB_NOT_ACCEPTABLE = 4 << 5 | 6,
};

enum lab_option { /* RFC 7252 section 5.10, RFC 7641 section 2 */
	LAB_OPT_OBSERVE = 6,
	LAB_OPT_LOCATION = 8,
	LAB_OPT_PATH = 11,
	LAB_OPT_FORMAT = 12,
	LAB_OPT_QUERY = 15,
	LAB_OPT_ACCEPT = 17,
	LAB_OPT_PROXY_URI = 35,
};

enum lab_format {
	LAB_TEXT = 0,
	LAB_LINKS = 40,
	LAB_OCTETS = 42,
	LAB_TLV = 11542,
	LAB_JSON = 11543
};

struct lab_head { /* what every message has */
	enum lab_type type;
	uint8_t code; /* enum lab_code; others pass too */
	uint16_t id;
	uint8_t token[LAB_TOKEN_MAX]; /* beyond token_len: 0 */
	uint8_t token_len;
};

struct lab_msg {
	struct lab_head head;
	char path[LAB_PATH_MAX];          /* segments joined by '/', "" = none */
	char location[LAB_PATH_MAX];      /* the same */
	char query[LAB_QUERY_MAX];        /* joined by '&' */
	uint32_t observe, format, accept; /* LAB_ABSENT */
	const uint8_t *payload;           /* inside the message */
	size_t payload_len;
};

MUST_USE bool lab_msg_parse(struct lab_msg *m, const uint8_t *data, size_t len);
/* Value of "name=value" in a query; false when it is not there or longer than cap - 1. */
MUST_USE bool lab_query_value(const char *query, const char *name, char *out, size_t cap);
MUST_USE bool lab_token_same(const struct lab_head *a, const struct lab_head *b);

/* True for 2.xx, 4.xx and 5.xx. */
static inline bool lab_is_response(uint8_t code)
{
	return code >= 2 << 5;
}

static inline bool lab_is_request(uint8_t code)
{
	return code >= LAB_GET && code <= LAB_METHOD_MAX;
}

struct lab_out { /* a message being written; options in ascending order */
	struct wr w;
	unsigned last; /* number of the last option */
};

void lab_out_begin(struct lab_out *o, uint8_t *buffer, size_t cap, const struct lab_head *head);
void lab_out_option(struct lab_out *o, unsigned number, const void *value, size_t len);
void lab_out_uint(struct lab_out *o, unsigned number, uint32_t value);
/* One option per part of text between separators. */
void lab_out_parts(struct lab_out *o, unsigned number, const char *text, char separator);
/* Nothing is written for an empty payload. */
void lab_out_payload(struct lab_out *o, const void *payload, size_t len);
/* Length of the message, 0 when it did not fit. */
MUST_USE size_t lab_out_end(const struct lab_out *o);

#endif
