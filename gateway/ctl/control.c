/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/secret.h"
#include "base/wipe.h"
#include "ctl/answer.h"
#include "ctl/door.h"
#include "ctl/out.h"
#include "ctl/sp.h"

enum {
	/* One more pushes out the one that has been silent for longest; where each has asked
	   something that was not read yet, one more waits. */
	CLIENTS_MAX = 64,
	EVENTS_MAX = CLIENTS_MAX + 1,
	DOOR = CLIENTS_MAX, /* its number among the events */
	DOOR_A_TURN = 64,   /* who is let in, or turned away, at once */
};

/* Told once of each who knocks: whoever cannot be let in does not keep us awake. */
static const uint32_t door_events = EPOLLIN | EPOLLET;

struct client {
	int fd;        /* -1: free */
	uint64_t turn; /* when something happened last; the smallest is the most silent */
	bool greeted;
	uint8_t *in; /* CTL_SP_REQUEST_MAX octets of memory for secrets: keys come this way */
	size_t in_len;
	void *import;       /* what it has begun, or NULL */
	struct ctl_out out; /* what is to be sent; nothing is read before it has gone */
	size_t out_at;
};

struct ctl_control {
	struct ctl_source source;
	char *path;
	int door, poll;
	int spare; /* given up for a moment to turn somebody away; -1: it has not come back yet */
	bool crowded; /* somebody may be at the door; all who are in have something to say first */
	uint64_t turn;
	struct client clients[CLIENTS_MAX];
};

static void hang_up(const struct ctl_control *c, struct client *client)
{
	if (client->fd >= 0)
		(void)close(client->fd);
	if (client->import != NULL)
		c->source.store.import_abort(c->source.store.ctx, client->import);
	ctl_out_fini(&client->out);
	secret_free(client->in, CTL_SP_REQUEST_MAX);
	*client = (struct client){ .fd = -1 };
}

static bool watch(
	const struct ctl_control *c, int operation, int fd, uint32_t events, uint32_t number)
{
	struct epoll_event e = { .events = events, .data.u32 = number };
	return epoll_ctl(c->poll, operation, fd, &e) == 0;
}

static uint32_t number_of(const struct ctl_control *c, const struct client *client)
{
	return (uint32_t)(client - c->clients);
}

/* --- a client ---------------------------------------------------------------------------- */

