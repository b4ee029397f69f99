/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/rewrite: the few changes with which a request passes a reverse proxy; everything else of it
 * stays, byte for byte and in its order.
 *
 * Promise: what was well-formed stays so; type, code, message id, token and payload are never
 *          touched. Nothing is written beyond the room.
 * Errors:  no room: 0.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  RFC 7252 sections 3.1, 5.7.3, 5.10.1; RFC 8768 3; requirements.
 */
#ifndef LWG_PROXY_REWRITE_H
#define LWG_PROXY_REWRITE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pdu;

enum {
	REWRITE_ENDPOINT_MAX = 252, /* what a Uri-Query of 255 bytes has room for after "ep=" */
};

struct rewrite {              /* zeroed = nothing */
	const char *endpoint; /* is named in an ep= after all queries; NULL: no */
	bool without_host;    /* Uri-Host and Uri-Port are left out */
	bool one_hop_less;    /* Hop-Limit, if it is not 0 already */
	bool without_echo;    /* Echo is left out: it was ours (RFC 9175) */
};

MUST_USE static inline bool rewrite_changes(const struct rewrite *how)
{
	return how->endpoint || how->without_host || how->one_hop_less || how->without_echo;
}

/* Room that is always enough. */
MUST_USE size_t rewrite_room(const struct rewrite *how, const struct pdu *m);
/* The length. endpoint has at most REWRITE_ENDPOINT_MAX bytes. */
MUST_USE size_t rewrite_write(
	uint8_t *out, size_t cap, const struct rewrite *how, const struct pdu *m);

#endif
