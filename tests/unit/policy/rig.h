/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the policy room share. "F" is the name of the file.
 */
#ifndef LWG_TESTS_POLICY_RIG_H
#define LWG_TESTS_POLICY_RIG_H

#include "policy/policy.h"

/* Of rules without their list's parentheses, each on its line from 2 on; the default keeps. Fails
   the test where the text is refused. */
struct policy *policy_of(const char *rules);
/* What the same is refused with; static. Fails the test where it is not. */
const char *error_of(const char *rules);
/* Of a whole text. */
const char *error_of_text(const char *text);
/* An awake, registered device with a PSK and this event. */
struct policy_facts facts_of(enum policy_event event);

#define RULE(name, conditions)                                                                     \
	"{ name = \"" name "\"; " conditions " device = \"teardown\"; upstream = \"teardown\"; }"
#define KEEPS(name, conditions)                                                                    \
	"{ name = \"" name "\"; " conditions " device = \"keep\"; upstream = \"keep\"; }"

#endif
