/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/line.h"

#include "conf/fail.h"
#include "sms-bridge/smsd/line_parts.h"
#include "sms-bridge/smsd/lookup.h"

#include <errno.h>
#include <ev.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_MAX = 4096, READS_A_TURN = 16, OPEN_MS = 20000 };
static const double s_per_ms = 0.001;

enum stage { SHUT, LOOKING, CONNECTING, GREETING /* TLS */, OPEN };

struct line {
	struct ev_loop *loop;
	const struct settings_way *settings;
	const struct log *log;
	struct line_owner owner;
	struct way *way;
	SSL_CTX *tls;
	SSL *ssl;
	struct lookup *lookup; /* it may outlive an opening that did not wait for it */
	int fd;                /* -1: none */
	enum stage stage;
	bool tls_writes;
	bool closing; /* it was told to close */
	uint64_t again_ms;
	ev_io io, found;
	ev_timer timer; /* shut: until it is opened again; opening: until that has failed */
	struct log_limit limit;
};

static uint64_t now(const struct line *l)
{
	return l->owner.now_ms(l->owner.ctx);
}

/* --- the stream ------------------------------------------------------------------------------- */

static ssize_t take(struct line *l, uint8_t *out, size_t cap, char why[LINE_WHY_MAX])
{
	if (l->ssl)
		return line_tls_read(l->ssl, out, cap, &l->tls_writes, why);
	const ssize_t n = read(l->fd, out, cap);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return LINE_WAITS;
	(void)snprintf(why, LINE_WHY_MAX, "%s", n == 0 ? "it has hung up" : strerror(errno));
	return LINE_ENDED;
}

static ssize_t give(struct line *l, const uint8_t *data, size_t len, char why[LINE_WHY_MAX])
{
	if (l->ssl)
		return line_tls_write(l->ssl, data, len, &l->tls_writes, why);
	const ssize_t n = write(l->fd, data, len);
	if (n > 0)
		return n;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return LINE_WAITS;
	(void)snprintf(why, LINE_WHY_MAX, "%s", strerror(errno));
	return LINE_ENDED;
}

