/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/assoc: the keys and numbers of one association in epoch 1, and the one owner of its nonces
 * (I1, R-133).
 *
 * Promise: each call of dtls_assoc_seal() takes a new number, also when it then fails: none is used
 *          twice, and none at or beyond write_end. dtls_assoc_open() moves the window only for a
 *          record whose tag verified and whose number is below read_end (S11).
 * Errors:  a result; the association is never harmed by what does not open.
 * Memory:  can be copied, packed and moved; the one pointer inside, to the peer's CID, belongs to
 *          who holds the association. Wiped by its owner. All zero, it may neither seal nor open:
 *          whoever makes one gives it its bounds.
 * Threads: the worker that owns it.
 * Source:  RFC 6347 section 4.1; RFC 9147 section 4.5.3 for the bound on records, which RFC 6655
 *          lacks; RFC 9146 sections 3 to 5.
 */
#ifndef LWG_DTLS_ASSOC_H
#define LWG_DTLS_ASSOC_H

#include "base/attr.h"
#include "dtls/cid.h"
#include "dtls/guard.h"
#include "dtls/record.h"
#include "dtls/replay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DTLS_RECORDS_MAX = 1 << 23, /* records under one key */
	DTLS_RECORDS_SPARE = 32,    /* of them: not for messages, but for alerts and a Finished */
};

struct dtls_assoc {
	struct dtls_key in; /* what the peer writes with */
	struct dtls_key out;
	struct dtls_replay window;
	uint64_t wseq;      /* the next number that is written, epoch 1 */
	uint64_t write_end; /* it stays below; UINT64_MAX: only DTLS_RECORDS_MAX bounds it */
	uint64_t read_end;  /* numbers from here on are not let in; UINT64_MAX: no bound */
	/* RFC 9146. The peer's, for what we write; its holder's: in a copy it is only lent. */
	uint8_t *cid_out;
	uint8_t cid_out_len; /* 0: we write classic records */
	/* Ours, for what it writes; 0: it writes classic records. What comes otherwise is not tried
	 */
	uint8_t cid_in_len;
	uint8_t cid_in[DTLS_CID_OURS_MAX];
	uint8_t guard; /* enum dtls_guard */
	/* Octets that padding must not pass: max_fragment_length; 0: as many as a record holds. */
	uint16_t pad_max;
};

/* What a worker seals with. */
struct dtls_sealer {
	struct dtls_guards *guards;
	/* Unpredictable bytes, for the IVs of CBC. */
	void (*random)(void *ctx, uint8_t *out, size_t len);
	void *random_ctx;
	/* Records with a CID are padded to a multiple of so many octets; 0 or 1: not. */
	size_t bucket;
};

enum dtls_opening {
	DTLS_OPENED,
	DTLS_REPLAYED,
	DTLS_FORGED,
	DTLS_BEYOND, /* authentic, but at or above read_end */
	DTLS_STRAY,  /* with a CID where none was agreed, without it, or with another */
};

/* True when no number is left for messages; alerts may still go. */
MUST_USE static inline bool dtls_assoc_spent(const struct dtls_assoc *a)
{
	return a->wseq >= DTLS_RECORDS_MAX - DTLS_RECORDS_SPARE;
}

/* True when no number may be used until write_end is a higher one. */
MUST_USE static inline bool dtls_assoc_starved(const struct dtls_assoc *a)
{
	return a->wseq >= a->write_end;
}

MUST_USE static inline enum dtls_guard dtls_assoc_guard(const struct dtls_assoc *a)
{
	return (enum dtls_guard)a->guard;
}

/* What is sealed for a text of len octets: with a CID also its type, and padding. */
MUST_USE size_t dtls_assoc_inner(
	const struct dtls_assoc *a, const struct dtls_sealer *s, size_t len);
/* Octets before the text of a record that we write. */
MUST_USE size_t dtls_assoc_before(const struct dtls_assoc *a);
/* And the length of such a record in all. */
MUST_USE size_t dtls_assoc_size(
	const struct dtls_assoc *a, const struct dtls_sealer *s, size_t len);
/* The longest text of a record that we write: the type inside takes an octet of it. */
MUST_USE static inline size_t dtls_assoc_text_max(const struct dtls_assoc *a)
{
	return a->cid_out_len > 0 ? DTLS_PLAIN_MAX - 1 : DTLS_PLAIN_MAX;
}
/* Is the record's CID what was agreed for this direction: ours, or none? */
MUST_USE bool dtls_assoc_hears(const struct dtls_assoc *a, const struct dtls_record *r);

/* As dtls_guard_seal(), with the next number of the association, and padded; the text stands after
   dtls_assoc_before() octets. 0 also when no number is left. */
MUST_USE size_t dtls_assoc_seal(
	struct dtls_assoc *a, const struct dtls_sealer *s, uint8_t type, uint8_t *out, size_t len);

/* As dtls_guard_open(), for a record of epoch 1; checks the window before and marks it after. A
   body that was not opened is destroyed unless the answer is DTLS_REPLAYED or DTLS_STRAY. */
MUST_USE enum dtls_opening dtls_assoc_open(struct dtls_assoc *a, struct dtls_guards *g,
	const struct dtls_record *r, uint8_t **plain, size_t *len);

#endif
