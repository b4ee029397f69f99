/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/lapse.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/keep.h"
#include "gateway/worker.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum {
	TOKEN = 8,
	PROBES = 4,            /* so often the device is asked */
	PROBE_AGAIN_MS = 2000, /* and no sooner than this after the last time */
	COAP_CON_TKL8 = 0x48,
	COAP_GET = 1,
	COAP_HEADER = 4,
};

struct gw_probe {
	uint8_t token[TOKEN];
	uint16_t mid;
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

enum gw_verdict gw_lapse_judge(
	const struct gw_worker *w, const struct store_assoc *a, bool active, uint64_t generation)
{
	if (!active || generation != a->generation)
		return GW_FAREWELL; /* S28, S30 */
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

static void part(struct gw_worker *w, struct dtls_conn *c)
{
	/* The engine asks, tells and lets act within one datagram: this is still the same one. */
	const struct store_assoc *const a = &w->waking.assoc;
	char text[NET_TEXT_MAX];
	log_limited(&w->log, &w->limits.lapsed, w->now_ms, LOG_LEVEL_INFO, "session-lapsed",
		"peer=%s why=\"%s\" remedy=\"none: it is told, and shakes hands again\"",
		net_addr_text(&dtls_conn_path(c)->peer, text),
		a->trust == STORE_EXACT ? "its credential has changed"
					: "what it sent before the power was lost is not known");
	gw_keep_drop(w, a->cred, a->path.role == STORE_DEVICE ? GW_DEVICE : GW_LINK, a);
	dtls_farewell(w->dtls, c);
}

/* --- probe ----------------------------------------------------------------------------------- */

bool gw_probe_begin(struct gw_session *s)
{
	struct gw_probe *const p = calloc(1, sizeof(*p));
	if (!p)
		return false;
	gw_worker_random(s->worker, p->token, sizeof(p->token));
	gw_worker_random(s->worker, (uint8_t *)&p->mid, sizeof(p->mid));
	s->probe = p;
	return true;
}

void gw_probe_free(struct gw_session *s)
{
	free(s->probe);
	s->probe = NULL;
}

/* GET of a resource that no device has: whatever it answers has the token. */
void gw_probe_send(struct gw_session *s)
{
	static const uint8_t path[] = { 0xb6, 'l', 'w', 'g', 'a', 't', 'e' };
	struct gw_probe *const p = s->probe;
	struct gw_worker *const w = s->worker;
	uint8_t msg[COAP_HEADER + TOKEN + sizeof(path)] = { COAP_CON_TKL8, COAP_GET,
		(uint8_t)(p->mid >> 8), (uint8_t)(p->mid & 0xff) };
	if (p->sent > 0 && w->now_ms < p->last_ms + PROBE_AGAIN_MS)
		return;
	memcpy(msg + COAP_HEADER, p->token, TOKEN);
	memcpy(msg + COAP_HEADER + TOKEN, path, sizeof(path));
	p->last_ms = w->now_ms;
	/* What is lost is asked again with the device's next record. */
	if (dtls_send(w->dtls, s->legs[GW_DEVICE].conn, msg, sizeof(msg)) == DTLS_OK)
		p->sent++;
}

/* A response of any kind with the token of the probe. */
static bool answers(const struct gw_probe *p, const uint8_t *msg, size_t len)
{
	return len >= COAP_HEADER + TOKEN && msg[0] >> 6 == 1 && (msg[0] & 0x0f) == TOKEN &&
	       msg[1] >> 5 >= 2 && msg[1] >> 5 <= 5 &&
	       CRYPTO_memcmp(msg + COAP_HEADER, p->token, TOKEN) == 0;
}

static void proven(struct gw_session *s, struct dtls_conn *c, uint64_t number)
{
	struct gw_worker *const w = s->worker;
	const struct gw_leg *const leg = &s->legs[GW_DEVICE];
	struct gw_op *const o = gw_op_new(w, s, s->cred);
	gw_probe_free(s);
	dtls_prove(w->dtls, c, number);
	const struct dtls_numbers n = dtls_conn_numbers(c);
	const struct slot_state window = { .edge = n.edge, .seen = n.seen };
	gw_worker_batch(w);
	slot_init(leg->hot, store_slot_key(w->shared->store), leg->place, leg->id, &window);
	const bool mine = slot_take(leg->hot, slot_owner(w->shared->incarnation, w->number));
	assert(mine);
	if (!mine || !o)
		return; /* a later start will not know: it asks again */
	o->legs[GW_DEVICE].prove = true;
	o->legs[GW_DEVICE].assoc.slot = leg->place;
	memcpy(o->legs[GW_DEVICE].assoc.id, leg->id, sizeof(leg->id));
	gw_op_submit(o, 0);
}

static void give_up(struct gw_session *s, struct dtls_conn *c)
{
	struct gw_worker *const w = s->worker;
	struct store_assoc a = { .slot = s->legs[GW_DEVICE].place };
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
	if (s->probe->sent > 0 && answers(s->probe, msg, len)) {
		proven(s, c, number);
		gw_session_flow(s);
	} else if (s->probe->sent > PROBES) {
		give_up(s, c);
	} else if (s->blocked == 0) {
		gw_probe_send(s);
	}
}
