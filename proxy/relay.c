/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/relay.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/device.h"

struct relay_settings relay_settings_default(void)
{
	return (struct relay_settings){
		.queue_messages = 4,
		.queue_bytes = (size_t)8 << 20,
		.answer_ms = 93000,
		.retry_min_ms = 1000,
		.retry_max_ms = 60000,
		.message_max = 1280,
		.radio_waiting = 8,
		.radio_device_bytes = (size_t)16 << 10,
		.radio_bytes = (size_t)32 << 20,
		.awake_ms = 93000,
		.asleep_waiting = 4,
		.asleep_wait_ms = 247000,
		.asleep_retry_s = 60,
	};
}

struct relay *relay_new(
	const struct relay_settings *s, const struct relay_owner *o, uint64_t now_ms)
{
	struct relay *const r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->settings = *s;
	r->owner = *o;
	r->now_ms = now_ms;
	r->budget.max = s->queue_bytes;
	r->governed.waiting_max = s->radio_waiting;
	r->governed.device_max = s->radio_device_bytes;
	r->governed.all_max = s->radio_bytes;
	r->governed.wait_ms = s->answer_ms;
	r->governed.asleep_max = s->asleep_waiting;
	r->governed.asleep_ms = s->asleep_refused ? s->answer_ms : s->asleep_wait_ms;
	wheel_init(&r->wheel, now_ms);
	pool_init(&r->devices, sizeof(struct relay_device));
	pool_init(&r->tables, sizeof(struct exchange_table));
	return r;
}

void relay_told(struct relay *r, uint64_t now_ms)
{
	if (now_ms > r->now_ms)
		r->now_ms = now_ms;
}

static void device_free(struct relay_device *d)
{
	struct relay *const r = d->relay;
	wheel_cancel(&r->wheel, &d->timer);
	exchange_clear(&d->exchanges);
	exchange_clear(&d->asked);
	queue_clear(&d->waiting, &r->budget);
	governor_clear(&r->governed, &d->governor);
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	pool_give(&r->devices, d);
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	for (struct relay_device *d = r->first; d;) {
		struct relay_device *const next = d->next;
		device_free(d);
		d = next;
	}
	recall_free(&r->recall);
	pool_fini(&r->devices);
	pool_fini(&r->tables);
	free(r);
}

/* --- time --------------------------------------------------------------------------------- */

void relay_schedule(struct relay_device *d, uint64_t due_ms)
{
	/* A timer that is too early costs one look at its device; moving it at each message would
	   cost more. */
	if (due_ms == UINT64_MAX || (wheel_armed(&d->timer) && d->timer.due_ms <= due_ms))
		return;
	wheel_arm(&d->relay->wheel, &d->timer, due_ms);
}

static void end_exchanges(struct relay_device *d)
{
	static const struct answer late = {
		.code = PDU_GATEWAY_TIMEOUT,
		.why = "the server has not answered in time",
	};
	struct exchange *e;
	while ((e = exchange_due(d->exchanges, d->relay->now_ms))) {
		if (!e->answered)
			answer_exchange(d, SIDE_DEVICE, e, &late);
		exchange_close(&d->exchanges, e);
	}
	while ((e = exchange_due(d->asked, d->relay->now_ms)))
		exchange_close(&d->asked, e); /* the server has its own time-outs */
}

/* the server isn't asked, and the device's channel stays: it may register again. The
   link, which others may need, goes, unless a bootstrap is under way; the next message opens
   another. */
static void end_registration(struct relay_device *d)
{
	struct relay *const r = d->relay;
	if (!d->reg.active || registration_ends_ms(&d->reg) > r->now_ms)
		return;
	registration_void(&d->reg);
	r->stats.registrations--;
	if (!d->exchanges && d->bootstrap_until_ms == 0)
		relay_link_close(d, CHANNEL_DONE);
	if (r->owner.changed)
		r->owner.changed(r->owner.ctx, d);
}

