/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/vouch: who vouches for certificates at one place, and which are revoked, as lists that
 *                tell at once whether who was believed once would be believed still.
 *
 * The library looks at a chain when it is shown one. Of those who are in already there is only
 * struct store_proof: by which anchor, and which certificates were between.
 *
 * Promise: the same files give the same lists, in whatever order they name what is in them; a list
 *          of revoked certificates that was made anew and names the same ones is the same.
 * Errors:  gw_vouch_new(): NULL, memory is short or a certificate cannot be written.
 * Threads: new: the main thread; the rest: any.
 * Source:  RFC 5280 sections 4.1.2.2, 4.1.2.4, 5.3.1; R-071.
 */
#ifndef LWG_GATEWAY_VOUCH_H
#define LWG_GATEWAY_VOUCH_H

#include "base/attr.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_vouchers;
struct store_proof;

enum { GW_TRACE = 16 }; /* octets of SHA-256 by which something is known again */

enum gw_vouch {
	GW_VOUCH_FINE,
	GW_VOUCH_REVOKED,        /* a list names a certificate of its chain */
	GW_VOUCH_ANCHOR_REMOVED, /* it was believed by an anchor that is none any more */
	GW_VOUCH_EXPIRED,        /* the chain's time is over, by a clock that is trusted */
};

/* Nobody else uses the store yet. NULL for none: no anchor. */
MUST_USE struct gw_vouchers *gw_vouch_new(X509_STORE *anchors);
void gw_vouch_free(struct gw_vouchers *v);
/* now_s negative: the clock is not to be trusted. p without a chain: fine. */
enum gw_vouch gw_vouch_ask(const struct gw_vouchers *v, const struct store_proof *p, int64_t now_s);
/* Zeroes: there is none. */
MUST_USE bool gw_vouch_trace_anchors(const struct gw_vouchers *v, uint8_t out[GW_TRACE]);
MUST_USE bool gw_vouch_trace_revoked(const struct gw_vouchers *v, uint8_t out[GW_TRACE]);
/* The first octets of a SHA-256 over two pieces; b may be NULL. */
MUST_USE bool gw_trace_of(
	const void *a, size_t a_len, const void *b, size_t b_len, uint8_t out[GW_TRACE]);

#endif
