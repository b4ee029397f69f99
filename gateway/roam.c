/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/roam.h"

#include "base/bucket.h"
#include "base/vault.h"
#include "base/wheel.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/question.h"
#include "gateway/sms_dtls.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

enum {
	TRUST_EASE_MS = 10000, /* one address each so long is trusted ... */
	TRUSTS = 8,            /* ... after so many at once */
	/* Of our own asking; the engine gives it up after three times check_ms. */
	AGAIN_MS = 2000, /* and after twice as long each time */
	TRIES = 4,
	/* The engine tells when a check is over; should it not, nobody waits for ever. */
	LOOK_MS = 30000,
	STRAYS = 2,      /* answers that come from a third place, before one is taken */
	LATE_MS = 30000, /* an answer may come late, or twice: it is nobody else's */
};

struct gw_roam {
	struct wheel_timer timer;
	struct gw_session *session;
	struct gw_hold hold; /* for the device, until its address is shown to be right */
	struct gw_question question;
	struct net_path to; /* where it was asked */
	unsigned tries;     /* that it was to be asked there */
	unsigned asked;     /* that it was: not when R-154, or want of numbers, forbade it */
	unsigned strays;    /* answers that have come from elsewhere than where it was asked */
	bool settled;       /* what waits has not gone yet only because its session holds it back */
	bool late;          /* nothing waits any more */
};

void gw_roam_begin(struct gw_worker *w)
{
	wheel_init(&w->roaming, w->now_ms);
}

void gw_roam_tick(struct gw_worker *w)
{
	wheel_run(&w->roaming, w->now_ms, w);
}

uint64_t gw_roam_next_ms(const struct gw_worker *w)
{
	return wheel_next_ms(&w->roaming);
}

void gw_roam_free(struct gw_session *s)
{
	struct gw_roam *const r = s->roam;
	if (!r)
		return;
	s->worker->held_lost += r->hold.len;
	gw_hold_clear(&r->hold);
	wheel_cancel(&s->worker->roaming, &r->timer);
	free(r);
	s->roam = NULL;
}

bool gw_roam_is_idle(const struct gw_session *s)
{
	return !s->roam || s->roam->late;
}

static void look_in(struct gw_roam *r, uint32_t ms)
{
	struct gw_worker *const w = r->session->worker;
	wheel_arm(&w->roaming, &r->timer, w->now_ms + ms);
}

/* --- what has waited ------------------------------------------------------------------------- */

/* To where the device is, as far as that is known; but nothing of a session that is not judged yet
   (I8): the timer asks for that, should nobody else. */
static void settle(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct gw_roam *const r = s->roam;
	struct gw_held *m;
	if (!r || r->late)
		return;
	r->settled = !gw_session_may_flow(s);
	if (r->settled) {
		look_in(r, AGAIN_MS);
		return;
	}
	while ((m = gw_hold_take(&r->hold))) {
		w->held_lost +=
			dtls_send(w->dtls, s->legs[GW_DEVICE].conn, m->msg, m->len) != DTLS_OK;
		vault_release(m);
	}
	if (r->asked == 0) {
		gw_roam_free(s);
		return;
	}
	r->late = true;
	look_in(r, LATE_MS);
}

/* --- asking ---------------------------------------------------------------------------------- */

static void ask(struct gw_roam *r, struct dtls_conn *c)
{
	struct gw_worker *const w = r->session->worker;
	const struct net_path *const to = dtls_conn_candidate(c);
	uint8_t msg[GW_QUESTION_LEN];
	if (r->tries == 0 || !net_path_same(&r->to, to)) {
		uint8_t random[GW_QUESTION_RANDOM];
		gw_worker_random(w, random, sizeof(random));
		gw_question_draw(&r->question, &r->session->mids, random);
		r->to = *to;
		r->tries = 0;
		r->asked = 0;
	}
	if (r->tries >= TRIES) {
		look_in(r, LOOK_MS);
		return;
	}
	gw_question_write(&r->question, msg);
	r->asked += dtls_send_to(w->dtls, c, &r->to, msg, sizeof(msg)) == DTLS_OK;
	look_in(r, (uint32_t)AGAIN_MS << r->tries++);
}

static enum conf_move policy(const struct gw_worker *w, const struct net_path *path)
{
	return path->sock < w->listeners_len ? w->profiles.moves[path->sock] : CONF_MOVE_CHECK;
}

