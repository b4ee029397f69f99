/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads, and the worker's own operations, have to say to it. */
#include "dtls/engine.h"
#include "gateway/ask.h"
#include "gateway/claim.h"
#include "gateway/judge.h"
#include "gateway/keep.h"
#include "gateway/material.h"
#include "gateway/repository.h"
#include "gateway/resolver.h"
#include "gateway/routes.h"
#include "gateway/rules.h"
#include "gateway/session.h"
#include "gateway/sms.h"
#include "gateway/sms_keys_udp.h"
#include "gateway/worker_parts.h"

#include <assert.h>
#include <string.h>

static void stray(struct gw_worker *w, struct inbox_message *m)
{
	struct udp_datagram d;
	assert(m->len > sizeof(d.path));
	memcpy(&d.path, m->data, sizeof(d.path));
	d.data = m->data + sizeof(d.path);
	d.len = m->len - sizeof(d.path);
	gw_worker_from_devices(w, &d, 1);
}

/* What arrives from now on stays in the sockets, for a successor. */
static void stop_listening(struct gw_worker *w)
{
	for (size_t i = 0; i < w->listeners_len; i++)
		ev_io_stop(w->loop, &w->listeners[i].io);
	for (size_t n = 0; n < w->upstreams_len; n++) {
		for (size_t i = 0; i < w->upstreams[n].links_len; i++)
			ev_io_stop(w->loop, &w->upstreams[n].links[i]->io);
	}
}

static void renewed(struct gw_worker *w, const struct gw_renewed *r)
{
	struct gw_material *const m = gw_material_ref(r->material);
	if (!w->material || !gw_routes_same(gw_material_routes(w->material), gw_material_routes(m)))
		w->reroutes++;
	gw_profiles_received(w, r);
	gw_material_unref(w->material);
	w->material = m;
	gw_judge_all(w);
}

static void ruled(struct gw_worker *w, const struct inbox_message *m)
{
	struct gw_ruled r;
	memcpy(&r, m->data, sizeof(r));
	gw_rules_unref(w->rules);
	w->rules = r.rules;
	gw_judge_all(w);
}

static void resolved(struct gw_worker *w, const struct inbox_message *m)
{
	struct gw_resolved r;
	memcpy(&r, m->data, sizeof(r));
	gw_worker_resolved(w, &r);
}

static void answered(struct gw_worker *w, const struct inbox_message *m)
{
	struct gw_image_answer image;
	memcpy(&image, m->data, sizeof(image));
	gw_image_received(w, &image);
}

static void made_anew(struct gw_worker *w, const struct inbox_message *m)
{
	struct gw_renewed anew;
	memcpy(&anew, m->data, sizeof(anew));
	renewed(w, &anew);
}

static void asks(struct gw_worker *w, const struct inbox_message *m)
{
	struct gw_asked asked;
	memcpy(&asked, m->data, sizeof(asked));
	gw_ask_received(w, asked.ask);
}

static void doubted(struct gw_worker *w, const struct inbox_message *m)
{
	uint32_t cred;
	memcpy(&cred, m->data, sizeof(cred));
	gw_session_doubt(w, cred);
	if (m->kind == GW_CHANGED)
		gw_changed_received(w, cred);
	else
		gw_judge_received(w, cred);
}

static void claimed(struct gw_worker *w, const struct inbox_message *m)
{
	struct gw_claim claim;
	struct gw_yield yield;
	if (m->kind == GW_CLAIM) {
		memcpy(&claim, m->data, sizeof(claim));
		gw_claim_received(w, &claim);
		return;
	}
	memcpy(&yield, m->data, sizeof(yield));
	gw_yield_received(w, &yield);
}

static void bootstraps(struct gw_worker *w, const struct inbox_message *m)
{
	struct gw_keys_udp_asked asked;
	memcpy(&asked, m->data, sizeof(asked));
	gw_keys_udp_received(w, &asked);
}

/* By the main thread, of the worker itself. */
static void ordered(struct gw_worker *w, const struct inbox_message *m)
{
	uint32_t pulse;
	if (m->kind == GW_PULSE) {
		memcpy(&pulse, m->data, sizeof(pulse));
		w->pulse = pulse;
	} else if (m->kind == GW_HUSH) {
		w->hushed = true;
		dtls_hush(w->dtls);
	} else {
		w->stopping = true;
		stop_listening(w);
	}
}

void gw_worker_dispatch(struct gw_worker *w, struct inbox_message *m)
{
	struct gw_stored stored;
	uint32_t cred;
	switch ((enum gw_kind)m->kind) {
	case GW_STRAY:
		stray(w, m);
		return;
	case GW_CLAIM:
	case GW_YIELD:
		claimed(w, m);
		return;
	case GW_ASK:
		asks(w, m);
		return;
	case GW_ASK_MORE:
		gw_ask_more(w);
		return;
	case GW_STORED:
		memcpy(&stored, m->data, sizeof(stored));
		gw_stored_received(w, &stored);
		return;
	case GW_DUE:
		memcpy(&cred, m->data, sizeof(cred));
		gw_due_received(w, cred);
		return;
	case GW_CHANGED:
	case GW_JUDGE:
		doubted(w, m);
		return;
	case GW_RULES:
		ruled(w, m);
		return;
	case GW_MATERIAL:
		made_anew(w, m);
		return;
	case GW_RESOLVED:
		resolved(w, m);
		return;
	case GW_IMAGE:
		answered(w, m);
		return;
	case GW_SMS_IN:
	case GW_SMS_GO_ON:
	case GW_SMS_WANTED:
	case GW_SMS_DTLS:
	case GW_SMS_STORED:
		gw_sms_received(w, m);
		return;
	case GW_SMS_BOOTSTRAP:
		bootstraps(w, m);
		return;
	case GW_PULSE:
	case GW_HUSH:
	case GW_STOP:
		ordered(w, m);
		return;
	}
}
