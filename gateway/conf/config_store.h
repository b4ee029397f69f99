/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_store: the group `store` of lwgate.conf, from the draft into the struct; for the
 * files of this room only.
 *
 * Promise: as conf/config. Of the three places where the wrapping key can be, one is in effect.
 * Errors:  false with the draft's *error filled. Threads: any, one draft each.
 */
#ifndef LWG_CONF_CONFIG_STORE_H
#define LWG_CONF_CONFIG_STORE_H

#include "base/attr.h"
#include "conf/draft.h"

/* The file that a key names, made absolute; NULL when it names none. False: memory is short, and
   nothing has been said. */
MUST_USE bool conf_fill_path(const struct conf_draft *d, enum conf_key key, char **out);
MUST_USE bool conf_fill_store(const struct conf_draft *d, struct conf_gateway *out);
void conf_free_store(struct conf_gateway *c);

#endif
