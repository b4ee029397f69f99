/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/json.h"

#include <inttypes.h>

enum { UNKNOWN = 0xfffd /* the replacement character */ };

static void before(struct ctl_json *j)
{
	if (j->comma)
		ctl_out_bytes(j->out, ",", 1);
	j->comma = true;
}

void ctl_json_begin(struct ctl_json *j, char bracket)
{
	before(j);
	ctl_out_bytes(j->out, &bracket, 1);
	j->comma = false;
}

void ctl_json_end(struct ctl_json *j, char bracket)
{
	ctl_out_bytes(j->out, &bracket, 1);
	j->comma = true;
}

/* One code point inside a string. */
static void escaped(struct ctl_out *o, uint32_t code)
{
	const char plain = (char)code;
	if (code >= 0x10000) {
		const uint32_t pair = code - 0x10000;
		ctl_out_form(o, "\\u%04x\\u%04x", 0xd800 + (pair >> 10), 0xdc00 + (pair & 0x3ff));
	} else if (code < 0x20 || code >= 0x7f) {
		ctl_out_form(o, "\\u%04x", code);
	} else {
		if (plain == '"' || plain == '\\')
			ctl_out_bytes(o, "\\", 1);
		ctl_out_bytes(o, &plain, 1);
	}
}

static void quoted(struct ctl_out *o, const char *text)
{
	ctl_out_bytes(o, "\"", 1);
	while (*text != '\0') {
		uint32_t code = 0;
		const size_t len = ctl_utf8(text, &code);
		escaped(o, len == 0 ? UNKNOWN : code);
		text += len == 0 ? 1 : len;
	}
	ctl_out_bytes(o, "\"", 1);
}

void ctl_json_key(struct ctl_json *j, const char *key)
{
	before(j);
	quoted(j->out, key);
	ctl_out_bytes(j->out, ":", 1);
	j->comma = false;
}

void ctl_json_text(struct ctl_json *j, const char *text)
{
	before(j);
	quoted(j->out, text);
}

void ctl_json_number(struct ctl_json *j, uint64_t n)
{
	before(j);
	ctl_out_form(j->out, "%" PRIu64, n);
}

void ctl_json_signed(struct ctl_json *j, int64_t n)
{
	before(j);
	ctl_out_form(j->out, "%" PRId64, n);
}

void ctl_json_bool(struct ctl_json *j, bool b)
{
	before(j);
	ctl_out_text(j->out, b ? "true" : "false");
}

void ctl_json_null(struct ctl_json *j)
{
	before(j);
	ctl_out_text(j->out, "null");
}

void ctl_json_pair(struct ctl_json *j, const char *key, const char *text)
{
	ctl_json_key(j, key);
	if (text[0] == '\0')
		ctl_json_null(j);
	else
		ctl_json_text(j, text);
}
