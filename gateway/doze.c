/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rouse.h"

#include "conf/config.h"
#include "gateway/keep.h"
#include "gateway/resume.h"
#include "gateway/roam.h"
#include "gateway/seats.h"
#include "gateway/sms.h"
#include "gateway/worker.h"
#include "io/sources.h"

enum { LEAST_A_TIME = 16 };

static void lie_down(struct gw_session *s, struct gw_leg *leg)
{
	struct gw_worker *const w = s->worker;
	struct dtls_conn *const c = leg->conn;
	leg->conn = NULL;
	if (!c)
		return;
	const struct dtls_numbers n = dtls_conn_numbers(c);
	const uint32_t forged = dtls_conn_facts(c).forged;
	/* No other's, whatever went wrong; one whose window is not proven has no id in it yet. */
	const bool unproven = s->probe && leg == &s->legs[GW_DEVICE];
	if (leg->hot && (unproven || slot_is(leg->hot, leg->id))) {
		gw_worker_batch(w);
		atomic_store_explicit(&leg->hot->forged, forged, memory_order_relaxed);
		/* What it ought to be already, unless somebody has put a copy back (S5). */
		if (!unproven && n.edge > 0)
			slot_mark(leg->hot, store_slot_key(w->shared->store), leg->place,
				n.edge - 1, n.edge, n.seen);
		slot_release(
			leg->hot, slot_owner(w->shared->incarnation, w->number), (uint32_t)n.next);
		gw_night_begins(w->shared->seats, leg->place, leg->hot,
			store_time(w->shared->store, w->now_ms));
	}
	dtls_conn_set_user(c, NULL);
	dtls_sleep(w->dtls, c);
}

void gw_session_sleep_link(struct gw_session *s)
{
	lie_down(s, &s->legs[GW_LINK]);
	if (s->slot != SOURCES_NONE)
		sources_sleep(gw_session_sources(s), s->slot); /* it stays the link's */
	s->slot = SOURCES_NONE;
}

void gw_session_sleep(struct gw_session *s)
{
	if (s->relay)
		relay_device_let_go(s->relay);
	s->relay = NULL;
	lie_down(s, &s->legs[GW_DEVICE]);
	gw_session_sleep_link(s);
	gw_session_end(s, GW_KEEP, NULL);
}

/* S9: an association that is not durable cannot sleep. One that waits for the answer to a probe
   can: whoever repeats old records must not fill the memory with them (S24). */
static bool may_sleep(const struct gw_session *s)
{
	const struct gw_leg *const link = &s->legs[GW_LINK], *const leg = &s->legs[GW_DEVICE];
	const bool device = s->sms ? gw_sms_is_idle(s) : leg->conn && leg->hot;
	return s->relay && s->ops == 0 && !s->waits && s->heir == 0 && s->hold.len == 0 &&
	       gw_roam_is_idle(s) && !s->is_loose && device && (!link->conn || link->hot) &&
	       relay_device_is_idle(s->relay);
}

/* Who has not spoken since is taken for asleep when it comes back by its link. */
static bool listens(const struct gw_session *s)
{
	const struct relay_rest rest = relay_device_rest(s->relay, s->worker->now_ms);
	return rest.queues && !rest.asleep;
}

static uint64_t heard_ms(const struct gw_session *s)
{
	const uint64_t device_ms =
		s->sms ? gw_sms_heard_ms(s) : dtls_conn_facts(s->legs[GW_DEVICE].conn).heard_ms;
	const struct dtls_conn *const link = s->legs[GW_LINK].conn;
	const uint64_t link_ms = link ? dtls_conn_facts(link).heard_ms : 0;
	return device_ms > link_ms ? device_ms : link_ms;
}

/* Each is looked at once in evict_after, so that it costs a message nothing. */
void gw_sessions_doze(struct gw_worker *w)
{
	const uint64_t idle_ms = (uint64_t)w->shared->conf->store_evict_after_s * 1000;
	const uint64_t since_ms = w->now_ms - w->dozed_ms;
	size_t n = (size_t)(w->sessions_len * since_ms / idle_ms) + LEAST_A_TIME;
	w->dozed_ms = w->now_ms;
	if (n > w->sessions_len)
		n = w->sessions_len;
	for (; n > 0; n--) {
		struct gw_session *const s = w->doze_next ? w->doze_next : w->sessions;
		w->doze_next = s->next;
		if (may_sleep(s) && heard_ms(s) + idle_ms <= w->now_ms && !listens(s))
			gw_session_sleep(s);
	}
}

/* What was under way ends with the process; its peers will repeat it. */
static void end_day(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	if (s->slot != SOURCES_NONE && !s->legs[GW_LINK].conn) {
		const struct net_path path = sources_path(gw_session_sources(s), s->slot);
		dtls_connect_cancel(w->dtls, &path);
	}
	gw_session_sleep(s);
}

bool gw_sessions_sleep_all(struct gw_worker *w)
{
	struct gw_session *next = NULL;
	for (struct gw_session *s = w->sessions; s; s = next) {
		next = s->next;
		/* The yield that it waits for will find nobody; without DTLS nobody will know of
		   it. */
		if (s->waits || s->air)
			gw_session_end(s, GW_KEEP, "the gateway stops");
		else if (s->ops == 0)
			end_day(s);
	}
	return w->sessions != NULL || w->ops > 0;
}

/* Its relay ends what is over. */
void gw_due_received(struct gw_worker *w, uint32_t cred)
{
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, cred);
	if (w->stopping || !seat || gw_tenure_worker(atomic_load(seat)) != UINT32_MAX)
		return;
	struct store_session row;
	if (gw_rouse(w, cred) || store_read_session(w->reader, cred, &row) != STORE_OK)
		return;
	/* It cannot be woken any more: what is left is to forget the registration. */
	struct gw_op *const o = gw_op_new(w, NULL, cred);
	if (!o)
		return;
	o->row = row;
	o->expire = true;
	gw_op_submit(o, 0);
}
