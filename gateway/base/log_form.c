/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_form.h"

#include "base/log_words.h"
#include "base/wr.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { STAMP_MAX = 40 };

static void put_text(struct wr *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

/* What was begun at `from` goes again where there was no room for all of it. */
static void whole(struct wr *w, size_t from)
{
	if (wr_ok(w))
		return;
	w->len = from;
	w->bad = false;
}

static bool is_ours(const struct log_piece *p)
{
	static const char *const ours[] = { "ts", "level", "program", "thread", "event", "msg" };
	for (size_t i = 0; i < COUNT_OF(ours); i++) {
		if (strlen(ours[i]) == p->key_len && memcmp(ours[i], p->key, p->key_len) == 0)
			return true;
	}
	return false;
}

static struct log_words words_of(const struct log_line *l)
{
	return (struct log_words){ .at = l->words, .end = l->words + l->len };
}

/* --- logfmt ----------------------------------------------------------------------------------- */

static void put_stamp(struct wr *w, uint64_t wall_ms)
{
	char text[STAMP_MAX], whole_s[STAMP_MAX];
	const time_t s = (time_t)(wall_ms / 1000);
	struct tm parts;
	if (!gmtime_r(&s, &parts) ||
		strftime(whole_s, sizeof(whole_s), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
		return;
	(void)snprintf(text, sizeof(text), "ts=%.24s.%03uZ", whole_s, (unsigned)(wall_ms % 1000));
	put_text(w, text);
}

static bool needs_quotes(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == ' ' || text[i] == '"' || text[i] == '=' || text[i] == '\\')
			return true;
	}
	return len == 0;
}

static void put_escaped(struct wr *w, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			wr_u8(w, '\\');
		wr_u8(w, (uint8_t)text[i]);
	}
}

static void put_value(struct wr *w, const char *text, size_t len)
{
	if (!needs_quotes(text, len)) {
		wr_bytes(w, text, len);
		return;
	}
	wr_u8(w, '"');
	put_escaped(w, text, len);
	wr_u8(w, '"');
}

static void put_ours(struct wr *w, const char *key, const char *value)
{
	put_text(w, key);
	put_value(w, value, strlen(value));
}

static void put_pairs(struct wr *w, const struct log_line *l)
{
	struct log_words words = words_of(l);
	struct log_piece p;
	while (log_words_next(&words, &p)) {
		const size_t from = w->len;
		if (!p.key)
			continue;
		wr_u8(w, ' ');
		if (is_ours(&p))
			put_text(w, "said_");
		wr_bytes(w, p.key, p.key_len);
		wr_u8(w, '=');
		put_value(w, p.text, p.len);
		whole(w, from);
	}
}

static void put_message(struct wr *w, const struct log_line *l)
{
	struct log_words words = words_of(l);
	const size_t from = w->len;
	bool begun = false;
	struct log_piece p;
	while (log_words_next(&words, &p)) {
		if (p.key)
			continue;
		put_text(w, begun ? " " : " msg=\"");
		put_escaped(w, p.text, p.len);
		begun = true;
	}
	if (begun)
		wr_u8(w, '"');
	whole(w, from);
}

size_t log_form_logfmt(const struct log_line *l, char *out, size_t cap)
{
	if (cap == 0)
		return 0;
	struct wr w = wr_into((uint8_t *)out, cap - 1); /* the newline's octet is kept */
	put_stamp(&w, l->wall_ms);
	put_ours(&w, " level=", log_level_name(l->level));
	put_ours(&w, " program=", l->program);
	if (strcmp(l->thread, l->program) != 0)
		put_ours(&w, " thread=", l->thread);
	put_ours(&w, " event=", l->event);
	whole(&w, 0);
	if (w.len > 0) {
		put_pairs(&w, l);
		put_message(&w, l);
	}
	out[w.len] = '\n';
	return w.len + 1;
}

/* --- journal ---------------------------------------------------------------------------------- */

static const char *priority_of(enum log_level level)
{
	static const char *const of[] = {
		[LOG_LEVEL_ERROR] = "3",
		[LOG_LEVEL_WARN] = "4",
		[LOG_LEVEL_INFO] = "6",
		[LOG_LEVEL_DEBUG] = "7",
	};
	return of[level];
}

static void put_field(struct wr *w, const char *name, const char *value)
{
	const size_t from = w->len;
	put_text(w, name);
	put_text(w, value);
	wr_u8(w, '\n');
	whole(w, from);
}

static void put_pair_field(struct wr *w, const struct log_piece *p)
{
	const size_t from = w->len;
	put_text(w, is_ours(p) ? "LWGATE_SAID_" : "LWGATE_");
	for (size_t i = 0; i < p->key_len; i++) {
		const char c = p->key[i];
		wr_u8(w, (uint8_t)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
	}
	wr_u8(w, '=');
	wr_bytes(w, p->text, p->len);
	wr_u8(w, '\n');
	whole(w, from);
}

size_t log_form_journal(const struct log_line *l, char *out, size_t cap)
{
	struct wr w = wr_into((uint8_t *)out, cap);
	struct log_words words = words_of(l);
	struct log_piece p;
	put_text(&w, "MESSAGE=");
	put_text(&w, l->event);
	wr_u8(&w, ' ');
	wr_bytes(&w, l->words, l->len);
	wr_u8(&w, '\n');
	whole(&w, 0);
	put_field(&w, "PRIORITY=", priority_of(l->level));
	put_field(&w, "SYSLOG_IDENTIFIER=", l->program);
	put_field(&w, "LWGATE_EVENT=", l->event);
	if (strcmp(l->thread, l->program) != 0)
		put_field(&w, "LWGATE_THREAD=", l->thread);
	while (log_words_next(&words, &p)) {
		if (p.key)
			put_pair_field(&w, &p);
	}
	return w.len;
}
