/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy.h"

#include <inttypes.h>

#include "policy/keys.h"

/* In man source a '-' is a hyphen, a '\' begins an escape and a quote or dot at the start of a line
   is a request; none of them may stand bare. */
static void put(FILE *to, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '-' || *c == '\\')
			(void)fputc('\\', to);
		if (*c == '\'')
			(void)fputs("\\(aq", to);
		else
			(void)fputc(*c, to);
	}
}

static void put_type(FILE *to, const struct policy_row *r)
{
	char words[512];
	switch (r->type) {
	case PTYPE_NUMBER:
		(void)fprintf(to, "number%s%s, %" PRIu64 " to %" PRIu64,
			r->unit == NULL ? "" : " of ", r->unit == NULL ? "" : r->unit, r->min,
			r->max);
		return;
	case PTYPE_TEXT:
		(void)fprintf(to, "text, at most %" PRIu64 " bytes", r->max);
		return;
	case PTYPE_TEXTS:
		(void)fprintf(to, "text of at most %" PRIu64 " bytes, or an array of at most %d",
			r->max, POLICY_TEXTS_MAX);
		return;
	case PTYPE_WORD:
	case PTYPE_WORDS:
		if (r->words == &policy_words_event || r->words == &policy_words_action ||
			r->words == &policy_words_suite)
			(void)fputs("a word", to);
		else
			put(to, policy_words_say(r->words, words, sizeof(words)));
		if (r->type == PTYPE_WORDS)
			(void)fputs("; or an array of them", to);
		return;
	case PTYPE_BOOL:
		(void)fputs("true or false", to);
		return;
	case PTYPE_LEG:
		(void)fputs("a word, or a group", to);
		return;
	case PTYPE_GROUP:
		(void)fputs("group", to);
		return;
	case PTYPE_LIST:
		(void)fprintf(to, "list of at most %" PRIu64 " groups", r->max);
		return;
	}
}

static void put_place(FILE *to, enum policy_place place)
{
	for (size_t i = 0; i < PKEYS; i++) {
		const struct policy_row *r = &policy_rows[i];
		if ((r->places & (unsigned)place) == 0)
			continue;
		(void)fprintf(to, ".TP\n.B %s\n(", r->name);
		put_type(to, r);
		if (r->initial == NULL) {
			(void)fputs("; required", to);
		} else {
			(void)fputs("; default ", to);
			put(to, r->initial);
		}
		(void)fputs(")\n.br\n", to);
		put(to, r->meaning);
		(void)fputc('\n', to);
	}
}

void policy_print_table(FILE *to)
{
	static const struct {
		enum policy_place place;
		const char *title;
	} parts[] = {
		{ IN_POLICY, "The group policy" },
		{ IN_RULE, "A rule" },
		{ IN_LEG, "A leg" },
		{ IN_FACTS, "A member of expectations" },
		{ IN_EXPECT, "The group expect" },
	};
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		(void)fprintf(to, ".SS %s\n", parts[i].title);
		put_place(to, parts[i].place);
	}
}
