/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/assoc.h"

bool dtls_assoc_seal(
	struct dtls_assoc *a, struct dtls_aead *aead, uint8_t type, uint8_t *out, size_t len)
{
	if (a->wseq >= DTLS_RECORDS_MAX || a->wseq >= a->write_end)
		return false;
	/* Taken before it is used: whatever fails below, this number is gone. */
	const struct dtls_number n = { .type = type, .epoch = 1, .seq = a->wseq++ };
	return dtls_seal(aead, &a->out, &n, out, len);
}

enum dtls_opening dtls_assoc_open(struct dtls_assoc *a, struct dtls_aead *aead,
	const struct dtls_record *r, uint8_t **plain, size_t *len)
{
	if (!dtls_replay_check(&a->window, r->seq))
		return DTLS_REPLAYED;
	if (!dtls_open(aead, &a->in, r, plain, len))
		return DTLS_FORGED;
	if (r->seq >= a->read_end)
		return DTLS_BEYOND;
	dtls_replay_mark(&a->window, r->seq);
	return DTLS_OPENED;
}
