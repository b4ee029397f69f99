/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/privilege: what the process may do, made less, step by step.
 *
 * Promise: when gw_privilege_drop() has returned true and a user was named, the process is that
 *          user for good, which was tried. No core dump holds a key (I5), no program that it
 *          starts gains anything.
 * Errors:  false with *error filled: what is wrong and what would be right.
 * Threads: before any other is started.
 * Source:  setuid(7), prctl(2), capabilities(7).
 */
#ifndef LWG_GATEWAY_PRIVILEGE_H
#define LWG_GATEWAY_PRIVILEGE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct conf_error;

/* As many descriptors as the system allows: a link may need its own. Returns how many. */
uint64_t gw_privilege_raise_files(void);
/* How many bytes may be locked into memory once capabilities are dropped, by root as well;
   UINT64_MAX: no bound. */
uint64_t gw_privilege_locked(void);
/* Becomes user and group, if root; "" = stay. */
MUST_USE bool gw_privilege_drop(const char *user, const char *group, struct conf_error *error);
/* Gives a file to whom gw_privilege_drop() will become. */
MUST_USE bool gw_privilege_give(
	const char *user, const char *group, const char *path, struct conf_error *error);
/* No core dumps, no capability, no new privileges; to be called last, before any thread is made. */
MUST_USE bool gw_privilege_seal(struct conf_error *error);

#endif
