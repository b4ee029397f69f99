/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/impair_relay.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wheel.h"
#include "tests/lab/memory.h"
#include "tests/lab/pcap.h"
#include "tests/lab/udp.h"

enum { BUCKETS = 4096, EVENTS = 64, BURST = 64, DATAGRAM = 65536, REPEATS_PER_MS = 20 };

struct flow {
	struct flow *next;             /* in its bucket */
	struct flow *older;            /* of all */
	struct net_addr client, local; /* local: ours towards the server */
	int fd;
	uint64_t up; /* datagrams of the client */
	struct memory memory[IMPAIR_WAYS];
};

struct ring {
	struct ring *prev, *next;
};

struct parcel { /* a datagram that waits */
	struct ring ring;
	struct wheel_timer timer;
	struct flow *flow;
	enum impair_way way;
	size_t len;
	uint8_t data[];
};

struct impair_relay {
	struct impair core;
	struct impair_place place;
	struct impair_counts counts;
	struct wheel wheel;
	struct ring held; /* its head */
	size_t held_len;
	int epoll, listener;
	struct flow *buckets[BUCKETS];
	struct flow *newest;
	bool withholds;
	/* What is remembered goes out again: the flow whose turn it is, and its next datagram. */
	struct flow *repeating;
	uint32_t repeat_at;
	uint64_t repeat_ms; /* when the next few go out; 0: nothing is repeated */
	struct rng rng;     /* of the samples */
	uint8_t data[DATAGRAM];
};

static struct flow **bucket_of(struct impair_relay *r, const struct net_addr *client)
{
	uint32_t h = 2166136261U; /* FNV-1a; the clients are our own */
	for (size_t i = 0; i < sizeof(client->ip); i++)
		h = (h ^ client->ip[i]) * 16777619U;
	h = (h ^ (client->port & 0xffU)) * 16777619U;
	h = (h ^ (uint32_t)client->port >> 8) * 16777619U;
	return &r->buckets[h % BUCKETS];
}

static void record(struct impair_relay *r, enum impair_side side, const struct net_addr *from,
	const struct net_addr *to, const struct parcel *p)
{
	if (r->place.record && (r->place.record_sides & side))
		pcap_write(r->place.record, from, to, p->data, p->len);
}

/* A socket towards the server, with a port of its own. */
static bool flow_open(struct impair_relay *r, struct flow *f)
{
	struct sockaddr_storage name;
	socklen_t len = udp_to_sockaddr(&r->place.to, &name);
	f->local = (struct net_addr){ .family = r->place.to.family };
	f->fd = udp_socket(&f->local);
	if (f->fd < 0)
		return false;
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = f };
	if (connect(f->fd, (const struct sockaddr *)&name, len) == 0 &&
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, f->fd, &e) == 0) {
		len = sizeof(name); /* connect() has chosen our address */
		if (getsockname(f->fd, (struct sockaddr *)&name, &len) == 0 &&
			udp_from_sockaddr(&name, &f->local))
			return true;
	}
	close(f->fd);
	f->fd = -1;
	return false;
}

static struct flow *flow_of(struct impair_relay *r, const struct net_addr *client)
{
	struct flow **bucket = bucket_of(r, client);
	for (struct flow *f = *bucket; f; f = f->next) {
		if (net_addr_same(&f->client, client))
			return f;
	}
	struct flow *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->client = *client;
	if (!flow_open(r, f)) {
		free(f);
		return NULL;
	}
	for (int way = 0; way < IMPAIR_WAYS; way++)
		memory_init(&f->memory[way], r->place.remember);
	f->next = *bucket;
	*bucket = f;
	f->older = r->newest;
	r->newest = f;
	r->counts.flows++;
	return f;
}

static void readdress(struct impair_relay *r, struct flow *f)
{
	const int old = f->fd;
	if (flow_open(r, f)) {
		close(old); /* what still comes to it is lost, as at a NAT */
		r->counts.readdressed++;
		return;
	}
	f->fd = old;
}

