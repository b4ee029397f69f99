/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/fleet_gen: writes the files of a lab: the gateway's credentials and the upstream server's
 * keys that go with them.
 *
 * Device N has endpoint urn:lwgate:lab-N, identity lab-N; upstream identity up-N; all keys are
 * random.
 *
 * Promise: files are 0600 from their first byte on; keys come from the kernel.
 * Errors:  false with a line on stderr.
 */
#ifndef LWG_LAB_FLEET_GEN_H
#define LWG_LAB_FLEET_GEN_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct fleet_gen {
	const char *credentials; /* the gateway's; NULL = not wanted, as below */
	const char *keys;        /* the upstream server's: what the gateway proves */
	const char
		*direct_keys; /* what the devices prove: for a server without a gateway before it */
	uint32_t devices;
};

MUST_USE bool fleet_generate(const struct fleet_gen *g);

#endif
