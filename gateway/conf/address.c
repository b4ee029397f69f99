/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>

/* A wider pool is a mistake: it has more addresses than one gateway can have links. */
enum { BITS_MIN_IPV4 = 8, BITS_MIN_IPV6 = 32, BITS_IPV4 = 32, BITS_IPV6 = 128 };

const char *conf_address_parse(const char *text, uint16_t port, struct net_addr *out)
{
	*out = (struct net_addr){ .port = port };
	if (inet_pton(AF_INET, text, out->ip) == 1) {
		out->family = NET_IPV4;
		return NULL;
	}
	if (inet_pton(AF_INET6, text, out->ip) != 1) {
		*out = (struct net_addr){ 0 };
		return "is no IP address; write it like 192.0.2.10 or 2001:db8::10";
	}
	out->family = NET_IPV6;
	return NULL;
}

const char *conf_listener_parse(const char *text, uint16_t port, struct net_addr *out)
{
	if (strcmp(text, "sms") != 0)
		return conf_address_parse(text, port, out);
	*out = (struct net_addr){ .family = NET_SMS, .port = CONF_SMS_PORT };
	return NULL;
}

static const char *from_socket(const struct sockaddr *from, uint16_t port, struct net_addr *out)
{
	*out = (struct net_addr){ .port = port };
	if (from->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, from, sizeof(v4));
		out->family = NET_IPV4;
		memcpy(out->ip, &v4.sin_addr, sizeof(v4.sin_addr));
		return NULL;
	}
	struct sockaddr_in6 v6;
	memcpy(&v6, from, sizeof(v6));
	out->family = NET_IPV6;
	memcpy(out->ip, &v6.sin6_addr, sizeof(v6.sin6_addr));
	return v6.sin6_scope_id == 0 ? NULL : "names an interface; use an address without %";
}

static bool has(const struct net_addr *all, size_t len, const struct net_addr *a)
{
	for (size_t i = 0; i < len; i++) {
		if (net_addr_same(&all[i], a))
			return true;
	}
	return false;
}

const char *conf_address_resolve(const char *name, uint16_t port, uint8_t family,
	struct net_addr out[CONF_ADDRESSES_MAX], size_t *len)
{
	struct addrinfo *found = NULL;
	struct addrinfo want = { .ai_socktype = SOCK_DGRAM, .ai_family = AF_UNSPEC };
	*len = conf_address_parse(name, port, &out[0]) == NULL;
	if (*len == 1)
		return NULL;
	if (family != 0)
		want.ai_family = family == NET_IPV4 ? AF_INET : AF_INET6;
	const int failed = getaddrinfo(name, NULL, &want, &found);
	if (failed != 0)
		return gai_strerror(failed);
	const char *why = NULL;
	for (const struct addrinfo *i = found; i != NULL && *len < CONF_ADDRESSES_MAX;
		i = i->ai_next) {
		struct net_addr a;
		const char *const odd = from_socket(i->ai_addr, port, &a);
		why = why == NULL ? odd : why;
		if (odd == NULL && (*len == 0 || a.family == out[0].family) && !has(out, *len, &a))
			out[(*len)++] = a;
	}
	freeaddrinfo(found);
	return *len > 0 ? NULL : why;
}

const char *conf_address_unfit(const struct net_addr *a)
{
	static const uint8_t none[16];
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const bool v4 = a->family == NET_IPV4;
	if (memcmp(a->ip, none, sizeof(none)) == 0)
		return "is no one's address; name one machine";
	if (v4 ? a->ip[0] >= 224 : a->ip[0] == 0xff)
		return "is a multicast or reserved address; name one machine";
	if (!v4 && memcmp(a->ip, mapped, sizeof(mapped)) == 0)
		return "is an IPv4 address in IPv6 clothes; write it as IPv4";
	return NULL;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	const unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool host_bits(const struct conf_prefix *p)
{
	struct conf_prefix clean = *p;
	for (unsigned bit = p->bits; bit < BITS_IPV6; bit++)
		clean.base.ip[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
	return !net_addr_same(&clean.base, &p->base);
}

/* Decimal digits, at most three, or -1. */
static int length_of(const char *text)
{
	int bits = 0;
	const size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 3 || text[digits] != '\0')
		return -1;
	for (size_t i = 0; i < digits; i++)
		bits = bits * 10 + (text[i] - '0');
	return bits;
}

const char *conf_prefix_parse(const char *text, struct conf_prefix *out)
{
	char ip[INET6_ADDRSTRLEN];
	const size_t ip_len = strcspn(text, "/");
	*out = (struct conf_prefix){ 0 };
	if (ip_len >= sizeof(ip))
		return "is no address; write it like 192.0.2.64/26 or 2001:db8::/64";
	memcpy(ip, text, ip_len);
	ip[ip_len] = '\0';
	const char *why = conf_address_parse(ip, 0, &out->base);
	if (why != NULL)
		return why;
	const bool v4 = out->base.family == NET_IPV4;
	const int most = v4 ? BITS_IPV4 : BITS_IPV6;
	const int bits = text[ip_len] == '\0' ? most : length_of(text + ip_len + 1);
	if (bits < (v4 ? BITS_MIN_IPV4 : BITS_MIN_IPV6) || bits > most)
		return v4 ? "has a wrong length; use /8 to /32"
			  : "has a wrong length; use /32 to /128";
	out->bits = (uint8_t)bits;
	if (host_bits(out))
		return "has bits beyond its length; write the first address of the range";
	return conf_address_unfit(&out->base);
}

bool conf_prefix_overlap(const struct conf_prefix *a, const struct conf_prefix *b)
{
	if (a->base.family != b->base.family)
		return false;
	return same_bits(a->base.ip, b->base.ip, a->bits < b->bits ? a->bits : b->bits);
}

bool conf_prefix_holds(const struct conf_prefix *p, const struct net_addr *a)
{
	return p->base.family == a->family && same_bits(p->base.ip, a->ip, p->bits);
}
