/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/mask: looks through a text before libconfig does: refuses what libconfig would do behind our
 * back, and replaces each key by the place where it stands.
 *
 * libconfig copies strings into heap that it never wipes. So it is not given any: in a text with
 * secrets, the characters of every string that is not one of the names known to be public are
 * replaced by their offset in the text (10 digits, then 'x' up to the old length; '-' when
 * shorter). conf_mask_find() finds the way back.
 *
 * Promise: lines and lengths stay. @include (opens files), the escape \x00 (cuts a string short)
 *          and numbers beyond 32 bits without an L (are cut) are refused. In a text with secrets
 *          no error quotes it (I5).
 * Errors:  false with *error filled. Pure, total, bounded (I7). Threads: any.
 * Source:  the token rules of libconfig 1.5 to 1.7 (lib/scanner.l).
 */
#ifndef LWG_CONF_MASK_H
#define LWG_CONF_MASK_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>

enum { MASK_DIGITS = 10 };

/* names: NULL-terminated list of settings whose strings are public; NULL: nothing is masked.
   *hidden (may be NULL) becomes the number of characters that were masked. */
MUST_USE bool conf_mask(char *text, const char *const *names, const char *file, size_t *hidden,
	struct conf_error *error);
/* The characters that a masked value stands for, in the text as it was before; strlen(value) of
   them. NULL: none. */
MUST_USE const char *conf_mask_find(const char *value, const char *text, size_t text_len);

#endif
