/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keys_udp.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/gateway_parts.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "gateway/sms_keeper.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_parts.h"
#include "gateway/trigger.h"
#include "gateway/worker.h"
#include "io/inbox.h"

#include <string.h>

#define ASLEEP "asleep"
#define BY_SMS "asked-by-sms"

enum { DAY_S = 86400 };

/* --- to whom ---------------------------------------------------------------------------------- */

/* The worker that has its session; UINT32_MAX: it sleeps. */
static uint32_t holder(const struct gw_gateway *g, uint32_t cred)
{
	_Atomic uint32_t *const seat = gw_seat(g->shared.seats, cred);
	const uint32_t worker = seat ? gw_tenure_worker(atomic_load(seat)) : UINT32_MAX;
	return worker < g->shared.steer.owners ? worker : UINT32_MAX;
}

static bool find_awake(
	const struct gw_gateway *g, const char *endpoint, uint32_t *cred, uint32_t *worker)
{
	static const enum store_purpose with[] = { STORE_FOR_SERVER, STORE_FOR_ANY };
	bool found = false;
	for (size_t i = 0; i < COUNT_OF(with) && !found; i++) {
		struct store_cred c;
		memset(&c, 0, sizeof(c));
		if (store_find_endpoint(g->reader, endpoint, with[i], &c) == STORE_OK &&
			c.state == STORE_CRED_ACTIVE) {
			*cred = c.number;
			*worker = holder(g, c.number);
			found = *worker != UINT32_MAX;
		}
		wipe(&c, sizeof(c));
	}
	return found;
}

static void post(struct inbox *to, const struct gw_keys_udp_asked *a)
{
	(void)!inbox_post(to, INBOX_LOSSY, GW_SMS_BOOTSTRAP, a, sizeof(*a));
}

void gw_keys_udp_ask(struct gw_gateway *g, const struct store_cred *c)
{
	struct gw_keys_udp_asked a = { .sms = c->number };
	uint32_t to;
	if (!find_awake(g, c->endpoint, &a.dtls, &to)) {
		a.dtls = 0;
		to = gw_sms_worker(&g->shared, g->reader, a.sms);
	}
	post(g->inboxes[to], &a);
}

/* --- by which way ----------------------------------------------------------------------------- */

/* Whether it is there; if it may not be told anything at the moment it is asked again. */
static bool say_by_dtls(struct gw_worker *w, uint32_t cred)
{
	struct gw_session *const s = gw_session_of(w, cred);
	if (!s || s->sms || s->ended || !s->relay || !s->legs[GW_DEVICE].conn ||
		!relay_device_registration(s->relay)->active ||
		relay_device_rest(s->relay, w->now_ms).asleep)
		return false;
	(void)!gw_trigger_send(s, GW_TRIGGER_BOOTSTRAP, 0);
	return true;
}

static void tell_why(struct gw_worker *w, uint32_t cred, const char *why, uint32_t retry_s)
{
	struct gw_keeper_told t = { .cred = cred, .event = KEYSET_REFUSED, .retry_s = retry_s };
	memcpy(t.cause, why, strlen(why));
	(void)gw_keeper_tell(w->shared, &t); /* else it is asked again after answer_s */
}

/* Until the network has given the message up. No longer than a back-off, as that is no rest (see
   sms/keyset): what the device says meanwhile, an answer to this, say, is no reason for another. */
static uint32_t patience_s(const struct conf_gateway *conf)
{
	const uint32_t most_s = conf->sms_keys.most_s;
	return conf->sms.valid_s < most_s ? conf->sms.valid_s : most_s;
}

void gw_keys_udp_received(struct gw_worker *w, const struct gw_keys_udp_asked *a)
{
	if (!w->smses) {
		tell_why(w, a->sms, "no-channel", DAY_S);
		return;
	}
	if (a->dtls != 0 && say_by_dtls(w, a->dtls))
		return;
	const struct gw_keys_udp_asked by_sms = { .sms = a->sms };
	const uint32_t to = gw_sms_worker(w->shared, w->reader, a->sms);
	if (to != w->number)
		post(w->shared->inboxes[to], &by_sms);
	else if (gw_sms_trigger(w, a->sms, GW_TRIGGER_BOOTSTRAP))
		tell_why(w, a->sms, BY_SMS, patience_s(w->shared->conf));
	else
		tell_why(w, a->sms, ASLEEP, DAY_S);
}

/* --- it has come ------------------------------------------------------------------------------ */

/* It could not be asked when others were wanted, or it is not known whether it was. */
static bool waits_for_it(const struct keyset *k)
{
	return k->state == KEYSET_FAILED &&
	       (strcmp(k->cause, ASLEEP) == 0 || strcmp(k->cause, BY_SMS) == 0);
}

static bool is_wanted(struct gw_worker *w, const char *endpoint, uint32_t *cred)
{
	const uint64_t now_ms = store_time(w->shared->store, w->now_ms);
	struct store_cred c;
	struct keyset k;
	bool is;
	memset(&c, 0, sizeof(c));
	memset(&k, 0, sizeof(k));
	store_reader_rest(w->reader);
	const bool wanted = store_find_endpoint_sms(w->reader, endpoint, &c) == STORE_OK &&
			    c.sms.renew.how == STORE_RENEW_UDP &&
			    gw_keys_load(w->reader, &c, now_ms, &k, &is) == STORE_OK &&
			    waits_for_it(&k);
	*cred = c.number;
	wipe(&c, sizeof(c));
	wipe(&k, sizeof(k));
	return wanted;
}

void gw_keys_udp_awake(const struct gw_session *s)
{
	struct gw_keeper_told t = { .event = KEYSET_ORDERED };
	if (s->worker->smses && !s->sms && s->legs[GW_DEVICE].conn &&
		is_wanted(s->worker, s->endpoint, &t.cred))
		(void)gw_keeper_tell(s->worker->shared, &t);
}