static void send_now(struct impair_relay *r, const struct parcel *p)
{
	struct flow *f = p->flow;
	struct sockaddr_storage name;
	ssize_t n;
	if (p->way == IMPAIR_UP) {
		record(r, IMPAIR_SIDE_SERVER, &f->local, &r->place.to, p);
		n = send(f->fd, p->data, p->len, 0);
	} else {
		const socklen_t len = udp_to_sockaddr(&f->client, &name);
		record(r, IMPAIR_SIDE_CLIENTS, &r->place.listen, &f->client, p);
		n = sendto(r->listener, p->data, p->len, 0, (const struct sockaddr *)&name, len);
	}
	if (n == (ssize_t)p->len)
		r->counts.sent[p->way]++;
	else
		r->counts.refused[p->way]++;
}

static void release(struct impair_relay *r, struct parcel *p)
{
	p->ring.prev->next = p->ring.next;
	p->ring.next->prev = p->ring.prev;
	r->held_len--;
	free(p);
}

static void parcel_due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct parcel *p = CONTAINER_OF(t, struct parcel, timer);
	(void)now_ms;
	send_now(ctx, p);
	release(ctx, p);
}

static void hold(struct impair_relay *r, const struct parcel *p, uint64_t due_ms)
{
	struct parcel *copy = r->held_len < IMPAIR_HELD ? malloc(sizeof(*copy) + p->len) : NULL;
	if (!copy) {
		r->counts.lost[p->way]++;
		return;
	}
	memcpy(copy, p, sizeof(*copy) + p->len);
	copy->timer = (struct wheel_timer){ .fire = parcel_due };
	copy->ring = (struct ring){ .prev = r->held.prev, .next = &r->held };
	copy->ring.prev->next = copy->ring.next->prev = &copy->ring;
	r->held_len++;
	wheel_arm(&r->wheel, &copy->timer, due_ms);
}

static void carry(struct impair_relay *r, const struct parcel *p, uint64_t now_ms)
{
	memory_add(&p->flow->memory[p->way], &r->rng, p->data, p->len);
	if (r->withholds && p->way == IMPAIR_UP) {
		r->counts.received[p->way]++;
		r->counts.withheld++;
		return;
	}
	const struct impair_fate fate = impair_next(&r->core, p->way);
	r->counts.received[p->way]++;
	r->counts.lost[p->way] += fate.copies == 0;
	r->counts.duplicated[p->way] += fate.duplicated;
	r->counts.reordered[p->way] += fate.reordered;
	r->counts.replayed[p->way] += fate.replayed;
	for (uint8_t i = 0; i < fate.copies; i++) {
		if (fate.delay_ms[i] == 0)
			send_now(r, p);
		else
			hold(r, p, now_ms + fate.delay_ms[i]);
	}
}

static void from_clients(struct impair_relay *r, struct parcel *p, uint64_t now_ms)
{
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_storage name;
		struct net_addr client;
		socklen_t len = sizeof(name);
		const ssize_t n = recvfrom(r->listener, p->data, DATAGRAM - sizeof(*p), 0,
			(struct sockaddr *)&name, &len);
		if (n < 0)
			return;
		if (!udp_from_sockaddr(&name, &client) || !(p->flow = flow_of(r, &client))) {
			r->counts.lost[IMPAIR_UP]++;
			continue;
		}
		p->way = IMPAIR_UP;
		p->len = (size_t)n;
		record(r, IMPAIR_SIDE_CLIENTS, &client, &r->place.listen, p);
		if (impair_readdress(&r->core, p->flow->up++))
			readdress(r, p->flow);
		carry(r, p, now_ms);
	}
}

static void from_server(struct impair_relay *r, struct flow *f, struct parcel *p, uint64_t now_ms)
{
	for (int i = 0; i < BURST; i++) {
		const ssize_t n = recv(f->fd, p->data, DATAGRAM - sizeof(*p), 0);
		if (n < 0)
			return;
		p->flow = f;
		p->way = IMPAIR_DOWN;
		p->len = (size_t)n;
		record(r, IMPAIR_SIDE_SERVER, &r->place.to, &f->local, p);
		carry(r, p, now_ms);
	}
}

