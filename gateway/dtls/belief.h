/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/belief: by what a peer was believed, as much as it takes to notice when that is withdrawn:
 *              traces of certificates and keys, not these themselves.
 *
 * Promise: two certificates have one trace only if issuer and serial number are the same.
 * Threads: any.
 * Source: ; RFC 5280 sections 4.1.2.2 and 5.1.2.6.
 */
#ifndef LWG_DTLS_BELIEF_H
#define LWG_DTLS_BELIEF_H

#include <stdint.h>

enum {
	DTLS_TRACE = 16,  /* octets of a SHA-256 by which a certificate or a key is known again */
	DTLS_TRACES = 10, /* certificates below an anchor */
};

/* By what the holder of a certificate was believed. */
struct dtls_belief {
	uint64_t until_s;           /* wall clock: the earliest notAfter, the anchor's included */
	uint8_t anchor[DTLS_TRACE]; /* of its SubjectPublicKeyInfo */
	/* Certificates below the anchor; of one that is an anchor itself, that one. 0: it was no
	   certificate. */
	uint8_t len;
	/* Of issuer and serial number, see dtls_certificate_trace(); the holder's first. */
	uint8_t chain[DTLS_TRACES][DTLS_TRACE];
};

/* What a full handshake was based on, which abbreviated ones inherit. */
struct dtls_proved {
	uint64_t born; /* what the owner's `born` said when it began */
	struct dtls_belief belief;
};

#endif
