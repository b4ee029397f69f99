/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/context: what of an association is written down when it leaves memory: its keys, what was
 * agreed, and the final flight while the peer may still ask for it. Not its numbers, which change
 * with each record, and not its path.
 *
 * Promise: encoding is total and fits DTLS_CONTEXT_MAX; decoding is pure, total and bounded, and
 *          takes only what encoding makes: whatever it takes encodes to the same bytes.
 * Errors:  a bool; *out is then all zero. Clock, I/O, allocation: none.
 * Memory:  both forms are secret: their holders wipe them.
 * Threads: any.
 * Source:  none: the format is ours. Its first byte is its version.
 */
#ifndef LWG_DTLS_CONTEXT_H
#define LWG_DTLS_CONTEXT_H

#include "base/attr.h"
#include "dtls/cid.h"
#include "dtls/engine.h"
#include "dtls/guard.h"
#include "dtls/hello.h"
#include "dtls/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* Of PSK with CCM_8, as it was before there were other suites. */
	DTLS_CONTEXT_VERSION_1 = 1,
	/* Of every other suite: the suite and its guard follow; keys are those of the guard. */
	DTLS_CONTEXT_VERSION_2 = 2,
	/* Of every suite, with a CID in at least one direction. */
	DTLS_CONTEXT_VERSION_3 = 3,
	DTLS_FRAGMENT_CODE_MAX = 4, /* RFC 6066 4 */
};

struct dtls_context {
	struct dtls_key in, out; /* what the guard does not use is zero */
	uint64_t hello_tag;
	uint16_t suite;        /* its number; one of base/suite */
	uint8_t guard;         /* enum dtls_guard; one that the suite can have */
	uint8_t fragment_code; /* <= DTLS_FRAGMENT_CODE_MAX; 0 = none */
	uint8_t finished_len;  /* <= DTLS_FINISHED_LEN; 0: no final flight is kept */
	uint8_t finished[DTLS_FINISHED_LEN];
	bool routability;   /* RFC 9853; with a CID only */
	uint8_t cid_in_len; /* ours; 0 = none */
	uint8_t cid_in[DTLS_CID_OURS_MAX];
	uint8_t cid_out_len; /* the peer's; 0 = none */
	uint8_t cid_out[DTLS_CID_MAX];
	uint64_t plain_base; /* <= DTLS_SEQ_MAX; see struct dtls_linger; 0 when none is kept */
};

/* Returns the length. Suite and guard belong together. */
size_t dtls_context_encode(const struct dtls_context *c, uint8_t out[DTLS_CONTEXT_MAX]);
MUST_USE bool dtls_context_decode(const uint8_t *bytes, size_t len, struct dtls_context *out);

#endif
