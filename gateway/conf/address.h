/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/address: IP addresses and prefixes from text.
 *
 * Promise: conf_address_parse() and conf_prefix_parse() are pure and take numbers only.
 *          conf_address_resolve() may ask the system's resolver and block.
 * Errors:  a static text that says what is wrong; NULL: nothing is.
 * Threads: any.
 */
#ifndef LWG_CONF_ADDRESS_H
#define LWG_CONF_ADDRESS_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

MUST_USE const char *conf_address_parse(const char *text, uint16_t port, struct net_addr *out);
/* The same of a listener, which may also be "sms": any number of ours. */
const char *conf_listener_parse(const char *text, uint16_t port, struct net_addr *out);
/* Of a number or a name; each once, in the resolver's order. family: NET_IPV4, NET_IPV6 or 0 for
   that of the first. NULL: *len >= 1. */
MUST_USE const char *conf_address_resolve(const char *name, uint16_t port, uint8_t family,
	struct net_addr out[CONF_ADDRESSES_MAX], size_t *len);
/* Can datagrams be sent there? NULL or what is wrong. */
MUST_USE const char *conf_address_unfit(const struct net_addr *a);
MUST_USE const char *conf_prefix_parse(const char *text, struct conf_prefix *out);
MUST_USE bool conf_prefix_overlap(const struct conf_prefix *a, const struct conf_prefix *b);
/* Is the address, whatever its port, of the prefix? */
MUST_USE bool conf_prefix_holds(const struct conf_prefix *p, const struct net_addr *a);

#endif
