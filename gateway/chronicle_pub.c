/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/chronicle_parts.h"

#include "ctl/door.h"
#include "ctl/sp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	WAITING_MAX = 1 << 18, /* for one subscriber */
	DOOR = GW_SUBSCRIBERS, /* its number among the events */
	DOOR_A_TURN = 64,
	MS = 1000,
	NS_PER_MS = 1000000,
};

_Static_assert(sizeof(((struct gw_subscriber *)0)->said) == CTL_SP_GREETING_LEN, "a greeting fits");

/* Told once of each who knocks: whoever cannot be let in does not keep us awake. */
static const uint32_t door_events = EPOLLIN | EPOLLET;

static bool watch(const struct gw_pub *p, int operation, int fd, uint32_t events, uint32_t number)
{
	struct epoll_event e = { .events = events, .data.u32 = number };
	return epoll_ctl(p->poll, operation, fd, &e) == 0;
}

static void hang_up(struct gw_subscriber *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	gw_queue_fini(&s->queue);
	*s = (struct gw_subscriber){ .fd = -1, .queue = { .most = WAITING_MAX, .framed = true } };
}

/* --- one subscriber -------------------------------------------------------------------------- */

static void await_room(const struct gw_pub *p, struct gw_subscriber *s, bool waits)
{
	if (s->waits == waits)
		return;
	s->waits = waits;
	if (!watch(p, EPOLL_CTL_MOD, s->fd, waits ? EPOLLIN | EPOLLOUT : EPOLLIN,
		    (uint32_t)(s - p->subscribers)))
		hang_up(s);
}

static void flush(const struct gw_pub *p, struct gw_subscriber *s)
{
	size_t len = 0;
	for (;;) {
		const uint8_t *const data = gw_queue_next(&s->queue, &len);
		if (len == 0)
			break;
		const ssize_t n = send(s->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			hang_up(s);
			return;
		}
		gw_queue_gone(&s->queue, (size_t)n);
	}
	await_room(p, s, len > 0);
}

/* It says who it is, and nothing else. False: it has gone, or is none. */
static bool hear(struct gw_subscriber *s)
{
	uint8_t *const to = s->said + s->said_len;
	uint8_t beyond = 0;
	const size_t room = sizeof(s->said) - s->said_len;
	const ssize_t n = recv(s->fd, room > 0 ? to : &beyond, room > 0 ? room : 1, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0 || room == 0)
		return false;
	s->said_len = (uint8_t)(s->said_len + n);
	const enum ctl_sp_result r = ctl_sp_is_sub(s->said, s->said_len);
	s->greeted = r == CTL_SP_GOOD;
	return r != CTL_SP_BAD;
}

/* --- the door -------------------------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * MS + (uint64_t)t.tv_nsec / NS_PER_MS;
}

static struct gw_subscriber *place_for(struct gw_pub *p)
{
	for (size_t i = 0; i < GW_SUBSCRIBERS; i++) {
		if (p->subscribers[i].fd < 0)
			return &p->subscribers[i];
	}
	return NULL;
}

static void let_in(struct gw_pub *p, int fd)
{
	struct gw_subscriber *const s = place_for(p);
	if (!s) {
		log_limited(p->log, &p->full, now_ms(), LOG_LEVEL_WARN, "events",
			"no more than %d subscribers; one was turned away", GW_SUBSCRIBERS);
		(void)close(fd);
		return;
	}
	s->fd = fd;
	if (!gw_queue_raw(&s->queue, ctl_sp_pub_greeting, CTL_SP_GREETING_LEN) ||
		!watch(p, EPOLL_CTL_ADD, fd, EPOLLIN, (uint32_t)(s - p->subscribers))) {
		hang_up(s);
		return;
	}
	flush(p, s);
}

/* True: somebody else may be there. */
static bool open_door(struct gw_pub *p)
{
	const int fd = ctl_door_accept(p->door);
	if (fd >= 0) {
		let_in(p, fd);
		return true;
	}
	/* Without a descriptor they wait until there is one, and something to do here. */
	p->knocked = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
	return errno == ECONNABORTED || errno == EINTR;
}

