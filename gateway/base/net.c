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

/* --- numbers ---------------------------------------------------------------------------------- */

static const char signs[] = "0123456789*#abc?"; /* the last one is none */
enum { NUMBER_TYPE = 0, NUMBER_LEN = 1, NUMBER_DIGITS = 2, NIBBLE = 4, LOW = 0x0f };

bool net_number_write(uint8_t type, const char *digits, size_t len, uint8_t out[16])
{
	memset(out, 0, 16);
	if (len > NET_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		const char *const sign =
			digits[i] && digits[i] != '?' ? strchr(signs, digits[i]) : NULL;
		if (!sign) {
			memset(out, 0, 16);
			return false;
		}
		out[NUMBER_DIGITS + i / 2] |= (uint8_t)((sign - signs) << (i % 2 ? NIBBLE : 0));
	}
	out[NUMBER_TYPE] = len > 0 ? type : 0;
	out[NUMBER_LEN] = (uint8_t)len;
	return true;
}

size_t net_number_read(const uint8_t ip[16], uint8_t *type, char digits[NET_DIGITS_MAX + 1])
{
	const size_t len = ip[NUMBER_LEN] <= NET_DIGITS_MAX ? ip[NUMBER_LEN] : 0;
	for (size_t i = 0; i < len; i++) {
		const uint8_t two = ip[NUMBER_DIGITS + i / 2];
		const size_t sign = (two >> (i % 2 ? NIBBLE : 0)) & LOW;
		digits[i] = signs[sign];
	}
	digits[len] = '\0';
	*type = ip[NUMBER_TYPE];
	return len;
}

static const char *number_text(const struct net_addr *a, char out[NET_TEXT_MAX])
{
	char digits[NET_DIGITS_MAX + 1];
	uint8_t type;
	const bool any = net_number_read(a->ip, &type, digits) == 0;
	(void)snprintf(out, NET_TEXT_MAX, any ? "sms" : "sms:%s", digits);
	return out;
}

const char *net_addr_text(const struct net_addr *a, char out[NET_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "?";
	if (a->family == NET_SMS)
		return number_text(a, out);
	if (a->family == NET_IPV4 || a->family == NET_IPV6)
		(void)inet_ntop(a->family == NET_IPV4 ? AF_INET : AF_INET6, a->ip, ip, sizeof(ip));
	if (a->family == NET_IPV6)
		(void)snprintf(out, NET_TEXT_MAX, "[%s]:%u", ip, a->port);
	else
		(void)snprintf(out, NET_TEXT_MAX, "%s:%u", ip, a->port);
	return out;
}
