/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/steer: which worker owns a datagram, the same answer in user space and in the kernel: by the
 *           connection id in it, where that is one of ours, otherwise by the peer's address.
 *
 * A CID of ours says its worker (see dtls/cid): a device that comes from a new address is still
 * its worker's. One of another node, or of a worker that there is not any more, goes by a hash of
 * the CID, which the same device always has.
 *
 * Promise: steer_owner_of() and the filter that steer_attach() gives to the kernel agree for every
 *          IPv4 datagram and every IPv6 datagram without extension headers. Where they differ,
 *          steer_owner_of() is right, and the worker that received the stray hands it over.
 * Errors:  steer_attach() may be refused by the system; then strays are just more frequent.
 * Threads: any.
 * Source:  socket(7) SO_ATTACH_REUSEPORT_CBPF: the filter's value is the index of a socket, in
 *          the order of bind.
 */
#ifndef LWG_IO_STEER_H
#define LWG_IO_STEER_H

#include "base/attr.h"
#include "base/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct steer {
	uint32_t seed;   /* random, so that strangers cannot aim at one worker */
	uint32_t owners; /* >= 1 */
	uint8_t node;    /* ours, in CIDs */
};

/* Of who comes from there without a CID. */
uint32_t steer_owner(const struct steer *s, const struct net_addr *peer);
/* Of who has this CID; it is one of ours by its form (dtls_cid_len()). */
uint32_t steer_owner_of_cid(const struct steer *s, const uint8_t *cid, size_t len);
/* Of a datagram: what its first record says. */
uint32_t steer_owner_of(
	const struct steer *s, const struct net_addr *peer, const uint8_t *data, size_t len);
/* fd: any socket of the group, which was bound in the order of the owners. */
MUST_USE bool steer_attach(const struct steer *s, int fd, uint8_t family);

#endif
