/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/engine.h"

#include "base/wipe.h"
#include "dtls/alert.h"
#include "dtls/state.h"

#include <stdlib.h>
#include <string.h>

enum { MTU_MIN = 100, MTU_MAX = 16384 };

struct dtls_settings dtls_settings_default(void)
{
	return (struct dtls_settings){
		.initial_ms = { 9000, 9000 },
		.max_ms = 60000,
		.lifetime_ms = 180000,
		.linger_ms = 240000,
		.handshakes_max = 1024,
		.handshake_bytes_max = (size_t)192 << 20,
		.mtu = 1232,
		.bad_finished_max = 3,
		.first_write_end = UINT64_MAX,
		.first_read_end = UINT64_MAX,
		.cid_random = DTLS_CID_RANDOM_MIN,
		.check_ms = 9000,
	};
}

static void clamp(struct dtls_settings *s)
{
	if (s->mtu < MTU_MIN)
		s->mtu = MTU_MIN;
	if (s->mtu > MTU_MAX)
		s->mtu = MTU_MAX;
	if (s->bad_finished_max == 0)
		s->bad_finished_max = 1;
	if (s->cid_random < DTLS_CID_RANDOM_MIN) /* S25 */
		s->cid_random = DTLS_CID_RANDOM_MIN;
	if (s->cid_random > DTLS_CID_RANDOM_MAX)
		s->cid_random = DTLS_CID_RANDOM_MAX;
	if (s->check_ms == 0)
		s->check_ms = 1;
	for (size_t role = 0; role < COUNT_OF(s->initial_ms); role++) {
		if (s->initial_ms[role] == 0)
			s->initial_ms[role] = 1;
	}
}

/* Of who is met without one. */
static struct dtls_profile *profile(void)
{
	struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *error = NULL;
	s.suites[0] = suites[0].number;
	s.suites_len = 1;
	return dtls_profile_new(&s, &error);
}

static bool prepare(struct dtls_engine *e)
{
	const struct dtls_owner *const o = &e->owner;
	uint8_t seed[sizeof(e->sip)];
	o->random(o->ctx, seed, sizeof(seed));
	memcpy(&e->sip, seed, sizeof(seed));
	wheel_init(&e->wheel, e->now_ms);
	if (!dtls_table_init(&e->conns) || !dtls_table_init(&e->handshakes) ||
		!dtls_table_init(&e->moves) || !dtls_cids_init(&e->cids))
		return false;
	e->sealer = (struct dtls_sealer){
		.guards = dtls_guards_new(),
		.random = o->random,
		.random_ctx = o->ctx,
		.bucket = e->set.cid_bucket,
	};
	e->profile = profile();
	if (!e->sealer.guards || !e->profile || !dtls_libssl_init(&e->lib))
		return false;
	e->pipe.mtu = DTLS_PIPE_MTU;
	return dtls_cookies_init(&e->cookies, o->random, o->ctx, e->now_ms);
}

struct dtls_engine *dtls_engine_new(
	const struct dtls_settings *s, const struct dtls_owner *o, uint64_t now_ms)
{
	struct dtls_engine *const e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->set = *s;
	clamp(&e->set);
	pool_init_secret(&e->conn_pool, sizeof(struct dtls_conn));
	pool_init(&e->move_pool, sizeof(struct dtls_move));
	e->owner = *o;
	e->now_ms = now_ms;
	if (prepare(e))
		return e;
	dtls_engine_free(e);
	return NULL;
}

void dtls_hush(struct dtls_engine *e)
{
	e->hushed = true;
}

void dtls_engine_free(struct dtls_engine *e)
{
	if (!e)
		return;
	struct dtls_node *n = NULL;
	while ((n = dtls_table_any(&e->handshakes)))
		dtls_handshake_free(CONTAINER_OF(n, struct dtls_handshake, node));
	while ((n = dtls_table_any(&e->conns)))
		dtls_conn_free(e, CONTAINER_OF(n, struct dtls_conn, node));
	dtls_table_fini(&e->handshakes);
	dtls_table_fini(&e->conns);
	dtls_table_fini(&e->moves);
	dtls_cids_fini(&e->cids);
	pool_fini(&e->conn_pool);
	pool_fini(&e->move_pool);
	dtls_cookies_fini(&e->cookies);
	dtls_libssl_fini(&e->lib);
	dtls_profile_unref(e->profile);
	dtls_guards_free(e->sealer.guards);
	wipe(e, sizeof(*e));
	free(e);
}

