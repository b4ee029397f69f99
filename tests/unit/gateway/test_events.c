/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of events, the sources that say them and the man page that is made of it. Run from the
 * top of the tree. With the argument `print`, prints what belongs between the page's two marks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ctype.h>
#include <ftw.h>

#include "base/events.h"
#include "gateway/bsf.h"
#include "gateway/chronicle_parts.h"
#include "policy/policy.h"
#include "tests/unit/base/man_page.h"

enum { NAME_MAX_LEN = 48, SAID_MAX = 256, ARGUMENTS = 5, SOURCES_MIN = 300, SITES_MIN = 150 };

struct said {
	char name[NAME_MAX_LEN];
	char where[160]; /* a place where it is said without a bound; "": none */
	unsigned levels;
	bool any_level; /* it is computed at one of the places */
	bool gateway, bridge;
};

/* What the walk has found; nftw() hands no context through. */
static struct said all[SAID_MAX];
static size_t len, sources, sites;

/* --- what the sources say --------------------------------------------------------------------- */

struct site {
	const char *path;
	bool limited;
	unsigned levels; /* 0: computed */
};

static struct said *said_of(const char *name, size_t name_len)
{
	assert_true(name_len > 0 && name_len < NAME_MAX_LEN);
	for (size_t i = 0; i < len; i++) {
		if (strlen(all[i].name) == name_len && memcmp(all[i].name, name, name_len) == 0)
			return &all[i];
	}
	assert_true(len < SAID_MAX);
	memcpy(all[len].name, name, name_len);
	return &all[len++];
}

static void note(const struct site *site, const char *name, size_t name_len)
{
	struct said *const s = said_of(name, name_len);
	const bool shared = strstr(site->path, "/confine/") != NULL ||
			    strncmp(site->path, "gateway/base/", 13) == 0;
	const bool bridge = strncmp(site->path, "sms-bridge/", 11) == 0;
	s->levels |= site->levels;
	s->any_level |= site->levels == 0;
	s->bridge |= bridge || shared;
	s->gateway |= !bridge || shared;
	if (!site->limited)
		(void)snprintf(s->where, sizeof(s->where), "%s", site->path);
}

/* Every literal between from and to; their number. */
static size_t note_literals(const struct site *site, const char *from, const char *to)
{
	size_t n = 0;
	for (const char *at = from; at < to; at++) {
		if (*at != '"')
			continue;
		const size_t name_len = strcspn(at + 1, "\"");
		assert_true(name_len + 1 < (size_t)(to - at));
		note(site, at + 1, name_len);
		at += name_len + 1;
		n++;
	}
	return n;
}

static void note_causes(const struct site *site)
{
	for (unsigned r = 0; r < GW_BSF_RESULTS; r++) {
		const char *const cause = gw_bsf_cause((enum gw_bsf_result)r);
		if (r != GW_BSF_OK)
			note(site, cause, strlen(cause));
	}
}

/* Another room's, which is not linked here. */
static void note_bridge(const struct site *site)
{
	char *const text = read_all("sms-bridge/smsd/bridge.c");
	const char *const from = strstr(text, "names[BRIDGE_EVENTS] = {");
	assert_non_null(from);
	const char *const to = strstr(from, "};");
	assert_non_null(to);
	assert_true(note_literals(site, from, to) > 10);
	free(text);
}

static bool begins(const char *at, const char *to, const char *word)
{
	return (size_t)(to - at) >= strlen(word) && strncmp(at, word, strlen(word)) == 0;
}

static size_t quotes(const char *from, const char *to)
{
	size_t n = 0;
	for (const char *at = from; at < to; at++)
		n += *at == '"';
	return n;
}

static void note_names(const struct site *site, const char *from, const char *to)
{
	struct site one = *site;
	if (quotes(from, to) > 2) /* which level is which one's is not looked at */
		one.levels = 0;
	if (note_literals(&one, from, to) > 0)
		return;
	while (from < to && isspace((unsigned char)*from))
		from++;
	if (begins(from, to, "gw_bsf_cause("))
		note_causes(site);
	else if (begins(from, to, "bridge_event_name("))
		note_bridge(site);
	else
		fail_msg("%s: the name of an event is computed: %.60s", site->path, from);
}

