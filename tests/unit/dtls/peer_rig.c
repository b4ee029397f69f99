/* SPDX-License-Identifier: Apache-2.0 */
#include "peer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const uint8_t peer_rig_key[16] = { 0x8f, 0x1d, 0x30, 0x5e, 0x77, 0xa2, 0x04, 0xbb, 0xc6, 0x19, 0x5a,
	0xe1, 0x20, 0x93, 0x4c, 0xd8 };

/* --- what the engine asks of its owner ------------------------------------------------------- */

static struct peer_event *tell(struct peer_rig *rig, enum peer_told what)
{
	if (rig->events == rig->events_cap) {
		rig->events_cap = rig->events_cap * 2 + 16;
		rig->event = realloc(rig->event, rig->events_cap * sizeof(*rig->event));
		assert_non_null(rig->event);
	}
	struct peer_event *const ev = &rig->event[rig->events++];
	*ev = (struct peer_event){ .told = what, .at_ms = rig->now_ms, .cred = DTLS_NO_CRED };
	return ev;
}

static bool on_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	struct peer_rig *const rig = ctx;
	struct peer_event *const ev = tell(rig, PEER_TOLD_PSK);
	peer_add(&ev->body, identity, len);
	for (size_t i = 0; i < rig->creds; i++) {
		const struct peer_cred *const c = &rig->cred[i];
		if (c->len != len || memcmp(c->identity, identity, len) != 0)
			continue;
		*out = c->psk;
		ev->known = true;
	}
	return ev->known;
}

static uint8_t *on_room(void *ctx, const struct net_path *path, size_t cap)
{
	struct peer_rig *const rig = ctx;
	/* exact to the byte, so that a write beyond it is seen under ASan */
	free(rig->room.at);
	rig->room = (struct peer_buf){ 0 };
	if (rig->no_room)
		return NULL;
	if (rig->deaf)
		return cap <= sizeof(rig->scratch) ? rig->scratch : NULL;
	rig->room = (struct peer_buf){ .at = malloc(cap ? cap : 1), .cap = cap };
	assert_non_null(rig->room.at);
	rig->room_path = *path;
	return rig->room.at;
}

static void on_sent(void *ctx, size_t len)
{
	struct peer_rig *const rig = ctx;
	rig->unheard += rig->deaf ? 1 : 0;
	if (rig->deaf)
		return;
	assert_non_null(rig->room.at);
	assert_true(len <= rig->room.cap);
	if (rig->outs == rig->outs_cap) {
		rig->outs_cap = rig->outs_cap * 2 + 16;
		rig->out = realloc(rig->out, rig->outs_cap * sizeof(*rig->out));
		assert_non_null(rig->out);
	}
	if (len > 0) {
		struct peer_sent *const sent = &rig->out[rig->outs++];
		*sent = (struct peer_sent){ .path = rig->room_path, .at_ms = rig->now_ms };
		peer_add(&sent->data, rig->room.at, len);
	}
	peer_buf_free(&rig->room);
}

static void of_conn(struct peer_event *ev, struct dtls_conn *c)
{
	ev->conn = c;
	ev->path = *dtls_conn_path(c);
	ev->role = dtls_conn_role(c);
	ev->cred = dtls_conn_cred(c);
	ev->user = dtls_conn_user(c);
}

static void call_hook(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c)
{
	if (rig->hook)
		rig->hook(rig, what, c);
}

static void on_up(void *ctx, struct dtls_conn *c)
{
	of_conn(tell(ctx, PEER_TOLD_UP), c);
	call_hook(ctx, PEER_TOLD_UP, c);
}

static void on_message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct peer_event *const ev = tell(ctx, PEER_TOLD_MESSAGE);
	of_conn(ev, c);
	peer_add(&ev->body, msg, len);
	memset(msg, 0xdd, len); /* it may be changed */
	call_hook(ctx, PEER_TOLD_MESSAGE, c);
}

static void on_down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct peer_event *const ev = tell(ctx, PEER_TOLD_DOWN);
	of_conn(ev, c);
	ev->why = why;
	call_hook(ctx, PEER_TOLD_DOWN, c);
}

static void on_failed(void *ctx, const struct dtls_failure *f)
{
	struct peer_event *const ev = tell(ctx, PEER_TOLD_FAILED);
	ev->role = f->role;
	ev->cause = f->cause;
	ev->path = *f->path;
	ev->alert = f->alert;
	ev->cred = f->cred;
	ev->user = f->user;
	ev->known = f->identity != NULL;
	if (f->identity)
		peer_add(&ev->body, f->identity, f->identity_len);
	call_hook(ctx, PEER_TOLD_FAILED, NULL);
}

