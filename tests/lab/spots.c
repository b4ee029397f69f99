/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/spots.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/udp.h"

enum { LOOPBACK = 127, ROAM_LOW = 32, ROAM_HIGH = 191, ELSEWHERE = 200, OCTET = 255 };

static struct net_addr local_of(struct spots *s, enum spot_kind kind)
{
	struct net_addr a = { .family = s->to.family };
	if (kind == SPOT_PLAIN)
		return a;
	const uint32_t net =
		kind == SPOT_ELSEWHERE ? ELSEWHERE : rng_between(&s->rng, ROAM_LOW, ROAM_HIGH);
	const uint8_t ip[4] = { LOOPBACK, (uint8_t)net, (uint8_t)rng_between(&s->rng, 0, OCTET),
		(uint8_t)rng_between(&s->rng, 1, OCTET - 1) };
	memcpy(a.ip, ip, sizeof(ip));
	return a;
}

/* A socket towards the server; its address is the system's choice as far as it is open. */
static bool connect_spot(struct spots *s, struct spot *spot)
{
	struct sockaddr_storage name;
	socklen_t len = udp_to_sockaddr(&s->to, &name);
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = spot };
	spot->fd = udp_socket(&spot->local);
	if (spot->fd < 0)
		return false;
	if (connect(spot->fd, (const struct sockaddr *)&name, len) == 0 &&
		epoll_ctl(s->epoll, EPOLL_CTL_ADD, spot->fd, &e) == 0) {
		len = sizeof(name);
		if (getsockname(spot->fd, (struct sockaddr *)&name, &len) == 0 &&
			udp_from_sockaddr(&name, &spot->local))
			return true;
	}
	close(spot->fd);
	spot->fd = -1;
	return false;
}

static struct spot *make(struct spots *s, enum spot_kind kind)
{
	struct spot *spot = calloc(1, sizeof(*spot));
	if (!spot)
		return NULL;
	spot->kind = kind;
	spot->local = local_of(s, kind);
	if (connect_spot(s, spot))
		return spot;
	free(spot);
	return NULL;
}

bool spots_open(struct spots *s, uint32_t pool_len, enum spot_kind kind)
{
	for (; s->pool_len < pool_len; s->pool_len++) {
		s->pool[s->pool_len] = make(s, kind);
		if (!s->pool[s->pool_len])
			return false;
	}
	return true;
}

static void kill_spot(struct spots *s, struct spot *spot)
{
	spot->dead = true;
	if (spot->fd >= 0)
		close(spot->fd);
	spot->fd = -1;
	if (spot->held > 0)
		return;
	spot->next = s->dead;
	s->dead = spot;
}

struct spot *spots_take(struct spots *s, enum spot_kind kind, void *owner)
{
	struct spot *spot =
		s->pool_len > 0 ? s->pool[rng_between(&s->rng, 0, s->pool_len - 1)] : make(s, kind);
	if (spot)
		spot->owner = owner;
	return spot;
}

void spots_leave(struct spots *s, struct spot *spot)
{
	struct spot **place = &s->left[s->left_count % SPOTS_LEFT];
	spot->owner = NULL;
	if (s->pool_len > 0)
		return; /* the next one's */
	if (*place)
		kill_spot(s, *place);
	*place = spot;
	s->left_count++;
}

void spots_end(struct spots *s, struct spot *spot)
{
	spot->owner = NULL;
	kill_spot(s, spot);
}

void spots_hold(struct spot *spot)
{
	spot->held++;
}

void spots_release(struct spots *s, struct spot *spot)
{
	spot->held--;
	if (spot->dead)
		kill_spot(s, spot);
}

void spots_bury(struct spots *s)
{
	while (s->dead) {
		struct spot *spot = s->dead;
		s->dead = spot->next;
		free(spot);
	}
}

void spots_close(struct spots *s)
{
	for (size_t i = 0; i < SPOTS_LEFT; i++) {
		if (s->left[i])
			kill_spot(s, s->left[i]);
	}
	for (uint32_t i = 0; i < s->pool_len; i++)
		kill_spot(s, s->pool[i]);
	spots_bury(s);
}
