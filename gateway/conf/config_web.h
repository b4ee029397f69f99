/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_web: from the draft to where the status page and the metrics are served.
 *
 * Promise: an address that is not loopback is refused: there is no TLS and no password there, and a
 *          reverse proxy has both.
 * Errors:  false with *error filled.
 * Threads: any.
 * Source:  lwgate.conf(5), web.
 */
#ifndef LWG_CONF_CONFIG_WEB_H
#define LWG_CONF_CONFIG_WEB_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/draft.h"

#include <stdbool.h>

MUST_USE bool conf_fill_web(const struct conf_draft *d, struct conf_gateway *out);
/* Is what only a start takes, which is all of it, the same? */
bool conf_same_web(const struct conf_gateway *now, const struct conf_gateway *next);

#endif
