/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/passage: a request on its way through, as it is to leave. For proxy/ only.
 *
 * Nearly all leave as they came. Those that name us (Uri-Host, Uri-Port), count proxies
 * (Hop-Limit), or leave the endpoint's name to the channel, are written anew.
 *
 * Promise: type, message id, token and payload are those of the request, so what is said about one
 *          is said about the other.
 * Memory:  passage_close() frees what was written; until then p->m points into it, or into the
 *          request.
 * Threads: the worker of the relay.
 * Source:  RFC 7252 sections 5.7.1 to 5.7.3; requirements.
 */
#ifndef LWG_PROXY_PASSAGE_H
#define LWG_PROXY_PASSAGE_H

#include "base/attr.h"
#include "proxy/coap.h"
#include "proxy/registration.h"
#include "proxy/side.h"

#include <stdbool.h>
#include <stdint.h>

struct relay_device;

struct passage {
	struct pdu m;
	uint8_t *copy; /* NULL: m is as it came */
};

/* May the device ask this of its server? */
MUST_USE struct registration_verdict passage_judge(
	const struct relay_device *d, const struct pdu *request);
/* unnamed: the server needs an ep=. False: it can not pass, and its sender has been told, or
   is not to be. */
MUST_USE bool passage_open(struct passage *p, struct relay_device *d, enum side to,
	const struct pdu *request, bool unnamed);
void passage_close(struct passage *p);

#endif
