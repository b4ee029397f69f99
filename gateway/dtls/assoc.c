/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/assoc.h"

#include <string.h>

enum { IV_LEN = 16 };

/* What is sealed for a text: with a CID also the type and zeros, up to the next multiple of the
   bucket, unless that would be more than the peer takes. */
size_t dtls_assoc_inner(const struct dtls_assoc *a, const struct dtls_sealer *s, size_t len)
{
	if (a->cid_out_len == 0)
		return len;
	const size_t bucket = s->bucket > 0 ? s->bucket : 1;
	const size_t most = a->pad_max > 0 ? a->pad_max : DTLS_PLAIN_MAX;
	const size_t padded = (len + bucket) / bucket * bucket;
	if (padded <= most)
		return padded;
	return len < most ? most : len + 1;
}

size_t dtls_assoc_before(const struct dtls_assoc *a)
{
	return DTLS_RECORD_HEADER + (size_t)a->cid_out_len + dtls_guard_before(dtls_assoc_guard(a));
}

size_t dtls_assoc_size(const struct dtls_assoc *a, const struct dtls_sealer *s, size_t len)
{
	return DTLS_RECORD_HEADER + (size_t)a->cid_out_len +
	       dtls_guard_body(dtls_assoc_guard(a), dtls_assoc_inner(a, s, len));
}

bool dtls_assoc_hears(const struct dtls_assoc *a, const struct dtls_record *r)
{
	return a->cid_in_len == r->cid_len &&
	       (r->cid_len == 0 || memcmp(a->cid_in, r->cid, r->cid_len) == 0);
}

size_t dtls_assoc_seal(
	struct dtls_assoc *a, const struct dtls_sealer *s, uint8_t type, uint8_t *out, size_t len)
{
	if (a->wseq >= DTLS_RECORDS_MAX || a->wseq >= a->write_end)
		return 0;
	const enum dtls_guard how = dtls_assoc_guard(a);
	/* Taken before it is used: whatever fails below, this number is gone. */
	const struct dtls_number n = {
		.type = type,
		.epoch = 1,
		.seq = a->wseq++,
		.cid = a->cid_out,
		.cid_len = a->cid_out_len,
	};
	struct dtls_sealing sealing = {
		.key = &a->out, .n = &n, .inner = dtls_assoc_inner(a, s, len)
	};
	uint8_t iv[IV_LEN];
	if (how == DTLS_GUARD_ETM || how == DTLS_GUARD_MTE) {
		s->random(s->random_ctx, iv, sizeof(iv));
		sealing.random = iv;
	}
	return dtls_guard_seal(s->guards, how, &sealing, out, len);
}

enum dtls_opening dtls_assoc_open(struct dtls_assoc *a, struct dtls_guards *g,
	const struct dtls_record *r, uint8_t **plain, size_t *len)
{
	if (!dtls_assoc_hears(a, r))
		return DTLS_STRAY;
	if (!dtls_replay_check(&a->window, r->seq))
		return DTLS_REPLAYED;
	if (!dtls_guard_open(g, dtls_assoc_guard(a), &a->in, r, plain, len))
		return DTLS_FORGED;
	if (r->seq >= a->read_end)
		return DTLS_BEYOND;
	dtls_replay_mark(&a->window, r->seq);
	return DTLS_OPENED;
}
