/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/settings_keys: what may stand in one group of lwgate-smsd.conf, and how it is read.
 *
 * Promise: a key that is unknown or stands twice, and a value of another type or out of its range,
 *          are errors with file and line. What does not stand there has its default.
 * Errors:  false with *error filled. Threads: any.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_SETTINGS_KEYS_H
#define LWG_SMS_BRIDGE_SMSD_SETTINGS_KEYS_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config_setting_t;

enum settings_type { KEY_TEXT, KEY_NUMBER, KEY_BOOL, KEY_GROUP };

struct settings_key {
	const char *name;
	size_t at;         /* in the struct: a char array of max + 1, uint32_t, or bool */
	const char *text;  /* default of a text; NULL: "" */
	uint32_t min, max; /* number: its range; text: its length */
	uint32_t number;   /* default of a number, a bool */
	uint8_t type;      /* enum settings_type; KEY_GROUP: somebody else reads it */
	bool required;
};

struct settings_source {
	const char *file;
	struct conf_error *error;
};

MUST_USE bool settings_read(const struct settings_source *from, struct config_setting_t *group,
	const struct settings_key *keys, size_t keys_len, void *out);

#endif
