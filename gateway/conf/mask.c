/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/mask.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "conf/fail.h"

/* 2^64 has 20: what is longer, or has a letter behind it, is no number that somebody meant. */
enum { DIGITS_SHOWN = 20 };

struct scan {
	char *start, *at;
	unsigned line;
	const char *name; /* the last name seen; not terminated */
	size_t name_len;
	const char *const *names;
	size_t hidden;
	const char *file;
	struct conf_error *error;
};

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '*';
}

static bool is_name(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static void step(struct scan *s)
{
	if (*s->at == '\n')
		s->line++;
	s->at++;
}

static bool is_public(const struct scan *s)
{
	for (const char *const *n = s->names; *n != NULL; n++) {
		if (strlen(*n) == s->name_len && memcmp(*n, s->name, s->name_len) == 0)
			return true;
	}
	return false;
}

static void hide(struct scan *s, char *from, size_t len)
{
	char place[24];
	for (size_t i = 0; i < len; i++) {
		if (from[i] != '\n')
			from[i] = len < MASK_DIGITS ? '-' : 'x';
	}
	s->hidden += len;
	if (len < MASK_DIGITS)
		return;
	(void)snprintf(place, sizeof(place), "%0*zu", MASK_DIGITS, (size_t)(from - s->start));
	memcpy(from, place, MASK_DIGITS);
}

static bool is_nul_escape(const char *at)
{
	return at[0] == '\\' && (at[1] == 'x' || at[1] == 'X') && at[2] == '0' && at[3] == '0';
}

static bool string(struct scan *s)
{
	char *from = ++s->at;
	while (*s->at != '\0' && *s->at != '"') {
		if (is_nul_escape(s->at))
			return conf_fail(s->error, s->file, s->line,
				"\\x00 would cut the text short; octets that are no text go into "
				"identity_hex");
		if (*s->at == '\\' && (s->at[1] == '"' || s->at[1] == '\\'))
			s->at++;
		step(s);
	}
	if (s->names != NULL && !is_public(s))
		hide(s, from, (size_t)(s->at - from));
	if (*s->at == '"')
		s->at++;
	return true;
}

static void comment(struct scan *s)
{
	if (s->at[0] == '/' && s->at[1] == '*') {
		s->at += 2;
		while (*s->at != '\0' && !(s->at[0] == '*' && s->at[1] == '/'))
			step(s);
		s->at += *s->at == '\0' ? 0 : 2;
		return;
	}
	while (*s->at != '\0' && *s->at != '\n')
		s->at++;
}

/* libconfig 1.5 cuts a number without an L to 32 bits and says nothing; a leading zero is nothing
   to 1.5, and makes the number octal in 1.7. */
static bool number(struct scan *s)
{
	const char *from = s->at;
	uint64_t n = 0;
	for (; *s->at >= '0' && *s->at <= '9'; s->at++)
		n = n > INT32_MAX ? n : n * 10 + (uint64_t)(*s->at - '0');
	const bool fraction = from > s->start && from[-1] == '.';
	const bool octal = from[0] == '0' && s->at - from > 1 && !fraction;
	if (!octal && (n <= INT32_MAX || *s->at == 'L'))
		return true;
	if (s->names != NULL) /* it may be a key without its quotes (I5) */
		return conf_fail(s->error, s->file, s->line,
			"a number cannot stand here; write names and keys in quotes");
	if (octal)
		return conf_fail(s->error, s->file, s->line,
			"a number with a zero before it may be read as octal; remove the zero");
	if (s->at - from > DIGITS_SHOWN || is_name(*s->at)) /* perhaps it is the wrong file */
		return conf_fail(s->error, s->file, s->line,
			"a number beyond 2147483647 needs an L at its end, a text its quotes");
	return conf_fail(s->error, s->file, s->line,
		"a number beyond 2147483647 needs an L at its end: %.*sL", (int)(s->at - from),
		from);
}

static bool token(struct scan *s)
{
	if (*s->at == '"')
		return string(s);
	if (*s->at >= '0' && *s->at <= '9')
		return number(s);
	if (*s->at == '#' || (s->at[0] == '/' && (s->at[1] == '*' || s->at[1] == '/'))) {
		comment(s);
		return true;
	}
	if (!is_letter(*s->at)) {
		step(s);
		return true;
	}
	s->name = s->at;
	while (is_name(*s->at))
		s->at++;
	s->name_len = (size_t)(s->at - s->name);
	return true;
}

/* Whatever the line is part of: then it is no matter whether libconfig's reckoning of strings is
   ours. */
static bool no_include(const char *text, const char *file, struct conf_error *error)
{
	static const char word[] = "@include";
	unsigned line = 1;
	for (const char *at = text; at != NULL; line++) {
		const char *first = at + strspn(at, " \t\r\f\v");
		if (strncmp(first, word, sizeof(word) - 1) == 0)
			return conf_fail(error, file, line,
				"@include is not supported; write its settings here");
		at = strchr(at, '\n');
		at = at == NULL ? NULL : at + 1;
	}
	return true;
}

bool conf_mask(char *text, const char *const *names, const char *file, size_t *hidden,
	struct conf_error *error)
{
	struct scan s = { .start = text,
		.at = text,
		.line = 1,
		.name = "",
		.names = names,
		.file = file,
		.error = error };
	if (!no_include(text, file, error))
		return false;
	while (*s.at != '\0') {
		if (!token(&s))
			return false;
	}
	if (hidden != NULL)
		*hidden = s.hidden;
	return true;
}

const char *conf_mask_find(const char *value, const char *text, size_t text_len)
{
	const size_t len = strlen(value);
	uint64_t at = 0;
	for (size_t i = 0; i < MASK_DIGITS; i++) {
		if (value[i] < '0' || value[i] > '9')
			return NULL;
		at = at * 10 + (uint64_t)(value[i] - '0');
	}
	/* The quotes prove that the place is one whole string, and not several that libconfig
	   has joined. */
	if (at < 1 || at >= text_len || len >= text_len - at || text[at - 1] != '"' ||
		text[at + len] != '"')
		return NULL;
	return memchr(text + at, '"', len) == NULL ? text + at : NULL;
}
