/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/trace_tokens: which requests a trace has seen that name what holds no keys, so that
 *                       their answers, which name nothing, may be shown.
 *
 * Promise: what is not known is no such answer: its request was about keys, came before the trace,
 *          or GW_TRACE_TOKENS others have come since and it was not answered meanwhile. An
 *          observation stays as long as it is heard.
 * Errors, Memory: none. Threads: any, one struct each.
 */
#ifndef LWG_GATEWAY_TRACE_TOKENS_H
#define LWG_GATEWAY_TRACE_TOKENS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GW_TRACE_TOKENS = 32, GW_TRACE_TOKEN_MAX = 8 };

struct gw_trace_token {
	bool by_device; /* who has asked: the tokens of either side are its own */
	uint8_t len;
	uint8_t octets[GW_TRACE_TOKEN_MAX]; /* zero behind len */
};

struct gw_trace_tokens { /* zero to begin with; the one that was used last is the first */
	size_t len;
	struct gw_trace_token at[GW_TRACE_TOKENS];
};

/* A request with this token; open: it names what holds no keys. */
void gw_trace_asked_by(struct gw_trace_tokens *x, const struct gw_trace_token *t, bool open);
/* Is the answer one to such a request? */
bool gw_trace_answers_open(struct gw_trace_tokens *x, const struct gw_trace_token *t);

#endif
