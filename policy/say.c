/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/say.h"

#include <stdarg.h>
#include <stdio.h>

struct policy_say policy_say_into(char *out, size_t cap)
{
	out[0] = '\0';
	return (struct policy_say){ .out = out, .cap = cap };
}

void policy_say(struct policy_say *s, const char *form, ...)
{
	const size_t left = s->cap - s->len;
	va_list args;
	va_start(args, form);
	const int len = vsnprintf(s->out + s->len, left, form, args);
	va_end(args);
	if (len < 0)
		return;
	const size_t end = s->len + ((size_t)len < left ? (size_t)len : left - 1);
	for (; s->len < end; s->len++) {
		const unsigned char c = (unsigned char)s->out[s->len];
		if (c < 0x20 || c == 0x7f)
			s->out[s->len] = '.';
	}
}

const char *policy_say_between(size_t number, size_t len, const char *last)
{
	if (number == 0)
		return "";
	return number + 1 == len ? last : ", ";
}
