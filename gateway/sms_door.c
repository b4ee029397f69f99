/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_door.h"

#include "ctl/door.h"
#include "ctl/sp.h"
#include "sms-bridge/wire/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IN_MAX = CTL_SP_FRAME_LEN + WIRE_FRAME_MAX,
	OUT_MAX = 64 * 1024,
	EVENTS_MAX = 4,
	AT_ONCE = 16, /* reads, and those who knock, of one turn */
	DOOR = 0,     /* its number among the events; the bridge's is its turn */
};

static const uint8_t greeting[CTL_SP_GREETING_LEN] = { 0, 'S', 'P', 0, 0, 0x10, 0, 0 };

struct gw_sms_door {
	struct gw_sms_door_owner owner;
	char *path;
	int listener, poll;
	int fd;        /* the bridge; -1: none */
	uint32_t turn; /* of bridges, so that a late event of an older one is known */
	bool greeted;  /* by it */
	bool waited;   /* something could not be said */
	bool writes;   /* the kernel tells when there is room */
	/* Who has come after it, and has not greeted yet; -1: nobody. */
	int guest;
	uint32_t guest_turn;
	size_t guest_len;
	uint8_t guest_in[CTL_SP_GREETING_LEN];
	size_t in_len, out_at, out_len;
	uint8_t in[IN_MAX], out[OUT_MAX];
};

static bool watch(const struct gw_sms_door *d, int operation, int fd, uint32_t events, uint32_t n)
{
	struct epoll_event e = { .events = events, .data.u32 = n };
	return epoll_ctl(d->poll, operation, fd, &e) == 0;
}

static void hang_up(struct gw_sms_door *d)
{
	const bool was = d->greeted;
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
	d->greeted = d->waited = d->writes = false;
	d->in_len = d->out_at = d->out_len = 0;
	if (was)
		d->owner.down(d->owner.ctx);
}

/* --- saying ---------------------------------------------------------------------------------- */

