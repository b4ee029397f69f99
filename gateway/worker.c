/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/worker.h"

#include "base/heap.h"
#include "base/vault.h"
#include "conf/config.h"
#include "dtls/engine.h"
#include "gateway/air.h"
#include "gateway/judge.h"
#include "gateway/roam.h"
#include "gateway/routes.h"
#include "gateway/session.h"
#include "gateway/sms.h"
#include "gateway/trace.h"
#include "gateway/worker_parts.h"
#include "io/sources.h"
#include "proxy/relay.h"
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { INBOX_A_TURN = 64, CLOSE_A_TURN = 32, FLOOD_BYTES = 4 << 20, EBB_MS = 1000, DOZE_MS = 1000 };

uint64_t gw_worker_clock_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void gw_worker_random(struct gw_worker *w, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (w->random_used == sizeof(w->random)) {
			/* Requests of up to 256 bytes are never cut short (getrandom(2)). */
			if (getrandom(w->random, sizeof(w->random), 0) !=
				(ssize_t)sizeof(w->random))
				abort();
			w->random_used = 0;
		}
		out[i] = w->random[w->random_used];
		w->random[w->random_used++] = 0;
	}
}

uint64_t gw_worker_network(const struct gw_worker *w, const struct net_addr *a)
{
	uint8_t network[8] = { a->family };
	memcpy(network + 1, a->ip, a->family == NET_IPV4 ? 3 : 7); /* of a number its beginning */
	return sip_hash(&w->shared->identity_key, network, sizeof(network));
}

uint8_t gw_worker_upstream(const struct gw_worker *w, uint32_t sock)
{
	for (uint8_t i = 0; i < w->upstreams_len; i++) {
		if (sock - w->upstreams[i].first_sock < w->upstreams[i].sockets)
			return i;
	}
	return GW_NO_UPSTREAM;
}

static struct sources *sources_of(const struct gw_worker *w, uint32_t sock)
{
	const uint8_t upstream = gw_worker_upstream(w, sock);
	assert(upstream != GW_NO_UPSTREAM);
	return w->upstreams[upstream].sources;
}

int gw_worker_fd(const struct gw_worker *w, uint32_t sock)
{
	return sock < w->listeners_len ? w->fds[sock] : sources_fd(sources_of(w, sock), sock);
}

/* --- receiving ------------------------------------------------------------------------------- */

static void hand_over(struct gw_worker *w, uint32_t owner, const struct udp_datagram *d)
{
	uint8_t message[sizeof(d->path) + UDP_DATAGRAM_MAX];
	memcpy(message, &d->path, sizeof(d->path));
	memcpy(message + sizeof(d->path), d->data, d->len);
	if (inbox_post(w->shared->inboxes[owner], INBOX_LOSSY, GW_STRAY, message,
		    sizeof(d->path) + d->len)) {
		w->handed_over++;
		return;
	}
	log_limited(&w->log, &w->limits.stray, w->now_ms, LOG_LEVEL_WARN, "stray-lost",
		"another worker has no room for a datagram that belongs to it");
}

static struct dtls_datagram as_datagram(const struct udp_datagram *d)
{
	return (struct dtls_datagram){ .path = &d->path, .data = d->data, .len = d->len };
}

void gw_worker_from_devices(struct gw_worker *w, const struct udp_datagram *got, size_t len)
{
	struct dtls_datagram ours[UDP_BATCH];
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		const uint32_t owner = steer_owner_of(
			&w->shared->steer, &got[i].path.peer, got[i].data, got[i].len);
		if (owner == w->number) {
			w->traffic[got[i].path.sock].datagrams_in++;
			w->traffic[got[i].path.sock].octets_in += got[i].len;
		}
		if (owner != w->number)
			hand_over(w, owner, &got[i]);
		else if (gw_air_is(w, got[i].path.sock))
			gw_air_input(w, &got[i]);
		else
			ours[n++] = as_datagram(&got[i]);
	}
	dtls_input(w->dtls, DTLS_SERVER, ours, n, w->now_ms);
}

static void from_servers(struct gw_worker *w, const struct udp_datagram *got, size_t len)
{
	struct dtls_datagram all[UDP_BATCH];
	for (size_t i = 0; i < len; i++)
		all[i] = as_datagram(&got[i]);
	dtls_input(w->dtls, DTLS_CLIENT, all, len, w->now_ms);
}

