/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/impair_relay.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lab/impair_parts.h"
#include "tests/lab/pcap.h"
#include "tests/lab/udp.h"

enum { EVENTS = 64, BURST = 64, STRANGER_SEES = MEMORY_EACH_MAX };

static struct flow **bucket_of(struct impair_relay *r, const struct net_addr *client)
{
	uint32_t h = 2166136261U; /* FNV-1a; the clients are our own */
	for (size_t i = 0; i < sizeof(client->ip); i++)
		h = (h ^ client->ip[i]) * 16777619U;
	h = (h ^ (client->port & 0xffU)) * 16777619U;
	h = (h ^ (uint32_t)client->port >> 8) * 16777619U;
	return &r->buckets[h % IMPAIR_BUCKETS];
}

static void record(struct impair_relay *r, enum impair_side side, const struct net_addr *from,
	const struct net_addr *to, const struct parcel *p)
{
	if (r->place.record && (r->place.record_sides & side))
		pcap_write(r->place.record, from, to, p->data, p->len);
}

static enum spot_kind kind_of(const struct impair_relay *r)
{
	return r->place.loopback ? SPOT_ROAMING : SPOT_PLAIN;
}

/* It has lost its spot to another flow of the pool. */
static bool is_nowhere(const struct flow *f)
{
	return f->spot->owner != f;
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
	f->spot = spots_take(&r->spots, kind_of(r), f);
	if (!f->spot) {
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

/* What still comes to the old spot is late, and lost, as at a NAT. */
static void readdress(struct impair_relay *r, struct flow *f)
{
	struct spot *old = f->spot;
	const bool had = !is_nowhere(f);
	struct spot *fresh = spots_take(&r->spots, kind_of(r), f);
	if (!fresh)
		return;
	f->spot = fresh;
	if (had && old != fresh)
		spots_leave(&r->spots, old);
	f->moves += old != fresh;
	r->counts.readdressed += old != fresh;
}

static bool wants_to_move(struct impair_relay *r, struct flow *f, uint64_t now_ms)
{
	const bool roams = r->roams && impair_roams(&r->core, now_ms - f->heard_ms);
	const bool restless = f->restless;
	f->restless = false;
	return impair_readdress(&r->core, f->up) || roams || restless || is_nowhere(f);
}

void impair_send_now(struct impair_relay *r, const struct parcel *p)
{
	struct sockaddr_storage name;
	ssize_t n;
	if (p->way == IMPAIR_UP) {
		record(r, IMPAIR_SIDE_SERVER, &p->spot->local, &r->place.to, p);
		n = send(p->spot->fd, p->data, p->len, 0);
	} else {
		const socklen_t len = udp_to_sockaddr(&p->flow->client, &name);
		record(r, IMPAIR_SIDE_CLIENTS, &r->place.listen, &p->flow->client, p);
		n = sendto(r->listener, p->data, p->len, 0, (const struct sockaddr *)&name, len);
	}
	const bool sent = n == (ssize_t)p->len;
	if (!p->flow)
		r->counts.elsewhere += sent;
	else if (sent)
		r->counts.sent[p->way]++;
	else
		r->counts.refused[p->way]++;
}

static void release(struct impair_relay *r, struct parcel *p)
{
	p->ring.prev->next = p->ring.next;
	p->ring.next->prev = p->ring.prev;
	r->held_len--;
	spots_release(&r->spots, p->spot);
	free(p);
}

/* The stranger sees what leaves, when it leaves: what he repeats was always there before. */
static void dispatch(struct impair_relay *r, const struct parcel *p, uint64_t now_ms)
{
	impair_send_now(r, p);
	if (p->flow && p->way == IMPAIR_UP)
		impair_stranger_sees(r, p, now_ms);
}

static void parcel_due(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct parcel *p = CONTAINER_OF(t, struct parcel, timer);
	dispatch(ctx, p, now_ms);
	release(ctx, p);
}

void impair_hold(struct impair_relay *r, const struct parcel *p, uint64_t due_ms)
{
	struct parcel *copy = r->held_len < IMPAIR_HELD ? malloc(sizeof(*copy) + p->len) : NULL;
	if (!copy) {
		r->counts.lost[p->way] += p->flow != NULL;
		return;
	}
	memcpy(copy, p, sizeof(*copy) + p->len);
	copy->timer = (struct wheel_timer){ .fire = parcel_due };
	copy->ring = (struct ring){ .prev = r->held.prev, .next = &r->held };
	copy->ring.prev->next = copy->ring.next->prev = &copy->ring;
	r->held_len++;
	spots_hold(p->spot);
	wheel_arm(&r->wheel, &copy->timer, due_ms);
}

static void carry(struct impair_relay *r, const struct parcel *p, uint64_t now_ms)
{
	memory_add(&p->flow->memory[p->way], &r->rng, p->data, p->len);
	if (r->withholds && p->way == IMPAIR_UP) {
		r->counts.received[p->way]++;
		r->counts.withheld++;
		impair_stranger_keeps(r, p);
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
			dispatch(r, p, now_ms);
		else
			impair_hold(r, p, now_ms + fate.delay_ms[i]);
	}
}

static void from_clients(struct impair_relay *r, struct parcel *p, uint64_t now_ms)
{
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_storage name;
		struct net_addr client;
		socklen_t len = sizeof(name);
		const ssize_t n = recvfrom(r->listener, p->data, IMPAIR_DATAGRAM - sizeof(*p), 0,
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
		if (wants_to_move(r, p->flow, now_ms))
			readdress(r, p->flow);
		p->flow->up++;
		p->flow->heard_ms = now_ms;
		p->spot = p->flow->spot;
		carry(r, p, now_ms);
	}
}

static void from_server(
	struct impair_relay *r, struct spot *spot, struct parcel *p, uint64_t now_ms)
{
	for (int i = 0; i < BURST && spot->fd >= 0; i++) {
		const ssize_t n = recv(spot->fd, p->data, IMPAIR_DATAGRAM - sizeof(*p), 0);
		if (n < 0)
			return;
		p->flow = spot->owner;
		p->spot = spot;
		p->way = IMPAIR_DOWN;
		p->len = (size_t)n;
		r->counts.answers += spot->kind == SPOT_ELSEWHERE;
		record(r, IMPAIR_SIDE_SERVER, &r->place.to, &spot->local, p);
		if (p->flow) {
			p->flow->heard_ms = now_ms;
			carry(r, p, now_ms);
		} else {
			r->counts.late += spot->kind != SPOT_ELSEWHERE;
		}
	}
}

void impair_relay_withhold(struct impair_relay *r, bool withholds)
{
	r->withholds = withholds;
}

void impair_relay_roam(struct impair_relay *r, bool roams)
{
	r->roams = roams;
}

void impair_relay_move(struct impair_relay *r)
{
	for (struct flow *f = r->newest; f; f = f->older)
		f->restless = true;
}

void impair_relay_where(const struct impair_relay *r,
	void (*tell)(void *ctx, const struct net_addr *client, const struct net_addr *spot),
	void *ctx)
{
	static const struct net_addr nowhere;
	for (const struct flow *f = r->newest; f; f = f->older)
		tell(ctx, &f->client, is_nowhere(f) ? &nowhere : &f->spot->local);
}

void impair_relay_run(struct impair_relay *r, uint64_t now_ms)
{
	struct epoll_event events[EVENTS];
	struct parcel *p = impair_parcel(r);
	spots_bury(&r->spots);
	const int n = epoll_wait(r->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			from_server(r, events[i].data.ptr, p, now_ms);
		else
			from_clients(r, p, now_ms);
	}
	wheel_run(&r->wheel, now_ms, r);
	impair_repeat_some(r, now_ms);
}

/* Everything that depends on where the datagrams go. */
static bool open_spots(struct impair_relay *r, uint64_t seed)
{
	r->spots = (struct spots){ .to = r->place.to, .epoll = r->epoll, .rng = { seed } };
	if (r->place.stranger) {
		/* Not of the pool, which is opened afterwards. */
		r->stranger = spots_take(&r->spots, SPOT_ELSEWHERE, NULL);
		memory_init(&r->seen, STRANGER_SEES);
		if (!r->stranger)
			return false;
	}
	return spots_open(&r->spots, r->place.pool, kind_of(r));
}

static void elsewhere_ends(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct impair_relay *r = ctx;
	(void)t;
	(void)now_ms;
	r->elsewheres++;
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
	r->elsewhere_end.fire = elsewhere_ends;
	r->held.prev = r->held.next = &r->held;
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL };
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->listener = udp_socket(&place->listen);
	r->place = *place;
	if (r->epoll >= 0 && r->listener >= 0 &&
		epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->listener, &e) == 0 &&
		open_spots(r, rng_next(&r->rng)))
		return r;
	impair_relay_free(r);
	return NULL;
}

