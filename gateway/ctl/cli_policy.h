/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/cli_policy: what lwgatectl asks the gateway for, to decide by itself what its policy, or
 *                 another, would: the text in force, and facts of sessions.
 *
 * Promise: a text that is another before all of it has come is asked for anew.
 * Errors:  an exit status, what is wrong having been printed.
 * Threads: one.
 */
#ifndef LWG_CTL_CLI_POLICY_H
#define LWG_CTL_CLI_POLICY_H

#include "base/attr.h"
#include "ctl/out.h"
#include "ctl/show_policy.h"

#include <stddef.h>

struct cli;
struct ctl_facts;
struct policy;

struct cli_policy {             /* begins as zeros; goes with cli_policy_free() */
	struct ctl_rules rules; /* points to what follows, or is borrowed */
	struct policy *policy;
	struct ctl_out text, name; /* terminated */
};

/* Fills in the text and its name. */
MUST_USE int cli_policy_fetch(struct cli *c, struct cli_policy *out);
void cli_policy_free(struct cli_policy *p);
/* Has take() look at the facts of an endpoint's session, or, NULL, of all. It ends with the first
   status that is not CLI_DONE. */
typedef int cli_take_facts(void *context, const struct ctl_facts *f);
MUST_USE int cli_policy_facts(
	struct cli *c, const char *endpoint, cli_take_facts *take, void *context);

#endif
