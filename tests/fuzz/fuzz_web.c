/* SPDX-License-Identifier: Apache-2.0 */
/* What a request to the status page has: its Host, then its query, on a line each. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/web_host.h"
#include "gateway/web_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 24 };

/* Each text has its own memory, so that an octet past its end is seen. */
static char *text_of(const uint8_t *at, size_t len)
{
	char *const text = malloc(len + 1);
	if (text == NULL)
		abort();
	if (len > 0)
		memcpy(text, at, len);
	text[len] = '\0';
	return text;
}

/* Whoever is ours begins as we do. */
static void look_at_host(const char *host)
{
	if (!gw_web_host_is_ours(host))
		return;
	if (strncmp(host, "127.", 4) != 0 && strncmp(host, "[::1]", 5) != 0 &&
		((host[0] | 0x20) != 'l' || strlen(host) < sizeof("localhost") - 1))
		abort();
}

static void look_at_query(const char *query)
{
	char *const out = malloc(ROOM);
	uint64_t n;
	if (out == NULL)
		abort();
	for (size_t cap = 1; cap <= ROOM; cap++) {
		if (gw_web_query(query, "endpoint", out, cap) &&
			(strlen(out) >= cap || strstr(query, "endpoint=") == NULL))
			abort();
	}
	if (gw_web_query_number(query, "after", &n) && n > UINT64_C(9999999999999999999))
		abort();
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *const line = size > 0 ? memchr(data, '\n', size) : NULL;
	const size_t len = line ? (size_t)(line - data) : size;
	char *const host = text_of(data, len);
	char *const query = text_of(line ? line + 1 : data, line ? size - len - 1 : 0);
	look_at_host(host);
	look_at_query(query);
	free(query);
	free(host);
	return 0;
}
