/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/sources: the places that upstream links start from: (socket, source address) pairs, so that
 *             a million links need no million sockets and the server still sees each link under
 *             its own address and port.
 *
 * A server may have several addresses, its targets, and they may become others: a link keeps the
 * one that it was opened to.
 *
 * A slot is one pair. With S source addresses each socket carries S links; without any, each
 * link has its own socket and the kernel chooses the address (paths then have no local_ip).
 * Sockets are opened when first needed and stay.
 *
 * Promise: a slot is held by one link at a time. A slot that was given back rests
 *          SOURCES_REST_MS, as the server may still hold an association for its address; only
 *          when there is no other is it taken earlier, the one that has rested longest first.
 *          Addresses are computed, never listed: a /64 costs nothing.
 * Errors:  SOURCES_NONE: every slot is in use, or no socket can be opened; sources_error() tells
 *          which.
 * Memory:  8 bytes per slot that was ever used.
 * Threads: the worker that owns it. The clock is told.
 * Source:  ip(7) IP_PKTINFO, IP_FREEBIND.
 */
#ifndef LWG_IO_SOURCES_H
#define LWG_IO_SOURCES_H

#include "base/attr.h"
#include "base/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SOURCES_PREFIXES_MAX = 16,
	SOURCES_REST_MS = 240000,
	SOURCES_HOST_BITS_MAX = 24,
	SOURCES_TARGETS_MAX = 16, /* known at once */
	SOURCES_NO_TARGET = UINT8_MAX,
};
#define SOURCES_NONE UINT32_MAX

struct sources_prefix {
	struct net_addr base; /* port 0; host bits 0 */
	uint8_t bits;
};

struct sources_settings {
	struct net_addr upstream;                             /* target 0 */
	struct sources_prefix prefixes[SOURCES_PREFIXES_MAX]; /* of the upstream's family */
	size_t prefixes_len;                                  /* 0 = the kernel's choice */
	uint32_t sockets_max;                                 /* >= 1 */
	uint32_t first_sock; /* number of the first socket in paths */
	void *ctx;
	/* A socket was opened; the owner may watch it, and must not close it. False: it
	   cannot. */
	bool (*opened)(void *ctx, uint32_t sock, int fd);
};

struct sources;

/* Copied. NULL: short of memory, or a prefix of the other family. */
MUST_USE struct sources *sources_new(const struct sources_settings *s);
/* Closes all sockets. */
void sources_free(struct sources *s);
/* Takes over the next socket, bound by an earlier run to the port that its links know. False: there
   are sockets_max already, or the owner cannot watch it; fd is still the caller's. */
MUST_USE bool sources_add(struct sources *s, int fd);
/* Slots below used were taken in an earlier run, and sleep. Before any was taken. False: memory is
   short. */
MUST_USE bool sources_restore(struct sources *s, uint32_t used);
/* A slot that no link holds, or SOURCES_NONE. */
MUST_USE uint32_t sources_take(struct sources *s, uint64_t now_ms);
/* After SOURCES_NONE: 0 when every slot is in use, else what the system said, like EMFILE. */
MUST_USE int sources_error(const struct sources *s);
/* One that is given back already stays so. */
void sources_give(struct sources *s, uint32_t slot, uint64_t now_ms);
/* A slot that is held sleeps: it is nobody's to take, until somebody gives it or holds it again. */
void sources_sleep(struct sources *s, uint32_t slot);
void sources_hold(struct sources *s, uint32_t slot);
MUST_USE bool sources_is_asleep(const struct sources *s, uint32_t slot);
/* Makes each of these a target, if it is none yet; numbers: theirs, SOURCES_NO_TARGET of one for
   which there is no room, or which is of another family. Room is made by forgetting who is not
   among them and has no link. */
void sources_aim(struct sources *s, const struct net_addr *all, size_t len, uint8_t *numbers);
/* Numbers below were given. */
uint8_t sources_targets(const struct sources *s);
/* SOURCES_NO_TARGET: it is none. */
MUST_USE uint8_t sources_target(const struct sources *s, const struct net_addr *a);
/* A slot that is held leads there; one that was just taken leads to target 0. */
void sources_lead(struct sources *s, uint32_t slot, uint8_t target);
/* The path from a slot that is held to its target. */
struct net_path sources_path(const struct sources *s, uint32_t slot);
/* The same to any target. */
struct net_path sources_path_to(const struct sources *s, uint32_t slot, uint8_t target);
/* The slot that a path to a target starts from, or SOURCES_NONE: it is none of ours. */
MUST_USE uint32_t sources_find(const struct sources *s, const struct net_path *path);
/* Slots below were taken at least once. */
uint32_t sources_used(const struct sources *s);
/* True when datagrams tell by our address to which slot they belong. */
MUST_USE bool sources_use_local(const struct sources *s);
/* The descriptor of a socket number in a path. */
int sources_fd(const struct sources *s, uint32_t sock);
/* How many source addresses a prefix yields. */
uint32_t sources_prefix_len(const struct sources_prefix *p);
/* Address number i < sources_prefix_len(). */
struct net_addr sources_prefix_addr(const struct sources_prefix *p, uint32_t i);

#endif
