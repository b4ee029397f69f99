/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/purpose: what a credential is for, as operators write it.
 *
 * Promise: pure. Each word that is shown is also read.
 * Errors:  a text: what is wrong, and what would be right; nothing of what stands there is in it.
 * Threads: any.
 */
#ifndef LWG_CONF_PURPOSE_H
#define LWG_CONF_PURPOSE_H

#include "base/attr.h"
#include "conf/config.h"

/* "any", "server", "bootstrap". */
const char *conf_purpose_word(enum conf_purpose p);
/* NULL: it is in *out. */
MUST_USE const char *conf_purpose_read(const char *text, enum conf_purpose *out);

#endif
