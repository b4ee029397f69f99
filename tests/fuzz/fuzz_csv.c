/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/csv_cred.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that has been read, written anew. */
static bool each(void *ctx, const struct ctl_cred *c)
{
	const bool psk = c->kind == CTL_CRED_PSK, nosec = c->kind == CTL_CRED_NOSEC;
	if (c->endpoint[0] == '\0' || strlen(c->endpoint) > CTL_NAME_MAX ||
		(c->key_len > 0) != psk || c->key_len > CTL_KEY_MAX || c->line < 2 ||
		(!psk && !nosec && c->identity_len < 1) || (nosec && c->identity_len > 0) ||
		(c->pinned && c->kind != CTL_CRED_CERTIFICATE))
		abort();
	csv_cred_row(ctx, true, c);
	return true;
}

/* Pieces of `piece` octets. */
static bool read_all(const uint8_t *data, size_t size, size_t piece, struct ctl_out *out)
{
	struct csv_cred *c = malloc(sizeof(*c));
	bool ok = true;
	if (c == NULL)
		abort();
	csv_cred_begin(c, each, out);
	csv_cred_titles(out, true);
	for (size_t at = 0; ok && at < size; at += piece)
		ok = csv_cred_feed(
			c, (const char *)data + at, size - at < piece ? size - at : piece);
	ok = ok && csv_cred_end(c);
	if (!ok) {
		unsigned line = 0;
		const char *why = csv_cred_why(c, &line);
		if (line < 1 || why[0] == '\0' || strpbrk(why, "\r\n") != NULL)
			abort();
	}
	free(c);
	return ok && !out->bad;
}

static bool same(const struct ctl_out *a, const struct ctl_out *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* In whatever pieces it comes, it is the same; and what is written is read as what it was. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_out whole = { 0 }, pieces = { 0 }, again = { 0 };
	const bool ok = read_all(data, size, size + 1, &whole);
	if (read_all(data, size, size % 7 + 1, &pieces) != ok || !same(&whole, &pieces))
		abort();
	if (ok && (!read_all((const uint8_t *)whole.data, whole.len, whole.len, &again) ||
			  !same(&whole, &again)))
		abort();
	ctl_out_fini(&whole);
	ctl_out_fini(&pieces);
	ctl_out_fini(&again);
	return 0;
}
