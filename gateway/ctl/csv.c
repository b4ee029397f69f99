/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/csv.h"

#include <string.h>

static const char mark[] = "\xef\xbb\xbf";

enum { MARK_LEN = 3 };

unsigned csv_line(const struct csv *c)
{
	return c->newlines + 1;
}

static bool fail(struct csv *c, const char *why)
{
	c->why = why;
	return false;
}

static bool put(struct csv *c, char octet)
{
	if (c->at == CSV_RECORD_MAX)
		return fail(c, "the record is longer than 4096 octets; is a quote missing?");
	c->text[c->at++] = octet;
	return true;
}

/* Ends the field at hand; the next one begins behind it. */
static bool end_field(struct csv *c)
{
	if (!put(c, '\0'))
		return false;
	if (c->fields_len == CSV_FIELDS_MAX)
		return fail(c, "there are more than 16 fields; is a quote missing?");
	/* begins[0] is 0. */
	c->fields_len++;
	if (c->fields_len < CSV_FIELDS_MAX)
		c->begins[c->fields_len] = c->at;
	c->state = CSV_BEGIN;
	return true;
}

static bool end_record(struct csv *c)
{
	char *fields[CSV_FIELDS_MAX];
	if (!end_field(c))
		return false;
	for (size_t i = 0; i < c->fields_len; i++)
		fields[i] = c->text + c->begins[i];
	c->why = NULL;
	const bool empty = c->fields_len == 1 && fields[0][0] == '\0';
	const bool on = empty || c->record(c->ctx, fields, c->fields_len, c->line);
	c->at = c->fields_len = 0;
	c->state = CSV_BEGIN;
	return on;
}

static bool newline(struct csv *c)
{
	if (!end_record(c))
		return false;
	c->newlines++;
	return true;
}

static bool outside(struct csv *c, char octet)
{
	switch (octet) {
	case ',':
		return end_field(c);
	case '\n':
		return newline(c);
	case '\r':
		c->state = CSV_AFTER_CR;
		return true;
	case '"':
		if (c->state != CSV_BEGIN)
			return fail(c, "a quote stands inside a field; put the whole field in "
				       "quotes, and write \"\" for one");
		c->state = CSV_QUOTED;
		return true;
	default:
		if (c->state == CSV_AFTER_QUOTE)
			return fail(c, "something stands behind a closing quote; write \"\" for a "
				       "quote inside");
		c->state = CSV_PLAIN;
		return put(c, octet);
	}
}

static bool quoted(struct csv *c, char octet)
{
	if (octet == '"') {
		c->state = CSV_AFTER_QUOTE;
		return true;
	}
	c->newlines += octet == '\n';
	return put(c, octet);
}

static bool step(struct csv *c, char octet)
{
	if (octet == '\0')
		return fail(c, "there is a NUL octet; is it a text file?");
	if (c->at == 0 && c->fields_len == 0 && c->state == CSV_BEGIN)
		c->line = csv_line(c);
	switch (c->state) {
	case CSV_QUOTED:
		return quoted(c, octet);
	case CSV_AFTER_QUOTE:
		if (octet != '"')
			return outside(c, octet);
		c->state = CSV_QUOTED;
		return put(c, octet);
	case CSV_AFTER_CR:
		return octet == '\n' ? newline(c)
				     : fail(c, "a CR stands alone; lines end with LF or CR LF");
	case CSV_BEGIN:
	case CSV_PLAIN:
		break;
	}
	return outside(c, octet);
}

bool csv_feed(struct csv *c, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (c->marks < MARK_LEN && data[i] == mark[c->marks]) {
			c->marks++;
			continue;
		}
		/* It began like the mark, and was none: then it was text. */
		for (size_t had = c->marks < MARK_LEN ? c->marks : 0, k = 0; k < had; k++) {
			if (!step(c, mark[k]))
				return false;
		}
		c->marks = MARK_LEN;
		if (!step(c, data[i]))
			return false;
	}
	return true;
}

bool csv_end(struct csv *c)
{
	if (c->state == CSV_QUOTED)
		return fail(c, "a quote is open at the end; close it");
	if (c->at == 0 && c->fields_len == 0 && c->state == CSV_BEGIN)
		return true;
	return end_record(c);
}
