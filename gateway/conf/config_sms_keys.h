/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/config_sms_keys: from the draft to when keys of secured packets are renewed, and how often
 *                       that is tried.
 *
 * Promise: every value in its range, and in milliseconds in 32 bits; no wait is longer than the
 *          longest; who is asked has the time to answer. All are filled, whether there are short
 *          messages or not.
 * Errors:  false with *error filled; what was filled is freed by conf_free_sms_keys().
 * Threads: any.
 * Source:  lwgate.conf(5), sms_keys; deploy/sms-keys.md.
 */
#ifndef LWG_CONF_CONFIG_SMS_KEYS_H
#define LWG_CONF_CONFIG_SMS_KEYS_H

#include "base/attr.h"
#include "conf/config.h"
#include "conf/draft.h"

#include <stdbool.h>

/* After sms and bsf. */
MUST_USE bool conf_fill_sms_keys(const struct conf_draft *d, struct conf_gateway *out);
/* Is what only a start takes, which is all of it, the same? */
bool conf_same_sms_keys(const struct conf_gateway *now, const struct conf_gateway *next);

void conf_free_sms_keys(struct conf_gateway *c);

#endif
