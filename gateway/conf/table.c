/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config.h"

#include <inttypes.h>
#include <string.h>

#include "conf/keys.h"

/* In man source a '-' is a hyphen and a '\' begins an escape; neither may stand bare in a key. */
static void put(FILE *to, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '-' || *c == '\\')
			(void)fputc('\\', to);
		(void)fputc(*c, to);
	}
}

static void put_words(FILE *to, const char *words)
{
	for (const char *at = words; *at != '\0';) {
		const size_t len = strcspn(at, "|");
		(void)fprintf(to, "%s\"%.*s\"", at == words ? "" : ", ", (int)len, at);
		at += len + (at[len] == '|');
	}
}

static void put_type(FILE *to, const struct conf_row *r)
{
	switch (r->kind) {
	case CONF_NUMBER:
		(void)fprintf(to, "number%s%s, %" PRIu64 " to %" PRIu64,
			r->unit == NULL ? "" : " of ", r->unit == NULL ? "" : r->unit, r->min,
			r->max);
		return;
	case CONF_TEXT:
		(void)fprintf(to, "text, %s%" PRIu64 " bytes", r->min == 0 ? "at most " : "1 to ",
			r->max);
		return;
	case CONF_WORD:
		(void)fputs("one of ", to);
		put_words(to, r->words);
		return;
	case CONF_BOOL:
		(void)fputs("true or false", to);
		return;
	case CONF_TEXTS:
		(void)fprintf(to, "array of at most %" PRIu64 " texts", r->max);
		return;
	case CONF_HOSTS:
		(void)fprintf(to, "text, 1 to %" PRIu64 " bytes, or array of 1 to %d of them",
			r->max, CONF_ADDRESSES_MAX);
		return;
	case CONF_GROUPS:
		(void)fprintf(to, "list of %" PRIu64 " to %" PRIu64 " groups", r->min, r->max);
		return;
	}
}

static void put_default(FILE *to, const struct conf_row *r)
{
	if (r->example != NULL) {
		(void)fputs("required", to);
		return;
	}
	(void)fputs("default ", to);
	if (r->initial[0] == '\0') {
		(void)fputs("empty", to);
		return;
	}
	const char *quote = r->kind == CONF_TEXT || r->kind == CONF_WORD ? "\"" : "";
	(void)fputs(quote, to);
	put(to, r->initial);
	(void)fputs(quote, to);
}

void conf_print_table(FILE *to)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		(void)fprintf(to, ".TP\n.B %s\n(", conf_rows[i].path);
		put_type(to, &conf_rows[i]);
		(void)fputs("; ", to);
		put_default(to, &conf_rows[i]);
		(void)fputs(")\n.br\n", to);
		put(to, conf_rows[i].meaning);
		(void)fputc('\n', to);
	}
}
