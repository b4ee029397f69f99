/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/flight: the last messages that we sent in a handshake, kept plain and whole, so that each
 * sending cuts and numbers them anew.
 *
 * Promise: bounded: what is kept is never longer than DTLS_FLIGHT_MAX. A sending numbers each
 *          record anew: epoch 0 from *plain_seq, epoch 1 from the association (I1, R-098, R-119);
 *          its fragments are in order, without gap or overlap; a message that fits one
 *          datagram is not cut, as small devices cannot put it together; no record's text is
 *          longer than plain_max, no datagram longer than datagram_max, but for a
 *          protected record, which goes alone when it is.
 * Errors:  false: it does not fit, memory is short, or (of a handshake message) a piece is missing.
 *          What was there before stays, and is all that is sent.
 * Memory:  owns what it keeps; it holds a Finished, so it is wiped whenever it is given back. All
 *          zero is an empty flight: dtls_flight_clear() gives everything back.
 * Threads: the worker that owns it.
 * Source:  RFC 6347 sections 4.2.4 and 4.2.3; 4.1.1.1 for smaller datagrams after losses.
 */
#ifndef LWG_DTLS_FLIGHT_H
#define LWG_DTLS_FLIGHT_H

#include "base/attr.h"
#include "dtls/engine.h"
#include "dtls/hello.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_assoc;
struct dtls_record;
struct dtls_sealer;

enum {
	DTLS_FLIGHT_MAX = 16384, /* octets: a chain of certificates, and all that goes with it */
	DTLS_FLIGHT_ITEMS = 12,  /* messages, and a ChangeCipherSpec */
	DTLS_DATAGRAM_MIN = 64,  /* less is not cut: a fragment has 25 octets of headers */
};

struct dtls_item {     /* one whole handshake message, with its header as if in one piece; or a CCS,
		      or an alert */
	uint8_t type;  /* of the record */
	uint8_t epoch; /* 0 or 1 */
	uint16_t version; /* of the record */
	uint16_t at;      /* where it begins in bytes */
	uint16_t len;     /* of it that is there */
	uint16_t whole;   /* of it when nothing is missing */
};

struct dtls_flight {
	struct dtls_item items[DTLS_FLIGHT_ITEMS];
	size_t count;
	uint8_t *bytes; /* owned; NULL = none */
	size_t used, room;
};

/* What a sending needs. */
struct dtls_sender {
	const struct dtls_owner *owner;
	const struct net_path *path;
	const struct dtls_sealer *sealer;
	struct dtls_assoc *assoc; /* both for epoch 1; may be NULL when nothing of it is sent */
	uint64_t *plain_seq;      /* the next number of epoch 0 */
	size_t datagram_max;
	size_t plain_max;    /* max_fragment_length in octets; 0: none was agreed */
	size_t fragment_max; /* octets of a message in one fragment; 0: any */
	/* Times that this flight, or the path it goes, is suspected to be too large. From 1
	   on each record goes alone, in datagrams of at most 548 octets (IPv4's 576 less headers),
	   from 2 on 256, from 3 on 128. */
	unsigned shrink;
};

/* Forgets everything, wiped. */
void dtls_flight_clear(struct dtls_flight *f);
/* r's body is plain, whatever its epoch. Fragments of a message come in their order. */
MUST_USE bool dtls_flight_add(struct dtls_flight *f, const struct dtls_record *r);
/* True when no message lacks a piece. */
MUST_USE bool dtls_flight_is_whole(const struct dtls_flight *f);
/* The first handshake message of a type, of any epoch, as one fragment that borrows f's memory. */
MUST_USE bool dtls_flight_find(
	const struct dtls_flight *f, uint8_t hs_type, struct dtls_fragment *out);
/* The last handshake message of epoch 1, which is a Finished, with its header of 12 octets; its
   length, or 0: there is none that fits. */
size_t dtls_flight_finished(const struct dtls_flight *f, uint8_t out[DTLS_FINISHED_LEN]);
/* Octets of heap that are held: for the bound on handshakes under way. */
size_t dtls_flight_memory(const struct dtls_flight *f);
/* Returns the number of epoch-1 records that went out. */
size_t dtls_flight_send(const struct dtls_flight *f, const struct dtls_sender *s);

#endif
