/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/words: the words of the files, each list in the order of its enum.
 *
 * Promise: constant; the reader, the man page and what is told to operators have the same words.
 * Threads: any.
 */
#ifndef LWG_POLICY_WORDS_H
#define LWG_POLICY_WORDS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

struct policy_words {
	const char *const *words;
	size_t len;
};

extern const struct policy_words policy_words_event;   /* enum policy_event */
extern const struct policy_words policy_words_action;  /* enum policy_action */
extern const struct policy_words policy_words_kind;    /* enum policy_kind */
extern const struct policy_words policy_words_channel; /* enum policy_channel */
extern const struct policy_words policy_words_state;   /* "asleep", "awake": bool awake */
extern const struct policy_words policy_words_link;    /* "down", "up": bool upstream_up */
extern const struct policy_words policy_words_resume;  /* "keep", "refuse": bool refuse_... */
extern const struct policy_words policy_words_suite;   /* in the order of base/suite */

/* The place of a word; false: it is none of them. */
MUST_USE bool policy_word_find(const struct policy_words *w, const char *text, size_t *out);
/* The one that looks most like `text`; NULL: none does. */
const char *policy_word_nearest(const struct policy_words *w, const char *text);
/* All of them as "a, b or c". */
const char *policy_words_say(const struct policy_words *w, char *out, size_t cap);

#endif
