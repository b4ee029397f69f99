/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/link.h"

#include "base/rd.h"
#include "base/wr.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	GREETING = 8,
	HEAD = 9,    /* of a frame: type, length */
	MESSAGE = 1, /* the only type */
	FRAME_MAX = HEAD + WIRE_FRAME_MAX,
	READS_A_TURN = 16,
};
static const uint8_t greeting[GREETING] = { 0, 'S', 'P', 0, 0, 0x10, 0, 0 };
static const double again_s = 0.2, greet_s = 10.;

struct link {
	struct ev_loop *loop;
	struct link_owner owner;
	struct sockaddr_un to;
	int fd;         /* -1: none */
	bool connected; /* it has greeted */
	ev_io io;
	ev_timer timer; /* until it is tried again, or until it must have greeted */
	uint8_t in[FRAME_MAX];
	size_t in_len;
	uint8_t *out; /* LINK_BYTES */
	size_t out_at, out_len;
};

static void arm(struct link *l, double in_s)
{
	ev_timer_stop(l->loop, &l->timer);
	ev_timer_set(&l->timer, in_s, 0.);
	ev_timer_start(l->loop, &l->timer);
}

static void watch(struct link *l)
{
	const int events = EV_READ | (l->out_at < l->out_len ? EV_WRITE : 0);
	if (ev_is_active(&l->io) && (l->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(l->loop, &l->io);
	ev_io_set(&l->io, l->fd, events);
	ev_io_start(l->loop, &l->io);
}

static void shut(struct link *l)
{
	ev_io_stop(l->loop, &l->io);
	ev_timer_stop(l->loop, &l->timer);
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
	l->in_len = l->out_at = l->out_len = 0;
}

static void lose(struct link *l)
{
	const bool was = l->connected;
	shut(l);
	l->connected = false;
	arm(l, again_s);
	if (was)
		l->owner.connected(l->owner.ctx, false);
}

/* --- saying ----------------------------------------------------------------------------------- */

/* What cannot go out, whatever the reason, is found out by reading. */
static void flush(struct link *l)
{
	while (l->out_at < l->out_len) {
		const ssize_t n = send(l->fd, l->out + l->out_at, l->out_len - l->out_at,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		l->out_at += (size_t)n;
	}
	if (l->out_at == l->out_len)
		l->out_at = l->out_len = 0;
	watch(l);
}

static void make_room(struct link *l)
{
	if (l->out_at == 0)
		return;
	memmove(l->out, l->out + l->out_at, l->out_len - l->out_at);
	l->out_len -= l->out_at;
	l->out_at = 0;
}

bool link_say(struct link *l, const struct wire_message *m)
{
	if (!l->connected)
		return false;
	if (LINK_BYTES - l->out_len < FRAME_MAX)
		make_room(l);
	if (LINK_BYTES - l->out_len < FRAME_MAX)
		return false;
	uint8_t *const at = l->out + l->out_len;
	const size_t len = wire_write(m, at + HEAD, WIRE_FRAME_MAX);
	struct wr w = wr_into(at, HEAD);
	wr_u8(&w, MESSAGE);
	wr_u64(&w, len);
	if (len == 0 || !wr_ok(&w))
		return false;
	l->out_len += HEAD + len;
	flush(l);
	return true;
}

/* --- hearing ---------------------------------------------------------------------------------- */

/* The octets of what is at the beginning; 0: more are needed. False: it is nonsense. */
static bool measure(const struct link *l, size_t *len)
{
	struct rd r = rd_from(l->in, l->in_len);
	*len = 0;
	if (!l->connected) {
		*len = l->in_len >= GREETING ? GREETING : 0;
		return *len == 0 || memcmp(l->in, greeting, GREETING) == 0;
	}
	if (l->in_len < HEAD)
		return true;
	const uint8_t type = rd_u8(&r);
	const uint64_t body = rd_u64(&r);
	if (type != MESSAGE || body > WIRE_FRAME_MAX)
		return false;
	*len = HEAD + body <= l->in_len ? (size_t)(HEAD + body) : 0;
	return true;
}

static void take(struct link *l, size_t len)
{
	if (l->connected) {
		l->owner.heard(l->owner.ctx, l->in + HEAD, len - HEAD);
	} else {
		ev_timer_stop(l->loop, &l->timer);
		l->connected = true;
		l->owner.connected(l->owner.ctx, true);
	}
	l->in_len -= len;
	memmove(l->in, l->in + len, l->in_len);
}

static void hear(struct link *l)
{
	ssize_t n = 1;
	for (int i = 0; i < READS_A_TURN && n > 0; i++) {
		n = recv(l->fd, l->in + l->in_len, sizeof(l->in) - l->in_len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			lose(l);
			return;
		}
		if (n > 0)
			l->in_len += (size_t)n;
		size_t len = 0;
		bool good = measure(l, &len);
		for (; good && len > 0; good = measure(l, &len))
			take(l, len);
		if (!good) {
			lose(l);
			return;
		}
	}
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct link *const l = io->data;
	(void)loop;
	if ((events & EV_WRITE) != 0)
		flush(l);
	if ((events & EV_READ) != 0)
		hear(l);
}

/* --- beginning and end ------------------------------------------------------------------------ */

/* A local socket connects at once, or not at all. */
static void dial(struct link *l)
{
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || connect(l->fd, (const struct sockaddr *)&l->to, sizeof(l->to)) != 0 ||
		send(l->fd, greeting, GREETING, MSG_NOSIGNAL) != GREETING) {
		lose(l);
		return;
	}
	arm(l, greet_s);
	watch(l);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int events)
{
	struct link *const l = t->data;
	(void)loop;
	(void)events;
	if (l->fd < 0)
		dial(l);
	else
		lose(l);
}

struct link *link_new(
	struct ev_loop *loop, const char *path, const struct link_owner *o, char why[LINK_WHY_MAX])
{
	struct link *const l = calloc(1, sizeof(*l));
	uint8_t *const out = malloc(LINK_BYTES);
	if (!l || !out || strlen(path) >= sizeof(l->to.sun_path)) {
		(void)snprintf(why, LINK_WHY_MAX, "%s",
			l && out ? "gateway is too long for the path "
				   "of a socket"
				 : "no memory");
		free(out);
		free(l);
		return NULL;
	}
	l->loop = loop;
	l->owner = *o;
	l->out = out;
	l->fd = -1;
	l->to.sun_family = AF_UNIX;
	memcpy(l->to.sun_path, path, strlen(path) + 1);
	ev_init(&l->io, on_io);
	ev_init(&l->timer, on_timer);
	l->io.data = l->timer.data = l;
	return l;
}

void link_start(struct link *l)
{
	dial(l);
}

void link_free(struct link *l)
{
	if (!l)
		return;
	shut(l);
	free(l->out);
	free(l);
}
