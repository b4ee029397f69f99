/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*,readability-identifier-naming): a tool's */
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the text at hand when it finds a syntax error. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-*,readability-identifier-naming): a tool's */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

/* What is accepted keeps its promises; what is refused leaves zero and one line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error e = { { 0 } };
	struct conf_gateway c;
	char *text = malloc(size + 1);
	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	if (conf_parse(text, "fuzz", &c, &e)) {
		if (c.workers < 1 || c.workers > CONF_WORKERS_MAX || c.listeners_len < 1 ||
			c.upstreams_len < 1 || c.upstreams[0].addresses_len < 1 ||
			c.device_initial_ms > c.handshake_max_ms)
			abort();
		conf_free(&c);
	} else if (strncmp(e.text, "fuzz:", 5) != 0 || strchr(e.text, '\n') != NULL) {
		abort();
	}
	if (c.workers != 0 || c.user != NULL || c.credentials != NULL || c.listeners_len != 0 ||
		c.upstreams != NULL)
		abort();
	free(text);
	return 0;
}