static void device_due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct relay_device *const d = CONTAINER_OF(t, struct relay_device, timer);
	(void)ctx;
	relay_told(d->relay, now_ms);
	relay_governor_due(d);
	end_exchanges(d);
	end_registration(d);
	relay_bootstrap_due(d);
	relay_schedule(d, exchange_next_ms(d->exchanges));
	relay_schedule(d, exchange_next_ms(d->asked));
	relay_schedule(d, governor_next_ms(d->governor));
	relay_schedule(d, registration_ends_ms(&d->reg));
}

void relay_tick(struct relay *r, uint64_t now_ms)
{
	relay_told(r, now_ms);
	wheel_run(&r->wheel, r->now_ms, r);
}

uint64_t relay_next_ms(const struct relay *r)
{
	return wheel_next_ms(&r->wheel);
}

/* --- devices --------------------------------------------------------------------------------- */

struct relay_device *relay_device_up(
	struct relay *r, const char *endpoint, void *user, struct channel *device)
{
	return relay_device_up_radio(r, endpoint, user, device, relay_radio_of(RELAY_ETHERNET));
}

struct relay_device *relay_device_up_radio(struct relay *r, const char *endpoint, void *user,
	struct channel *device, const struct relay_radio *radio)
{
	struct relay_device *const d = pool_take(&r->devices);
	if (!d)
		return NULL;
	d->relay = r;
	d->endpoint = endpoint;
	d->user = user;
	d->radio = radio;
	d->ends[SIDE_DEVICE] = device;
	d->timer.fire = device_due;
	d->next = r->first;
	d->prev = &r->first;
	if (d->next)
		d->next->prev = &d->next;
	r->first = d;
	r->stats.devices++;
	return d;
}

void relay_registration_inherit(struct relay_registration *reg)
{
	reg->stale = reg->active;
	reg->channels++;
}

void relay_device_rebind(struct relay_device *d, struct channel *device)
{
	/* Nothing that was said in the old channel is answered in the new one (RFC 7252 section
	   9.1.2; R-230). */
	relay_bootstrap_ends(d);
	exchange_clear(&d->exchanges);
	exchange_clear(&d->asked);
	d->relay->stats.dropped += d->waiting.count;
	queue_clear(&d->waiting, &d->relay->budget);
	d->ends[SIDE_DEVICE] = device;
	(void)relay_awake(d); /* it has just shaken hands */
	relay_governor_leg_gone(d, SIDE_DEVICE);
	relay_registration_inherit(&d->reg);
	d->own_mid_set[SIDE_DEVICE] = false;
	d->con_copies = 0;
}

void relay_device_down(struct relay_device *d)
{
	struct relay *const r = d->relay;
	governor_clear(&r->governed, &d->governor); /* nothing more is said */
	relay_link_close(d, CHANNEL_DONE);
	if (d->opening)
		r->owner.cancel(r->owner.ctx, d);
	r->stats.devices--;
	r->stats.registrations -= d->reg.active ? 1 : 0;
	device_free(d);
}

bool relay_device_is_idle(const struct relay_device *d)
{
	return !exchange_pending(d->exchanges) && !d->opening && !d->waiting.head &&
	       !governor_is_busy(d->governor) && d->bootstrap_until_ms <= d->relay->now_ms;
}

void relay_device_let_go(struct relay_device *d)
{
	relay_governor_remember(d);
	d->ends[SIDE_SERVER] = NULL;
	relay_device_down(d);
}

void relay_device_adopt(struct relay_device *d, const struct relay_registration *reg)
{
	struct relay_stats *const stats = &d->relay->stats;
	stats->registrations += (size_t)reg->active - (size_t)d->reg.active;
	d->reg = *reg;
	d->reg.location[RELAY_LOCATION_MAX - 1] = '\0';
	d->reg.attributes.sms[ATTRIBUTES_SMS_MAX - 1] = '\0';
	relay_schedule(d, registration_ends_ms(&d->reg));
}

void *relay_device_user(const struct relay_device *d)
{
	return d->user;
}

const char *relay_device_endpoint(const struct relay_device *d)
{
	return d->endpoint;
}

