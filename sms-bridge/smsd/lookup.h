/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/lookup: the addresses of a host, looked up beside the loop: the system's resolver blocks as
 *              long as it likes.
 *
 * Model:   lookup_start(); lookup_fd() can be read when lookup_is_done(); then lookup_found().
 * Promise: no call but the resolver's own thread blocks. A lookup that is freed before its end
 *          ends by itself, and touches nothing of ours.
 * Errors:  lookup_start(): NULL, memory or threads are short.
 * Threads: the caller's, and one for each that is under way.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_LOOKUP_H
#define LWG_SMS_BRIDGE_SMSD_LOOKUP_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

struct addrinfo;
struct lookup;

/* getaddrinfo(3), or what stands for it; what it finds is freed by freeaddrinfo(3). */
typedef int lookup_resolver(const char *host, const char *service, const struct addrinfo *hints,
	struct addrinfo **found);

MUST_USE struct lookup *lookup_start(const char *host, uint16_t port, lookup_resolver *resolve);
int lookup_fd(const struct lookup *l);
bool lookup_is_done(const struct lookup *l);
/* When it is done: what was found, the lookup's own; NULL: *error is one of gai_strerror(3). */
const struct addrinfo *lookup_found(const struct lookup *l, int *error);
void lookup_free(struct lookup *l);

#endif
