/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_repository: from the draft to the repository of firmware: all of it, or nothing.
 *
 * Promise: a prefix has at least one segment, none of which is empty, "." or "..", or has what a
 *          path of an image may not have.
 * Errors:  false with *error filled; what was filled is freed by conf_free_repository().
 * Threads: any.
 * Source: ; lwgate.conf(5), repository.
 */
#ifndef LWG_CONF_CONFIG_REPOSITORY_H
#define LWG_CONF_CONFIG_REPOSITORY_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/draft.h"

#include <stdbool.h>

MUST_USE bool conf_fill_repository(const struct conf_draft *d, struct conf_gateway *out);
void conf_free_repository(struct conf_gateway *c);
bool conf_same_repository(const struct conf_gateway *now, const struct conf_gateway *next);

#endif