static uint64_t draw(uint64_t *seed)
{
	/* splitmix64 */
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void on_random(void *ctx, uint8_t *out, size_t len)
{
	struct peer_rig *const rig = ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)draw(&rig->seed);
}

/* --- life ------------------------------------------------------------------------------------ */

void peer_rig_cred(
	struct peer_rig *rig, const void *identity, size_t len, const void *key, size_t key_len)
{
	assert_true(rig->creds < sizeof(rig->cred) / sizeof(rig->cred[0]));
	struct peer_cred *const c = &rig->cred[rig->creds];
	assert_true(len <= sizeof(c->identity) && key_len <= sizeof(c->psk.key));
	memcpy(c->identity, identity, len);
	c->len = len;
	memcpy(c->psk.key, key, key_len);
	c->psk.len = key_len;
	c->psk.cred = (uint32_t)(7 + rig->creds++);
}

struct peer_rig *peer_rig_new(const struct dtls_settings *s)
{
	struct peer_rig *const rig = calloc(1, sizeof(*rig));
	assert_non_null(rig);
	rig->now_ms = PEER_RIG_START_MS;
	rig->drop_seed = 1;
	const struct dtls_settings usual = dtls_settings_default();
	const struct dtls_owner owner = { .ctx = rig,
		.psk = on_psk,
		.room = on_room,
		.sent = on_sent,
		.up = on_up,
		.message = on_message,
		.down = on_down,
		.failed = on_failed,
		.random = on_random };
	rig->e = dtls_engine_new(s ? s : &usual, &owner, rig->now_ms);
	assert_non_null(rig->e);
	peer_rig_cred(rig, "thing", 5, peer_rig_key, sizeof(peer_rig_key));
	return rig;
}

void peer_rig_forget(struct peer_rig *rig)
{
	for (size_t i = 0; i < rig->events; i++)
		peer_buf_free(&rig->event[i].body);
	rig->events = 0;
}

void peer_rig_free(struct peer_rig *rig)
{
	dtls_engine_free(rig->e);
	peer_rig_drop(rig);
	peer_rig_forget(rig);
	free(rig->out);
	free(rig->event);
	peer_buf_free(&rig->room);
	free(rig);
}

/* --- datagrams and time ---------------------------------------------------------------------- */

static bool lost(struct peer_rig *rig)
{
	return draw(&rig->drop_seed) % 100 < rig->drop_of_100;
}

void peer_rig_input(struct peer_rig *rig, const struct peer *p, const void *data, size_t len)
{
	uint8_t *const copy = malloc(len ? len : 1);
	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, data, len);
	const struct dtls_datagram arrived = { .path = &p->path, .data = copy, .len = len };
	if (!lost(rig))
		dtls_input(rig->e, p->server ? DTLS_CLIENT : DTLS_SERVER, &arrived, 1, rig->now_ms);
	free(copy);
}

static void into_engine(void *ctx, struct peer *p, const uint8_t *datagram, size_t len)
{
	peer_rig_input(ctx, p, datagram, len);
}

struct peer *peer_rig_peer(struct peer_rig *rig, bool server, size_t port)
{
	struct peer *const p = peer_new(server);
	p->send = into_engine;
	p->ctx = rig;
	p->path = (struct net_path){
		.peer = { .ip = { 192, 0, 2, 1 }, .port = (uint16_t)port, .family = NET_IPV4 },
		.local_ip = { 192, 0, 2, 254 },
		.sock = 3,
	};
	peer_identity(p, "thing", 5);
	peer_key(p, peer_rig_key, sizeof(peer_rig_key));
	return p;
}

size_t peer_rig_pump(struct peer_rig *rig, struct peer *p)
{
	size_t given = 0;
	size_t kept = 0;
	for (size_t i = 0; i < rig->outs; i++) {
		struct peer_sent *const sent = &rig->out[i];
		if (!net_path_same(&sent->path, &p->path)) {
			rig->out[kept++] = *sent;
			continue;
		}
		given++;
		if (!lost(rig))
			peer_take(p, sent->data.at, sent->data.len);
		peer_buf_free(&sent->data);
	}
	rig->outs = kept;
	return given;
}