static unsigned levels_in(const char *from, const char *to)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = { { "LOG_LEVEL_ERROR", EVENT_ERROR }, { "LOG_LEVEL_WARN", EVENT_WARN },
		{ "LOG_LEVEL_INFO", EVENT_INFO }, { "LOG_LEVEL_DEBUG", EVENT_DEBUG } };
	unsigned set = 0;
	for (const char *at = from; at < to; at++) {
		for (size_t i = 0; i < COUNT_OF(words); i++)
			set |= begins(at, to, words[i].word) ? words[i].bit : 0;
	}
	return set;
}

static const char *past_quoted(const char *at)
{
	const char quote = *at++;
	while (*at != quote) {
		assert_true(*at != '\0');
		at += *at == '\\' ? 2 : 1;
	}
	return at;
}

/* at is after the parenthesis; starts[i] to starts[i + 1] is argument i, with its comma. */
static void split(const char *at, const char *starts[ARGUMENTS + 1])
{
	size_t n = 0;
	starts[n++] = at;
	for (unsigned depth = 1; depth > 0 && n <= ARGUMENTS; at++) {
		assert_true(*at != '\0');
		if (*at == '"' || *at == '\'')
			at = past_quoted(at);
		else if (*at == '(' || *at == '{')
			depth++;
		else if (*at == ')' || *at == '}')
			depth--;
		if ((*at == ',' && depth == 1) || depth == 0)
			starts[n++] = at + 1;
	}
	while (n <= ARGUMENTS)
		starts[n++] = at;
}

static void look_for(const char *path, const char *text, const char *call, bool limited)
{
	const size_t level = limited ? 3 : 1;
	for (const char *at = strstr(text, call); at; at = strstr(at + 1, call)) {
		const char *starts[ARGUMENTS + 1];
		if (at > text && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
			continue;
		split(at + strlen(call), starts);
		const struct site site = { .path = path,
			.limited = limited,
			.levels = levels_in(starts[level], starts[level + 1]) };
		note_names(&site, starts[level + 1], starts[level + 2]);
		sites++;
	}
}

/* What a signal handler says by itself. */
static void look_for_last_words(const char *path, const char *text)
{
	static const char head[] = "\" error ";
	const char *const at = strstr(text, head);
	assert_non_null(at);
	const struct site site = { .path = path, .levels = EVENT_ERROR };
	note(&site, at + sizeof(head) - 1, strcspn(at + sizeof(head) - 1, " "));
}

/* What the log says of itself. */
static void look_for_own_words(void)
{
	static const char head[] = "event[] = \"";
	const struct site site = { .path = "gateway/base/log.c", .levels = EVENT_WARN };
	char *const text = read_all(site.path);
	const char *const at = strstr(text, head);
	assert_non_null(at);
	note(&site, at + sizeof(head) - 1, strcspn(at + sizeof(head) - 1, "\""));
	free(text);
}

static int look(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	const size_t n = strlen(path);
	(void)st;
	(void)ftw;
	if (kind != FTW_F || n < 2 || path[n - 2] != '.' ||
		(path[n - 1] != 'c' && path[n - 1] != 'h') ||
		strncmp(path, "gateway/base/", 13) == 0)
		return 0;
	char *const text = read_all(path);
	look_for(path, text, "log_say(", false);
	look_for(path, text, "log_limited(", true);
	if (strcmp(path, "gateway/confine/trap.c") == 0)
		look_for_last_words(path, text);
	free(text);
	sources++;
	return 0;
}

static int find(void **state)
{
	static const char *const roots[] = { "gateway", "store", "sms-bridge", "proxy", "policy" };
	(void)state;
	look_for_own_words();
	for (size_t i = 0; i < COUNT_OF(roots); i++) {
		if (nftw(roots[i], look, 16, FTW_PHYS) != 0)
			return -1;
	}
	return 0;
}

/* --- compared --------------------------------------------------------------------------------- */

static void test_the_sources_were_read(void **state)
{
	(void)state;
	assert_true(sources >= SOURCES_MIN);
	assert_true(sites >= SITES_MIN);
}

static void test_what_is_said_is_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < len; i++) {
		const struct event_row *const r = events_logged(all[i].name);
		if (!r)
			fail_msg("%s is said, and not in base/events", all[i].name);
		else if ((all[i].levels & ~(unsigned)r->levels) != 0)
			fail_msg("%s is said at a level that base/events does not have",
				all[i].name);
	}
}

