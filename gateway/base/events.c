/* SPDX-License-Identifier: Apache-2.0 */
#include "base/events.h"

#include <string.h>

#include "base/events_rows.h"

static const struct {
	const struct event_rows *rows;
	const char *title; /* NULL: goes on with the part before */
} parts[EVENT_PARTS] = {
	[EVENTS_A_TO_L] = { &events_a_to_l, "Log of lwgated" },
	[EVENTS_M_TO_Z] = { &events_m_to_z, NULL },
	[EVENTS_BSF] = { &events_bsf, "Log of lwgated: keys by GBA Push" },
	[EVENTS_SMSD] = { &events_smsd, "Log of lwgate\\-smsd" },
	[EVENTS_BOTH] = { &events_both, "Log of both" },
	[EVENTS_JSON] = { &events_json, "Objects of events.file, events.path and lwgatectl "
					"events" },
};

static const char *const levels[] = { "error", "warn", "info", "debug" };
static const char *const causes[] = { "operator", "device", "stranger", "server", "system" };

const struct event_rows *events_of(enum event_part part)
{
	return parts[part].rows;
}

const struct event_row *events_logged(const char *name)
{
	for (size_t p = 0; p < EVENTS_JSON; p++) {
		for (size_t i = 0; i < parts[p].rows->len; i++) {
			if (strcmp(parts[p].rows->rows[i].name, name) == 0)
				return &parts[p].rows->rows[i];
		}
	}
	return NULL;
}

/* In man source a '-' is a hyphen and a '\' begins an escape. */
static void put(FILE *to, const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\'') {
			(void)fputs("\\(aq", to);
			continue;
		}
		if (*c == '-' || *c == '\\')
			(void)fputc('\\', to);
		(void)fputc(*c, to);
	}
}

/* The words of the bits that are set. */
static void put_set(FILE *to, unsigned set, const char *const *words, size_t len)
{
	const char *between = "";
	for (size_t i = 0; i < len; i++) {
		if ((set & 1U << i) == 0)
			continue;
		(void)fprintf(to, "%s%s", between, words[i]);
		between = ", ";
	}
}

static void put_row(FILE *to, const struct event_row *r)
{
	(void)fputs(".TP\n.B ", to);
	put(to, r->name);
	(void)fputs("\n(", to);
	put_set(to, r->levels, levels, COUNT_OF(levels));
	if (r->levels != 0)
		(void)fputs("; ", to);
	(void)fputs("by ", to);
	put_set(to, r->who, causes, COUNT_OF(causes));
	(void)fputs(")\n.br\n", to);
	put(to, r->meaning);
	(void)fputs("\n.br\nRemedy: ", to);
	put(to, r->remedy);
	(void)fputc('\n', to);
}

void events_print(FILE *to)
{
	for (size_t p = 0; p < EVENT_PARTS; p++) {
		if (parts[p].title)
			(void)fprintf(to, ".SS %s\n", parts[p].title);
		for (size_t i = 0; i < parts[p].rows->len; i++)
			put_row(to, &parts[p].rows->rows[i]);
	}
}
