/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/ruling: what a policy wants of a session: decided now, or earlier and read back.
 *
 * A row in the store (struct store_verdict) has what must outlive the process; bounds of drains are
 * not in it, as a drain that is cut short by a restart is a farewell.
 */
#ifndef LWG_GATEWAY_RULING_H
#define LWG_GATEWAY_RULING_H

#include "policy/policy.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_ruling {
	bool is;     /* all else is zero without */
	bool fresh;  /* decided now, and not durable yet */
	bool done;   /* what was to be done at once has been */
	bool lifted; /* fresh: the reason for a quarantine is gone, and so is that */
	bool refuse, alert, until_registration;
	enum policy_event event;
	struct policy_leg device, upstream;
	/* Its bound was reached: what was decided is in `was`, and the legs are what follows. */
	bool ended;
	struct policy_leg was[2];
	uint64_t upto, upto_ms, at_ms;           /* as in struct store_verdict */
	uint64_t until_ms;                       /* store_time(); 0: none */
	uint64_t old_generation, new_generation; /* of the credential */
	char rule[POLICY_NAME_MAX + 1];
	char reason[POLICY_REASON_MAX + 1]; /* "" of one that was read back */
};

#endif