static const struct said *found(const char *name)
{
	for (size_t i = 0; i < len; i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	return NULL;
}

static void is_said(const struct event_row *r, bool gateway, bool bridge)
{
	const struct said *const s = found(r->name);
	if (!s)
		fail_msg("%s is in base/events, and nobody says it", r->name);
	else if (!s->any_level && s->levels != r->levels)
		fail_msg("%s is not said at a level of base/events", r->name);
	else if (s->bridge != bridge || s->gateway != gateway)
		fail_msg("%s is in the part of another program", r->name);
}

static void test_what_is_in_the_table_is_said(void **state)
{
	(void)state;
	for (unsigned p = 0; p < EVENTS_JSON; p++) {
		const struct event_rows *const t = events_of((enum event_part)p);
		for (size_t i = 0; i < t->len; i++)
			is_said(&t->rows[i], p != EVENTS_SMSD,
				p == EVENTS_SMSD || p == EVENTS_BOTH);
	}
}

static void test_what_strangers_cause_is_bounded(void **state)
{
	size_t n = 0;
	(void)state;
	for (size_t i = 0; i < len; i++) {
		const struct event_row *const r = events_logged(all[i].name);
		if (!r || (r->who & EVENT_STRANGER) == 0)
			continue;
		if (all[i].where[0] != '\0')
			fail_msg(
				"%s: strangers cause %s: log_limited()", all[i].where, all[i].name);
		n++;
	}
	assert_true(n >= 20);
}

static bool has_object(const char *name)
{
	const struct event_rows *const t = events_of(EVENTS_JSON);
	for (size_t i = 0; i < t->len; i++) {
		if (strcmp(t->rows[i].name, name) == 0)
			return true;
	}
	return false;
}

static void test_the_objects_are_those_of_the_chronicle(void **state)
{
	size_t n = 1;
	(void)state;
	assert_true(has_object("sms-keys"));
	for (unsigned e = 0; e < POLICY_EVENTS; e++, n++) {
		if (!has_object(policy_event_word((enum policy_event)e)))
			fail_msg("%s is missing", policy_event_word((enum policy_event)e));
	}
	for (unsigned k = GW_ENTRY_STAGED; k <= GW_ENTRY_LAPSED; k++, n++) {
		if (!has_object(gw_learned_word((enum gw_entry_kind)k)))
			fail_msg("%s is missing", gw_learned_word((enum gw_entry_kind)k));
	}
	assert_int_equal(GW_ENTRY_LAPSED + 1, GW_ENTRY_SMS_KEYS);
	assert_int_equal(GW_ENTRY_SMS_KEYS + 1, GW_ENTRY_KINDS);
	assert_int_equal(events_of(EVENTS_JSON)->len, n);
}

static void test_every_row_is_whole_and_in_its_place(void **state)
{
	(void)state;
	for (unsigned p = 0; p < EVENT_PARTS; p++) {
		const struct event_rows *const t = events_of((enum event_part)p);
		for (size_t i = 0; i < t->len; i++) {
			const struct event_row *const r = &t->rows[i];
			assert_true(i == 0 || strcmp(t->rows[i - 1].name, r->name) < 0);
			assert_true(r->who != 0);
			assert_true((r->levels == 0) == (p == EVENTS_JSON));
			assert_true(strlen(r->meaning) > 10 && strlen(r->remedy) > 3);
			if (p < EVENTS_JSON)
				assert_ptr_equal(events_logged(r->name), r);
		}
	}
}

static void test_man_page_has_the_table_of_the_code(void **state)
{
	(void)state;
	man_page_has("deploy/man/lwgate-events.7", "events_print", events_print, "test_events");
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_sources_were_read),
		cmocka_unit_test(test_what_is_said_is_in_the_table),
		cmocka_unit_test(test_what_is_in_the_table_is_said),
		cmocka_unit_test(test_what_strangers_cause_is_bounded),
		cmocka_unit_test(test_the_objects_are_those_of_the_chronicle),
		cmocka_unit_test(test_every_row_is_whole_and_in_its_place),
		cmocka_unit_test(test_man_page_has_the_table_of_the_code),
	};
	if (argc > 1 && strcmp(argv[1], "print") == 0) {
		events_print(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, find, NULL);
}
