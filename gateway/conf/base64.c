/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/base64.h"

/* 0 .. 63, or -1. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct reading {
	uint32_t bits; /* that are not written yet */
	unsigned count;
	size_t digits, pads;
	uint8_t *out;
	size_t cap, len;
};

static bool take(struct reading *r, char c)
{
	const int d = digit(c);
	if (d < 0 || r->pads > 0)
		return false;
	r->digits++;
	r->bits = r->bits << 6 | (uint32_t)d;
	r->count += 6;
	if (r->count < 8)
		return true;
	if (r->len == r->cap)
		return false;
	r->count -= 8;
	r->out[r->len++] = (uint8_t)(r->bits >> r->count);
	r->bits &= (UINT32_C(1) << r->count) - 1;
	return true;
}

bool conf_base64_read(const char *text, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	struct reading r = { .cap = cap };
	r.out = out;
	*out_len = 0;
	for (size_t i = 0; i < len; i++) {
		if (is_blank(text[i]))
			continue;
		if (text[i] == '=')
			r.pads++;
		else if (!take(&r, text[i]))
			return false;
	}
	const bool whole = r.digits % 4 != 1 && r.bits == 0 &&
			   (r.pads == 0 || (r.pads <= 2 && (r.digits + r.pads) % 4 == 0));
	*out_len = whole ? r.len : 0;
	return whole;
}
