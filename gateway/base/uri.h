/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/uri: URIs of servers that are reached by CoAP over DTLS, in one form, so that two that mean
 *           the same are the same text. For the rooms that read them: conf and learn.
 *
 * Promise: total; allocates nothing.
 * Errors:  false; then *out is "".
 * Threads: any.
 * Source:  RFC 7252 sections 6.2 and 6.3; RFC 3986 sections 3.2 and 6.2; LwM2M Core 1.1 E.1 (LwM2M
 *          Server URI).
 */
#ifndef LWG_BASE_URI_H
#define LWG_BASE_URI_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

/* Room for the form of a text of at most URI_TEXT_MAX octets. */
enum { URI_TEXT_MAX = 255, URI_MAX = URI_TEXT_MAX + sizeof("5684:") };

/* "COAPS://GW.example/" as "coaps://gw.example:5684": scheme and host in lower case, an IPv6
   address in its shortest form, with the port, no path. False: it is none of coaps, says more than
   where the server is, has a host that is neither name nor address, or is too long for cap. */
MUST_USE bool uri_coaps(const char *text, char *out, size_t cap);

#endif
