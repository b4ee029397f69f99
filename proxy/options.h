/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/options: which options pass, by what a proxy must know of them.
 *
 * Unknown options that are not safe to forward pass in neither direction. A device's request passes
 * with no critical one either, though RFC 7252 lets a proxy hand on what is safe: it may change
 * which resource is meant, and that is what the relay judges. Of known options that stand
 * more often, or are longer, than they may, the RFC says that they are unknown ones.
 *
 * Promise: total and bounded (I7); one pass.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  RFC 7252 sections 5.4.1 to 5.4.6, 5.7.1, 12.2; RFC 7959 2.2 (SZX 7); RFC 8768 3
 *          (Hop-Limit); requirements.
 */
#ifndef LWG_PROXY_OPTIONS_H
#define LWG_PROXY_OPTIONS_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct pdu;

struct options_found {
	uint8_t code;    /* 0: it may pass; else that of the answer */
	const char *why; /* with it; static */
	bool reject;     /* the code is for a CON: a NON is not answered (RFC 7252 section 5.4.1) */
	bool host;       /* there is Uri-Host or Uri-Port: they name us, not who is behind us */
	bool hop;        /* there is Hop-Limit, to be decremented */
};

/* critical_too: a request that the relay judges. */
MUST_USE struct options_found options_of_request(const struct pdu *request, bool critical_too);
/* False: it can not be passed on (5.02). */
MUST_USE bool options_of_response(const struct pdu *response);

#endif
