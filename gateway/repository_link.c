/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/repository_parts.h"

#include "conf/config.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 32 };

/* --- what the engine asks -------------------------------------------------------------------- */

static uint8_t *room(void *ctx, const struct net_path *path, size_t cap)
{
	struct gw_repository *const r = ctx;
	(void)path;
	return cap <= sizeof(r->datagram) ? r->datagram : NULL;
}

/* What is lost is sent again: by the handshake's timers, or the pull's. */
static void sent(void *ctx, size_t len)
{
	struct gw_repository *const r = ctx;
	if (len > 0)
		(void)send(r->socket, r->datagram, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void up(void *ctx, struct dtls_conn *c)
{
	struct gw_repository *const r = ctx;
	r->conn = c;
	r->connecting = false;
	r->up_ms = r->now_ms;
	gw_fetch_link_up(r);
}

static void message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	(void)c;
	gw_fetch_heard(ctx, msg, len);
}

static void down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct gw_repository *const r = ctx;
	(void)why;
	if (r->conn != c)
		return;
	r->conn = NULL;
	gw_fetch_link_lost(r, 0, "the repository ends each link");
}

static void failed(void *ctx, const struct dtls_failure *f)
{
	struct gw_repository *const r = ctx;
	const bool silent = f->cause == DTLS_FAIL_TIMEOUT || f->cause == DTLS_FAIL_UNREACHABLE;
	r->connecting = false;
	log_limited(&r->log, &r->refused, r->now_ms, LOG_LEVEL_WARN, "repository-handshake",
		"why=\"%s\"%s%s", dtls_cause_text(f->cause), f->alert ? " alert=" : "",
		f->alert ? dtls_alert_text(f->alert) : "");
	gw_fetch_link_lost(r, silent ? PDU_GATEWAY_TIMEOUT : PDU_BAD_GATEWAY,
		silent ? "the repository does not answer" : "the repository refuses the gateway");
}

static void fill_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	while (len > 0) {
		const ssize_t n = getrandom(out, len, 0);
		if (n < 0)
			continue;
		out += n;
		len -= (size_t)n;
	}
}

static bool nobody(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	(void)ctx;
	(void)identity;
	(void)len;
	(void)out;
	return false;
}

/* --- the link -------------------------------------------------------------------------------- */

static bool open_socket(struct gw_repository *r)
{
	const struct net_addr *const a = &r->path.peer;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };
	const bool is_v4 = a->family == NET_IPV4;
	memcpy(&v4.sin_addr, a->ip, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, a->ip, sizeof(v6.sin6_addr));
	r->socket =
		socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return r->socket >= 0 &&
	       connect(r->socket,
		       is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
		       is_v4 ? sizeof(v4) : sizeof(v6)) == 0;
}

bool gw_repository_link_open(struct gw_repository *r)
{
	const struct dtls_owner owner = {
		.ctx = r,
		.psk = nobody,
		.room = room,
		.sent = sent,
		.up = up,
		.message = message,
		.down = down,
		.failed = failed,
		.random = fill_random,
	};
	struct dtls_settings s = dtls_settings_default();
	s.initial_ms[DTLS_CLIENT] = r->conf->upstream_initial_ms;
	s.max_ms = r->conf->handshake_max_ms;
	s.lifetime_ms = r->conf->handshake_lifetime_s * 1000;
	s.handshakes_max = 1;
	r->now_ms = gw_repository_clock_ms();
	r->dtls = dtls_engine_new(&s, &owner, r->now_ms);
	return r->dtls && open_socket(r);
}

void gw_repository_link_close(struct gw_repository *r)
{
	if (r->dtls)
		dtls_engine_free(r->dtls);
	if (r->socket >= 0)
		(void)close(r->socket);
	r->dtls = NULL;
	r->socket = -1;
}

void gw_repository_link_want(struct gw_repository *r)
{
	if (r->conn || r->connecting)
		return;
	const char *const identity = r->conf->repository.identity;
	const struct dtls_peer peer = {
		.path = r->path,
		.identity = (const uint8_t *)identity,
		.identity_len = strlen(identity),
		.key = r->key,
		.key_len = r->key_len,
		.user = r,
	};
	r->connecting = true;
	if (dtls_connect(r->dtls, &peer, r->now_ms) == DTLS_OK)
		return;
	r->connecting = false;
	gw_fetch_link_lost(r, PDU_UNAVAILABLE, "memory is short");
}

void gw_repository_link_drop(struct gw_repository *r)
{
	if (r->conn)
		dtls_close(r->dtls, r->conn);
	if (r->connecting)
		dtls_connect_cancel(r->dtls, &r->path);
	r->conn = NULL;
	r->connecting = false;
}

void gw_repository_link_send(struct gw_repository *r, const uint8_t *msg, size_t len)
{
	if (r->conn && dtls_send(r->dtls, r->conn, msg, len) != DTLS_OK)
		log_limited(&r->log, &r->unsent, r->now_ms, LOG_LEVEL_DEBUG, "repository",
			"a record is not sent");
}

void gw_repository_link_read(struct gw_repository *r)
{
	for (size_t i = 0; i < BATCH; i++) {
		const ssize_t n = recv(r->socket, r->received, sizeof(r->received), MSG_DONTWAIT);
		if (n < 0 && errno == ECONNREFUSED && r->connecting) {
			dtls_unreachable(r->dtls, &r->path, r->now_ms);
			continue;
		}
		if (n <= 0)
			return;
		const struct dtls_datagram d = {
			.path = &r->path, .data = r->received, .len = (size_t)n
		};
		dtls_input(r->dtls, DTLS_CLIENT, &d, 1, r->now_ms);
	}
}
