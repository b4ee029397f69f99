/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a log's line in each form: an octet for the room, then the words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_form.h"
#include "base/log_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the log makes of octets before anyone reads the words. */
static char *words_of(const uint8_t *data, size_t size)
{
	char *const words = malloc(size + 1);
	if (words == NULL)
		abort();
	for (size_t i = 0; i < size; i++)
		words[i] = (char)(data[i] < 0x20 || data[i] == 0x7f ? (uint8_t)'.' : data[i]);
	return words;
}

/* One line, of which only the last octet ends it. */
static void look_at(const char *out, size_t len, size_t cap, bool one)
{
	if (len > cap || (len > 0 && out[len - 1] != '\n'))
		abort();
	if (one && len > 0 && memchr(out, '\n', len) != out + len - 1)
		abort();
}

/* As many quotes that are not escaped as pairs of them. */
static void look_at_quotes(const char *out, size_t len)
{
	bool inside = false;
	for (size_t i = 0; i < len; i++) {
		if (inside && out[i] == '\\')
			i++;
		else if (out[i] == '"')
			inside = !inside;
	}
	if (inside)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > LOG_LINE_MAX)
		return 0;
	const size_t cap = data[0] == 0 ? LOG_FORM_MAX : data[0];
	char *const words = words_of(data + 1, size - 1);
	char *const out = malloc(cap);
	const struct log_line l = { .level = LOG_LEVEL_INFO,
		.program = "lwgated",
		.thread = "worker-0",
		.event = "e",
		.words = words,
		.len = size - 1 };
	if (out == NULL)
		abort();
	size_t len = log_form_logfmt(&l, out, cap);
	look_at(out, len, cap, true);
	look_at_quotes(out, len);
	len = log_form_journal(&l, out, cap);
	look_at(out, len, cap, false);
	free(out);
	free(words);
	return 0;
}
