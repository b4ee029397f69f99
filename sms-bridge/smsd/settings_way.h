/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/settings_way: one member of `ways` in lwgate-smsd.conf.
 *
 * Errors:  false with *error filled. Threads: any.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_SETTINGS_WAY_H
#define LWG_SMS_BRIDGE_SMSD_SETTINGS_WAY_H

#include "base/attr.h"
#include "sms-bridge/smsd/settings.h"
#include "sms-bridge/smsd/settings_keys.h"

#include <stdbool.h>

MUST_USE bool settings_way_read(const struct settings_source *from, const char *folder,
	struct config_setting_t *group, struct settings_way *out);

#endif