/* Something waits: the candidate is to be shown to be right, or somewhere else it goes. */
static void look(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct gw_roam *const r = s->roam;
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	const struct net_path *const to = dtls_conn_candidate(c);
	if (!to) {
		settle(s);
		return;
	}
	switch (dtls_check(w->dtls, c, policy(w, to) == CONF_MOVE_CHECK_OLD, w->now_ms)) {
	case DTLS_CHECK_NONE:
		settle(s);
		return;
	case DTLS_CHECK_BEGUN:
		look_in(r, LOOK_MS);
		return;
	case DTLS_CHECK_YOURS:
		ask(r, c);
		return;
	}
}

static void due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct gw_session *const s = CONTAINER_OF(t, struct gw_roam, timer)->session;
	(void)ctx;
	(void)now_ms;
	if (!s->legs[GW_DEVICE].conn || s->roam->late) {
		gw_roam_free(s);
		return;
	}
	(void)gw_session_is_open(s);
	if (s->probe || s->roam->settled)
		settle(s); /* it has waited long enough for its window, or for its verdict */
	else
		look(s);
}

void gw_roam_flow(struct gw_session *s)
{
	if (s->roam && s->roam->settled && s->legs[GW_DEVICE].conn)
		settle(s);
}

static struct gw_roam *roam_of(struct gw_session *s)
{
	if (s->roam)
		return s->roam;
	s->roam = calloc(1, sizeof(*s->roam));
	if (!s->roam)
		return NULL;
	s->roam->session = s;
	s->roam->timer.fire = due;
	return s->roam;
}

/* --- for the engine's owner ------------------------------------------------------------------ */

static struct gw_session *session_of(struct dtls_conn *c)
{
	struct gw_session *const s = dtls_conn_user(c);
	return s && dtls_conn_role(c) == DTLS_SERVER && s->legs[GW_DEVICE].conn == c ? s : NULL;
}

static bool may_trust(struct gw_session *s)
{
	const uint64_t slack_ms = (uint64_t)(TRUSTS - 1) * TRUST_EASE_MS;
	return bucket_take(&s->trust_ms, s->worker->now_ms, TRUST_EASE_MS, slack_ms);
}

enum dtls_moving gw_moving(void *worker, struct dtls_conn *c, const struct net_path *to)
{
	struct gw_worker *const w = worker;
	struct gw_session *const s = session_of(c);
	w->trusted = NULL;
	if (!s)
		return DTLS_MOVE_STAY; /* where a server is, is the operator's to say */
	const bool sms = to->peer.family == NET_SMS;
	if (sms && !gw_sms_dtls_is_its(w, to, s->endpoint))
		return DTLS_MOVE_STAY;
	/* Its number is the operator's word, which needs no showing. */
	if ((sms || policy(w, to) == CONF_MOVE_TRUST) && may_trust(s)) {
		w->trusted = c; /* gw_moved() follows, and writes it down */
		return DTLS_MOVE_TRUST;
	}
	/* An answer to the question may be in this very record, of a device that gets another port
	   for each: the new place is asked after it. */
	if (s->roam && !s->roam->late)
		look_in(s->roam, 0);
	return gw_keep_move(s) ? DTLS_MOVE_LATER : DTLS_MOVE_STAY;
}

void gw_moved(void *worker, struct dtls_conn *c, const struct net_path *from)
{
	struct gw_worker *const w = worker;
	struct gw_session *const s = session_of(c);
	const bool trusted = w->trusted == c;
	char was[NET_TEXT_MAX], is[NET_TEXT_MAX];
	w->trusted = NULL;
	if (!s)
		return;
	if (s->relay)
		relay_device_set_radio(s->relay, gw_session_radio(s));
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "moved",
		"endpoint=%s from=%s to=%s how=%s", s->endpoint, net_addr_text(&from->peer, was),
		net_addr_text(&dtls_conn_path(c)->peer, is), trusted ? "trusted" : "checked");
	(void)gw_keep_move(s); /* without memory a later start asks again where it is */
	(void)gw_session_is_open(s);
	(void)gw_judge(s, POLICY_MOVED); /* before what has waited goes there */
	settle(s);
}