static void free_flow(struct impair_relay *r, struct flow *f)
{
	for (int way = 0; way < IMPAIR_WAYS; way++)
		memory_free(&f->memory[way]);
	if (!is_nowhere(f))
		spots_leave(&r->spots, f->spot);
	free(f);
}

void impair_relay_free(struct impair_relay *r)
{
	if (!r)
		return;
	while (r->held.next != &r->held)
		release(r, CONTAINER_OF(r->held.next, struct parcel, ring));
	while (r->newest) {
		struct flow *f = r->newest;
		r->newest = f->older;
		free_flow(r, f);
	}
	if (r->stranger)
		spots_end(&r->spots, r->stranger);
	spots_close(&r->spots);
	memory_free(&r->seen);
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

uint64_t impair_relay_seed(const struct impair_relay *r)
{
	return r->core.set.seed;
}

struct impair_counts impair_relay_counts(const struct impair_relay *r)
{
	struct impair_counts c = r->counts;
	c.moves_least = r->newest ? UINT64_MAX : 0;
	for (const struct flow *f = r->newest; f; f = f->older) {
		c.moves_least = f->moves < c.moves_least ? f->moves : c.moves_least;
		c.moves_most = f->moves > c.moves_most ? f->moves : c.moves_most;
	}
	return c;
}
