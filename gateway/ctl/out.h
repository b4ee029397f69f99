/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/out: text that grows while it is written; the first error latches.
 *
 * Promise: ctl_out_clean() lets nothing through that moves a terminal's cursor or is no UTF-8,
 *          whatever a device calls itself.
 * Errors:  latched: memory is short. Threads: any, one each.
 */
#ifndef LWG_CTL_OUT_H
#define LWG_CTL_OUT_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_out {
	char *data; /* malloc'd; not terminated */
	size_t len, cap;
	bool bad;
	bool secret; /* what it holds is wiped before it goes; set while empty */
};

void ctl_out_fini(struct ctl_out *o);
void ctl_out_bytes(struct ctl_out *o, const void *bytes, size_t len);
void ctl_out_text(struct ctl_out *o, const char *text);
void ctl_out_form(struct ctl_out *o, const char *form, ...) PRINTF_LIKE(2, 3);
/* Text of outside: what is no printable UTF-8 becomes '?'. */
void ctl_out_clean(struct ctl_out *o, const char *text);
/* The same, and blanks up to `width` columns. */
void ctl_out_column(struct ctl_out *o, const char *text, size_t width);
/* Columns that ctl_out_clean() fills: one a code point. */
size_t ctl_out_width(const char *text);

/* Length of the UTF-8 sequence that begins at text, and its code point; 0: it is none (RFC
   3629). */
size_t ctl_utf8(const char *text, uint32_t *code);

#endif
