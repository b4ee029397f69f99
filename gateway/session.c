/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/session.h"

#include "base/build.h"
#include "base/wipe.h"
#include "conf/credentials.h"
#include "gateway/claim.h"
#include "gateway/explain.h"
#include "gateway/keylog.h"
#include "gateway/worker.h"
#include "io/sources.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *gw_session_endpoint(const struct gw_session *s)
{
	return cred_endpoint(s->worker->shared->creds, s->cred);
}

struct log_limit *gw_session_lines(struct gw_session *s)
{
	struct gw_worker *w = s->worker;
	return s->seated ? &w->shared->seats[s->cred].lines : &w->limits.unseated;
}

void gw_session_free_slot(struct gw_session *s)
{
	if (s->slot != SOURCES_NONE)
		sources_give(s->worker->sources, s->slot, s->worker->now_ms);
	s->slot = SOURCES_NONE;
}

static void loosen(struct gw_session *s)
{
	if (s->is_loose)
		return;
	s->is_loose = true;
	s->next_loose = s->worker->loose;
	s->worker->loose = s;
}

/* --- as the relay sees it: channels ---------------------------------------------------------- */

static bool device_send(struct channel *c, const uint8_t *msg, size_t len)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, device);
	return s->device_conn && dtls_send(s->worker->dtls, s->device_conn, msg, len) == DTLS_OK;
}

static void device_close(struct channel *c, enum channel_reason why)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, device);
	(void)why;
	if (s->device_conn)
		dtls_close(s->worker->dtls, s->device_conn);
	s->device_conn = NULL;
	loosen(s);
}

static bool link_send(struct channel *c, const uint8_t *msg, size_t len)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, link);
	return s->link_conn && dtls_send(s->worker->dtls, s->link_conn, msg, len) == DTLS_OK;
}

static void link_close(struct channel *c, enum channel_reason why)
{
	struct gw_session *s = CONTAINER_OF(c, struct gw_session, link);
	(void)why;
	if (s->link_conn)
		dtls_close(s->worker->dtls, s->link_conn);
	s->link_conn = NULL;
	gw_session_free_slot(s);
}

static const struct channel_ops device_ops = { .send = device_send, .close = device_close };
static const struct channel_ops link_ops = { .send = link_send, .close = link_close };

/* --- a session's life ------------------------------------------------------------------------ */

static struct gw_session *session_new(struct gw_worker *w, uint32_t cred, struct dtls_conn *c)
{
	struct gw_session *s = pool_take(&w->session_pool);
	if (!s)
		return NULL;
	*s = (struct gw_session){
		.device = { .ops = &device_ops },
		.link = { .ops = &link_ops },
		.worker = w,
		.device_conn = c,
		.cred = cred,
		.slot = SOURCES_NONE,
		.next = w->sessions,
		.link_to_us = &w->sessions,
	};
	if (s->next)
		s->next->link_to_us = &s->next;
	w->sessions = s;
	return s;
}

static void session_free(struct gw_session *s)
{
	struct gw_worker *w = s->worker;
	if (w->ask_next == s)
		w->ask_next = s->next;
	*s->link_to_us = s->next;
	if (s->next)
		s->next->link_to_us = s->link_to_us;
	for (struct gw_session **at = &w->loose; s->is_loose && *at; at = &(*at)->next_loose) {
		if (*at == s) {
			*at = s->next_loose;
			break;
		}
	}
	pool_give(&w->session_pool, s);
}

bool gw_session_begin(struct gw_session *s, const struct relay_registration *registration)
{
	struct gw_worker *w = s->worker;
	char text[NET_TEXT_MAX];
	w->shared->seats[s->cred].session = s;
	s->seated = true;
	s->relay = relay_device_up(w->relay, gw_session_endpoint(s), s, &s->device);
	if (!s->relay) {
		gw_session_end(s, "memory is short");
		return false;
	}
	if (registration && registration->active) {
		relay_device_adopt(s->relay, registration);
		s->said = gw_session_sum(s, registration);
	}
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "session-up",
		"endpoint=%s peer=%s%s", gw_session_endpoint(s),
		net_addr_text(&dtls_conn_path(s->device_conn)->peer, text),
		registration && registration->active ? " registered" : "");
	return true;
}

static void leave_seat(struct gw_session *s)
{
	struct gw_seat *seat = &s->worker->shared->seats[s->cred];
	if (!s->seated)
		return;
	s->seated = false;
	seat->session = NULL;
	gw_seat_leave(seat, s->tenure);
}

