/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine/caps: no capability is kept.
 *
 * Errors:  confine_caps_drop() false: errno says why. The bounding set can be emptied only by who
 *          has CAP_SETPCAP; of another it means nothing once no new privileges can be had.
 * Threads: the main thread, without others: a thread has the capabilities of who made it.
 * Source:  capabilities(7).
 */
#ifndef LWG_CONFINE_CAPS_H
#define LWG_CONFINE_CAPS_H

#include "base/attr.h"

#include <stdbool.h>

/* While still root: nothing that is executed can have any. */
void confine_caps_bound(void);
/* What we have ourselves: effective, permitted, inheritable, ambient. */
MUST_USE bool confine_caps_drop(void);

#endif
