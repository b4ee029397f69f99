/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/udp: UDP sockets of the lab: batches, and per-datagram local addresses (IP_PKTINFO).
 *
 * Promise: udp_room()/udp_commit() collect datagrams of one socket after the other and send them
 *          with one call; nothing is kept back after udp_flush(). What the kernel refuses is
 *          counted, not repeated.
 * Memory:  a struct udp_set owns its sockets and its buffers.
 * Threads: one.
 */
#ifndef LWG_LAB_UDP_H
#define LWG_LAB_UDP_H

#include "base/attr.h"
#include "base/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { UDP_BATCH = 64, UDP_DATAGRAM = 2048 };

struct udp_set;
typedef void udp_taker(void *ctx, const struct net_path *path, uint8_t *datagram, size_t len);

/* "192.0.2.1:5684", "[::1]:5684"; numbers only. */
MUST_USE bool udp_parse(const char *text, struct net_addr *out);
socklen_t udp_to_sockaddr(const struct net_addr *a, struct sockaddr_storage *out);
MUST_USE bool udp_from_sockaddr(const struct sockaddr_storage *s, struct net_addr *out);
/* A nonblocking socket bound to *local, whose port is filled in; -1 with errno. Big buffers, DF,
   local
   addresses told. */
MUST_USE int udp_socket(struct net_addr *local);
/* The address of ours, without a port, from which the kernel sends to another. False with errno. */
MUST_USE bool udp_source(const struct net_addr *to, struct net_addr *out);

/* Room for that many sockets. */
MUST_USE struct udp_set *udp_set_new(size_t sockets_max);
void udp_set_free(struct udp_set *s);
/* Opens a socket; its number is in *number. False with errno. */
MUST_USE bool udp_set_open(struct udp_set *s, struct net_addr *local, uint32_t *number);
/* Waits at most wait_ms for a socket or extra (-1: none); true when extra is readable. */
MUST_USE bool udp_set_wait(struct udp_set *s, int extra, uint64_t wait_ms);
/* Hands out what has come, at most a few batches per socket. */
void udp_set_receive(struct udp_set *s, udp_taker *taker, void *ctx);

uint8_t *udp_room(struct udp_set *s, const struct net_path *path, size_t cap);
void udp_commit(struct udp_set *s, size_t len);
void udp_flush(struct udp_set *s);
uint64_t udp_refused(const struct udp_set *s);

#endif
