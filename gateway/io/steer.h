/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/steer: which worker owns a peer's address, the same answer in user space and in the kernel.
 *
 * Promise: steer_owner() and the filter that steer_attach() gives to the kernel agree for every
 *          IPv4 datagram and every IPv6 datagram without extension headers. Where they differ,
 *          steer_owner() is right, and the worker that received the stray hands it over.
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
#include <stdint.h>

struct steer {
	uint32_t seed;   /* random, so that strangers cannot aim at one worker */
	uint32_t owners; /* >= 1 */
};

uint32_t steer_owner(const struct steer *s, const struct net_addr *peer);
/* fd: any socket of the group, which was bound in the order of the owners. */
MUST_USE bool steer_attach(const struct steer *s, int fd, uint8_t family);

#endif
