/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/roam: a device whose records come from another address than before (RFC 9146 6).
 *
 * What an address is good for, by the listener's address_check:
 *
 *   check      The new address is remembered, and written down before the record's message goes on
 *              (S26). Answers of ours go there at once, at most three times what came from there; a
 *              device that only reports costs its radio nothing more. Before anything else is sent
 *              to the device (a server's request) the device must show that it receives there: by
 *              RFC 9853 where that was agreed, otherwise by answering a CoAP request of ours with a
 *              random token. Then what has waited goes there; without an answer, to the old one.
 *   check-old  The same, but with RFC 9853 the old address is asked first (its section 5.2).
 *   trust      The new address is its address at once, but not more often than every so many
 *              seconds; beyond that as check.
 *
 * Promise: an address of a device changes only for its newest record, and the store knows before
 *          the message of that record has an effect: neither kill -9 nor eviction forgets where a
 *          device is. What waits for a check is bounded in number and octets (gateway/hold), and
 *          leaves in its order. Upstream links never follow their server anywhere.
 * Errors:  memory is short: nothing moves, and what would have waited goes to the old address.
 * Threads: the worker's own.
 * Source:  RFC 9146 section 6, RFC 9853, S26.
 */
#ifndef LWG_GATEWAY_ROAM_H
#define LWG_GATEWAY_ROAM_H

#include "base/attr.h"
#include "dtls/engine.h"
#include "gateway/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_worker;

/* The worker's own clockwork: at its making, at gw_roam_next_ms() or later, and when that is. */
void gw_roam_begin(struct gw_worker *w);
void gw_roam_tick(struct gw_worker *w);
uint64_t gw_roam_next_ms(const struct gw_worker *w);

/* For the engine's owner. */
enum dtls_moving gw_moving(void *worker, struct dtls_conn *c, const struct net_path *to);
void gw_moved(void *worker, struct dtls_conn *c, const struct net_path *from);
void gw_unmoved(void *worker, struct dtls_conn *c);
void gw_adrift(void *worker, struct dtls_conn *c);

/* One message to the device, wherever it is. False: it cannot be sent, nor wait. */
MUST_USE bool gw_roam_send(struct gw_session *s, const uint8_t *msg, size_t len);
/* A message of the device that may be the answer to our request. True: it was, and goes no
   further. */
MUST_USE bool gw_roam_heard(struct gw_session *s, const uint8_t *msg, size_t len);
/* The window has been proven (S12): what has waited for that goes on. */
void gw_roam_go_on(struct gw_session *s);
/* What its session has held back goes to its device. */
void gw_roam_flow(struct gw_session *s);
/* What waits is lost: the association has ended, or was replaced. */
void gw_roam_free(struct gw_session *s);
/* Nothing waits: the session may sleep. */
MUST_USE bool gw_roam_is_idle(const struct gw_session *s);

#endif