size_t peer_rig_drop(struct peer_rig *rig)
{
	const size_t n = rig->outs;
	for (size_t i = 0; i < n; i++)
		peer_buf_free(&rig->out[i].data);
	rig->outs = 0;
	return n;
}

bool peer_rig_step(struct peer_rig *rig, uint64_t limit_ms)
{
	const uint64_t next = dtls_next_ms(rig->e);
	const bool due = next <= limit_ms;
	const uint64_t to = due ? next : limit_ms;
	rig->now_ms = to > rig->now_ms ? to : rig->now_ms;
	if (due)
		dtls_tick(rig->e, rig->now_ms);
	return due;
}

void peer_rig_until(struct peer_rig *rig, uint64_t ms)
{
	/* bounded: a timer that is due for ever would be a busy loop in the program */
	for (int i = 0; i < 100000; i++)
		if (!peer_rig_step(rig, ms))
			return;
	fail_msg("the engine's clock stands still");
}

/* --- whole steps ----------------------------------------------------------------------------- */

void peer_rig_ask(struct peer_rig *rig, struct peer *p)
{
	const unsigned verifies = p->verifies;
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	if (p->verifies == verifies)
		return;
	peer_say_hello(p);
	peer_rig_pump(rig, p);
}

void peer_rig_to_flight4(struct peer_rig *rig, struct peer *p)
{
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	assert_int_equal(p->verifies, 1);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	assert_true(p->flight);
}

enum dtls_result peer_rig_connect(struct peer_rig *rig, const struct peer *p)
{
	const struct dtls_peer to = {
		.path = p->path,
		.identity = (const uint8_t *)"thing",
		.identity_len = 5,
		.key = peer_rig_key,
		.key_len = sizeof(peer_rig_key),
		.cred = 7,
		.user = rig,
	};
	return dtls_connect(rig->e, &to, rig->now_ms);
}

static void meet_as_server(struct peer_rig *rig, struct peer *p)
{
	assert_int_equal(peer_rig_connect(rig, p), DTLS_OK);
	peer_rig_pump(rig, p);
	peer_make_verify(p, 0, "chocolate", 9);
	peer_put_msg(p, PEER_HELLO_VERIFY);
	peer_flush(p);
	peer_rig_pump(rig, p);
	assert_int_equal(p->hello.cookie.len, 9);
	peer_server_exts(p);
	peer_say_flight4(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	peer_say_flight6(p);
}

struct dtls_conn *peer_rig_meet(struct peer_rig *rig, struct peer *p)
{
	const size_t ups = peer_rig_told(rig, PEER_TOLD_UP);
	if (p->server) {
		meet_as_server(rig, p);
	} else {
		peer_rig_to_flight4(rig, p);
		peer_say_flight5(p);
	}
	peer_rig_pump(rig, p);
	assert_true(p->done);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), ups + 1);
	return peer_rig_event(rig, PEER_TOLD_UP)->conn;
}

void peer_rig_check_alive(struct peer_rig *rig, struct peer *p, struct dtls_conn *c)
{
	const size_t told = peer_rig_told(rig, PEER_TOLD_MESSAGE);
	peer_say_data(p, "ping", 4);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), told + 1);
	const struct peer_event *const ev = peer_rig_event(rig, PEER_TOLD_MESSAGE);
	assert_ptr_equal(ev->conn, c);
	assert_int_equal(ev->body.len, 4);
	assert_memory_equal(ev->body.at, "ping", 4);
	peer_rig_pump(rig, p);
	const size_t records = peer_count(p, PEER_DATA, 1);
	assert_int_equal(dtls_send(rig->e, c, (const uint8_t *)"pong!", 5), DTLS_OK);
	peer_rig_pump(rig, p);
	assert_int_equal(peer_count(p, PEER_DATA, 1), records + 1);
	const struct peer_rec *const r = peer_last(p, PEER_DATA, 1);
	assert_true(r->opened);
	assert_int_equal(r->len, 5);
	assert_memory_equal(r->body, "pong!", 5);
}

size_t peer_rig_told(const struct peer_rig *rig, enum peer_told what)
{
	size_t n = 0;
	for (size_t i = 0; i < rig->events; i++)
		n += rig->event[i].told == what ? 1 : 0;
	return n;
}

const struct peer_event *peer_rig_event(const struct peer_rig *rig, enum peer_told what)
{
	for (size_t i = rig->events; i > 0; i--)
		if (rig->event[i - 1].told == what)
			return &rig->event[i - 1];
	return NULL;
}
