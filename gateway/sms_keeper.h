/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_keeper: has the keys of devices by short messages renewed, in the main thread.
 *
 * Whatever happens to a device's sets of keys is one change of gateway/sms_keys_run, in one
 * transaction of the store. A message that has come is such a change of its worker (sms_keyed.c);
 * all others are the keeper's: time that has passed, what became of a delivery, an answer of the
 * BSF, a person's order, a registration. What must leave the store is done when all is durable:
 * messages go to the desk, and whoever gives new keys is asked for them.
 *
 *   told (any thread) ─▶ inbox ─▶ change (durable) ─▶ messages, a question, what is said of it
 *   due (each second) ─▶        ▲
 *   BSF, card, bootstrap ───────┘
 *
 * Promise: nothing is lost for good when a tale or an answer is: the row says what is due, and it
 *          is due again. A credential whose keys are not renewed has no row, and is not touched.
 * Errors:  a change that the store cannot do is tried again when it is due; logged, with limits.
 * Memory:  a change that is under way has some 8 KiB; GW_KEEPER_MAX of them at once.
 * Threads: gw_keeper_tell(): any. The rest: the main thread's.
 * Source:  sms/keyset; change request 004, 7.2.2.1.
 */
#ifndef LWG_GATEWAY_SMS_KEEPER_H
#define LWG_GATEWAY_SMS_KEEPER_H

#include "base/attr.h"
#include "sms/keyset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_error;
struct conf_gateway;
struct ev_loop;
struct gw_gateway;
struct gw_keys_settings;
struct gw_shared;
struct gw_sms_keeper;
struct inbox;

enum { GW_KEEPER_MAX = 1024 };

struct gw_keeper_told {
	uint32_t cred;
	uint8_t event; /* enum keyset_event; KEYSET_EVENTS: look what is due */
	bool ask;      /* no event: a change that is durable has left this to do */
	uint32_t lifetime_s;
	uint32_t retry_s; /* REFUSED: not before; 0: as the back-off says */
	/* TAKEN, UNSENT: what became of this message of the box out, which is let go in the same
	   transaction, whatever it was. */
	uint64_t message;
	char cause[KEYSET_CAUSE_MAX + 1]; /* UNSENT, REFUSED */
};

enum gw_keeper_kind { GW_KEEPER_TOLD, GW_KEEPER_DONE }; /* and GW_BSF_ANSWER, see gateway/bsf.h */

/* False: memory is short. */
bool gw_keeper_tell(const struct gw_shared *s, const struct gw_keeper_told *t);

struct gw_keeper_stats {
	uint64_t changes, failed; /* durable; not */
	uint64_t asked;           /* whoever gives keys */
	uint64_t obtained, refused;
	uint64_t pushes; /* messages that deliver keys */
	size_t under_way;
	uint64_t sets[KEYSET_STATES]; /* by state, see gateway/sms_keys_count */
};

/* As root: a file is read. NULL with *error: that cannot be, or memory is short. */
struct gw_sms_keeper *gw_sms_keeper_new(struct gw_gateway *g, struct conf_error *error);
void gw_sms_keeper_free(struct gw_sms_keeper *k);
/* Where it is told, and where a BSF's answers go (ask.worker 0 of an array of this one). */
struct inbox *const *gw_sms_keeper_inbox(const struct gw_sms_keeper *k);
void gw_sms_keeper_begin(struct gw_sms_keeper *k, struct ev_loop *loop);
/* Waits for the store's answers to what is under way. */
void gw_sms_keeper_end(struct gw_sms_keeper *k, struct ev_loop *loop);
/* Each second: whose time has come is looked at, and some are counted. k NULL: there is nobody to
   do so. */
void gw_sms_keeper_due(struct gw_sms_keeper *k, uint64_t now_ms);
struct gw_keeper_stats gw_sms_keeper_stats(const struct gw_sms_keeper *k);

/* Of all devices, as configured. */
void gw_keys_settings_of(const struct conf_gateway *conf, struct gw_keys_settings *out);

#endif
