/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/cid: our connection ids, laid out as base/cid says, and who is found by which.
 *
 * Promise: the first octet says where a CID ends, so that ids of another length, made before a
 *          setting was changed, are still read (S25). Nothing of the device is in it: who
 *          listens learns which gateway and worker it is for, and otherwise 64 bits of nothing. The
 *          hash of the table is keyed, so nobody aims at one bucket; when memory is short the table
 *          goes on with what it has.
 * Errors:  length 0: no CID of ours. Only dtls_cids_init() can fail.
 * Memory:  intrusive; a link lives in its owner's struct and must be removed before that is freed.
 * Threads: the worker that owns the table.
 * Source:  RFC 9146 sections 3 and 4; S25.
 */
#ifndef LWG_DTLS_CID_H
#define LWG_DTLS_CID_H

#include "base/attr.h"
#include "base/cid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_assoc;

enum {
	DTLS_CID_MAX = 255,         /* RFC 9146 3: a peer's may be that long */
	DTLS_CID_ROUTE = CID_ROUTE, /* octets before the random ones */
	DTLS_CID_RANDOM_MIN = CID_RANDOM_MIN,
	DTLS_CID_RANDOM_MAX = CID_RANDOM_MAX,
	DTLS_CID_OURS_MIN = CID_MIN,
	DTLS_CID_OURS_MAX = CID_MAX,
};

struct dtls_cid_form {
	uint8_t node, worker;
	uint8_t random; /* octets, DTLS_CID_RANDOM_MIN .. DTLS_CID_RANDOM_MAX */
};

/* How long a CID of ours is that begins with this octet; 0: it is none of ours. */
MUST_USE size_t dtls_cid_len(uint8_t first);
/* Writes one; random has f->random unpredictable octets. Returns its length. */
size_t dtls_cid_make(
	const struct dtls_cid_form *f, const uint8_t *random, uint8_t out[DTLS_CID_OURS_MAX]);

/* --- the table ------------------------------------------------------------------------------- */

struct dtls_cid_link {
	struct dtls_cid_link *next;
	uint64_t hash;                  /* of the CID */
	const struct dtls_assoc *assoc; /* whose cid_in it is; NULL: in no table */
	bool of_handshake;              /* in a struct dtls_handshake, otherwise in a dtls_conn */
};

struct dtls_cids {
	struct dtls_cid_link **buckets;
	size_t mask; /* number of buckets - 1 */
	size_t count;
};

MUST_USE bool dtls_cids_init(struct dtls_cids *t);
/* Frees the buckets; the links are their owners'. */
void dtls_cids_fini(struct dtls_cids *t);
struct dtls_cid_link *dtls_cids_find(
	const struct dtls_cids *t, uint64_t hash, const uint8_t *cid, size_t len);
/* l's hash and assoc are set. */
void dtls_cids_add(struct dtls_cids *t, struct dtls_cid_link *l);
/* Also of what is in no table. */
void dtls_cids_remove(struct dtls_cids *t, struct dtls_cid_link *l);

#endif
