/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/context.h"

#include "base/rd.h"
#include "base/wipe.h"
#include "base/wr.h"

#include <assert.h>
#include <string.h>

enum {
	LEN_MAX = 1 + 2 * (DTLS_KEY_LEN + DTLS_IV_LEN) + 8 + 1 + 1 + 6 + DTLS_FINISHED_LEN,
};

_Static_assert((int)LEN_MAX <= (int)DTLS_CONTEXT_MAX, "every context fits");

static void put_key(struct wr *w, const struct dtls_key *k)
{
	wr_bytes(w, k->key, sizeof(k->key));
	wr_bytes(w, k->iv, sizeof(k->iv));
}

static void take_key(struct rd *r, struct dtls_key *k)
{
	rd_copy(r, k->key, sizeof(k->key));
	rd_copy(r, k->iv, sizeof(k->iv));
}

size_t dtls_context_encode(const struct dtls_context *c, uint8_t out[DTLS_CONTEXT_MAX])
{
	struct wr w = wr_into(out, DTLS_CONTEXT_MAX);
	wr_u8(&w, DTLS_CONTEXT_VERSION);
	put_key(&w, &c->in);
	put_key(&w, &c->out);
	wr_u64(&w, c->hello_tag);
	wr_u8(&w, c->fragment_code);
	wr_u8(&w, c->finished_len);
	if (c->finished_len > 0) {
		wr_u48(&w, c->plain_base);
		wr_bytes(&w, c->finished, c->finished_len);
	}
	assert(wr_ok(&w));
	return w.len;
}

bool dtls_context_decode(const uint8_t *bytes, size_t len, struct dtls_context *out)
{
	struct rd r = rd_from(bytes, len);
	*out = (struct dtls_context){ 0 };
	const bool known = rd_u8(&r) == DTLS_CONTEXT_VERSION;
	take_key(&r, &out->in);
	take_key(&r, &out->out);
	out->hello_tag = rd_u64(&r);
	out->fragment_code = rd_u8(&r);
	const uint8_t finished_len = rd_u8(&r);
	if (finished_len > 0 && finished_len <= DTLS_FINISHED_LEN) {
		out->finished_len = finished_len;
		out->plain_base = rd_u48(&r);
		rd_copy(&r, out->finished, finished_len);
	}
	if (known && out->fragment_code <= DTLS_FRAGMENT_CODE_MAX &&
		finished_len <= DTLS_FINISHED_LEN && rd_end(&r))
		return true;
	wipe(out, sizeof(*out));
	return false;
}
