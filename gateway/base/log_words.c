/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_words.h"

#include <string.h>

/* Octets of a key at `at`; 0: no pair begins there. */
static size_t key_at(const char *at, const char *end)
{
	size_t n = 0;
	if (at == end || *at < 'a' || *at > 'z')
		return 0;
	while (at + n < end &&
		((at[n] >= 'a' && at[n] <= 'z') || (at[n] >= '0' && at[n] <= '9') || at[n] == '_'))
		n++;
	return at + n < end && at[n] == '=' && n <= LOG_KEY_MAX ? n : 0;
}

static const char *space_at(const char *at, const char *end)
{
	const char *const found = memchr(at, ' ', (size_t)(end - at));
	return found ? found : end;
}

/* The quote that ends a value. */
static const char *quote_at(const char *at, const char *end)
{
	for (; at < end; at++) {
		if (*at == '"' && (at + 1 == end || at[1] == ' '))
			return at;
	}
	return end;
}

static void take_pair(struct log_words *w, size_t key_len, struct log_piece *out)
{
	const char *const value = w->at + key_len + 1;
	const bool quoted = value < w->end && *value == '"';
	const char *const text = quoted ? value + 1 : value;
	const char *const stop = quoted ? quote_at(text, w->end) : space_at(text, w->end);
	*out = (struct log_piece){
		.key = w->at, .key_len = key_len, .text = text, .len = (size_t)(stop - text)
	};
	w->at = quoted && stop < w->end ? stop + 1 : stop;
}

/* Up to the next pair. */
static void take_text(struct log_words *w, struct log_piece *out)
{
	const char *const from = w->at;
	const char *stop = from;
	while (w->at < w->end && key_at(w->at, w->end) == 0) {
		stop = space_at(w->at, w->end);
		w->at = stop;
		while (w->at < w->end && *w->at == ' ')
			w->at++;
	}
	*out = (struct log_piece){ .text = from, .len = (size_t)(stop - from) };
}

const char *log_word(const char *text, char *out, size_t cap)
{
	size_t n = 0;
	for (; text[n] != '\0' && n + 1 < cap; n++) {
		out[n] = text[n];
		if ((unsigned char)out[n] <= ' ' || (unsigned char)out[n] >= 0x7f || out[n] == '"')
			out[n] = '.';
	}
	out[n] = '\0';
	return out;
}

bool log_words_next(struct log_words *w, struct log_piece *out)
{
	while (w->at < w->end && *w->at == ' ')
		w->at++;
	if (w->at == w->end)
		return false;
	const size_t key_len = key_at(w->at, w->end);
	if (key_len > 0)
		take_pair(w, key_len, out);
	else
		take_text(w, out);
	return true;
}
