/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/rouse.h"
#include "gateway/routes.h"
#include "gateway/seats.h"
#include "gateway/sms_dtls.h"
#include "gateway/sms_op.h"
#include "gateway/sms_parts.h"
#include "gateway/worker.h"
#include "sms/counter.h"

#include <stddef.h>
#include <string.h>

/* --- whose session ---------------------------------------------------------------------------- */

struct gw_session *gw_sms_session(struct gw_worker *w, uint32_t cred)
{
	struct gw_session *const here = gw_session_of(w, cred);
	if (here)
		return here->sms && !here->sms->closed ? here : NULL;
	(void)gw_rouse(w, cred); /* it may have ended again */
	struct gw_session *const back = gw_session_of(w, cred);
	if (back)
		return back->sms ? back : NULL;
	const uint8_t to = gw_route(w, cred, GW_NO_LISTENER);
	struct gw_session *const s = to != GW_NO_UPSTREAM ? gw_session_seated(w, cred) : NULL;
	if (!s)
		return NULL;
	s->upstream = to;
	s->routed = w->reroutes;
	return s->sms && gw_session_begin(s, NULL) ? s : NULL;
}

/* Somebody else's by now: false, it is on its way there. */
static bool is_ours(struct gw_worker *w, const struct inbox_message *m, uint32_t cred)
{
	const uint32_t to = gw_sms_worker(w->shared, w->reader, cred);
	if (to == w->number)
		return true;
	if (!inbox_post(w->shared->inboxes[to], INBOX_LOSSY, m->kind, m->data, m->len))
		w->smses->stats.later++; /* nobody answers it: it comes again */
	return false;
}

/* --- what has come ---------------------------------------------------------------------------- */

void gw_sms_drop(struct gw_worker *w, const struct gw_sms_mo *m, uint64_t *counter, const char *why)
{
	++*counter;
	log_limited(&w->log, &w->limits.sms, w->now_ms, LOG_LEVEL_INFO, "sms-dropped",
		"credential=%u why=\"%s\"", m->cred, why);
	gw_sms_answer(w, m->id, WIRE_TAKEN); /* it is of no use, however often it comes */
}

/* A request for an object of the device's: one of ours from before this start, whose checksum is
   not remembered any more. Its counter is ours, and must not be taken for the device's. */
static bool is_servers(const struct pdu *m)
{
	struct pdu_options it = pdu_options(m);
	struct pdu_option first;
	return pdu_is_request(m) && pdu_next_of(&it, PDU_URI_PATH, &first) && first.len > 0 &&
	       first.value[0] >= '0' && first.value[0] <= '9';
}

bool gw_sms_unwrap(struct gw_worker *w, const struct gw_sms_mo *m, const struct sms_opened *o,
	struct gw_sms_packet *p)
{
	struct gw_sms_stats *const stats = &w->smses->stats;
	struct pdu coap;
	*p = (struct gw_sms_packet){ .id = m->id, .counter = o->counter, .mo = m };
	if (!sms_unwrap(w->shared->conf->sms.tag, o->data, o->len, &p->coap, &p->len) ||
		p->len > STORE_SMS_DATA_MAX || pdu_parse(p->coap, p->len, &coap) != PDU_OK) {
		gw_sms_drop(w, m, &stats->malformed, "no CoAP message is in its envelope");
		return false;
	}
	if (is_servers(&coap)) {
		gw_sms_drop(w, m, &stats->reflected, "it asks what only a server asks");
		return false;
	}
	return true;
}

/* True: p is what it says, and is new. */
static bool open_it(
	struct gw_worker *w, const struct gw_sms *x, struct gw_sms_mo *m, struct gw_sms_packet *p)
{
	struct gw_sms_stats *const stats = &w->smses->stats;
	struct sms_opened o;
	uint64_t last = x->in;
	const enum sms_fault fault = sms_open(w->smses->cipher, &x->settings, m->data, m->len, &o);
	if (fault != SMS_GOOD) {
		gw_sms_drop(w, m, &stats->forged, "it does not open under the keys of its sender");
		return false;
	}
	if (store_sms_is_own(w->reader, m->cred, gw_sms_mark(o.cc))) {
		gw_sms_drop(w, m, &stats->reflected, "it is one of ours");
		return false;
	}
	if (sms_count(SMS_COUNT_HIGHER, o.counter, &last) != SMS_COUNTED) {
		gw_sms_drop(w, m, &stats->replayed, "its counter was there");
		return false;
	}
	return gw_sms_unwrap(w, m, &o, p);
}

static void came(struct gw_worker *w, struct gw_sms_mo *m)
{
	struct gw_sms moment;
	struct gw_sms_packet p;
	const struct gw_session *const here = gw_session_of(w, m->cred);
	const struct gw_sms *x = here ? here->sms : NULL;
	memset(&moment, 0, sizeof(moment));
	if (!x && gw_sms_load(w, m->cred, NULL, &moment))
		x = &moment;
	if (!x) {
		gw_sms_drop(w, m, &w->smses->stats.forged, "its credential is not good any more");
	} else if (x->keyed) {
		gw_sms_keyed(w, m);
	} else if (m->marker != GW_SMS_COMMAND) {
		gw_sms_drop(w, m, &w->smses->stats.malformed, "it answers what nobody has asked");
	} else if (open_it(w, x, m, &p)) {
		struct gw_session *const s = w->stopping ? NULL : gw_sms_session(w, m->cred);
		if (!s || !gw_sms_take(s, &p)) {
			w->smses->stats.later++;
			gw_sms_answer(w, m->id, WIRE_LATER);
		}
	}
	wipe(&moment, sizeof(moment));
}

/* What the last process has left in the box in. */
static void go_on(struct gw_worker *w, uint32_t cred)
{
	struct gw_session *const s = w->stopping ? NULL : gw_sms_session(w, cred);
	if (s)
		gw_session_loosen(s);
}

void gw_sms_received(struct gw_worker *w, const struct inbox_message *m)
{
	struct gw_sms_mo mo;
	uint32_t cred;
	if (!w->smses)
		return;
	if (m->kind == GW_SMS_STORED) {
		gw_sms_op_stored(w, m);
		return;
	}
	if (m->kind == GW_SMS_IN || m->kind == GW_SMS_DTLS) {
		memset(&mo, 0, offsetof(struct gw_sms_mo, data));
		memcpy(&mo, m->data, m->len < sizeof(mo) ? m->len : sizeof(mo));
		if (m->kind == GW_SMS_DTLS)
			gw_sms_dtls_received(w, &mo);
		else if (is_ours(w, m, mo.cred))
			came(w, &mo);
		wipe(&mo, sizeof(mo));
		return;
	}
	memcpy(&cred, m->data, sizeof(cred));
	if (!is_ours(w, m, cred))
		return;
	if (m->kind == GW_SMS_GO_ON)
		go_on(w, cred);
	else
		(void)gw_sms_trigger(w, cred, GW_TRIGGER_UPDATE);
}