void gw_unmoved(void *worker, struct dtls_conn *c)
{
	struct gw_session *const s = session_of(c);
	(void)worker;
	if (!s)
		return;
	(void)gw_keep_move(s);
	(void)gw_session_is_open(s);
	settle(s);
}

void gw_adrift(void *worker, struct dtls_conn *c)
{
	struct gw_worker *const w = worker;
	struct gw_session *const s = session_of(c);
	char text[NET_TEXT_MAX];
	if (!s)
		return;
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "adrift",
		"endpoint=%s peer=%s why=\"another device has this address now\" remedy=\"none: "
		"its next record says where it is\"",
		s->endpoint, net_addr_text(&dtls_conn_path(c)->peer, text));
	(void)gw_keep_move(s);
}

/* --- messages -------------------------------------------------------------------------------- */

/* An answer is something that the device has asked for, from where it is now. What is no CoAP is no
   answer. */
static bool is_answer(const uint8_t *msg, size_t len)
{
	enum { TYPE_AT = 4, TYPE_MASK = 3, ACK = 2, CLASS_AT = 5, RESPONSE = 2 };
	return len > 1 &&
	       ((msg[0] >> TYPE_AT & TYPE_MASK) >= ACK || msg[1] >> CLASS_AT >= RESPONSE);
}

static bool is_waiting(const struct gw_hold *h, const uint8_t *msg, size_t len)
{
	for (const struct gw_held *m = h->first; m; m = m->next) {
		if (m->len == len && memcmp(m->msg, msg, len) == 0)
			return true;
	}
	return false;
}

static bool wait(struct gw_session *s, const uint8_t *msg, size_t len)
{
	struct gw_roam *const r = roam_of(s);
	if (!r)
		return dtls_send(s->worker->dtls, s->legs[GW_DEVICE].conn, msg, len) == DTLS_OK;
	const bool begins = r->hold.len == 0;
	if (is_waiting(&r->hold, msg, len))
		return true; /* its sender has repeated it */
	if (!gw_hold_put(&r->hold, GW_TO_DEVICE, msg, len))
		return false;
	if (r->late)
		r->tries = r->strays = 0;
	r->late = false;
	if (begins && s->probe)
		look_in(r, LOOK_MS);
	else if (begins)
		look(s);
	return true;
}

bool gw_roam_send(struct gw_session *s, const uint8_t *msg, size_t len)
{
	struct gw_worker *const w = s->worker;
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	const struct net_path *const to = dtls_conn_candidate(c);
	if (!to)
		return dtls_send(w->dtls, c, msg, len) == DTLS_OK;
	if (!is_answer(msg, len))
		return wait(s, msg, len);
	const enum dtls_result r = dtls_send_to(w->dtls, c, to, msg, len);
	return r == DTLS_LIMITED ? wait(s, msg, len) : r == DTLS_OK;
}

void gw_roam_go_on(struct gw_session *s)
{
	if (s->roam && !s->roam->late)
		look(s);
}

/* S26: the answer is its newest record, and has come from a third place: then somebody may have
   handed the question on to it from where it was asked. It is asked again, where it says it is; but
   not for ever, as there are NATs that give each datagram a port of its own. */
static bool is_stray(struct gw_roam *r, const struct dtls_conn *c)
{
	const struct net_path *const is = dtls_conn_candidate(c);
	if (r->late || !is || net_path_same(is, &r->to) || r->strays >= STRAYS)
		return false;
	r->strays++;
	look_in(r, 0);
	return true;
}

bool gw_roam_heard(struct gw_session *s, const uint8_t *msg, size_t len)
{
	struct gw_worker *const w = s->worker;
	struct gw_roam *const r = s->roam;
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	uint8_t thanks[GW_THANKS_LEN];
	const enum gw_reply reply =
		r->asked > 0 && c ? gw_question_reply(&r->question, msg, len) : GW_REPLY_NONE;
	switch (reply) {
	case GW_REPLY_NONE:
		return false;
	case GW_REPLY_HEARD:
		r->tries = TRIES;
		return true;
	case GW_REPLY_ANSWER:
		break;
	}
	const struct net_path to = r->to;
	if (!is_stray(r, c)) {
		if (!r->late)
			(void)dtls_confirm(w->dtls, c, &to);
		settle(s); /* r may be gone */
	}
	if (gw_question_thanks(msg, len, thanks))
		w->held_lost += !gw_roam_send(s, thanks, sizeof(thanks));
	return true;
}
