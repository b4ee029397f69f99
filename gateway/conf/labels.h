/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf/labels: what an operator calls the devices that belong together, for the rules of a policy:
 * a set of short texts.
 *
 * Promise: pure. At most CONF_LABELS_MAX, each 1 to CONF_LABEL_MAX octets of plain text without a
 *          comma and without a blank at its ends, none twice; kept in one order, so that sets that
 *          are the same have the same text.
 * Errors:  a text: what is wrong, and what would be right; nothing of the label is in it.
 * Threads: any.
 * Source:  lwgate-policy(5), labels.
 */
#ifndef LWG_CONF_LABELS_H
#define LWG_CONF_LABELS_H

#include "base/attr.h"

#include <stddef.h>

enum {
	CONF_LABELS_MAX = 16,
	CONF_LABEL_MAX = 32,
	/* Of all, with commas between them and a NUL behind. */
	CONF_LABELS_TEXT = CONF_LABELS_MAX * (CONF_LABEL_MAX + 1),
};

struct conf_labels {
	size_t len;
	char at[CONF_LABELS_MAX][CONF_LABEL_MAX + 1];
};

/* NULL: it is in. */
MUST_USE const char *conf_labels_add(struct conf_labels *l, const char *label, size_t len);
/* Of "a,b,c"; "": none. NULL: *out is filled. */
MUST_USE const char *conf_labels_read(const char *text, struct conf_labels *out);
/* Returns out. */
const char *conf_labels_text(const struct conf_labels *l, char out[CONF_LABELS_TEXT]);

#endif
