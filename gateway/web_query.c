/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web_query.h"

#include <string.h>

enum { DIGITS = 19 };

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode(const char *in, size_t len, char *out, size_t cap)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = in[i];
		if (c == '+')
			c = ' ';
		else if (c == '%') {
			const int high = len - i > 2 ? digit(in[i + 1]) : -1;
			const int low = high >= 0 ? digit(in[i + 2]) : -1;
			if (low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0' || n + 1 >= cap)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

bool gw_web_query(const char *query, const char *name, char *out, size_t cap)
{
	const size_t name_len = strlen(name);
	for (const char *at = query; at && *at != '\0';) {
		const size_t len = strcspn(at, "&");
		if (len > name_len && at[name_len] == '=' && memcmp(at, name, name_len) == 0)
			return decode(at + name_len + 1, len - name_len - 1, out, cap);
		at += len + (at[len] == '&');
	}
	return false;
}

bool gw_web_query_number(const char *query, const char *name, uint64_t *out)
{
	char text[DIGITS + 1];
	if (!gw_web_query(query, name, text, sizeof(text)) || text[0] == '\0')
		return false;
	uint64_t value = 0;
	for (const char *at = text; *at != '\0'; at++) {
		if (*at < '0' || *at > '9')
			return false;
		value = value * 10 + (uint64_t)(*at - '0');
	}
	*out = value;
	return true;
}
