/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/nonces: remembers each (key, nonce) that was seen on a wire, and tells which came twice (I1).
 *
 * It knows no keys. A stream is all that one address sends to another; a new key begins in it with
 * the first ChangeCipherSpec after a hello with a random of its own, so that a flight sent again is
 * none. The nonce is the explicit one of the record, as RFC 6655 leaves it to the sender.
 *
 * Promise: exact: no filter that may err, no bound on age. The same octets again are a repetition,
 *          too, counted apart; so who looks must see each datagram where its maker sent it.
 * Errors:  nonces_take() false: memory is short, and the count is worth nothing from there on.
 * Threads: one.
 * Source:  RFC 6347 section 4.1, RFC 5246 section 6.2.3.3, RFC 6655 section 3.
 */
#ifndef LWG_LAB_NONCES_H
#define LWG_LAB_NONCES_H

#include "base/attr.h"
#include "base/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NONCES_SHOWN = 16 };

struct nonces;

struct nonces_counts {
	uint64_t datagrams, records, protected_records, streams, keys;
	uint64_t repeated;  /* (key, nonce) a second time, with other octets */
	uint64_t same;      /* the same, with the same octets */
	uint64_t plain;     /* application data in epoch 0 */
	uint64_t malformed; /* datagrams that are no DTLS 1.2 records */
};

struct nonces_twice { /* one that came a second time */
	struct net_addr from, to;
	uint64_t nonce;
	uint32_t key; /* its number in the order of appearance */
	bool same;
};

MUST_USE struct nonces *nonces_new(void);
void nonces_free(struct nonces *n);
/* One datagram as it was sent. */
MUST_USE bool nonces_take(struct nonces *n, const struct net_addr *from, const struct net_addr *to,
	const uint8_t *data, size_t len);
struct nonces_counts nonces_counts(const struct nonces *n);
/* The first of those that came twice, up to NONCES_SHOWN; *len of them. */
const struct nonces_twice *nonces_twice(const struct nonces *n, size_t *len);

#endif
