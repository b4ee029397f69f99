/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log_words.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/gateway_parts.h"
#include "gateway/inherit.h"
#include "gateway/sms_door.h"
#include "gateway/sms_dtls.h"
#include "gateway/sms_keeper.h"
#include "gateway/sms_parts.h"
#include "io/inbox.h"
#include "store/sms.h"
#include "store/sms_keys.h"

#include <ev.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	AGAIN_S = 5,  /* where the bridge had no room */
	ANEW_S = 300, /* an outcome may have been lost; what is over its time goes */
	MESSAGES_A_TURN = 64,
	FORGETTING_MAX = 4096, /* operations of the store under way */
	PACKET_HEAD = 3,       /* 02 70 00 in the user data, of who cannot set TP-UDHI (A15) */
};

struct gw_sms_desk {
	struct gw_gateway *g;
	struct gw_sms_door *door;
	struct inbox *inbox;
	ev_io door_io, inbox_io;
	ev_timer again, anew;
	uint64_t after; /* of the box out: said up to there */
	bool walking;   /* more of the box out is to be said */
	bool missed;    /* something may have come behind that: once more, then */
	uint64_t instance;
	struct log_limit said, hellos, ups, downs;
	struct gw_sms_desk_stats stats;
	_Atomic uint32_t forgetting;
	struct inbox_message message;
	struct store_sms_message mt;
};

static uint64_t wall(const struct gw_sms_desk *d)
{
	return gw_source_now(d->g);
}

/* --- the store ------------------------------------------------------------------------------- */

struct done_op {
	struct store_op op;
	struct gw_sms_desk *desk;
	uint64_t id;
};

static enum store_result run_done(struct store_txn *t, struct store_op *op)
{
	return store_sms_out_done(t, CONTAINER_OF(op, struct done_op, op)->id);
}

static void free_done(struct store_op *op, enum store_result r)
{
	struct done_op *const o = CONTAINER_OF(op, struct done_op, op);
	(void)r; /* it is said again, and answered again */
	(void)atomic_fetch_sub(&o->desk->forgetting, 1);
	free(o);
}

/* A bridge may say more than the store can do: the rest is said again, and answered again. */
static void forget(struct gw_sms_desk *d, uint64_t id)
{
	struct done_op *const o =
		atomic_load(&d->forgetting) < FORGETTING_MAX ? calloc(1, sizeof(*o)) : NULL;
	if (!o)
		return;
	(void)atomic_fetch_add(&d->forgetting, 1);
	o->desk = d;
	o->op = (struct store_op){ .run = run_done, .done = free_done, .vital = true };
	o->id = id;
	store_submit(d->g->shared.store, &o->op);
}

/* --- to the bridge --------------------------------------------------------------------------- */

static bool say(struct gw_sms_desk *d, const struct wire_message *m)
{
	uint8_t frame[WIRE_DATA_MAX / 4];
	const size_t len = wire_write(m, frame, sizeof(frame));
	return len > 0 && gw_sms_door_say(d->door, frame, len);
}

/* All that waits in the box out, as far as there is room. */
static void walk(struct gw_sms_desk *d)
{
	uint8_t frame[GW_SMS_MO_MAX + 256];
	store_reader_rest(d->g->reader);
	while (d->walking && gw_sms_door_is_up(d->door)) {
		uint64_t after = d->after;
		if (store_sms_next_out(d->g->reader, 0, &after, &d->mt) != STORE_OK) {
			d->walking = d->missed;
			d->missed = false;
			d->after = 0;
			continue;
		}
		const size_t len = gw_sms_mt_frame(&d->mt, wall(d), frame, sizeof(frame));
		if (len > 0 && !gw_sms_door_say(d->door, frame, len))
			break; /* room() comes */
		if (len == 0)
			forget(d, d->mt.id);
		d->stats.mt += len > 0;
		d->after = after;
	}
	wipe(&d->mt, sizeof(d->mt));
	store_reader_rest(d->g->reader);
}

static void walk_anew(struct gw_sms_desk *d)
{
	d->after = 0;
	d->missed = false;
	d->walking = true;
	walk(d);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	ev_timer_stop(loop, timer);
	walk_anew(timer->data);
}

/* Who has it says nothing, or what became of it. */
static void on_anew(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_sms_desk *const d = timer->data;
	(void)loop;
	(void)events;
	if (!d->walking)
		walk_anew(d);
}

/* --- from the bridge ------------------------------------------------------------------------- */

