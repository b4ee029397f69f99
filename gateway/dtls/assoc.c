/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/assoc.h"

enum { IV_LEN = 16 };

size_t dtls_assoc_seal(
	struct dtls_assoc *a, const struct dtls_sealer *s, uint8_t type, uint8_t *out, size_t len)
{
	if (a->wseq >= DTLS_RECORDS_MAX || a->wseq >= a->write_end)
		return 0;
	const enum dtls_guard how = dtls_assoc_guard(a);
	/* Taken before it is used: whatever fails below, this number is gone. */
	const struct dtls_number n = { .type = type, .epoch = 1, .seq = a->wseq++ };
	struct dtls_sealing sealing = { .key = &a->out, .n = &n };
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
	if (!dtls_replay_check(&a->window, r->seq))
		return DTLS_REPLAYED;
	if (!dtls_guard_open(g, dtls_assoc_guard(a), &a->in, r, plain, len))
		return DTLS_FORGED;
	if (r->seq >= a->read_end)
		return DTLS_BEYOND;
	dtls_replay_mark(&a->window, r->seq);
	return DTLS_OPENED;
}