static void on_listener(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_worker *w = ev_userdata(loop);
	const struct gw_socket *s = io->data;
	(void)events;
	struct udp_got got = { .more = true };
	for (size_t i = 0; i < GW_BATCHES && got.more; i++) {
		got = udp_receive(&w->rx, io->fd, s->sock, true);
		gw_worker_from_devices(w, w->rx.got, got.len);
	}
}

static void read_errors(struct gw_worker *w, const struct gw_socket *s)
{
	struct net_path path = { .sock = s->sock };
	const bool local = sources_use_local(sources_of(w, s->sock));
	bool unreachable;
	for (size_t i = 0; i < UDP_BATCH; i++) {
		if (!udp_next_error(s->io.fd, local, &path, &unreachable))
			return;
		if (unreachable)
			dtls_unreachable(w->dtls, &path, w->now_ms);
	}
}

static void on_link(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_worker *w = ev_userdata(loop);
	const struct gw_socket *s = io->data;
	const bool local = sources_use_local(sources_of(w, s->sock));
	(void)events;
	struct udp_got got = { .more = true };
	for (size_t i = 0; i < GW_BATCHES && got.more; i++) {
		got = udp_receive(&w->rx, io->fd, s->sock, local);
		from_servers(w, w->rx.got, got.len);
	}
	if (got.idle)
		read_errors(w, s);
}

static void on_inbox(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_worker *w = ev_userdata(loop);
	(void)io;
	(void)events;
	struct inbox *mine = w->shared->inboxes[w->number];
	for (size_t i = 0; i < INBOX_A_TURN && inbox_take(mine, &w->message); i++) {
		gw_worker_dispatch(w, &w->message);
		/* Long answers: a piece a turn. What is left keeps the inbox readable. */
		if (w->message.kind == GW_ASK || w->message.kind == GW_ASK_MORE)
			return;
	}
}

/* --- a turn ---------------------------------------------------------------------------------- */

static void on_begin(struct ev_loop *loop, ev_check *check, int events)
{
	struct gw_worker *w = ev_userdata(loop);
	(void)check;
	(void)events;
	w->now_ms = gw_worker_clock_ms();
	w->batched = false;
	gw_trace_turn(w);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_worker *w = ev_userdata(loop);
	(void)timer;
	(void)events;
	w->due_ms = UINT64_MAX; /* the end of the turn does the rest */
}

/* What the kernel refused to send: a link's handshake need not wait for its timers. */
static void look_at_failures(struct gw_worker *w)
{
	char text[NET_TEXT_MAX];
	for (size_t i = 0; i < w->tx.failed_len; i++) {
		const struct udp_failure *f = &w->tx.failed[i];
		log_limited(&w->log, &w->limits.send, w->now_ms, LOG_LEVEL_WARN, "send-failed",
			"peer=%s why=\"%s\"", net_addr_text(&f->path.peer, text),
			strerror(f->error));
		if (f->path.sock >= w->listeners_len && f->error != EMSGSIZE)
			dtls_unreachable(w->dtls, &f->path, w->now_ms);
	}
	w->tx.failed_len = 0;
}

/* libssl takes some 100 KB for each handshake, and the C library keeps what it frees: when a burst
   is over, that goes back to the system (I6). */
static bool is_ebbing(struct gw_worker *w)
{
	const size_t bytes = dtls_stats(w->dtls).handshake_bytes;
	if (bytes > w->flood_bytes)
		w->flood_bytes = bytes;
	return w->flood_bytes >= FLOOD_BYTES && bytes <= w->flood_bytes / 4;
}

static void ebb(struct gw_worker *w)
{
	w->flood_bytes = 0;
	w->ebb_ms = w->now_ms + EBB_MS;
	heap_trim();
	vault_trim(); /* where OpenSSL's memory is */
}

static void arm(struct gw_worker *w)
{
	const uint64_t dtls_ms = dtls_next_ms(w->dtls);
	const uint64_t relay_ms = relay_next_ms(w->relay);
	uint64_t next_ms = dtls_ms < relay_ms ? dtls_ms : relay_ms;
	if (gw_roam_next_ms(w) < next_ms)
		next_ms = gw_roam_next_ms(w);
	if (gw_judge_next_ms(w) < next_ms)
		next_ms = gw_judge_next_ms(w);
	if (gw_links_next_ms(w) < next_ms)
		next_ms = gw_links_next_ms(w);
	if (w->loose || (w->stopping && w->sessions && !w->shared->conf->store_path))
		next_ms = w->now_ms;
	if (is_ebbing(w) && w->ebb_ms < next_ms)
		next_ms = w->ebb_ms;
	const uint64_t look_ms = w->sessions ? 0 : gw_worker_reclaim_ms(w);
	const uint64_t doze_ms = w->dozed_ms + DOZE_MS;
	if ((look_ms > doze_ms ? look_ms : doze_ms) < next_ms)
		next_ms = look_ms > doze_ms ? look_ms : doze_ms;
	if (next_ms == w->due_ms)
		return;
	w->due_ms = next_ms;
	ev_timer_stop(w->loop, &w->due);
	if (next_ms == UINT64_MAX)
		return;
	/* A millisecond more: the loop's own idea of the time lags behind. */
	const uint64_t wait_ms = next_ms > w->now_ms ? next_ms - w->now_ms + 1 : 0;
	ev_timer_set(&w->due, (double)wait_ms / 1000.0, 0.0);
	ev_timer_start(w->loop, &w->due);
}

