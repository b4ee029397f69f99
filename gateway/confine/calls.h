/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine/calls: the system calls that a daemon may make, and why. Names that an architecture does
 * not have are passed over.
 *
 * A call whose arguments matter is in confine/filter instead.
 *
 * Promise: CONFINE_CALLS_NUMBER is another one whenever the lists are longer than they were: by it
 *          an upgrade knows whether the next program fits under the filter in force (a unit test
 *          holds both together).
 * Threads: any; constant.
 */
#ifndef LWG_CONFINE_CALLS_H
#define LWG_CONFINE_CALLS_H

#include "confine/confine.h"

enum { CONFINE_CALLS_NUMBER = 3 };

struct confine_calls {
	const char *why;
	const char *names; /* with a blank between them */
	unsigned who;      /* 1 << CONFINE_GATEWAY | 1 << CONFINE_BRIDGE */
};

extern const struct confine_calls confine_calls[];
extern const size_t confine_calls_len;
/* One that is refused with EPERM: a library asks, and takes no for an answer. */
extern const char confine_calls_refused[];

#endif
