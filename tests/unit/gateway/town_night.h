/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/gateway/town_night: what happens to a town's gateway: it is killed and begins again,
 *                                the power fails, sessions sleep, the store is slow or fails.
 *
 * Promise: a kill leaves what is committed, the slots as they are, and nothing else: no peer hears
 *          a word, nobody sleeps before. Devices and the server live on.
 * Errors:  a cmocka failure.
 * Threads: one, and the writer of the store.
 */
#ifndef LWG_TEST_TOWN_NIGHT_H
#define LWG_TEST_TOWN_NIGHT_H

#include "base/attr.h"
#include "store/store.h"
#include "town.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_session;

enum town_end { TOWN_KILLED, TOWN_DARK };

/* A steered town whose store outlives the gateway. */
struct town *town_new_kept(size_t workers, enum conf_power_loss policy, bool anchored);
/* The gateway is gone. TOWN_DARK: and the machine was booted anew. */
void town_die(struct town *t, enum town_end how);
/* It is there again, as another incarnation. */
void town_rise(struct town *t);
/* Both. */
void town_restart(struct town *t, enum town_end how);

/* Turns until everything is durable, answered and at rest. */
void town_settle(struct town *t);
/* Settles; then every session sleeps. */
void town_night(struct town *t);
/* From here on nothing that is submitted is durable, until town_go_on(). */
void town_stall(struct town *t);
void town_go_on(struct town *t);
/* The next n commits fail so. */
void town_fail(struct town *t, enum store_result how, unsigned n);

/* What goes wrong from here on is not worth a line. */
void town_hush(struct town *t);

/* Runs f in a transaction of the store and waits for it. */
typedef enum store_result town_run(struct store_txn *x, void *arg);
enum store_result town_do(struct town *t, town_run *f, void *arg);
/* What the store has of a device; false: nothing. */
MUST_USE bool town_row(struct town *t, size_t device, struct store_session *out);
MUST_USE bool town_assoc(struct town *t, uint32_t slot, struct store_assoc *out);

/* A device that is connected and registered through a worker; its socket. */
size_t town_registered(struct town *t, size_t device, uint32_t worker);
/* Sends Update from a socket, and the server's answer comes. */
void town_updated(struct town *t, size_t socket);
struct gw_session *town_session(struct town *t, size_t worker, size_t device);
/* In all workers. */
size_t town_awake(const struct town *t);
size_t town_relays(const struct town *t);
size_t town_registrations(const struct town *t);
/* As lwgatectl does it; durable on return. */
void town_revoke(struct town *t, size_t device);
void town_replace_key(struct town *t, size_t device);
/* The one that was revoked, as it was. */
void town_add_again(struct town *t, size_t device);

#endif
