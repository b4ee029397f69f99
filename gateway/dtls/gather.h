/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/gather: handshake messages put together from fragments that come in any order, overlapping
 *              and more than once, and messages given on in their order.
 *
 * Promise: holds at most DTLS_GATHER_AHEAD messages and `max` octets, bookkeeping included,
 *          whatever comes; only while the last piece of a message is put in is there one
 *          copy of it more. No length field makes it allocate: what a fragment costs is in
 *          proportion to its own length, and at most DTLS_GATHER_PAGE and its bookkeeping more.
 *          The message that is awaited always finds room that later ones have taken: they are
 *          forgotten, the latest first, and come again (RFC 6347 4.2.4). A fragment that
 *          contradicts what has come (another type or length) begins its message anew, so that a
 *          forged one does not shut out the real ones.
 * Errors:  DTLS_GATHER_FULL: the message would be over the bound, or memory is short.
 * Memory:  owns what it holds; wiped when given back.
 * Threads: the worker that owns it. Clock, I/O: none.
 * Source:  RFC 6347 sections 4.2.2 and 4.2.3.
 */
#ifndef LWG_DTLS_GATHER_H
#define LWG_DTLS_GATHER_H

#include "base/attr.h"
#include "dtls/hello.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DTLS_GATHER_AHEAD = 6,   /* messages of one flight: Certificate to Finished, and to spare */
	DTLS_GATHER_MAX = 16384, /* octets of one message */
	DTLS_GATHER_PAGE = 512,  /* octets; memory of a message that is not whole comes in these */
};

struct dtls_gathered { /* one message that is on its way; for gather.c */
	/* Owned. Until it is whole: its body page by page, those that are there; behind the octets
	   of a page one bit for each: has come. */
	uint8_t **pages;
	uint8_t *body; /* owned; once it is whole */
	size_t body_room;
	uint32_t total;
	uint32_t missing;
	uint16_t message_seq;
	uint8_t type;
	bool used;
};

struct dtls_gather {
	struct dtls_gathered slots[DTLS_GATHER_AHEAD]; /* message_seq modulo their number */
	size_t held;                                   /* octets */
	size_t max;
};

enum dtls_gathering {
	DTLS_GATHER_MORE,  /* kept; the message that is next is not whole */
	DTLS_GATHER_WHOLE, /* the message that is next is whole: take it */
	DTLS_GATHER_OLD,   /* of a message before next: nothing was kept */
	DTLS_GATHER_FULL,  /* too far ahead, or over the bound: nothing was kept */
};

void dtls_gather_init(struct dtls_gather *g, size_t max);
void dtls_gather_fini(struct dtls_gather *g);
/* next: the message_seq that is awaited. */
enum dtls_gathering dtls_gather_add(
	struct dtls_gather *g, const struct dtls_fragment *f, uint16_t next);
/* The whole message `next` as one fragment, whose body lives until dtls_gather_drop(). False: it is
   not whole. */
MUST_USE bool dtls_gather_take(
	const struct dtls_gather *g, uint16_t next, struct dtls_fragment *out);
/* Forgets message `next`, wiped. */
void dtls_gather_drop(struct dtls_gather *g, uint16_t next);
/* Octets of memory held: for the bound on handshakes under way. */
size_t dtls_gather_memory(const struct dtls_gather *g);

#endif
