/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web_host.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_LEN = 64, PORT_DIGITS = 5 };

static bool is_port(const char *text)
{
	const size_t len = strlen(text);
	return len <= PORT_DIGITS && strspn(text, "0123456789") == len;
}

bool gw_web_host_is_ours(const char *host)
{
	char name[NAME_MAX_LEN];
	struct in_addr v4;
	if (!host)
		return false;
	/* An IPv6 address has colons of its own, within brackets. */
	const size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	if (len >= sizeof(name) || len > strlen(host))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	const char *const rest = host + len;
	if (rest[0] != '\0' && (rest[0] != ':' || !is_port(rest + 1)))
		return false;
	return strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0 ||
	       (inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}
