/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/node: this gateway's number in its connection ids, claimed in the store by this machine
 *               (S25).
 *
 * Two gateways of one number behind one address would each take the other's devices for lost ones,
 * and a copy of a store has the keys of the original: so a store says which machine it works on (by
 * a digest of /etc/machine-id, or of what else tells one machine from another), and another machine
 * refuses it until it is told that the store has moved.
 *
 * Promise: a store that is claimed by another machine is refused before a socket is read; the
 *          message says how to go on. The same machine may change its number: CIDs of the old one
 *          are still known.
 * Errors:  false with a sentence and its remedy. A machine that cannot be told from others is taken
 *          for the right one.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_NODE_H
#define LWG_GATEWAY_NODE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum { GW_MACHINE_LEN = 32 };

/* What tells this machine from others, from a file like /etc/machine-id. False: nothing does. */
MUST_USE bool gw_machine(const char *file, uint8_t out[GW_MACHINE_LEN]);
/* machine NULL: it cannot be told. anew: the operator says that the store has moved here. */
MUST_USE bool gw_node_claim(struct store *s, uint8_t node, const uint8_t *machine, bool anew,
	char *error, size_t error_len);

#endif
