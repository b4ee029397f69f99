/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/claim.h"

#include "gateway/air.h"
#include "gateway/keep.h"
#include "gateway/routes.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "gateway/worker.h"

#include <assert.h>
#include <stdlib.h>

/* Half a hand-over would leave two sessions for one identity, or none for ever. */
static _Noreturn void give_up(const struct gw_worker *w)
{
	log_say(&w->log, LOG_LEVEL_ERROR, "memory",
		"none left to hand a session to another worker; the gateway gives up");
	abort();
}

void gw_claim_send(struct gw_session *s, uint32_t before)
{
	struct gw_worker *w = s->worker;
	const struct gw_claim claim = { .cred = s->cred, .before = before, .tenure = s->tenure };
	struct inbox *to = w->shared->inboxes[gw_tenure_worker(before)];
	if (!inbox_post(to, INBOX_SURE, GW_CLAIM, &claim, sizeof(claim)))
		give_up(w);
	s->waits = true;
	w->waiting++;
}

static void yield_to(struct gw_worker *w, const struct gw_yield *yield)
{
	struct inbox *heir = w->shared->inboxes[gw_tenure_worker(yield->tenure)];
	if (!inbox_post(heir, INBOX_SURE, GW_YIELD, yield, sizeof(*yield)))
		give_up(w);
}

static uint64_t upstream_of(const struct gw_session *s)
{
	const struct gw_worker *const w = s->worker;
	return s->upstream < w->upstreams_len ? w->upstreams[s->upstream].mark : 0;
}

void gw_claim_lost(struct gw_session *s)
{
	const struct gw_yield yield = { .cred = s->cred, .tenure = s->heir };
	s->heir = 0;
	yield_to(s->worker, &yield);
}

void gw_claim_go_on(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct gw_yield yield = { .cred = s->cred, .tenure = s->heir, .was_there = s->relay };
	/* Of another address, or of DTLS, nothing goes on. */
	if (s->air)
		yield.was_there = false;
	if (s->relay)
		yield.registration = *relay_device_registration(s->relay);
	yield.upstream = upstream_of(s);
	s->heir = 0;
	/* What the store has of it is the heir's to replace. */
	gw_session_end(s, GW_KEEP, "the device has come back to another worker");
	yield_to(w, &yield);
}

void gw_claim_received(struct gw_worker *w, const struct gw_claim *claim)
{
	struct gw_session *s = gw_roll_find(&w->roll, claim->cred, claim->before);
	if (!s) { /* the tenure has ended by itself in the meantime: the store knows the rest */
		const struct gw_yield yield = { .cred = claim->cred, .tenure = claim->tenure };
		yield_to(w, &yield);
		return;
	}
	s->heir = claim->tenure;
	if (!s->waits) {
		if (s->ops == 0)
			gw_claim_go_on(s);
		return;
	}
	/* Not ours yet; it passes through. */
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	s->legs[GW_DEVICE].conn = NULL;
	if (c) {
		dtls_conn_set_user(c, NULL);
		dtls_close(w->dtls, c);
	}
}

void gw_yield_received(struct gw_worker *w, const struct gw_yield *yield)
{
	struct gw_session *s = gw_roll_find(&w->roll, yield->cred, yield->tenure);
	if (!s || !s->waits) {
		assert(w->stopping); /* it waits no more */
		return;
	}
	s->waits = false;
	w->waiting--;
	if (s->heir != 0) {
		struct gw_yield on = *yield;
		on.tenure = s->heir;
		s->heir = 0;
		gw_session_end(s, GW_KEEP, "the device left before its session came");
		yield_to(w, &on);
	} else if (!gw_session_path(s)) {
		gw_session_end(s, GW_KEEP, "the device left before its session came");
	} else if (s->air) {
		if (gw_air_begin(s))
			gw_session_flow(s);
	} else {
		/* The device has shaken hands since. */
		struct relay_registration r = yield->registration;
		relay_registration_inherit(&r);
		const bool goes_on =
			yield->was_there && gw_upstream_same(yield->upstream, upstream_of(s));
		gw_keep_device(s, goes_on ? &r : NULL);
	}
}
