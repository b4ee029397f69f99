/* SPDX-License-Identifier: Apache-2.0 */
#include "io/sources.h"

#include "io/udp.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOPBACK_NET = 127, RING_FIRST = 64 };

enum state {
	FREE,
	HELD,
	ASLEEP,
	STATE = 0x03, /* the bits of these */
	TARGET_SHIFT = 2,
	TARGET = 0x7c,
	RESTS = 0x80, /* it is in the ring */
};
_Static_assert((int)SOURCES_TARGETS_MAX <= (TARGET >> TARGET_SHIFT) + 1, "each has a number");

struct resting {
	uint32_t slot;
	uint32_t since_s;
};

struct sources {
	struct sources_settings settings;
	struct net_addr targets[SOURCES_TARGETS_MAX];
	uint8_t targets_len;
	uint32_t addresses;   /* per socket; 1 when the kernel chooses */
	uint32_t slots;       /* that exist */
	uint32_t fresh;       /* slots below were taken at least once */
	uint32_t sockets;     /* open */
	struct resting *ring; /* given back, the oldest first; room for every slot below fresh */
	uint8_t *states;      /* of them, by slot: enum state, its target, and RESTS */
	uint32_t cap, head, len;
	int error; /* why the last slot could not be had; 0: all are in use */
	int fds[]; /* sockets_max */
};

static uint32_t host_bits(const struct sources_prefix *p)
{
	const uint32_t all = p->base.family == NET_IPV4 ? 32 : 128;
	assert(p->bits <= all);
	return all - p->bits < SOURCES_HOST_BITS_MAX ? all - p->bits : SOURCES_HOST_BITS_MAX;
}

/* Whether the first and last address of an IPv4 prefix are the network's and the broadcast
   address. */
static bool has_broadcast(const struct sources_prefix *p)
{
	if (p->base.family != NET_IPV4 || p->bits > 30)
		return false;
	/* All of 127/8 is ours, but for its own two ends. */
	const uint32_t base =
		(uint32_t)p->base.ip[1] << 16 | (uint32_t)p->base.ip[2] << 8 | p->base.ip[3];
	const uint32_t size = (uint32_t)1 << host_bits(p);
	return p->base.ip[0] != LOOPBACK_NET || p->bits <= 8 || base == 0 ||
	       base + size == (uint32_t)1 << 24;
}

/* The first address of an IPv6 prefix is the routers' anycast address (RFC 4291 2.6.1). */
static bool has_anycast(const struct sources_prefix *p)
{
	return p->base.family == NET_IPV6 && p->bits < 127;
}

uint32_t sources_prefix_len(const struct sources_prefix *p)
{
	const uint32_t all = (uint32_t)1 << host_bits(p);
	return all - (has_broadcast(p) ? 2 : 0) - (has_anycast(p) ? 1 : 0);
}

struct net_addr sources_prefix_addr(const struct sources_prefix *p, uint32_t i)
{
	struct net_addr a = p->base;
	uint32_t host = i + (has_broadcast(p) || has_anycast(p) ? 1 : 0);
	const size_t last = a.family == NET_IPV4 ? 3 : 15;
	for (size_t at = last; host > 0; at--, host >>= 8)
		a.ip[at] = (uint8_t)(a.ip[at] + (host & 0xff)); /* host bits are 0: no carry */
	a.port = 0;
	return a;
}

static bool count(struct sources *s)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->settings.prefixes_len; i++) {
		const struct sources_prefix *p = &s->settings.prefixes[i];
		if (p->base.family != s->settings.upstream.family)
			return false;
		sum += sources_prefix_len(p);
	}
	s->addresses = s->settings.prefixes_len > 0 ? (uint32_t)sum : 1;
	const uint64_t all = (uint64_t)s->addresses * s->settings.sockets_max;
	s->slots = all < SOURCES_NONE ? (uint32_t)all : SOURCES_NONE;
	return s->addresses > 0;
}

struct sources *sources_new(const struct sources_settings *settings)
{
	assert(settings->prefixes_len <= SOURCES_PREFIXES_MAX && settings->sockets_max > 0);
	struct sources *s = calloc(1, sizeof(*s) + settings->sockets_max * sizeof(s->fds[0]));
	if (!s)
		return NULL;
	s->settings = *settings;
	s->targets[s->targets_len++] = settings->upstream;
	if (count(s))
		return s;
	sources_free(s);
	return NULL;
}

void sources_free(struct sources *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->sockets; i++)
		(void)close(s->fds[i]);
	free(s->ring);
	free(s->states);
	free(s);
}

static bool watch(struct sources *s, int fd)
{
	if (!s->settings.opened(s->settings.ctx, s->settings.first_sock + s->sockets, fd))
		return false;
	s->fds[s->sockets++] = fd;
	return true;
}

