/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/flight: the last messages that we sent in a handshake, kept plain, so that each sending gets
 * new numbers.
 *
 * Promise: bounded; what is kept is never longer than DTLS_FLIGHT_MAX. A sending numbers each
 *          record anew: epoch 0 from *plain_seq, epoch 1 from the association (I1, R-098, R-119),
 *          and packs what fits one datagram.
 * Errors:  false when it does not fit.
 * Memory:  a struct of the caller; no pointer inside. It holds a Finished: wipe it.
 * Threads: the worker that owns it.
 * Source:  RFC 6347 sections 4.2.4 and 4.2.3; 4.1.1.1 for smaller datagrams after losses.
 */
#ifndef LWG_DTLS_FLIGHT_H
#define LWG_DTLS_FLIGHT_H

#include "base/attr.h"
#include "dtls/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_aead;
struct dtls_assoc;
struct dtls_record;

enum { DTLS_FLIGHT_MAX = 1536, DTLS_FLIGHT_ITEMS = 16 };

struct dtls_item {
	uint8_t type;
	uint8_t epoch;    /* 0 or 1 */
	uint16_t version; /* of the record */
	uint16_t at;      /* where its plain body begins in bytes */
	uint16_t len;
};

struct dtls_flight {
	struct dtls_item items[DTLS_FLIGHT_ITEMS];
	size_t count;
	uint8_t bytes[DTLS_FLIGHT_MAX];
	size_t used;
};

/* What a sending needs. */
struct dtls_sender {
	const struct dtls_owner *owner;
	const struct net_path *path;
	struct dtls_aead *aead;
	struct dtls_assoc *assoc; /* for epoch 1 */
	uint64_t *plain_seq;      /* the next number of epoch 0 */
	size_t datagram_max;
};

static inline void dtls_flight_clear(struct dtls_flight *f)
{
	f->count = 0;
	f->used = 0;
}

/* r's body is plain, whatever its epoch. */
MUST_USE bool dtls_flight_add(struct dtls_flight *f, const struct dtls_record *r);
/* Returns the number of epoch-1 records that went out. */
size_t dtls_flight_send(const struct dtls_flight *f, const struct dtls_sender *s);

#endif
