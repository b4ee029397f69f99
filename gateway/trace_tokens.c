/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/trace_tokens.h"

#include <string.h>

static size_t find(const struct gw_trace_tokens *x, const struct gw_trace_token *t)
{
	size_t i = 0;
	while (i < x->len && !(x->at[i].by_device == t->by_device && x->at[i].len == t->len &&
				     memcmp(x->at[i].octets, t->octets, sizeof(t->octets)) == 0))
		i++;
	return i;
}

static void drop(struct gw_trace_tokens *x, size_t i)
{
	x->len--;
	memmove(&x->at[i], &x->at[i + 1], (x->len - i) * sizeof(x->at[0]));
}

static void put_first(struct gw_trace_tokens *x, const struct gw_trace_token *t)
{
	const struct gw_trace_token one = *t;
	if (x->len == GW_TRACE_TOKENS)
		x->len--;
	memmove(&x->at[1], &x->at[0], x->len * sizeof(x->at[0]));
	x->at[0] = one;
	x->len++;
}

void gw_trace_asked_by(struct gw_trace_tokens *x, const struct gw_trace_token *t, bool open)
{
	const size_t i = find(x, t);
	if (i < x->len)
		drop(x, i);
	if (open)
		put_first(x, t);
}

bool gw_trace_answers_open(struct gw_trace_tokens *x, const struct gw_trace_token *t)
{
	const size_t i = find(x, t);
	if (i == x->len)
		return false;
	drop(x, i);
	put_first(x, t);
	return true;
}
