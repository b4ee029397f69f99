/* SPDX-License-Identifier: Apache-2.0 */
#include "base/build.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/claim.h"
#include "gateway/explain.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/keylog.h"
#include "gateway/known.h"
#include "gateway/lapse.h"
#include "gateway/learning.h"
#include "gateway/link_session.h"
#include "gateway/lost.h"
#include "gateway/proof.h"
#include "gateway/resolver.h"
#include "gateway/resume.h"
#include "gateway/roam.h"
#include "gateway/rouse.h"
#include "gateway/routes.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "gateway/sms_dtls.h"
#include "gateway/trace.h"
#include "gateway/worker.h"

static struct dtls_profile *profile(void *ctx, const struct net_path *path)
{
	const struct gw_worker *w = ctx;
	return path->sock < w->listeners_len ? w->profiles.listeners[path->sock] : NULL;
}

static uint8_t *room(void *ctx, const struct net_path *path, size_t cap)
{
	struct gw_worker *w = ctx;
	w->room_sock = path->sock;
	w->room_sms = path->peer.family == NET_SMS;
	uint8_t *const out = w->room_sms
				     ? gw_sms_dtls_room(w, path, cap)
				     : udp_tx_room(&w->tx, gw_worker_fd(w, path->sock), path, cap);
	if (w->tracing)
		gw_trace_room(w, path, out);
	return out;
}

static void sent(void *ctx, size_t len)
{
	struct gw_worker *w = ctx;
	gw_worker_sent(w, w->room_sock, len);
	if (w->tracing)
		gw_trace_leaves(w, len);
	if (w->room_sms)
		gw_sms_dtls_sent(w, len);
	else
		udp_tx_done(&w->tx, len);
}

/* The same worker has the endpoint's session already: registration and link stay (D-5). */
static void rebind(struct gw_session *s, struct dtls_conn *c)
{
	struct gw_worker *const w = s->worker;
	struct dtls_conn *const old = s->legs[GW_DEVICE].conn;
	s->legs[GW_DEVICE].conn = c;
	dtls_conn_set_user(c, s);
	if (old) {
		/* The engine has ended what a new handshake on the same path has replaced, so this
		   one is elsewhere, or adrift. */
		dtls_conn_set_user(old, NULL);
		dtls_close(w->dtls, old);
	}
	gw_probe_free(s);
	gw_roam_free(s);
	gw_judge_anew(s);
	gw_hold_clear(&s->hold); /* said in the old channel (RFC 7252 section 9.1.2; R-230) */
	s->routed = 0;           /* it may have come in elsewhere */
	if (s->relay) {
		relay_device_set_radio(s->relay, gw_session_radio(s));
		/* What has waited for the device goes when this association is durable, and judged
		   (S9, I8): until then it is held. */
		s->blocked++;
		relay_device_rebind(s->relay, &s->device);
		s->blocked--;
	}
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "session-again",
		"endpoint=%s", s->endpoint);
	if (!s->waits)
		gw_keep_device(s, s->relay ? relay_device_registration(s->relay) : NULL);
}

/* Also of who has resumed, or has proved what is staged. */
static bool is_at_its_number(struct gw_worker *w, const struct dtls_conn *c)
{
	struct store_cred cred;
	if (dtls_conn_path(c)->peer.family != NET_SMS)
		return true;
	const bool its = store_read_cred(w->reader, dtls_conn_cred(c), &cred) == STORE_OK &&
			 gw_sms_dtls_is_its(w, dtls_conn_path(c), cred.endpoint);
	wipe(&cred, sizeof(cred));
	return its;
}

static void device_up(struct gw_worker *w, struct dtls_conn *c)
{
	const uint32_t cred = dtls_conn_cred(c);
	w->traffic[dtls_conn_path(c)->sock].handshakes++;
	if (!is_at_its_number(w, c)) {
		dtls_close(w->dtls, c);
		return;
	}
	struct gw_session *s = gw_session_of(w, cred);
	if (s && s->air) { /* its credential has DTLS now */
		gw_session_end(s, GW_KEEP, "its device comes with DTLS");
		s = NULL;
	}
	if (s) {
		s->kind = gw_learning_kind(s, c);
		w->proofs[s->kind]++;
		rebind(s, c);
		return;
	}
	const uint8_t to = gw_route(w, cred, dtls_conn_path(c)->sock);
	if (to == GW_NO_UPSTREAM) {
		dtls_close(w->dtls, c);
		return;
	}
	_Atomic uint32_t *const seat = gw_seat(w->shared->seats, cred);
	const struct gw_taken taken =
		seat ? gw_seat_take(seat, w->number) : (struct gw_taken){ .before = 0 };
	s = seat ? gw_session_new(w, cred, taken.tenure) : NULL;
	if (!s) {
		if (seat && gw_tenure_worker(taken.before) == UINT32_MAX)
			gw_seat_leave(seat, taken.tenure);
		log_limited(&w->log, &w->limits.unseated, w->now_ms, LOG_LEVEL_ERROR, "memory",
			"none left for a session");
		dtls_close(w->dtls, c);
		return;
	}
	s->kind = gw_learning_kind(s, c);
	w->proofs[s->kind]++;
	s->upstream = to;
	s->routed = w->reroutes;
	s->legs[GW_DEVICE].conn = c;
	dtls_conn_set_user(c, s);
	const uint32_t before = gw_tenure_worker(taken.before);
	if (before != UINT32_MAX && before != w->number)
		gw_claim_send(s, taken.before);
	else
		gw_keep_device(s, NULL);
}

