/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/gateway/town_moves: devices of a town with connection ids, and those who listen on
 *                                their way.
 *
 * Errors:  a cmocka failure.
 * Threads: one, and the writer of the store.
 */
#ifndef LWG_TEST_TOWN_MOVES_H
#define LWG_TEST_TOWN_MOVES_H

#include "base/net.h"
#include "town_night.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_session;

/* A town that is kept, with CIDs. */
struct town *town_roaming(size_t workers, const struct town_cids *cids);
/* A device goes on from a new socket, whose address is a worker's. */
size_t town_moved(struct town *t, size_t from, uint32_t owner);
/* An Update of a device is caught on its way, and sent on from elsewhere. */
void town_snatch(struct town *t, size_t device, size_t from);
/* The server says something that is an answer by its form, and long. */
void town_answer_late(struct town *t, size_t device);

struct net_addr town_addr(const struct town *t, size_t socket);
/* The row of a device's association. */
void town_where(struct town *t, size_t device, struct store_assoc *out);
void assert_at(const struct town *t, const struct store_path *place, size_t socket);
/* Before that it was there. */
void assert_was_at(const struct town *t, const struct store_assoc *a, size_t socket);
/* Nothing waits for where its device is. */
bool town_is_at_rest(const struct gw_session *s);

#endif
