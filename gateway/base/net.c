/* SPDX-License-Identifier: Apache-2.0 */
#include "base/net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

_Static_assert(
	sizeof(struct net_addr) == 20, "no padding that would differ between equal addresses");
_Static_assert(sizeof(struct net_path) == 40, "no padding that would differ between equal paths");

bool net_addr_same(const struct net_addr *a, const struct net_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool net_path_same(const struct net_path *a, const struct net_path *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

const char *net_addr_text(const struct net_addr *a, char out[NET_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "?";
	if (a->family == NET_IPV4 || a->family == NET_IPV6)
		(void)inet_ntop(a->family == NET_IPV4 ? AF_INET : AF_INET6, a->ip, ip, sizeof(ip));
	if (a->family == NET_IPV6)
		(void)snprintf(out, NET_TEXT_MAX, "[%s]:%u", ip, a->port);
	else
		(void)snprintf(out, NET_TEXT_MAX, "%s:%u", ip, a->port);
	return out;
}
