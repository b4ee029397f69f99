/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/net: an address and a path as plain bytes, for rooms that must not know sockets.
 *
 * Promise: two values are equal exactly when their bytes are (unused bytes are 0), so they can be
 *          hashed, compared and MACed as they are.
 * Threads: any.
 */
#ifndef LWG_BASE_NET_H
#define LWG_BASE_NET_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NET_IPV4 = 4, NET_IPV6 = 6, NET_SMS = 8, NET_TEXT_MAX = 64, NET_DIGITS_MAX = 20 };

struct net_addr {
	/* Network order; an IPv4 address is in the first 4, the rest is 0. Of NET_SMS a number, see
	   net_number_write(); all 0: any, or not known. */
	uint8_t ip[16];
	uint16_t port;  /* host order */
	uint8_t family; /* NET_IPV4, NET_IPV6, NET_SMS; 0 = none */
	uint8_t zero;   /* always 0 */
};

/* Where datagrams of one association come from and go to. */
struct net_path {
	struct net_addr peer;
	uint8_t local_ip[16]; /* our address on this path, same family as peer; all 0 = not known */
	uint32_t sock;        /* the owner's number of the socket */
};

MUST_USE bool net_addr_same(const struct net_addr *a, const struct net_addr *b);
MUST_USE bool net_path_same(const struct net_path *a, const struct net_path *b);
/* A telephone number: the octet of its type and plan (TS 23.040 9.1.2.5), and digits, 0-9*#abc.
   Writes out the 16 octets that an address, or the local side of a path, has of it. False: more
   than NET_DIGITS_MAX, or something else than digits; out is 0 then. */
MUST_USE bool net_number_write(uint8_t type, const char *digits, size_t len, uint8_t out[16]);
/* How many digits; 0: none. digits is ended by NUL. */
size_t net_number_read(const uint8_t ip[16], uint8_t *type, char digits[NET_DIGITS_MAX + 1]);
/* "192.0.2.1:5684", "[2001:db8::1]:5684", "sms:4915112345678", or "sms" of no number; out has
   NET_TEXT_MAX bytes. Returns out. */
const char *net_addr_text(const struct net_addr *a, char out[NET_TEXT_MAX]);

#endif