bool relay_device_bootstraps(const struct relay_device *d)
{
	return d->bootstrap_until_ms > 0;
}

const struct relay_registration *relay_device_registration(const struct relay_device *d)
{
	return &d->reg;
}

void relay_device_set_radio(struct relay_device *d, const struct relay_radio *radio)
{
	d->radio = radio;
}

const struct relay_radio *relay_device_radio(const struct relay_device *d)
{
	return d->radio;
}

struct channel *relay_device_link(const struct relay_device *d)
{
	return d->ends[SIDE_SERVER];
}

struct relay_stats relay_stats(const struct relay *r)
{
	struct relay_stats s = r->stats;
	s.queued_bytes = r->budget.used;
	s.suppressed = r->governed.figures.suppressed;
	s.repeated = r->governed.figures.repeated;
	s.answered_from_kept = r->governed.figures.answered_from_kept;
	s.acknowledged = r->governed.figures.acknowledged;
	s.dropped += r->governed.figures.lost;
	s.kept_bytes = r->governed.used;
	return s;
}

/* --- messages --------------------------------------------------------------------------------- */

static void malformed(struct relay_device *d, enum side from, const struct pdu *m)
{
	d->relay->stats.malformed++;
	if (from == SIDE_SERVER && pdu_is_response(m) && m->type != PDU_RST)
		relay_down_bad(d, m, "the server's answer is malformed"); /* */
	else if (m->type == PDU_CON)
		answer_reset(d, from, m->mid);
}

/* What is the same for both sides. False: the message ends here. */
static bool is_for_the_other(struct relay_device *d, enum side from, const struct pdu *m)
{
	if (m->type == PDU_CON && m->code == PDU_EMPTY) {
		answer_reset(d, from, m->mid); /* a ping, R-245 */
		return false;
	}
	return !answer_is_ours(d, from, m);
}

static bool is_sound(
	struct relay_device *d, enum side from, const struct pdu *m, enum pdu_verdict v)
{
	switch (v) {
	case PDU_OK:
		return is_for_the_other(d, from, m);
	case PDU_OTHER_VERSION:
		d->relay->stats.malformed++;
		return false;
	case PDU_MALFORMED:
		malformed(d, from, m);
		break;
	}
	return false;
}

void relay_from_device(struct relay_device *d, const uint8_t *msg, size_t len, uint64_t now_ms)
{
	struct pdu m;
	relay_told(d->relay, now_ms);
	const enum pdu_verdict v = pdu_parse(msg, len, &m);
	const bool slept = relay_awake_by(d, v == PDU_OK ? &m : NULL);
	if (is_sound(d, SIDE_DEVICE, &m, v) && !relay_governor_stops(d, SIDE_DEVICE, &m) &&
		!relay_gate_stops(d, SIDE_DEVICE, &m))
		relay_up(d, &m);
	if (slept)
		relay_governor_rouse(d);
}

void relay_device_heard(struct relay_device *d, const struct pdu *m, uint64_t now_ms)
{
	relay_told(d->relay, now_ms);
	if (relay_awake_by(d, m))
		relay_governor_rouse(d);
}

void relay_from_server(struct relay_device *d, const uint8_t *msg, size_t len, uint64_t now_ms)
{
	struct pdu m;
	relay_told(d->relay, now_ms);
	if (!d->ends[SIDE_SERVER]) {
		d->relay->stats.dropped++; /* the last words of a link that was let go */
		return;
	}
	d->heard++;
	const uint8_t *const said =
		shift_from_server(d->relay->shifted[SIDE_DEVICE], d->reg.channels, msg, len);
	const enum pdu_verdict v = pdu_parse(said, len, &m);
	if (is_sound(d, SIDE_SERVER, &m, v) && !relay_governor_stops(d, SIDE_SERVER, &m) &&
		!relay_gate_stops(d, SIDE_SERVER, &m))
		relay_down(d, &m);
	if (!device_is_asleep(d))
		relay_governor_rouse(d); /* it may have left queue mode by that answer */
}
