/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_upstreams: from the draft to the servers and the routes to them; without their DTLS.
 *
 * Promise: names are unique, routes lead to servers that there are, and no server is without one.
 *          Whether a route can be reached is for gateway/routes to say.
 * Errors:  false with *error filled; what was filled is freed by conf_free_upstreams().
 * Threads: any. Names are looked up, which may block, if the draft says so.
 */
#ifndef LWG_CONF_CONFIG_UPSTREAMS_H
#define LWG_CONF_CONFIG_UPSTREAMS_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/draft.h"

#include <stdbool.h>
#include <stddef.h>

/* After the listeners. */
MUST_USE bool conf_fill_upstreams(const struct conf_draft *d, struct conf_gateway *out);
void conf_free_upstreams(struct conf_gateway *c);

struct conf_prefixes { /* of one key */
	const struct conf_value *value;
	const char *path;
	bool one_family;
	struct conf_prefix *all; /* as many as the key may have */
	size_t *len;
};
MUST_USE bool conf_fill_prefixes(const struct conf_draft *d, const struct conf_prefixes *p);

#endif
