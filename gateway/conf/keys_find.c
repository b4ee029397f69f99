/* SPDX-License-Identifier: Apache-2.0 */
/* Keys by their paths, and what somebody probably meant. */
#include "conf/keys.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_COMPARED = 64 };

uint64_t conf_row_number(const struct conf_row *r)
{
	const enum conf_key other = conf_key_find(r->initial);
	return strtoull(other == KEY_COUNT ? r->initial : conf_rows[other].initial, NULL, 10);
}

enum conf_key conf_key_find(const char *path)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(conf_rows[i].path, path) == 0)
			return (enum conf_key)i;
	}
	return KEY_COUNT;
}

bool conf_key_is_group(const char *path)
{
	const size_t len = strlen(path);
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strncmp(conf_rows[i].path, path, len) == 0 && conf_rows[i].path[len] == '.')
			return true;
	}
	return false;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t conf_distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_COMPARED + 1];
	const size_t a_len = strlen(a), b_len = strlen(b);
	if (a_len > NAME_MAX_COMPARED || b_len > NAME_MAX_COMPARED)
		return SIZE_MAX / 2;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			const size_t swap = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			row[j] = least(swap, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_len];
}

static const char *leaf(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot == NULL ? path : dot + 1;
}

const char *conf_key_nearest(const char *path)
{
	const char *best = NULL;
	size_t best_edits = strlen(leaf(path)) / 2 + 1;
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const char *other = conf_rows[i].path;
		/* The right name in the wrong group is a little further than a typing error. */
		const size_t edits = least(
			conf_distance(path, other), conf_distance(leaf(path), leaf(other)) + 1);
		if (edits < best_edits) {
			best_edits = edits;
			best = other;
		}
	}
	return best;
}

bool conf_word_known(const char *words, const char *word)
{
	const size_t len = strlen(word);
	for (const char *at = words; len > 0; at++) {
		const size_t one = strcspn(at, "|");
		if (one == len && memcmp(at, word, len) == 0)
			return true;
		at += one;
		if (*at == '\0')
			return false;
	}
	return false;
}
