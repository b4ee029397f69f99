/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/lapse.h"

#include "conf/config.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/question.h"
#include "gateway/roam.h"
#include "gateway/worker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	PROBES = 4,            /* so often the device is asked */
	PROBE_AGAIN_MS = 2000, /* and no sooner than this after the last time */
};

struct gw_probe {
	struct gw_question question;
	struct net_path to; /* where it was asked last, if that is not its address */
	bool elsewhere;
	unsigned sent;
	uint64_t last_ms;
};

static bool may_be_proven(
	const struct gw_worker *w, const struct store_assoc *a, enum conf_power_loss policy)
{
	if (w->shared->conf->store_after_power_loss != policy || a->trust != STORE_LAPSED ||
		a->path.role != STORE_DEVICE)
		return false;
	return policy == CONF_POWER_PROBE || a->read_end != UINT64_MAX;
}

enum gw_verdict gw_lapse_judge(const struct gw_worker *w, const struct store_assoc *a)
{
	if (a->state.forged >= GW_FORGED_MAX)
		return GW_FAREWELL; /* S23: at its next own record, as it sleeps */
	if (a->trust == STORE_EXACT)
		return GW_WAKE;
	if (may_be_proven(w, a, CONF_POWER_PROBE))
		return GW_WAKE_PROBE;
	if (may_be_proven(w, a, CONF_POWER_GAP))
		return GW_WAKE_GAP;
	return GW_FAREWELL;
}

/* --- farewell -------------------------------------------------------------------------------- */

/* The record is authentic, so its sender has had a device's record, whether or not he is the
   device: he hears the farewell where he is, as it is no longer than three times what came from
   there; and the device hears it where it was last known to be. One of the two alone would
   not do: a device behind a new port would not hear the first, and who repeats an old record from
   elsewhere would make an end of the device's association without its hearing of it. */
static void part(struct gw_worker *w, struct dtls_conn *c)
{
	/* The engine asks, tells and lets act within one datagram: this is still the same one. */
	const struct store_assoc *const a = &w->waking.assoc;
	char text[NET_TEXT_MAX];
	log_limited(&w->log, &w->limits.lapsed, w->now_ms, LOG_LEVEL_INFO, "session-lapsed",
		"peer=%s why=\"%s\" remedy=\"none: it is told, and shakes hands again\"",
		net_addr_text(&dtls_conn_path(c)->peer, text),
		a->trust == STORE_EXACT ? "what it is believed by has changed"
					: "what it sent before the power was lost is not known");
	/* Where the window is not known, this may be an old record that somebody sends from where
	   he likes, while its device hears nothing: then the row stays (S23), the device's own next
	   record is answered in the same way, and who repeats old ones is slowed down (S24). A new
	   handshake of the device takes the row away. */
	const bool elsewhere = a->trust != STORE_EXACT && dtls_conn_candidate(c);
	if (!elsewhere && a->path.role == STORE_DEVICE) {
		gw_judge_part(w, &w->waking, c);
		return;
	}
	if (elsewhere)
		gw_sleeper_blame(w);
	else
		gw_keep_drop(w, a->cred, GW_LINK, a);
	dtls_farewell(w->dtls, c);
}

/* --- probe ----------------------------------------------------------------------------------- */

bool gw_probe_begin(struct gw_session *s)
{
	struct gw_probe *const p = calloc(1, sizeof(*p));
	if (!p)
		return false;
	uint8_t random[GW_QUESTION_RANDOM];
	gw_worker_random(s->worker, random, sizeof(random));
	gw_question_draw(&p->question, &s->mids, random);
	s->probe = p;
	return true;
}

void gw_probe_free(struct gw_session *s)
{
	free(s->probe);
	s->probe = NULL;
}

/* To where the last record came from: by its CID a device is known anywhere. */
void gw_probe_send(struct gw_session *s)
{
	struct gw_probe *const p = s->probe;
	struct gw_worker *const w = s->worker;
	struct dtls_conn *const c = s->legs[GW_DEVICE].conn;
	const struct net_path *const to = dtls_conn_candidate(c);
	uint8_t msg[GW_QUESTION_LEN];
	if (p->sent > 0 && w->now_ms < p->last_ms + PROBE_AGAIN_MS)
		return;
	gw_question_write(&p->question, msg);
	p->last_ms = w->now_ms;
	p->elsewhere = to != NULL;
	if (to)
		p->to = *to;
	/* What is lost is asked again with the device's next record. */
	const enum dtls_result r = to ? dtls_send_to(w->dtls, c, &p->to, msg, sizeof(msg))
				      : dtls_send(w->dtls, c, msg, sizeof(msg));
	p->sent += r == DTLS_OK;
}

