/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/bsf_codec: what is said to a BSF and to a token endpoint, and what they answer, as
 * octets.
 *
 * Promise: pure, total, bounded (I7). An answer is taken if all that must be there is, once, and of
 *          the right form and length; what else is in it is passed over. Hexadecimal digits of keys
 *          are read without a table.
 * Errors:  bsf_*_write(): 0, it does not fit. bsf_*_read(): NULL, or what is wrong in static words;
 *          *out is zero then.
 * Memory:  none; the holder wipes what holds keys or tokens.
 * Threads: any. Clock: none.
 * Source:  TS 29.309 A.2 (PushInfoRequest, PushInfoResponse), TS 29.571 (DateTime: RFC 3339);
 *          RFC 6749 4.4, 5.1 and appendix B.
 */
#ifndef LWG_GATEWAY_BSF_CODEC_H
#define LWG_GATEWAY_BSF_CODEC_H

#include "base/attr.h"
#include "gateway/bsf.h"
#include "gba/kdf.h"
#include "gba/naf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BSF_REQUEST_MAX = 4096,
	BSF_TOKEN_MAX = 8192,
	BSF_DATE = 24,
	BSF_PROBLEM_MAX = 64,
};

struct bsf_request {
	const struct gw_bsf_ask *ask;
	const char *naf_fqdn, *uicc_application, *p_tid;
	const uint8_t *ua; /* GBA_UA octets */
	uint64_t until_ms; /* wall clock: what is wished */
};
/* JSON, NUL behind; its length. */
MUST_USE size_t bsf_request_write(const struct bsf_request *r, char *out, size_t cap);

struct bsf_keys { /* of an answer; the holder wipes it */
	uint8_t me[GBA_KEY], uicc[GBA_KEY];
	bool has_uicc;
	uint64_t until_ms; /* wall clock; 0: it does not say */
	size_t gpi_len;
	uint8_t gpi[GW_BSF_GPI_MAX];
};
/* uicc: keys of the card are needed. */
MUST_USE const char *bsf_answer_read(
	const uint8_t *body, size_t len, bool uicc, struct bsf_keys *out);
/* The cause in a problem+json, for a log: upper letters and "_"; "" if it has none. */
void bsf_problem_read(const uint8_t *body, size_t len, char out[BSF_PROBLEM_MAX + 1]);

/* application/x-www-form-urlencoded, NUL behind; its length. */
MUST_USE size_t bsf_token_request_write(
	const char *client_id, const char *secret, char *out, size_t cap);
struct bsf_token { /* the holder wipes it */
	char text[BSF_TOKEN_MAX + 1];
	uint32_t expires_s; /* 0: it does not say */
};
MUST_USE const char *bsf_token_read(const uint8_t *body, size_t len, struct bsf_token *out);

/* RFC 3339, with any offset and fraction. False: it is none, or before 1970. */
MUST_USE bool bsf_date_read(const char *text, uint64_t *ms);
/* In UTC, whole seconds. */
void bsf_date_write(uint64_t ms, char out[BSF_DATE]);

#endif