static void end_link(struct gw_session *s)
{
	if (s->link_conn) {
		link_close(&s->link, CHANNEL_ORDERED);
		return;
	}
	if (s->slot == SOURCES_NONE)
		return;
	const struct net_path path = sources_path(s->worker->sources, s->slot);
	dtls_connect_cancel(s->worker->dtls, &path);
	gw_session_free_slot(s);
}

void gw_session_end(struct gw_session *s, const char *why)
{
	struct gw_worker *w = s->worker;
	assert(!s->wait);
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_INFO, "session-down",
		"endpoint=%s why=\"%s\"", gw_session_endpoint(s), why);
	if (s->relay)
		relay_device_down(s->relay);
	s->relay = NULL;
	end_link(s);
	if (s->device_conn) {
		dtls_conn_set_user(s->device_conn, NULL);
		dtls_close(w->dtls, s->device_conn);
	}
	leave_seat(s);
	session_free(s);
}

void gw_sessions_sweep(struct gw_worker *w)
{
	while (w->loose) {
		struct gw_session *s = w->loose;
		w->loose = s->next_loose;
		s->is_loose = false;
		if (!s->device_conn && !s->wait)
			gw_session_end(s, "the device's association was replaced or closed");
	}
}

bool gw_sessions_end_some(struct gw_worker *w, size_t n)
{
	struct gw_session *s = w->sessions;
	while (s && n > 0) {
		struct gw_session *next = s->next;
		if (s->wait)
			gw_wait_abandon(s);
		gw_session_end(s, "the gateway stops");
		n--;
		s = next;
	}
	return w->sessions != NULL;
}

/* --- as the DTLS engine sees it: its owner --------------------------------------------------- */

static bool psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	const struct gw_worker *w = ctx;
	struct cred_key key;
	if (!cred_by_identity(w->shared->creds, identity, len, &out->cred))
		return false;
	cred_device_key(w->shared->creds, out->cred, &key);
	assert(key.key_len <= sizeof(out->key));
	memcpy(out->key, key.key, key.key_len);
	out->len = key.key_len;
	wipe(&key, sizeof(key));
	return true;
}

static uint8_t *room(void *ctx, const struct net_path *path, size_t cap)
{
	struct gw_worker *w = ctx;
	return udp_tx_room(&w->tx, gw_worker_fd(w, path->sock), path, cap);
}

static void sent(void *ctx, size_t len)
{
	struct gw_worker *w = ctx;
	udp_tx_done(&w->tx, len);
}

/* The same worker has the endpoint's session already: registration and link stay (D-5). */
static void rebind(struct gw_session *s, struct dtls_conn *c)
{
	struct dtls_conn *old = s->device_conn;
	s->device_conn = c;
	dtls_conn_set_user(c, s);
	if (old) {
		/* The engine itself ends what a new handshake on the same path has replaced. */
		dtls_conn_set_user(old, NULL);
		if (!net_path_same(dtls_conn_path(old), dtls_conn_path(c)))
			dtls_close(s->worker->dtls, old);
	}
	if (s->relay)
		relay_device_rebind(s->relay, &s->device);
	log_limited(&s->worker->log, gw_session_lines(s), s->worker->now_ms, LOG_LEVEL_INFO,
		"session-again", "endpoint=%s", gw_session_endpoint(s));
}

static void device_up(struct gw_worker *w, struct dtls_conn *c)
{
	const uint32_t cred = dtls_conn_cred(c);
	struct gw_session *s = gw_session_of(w, cred);
	if (s) {
		rebind(s, c);
		return;
	}
	s = session_new(w, cred, c);
	if (!s) {
		dtls_close(w->dtls, c);
		return;
	}
	dtls_conn_set_user(c, s);
	const struct gw_taken taken = gw_seat_take(&w->shared->seats[cred], w->number);
	s->tenure = taken.tenure;
	if (gw_tenure_worker(taken.before) != UINT32_MAX) {
		gw_claim_send(s, taken.before);
		return;
	}
	if (!gw_session_begin(s, NULL))
		log_limited(&w->log, &w->limits.unseated, w->now_ms, LOG_LEVEL_ERROR, "memory",
			"none left for a session");
}

static void up(void *ctx, struct dtls_conn *c)
{
	struct gw_worker *w = ctx;
	if (dtls_conn_role(c) == DTLS_SERVER) {
		device_up(w, c);
		return;
	}
	struct gw_session *s = dtls_conn_user(c);
	s->link_conn = c;
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_DEBUG, "link-up",
		"endpoint=%s", gw_session_endpoint(s));
	relay_link_up(s->relay, &s->link, w->now_ms);
}

