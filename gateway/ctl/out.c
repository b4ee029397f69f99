/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"

enum { CAP_FIRST = 1024, FORM_MAX = 512 };

void ctl_out_fini(struct ctl_out *o)
{
	if (o->secret && o->data != NULL)
		wipe(o->data, o->cap);
	free(o->data);
	*o = (struct ctl_out){ 0 };
}

static bool grow(struct ctl_out *o, size_t need)
{
	size_t cap = o->cap == 0 ? CAP_FIRST : o->cap;
	if (need > SIZE_MAX / 4)
		return false;
	while (cap < need)
		cap *= 2;
	/* realloc() may leave the old octets behind. */
	char *data = o->secret ? malloc(cap) : realloc(o->data, cap);
	if (data == NULL)
		return false;
	if (o->secret && o->data != NULL) {
		memcpy(data, o->data, o->len);
		wipe(o->data, o->cap);
		free(o->data);
	}
	o->data = data;
	o->cap = cap;
	return true;
}

void ctl_out_bytes(struct ctl_out *o, const void *bytes, size_t len)
{
	if (o->bad || len == 0)
		return;
	if (o->cap - o->len < len && !grow(o, o->len + len)) {
		o->bad = true;
		return;
	}
	memcpy(o->data + o->len, bytes, len);
	o->len += len;
}

void ctl_out_text(struct ctl_out *o, const char *text)
{
	ctl_out_bytes(o, text, strlen(text));
}

void ctl_out_form(struct ctl_out *o, const char *form, ...)
{
	char line[FORM_MAX];
	va_list args;
	va_start(args, form);
	const int len = vsnprintf(line, sizeof(line), form, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(line))
		o->bad = true;
	else
		ctl_out_bytes(o, line, (size_t)len);
}

static bool follows(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t ctl_utf8(const char *text, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char first = (unsigned char)text[0];
	const size_t len = first < 0x80         ? 1
			   : first >> 5 == 0x6  ? 2
			   : first >> 4 == 0xe  ? 3
			   : first >> 3 == 0x1e ? 4
						: 0;
	if (len == 0)
		return 0;
	*code = len == 1 ? first : first & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if (!follows(text[i]))
			return 0;
		*code = *code << 6 | ((unsigned char)text[i] & 0x3fU);
	}
	/* RFC 3629 section 3: no longer form than needed, no surrogates, nothing past U+10FFFF. */
	if (*code < least[len] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return len;
}

/* Controls of either set, and what turns the direction of a line round. */
static bool harmless(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return false;
	return !(code >= 0x200b && code <= 0x200f) && !(code >= 0x2028 && code <= 0x202e) &&
	       !(code >= 0x2066 && code <= 0x2069);
}

void ctl_out_clean(struct ctl_out *o, const char *text)
{
	while (*text != '\0') {
		uint32_t code = 0;
		const size_t len = ctl_utf8(text, &code);
		if (len > 0 && harmless(code))
			ctl_out_bytes(o, text, len);
		else
			ctl_out_bytes(o, "?", 1);
		text += len == 0 ? 1 : len;
	}
}

size_t ctl_out_width(const char *text)
{
	size_t width = 0;
	for (uint32_t code = 0; *text != '\0'; width++) {
		const size_t len = ctl_utf8(text, &code);
		text += len == 0 ? 1 : len;
	}
	return width;
}

void ctl_out_column(struct ctl_out *o, const char *text, size_t width)
{
	ctl_out_clean(o, text);
	for (size_t at = ctl_out_width(text); at < width; at++)
		ctl_out_bytes(o, " ", 1);
}
