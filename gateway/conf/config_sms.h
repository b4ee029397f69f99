/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_sms: from the draft to the way of short messages: all of it, or nothing.
 *
 * Promise: a number has digits only.
 * Errors:  false with *error filled; what was filled is freed by conf_free_sms().
 * Threads: any.
 * Source:  lwgate.conf(5), sms.
 */
#ifndef LWG_CONF_CONFIG_SMS_H
#define LWG_CONF_CONFIG_SMS_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/draft.h"

#include <stdbool.h>
#include <stddef.h>

MUST_USE bool conf_fill_sms(const struct conf_draft *d, struct conf_gateway *out);
/* What is other at a listener that is "sms" (RFC 7925 A): its timers, its mtu, its radio; after
   what all listeners have was filled. */
MUST_USE bool conf_fill_sms_listener(
	const struct conf_draft *d, size_t number, struct conf_gateway *out);
void conf_free_sms(struct conf_gateway *c);
/* Is what only a start takes the same? */
bool conf_same_sms(const struct conf_gateway *now, const struct conf_gateway *next);

#endif
