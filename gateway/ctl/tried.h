/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/tried: what an import would do with each credential of a file, of which nothing is done.
 *
 * On the wire: u8 what, u32 line (0: none), u8 length and endpoint, u16 length and why it is
 * refused; one behind the other.
 *
 * Promise: pure, total, bounded (I7). No key is in it.
 * Errors:  latched in the cursor.
 */
#ifndef LWG_CTL_TRIED_H
#define LWG_CTL_TRIED_H

#include "base/attr.h"
#include "base/rd.h"
#include "ctl/credential.h"
#include "ctl/out.h"

#include <stdbool.h>
#include <stdint.h>

enum ctl_tried_what {
	CTL_TRIED_ADD,
	CTL_TRIED_REPLACE,
	CTL_TRIED_SAME,
	CTL_TRIED_REFUSE,
	CTL_TRIED_WHATS
};
enum { CTL_TRIED_WHY_MAX = 512 };

struct ctl_tried {
	enum ctl_tried_what what;
	uint32_t line;
	char endpoint[CTL_NAME_MAX + 1]; /* "": not known */
	char why[CTL_TRIED_WHY_MAX];     /* "": it is not refused */
};

void ctl_tried_write(struct ctl_out *o, const struct ctl_tried *t);
/* False: it is none. */
MUST_USE bool ctl_tried_read(struct rd *r, struct ctl_tried *out);

#endif
