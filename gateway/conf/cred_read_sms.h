/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/cred_read_sms: the group sms of an entry of the credentials file.
 *
 * Promise: what stands there is in no error, and an OTA key in no memory but *out, which the caller
 *          wipes.
 * Errors:  false with *error filled. Threads: any.
 */
#ifndef LWG_CONF_CRED_READ_SMS_H
#define LWG_CONF_CRED_READ_SMS_H

#include "base/attr.h"
#include "conf/cred_build.h"

#include <stdbool.h>

struct conf_text;
struct config_setting_t;

/* text: the file before its secrets were masked. Kind, identity (which lives as long as the tree)
   and sms of *out. */
MUST_USE bool cred_read_sms(const struct config_setting_t *group, const char *name,
	const struct conf_text *text, struct cred_draft *out, struct conf_error *error);

#endif
