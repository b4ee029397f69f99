/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/modem/lines.h"

#include <string.h>

static enum at_kind end_of_line(struct at_lines *l)
{
	const bool over = l->over, empty = l->len == 0;
	l->text[l->len] = '\0';
	l->len = 0;
	l->over = false;
	if (over)
		return AT_TOO_LONG;
	return empty ? AT_MORE : AT_LINE;
}

enum at_kind at_lines_next(struct at_lines *l, struct rd *r, bool prompt)
{
	while (r->left > 0) {
		const char c = (char)rd_u8(r);
		if (c == '\r' || c == '\n') {
			const enum at_kind kind = end_of_line(l);
			if (kind != AT_MORE)
				return kind;
			continue;
		}
		const bool first = l->len == 0 && !l->over;
		if (c == '\0' || (first && c == ' '))
			continue;
		if (first && prompt && c == '>')
			return AT_PROMPT;
		if (l->len < AT_LINE_MAX)
			l->text[l->len++] = c;
		else
			l->over = true;
	}
	return AT_MORE;
}

bool at_is(const char *text, const char *name, const char **rest)
{
	const size_t len = strlen(name);
	if (strncmp(text, name, len) != 0)
		return false;
	*rest = text + len;
	while (**rest == ' ')
		(*rest)++;
	return true;
}

static bool number_at(const char *s, uint32_t *out)
{
	uint32_t v = 0;
	while (*s == ' ')
		s++;
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (v > (UINT32_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint32_t)(*s - '0');
	}
	while (*s == ' ')
		s++;
	if (*s != '\0' && *s != ',')
		return false;
	*out = v;
	return true;
}

/* Behind the next comma that is not in quotes; NULL: there is none. */
static const char *next_field(const char *s)
{
	for (bool quoted = false; *s != '\0'; s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (*s == ',' && !quoted)
			return s + 1;
	}
	return NULL;
}

bool at_number(const char *fields, size_t i, uint32_t *out)
{
	for (; fields && i > 0; i--)
		fields = next_field(fields);
	return fields && number_at(fields, out);
}

bool at_last_number(const char *fields, uint32_t *out)
{
	for (const char *next = next_field(fields); next; next = next_field(fields))
		fields = next;
	return number_at(fields, out);
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t at_hex(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;
	for (; text[0] != '\0'; text += 2) {
		const int high = digit(text[0]);
		const int low = high < 0 ? -1 : digit(text[1]);
		if (low < 0 || n == cap)
			return 0;
		out[n++] = (uint8_t)(high << 4 | low);
	}
	return n;
}

void at_hex_write(const uint8_t *data, size_t len, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 15];
	}
	*out = '\0';
}