static void serve_door(struct gw_pub *p)
{
	p->knocked = false;
	for (size_t i = 0; i < DOOR_A_TURN; i++) {
		if (!open_door(p))
			return;
	}
	(void)watch(p, EPOLL_CTL_MOD, p->door, door_events, DOOR); /* tells of the others again */
}

static void serve_one(const struct gw_pub *p, struct gw_subscriber *s, uint32_t events)
{
	if ((events & ~(uint32_t)EPOLLOUT) != 0 && !hear(s)) {
		hang_up(s);
		return;
	}
	if ((events & EPOLLOUT) != 0)
		flush(p, s);
}

void gw_pub_serve(struct gw_pub *p)
{
	struct epoll_event events[GW_SUBSCRIBERS + 1];
	if (!p->path)
		return;
	const int n = epoll_wait(p->poll, events, GW_SUBSCRIBERS + 1, 0);
	bool door = p->knocked;
	for (int i = 0; i < n; i++) {
		const uint32_t number = events[i].data.u32;
		if (number == DOOR)
			door = true;
		else if (p->subscribers[number].fd >= 0)
			serve_one(p, &p->subscribers[number], events[i].events);
	}
	/* Last: a newcomer may take a place that an event above is about. */
	if (door)
		serve_door(p);
}

/* --- all of it ------------------------------------------------------------------------------- */

void gw_pub_add(struct gw_pub *p, const struct gw_piece *piece)
{
	for (size_t i = 0; i < GW_SUBSCRIBERS && p->path; i++) {
		struct gw_subscriber *const s = &p->subscribers[i];
		if (s->greeted && !gw_queue_add(&s->queue, piece))
			p->unheard++;
	}
}

void gw_pub_flush(struct gw_pub *p)
{
	for (size_t i = 0; i < GW_SUBSCRIBERS && p->path; i++) {
		struct gw_subscriber *const s = &p->subscribers[i];
		if (s->greeted && !s->waits)
			flush(p, s);
	}
}

uint32_t gw_pub_count(const struct gw_pub *p)
{
	uint32_t count = 0;
	for (size_t i = 0; i < GW_SUBSCRIBERS; i++)
		count += p->subscribers[i].greeted;
	return count;
}

bool gw_pub_open(
	struct gw_pub *p, const struct gw_chronicle_settings *s, char *error, size_t error_len)
{
	const struct ctl_door_file file = {
		.setting = "events.path", .path = s->path, .group = s->group ? s->group : ""
	};
	*p = (struct gw_pub){ .path = s->path, .log = s->log, .door = -1, .poll = -1 };
	for (size_t i = 0; i < GW_SUBSCRIBERS; i++)
		p->subscribers[i] = (struct gw_subscriber){ .fd = -1,
			.queue = { .most = WAITING_MAX, .framed = true } };
	if (!s->path)
		return true;
	p->door = s->inherited >= 0 ? s->inherited : ctl_door_open(&file, error, error_len);
	if (p->door < 0)
		return false;
	p->poll = epoll_create1(EPOLL_CLOEXEC);
	if (p->poll >= 0 && watch(p, EPOLL_CTL_ADD, p->door, door_events, DOOR))
		return true;
	(void)snprintf(error, error_len, "events.path: cannot be waited for: %s", strerror(errno));
	return false;
}

void gw_pub_close(struct gw_pub *p)
{
	for (size_t i = 0; i < GW_SUBSCRIBERS; i++)
		hang_up(&p->subscribers[i]);
	if (p->door >= 0) {
		const bool own = ctl_door_is_own(p->door);
		(void)close(p->door);
		/* Fails where the folder is root's and we are no more; the next start does it. */
		if (own)
			(void)unlink(p->path);
	}
	if (p->poll >= 0)
		(void)close(p->poll);
	p->door = p->poll = -1;
}
