/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uri.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char scheme[] = "coaps://";

/* RFC 7252 section 12.8. */
enum { PORT_INITIAL = 5684, PORT_DIGITS = 5 };

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Of a name or an IPv4 address. With a '%' it could be written in two ways; no name of a host in
   the DNS has one. */
static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* What stands between the brackets; its length, or 0. */
static size_t take_ipv6(const char *text, size_t len, char out[INET6_ADDRSTRLEN])
{
	char copy[INET6_ADDRSTRLEN];
	uint8_t octets[16];
	if (len >= sizeof(copy))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET6, copy, octets) != 1 ||
		inet_ntop(AF_INET6, octets, out, INET6_ADDRSTRLEN) == NULL)
		return 0;
	return strlen(out);
}

/* Moves *text behind the host. The length of the host in out; 0: it is none. */
static size_t take_host(const char **text, char out[URI_TEXT_MAX])
{
	size_t len = 0;
	if (**text == '[') {
		const char *const end = strchr(*text, ']');
		char address[INET6_ADDRSTRLEN];
		len = end == NULL ? 0 : take_ipv6(*text + 1, (size_t)(end - *text) - 1, address);
		if (len == 0)
			return 0;
		*text = end + 1;
		return (size_t)snprintf(out, URI_TEXT_MAX, "[%s]", address);
	}
	for (; len < URI_TEXT_MAX - 1 && is_plain(lower(**text)); (*text)++)
		out[len++] = lower(**text);
	out[len] = '\0';
	return len;
}

/* ":5684", ":" or nothing, and behind it "/" or nothing. */
static bool take_port(const char *text, unsigned *port)
{
	*port = PORT_INITIAL;
	if (*text == ':' && text[1] >= '0' && text[1] <= '9') {
		*port = 0;
		text++;
		for (int i = 0; i < PORT_DIGITS && *text >= '0' && *text <= '9'; i++)
			*port = *port * 10 + (unsigned)(*text++ - '0');
	} else if (*text == ':') {
		text++;
	}
	if (*text == '/')
		text++;
	return *text == '\0' && *port > 0 && *port <= UINT16_MAX;
}

bool uri_coaps(const char *text, char *out, size_t cap)
{
	char host[URI_TEXT_MAX];
	unsigned port = 0;
	if (cap > 0)
		out[0] = '\0';
	if (strncasecmp(text, scheme, sizeof(scheme) - 1) != 0)
		return false;
	text += sizeof(scheme) - 1;
	if (take_host(&text, host) == 0 || !take_port(text, &port))
		return false;
	const int len = snprintf(out, cap, "%s%s:%u", scheme, host, port);
	if (len > 0 && (size_t)len < cap)
		return true;
	if (cap > 0)
		out[0] = '\0';
	return false;
}
