/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/keyfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/wipe.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const char *text, size_t len, struct keyfile_entry *out)
{
	if (len == 0 || len % 2 != 0 || len / 2 > sizeof(out->key))
		return false;
	for (size_t i = 0; i < len; i += 2) {
		const int high = digit(text[i]), low = digit(text[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out->key[i / 2] = (uint8_t)(high << 4 | low);
	}
	out->key_len = len / 2;
	return true;
}

/* The next word and its length; moves *line behind it. */
static const char *word(const char **line, size_t *len)
{
	const char *start = *line + strspn(*line, " \t");
	*len = strcspn(start, " \t");
	*line = start + *len;
	return start;
}

static bool copy_name(char out[KEYFILE_NAME_MAX], const char *text, size_t len)
{
	if (len == 0 || len >= KEYFILE_NAME_MAX)
		return false;
	memcpy(out, text, len);
	out[len] = 0;
	return true;
}

bool keyfile_line(const char *line, struct keyfile_entry *out)
{
	size_t identity_len, key_len, endpoint_len, rest_len;
	*out = (struct keyfile_entry){ .key_len = 0 };
	const char *identity = word(&line, &identity_len);
	const char *key = word(&line, &key_len);
	const char *endpoint = word(&line, &endpoint_len);
	(void)word(&line, &rest_len);
	if (endpoint_len == 0) {
		endpoint = identity;
		endpoint_len = identity_len;
	}
	return rest_len == 0 && copy_name(out->identity, identity, identity_len) &&
	       copy_name(out->endpoint, endpoint, endpoint_len) && unhex(key, key_len, out);
}

static int by_identity(const void *a, const void *b)
{
	const struct keyfile_entry *x = a, *y = b;
	return strcmp(x->identity, y->identity);
}

static bool append(struct keyfile *k, const struct keyfile_entry *e)
{
	/* Grows at powers of two. The old block holds keys, so it is wiped by hand. */
	if ((k->len & (k->len - 1)) == 0) {
		const size_t room = k->len ? 2 * k->len : 1;
		struct keyfile_entry *more = calloc(room, sizeof(*more));
		if (!more)
			return false;
		if (k->len)
			memcpy(more, k->entries, k->len * sizeof(*more));
		const size_t len = k->len;
		keyfile_free(k);
		*k = (struct keyfile){ .entries = more, .len = len };
	}
	k->entries[k->len++] = *e;
	return true;
}

static bool read_lines(struct keyfile *k, FILE *f, const char *file, char *error, size_t error_len)
{
	char line[KEYFILE_LINE_MAX];
	struct keyfile_entry e;
	bool good = true;
	for (unsigned number = 1; good && fgets(line, sizeof(line), f); number++) {
		line[strcspn(line, "\r\n")] = 0;
		if (line[strspn(line, " \t")] == 0 || line[0] == '#')
			continue;
		good = keyfile_line(line, &e) && append(k, &e);
		if (!good)
			(void)snprintf(error, error_len,
				"%s:%u: must be: identity hexkey [endpoint]", file, number);
	}
	wipe(line, sizeof(line));
	wipe(&e, sizeof(e));
	return good;
}

static bool no_duplicates(struct keyfile *k, const char *file, char *error, size_t error_len)
{
	if (k->len > 0)
		qsort(k->entries, k->len, sizeof(*k->entries), by_identity);
	for (size_t i = 1; i < k->len; i++) {
		if (strcmp(k->entries[i - 1].identity, k->entries[i].identity) == 0) {
			(void)snprintf(error, error_len, "%s: identity %s is there twice", file,
				k->entries[i].identity);
			return false;
		}
	}
	if (k->len == 0)
		(void)snprintf(error, error_len, "%s: no keys in it", file);
	return k->len > 0;
}

bool keyfile_load(struct keyfile *k, const char *file, char *error, size_t error_len)
{
	struct stat st;
	*k = (struct keyfile){ .len = 0 };
	FILE *f = fopen(file, "re");
	if (!f || fstat(fileno(f), &st) != 0) {
		(void)snprintf(error, error_len, "%s: %s", file, strerror(errno));
		if (f)
			(void)fclose(f);
		return false;
	}
	bool good = (st.st_mode & 07) == 0;
	if (!good)
		(void)snprintf(error, error_len, "%s: others can read it; chmod 600", file);
	good = good && read_lines(k, f, file, error, error_len) &&
	       no_duplicates(k, file, error, error_len);
	(void)fclose(f);
	if (!good)
		keyfile_free(k);
	return good;
}

void keyfile_free(struct keyfile *k)
{
	if (k->entries)
		wipe(k->entries, k->len * sizeof(*k->entries));
	free(k->entries);
	*k = (struct keyfile){ .len = 0 };
}

bool keyfile_find(const struct keyfile *k, const uint8_t *identity, size_t len, size_t *number)
{
	struct keyfile_entry wanted;
	if (k->len == 0 || len == 0 || len >= sizeof(wanted.identity) || memchr(identity, 0, len))
		return false;
	memcpy(wanted.identity, identity, len);
	wanted.identity[len] = 0;
	const struct keyfile_entry *e =
		bsearch(&wanted, k->entries, k->len, sizeof(*e), by_identity);
	if (!e)
		return false;
	*number = (size_t)(e - k->entries);
	return true;
}