static void up(void *ctx, struct dtls_conn *c)
{
	struct gw_worker *w = ctx;
	if (w->tracing)
		gw_trace_up(w, c);
	if (dtls_conn_role(c) == DTLS_SERVER) {
		device_up(w, c);
		return;
	}
	struct gw_session *s = dtls_conn_user(c);
	s->legs[GW_LINK].conn = c;
	gw_pace_leave(&w->upstreams[s->upstream].pace, &s->pace);
	gw_targets_answered(&w->upstreams[s->upstream].targets, s->target);
	gw_keep_link(s);
}

static struct gw_leg *leg_of(struct gw_session *s, const struct dtls_conn *c)
{
	struct gw_leg *const leg = &s->legs[dtls_conn_role(c) == DTLS_SERVER ? GW_DEVICE : GW_LINK];
	return leg->conn == c ? leg : NULL;
}

/* A record that came before its association is durable leaves no mark: its message waits. */
static void seen(void *ctx, struct dtls_conn *c, uint64_t number, uint64_t edge, uint64_t window)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = dtls_conn_user(c);
	const struct gw_leg *leg = s ? leg_of(s, c) : NULL;
	if (!leg || !leg->hot || !slot_is(leg->hot, leg->id))
		return;
	gw_worker_batch(w);
	slot_mark(leg->hot, store_slot_key(w->shared->store), leg->place, number, edge, window);
}

static void runs_short(void *ctx, struct dtls_conn *c)
{
	struct gw_session *s = dtls_conn_user(c);
	const struct gw_leg *leg = s ? leg_of(s, c) : NULL;
	(void)ctx;
	if (leg && leg->hot && !leg->leasing)
		gw_keep_lease(s, leg == &s->legs[GW_DEVICE] ? GW_DEVICE : GW_LINK);
}

static void settled(void *ctx, struct dtls_conn *c)
{
	struct gw_session *s = dtls_conn_user(c);
	struct gw_leg *leg = s ? leg_of(s, c) : NULL;
	(void)ctx;
	if (!leg)
		return;
	leg->settled = true;
	if (leg->hot)
		gw_keep_settled(s, leg == &s->legs[GW_DEVICE] ? GW_DEVICE : GW_LINK);
}

static void message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct gw_session *s = dtls_conn_user(c);
	(void)ctx;
	if (s)
		gw_session_message(
			s, dtls_conn_role(c) == DTLS_SERVER ? GW_DEVICE : GW_LINK, msg, len);
}

/* The way of a message: the session, which the engine fetches, its slot, the relay's part, the
   other leg. */
static void soon(void *ctx, const struct dtls_conn *c)
{
	enum { LINE = 64, LINES = 4 };
	(void)ctx;
	const struct gw_session *s = dtls_conn_user(c);
	if (!s || !s->relay || !s->legs[GW_LINK].conn || !s->legs[GW_DEVICE].conn)
		return;
	const struct gw_leg *const mine =
		&s->legs[s->legs[GW_DEVICE].conn == c ? GW_DEVICE : GW_LINK];
	const struct gw_leg *const other = &s->legs[mine == s->legs ? GW_LINK : GW_DEVICE];
	__builtin_prefetch(mine->hot, 1);
	for (size_t i = 0; i < LINES; i++) {
		__builtin_prefetch((const char *)s->relay + i * LINE);
		__builtin_prefetch((const char *)other->conn + i * LINE);
	}
}

static const char *end_text(enum dtls_end why)
{
	switch (why) {
	case DTLS_END_CLOSE_NOTIFY:
		return "the device said goodbye";
	case DTLS_END_ALERT:
		return "the device sent a fatal alert";
	case DTLS_END_REPLACED:
		return "a new handshake replaced it";
	case DTLS_END_NUMBERS:
		return "no record number was left";
	case DTLS_END_FORGED:
		return "too many forged records came in its name";
	}
	return "unknown";
}

