/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_bsf: from the draft to the bootstrapping server function: all of it, or nothing.
 *
 * Promise: URLs are https (http only where bsf.h2c says so), with a host, without user, query or
 *          fragment, and without a slash at the end; what goes together is there together.
 * Errors:  false with *error filled; what was filled is freed by conf_free_bsf().
 * Threads: any.
 * Source:  lwgate.conf(5), bsf.
 */
#ifndef LWG_CONF_CONFIG_BSF_H
#define LWG_CONF_CONFIG_BSF_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/draft.h"

#include <stdbool.h>

MUST_USE bool conf_fill_bsf(const struct conf_draft *d, struct conf_gateway *out);
void conf_free_bsf(struct conf_gateway *c);
/* Is what only a start takes the same? That there is one, or none; the rest a reload takes. */
bool conf_same_bsf(const struct conf_gateway *now, const struct conf_gateway *next);

#endif
