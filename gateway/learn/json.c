/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/json.h"

#include "learn/read.h"

#include <string.h>

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void space(struct learn_json *j)
{
	while (!j->bad && j->left > 0 && is_space(j->at[0])) {
		j->at++;
		j->left--;
	}
}

static uint8_t octet(struct learn_json *j)
{
	if (j->bad || j->left == 0) {
		j->bad = true;
		return 0;
	}
	j->left--;
	return *j->at++;
}

static bool at(const struct learn_json *j, char c)
{
	return !j->bad && j->left > 0 && j->at[0] == (uint8_t)c;
}

bool learn_json_take(struct learn_json *j, char c)
{
	space(j);
	if (!at(j, c))
		return false;
	(void)octet(j);
	return true;
}

void learn_json_need(struct learn_json *j, char c)
{
	if (!learn_json_take(j, c))
		j->bad = true;
}

bool learn_json_end(struct learn_json *j)
{
	space(j);
	return !j->bad && j->left == 0;
}

char learn_json_next(struct learn_json *j)
{
	space(j);
	if (j->bad || j->left == 0)
		return 0;
	const char c = (char)j->at[0];
	if (c == '"' || c == '{' || c == '[' || c == 'n')
		return c;
	if (c == 't' || c == 'f')
		return 't';
	return c == '-' || (c >= '0' && c <= '9') ? '0' : 0;
}

bool learn_json_more(struct learn_json *j, bool *first, char close)
{
	if (learn_json_take(j, close))
		return false;
	if (!*first)
		learn_json_need(j, ',');
	*first = false;
	return !j->bad;
}

/* --- strings --------------------------------------------------------------------------------- */

struct out {
	uint8_t *octets;
	size_t cap, len; /* cap + 1: it is too long */
};

static void put(struct out *o, uint32_t c)
{
	if (o->len < o->cap)
		o->octets[o->len++] = (uint8_t)c;
	else
		o->len = o->cap + 1;
}

static void put_utf8(struct out *o, uint32_t c)
{
	if (c < 0x80) {
		put(o, c);
		return;
	}
	if (c < 0x800) {
		put(o, 0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			put(o, 0xe0 | c >> 12);
		} else {
			put(o, 0xf0 | c >> 18);
			put(o, 0x80 | (c >> 12 & 0x3f));
		}
		put(o, 0x80 | (c >> 6 & 0x3f));
	}
	put(o, 0x80 | (c & 0x3f));
}

static uint32_t hex4(struct learn_json *j)
{
	uint32_t n = 0;
	for (int i = 0; i < 4; i++) {
		const uint8_t c = octet(j);
		if (c >= '0' && c <= '9')
			n = n << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			n = n << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			j->bad = true;
	}
	return n;
}

static uint32_t code_point(struct learn_json *j)
{
	const uint32_t high = hex4(j);
	if (high < 0xd800 || high > 0xdfff)
		return high;
	j->bad |= high > 0xdbff || octet(j) != '\\' || octet(j) != 'u';
	const uint32_t low = hex4(j);
	j->bad |= low < 0xdc00 || low > 0xdfff;
	return 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
}

static void escaped(struct learn_json *j, struct out *o)
{
	static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	const uint8_t c = octet(j);
	if (c == 'u') {
		put_utf8(o, code_point(j));
		return;
	}
	const char *const found = c != 0 ? strchr(letters, c) : NULL;
	if (!found)
		j->bad = true;
	else
		put(o, (uint8_t)meant[found - letters]);
}

void learn_json_string(struct learn_json *j, uint8_t *out, size_t cap, size_t *len)
{
	struct out o = { .cap = cap };
	o.octets = out;
	learn_json_need(j, '"');
	while (!j->bad && !at(j, '"')) {
		const uint8_t c = octet(j);
		if (c < 0x20)
			j->bad = true;
		else if (c == '\\')
			escaped(j, &o);
		else
			put(&o, c);
	}
	(void)octet(j);
	*len = j->bad ? 0 : o.len;
}

void learn_json_name(struct learn_json *j, char *out, size_t cap)
{
	uint8_t text[LEARN_LABEL];
	size_t len;
	learn_json_string(j, text, cap - 1 < sizeof(text) ? cap - 1 : sizeof(text), &len);
	j->bad |= len >= cap || len > sizeof(text);
	if (j->bad)
		len = 0;
	j->bad |= memchr(text, 0, len) != NULL;
	memcpy(out, text, len);
	out[len] = '\0';
}

/* --- the rest -------------------------------------------------------------------------------- */

static size_t digits(struct learn_json *j)
{
	size_t n = 0;
	for (; !j->bad && j->left > 0 && j->at[0] >= '0' && j->at[0] <= '9'; n++)
		(void)octet(j);
	return n;
}

static bool fraction(struct learn_json *j)
{
	bool is = false;
	if (at(j, '.')) {
		(void)octet(j);
		j->bad |= digits(j) == 0;
		is = true;
	}
	if (at(j, 'e') || at(j, 'E')) {
		(void)octet(j);
		if (at(j, '+') || at(j, '-'))
			(void)octet(j);
		j->bad |= digits(j) == 0;
		is = true;
	}
	return is;
}

void learn_json_number(struct learn_json *j, struct learn_value *out)
{
	enum { ROOM = 18 }; /* digits that an int64_t has room for, whichever they are */
	const bool negative = learn_json_take(j, '-');
	const uint8_t *const begin = j->at;
	const size_t n = digits(j);
	j->bad |= n == 0 || (n > 1 && begin[0] == '0');
	out->kind = fraction(j) || n > ROOM ? LEARN_OTHER : LEARN_INTEGER;
	out->integer = 0;
	for (size_t i = 0; !j->bad && out->kind == LEARN_INTEGER && i < n; i++)
		out->integer = out->integer * 10 + (begin[i] - '0');
	if (negative)
		out->integer = -out->integer;
}

static void word(struct learn_json *j, const char *wanted)
{
	for (; *wanted != '\0'; wanted++)
		j->bad |= octet(j) != (uint8_t)*wanted;
}

void learn_json_boolean(struct learn_json *j, struct learn_value *out)
{
	space(j);
	out->kind = LEARN_BOOLEAN;
	out->integer = at(j, 't');
	word(j, out->integer != 0 ? "true" : "false");
}

static void pass_members(struct learn_json *j, unsigned depth, char close)
{
	bool first = true;
	size_t len;
	(void)octet(j);
	while (learn_json_more(j, &first, close)) {
		if (close == '}') {
			learn_json_string(j, NULL, 0, &len);
			learn_json_need(j, ':');
		}
		learn_json_pass(j, depth + 1);
	}
}

void learn_json_pass(struct learn_json *j, unsigned depth)
{
	struct learn_value number;
	size_t len;
	if (depth == LEARN_DEPTH)
		j->bad = true;
	switch (j->bad ? 0 : learn_json_next(j)) {
	case '"':
		learn_json_string(j, NULL, 0, &len);
		break;
	case '{':
		pass_members(j, depth, '}');
		break;
	case '[':
		pass_members(j, depth, ']');
		break;
	case '0':
		learn_json_number(j, &number);
		break;
	case 't':
		learn_json_boolean(j, &number);
		break;
	case 'n':
		word(j, "null");
		break;
	default:
		j->bad = true;
	}
}