/* One datagram of the memory of a flow; false: that was the last. */
static bool repeat_one(struct impair_relay *r, struct flow *f, struct parcel *p)
{
	const uint32_t at = r->repeat_at++;
	const uint32_t of_way = 2 * r->place.remember;
	if (at >= IMPAIR_WAYS * of_way)
		return false;
	p->way = (enum impair_way)(at / of_way);
	const struct kept *k = memory_at(&f->memory[p->way], at % of_way);
	if (!k)
		return true;
	p->flow = f;
	p->len = k->len;
	memcpy(p->data, k->data, k->len);
	r->counts.repeated[p->way]++;
	send_now(r, p);
	return true;
}

static uint64_t repeated_total(const struct impair_relay *r)
{
	return r->counts.repeated[IMPAIR_UP] + r->counts.repeated[IMPAIR_DOWN];
}

/* Paced: a burst of all would only be lost in the receiver's buffer. */
static void repeat_some(struct impair_relay *r, struct parcel *p, uint64_t now_ms)
{
	if (r->repeat_ms == 0 || r->repeat_ms > now_ms)
		return;
	const uint64_t most = repeated_total(r) + REPEATS_PER_MS;
	while (r->repeating && repeated_total(r) < most) {
		if (repeat_one(r, r->repeating, p))
			continue;
		r->repeating = r->repeating->older;
		r->repeat_at = 0;
	}
	r->repeat_ms = r->repeating ? now_ms + 1 : 0;
	r->counts.repeats += r->repeating == NULL;
}

void impair_relay_repeat(struct impair_relay *r, uint64_t now_ms)
{
	r->repeating = r->newest;
	r->repeat_at = 0;
	r->repeat_ms = now_ms;
}

void impair_relay_withhold(struct impair_relay *r, bool withholds)
{
	r->withholds = withholds;
}

void impair_relay_forget(struct impair_relay *r)
{
	for (struct flow *f = r->newest; f; f = f->older) {
		for (int way = 0; way < IMPAIR_WAYS; way++)
			memory_forget(&f->memory[way]);
	}
}

void impair_relay_run(struct impair_relay *r, uint64_t now_ms)
{
	struct epoll_event events[EVENTS];
	struct parcel *p = (struct parcel *)(void *)r->data;
	const int n = epoll_wait(r->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			from_server(r, events[i].data.ptr, p, now_ms);
		else
			from_clients(r, p, now_ms);
	}
	wheel_run(&r->wheel, now_ms, r);
	repeat_some(r, p, now_ms);
}

struct impair_relay *impair_relay_new(
	struct impair_place *place, const struct impair_settings *set, uint64_t now_ms)
{
	struct impair_relay *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	impair_init(&r->core, set);
	wheel_init(&r->wheel, now_ms);
	r->rng.state = set->seed;
	r->held.prev = r->held.next = &r->held;
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL };
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->listener = udp_socket(&place->listen);
	r->place = *place;
	if (r->epoll >= 0 && r->listener >= 0 &&
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->listener, &e) == 0)
		return r;
	impair_relay_free(r);
	return NULL;
}

void impair_relay_free(struct impair_relay *r)
{
	if (!r)
		return;
	while (r->held.next != &r->held)
		release(r, CONTAINER_OF(r->held.next, struct parcel, ring));
	for (size_t i = 0; i < BUCKETS; i++) {
		while (r->buckets[i]) {
			struct flow *f = r->buckets[i];
			r->buckets[i] = f->next;
			for (int way = 0; way < IMPAIR_WAYS; way++)
				memory_free(&f->memory[way]);
			close(f->fd);
			free(f);
		}
	}
	if (r->listener >= 0)
		close(r->listener);
	if (r->epoll >= 0)
		close(r->epoll);
	free(r);
}

int impair_relay_fd(const struct impair_relay *r)
{
	return r->epoll;
}

uint64_t impair_relay_next_ms(const struct impair_relay *r)
{
	const uint64_t next = wheel_next_ms(&r->wheel);
	return r->repeat_ms != 0 && r->repeat_ms < next ? r->repeat_ms : next;
}

struct impair_counts impair_relay_counts(const struct impair_relay *r)
{
	return r->counts;
}
