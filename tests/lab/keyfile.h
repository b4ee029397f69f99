/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/keyfile: the upstream servers' keys: a text file, one client a line: `identity hexkey
 * [endpoint]`.
 *
 * Promise: a file that others can read is refused, as are duplicates and bad lines; errors name
 *          the line, never a key. '#' begins a comment line. The endpoint is the identity where
 *          none is given. Keys are wiped by keyfile_free().
 * Threads: read-only after keyfile_load().
 */
#ifndef LWG_LAB_KEYFILE_H
#define LWG_LAB_KEYFILE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEYFILE_NAME_MAX = 129, KEYFILE_KEY_MAX = 64, KEYFILE_LINE_MAX = 512 };

struct keyfile_entry {
	char identity[KEYFILE_NAME_MAX], endpoint[KEYFILE_NAME_MAX];
	uint8_t key[KEYFILE_KEY_MAX];
	size_t key_len;
};

struct keyfile { /* sorted by identity */
	struct keyfile_entry *entries;
	size_t len;
};

/* False: *error (error_len bytes) says why. */
MUST_USE bool keyfile_load(struct keyfile *k, const char *file, char *error, size_t error_len);
void keyfile_free(struct keyfile *k);
/* Number of the entry, or false. */
MUST_USE bool keyfile_find(
	const struct keyfile *k, const uint8_t *identity, size_t len, size_t *number);
/* One line (without its end) into an entry; false when it is wrong. Pure. */
MUST_USE bool keyfile_line(const char *line, struct keyfile_entry *out);

#endif
