/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/lapse: associations that cannot simply go on: the power was lost and the window with it,
 *                or a policy ends them (gateway/judge).
 *
 * after_power_loss = resume: the first authentic record is answered with close_notify, so that the
 * device resumes. probe: the device must answer a CoAP request with a random token (S12). gap: only
 * numbers above the durable read ceiling are let in (S11).
 *
 * A device with a connection id is asked where its record came from, and what it answers shows its
 * address, too; a farewell goes there and to where it was (see gateway/roam).
 *
 * Promise: nothing of such an association is forwarded before its window is known.
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_LAPSE_H
#define LWG_GATEWAY_LAPSE_H

#include "dtls/engine.h"
#include "gateway/rouse.h"
#include "gateway/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_worker;

/* What is to happen with an association by what is known of its window and its key; whether it may
   go on at all is gw_judge_sleeper()'s to say. */
enum gw_verdict gw_lapse_judge(const struct gw_worker *w, const struct store_assoc *a);
/* For the engine's owner. */
void gw_unproven(void *worker, struct dtls_conn *c, uint64_t number, uint8_t *msg, size_t len);
/* Sends the request that a session's window waits for. False: memory is short. */
MUST_USE bool gw_probe_begin(struct gw_session *s);
void gw_probe_send(struct gw_session *s);
void gw_probe_free(struct gw_session *s);

#endif