static void answer(struct gw_sms_desk *d, uint64_t id, enum wire_taken taken)
{
	const struct wire_message m = { .type = WIRE_MO_ANSWER,
		.mo_answer = { .id = id, .taken = (uint8_t)taken } };
	(void)say(d, &m); /* else it asks again */
}

static bool is_ours(const struct gw_sms_desk *d, const struct wire_number *own)
{
	const char *const number = d->g->shared.conf->sms.number;
	return !number || own->len == 0 || strcmp(own->digits, number) == 0;
}

/* The packet within, a device's or a card's answer to one of ours; false: it is none. */
static bool is_packet(const struct wire_text *t, struct gw_sms_mo *out)
{
	const bool bare =
		t->marker == 0 && t->len > PACKET_HEAD && t->data[0] == 0x02 && t->data[2] == 0x00;
	const size_t skip = bare ? PACKET_HEAD : 0;
	out->marker = bare ? t->data[1] : t->marker;
	if ((out->marker != GW_SMS_COMMAND && out->marker != GW_SMS_RESPONSE) ||
		!sms_profile_takes(t->dcs) || t->id == 0 || t->len - skip > sizeof(out->data))
		return false;
	out->len = t->len - skip;
	memcpy(out->data, t->data + skip, out->len);
	return true;
}

struct owner { /* of a number */
	uint32_t cred;
	bool has_card; /* to which the gateway writes, and which answers */
};

/* dtls: one whose device speaks DTLS, or one whose device sends secured packets. */
static bool find_cred(
	struct gw_sms_desk *d, const struct wire_number *peer, bool dtls, struct owner *out)
{
	struct store_cred c;
	store_reader_rest(d->g->reader);
	const bool good = peer->len >= GW_SMS_DIGITS_MIN &&
			  store_find_identity(d->g->reader, STORE_CRED_SMS,
				  (const uint8_t *)peer->digits, peer->len, &c) == STORE_OK &&
			  c.state == STORE_CRED_ACTIVE && c.kind == STORE_CRED_SMS &&
			  (c.sms.profile == STORE_SMS_DTLS) == dtls;
	if (good)
		*out = (struct owner){ .cred = c.number,
			.has_card = c.sms.renew.how == STORE_RENEW_SMARTCARD };
	wipe(&c, sizeof(c));
	return good;
}

static bool has_listener(const struct conf_gateway *conf)
{
	for (size_t i = 0; i < conf->listeners_len; i++) {
		if (conf->listeners[i].family == NET_SMS)
			return true;
	}
	return false;
}

/* To the worker that would have it if it had come by UDP. */
static void datagram(struct gw_sms_desk *d, const struct wire_text *t, struct gw_sms_mo *m)
{
	struct gw_gateway *const g = d->g;
	struct net_path path;
	const bool good =
		has_listener(g->shared.conf) && is_ours(d, &t->own) && gw_sms_dtls_path(t, &path);
	struct owner owner = { 0 };
	const bool known = good && find_cred(d, &t->peer, true, &owner);
	m->cred = owner.cred;
	d->stats.other += !good;
	d->stats.strangers += good && !known;
	store_reader_rest(g->reader);
	if (!known) {
		answer(d, t->id, WIRE_TAKEN);
		return;
	}
	m->len = t->len;
	memcpy(m->data, t->data, t->len);
	const uint32_t to = steer_owner_of(&g->shared.steer, &path.peer, t->data, t->len);
	const size_t len = offsetof(struct gw_sms_mo, data) + m->len;
	if (!inbox_post(g->inboxes[to], INBOX_LOSSY, GW_SMS_DTLS, m, len))
		answer(d, t->id, WIRE_LATER);
}

static void mo(struct gw_sms_desk *d, const struct wire_text *t)
{
	struct gw_gateway *const g = d->g;
	struct gw_sms_mo m = {
		.id = t->id, .pid = t->pid, .dcs = t->dcs, .peer = t->peer, .own = t->own
	};
	d->stats.mo++;
	if (gw_sms_dtls_is(t)) {
		datagram(d, t, &m);
		return;
	}
	const bool packet = is_packet(t, &m) && is_ours(d, &t->own);
	struct owner owner = { 0 };
	const bool known = packet && find_cred(d, &t->peer, false, &owner);
	const bool answers = m.marker == GW_SMS_RESPONSE && !owner.has_card; /* nobody's question */
	m.cred = owner.cred;
	d->stats.other += !packet || (known && answers);
	d->stats.strangers += packet && !known;
	if (known && !answers) {
		const uint32_t to = gw_sms_worker(&g->shared, g->reader, m.cred);
		const size_t len = offsetof(struct gw_sms_mo, data) + m.len;
		if (!inbox_post(g->inboxes[to], INBOX_LOSSY, GW_SMS_IN, &m, len))
			answer(d, t->id, WIRE_LATER);
	} else {
		answer(d, t->id, WIRE_TAKEN); /* it is of no use, however often it comes */
	}
	wipe(&m, sizeof(m));
	store_reader_rest(g->reader);
}