static void message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = dtls_conn_user(c);
	if (!s)
		return;
	if (dtls_conn_role(c) == DTLS_CLIENT) {
		relay_from_server(s->relay, msg, len, w->now_ms);
		return;
	}
	if (s->wait)
		gw_wait_keep(s->wait, msg, len);
	else
		relay_from_device(s->relay, msg, len, w->now_ms);
}

/* The way of a message: the session, which the engine fetches, the relay's part, the other leg. */
static void soon(void *ctx, const struct dtls_conn *c)
{
	enum { LINE = 64, LINES = 4 };
	(void)ctx;
	const struct gw_session *s = dtls_conn_user(c);
	if (!s || !s->relay || !s->link_conn || !s->device_conn)
		return;
	const char *relay = (const char *)s->relay;
	const char *other = (const char *)(s->device_conn == c ? s->link_conn : s->device_conn);
	for (size_t i = 0; i < LINES; i++) {
		__builtin_prefetch(relay + i * LINE);
		__builtin_prefetch(other + i * LINE);
	}
}

static const char *end_text(enum dtls_end why)
{
	switch (why) {
	case DTLS_END_CLOSE_NOTIFY:
		return "the device said goodbye";
	case DTLS_END_ALERT:
		return "the device sent a fatal alert";
	case DTLS_END_REPLACED:
		return "a new handshake replaced it";
	case DTLS_END_NUMBERS:
		return "no record number was left";
	}
	return "unknown";
}

static void device_down(struct gw_session *s, enum dtls_end why)
{
	s->device_conn = NULL;
	if (s->wait)
		return; /* the seat is not ours to leave before the yield has come */
	if (why == DTLS_END_REPLACED) {
		loosen(s); /* the new one comes up in this turn, perhaps for another identity */
		return;
	}
	gw_session_end(s, end_text(why));
}

static void down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct gw_worker *w = ctx;
	struct gw_session *s = dtls_conn_user(c);
	if (!s)
		return;
	if (dtls_conn_role(c) == DTLS_SERVER) {
		device_down(s, why);
		return;
	}
	s->link_conn = NULL;
	gw_session_free_slot(s);
	log_limited(&w->log, gw_session_lines(s), w->now_ms, LOG_LEVEL_DEBUG, "link-down",
		"endpoint=%s", gw_session_endpoint(s));
	relay_link_down(s->relay, RELAY_LINK_CLOSED, w->now_ms);
}

static enum relay_link_end link_end(enum dtls_cause cause)
{
	switch (cause) {
	case DTLS_FAIL_TIMEOUT:
		return RELAY_LINK_TIMEOUT;
	case DTLS_FAIL_UNREACHABLE:
		return RELAY_LINK_UNREACHABLE;
	case DTLS_FAIL_FULL:
		return RELAY_LINK_FULL;
	case DTLS_FAIL_IDENTITY:
	case DTLS_FAIL_KEY:
	case DTLS_FAIL_SUITE:
	case DTLS_FAIL_VERSION:
	case DTLS_FAIL_ALERT:
	case DTLS_FAIL_PROTOCOL:
	case DTLS_FAIL_ANEW:
		return RELAY_LINK_REFUSED;
	}
	return RELAY_LINK_REFUSED;
}

static void failed(void *ctx, const struct dtls_failure *f)
{
	struct gw_worker *w = ctx;
	gw_explain(w, f);
	if (f->role == DTLS_SERVER)
		return;
	struct gw_session *s = f->user;
	gw_session_free_slot(s);
	relay_link_down(s->relay, link_end(f->cause), w->now_ms);
}

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
	gw_worker_random(ctx, out, len);
}

static void keylog(void *ctx, const uint8_t client_random[32], const uint8_t master[48])
{
	const struct gw_worker *w = ctx;
	gw_keylog_write(w->shared->keylog_fd, client_random, master);
}

struct dtls_owner gw_session_dtls_owner(struct gw_worker *w)
{
	return (struct dtls_owner){
		.ctx = w,
		.psk = psk,
		.room = room,
		.sent = sent,
		.up = up,
		.message = message,
		.soon = soon,
		.down = down,
		.failed = failed,
		.random = random_bytes,
		.keylog = BUILD_KEYLOG && w->shared->keylog_fd >= 0 ? keylog : NULL,
	};
}
