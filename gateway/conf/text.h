/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/text: a whole file in memory, ready for the parser.
 *
 * Promise: the text ends with "\n\0" (libconfig takes a last line that is a comment without a
 *          newline for a syntax error) and holds no NUL before. It lies in a secret region and is
 *          wiped by conf_text_free(). A file that must be secret is refused when others may read
 *          it, or when its owner is neither root nor we.
 * Errors:  false with *error filled. Threads: any.
 */
#ifndef LWG_CONF_TEXT_H
#define LWG_CONF_TEXT_H

#include "base/attr.h"
#include "conf/config.h"

#include <stdbool.h>
#include <stddef.h>

struct conf_text {
	char *data;
	size_t len;  /* the newline that was added included, the NUL not */
	size_t size; /* of the region */
};

MUST_USE bool conf_text_read(
	const char *file, bool must_be_secret, struct conf_text *out, struct conf_error *error);
/* The same from memory. */
MUST_USE bool conf_text_copy(
	const char *text, const char *name, struct conf_text *out, struct conf_error *error);
void conf_text_free(struct conf_text *t);
/* The path that `file`, as written in a file in `folder`, means; malloc'd. NULL: memory is
   short. */
MUST_USE char *conf_path(const char *folder, const char *file);
/* The folder of a file ("." when its name has none); malloc'd. NULL: memory is short. */
MUST_USE char *conf_folder(const char *file);

#endif