static bool open_next(struct sources *s)
{
	if (s->sockets == s->settings.sockets_max)
		return false;
	const struct udp_options o = {
		.bind = { .family = s->settings.upstream.family },
		.free_bind = true,
		.errors = true,
	};
	const int fd = udp_open(&o);
	if (fd < 0) {
		s->error = -fd;
		return false;
	}
	if (!watch(s, fd)) {
		s->error = ENOMEM;
		(void)close(fd);
		return false;
	}
	return true;
}

/* Every slot that was ever taken must find room when it is given back. */
static bool widen_ring(struct sources *s, uint32_t fresh)
{
	if (fresh < s->cap)
		return true;
	uint32_t cap = s->cap > 0 ? s->cap * 2 : RING_FIRST;
	while (cap <= fresh)
		cap *= 2;
	struct resting *ring = calloc(cap, sizeof(*ring));
	uint8_t *const states = ring ? realloc(s->states, cap) : NULL;
	if (!states) {
		free(ring);
		s->error = ENOMEM;
		return false;
	}
	memset(states + s->cap, FREE, cap - s->cap);
	assert(s->len <= s->cap);
	for (uint32_t i = 0; i < s->len; i++)
		ring[i] = s->ring[(s->head + i) % s->cap];
	free(s->ring);
	s->ring = ring;
	s->states = states;
	s->cap = cap;
	s->head = 0;
	return true;
}

static bool take_fresh(struct sources *s, uint32_t *slot)
{
	if (s->fresh == s->slots || !widen_ring(s, s->fresh))
		return false;
	if (s->fresh / s->addresses >= s->sockets && !open_next(s))
		return false;
	*slot = s->fresh++;
	s->states[*slot] = HELD;
	return true;
}

bool sources_add(struct sources *s, int fd)
{
	return s->sockets < s->settings.sockets_max && watch(s, fd);
}

bool sources_restore(struct sources *s, uint32_t used)
{
	assert(s->fresh == 0);
	const uint64_t open = (uint64_t)s->sockets * s->addresses;
	const uint32_t fresh = used < open ? used : (uint32_t)open;
	if (!widen_ring(s, fresh))
		return false;
	s->fresh = fresh;
	memset(s->states, ASLEEP, fresh);
	return true;
}

uint32_t sources_take(struct sources *s, uint64_t now_ms)
{
	const uint32_t now_s = (uint32_t)(now_ms / 1000);
	const bool rested =
		s->len > 0 && now_s - s->ring[s->head].since_s >= SOURCES_REST_MS / 1000;
	uint32_t slot = SOURCES_NONE;
	s->error = 0;
	if (!rested && take_fresh(s, &slot))
		return slot;
	while (s->len > 0) {
		slot = s->ring[s->head].slot;
		s->head = (s->head + 1) % s->cap;
		s->len--;
		s->states[slot] &= (uint8_t)~RESTS;
		if ((s->states[slot] & STATE) != FREE) /* its link has come back meanwhile */
			continue;
		s->states[slot] = HELD;
		return slot;
	}
	return SOURCES_NONE;
}

int sources_error(const struct sources *s)
{
	return s->error;
}

void sources_give(struct sources *s, uint32_t slot, uint64_t now_ms)
{
	assert(slot < s->fresh);
	const uint8_t was = s->states[slot];
	s->states[slot] = FREE | RESTS;
	if ((was & RESTS) != 0)
		return;
	assert(s->len < s->cap);
	s->ring[(s->head + s->len) % s->cap] =
		(struct resting){ .slot = slot, .since_s = (uint32_t)(now_ms / 1000) };
	s->len++;
}

static void become(struct sources *s, uint32_t slot, enum state state)
{
	assert(slot < s->fresh);
	s->states[slot] = (uint8_t)((s->states[slot] & (TARGET | RESTS)) | state);
}

void sources_sleep(struct sources *s, uint32_t slot)
{
	become(s, slot, ASLEEP);
}

void sources_hold(struct sources *s, uint32_t slot)
{
	become(s, slot, HELD);
}

bool sources_is_asleep(const struct sources *s, uint32_t slot)
{
	return slot < s->fresh && (s->states[slot] & STATE) == ASLEEP;
}

struct net_path sources_path(const struct sources *s, uint32_t slot)
{
	assert(slot < s->fresh);
	return sources_path_to(s, slot, (uint8_t)((s->states[slot] & TARGET) >> TARGET_SHIFT));
}

