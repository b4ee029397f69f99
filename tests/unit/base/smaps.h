/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/base/smaps: what the system says of the memory at an address (proc_pid_smaps(5)).
 */
#ifndef LWG_TESTS_UNIT_BASE_SMAPS_H
#define LWG_TESTS_UNIT_BASE_SMAPS_H

#include <stdbool.h>

/* Is the flag of two letters set: "dd" not in core dumps, "lo" locked? */
bool smaps_flag(const void *at, const char *flag);
/* Does the page at this address take memory? What is not mapped does not. */
bool smaps_resident(const void *at);

#endif