/* False: it has gone. */
static bool flush(const struct ctl_control *c, struct client *client)
{
	while (client->out_at < client->out.len) {
		const ssize_t n = send(client->fd, client->out.data + client->out_at,
			client->out.len - client->out_at, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return watch(c, EPOLL_CTL_MOD, client->fd, EPOLLOUT, number_of(c, client));
		if (n < 0)
			return false;
		client->out_at += (size_t)n;
	}
	ctl_out_fini(&client->out);
	client->out_at = 0;
	return watch(c, EPOLL_CTL_MOD, client->fd, EPOLLIN, number_of(c, client));
}

static void consume(struct client *c, size_t len)
{
	memmove(c->in, c->in + len, c->in_len - len);
	c->in_len -= len;
	wipe(c->in + c->in_len, len);
}

static bool answer(
	const struct ctl_control *c, struct client *client, const struct ctl_sp_request *q)
{
	struct ctl_out body = { 0 };
	uint8_t head[CTL_SP_HEAD_MAX];
	const bool ok = ctl_answer(&c->source, &client->import, q->body, q->body_len, &body);
	client->out.secret = body.secret;
	if (ok) {
		ctl_out_bytes(&client->out, head, ctl_sp_head(q, body.len, head));
		ctl_out_bytes(&client->out, body.data, body.len);
	}
	ctl_out_fini(&body);
	return ok && !client->out.bad;
}

/* What has come so far. False: it is nothing that we understand. */
static bool understand(const struct ctl_control *c, struct client *client)
{
	struct ctl_sp_request q;
	if (!client->greeted) {
		const enum ctl_sp_result r = ctl_sp_greeted(client->in, client->in_len);
		if (r != CTL_SP_GOOD)
			return r == CTL_SP_MORE;
		client->greeted = true;
		consume(client, CTL_SP_GREETING_LEN);
	}
	const enum ctl_sp_result r = ctl_sp_parse(client->in, client->in_len, &q);
	if (r != CTL_SP_GOOD)
		return r == CTL_SP_MORE;
	if (!answer(c, client, &q))
		return false;
	consume(client, q.len);
	return true;
}

/* False: it has gone, or is to go. */
static bool hear(const struct ctl_control *c, struct client *client)
{
	const ssize_t n = recv(
		client->fd, client->in + client->in_len, CTL_SP_REQUEST_MAX - client->in_len, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	client->in_len += (size_t)n;
	return n > 0 && understand(c, client);
}

/* One event. A second request that has already come is answered when the first answer has gone. */
static void serve_client(struct ctl_control *c, struct client *client, uint32_t events)
{
	bool stays = true;
	client->turn = ++c->turn;
	if ((events & EPOLLOUT) == 0)
		stays = hear(c, client);
	while (stays && client->out.len > 0) {
		stays = flush(c, client);
		if (!stays || client->out.len > 0)
			break;
		stays = understand(c, client);
	}
	if (!stays)
		hang_up(c, client);
}

/* --- the door ---------------------------------------------------------------------------- */

/* It has said something that we have not heard yet. */
static bool is_speaking(const struct client *client)
{
	struct pollfd p = { .fd = client->fd, .events = POLLIN };
	return poll(&p, 1, 0) > 0;
}

/* A free place, or one whose client is to go for a newcomer. NULL: nobody is silent. */
static struct client *place_for(struct ctl_control *c)
{
	struct client *silent = NULL;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *const client = &c->clients[i];
		if (client->fd < 0)
			return client;
		if ((!silent || client->turn < silent->turn) && !is_speaking(client))
			silent = client;
	}
	return silent;
}

static void let_in(struct ctl_control *c, struct client *client, int fd)
{
	hang_up(c, client);
	client->fd = fd;
	client->in = secret_new(CTL_SP_REQUEST_MAX);
	client->turn = ++c->turn;
	ctl_out_bytes(&client->out, ctl_sp_greeting, sizeof(ctl_sp_greeting));
	if (client->in == NULL || !watch(c, EPOLL_CTL_ADD, fd, EPOLLIN, number_of(c, client)) ||
		!flush(c, client))
		hang_up(c, client);
}

static void take_spare(struct ctl_control *c)
{
	if (c->spare < 0)
		c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left, but the spare one's: whoever knocks hears the door shut. False: a worker
   was quicker, and they must wait until the next one knocks. */
static bool turn_away(struct ctl_control *c)
{
	if (c->spare < 0)
		return false;
	(void)close(c->spare);
	c->spare = -1;
	const int fd = ctl_door_accept(c->door);
	if (fd >= 0)
		(void)close(fd);
	take_spare(c);
	return fd >= 0;
}

/* True: somebody else may be there. */
static bool open_door(struct ctl_control *c)
{
	struct client *const place = place_for(c);
	c->crowded = !place;
	if (!place)
		return false;
	const int fd = ctl_door_accept(c->door);
	if (fd >= 0) {
		let_in(c, place, fd);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE)
		return turn_away(c);
	return errno == ECONNABORTED || errno == EINTR;
}

static void serve_door(struct ctl_control *c)
{
	for (size_t i = 0; i < DOOR_A_TURN; i++) {
		if (!open_door(c))
			return;
	}
	(void)watch(c, EPOLL_CTL_MOD, c->door, door_events, DOOR); /* tells of the others again */
}

void ctl_serve(struct ctl_control *c)
{
	struct epoll_event events[EVENTS_MAX];
	const int n = epoll_wait(c->poll, events, EVENTS_MAX, 0);
	bool door = c->spare < 0 || c->crowded; /* there may be those who were left to wait */
	take_spare(c);
	for (int i = 0; i < n; i++) {
		const uint32_t number = events[i].data.u32;
		if (number == DOOR)
			door = true;
		else if (c->clients[number].fd >= 0)
			serve_client(c, &c->clients[number], events[i].events);
	}
	/* Last: a newcomer may take a place that an event above is about. */
	if (door)
		serve_door(c);
}

/* --- all of it --------------------------------------------------------------------------- */

static bool open_at(
	struct ctl_control *c, const char *path, const char *group, char *error, size_t error_len)
{
	c->path = strdup(path);
	c->poll = epoll_create1(EPOLL_CLOEXEC);
	take_spare(c);
	if (c->path == NULL || c->poll < 0 || c->spare < 0) {
		(void)snprintf(error, error_len, "control: no memory or too many open files");
		return false;
	}
	const struct ctl_door_file file = {
		.setting = "control.path", .path = path, .group = group
	};
	if (c->door < 0)
		c->door = ctl_door_open(&file, error, error_len);
	if (c->door < 0)
		return false;
	if (watch(c, EPOLL_CTL_ADD, c->door, door_events, DOOR))
		return true;
	(void)snprintf(error, error_len, "control: cannot be waited for: %s", strerror(errno));
	return false;
}

struct ctl_control *ctl_open(
	const struct ctl_door *door, const struct ctl_source *source, char *error, size_t error_len)
{
	struct ctl_control *c = calloc(1, sizeof(*c));
	if (c == NULL) {
		(void)snprintf(error, error_len, "control: no memory; free some");
		return NULL;
	}
	c->source = *source;
	c->poll = c->spare = -1;
	c->door = door->inherited;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		c->clients[i].fd = -1;
	if (open_at(c, door->path, door->group, error, error_len))
		return c;
	ctl_close(c);
	return NULL;
}

void ctl_set_store(struct ctl_control *c, const struct ctl_store_source *store)
{
	c->source.store = *store;
}

int ctl_listener(const struct ctl_control *c)
{
	return c->door;
}

int ctl_fd(const struct ctl_control *c)
{
	return c->poll;
}

void ctl_close(struct ctl_control *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		hang_up(c, &c->clients[i]);
	if (c->door >= 0) {
		const bool own = ctl_door_is_own(c->door);
		(void)close(c->door);
		/* Fails where the folder is root's and we are no more; the next start does it. */
		if (own)
			(void)unlink(c->path);
	}
	if (c->poll >= 0)
		(void)close(c->poll);
	if (c->spare >= 0)
		(void)close(c->spare);
	free(c->path);
	free(c);
}
