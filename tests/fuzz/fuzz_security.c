/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of LwM2M Security Objects. The first octet's last bit: is the endpoint said beside the
 * file? In whatever pieces a file comes, the same is read; and each credential is one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/wr.h"
#include "ctl/security_object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 16 };

struct reading {
	struct security_object object;
	struct wr w; /* of what has come, as on the wire */
	uint8_t out[OUT_MAX];
	size_t count;
};

static void check(const struct ctl_cred *c)
{
	const bool psk = c->kind == CTL_CRED_PSK;
	if (c->endpoint[0] == '\0' || strlen(c->endpoint) > CTL_NAME_MAX || c->line < 2 ||
		c->identity_len < 1 || c->identity_len > CTL_NAME_MAX || (c->key_len > 0) != psk ||
		c->key_len > CTL_KEY_MAX ||
		(c->upstream_key_len > 0) != (c->upstream_identity_len > 0) ||
		(c->pinned && c->kind != CTL_CRED_CERTIFICATE) ||
		(c->kind == CTL_CRED_RAW_KEY && c->identity_len != CTL_PIN_LEN))
		abort();
}

static bool each(void *ctx, const struct ctl_cred *c)
{
	struct reading *r = ctx;
	check(c);
	r->count++;
	if (OUT_MAX - r->w.len >= CTL_CRED_MAX)
		ctl_cred_write(&r->w, c);
	return true;
}

static bool read_all(
	struct reading *r, const char *endpoint, const uint8_t *data, size_t size, size_t piece)
{
	bool ok = true;
	*r = (struct reading){ .w = wr_into(r->out, OUT_MAX) };
	security_object_begin(&r->object, endpoint, each, r);
	for (size_t at = 0; ok && at < size; at += piece)
		ok = security_object_feed(
			&r->object, (const char *)data + at, size - at < piece ? size - at : piece);
	ok = ok && security_object_end(&r->object);
	if (!ok) {
		unsigned line = 0;
		const char *why = security_object_why(&r->object, &line);
		if (line < 1 || why[0] == '\0' || strpbrk(why, "\r\n") != NULL)
			abort();
	}
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading *whole = calloc(1, sizeof(*whole)), *pieces = calloc(1, sizeof(*pieces));
	if (whole == NULL || pieces == NULL)
		abort();
	const char *const endpoint = size > 0 && (data[0] & 1) != 0 ? "e" : NULL;
	data += size > 0;
	size -= size > 0;
	const bool ok = read_all(whole, endpoint, data, size, size + 1);
	if (read_all(pieces, endpoint, data, size, size % 7 + 1) != ok ||
		whole->count != pieces->count || whole->w.len != pieces->w.len ||
		memcmp(whole->out, pieces->out, whole->w.len) != 0)
		abort();
	free(whole);
	free(pieces);
	return 0;
}