/* At the end: sessions that are kept sleep; where nothing is kept, peers are told, some each
   time. */
static bool may_go_on(struct gw_worker *w)
{
	if (w->shared->conf->store_path)
		return gw_sessions_sleep_all(w);
	for (size_t i = 0; i < CLOSE_A_TURN && w->sessions; i++)
		gw_session_end(w->sessions, GW_KEEP, "the gateway stops");
	return w->sessions || w->ops > 0;
}

static void on_end(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct gw_worker *w = ev_userdata(loop);
	(void)prepare;
	(void)events;
	if (w->now_ms >= dtls_next_ms(w->dtls))
		dtls_tick(w->dtls, w->now_ms);
	if (w->now_ms >= relay_next_ms(w->relay)) {
		w->ticking = true;
		relay_tick(w->relay, w->now_ms);
		w->ticking = false;
	}
	if (w->now_ms >= gw_roam_next_ms(w))
		gw_roam_tick(w);
	gw_judge_turn(w);
	gw_links_turn(w);
	gw_sessions_sweep(w);
	if (w->now_ms >= w->dozed_ms + DOZE_MS) {
		gw_sessions_doze(w);
		gw_air_turn(w);
		gw_sms_turn(w);
		gw_worker_reclaim(w);
	}
	if (w->hushed)
		w->quiet = dtls_stats(w->dtls).handshakes == 0;
	const bool finished = w->stopping && !may_go_on(w);
	store_reader_rest(w->reader);
	udp_tx_flush(&w->tx);
	if (w->tx.failed_len > 0) {
		look_at_failures(w);
		udp_tx_flush(&w->tx);
	}
	if (finished)
		ev_break(loop, EVBREAK_ALL);
	if (is_ebbing(w) && w->now_ms >= w->ebb_ms)
		ebb(w);
	arm(w);
}

/* --- for worker_make.c ----------------------------------------------------------------------- */

void gw_worker_batch(struct gw_worker *w)
{
	if (!w->batched)
		store_batch(w->shared->store, w->number);
	w->batched = true;
}

void gw_worker_watch_socket(struct gw_worker *w, struct gw_socket *s, int fd)
{
	const bool device = s->sock < w->listeners_len;
	if (fd < 0)
		return; /* of short messages: the desk has it */
	ev_io_init(&s->io, device ? on_listener : on_link, fd, EV_READ);
	s->io.data = s;
	ev_io_start(w->loop, &s->io);
}

void gw_worker_watch(struct gw_worker *w)
{
	ev_set_userdata(w->loop, w);
	ev_check_init(&w->begin, on_begin);
	ev_set_priority(&w->begin, EV_MAXPRI);
	ev_check_start(w->loop, &w->begin);
	ev_prepare_init(&w->end, on_end);
	ev_prepare_start(w->loop, &w->end);
	ev_timer_init(&w->due, on_due, 0.0, 0.0);
	ev_io_init(&w->inbox_io, on_inbox, inbox_fd(w->shared->inboxes[w->number]), EV_READ);
	/* First of all: what has changed must be known before what has come is passed on. */
	ev_set_priority(&w->inbox_io, EV_MAXPRI - 1);
	ev_io_start(w->loop, &w->inbox_io);
	for (size_t i = 0; i < w->listeners_len; i++)
		gw_worker_watch_socket(w, &w->listeners[i], w->fds[i]);
}

void *gw_worker_run(void *worker)
{
	struct gw_worker *w = worker;
	(void)pthread_setname_np(pthread_self(), w->name);
	(void)ev_run(w->loop, 0);
	return NULL;
}

void gw_worker_turn(struct gw_worker *w)
{
	(void)ev_run(w->loop, EVRUN_NOWAIT);
}
