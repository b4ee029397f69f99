/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/bsf_try: what one question to a BSF does next: get a token, be sent, wait, end.
 *
 * Promise: pure. All questions share one token; one of them gets it. At 401 a token that was used
 *          is not used again, and there is one new one for each question, never two. A question
 *          that is over its time does nothing any more.
 * Errors:  none. Threads: any, one access each.
 * Source:  RFC 6750 3.1; TS 29.500 6.7 (access tokens), 5.2.7 (status codes).
 */
#ifndef LWG_GATEWAY_BSF_TRY_H
#define LWG_GATEWAY_BSF_TRY_H

#include "base/attr.h"
#include "gateway/bsf.h"

#include <stdbool.h>
#include <stdint.h>

struct bsf_access {         /* zeroed but for wanted: there is none yet */
	bool wanted;        /* the BSF wants one */
	bool fetching, has; /* one is on its way; there is one */
	uint32_t generation;
	uint64_t until_ms;
};
struct bsf_try {
	uint64_t until_ms; /* it ends then */
	bool renewed;      /* 401 was there already */
	uint32_t used;     /* generation of the token that it was sent with */
};
enum bsf_step {
	BSF_WAITS,   /* for a token that another one gets */
	BSF_FETCHES, /* a token; access says so already */
	BSF_SENDS,   /* the request, with the token there is, if one is wanted */
	BSF_IS_SLOW, /* it is over its time */
	BSF_ENDS,    /* *result says how */
};

struct bsf_try bsf_try_begin(uint64_t now_ms, uint32_t timeout_ms);
MUST_USE enum bsf_step bsf_try_next(struct bsf_try *t, struct bsf_access *a, uint64_t now_ms);
/* A status has come. BSF_ENDS with GW_BSF_OK: what came with it is to be read. */
MUST_USE enum bsf_step bsf_try_status(struct bsf_try *t, struct bsf_access *a, unsigned status,
	uint64_t now_ms, enum gw_bsf_result *result);
/* expires_s: 0: not said, and it is used until a 401. */
void bsf_token_came(struct bsf_access *a, uint32_t expires_s, uint64_t now_ms);
void bsf_token_failed(struct bsf_access *a);

#endif