struct net_path sources_path_to(const struct sources *s, uint32_t slot, uint8_t target)
{
	assert(slot < s->fresh && target < s->targets_len);
	struct net_path path = {
		.peer = s->targets[target],
		.sock = s->settings.first_sock + slot / s->addresses,
	};
	uint32_t i = slot % s->addresses;
	for (size_t n = 0; n < s->settings.prefixes_len; n++) {
		const struct sources_prefix *p = &s->settings.prefixes[n];
		const uint32_t len = sources_prefix_len(p);
		if (i < len) {
			const struct net_addr a = sources_prefix_addr(p, i);
			memcpy(path.local_ip, a.ip, sizeof(path.local_ip));
			break;
		}
		i -= len;
	}
	return path;
}

/* --- targets --------------------------------------------------------------------------------- */

uint8_t sources_targets(const struct sources *s)
{
	return s->targets_len;
}

uint8_t sources_target(const struct sources *s, const struct net_addr *a)
{
	for (uint8_t i = 0; i < s->targets_len; i++) {
		if (net_addr_same(&s->targets[i], a))
			return i;
	}
	return SOURCES_NO_TARGET;
}

/* Seldom, and after many others: each slot is looked at. */
static bool has_links(const struct sources *s, uint8_t target)
{
	for (uint32_t i = 0; i < s->fresh; i++) {
		if ((s->states[i] & STATE) != FREE &&
			(s->states[i] & TARGET) >> TARGET_SHIFT == target)
			return true;
	}
	return false;
}

static bool is_among(const struct net_addr *all, size_t len, const struct net_addr *a)
{
	for (size_t i = 0; i < len; i++) {
		if (net_addr_same(&all[i], a))
			return true;
	}
	return false;
}

static uint8_t make_room(struct sources *s, const struct net_addr *all, size_t len)
{
	if (s->targets_len < SOURCES_TARGETS_MAX)
		return s->targets_len++;
	for (uint8_t i = 0; i < s->targets_len; i++) {
		if (!is_among(all, len, &s->targets[i]) && !has_links(s, i))
			return i;
	}
	return SOURCES_NO_TARGET;
}

void sources_aim(struct sources *s, const struct net_addr *all, size_t len, uint8_t *numbers)
{
	for (size_t i = 0; i < len; i++) {
		numbers[i] = sources_target(s, &all[i]);
		if (numbers[i] != SOURCES_NO_TARGET || all[i].family != s->settings.upstream.family)
			continue;
		numbers[i] = make_room(s, all, len);
		if (numbers[i] != SOURCES_NO_TARGET)
			s->targets[numbers[i]] = all[i];
	}
}

void sources_lead(struct sources *s, uint32_t slot, uint8_t target)
{
	assert(slot < s->fresh && target < s->targets_len);
	s->states[slot] = (uint8_t)((s->states[slot] & (STATE | RESTS)) | target << TARGET_SHIFT);
}

/* --- finding --------------------------------------------------------------------------------- */

/* The number of an address among those of a prefix; false: it is none of them. */
static bool prefix_find(const struct sources_prefix *p, const uint8_t ip[16], uint32_t *number)
{
	const size_t last = p->base.family == NET_IPV4 ? 3 : 15;
	uint32_t host = 0;
	for (size_t at = last - 3; at <= last; at++)
		host = host << 8 | (uint32_t)(ip[at] - p->base.ip[at]);
	const uint32_t first = has_broadcast(p) || has_anycast(p) ? 1 : 0;
	if (host < first || host - first >= sources_prefix_len(p))
		return false;
	*number = host - first;
	const struct net_addr a = sources_prefix_addr(p, *number);
	return memcmp(a.ip, ip, sizeof(a.ip)) == 0;
}

uint32_t sources_find(const struct sources *s, const struct net_path *path)
{
	const uint32_t socket = path->sock - s->settings.first_sock;
	if (socket >= s->sockets || sources_target(s, &path->peer) == SOURCES_NO_TARGET)
		return SOURCES_NONE;
	uint32_t number = 0, before = 0;
	bool found = s->settings.prefixes_len == 0;
	for (size_t n = 0; n < s->settings.prefixes_len && !found; n++) {
		found = prefix_find(&s->settings.prefixes[n], path->local_ip, &number);
		before += found ? 0 : sources_prefix_len(&s->settings.prefixes[n]);
	}
	const uint32_t slot = socket * s->addresses + before + number;
	return found && slot < s->fresh ? slot : SOURCES_NONE;
}

uint32_t sources_used(const struct sources *s)
{
	return s->fresh;
}

bool sources_use_local(const struct sources *s)
{
	return s->settings.prefixes_len > 0;
}

int sources_fd(const struct sources *s, uint32_t sock)
{
	assert(sock - s->settings.first_sock < s->sockets);
	return s->fds[sock - s->settings.first_sock];
}
