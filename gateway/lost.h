/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/lost: who speaks to us with keys that we do not have, and whether he is told (S27).
 *
 * A device whose association has gone here does not know it: what it sends is dropped without a
 * word, as RFC 6347 wants it, and many stacks go on sending for days. For networks whose
 * addresses can be trusted the operator may have such a device told by a fatal alert in epoch 0. It
 * is a hint that nobody can verify: a stack may heed it, and shakes hands again; those of
 * tests/interop do not, nor do we.
 *
 * Whoever can write the address of a device that is well can send us a record for nobody in its
 * name, and it would be told. So the prefixes are to be networks whose addresses nobody forges, and
 * as long as the store knows somebody at that address, with or without a CID, nothing goes there.
 *
 * Promise: only who is in a trusted prefix is told; only when the store, seen as it is now, has
 *          nobody there (a CID: of this node), awake or asleep; never more often than
 *          connection_ids.tell_rate a second in all (each worker has its share), half of that to
 *          one network (an IPv4 /24, an IPv6 /56), and once in GW_TOLD_PAUSE_MS to one address and
 *          port; not at all in the first GW_TOLD_MUTE_MS of this process, restarted or upgraded,
 *          nor in GW_TOLD_MUTE_LONG_MS when windows were lost with the power. Each is counted by
 *          the engine, told or not.
 * Errors:  doubt is silence: what the store cannot say for sure, addresses that share a place in
 *          the tables with one that was told just now, a store that takes nobody in any more.
 * Memory:  tables of fixed size.
 * Threads: the worker's own.
 * Source:  S27; RFC 6347 section 4.1.2.7 (an alert ends a connection that its receiver believes).
 */
#ifndef LWG_GATEWAY_LOST_H
#define LWG_GATEWAY_LOST_H

#include "base/log.h"
#include "base/net.h"
#include "dtls/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_worker;

enum {
	GW_TOLD_PAUSE_MS = 10000,
	GW_TOLD_MUTE_MS = 60000,
	GW_TOLD_MUTE_LONG_MS = 600000,
	GW_TOLD_PEERS = 4096,
	GW_TOLD_NETWORKS = 1024,
};

/* A worker's; nobody, nobody of a network, and nobody at an address is told before. */
struct gw_lost {
	uint64_t speaks_ms, next_ms;
	uint64_t networks_ms[GW_TOLD_NETWORKS], peers_ms[GW_TOLD_PEERS]; /* by hash */
	struct log_limit limit;
};

/* Of a new worker: from now on, and not before the mute time is over. */
void gw_lost_begin(struct gw_worker *w);
/* For the engine's owner. */
bool gw_lost(void *worker, enum dtls_role role, const struct net_path *path, const uint8_t *cid,
	size_t cid_len);

#endif