/* --- client role ----------------------------------------------------------------------------- */

static struct dtls_node place(const struct dtls_engine *e, const struct net_path *path)
{
	return (struct dtls_node){ .hash = sip_hash(&e->sip, path, sizeof(*path)), .path = *path };
}

static struct dtls_handshake *connecting(const struct dtls_engine *e, const struct net_path *path)
{
	const struct dtls_node where = place(e, path);
	struct dtls_node *const n = dtls_table_find(&e->handshakes, where.hash, path);
	struct dtls_handshake *const h = n ? CONTAINER_OF(n, struct dtls_handshake, node) : NULL;
	return h && h->role == DTLS_CLIENT ? h : NULL;
}

static bool usable(const struct dtls_peer *p)
{
	if (p->key_len == 0)
		return p->profile != NULL;
	return p->identity_len > 0 && p->identity_len <= DTLS_IDENTITY_MAX &&
	       p->key_len <= DTLS_PSK_MAX && !memchr(p->identity, 0, p->identity_len);
}

enum dtls_result dtls_connect(struct dtls_engine *e, const struct dtls_peer *p, uint64_t now_ms)
{
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	if (!usable(p))
		return DTLS_BROKEN;
	const struct dtls_node where = place(e, &p->path);
	if (dtls_conn_on(e, where.hash, &where.path, NULL) ||
		dtls_table_find(&e->handshakes, where.hash, &where.path))
		return DTLS_BUSY;
	struct dtls_handshake *h = NULL;
	const enum dtls_result made = dtls_handshake_new(e, DTLS_CLIENT, &where, p->profile, &h);
	if (made != DTLS_OK)
		return made;
	if (p->key_len > 0) {
		memcpy(h->identity, p->identity, p->identity_len);
		h->identity_len = p->identity_len;
		memcpy(h->key, p->key, p->key_len);
		h->key_len = p->key_len;
	}
	h->cred = p->cred;
	h->generation = p->generation;
	h->user = p->user;
	if (dtls_handshake_connect(h, p->resume))
		return DTLS_OK;
	dtls_handshake_free(h);
	return DTLS_BROKEN;
}

void dtls_connect_cancel(struct dtls_engine *e, const struct net_path *path)
{
	struct dtls_handshake *const h = connecting(e, path);
	if (h)
		dtls_handshake_free(h);
}

void dtls_unreachable(struct dtls_engine *e, const struct net_path *path, uint64_t now_ms)
{
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	struct dtls_handshake *const h = connecting(e, path);
	if (h)
		dtls_handshake_fail(h, DTLS_FAIL_UNREACHABLE, NULL);
}

/* --- time and facts -------------------------------------------------------------------------- */

void dtls_tick(struct dtls_engine *e, uint64_t now_ms)
{
	if (now_ms > e->now_ms)
		e->now_ms = now_ms;
	wheel_run(&e->wheel, e->now_ms, e);
	while (e->spent) { /* */
		struct dtls_conn *const c = e->spent;
		dtls_conn_alert(e, c, DTLS_WARNING, DTLS_CLOSE_NOTIFY);
		dtls_conn_end(e, c, DTLS_END_NUMBERS);
	}
}

uint32_t dtls_repeats_ms(const struct dtls_engine *e)
{
	return e->repeats_ms;
}

uint64_t dtls_next_ms(const struct dtls_engine *e)
{
	return e->spent ? e->now_ms : wheel_next_ms(&e->wheel);
}

struct dtls_stats dtls_stats(const struct dtls_engine *e)
{
	return e->stats;
}

void dtls_each(
	const struct dtls_engine *e, bool (*visit)(void *ctx, struct dtls_conn *c), void *ctx)
{
	for (size_t i = 0; i <= e->conns.mask; i++) {
		struct dtls_node *n = e->conns.buckets[i].first;
		for (; n; n = n->next) {
			if (!visit(ctx, CONTAINER_OF(n, struct dtls_conn, node)))
				return;
		}
	}
}