static void device_down(struct gw_session *s, struct dtls_conn *c, enum dtls_end why)
{
	s->legs[GW_DEVICE].conn = NULL;
	if (why == DTLS_END_ALERT)
		gw_resume_drop_cred(s->worker, s->cred); /* */
	if (s->waits)
		return; /* the seat is not ours to leave before the yield has come */
	if (why == DTLS_END_REPLACED) {
		gw_session_loosen(s); /* the new one comes up in this turn, perhaps for another
					 identity */
		return;
	}
	if (why == DTLS_END_FORGED && s->legs[GW_DEVICE].hot && s->ops == 0) {
		/* S23: it may not have heard the goodbye, and whoever has seen its CID can bring
		   this about: its row stays, and its next own record is answered by another one. */
		s->legs[GW_DEVICE].conn = c;
		gw_judge_worn(s);
		gw_session_sleep(s);
		return;
	}
	gw_session_end(s, GW_FORGET, end_text(why));
}

static void down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = dtls_conn_user(c);
	if (!s)
		return;
	if (dtls_conn_role(c) == DTLS_SERVER) {
		if (s->legs[GW_DEVICE].conn == c)
			device_down(s, c, why);
		return;
	}
	s->legs[GW_LINK].conn = NULL;
	s->link_wakes = false;
	gw_session_free_slot(s);
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_DEBUG, "link-down",
		"endpoint=%s", s->endpoint);
	gw_keep_no_link(s);
	if (s->relay)
		relay_link_down(s->relay, RELAY_LINK_CLOSED, w->now_ms);
}

static enum relay_link_end link_end(enum dtls_cause cause)
{
	switch (cause) {
	case DTLS_FAIL_TIMEOUT:
		return RELAY_LINK_TIMEOUT;
	case DTLS_FAIL_UNREACHABLE:
		return RELAY_LINK_UNREACHABLE;
	case DTLS_FAIL_FULL:
		return RELAY_LINK_FULL;
	case DTLS_FAIL_IDENTITY:
	case DTLS_FAIL_KEY:
	case DTLS_FAIL_RAW_KEY:
	case DTLS_FAIL_CERTIFICATE:
	case DTLS_FAIL_NAME:
	case DTLS_FAIL_SUITE:
	case DTLS_FAIL_VERSION:
	case DTLS_FAIL_ALERT:
	case DTLS_FAIL_PROTOCOL:
	case DTLS_FAIL_ANEW:
		return RELAY_LINK_REFUSED;
	}
	return RELAY_LINK_REFUSED;
}

static void failed(void *ctx, const struct dtls_failure *f)
{
	struct gw_worker *w = ctx;
	gw_explain(w, f);
	if (w->tracing)
		gw_trace_failed(w, f);
	gw_known_failed(w, f);
	if (f->role == DTLS_SERVER)
		return;
	struct gw_session *s = f->user;
	if (f->cause == DTLS_FAIL_TIMEOUT || f->cause == DTLS_FAIL_UNREACHABLE) {
		gw_targets_failed(&w->upstreams[s->upstream].targets, s->target, w->now_ms);
		gw_resolver_ask(w->shared->resolver);
	}
	gw_link_session_drop(s);
	gw_session_free_slot(s);
	relay_link_down(s->relay, link_end(f->cause), w->now_ms);
}

/* S25: as far as this turn sees it; the transaction that writes the association looks again. */
static bool cid_taken(void *ctx, const uint8_t *cid, size_t len)
{
	struct gw_worker *w = ctx;
	return store_cid_taken(w->reader, cid, len) != STORE_NONE;
}

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
	gw_worker_random(ctx, out, len);
}

static void keylog(void *ctx, const uint8_t client_random[32], const uint8_t master[48])
{
	const struct gw_worker *w = ctx;
	gw_keylog_write(w->shared->keylog_fd, client_random, master);
}

struct dtls_owner gw_session_dtls_owner(struct gw_worker *w)
{
	const bool resumes = w->shared->conf->store_resumption > 0;
	return (struct dtls_owner){
		.ctx = w,
		.psk = gw_known_psk,
		.profile = profile,
		.raw_key = gw_known_raw_key,
		.certificate = gw_known_certificate,
		.room = room,
		.sent = sent,
		.up = up,
		.message = message,
		.soon = soon,
		.down = down,
		.failed = failed,
		.random = random_bytes,
		.born = gw_proof_born,
		.asleep = gw_asleep,
		.woken = gw_woken,
		.not_woken = gw_not_woken,
		.seen = seen,
		.runs_short = runs_short,
		.unproven = gw_unproven,
		.settled = settled,
		.asleep_by_cid = gw_asleep_by_cid,
		.cid_taken = cid_taken,
		.moving = gw_moving,
		.moved = gw_moved,
		.unmoved = gw_unmoved,
		.lost = gw_lost,
		.adrift = gw_adrift,
		.session_find = resumes ? gw_resume_find : NULL,
		.session_keep = resumes ? gw_resume_keep : NULL,
		.link_session_keep = gw_link_session_keep,
		.session_drop = resumes ? gw_resume_drop : NULL,
		.fate = gw_trace_fate,
		.keylog = BUILD_KEYLOG && w->shared->keylog_fd >= 0 ? keylog : NULL,
	};
}
