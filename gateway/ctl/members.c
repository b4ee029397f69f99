/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/members.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void pass_blanks(struct ctl_members *m)
{
	while (m->at < m->end && is_blank(*m->at))
		m->at++;
}

static bool take(struct ctl_members *m, char wanted)
{
	pass_blanks(m);
	if (m->at == m->end || *m->at != wanted)
		return false;
	m->at++;
	return true;
}

/* Behind its first quotation mark; up to the one that ends it, which is passed. */
static bool pass_text(struct ctl_members *m)
{
	while (m->at < m->end && *m->at != '"') {
		const bool escape = *m->at == '\\';
		if (m->end - m->at < 1 + escape)
			return false;
		m->at += 1 + escape;
	}
	if (m->at >= m->end)
		return false;
	m->at++;
	return true;
}

static bool ends_value(char c)
{
	return c == ',' || c == '}' || c == ']' || is_blank(c);
}

/* Objects and arrays are counted, not understood. */
static bool pass_nested(struct ctl_members *m)
{
	size_t depth = 0;
	do {
		const char c = *m->at++;
		depth += c == '{' || c == '[';
		depth -= (c == '}' || c == ']') && depth > 0;
		if (c == '"' && !pass_text(m))
			return false;
	} while (depth > 0 && m->at < m->end);
	return depth == 0;
}

static bool pass_value(struct ctl_members *m, struct ctl_piece *out)
{
	pass_blanks(m);
	out->at = m->at;
	if (m->at == m->end)
		return false;
	bool good = true;
	if (*m->at == '"' || *m->at == '{' || *m->at == '[') {
		good = pass_nested(m);
	} else {
		while (m->at < m->end && !ends_value(*m->at))
			m->at++;
	}
	out->len = (size_t)(m->at - out->at);
	return good && out->len > 0;
}

struct ctl_members ctl_members_of(struct ctl_piece value)
{
	struct ctl_members m = { .at = value.at, .end = value.at + value.len };
	if (value.len == 0)
		return (struct ctl_members){ .at = NULL };
	m.named = take(&m, '{');
	if (!m.named && !take(&m, '['))
		m.at = m.end;
	return m;
}

static bool end(struct ctl_members *m)
{
	m->at = m->end;
	return false;
}

bool ctl_members_next(struct ctl_members *m, struct ctl_member *out)
{
	*out = (struct ctl_member){ .name = { .at = NULL } };
	(void)take(m, ',');
	if (m->named) {
		if (!take(m, '"'))
			return end(m);
		out->name.at = m->at;
		if (!pass_text(m))
			return end(m);
		out->name.len = (size_t)(m->at - out->name.at) - 1;
		if (!take(m, ':'))
			return end(m);
	}
	return pass_value(m, &out->value) || end(m);
}

struct ctl_piece ctl_member_of(struct ctl_piece object, const char *name)
{
	struct ctl_members m = ctl_members_of(object);
	struct ctl_member one;
	const size_t len = strlen(name);
	while (ctl_members_next(&m, &one)) {
		if (m.named && one.name.len == len && memcmp(one.name.at, name, len) == 0)
			return one.value;
	}
	return (struct ctl_piece){ .at = NULL };
}

uint64_t ctl_member_number(struct ctl_piece object, const char *name)
{
	const struct ctl_piece v = ctl_member_of(object, name);
	uint64_t n = 0;
	for (size_t i = 0; i < v.len; i++) {
		const char c = v.at[i];
		if (c < '0' || c > '9' || n > (UINT64_MAX - 9) / 10)
			return 0;
		n = n * 10 + (uint64_t)(c - '0');
	}
	return n;
}

/* --- text ------------------------------------------------------------------------------------- */

enum { HEX = 4, ESCAPE = 2 + HEX, HIGH = 0xd800, LOW = 0xdc00, BEHIND = 0xe000, PLANE = 0x10000 };

struct growing {
	char *out;
	size_t len, cap;
	bool full;
};

/* Whole code points only. */
static void put(struct growing *g, uint32_t code)
{
	char text[4];
	size_t n = 0;
	if (code < 0x80) {
		text[n++] = (char)code;
	} else if (code < 0x800) {
		text[n++] = (char)(0xc0 | code >> 6);
	} else if (code < PLANE) {
		text[n++] = (char)(0xe0 | code >> 12);
		text[n++] = (char)(0x80 | (code >> 6 & 0x3f));
	} else {
		text[n++] = (char)(0xf0 | code >> 18);
		text[n++] = (char)(0x80 | (code >> 12 & 0x3f));
		text[n++] = (char)(0x80 | (code >> 6 & 0x3f));
	}
	if (code >= 0x80)
		text[n++] = (char)(0x80 | (code & 0x3f));
	g->full = g->full || g->len + n + 1 > g->cap;
	if (g->full)
		return;
	memcpy(g->out + g->len, text, n);
	g->len += n;
}

/* \uXXXX at the beginning; false: it is none. */
static bool read_hex(const char *at, const char *stop, uint32_t *out)
{
	*out = 0;
	if (stop - at < ESCAPE || at[0] != '\\' || at[1] != 'u')
		return false;
	for (size_t i = 2; i < ESCAPE; i++) {
		const char c = at[i];
		const bool digit = c >= '0' && c <= '9';
		const char low = (char)(c | 0x20);
		if (!digit && (low < 'a' || low > 'f'))
			return false;
		*out = *out << 4 | (uint32_t)(digit ? c - '0' : low - 'a' + 10);
	}
	return true;
}

/* One escape at *at, which moves on. */
static uint32_t escaped(const char **at, const char *stop)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	uint32_t code, second;
	if (read_hex(*at, stop, &code)) {
		*at += ESCAPE;
		if (code < HIGH || code >= BEHIND)
			return code;
		if (code < LOW && read_hex(*at, stop, &second) && second >= LOW &&
			second < BEHIND) {
			*at += ESCAPE;
			return PLANE + ((code - HIGH) << 10) + (second - LOW);
		}
		return '?';
	}
	const bool cut = stop - *at < 2;
	const uint8_t c = cut ? (uint8_t)'?' : (uint8_t)(*at)[1];
	*at += cut ? 1 : 2;
	const char *const found = c == '\0' ? NULL : strchr(from, c);
	return found ? (uint8_t)to[found - from] : c;
}

const char *ctl_member_text(struct ctl_piece object, const char *name, char *out, size_t cap)
{
	const struct ctl_piece v = ctl_member_of(object, name);
	struct growing g = { .out = out, .cap = cap };
	const bool text = v.len >= 2 && v.at[0] == '"';
	const char *at = text ? v.at + 1 : NULL;
	const char *const stop = text ? v.at + v.len - 1 : NULL;
	while (at < stop && !g.full) {
		if (*at == '\\')
			put(&g, escaped(&at, stop));
		else if (g.len + 2 > cap)
			g.full = true;
		else
			out[g.len++] = *at++;
	}
	if (cap > 0)
		out[g.len] = '\0';
	return out;
}
