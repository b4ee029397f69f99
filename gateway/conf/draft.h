/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/draft: lwgate.conf as it stands: each value of the right type and in its range, not yet
 * looked at together.
 *
 * Promise: after conf_draft_read() every key of the table has a value, from the file or by default.
 * Errors:  false with *error filled. Threads: any, one draft each.
 */
#ifndef LWG_CONF_DRAFT_H
#define LWG_CONF_DRAFT_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_t;
struct config_setting_t;

struct conf_value {                          /* of one key */
	const struct config_setting_t *node; /* NULL: the default */
	const char *text;                    /* lives as long as the tree, or static */
	uint64_t number;
	unsigned line; /* 0: the default */
};

struct conf_draft {
	const char *name;   /* of the file, in errors; borrowed */
	const char *folder; /* to which file names are relative; borrowed */
	bool resolve;       /* names may be looked up */
	struct conf_error *error;
	struct conf_value values[KEY_COUNT];
	/* By key, from KEY_LISTENER_ADDRESS, KEY_UPSTREAM_TITLE and KEY_ROUTE_TO on. */
	struct conf_value listeners[CONF_LISTENERS_MAX][CONF_LISTENER_KEYS];
	struct conf_value upstreams[CONF_UPSTREAMS_MAX][CONF_UPSTREAM_KEYS];
	struct conf_value routes[CONF_ROUTES_MAX][CONF_ROUTE_KEYS];
	size_t listeners_len; /* 0: the default */
	size_t upstreams_len; /* 0: the one of the group */
	size_t routes_len;
	unsigned upstream_line; /* where the group is; 0: it is not */
	unsigned upstreams_line, routes_line;
};

/* A listener's value; number is of the file, or of the default where the file has none. */
const struct conf_value *conf_listener_value(
	const struct conf_draft *d, size_t number, enum conf_key key);
/* The same of an upstream, by its number, and of a route. */
const struct conf_value *conf_upstream_value(
	const struct conf_draft *d, size_t number, enum conf_key key);
const struct conf_value *conf_route_value(
	const struct conf_draft *d, size_t number, enum conf_key key);
/* d's first four members are set, the rest is zero. */
MUST_USE bool conf_draft_read(struct conf_draft *d, const struct config_t *tree);

#endif
