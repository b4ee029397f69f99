/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine/trap: the last words of a process that has made a forbidden system call.
 *
 * Promise: one line on stderr with the call's number, its name where that is known, and the thread;
 *          then the process ends by SIGSYS, whatever the thread was doing.
 * Threads: any thread may be the one.
 * Source:  signal-safety(7); seccomp(2), SECCOMP_RET_TRAP.
 */
#ifndef LWG_CONFINE_TRAP_H
#define LWG_CONFINE_TRAP_H

#include "base/attr.h"

#include <stdbool.h>

MUST_USE bool confine_trap(void);

#endif