static void say_later(struct gw_sms_desk *d)
{
	if (ev_is_active(&d->again))
		return;
	ev_timer_set(&d->again, (double)AGAIN_S, 0.0);
	ev_timer_start(d->g->loop, &d->again);
}

/* It may be what delivers keys: then it goes with what follows from that. */
static bool tell_keeper(struct gw_sms_desk *d, const struct wire_mt_outcome *o)
{
	struct store_sms_keys row;
	const bool sent = o->outcome == WIRE_ACCEPTED;
	struct gw_keeper_told t = { .cred = store_sms_cred_of(o->id),
		.event = sent ? KEYSET_TAKEN : KEYSET_UNSENT,
		.message = o->id };
	store_reader_rest(d->g->reader);
	const bool is = store_sms_keys_read(d->g->reader, t.cred, &row) == STORE_OK;
	wipe(&row, sizeof(row));
	store_reader_rest(d->g->reader);
	(void)snprintf(t.cause, sizeof(t.cause), "%s",
		o->outcome == WIRE_EXPIRED ? "network-too-late" : "network-refused");
	return is && gw_keeper_tell(&d->g->shared, &t);
}

static void outcome(struct gw_sms_desk *d, const struct wire_mt_outcome *o)
{
	char way[WIRE_NAME_MAX + 1];
	d->stats.outcomes++;
	d->stats.segments += o->segments;
	d->stats.refused += o->outcome == WIRE_REFUSED;
	d->stats.expired += o->outcome == WIRE_EXPIRED;
	if (o->outcome == WIRE_BUSY) { /* a datagram is lost then */
		if ((o->id & GW_SMS_DATAGRAM) == 0)
			say_later(d);
		return;
	}
	if (o->outcome == WIRE_REFUSED)
		log_limited(d->g->log, &d->said, wall(d), LOG_LEVEL_WARN, "sms-refused",
			"way=%s code=%u why=\"the network does not take it\"",
			log_word(o->way, way, sizeof(way)), o->code);
	if ((o->id & GW_SMS_DATAGRAM) == 0 && !tell_keeper(d, o))
		forget(d, o->id);
}

static void frame(void *ctx, const uint8_t *data, size_t len)
{
	struct gw_sms_desk *const d = ctx;
	char name[WIRE_NAME_MAX + 1];
	struct wire_message m;
	if (!wire_read(data, len, &m)) {
		d->stats.other++;
		return;
	}
	switch ((enum wire_type)m.type) {
	case WIRE_HELLO:
		log_limited(d->g->log, &d->hellos, wall(d), LOG_LEVEL_INFO, "sms-bridge", "name=%s",
			log_word(m.hello.name, name, sizeof(name)));
		return;
	case WIRE_MO:
		mo(d, &m.mo.text);
		return;
	case WIRE_MT_OUTCOME:
		outcome(d, &m.mt_outcome);
		return;
	case WIRE_MT:
	case WIRE_MO_ANSWER:
		return; /* ours to say */
	}
}

static void up(void *ctx)
{
	struct gw_sms_desk *const d = ctx;
	struct wire_message m = { .type = WIRE_HELLO, .hello = { .instance = d->instance } };
	(void)snprintf(m.hello.name, sizeof(m.hello.name), "lwgated");
	d->stats.connected = true;
	log_limited(d->g->log, &d->ups, wall(d), LOG_LEVEL_INFO, "sms-bridge-up", "it has come");
	(void)say(d, &m);
	walk_anew(d);
}

static void down(void *ctx)
{
	struct gw_sms_desk *const d = ctx;
	d->stats.connected = false;
	log_limited(d->g->log, &d->downs, wall(d), LOG_LEVEL_WARN, "sms-bridge-down",
		"it has gone; what is to be sent waits for the next");
}

static void room(void *ctx)
{
	walk(ctx);
}

/* --- from the workers ------------------------------------------------------------------------ */

