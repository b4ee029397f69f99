/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/step: lets a function be killed after each of its instructions.
 *
 * Promise: run(arg) goes on in a child of its own, one instruction at a time; after each, look(arg)
 *          sees what the child would have left in shared memory had it been killed there.
 * Errors:  0 steps: nobody may be traced here (the test is to be skipped).
 * Threads: one.
 * Source:  ptrace(2), PTRACE_SINGLESTEP.
 */
#ifndef LWG_UNIT_STORE_STEP_H
#define LWG_UNIT_STORE_STEP_H

#include "base/attr.h"

#include <stddef.h>

MUST_USE size_t step_through(void (*run)(void *), void (*look)(void *), void *arg);
/* Zeroed memory that children share; it stays until the program ends. */
MUST_USE void *step_shared(size_t len);

#endif
