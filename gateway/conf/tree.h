/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/tree: the door to libconfig: text to a tree of settings, and values of the right type out of
 * it.
 *
 * Promise: a syntax error names file and line. Opens no file (see conf/mask).
 * Errors:  false with *error filled. Threads: any, one tree each.
 * Source:  libconfig 1.5 (Debian 12) and later.
 */
#ifndef LWG_CONF_TREE_H
#define LWG_CONF_TREE_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stdint.h>

struct config_t;
struct config_setting_t;

/* text has been through conf_mask(). The tree is initialised, and the caller's to destroy, in
   any case. */
MUST_USE bool conf_tree_read(
	struct config_t *tree, const char *text, const char *name, struct conf_error *error);
/* The type of a setting as people call it: "a number", "a text" ... */
const char *conf_tree_type(const struct config_setting_t *s);
/* False when it is no whole number, or written as hex (which libconfig cuts to 32 bits without a
   word). */
MUST_USE bool conf_tree_number(const struct config_setting_t *s, int64_t *out);

#endif
