/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine/filter: the lists of confine/calls as a seccomp filter, and the calls of which only some
 * arguments are allowed.
 *
 * Promise: all threads have it, or none. No page is ever both writable and executable; sockets are
 *          of IPv4, IPv6, local, or the kernel's routing table; no namespace is made.
 * Errors:  a negative errno: -ENOSYS: this build, or the kernel, has no seccomp.
 * Threads: any, once.
 * Source:  seccomp(2), seccomp_init(3).
 */
#ifndef LWG_CONFINE_FILTER_H
#define LWG_CONFINE_FILTER_H

#include "base/attr.h"
#include "confine/confine.h"

/* How many calls are allowed, or -errno. */
MUST_USE int confine_filter(enum confine_who who);

#endif
