/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log_words: the words of a log's line as what they say: pairs key=value, and free text.
 *
 * A pair begins a word: a key of a-z, 0-9 and '_' that begins with a letter, '=', and a value up to
 * the next space. A value that begins with '"' ends at the next '"' that a space or the end
 * follows, or at the end; its quotes are not part of it. All else is free text.
 *
 * Promise: total; what is handed out lies within the words. What somebody else calls himself or his
 *          things is no more than a word where log_word() is between: it forges no pair.
 * Errors:  none. Clock, I/O, memory: none. Threads: any.
 */
#ifndef LWG_BASE_LOG_WORDS_H
#define LWG_BASE_LOG_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum { LOG_KEY_MAX = 32 };

struct log_words {
	const char *at, *end;
};

struct log_piece {
	const char *key; /* NULL: free text */
	size_t key_len;  /* LOG_KEY_MAX at most */
	const char *text;
	size_t len;
};

/* In their order; false: there is no more. */
bool log_words_next(struct log_words *w, struct log_piece *out);
/* text for a line, cut to cap - 1 octets: spaces, quotes, and what is not ASCII or is not printed
   become '.'. Returns out. */
const char *log_word(const char *text, char *out, size_t cap);

#endif