/* False: it has gone. */
static bool flush(struct gw_sms_door *d)
{
	while (d->out_at < d->out_len) {
		const ssize_t n =
			send(d->fd, d->out + d->out_at, d->out_len - d->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return false;
		if (n < 0)
			break;
		d->out_at += (size_t)n;
	}
	memmove(d->out, d->out + d->out_at, d->out_len - d->out_at);
	d->out_len -= d->out_at;
	d->out_at = 0;
	const bool writes = d->out_len > 0;
	if (writes != d->writes &&
		!watch(d, EPOLL_CTL_MOD, d->fd, EPOLLIN | (writes ? EPOLLOUT : 0U), d->turn))
		return false;
	d->writes = writes;
	return true;
}

static void put(struct gw_sms_door *d, const uint8_t *data, size_t len)
{
	memcpy(d->out + d->out_len, data, len);
	d->out_len += len;
}

/* Who cannot be written to is found dead by serve(): from within an event nobody is hung up on. */
bool gw_sms_door_say(struct gw_sms_door *d, const uint8_t *frame, size_t len)
{
	uint8_t head[CTL_SP_FRAME_LEN];
	if (!d->greeted || len > WIRE_FRAME_MAX)
		return false;
	if (d->out_len + sizeof(head) + len > OUT_MAX) {
		d->waited = true;
		return false;
	}
	ctl_sp_frame(len, head);
	put(d, head, sizeof(head));
	put(d, frame, len);
	if (!flush(d))
		(void)shutdown(d->fd, SHUT_RDWR);
	return true;
}

/* --- who comes -------------------------------------------------------------------------------- */

static void send_away(struct gw_sms_door *d)
{
	if (d->guest >= 0)
		(void)close(d->guest);
	d->guest = -1;
	d->guest_len = 0;
}

static uint32_t next_turn(const struct gw_sms_door *d)
{
	uint32_t turn = d->guest_turn;
	do
		turn++;
	while (turn == DOOR || turn == d->turn);
	return turn;
}

/* Our own half of the greeting fits any socket that is new. */
static void let_in(struct gw_sms_door *d, int fd)
{
	send_away(d);
	d->guest = fd;
	d->guest_turn = next_turn(d);
	if (!watch(d, EPOLL_CTL_ADD, fd, EPOLLIN, d->guest_turn) ||
		send(fd, greeting, sizeof(greeting), MSG_NOSIGNAL) != (ssize_t)sizeof(greeting))
		send_away(d);
}

/* The one that was there before may have died without a word; who only knocks takes nobody's
   place. */
static void serve_guest(struct gw_sms_door *d)
{
	const ssize_t n =
		recv(d->guest, d->guest_in + d->guest_len, sizeof(greeting) - d->guest_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		d->guest_len += (size_t)n;
	if (n <= 0 || memcmp(d->guest_in, greeting, d->guest_len) != 0) {
		send_away(d);
		return;
	}
	if (d->guest_len < sizeof(greeting))
		return;
	hang_up(d);
	d->fd = d->guest;
	d->turn = d->guest_turn;
	d->guest = -1;
	d->guest_len = 0;
	d->greeted = true;
	d->owner.up(d->owner.ctx);
}

/* --- hearing --------------------------------------------------------------------------------- */

static void consume(struct gw_sms_door *d, size_t len)
{
	memmove(d->in, d->in + len, d->in_len - len);
	d->in_len -= len;
}

/* What has come so far. False: it is nothing that we understand. */
static bool understand(struct gw_sms_door *d)
{
	for (;;) {
		size_t len = 0;
		const enum ctl_sp_result r = ctl_sp_unframe(d->in, d->in_len, WIRE_FRAME_MAX, &len);
		if (r != CTL_SP_GOOD)
			return r == CTL_SP_MORE;
		d->owner.frame(d->owner.ctx, d->in + CTL_SP_FRAME_LEN, len);
		consume(d, CTL_SP_FRAME_LEN + len);
	}
}

/* False: it has gone, or is to go. */
static bool hear(struct gw_sms_door *d)
{
	for (size_t i = 0; i < AT_ONCE; i++) {
		const ssize_t n = recv(d->fd, d->in + d->in_len, IN_MAX - d->in_len, 0);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		d->in_len += (size_t)n;
		if (n == 0 || !understand(d))
			return false;
	}
	return true;
}

static void serve_bridge(struct gw_sms_door *d, uint32_t events)
{
	const bool reads = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
	bool stays = !reads || hear(d);
	if (stays && (events & EPOLLOUT) != 0)
		stays = flush(d);
	if (!stays) {
		hang_up(d);
	} else if (d->waited && d->out_len <= OUT_MAX / 2) {
		d->waited = false;
		d->owner.room(d->owner.ctx);
	}
}

/* --- the door -------------------------------------------------------------------------------- */

static void serve_listener(struct gw_sms_door *d)
{
	for (size_t i = 0; i < AT_ONCE; i++) {
		const int fd = ctl_door_accept(d->listener);
		if (fd < 0)
			return; /* where descriptors are short the next turn tries again */
		let_in(d, fd);
	}
}

void gw_sms_door_serve(struct gw_sms_door *d)
{
	struct epoll_event events[EVENTS_MAX];
	const int n = epoll_wait(d->poll, events, EVENTS_MAX, 0);
	bool door = false;
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == DOOR)
			door = true;
		else if (d->fd >= 0 && events[i].data.u32 == d->turn)
			serve_bridge(d, events[i].events);
		else if (d->guest >= 0 && events[i].data.u32 == d->guest_turn)
			serve_guest(d);
	}
	if (door)
		serve_listener(d);
}

bool gw_sms_door_is_up(const struct gw_sms_door *d)
{
	return d->greeted;
}

int gw_sms_door_fd(const struct gw_sms_door *d)
{
	return d->poll;
}

int gw_sms_door_listener(const struct gw_sms_door *d)
{
	return d->listener;
}

struct gw_sms_door *gw_sms_door_open(const struct gw_sms_door_place *place,
	const struct gw_sms_door_owner *owner, char *error, size_t error_len)
{
	struct gw_sms_door *const d = calloc(1, sizeof(*d));
	(void)snprintf(error, error_len, "sms.socket: no memory or too many open files");
	if (!d)
		return NULL;
	const struct ctl_door_file file = {
		.setting = "sms.socket", .path = place->path, .group = place->group
	};
	d->owner = *owner;
	d->fd = d->guest = -1;
	d->path = strdup(place->path);
	d->poll = epoll_create1(EPOLL_CLOEXEC);
	d->listener = place->inherited;
	if (d->path && d->poll >= 0 && d->listener < 0)
		d->listener = ctl_door_open(&file, error, error_len);
	if (d->path && d->poll >= 0 && d->listener >= 0 &&
		watch(d, EPOLL_CTL_ADD, d->listener, EPOLLIN, DOOR))
		return d;
	gw_sms_door_close(d);
	return NULL;
}

void gw_sms_door_close(struct gw_sms_door *d)
{
	if (!d)
		return;
	send_away(d);
	if (d->fd >= 0)
		(void)close(d->fd);
	if (d->listener >= 0) {
		const bool own = ctl_door_is_own(d->listener);
		(void)close(d->listener);
		if (d->path && own)
			(void)unlink(d->path); /* else the next start does it */
	}
	if (d->poll >= 0)
		(void)close(d->poll);
	free(d->path);
	free(d);
}