/* The slot begins anew with the window that is known now. */
static void keep_window(struct gw_session *s, const struct dtls_conn *c)
{
	struct gw_worker *const w = s->worker;
	const struct gw_leg *const leg = &s->legs[GW_DEVICE];
	struct gw_op *const o = gw_op_new(w, s, s->cred);
	const struct dtls_numbers n = dtls_conn_numbers(c);
	const struct slot_state window = { .edge = n.edge, .seen = n.seen };
	gw_worker_batch(w);
	slot_init(leg->hot, store_slot_key(w->shared->store), leg->place, leg->id, &window);
	const bool mine = slot_take(leg->hot, slot_owner(w->shared->incarnation, w->number));
	assert(mine);
	if (!o)
		return; /* a later start will not know: it asks again */
	if (!mine) {
		gw_op_free(o);
		return;
	}
	o->legs[GW_DEVICE].prove = true;
	o->legs[GW_DEVICE].assoc.slot = leg->place;
	memcpy(o->legs[GW_DEVICE].assoc.id, leg->id, sizeof(leg->id));
	gw_op_submit(o, 0);
}

/* It has received what went there, which is all that an address has to show, too; but the window
   comes first (S26). When the answer has come from a third place, the next record will tell. */
static void proven(struct gw_session *s, struct dtls_conn *c, uint64_t number)
{
	struct gw_worker *const w = s->worker;
	const struct gw_probe *const p = s->probe;
	const struct net_path *const candidate = dtls_conn_candidate(c);
	const bool moves = p->elsewhere && candidate && net_path_same(candidate, &p->to);
	const struct net_path to = p->to;
	gw_probe_free(s);
	dtls_prove(w->dtls, c, number);
	keep_window(s, c);
	if (moves)
		(void)dtls_confirm(w->dtls, c, &to);
	gw_roam_go_on(s);
}

static void thank(struct gw_session *s, const uint8_t *msg, size_t len)
{
	uint8_t thanks[GW_THANKS_LEN];
	if (gw_question_thanks(msg, len, thanks))
		s->worker->held_lost += !gw_roam_send(s, thanks, sizeof(thanks));
}

static void give_up(struct gw_session *s, struct dtls_conn *c)
{
	struct gw_worker *const w = s->worker;
	struct store_assoc a = { .slot = s->legs[GW_DEVICE].place };
	/* From anywhere else than its own address it may be one old record, again and again, of
	   which the device hears nothing (S23): it sleeps on, and is asked anew. */
	if (dtls_conn_candidate(c)) {
		gw_session_sleep(s);
		return;
	}
	memcpy(a.id, s->legs[GW_DEVICE].id, sizeof(a.id));
	s->legs[GW_DEVICE].conn = NULL;
	dtls_conn_set_user(c, NULL);
	dtls_farewell(w->dtls, c);
	/* Its registration stays: an attacker's old records may be all that has come. */
	gw_keep_drop(w, s->cred, GW_DEVICE, &a);
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "session-lapsed",
		"endpoint=%s why=\"the device has not answered whether it is the same\"",
		s->endpoint);
	gw_session_sleep(s);
}

void gw_unproven(void *worker, struct dtls_conn *c, uint64_t number, uint8_t *msg, size_t len)
{
	struct gw_worker *const w = worker;
	struct gw_session *const s = dtls_conn_user(c);
	if (!s) {
		part(w, c);
		return;
	}
	if (!s->probe)
		return;
	if (s->probe->sent > 0 &&
		gw_question_reply(&s->probe->question, msg, len) == GW_REPLY_ANSWER) {
		proven(s, c, number);
		thank(s, msg, len);
		gw_session_flow(s);
	} else if (s->probe->sent > PROBES) {
		give_up(s, c);
	} else if (s->blocked == 0) {
		gw_probe_send(s);
	}
}