static void take(struct gw_sms_desk *d)
{
	const struct inbox_message *const m = &d->message;
	struct gw_sms_answer a;
	if (m->kind == GW_DESK_ANSWER) {
		memcpy(&a, m->data, sizeof(a));
		answer(d, a.id, a.taken);
		return;
	}
	if (gw_sms_door_say(d->door, m->data, m->len)) {
		d->stats.mt++;
		return;
	}
	if (m->kind == GW_DESK_DATAGRAM) {
		d->stats.lost++;
		return;
	}
	d->missed = d->walking; /* its place in the box may have been passed by */
	if (!d->walking)
		d->after = 0;
	d->walking = true;
}

static void on_inbox(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_sms_desk *const d = io->data;
	(void)loop;
	(void)events;
	for (size_t i = 0; i < MESSAGES_A_TURN && inbox_take(d->inbox, &d->message); i++)
		take(d);
}

static void on_door(struct ev_loop *loop, ev_io *io, int events)
{
	const struct gw_sms_desk *const d = io->data;
	(void)loop;
	(void)events;
	gw_sms_door_serve(d->door);
}

/* --- its life -------------------------------------------------------------------------------- */

/* What was taken and not answered when the last process ended: its sessions come back for it. */
static void wake_takers(struct gw_sms_desk *d)
{
	struct gw_gateway *const g = d->g;
	uint64_t after = 0;
	size_t n = 0;
	store_reader_rest(g->reader);
	while (store_sms_next_in(g->reader, 0, &after, &d->mt) == STORE_OK) {
		const uint32_t to = gw_sms_worker(&g->shared, g->reader, d->mt.cred);
		n += inbox_post(
			g->inboxes[to], INBOX_SURE, GW_SMS_GO_ON, &d->mt.cred, sizeof(d->mt.cred));
	}
	wipe(&d->mt, sizeof(d->mt));
	store_reader_rest(g->reader);
	if (n > 0)
		log_say(g->log, LOG_LEVEL_INFO, "sms-again",
			"%zu messages were taken and not answered before", n);
}

void gw_sms_desk_begin(struct gw_sms_desk *d, struct ev_loop *loop)
{
	ev_io_init(&d->door_io, on_door, gw_sms_door_fd(d->door), EV_READ);
	ev_io_init(&d->inbox_io, on_inbox, inbox_fd(d->inbox), EV_READ);
	ev_timer_init(&d->again, on_again, (double)AGAIN_S, 0.0);
	ev_timer_init(&d->anew, on_anew, (double)ANEW_S, (double)ANEW_S);
	d->door_io.data = d->inbox_io.data = d->again.data = d->anew.data = d;
	ev_timer_start(loop, &d->anew);
	ev_io_start(loop, &d->door_io);
	ev_io_start(loop, &d->inbox_io);
	wake_takers(d);
}

void gw_sms_desk_end(struct gw_sms_desk *d, struct ev_loop *loop)
{
	ev_io_stop(loop, &d->door_io);
	ev_io_stop(loop, &d->inbox_io);
	ev_timer_stop(loop, &d->again);
	ev_timer_stop(loop, &d->anew);
}

struct inbox *gw_sms_desk_inbox(struct gw_sms_desk *d)
{
	return d->inbox;
}

int gw_sms_desk_listener(const struct gw_sms_desk *d)
{
	return d ? gw_sms_door_listener(d->door) : -1;
}

struct gw_sms_desk_stats gw_sms_desk_stats(const struct gw_sms_desk *d)
{
	return d->stats;
}

struct gw_sms_desk *gw_sms_desk_open(
	struct gw_gateway *g, bool *failed, char *error, size_t error_len)
{
	const struct conf_sms *const conf = &g->shared.conf->sms;
	*failed = false;
	if (!conf->socket)
		return NULL;
	struct gw_sms_desk *const d = calloc(1, sizeof(*d));
	const struct gw_sms_door_owner owner = {
		.ctx = d, .up = up, .down = down, .frame = frame, .room = room
	};
	const struct gw_sms_door_place place = { .path = conf->socket,
		.group = conf->group,
		.inherited = gw_inherit_events(g->inherited, conf->socket) };
	*failed = true;
	(void)snprintf(error, error_len, "sms: memory is short");
	if (!d)
		return NULL;
	d->g = g;
	d->instance = (uint64_t)g->since_s + 1;
	d->inbox = inbox_new();
	d->door = d->inbox ? gw_sms_door_open(&place, &owner, error, error_len) : NULL;
	*failed = !d->door;
	if (d->door)
		return d;
	gw_sms_desk_close(d);
	return NULL;
}

void gw_sms_desk_close(struct gw_sms_desk *d)
{
	if (!d)
		return;
	gw_sms_door_close(d->door);
	inbox_free(d->inbox);
	wipe(d, sizeof(*d));
	free(d);
}
