/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/purpose.h"

#include <stddef.h>
#include <string.h>

static const char *const words[] = {
	[CONF_FOR_ANY] = "any",
	[CONF_FOR_SERVER] = "server",
	[CONF_FOR_BOOTSTRAP] = "bootstrap",
};

const char *conf_purpose_word(enum conf_purpose p)
{
	return (size_t)p < COUNT_OF(words) ? words[p] : words[CONF_FOR_ANY];
}

const char *conf_purpose_read(const char *text, enum conf_purpose *out)
{
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		*out = (enum conf_purpose)i;
		return NULL;
	}
	return "is unknown; write server, bootstrap or any";
}
