/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_dtls: from the draft to struct conf_dtls, for each listener and upstream.
 *
 * Errors:  false with *error filled; what was filled is freed by conf_free_dtls(). Threads: any.
 */
#ifndef LWG_CONF_CONFIG_DTLS_H
#define LWG_CONF_CONFIG_DTLS_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/draft.h"

#include <stdbool.h>

/* After the listeners, the upstreams and the numbers. */
MUST_USE bool conf_fill_dtls(const struct conf_draft *d, struct conf_gateway *out);
void conf_free_dtls(struct conf_gateway *c);

#endif
