/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy/read: a group of a file as it stands: each value of the right type and in its range, no
 *              key that is unknown, none missing.
 *
 * Errors:  false with the reader's *error filled: file, line, what, and what would be right.
 * Threads: any, one reader each.
 */
#ifndef LWG_POLICY_READ_H
#define LWG_POLICY_READ_H

#include "base/attr.h"
#include "policy/keys.h"
#include "policy/policy.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_error;
struct config_setting_t;

struct policy_reader {
	const char *name; /* of the file; borrowed */
	char where[96];   /* what is being read: "rule \"a\""; "": the file */
	struct conf_error *error;
};

struct policy_value {
	const struct config_setting_t *node; /* NULL: it is not there */
	unsigned line;                       /* then that of its group */
	const char *text;                    /* of PTYPE_TEXT; lives as long as the tree */
	uint64_t number; /* NUMBER, BOOL; WORD: its place; WORDS: a bit for each place */
};

bool policy_fail(struct policy_reader *r, unsigned line, const char *form, ...) PRINTF_LIKE(3, 4);
/* What of the file is being read: "rule", "a": rule "a". name "": without. */
void policy_reader_at(struct policy_reader *r, const char *what, const char *name);

/* values: PKEYS of them; those of `place` are set. */
MUST_USE bool policy_read_group(struct policy_reader *r, const struct config_setting_t *group,
	enum policy_place place, struct policy_value *values);
/* The texts of a value of PTYPE_TEXTS. */
size_t policy_texts_len(const struct policy_value *v);
const char *policy_texts_at(const struct policy_value *v, size_t number);
/* The number-th group of a value of PTYPE_LIST, and its line. */
const struct config_setting_t *policy_list_at(
	const struct policy_value *v, size_t number, unsigned *line);
size_t policy_list_len(const struct policy_value *v);

struct policy_leg_read {
	struct policy_leg leg;
	unsigned line;
	bool word;                           /* written as a word */
	bool has_within, has_for, has_until; /* what stands there */
};

/* A value of PTYPE_LEG, as it stands. */
MUST_USE bool policy_read_leg(
	struct policy_reader *r, const struct policy_value *v, struct policy_leg_read *out);

/* A file that has one group or list of this name and nothing else; then its group or list. The
   text is read by the rules of conf/mask. */
typedef bool policy_read_root(
	struct policy_reader *r, const struct config_setting_t *node, void *context);
struct policy_root {
	const char *name; /* "policy" */
	bool list;        /* a list; else a group */
	const char *example;
	policy_read_root *read;
	void *context;
};
MUST_USE bool policy_read_text(const char *text, const char *name, const struct policy_root *root,
	struct conf_error *error);
MUST_USE bool policy_read_file(
	const char *file, const struct policy_root *root, struct conf_error *error);

#endif