static void watch(struct line *l, bool writes)
{
	const int events = EV_READ | (writes ? EV_WRITE : 0);
	if (ev_is_active(&l->io) && (l->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(l->loop, &l->io);
	ev_io_set(&l->io, l->fd, events);
	ev_io_start(l->loop, &l->io);
}

static void arm(struct line *l, uint64_t in_ms)
{
	ev_timer_stop(l->loop, &l->timer);
	ev_timer_set(&l->timer, (double)in_ms * s_per_ms, 0.);
	ev_timer_start(l->loop, &l->timer);
}

static void shut(struct line *l)
{
	const bool was = l->fd >= 0;
	ev_io_stop(l->loop, &l->io);
	ev_io_stop(l->loop, &l->found);
	ev_timer_stop(l->loop, &l->timer);
	line_tls_free(l->ssl);
	l->ssl = NULL;
	if (was)
		(void)close(l->fd);
	l->fd = -1;
	l->stage = SHUT;
	if (was)
		l->owner.ended(l->owner.ctx, l);
}

/* It has ended by itself; the way says when it is to be opened again. */
static void lose(struct line *l, const char *why)
{
	log_limited(l->log, &l->limit, now(l), LOG_LEVEL_WARN, "way-lost", "way=%s: %s",
		l->settings->name, why);
	shut(l);
	l->way->ops->down(l->way, now(l));
}

static void opened(struct line *l)
{
	ev_timer_stop(l->loop, &l->timer);
	l->stage = OPEN;
	l->way->ops->up(l->way, now(l));
}

/* --- opening ---------------------------------------------------------------------------------- */

static void greet(struct line *l)
{
	char why[LINE_WHY_MAX] = "";
	const int n = line_tls_handshake(l->ssl, &l->tls_writes, why);
	if (n == LINE_ENDED) {
		lose(l, why);
		return;
	}
	watch(l, l->tls_writes);
	if (n != LINE_WAITS)
		opened(l);
}

static void reached(struct line *l)
{
	watch(l, false);
	if (!l->tls) {
		opened(l);
		return;
	}
	l->stage = GREETING;
	l->ssl = line_tls_new(l->tls, l->fd, l->settings->server_name);
	if (l->ssl)
		greet(l);
	else
		lose(l, "no memory for TLS, or server_name is no name");
}

static void connecting(struct line *l, bool pending)
{
	arm(l, OPEN_MS);
	l->stage = CONNECTING;
	if (pending)
		watch(l, true);
	else
		reached(l);
}

static void looked_up(struct line *l)
{
	const struct settings_way *const s = l->settings;
	char why[LINE_WHY_MAX] = "";
	bool pending = false;
	int error = 0;
	const struct addrinfo *const found = lookup_found(l->lookup, &error);
	ev_io_stop(l->loop, &l->found);
	l->fd = found ? line_connect(found, &pending) : -1;
	if (!found)
		(void)snprintf(why, sizeof(why), "%s: %s", s->host, gai_strerror(error));
	else if (l->fd < 0)
		(void)snprintf(
			why, sizeof(why), "%s port %u: %s", s->host, s->port, strerror(errno));
	lookup_free(l->lookup);
	l->lookup = NULL;
	if (l->fd < 0)
		lose(l, why);
	else
		connecting(l, pending);
}

static void look_up(struct line *l)
{
	if (!l->lookup)
		l->lookup = lookup_start(l->settings->host, l->settings->port, getaddrinfo);
	if (!l->lookup) {
		lose(l, "no memory, or no thread, to look up its host");
		return;
	}
	arm(l, OPEN_MS);
	l->stage = LOOKING;
	ev_io_set(&l->found, lookup_fd(l->lookup), EV_READ);
	ev_io_start(l->loop, &l->found);
}

static void on_found(struct ev_loop *loop, ev_io *io, int events)
{
	struct line *const l = io->data;
	(void)loop;
	(void)events;
	if (lookup_is_done(l->lookup))
		looked_up(l);
}

static void begin(struct line *l)
{
	char why[LINE_WHY_MAX] = "";
	l->closing = false;
	if (l->settings->kind != SETTINGS_MODEM) {
		look_up(l);
		return;
	}
	l->fd = line_open_tty(l->settings->device, l->settings->speed, why);
	if (l->fd < 0)
		lose(l, why);
	else
		connecting(l, false);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct line *const l = t->data;
	(void)loop;
	(void)events;
	if (l->stage == SHUT)
		begin(l);
	else if (l->stage == LOOKING)
		lose(l, "the resolver does not answer: is its host's name right?");
	else
		lose(l, "it does not answer");
}

/* --- octets ----------------------------------------------------------------------------------- */

static void hear(struct line *l)
{
	uint8_t octets[READ_MAX];
	char why[LINE_WHY_MAX] = "";
	ssize_t n = 1;
	/* What TLS has deciphered wakes nobody. */
	for (int i = 0; (i < READS_A_TURN || (l->ssl && SSL_pending(l->ssl) > 0)) && n > 0 &&
			l->stage == OPEN && !l->closing;
		i++) {
		n = take(l, octets, sizeof(octets), why);
		if (n > 0)
			l->way->ops->input(l->way, octets, (size_t)n, now(l));
	}
	if (n == LINE_ENDED)
		lose(l, why);
}

static void say(struct line *l)
{
	char why[LINE_WHY_MAX] = "";
	const uint8_t *data = NULL;
	for (size_t len = l->way->ops->output(l->way, &data); len > 0;
		len = l->way->ops->output(l->way, &data)) {
		const ssize_t n = give(l, data, len, why);
		if (n == LINE_WAITS) {
			watch(l, true);
			return;
		}
		if (n == LINE_ENDED) {
			lose(l, why);
			return;
		}
		l->way->ops->consumed(l->way, (size_t)n);
	}
	watch(l, l->ssl && l->tls_writes);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct line *const l = io->data;
	(void)loop;
	if (l->stage == CONNECTING) {
		const int error = line_connected(l->fd);
		if (error != 0)
			lose(l, strerror(error));
		else
			reached(l);
	} else if (l->stage == GREETING) {
		greet(l);
	} else if ((events & EV_READ) != 0 || l->ssl) {
		hear(l);
	}
}

/* --- its owner -------------------------------------------------------------------------------- */

void line_settle(struct line *l)
{
	/* What it says in the end goes first, as far as there is room. */
	if (l->stage == OPEN)
		say(l);
	if (!l->closing)
		return;
	l->closing = false;
	shut(l);
	const uint64_t now_ms = now(l);
	if (l->again_ms != UINT64_MAX)
		arm(l, l->again_ms > now_ms ? l->again_ms - now_ms : 0);
}

void line_close(struct line *l, uint64_t again_ms)
{
	l->closing = true;
	l->again_ms = again_ms;
}

bool line_is_open(const struct line *l)
{
	return l->stage == OPEN;
}

void line_start(struct line *l)
{
	begin(l);
}

void line_carry(struct line *l, struct way *w)
{
	l->way = w;
}

struct line *line_new(struct ev_loop *loop, const struct settings_way *s, const struct log *log,
	const struct line_owner *o, struct conf_error *error)
{
	struct line *const l = calloc(1, sizeof(*l));
	if (!l) {
		(void)conf_fail(error, s->name, 0, "no memory");
		return NULL;
	}
	l->loop = loop;
	l->settings = s;
	l->log = log;
	l->owner = *o;
	l->fd = -1;
	ev_init(&l->io, on_io);
	ev_init(&l->found, on_found);
	ev_init(&l->timer, on_timer);
	l->io.data = l;
	l->found.data = l;
	l->timer.data = l;
	if (!s->tls)
		return l;
	l->tls = line_tls_context(s->anchors, error);
	if (l->tls)
		return l;
	free(l);
	return NULL;
}

void line_free(struct line *l)
{
	if (!l)
		return;
	shut(l);
	lookup_free(l->lookup);
	SSL_CTX_free(l->tls);
	free(l);
}
