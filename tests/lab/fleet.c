/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/credentials.h"
#include "tests/lab/udp.h"

enum { PAUSE_MS = 500, PAUSE_DOUBLINGS = 5, STEP_MS = 5, SAY_MS = 1000 };
enum { LOOPBACK = 127, HOSTS = 16 };  /* the first device is 127.16.0.1 */
enum { TLS12_CID = 25, CID_AT = 11 }; /* RFC 9146 4 */

static struct fleet *fleet_of(struct host *h)
{
	return (struct fleet *)(void *)h; /* its first member */
}

static void set_link(struct fleet *f, struct fleet_device *d, enum fleet_link link)
{
	f->links[d->link]--;
	f->links[link]++;
	d->link = link;
}

static void pause_device(struct fleet *f, struct fleet_device *d)
{
	const bool had_all = d->model.location[0] != 0;
	if (f->stop_ms != 0 || (f->set->once && had_all)) {
		set_link(f, d, FLEET_DONE);
		return;
	}
	const uint32_t doublings = d->fails < PAUSE_DOUBLINGS ? d->fails : PAUSE_DOUBLINGS;
	const uint32_t wait = (uint32_t)PAUSE_MS << doublings;
	if (d->fails < UINT8_MAX)
		d->fails++;
	set_link(f, d, FLEET_PAUSE);
	wheel_arm(&f->host.wheel, &d->timer,
		f->host.now_ms + rng_between(&d->model.rng, wait / 2, wait));
}

static void connect_device(struct fleet *f, struct fleet_device *d)
{
	struct cred_key key;
	cred_device_key(f->creds, d->number, &key);
	const struct dtls_peer peer = { .path = d->path,
		.identity = key.identity,
		.identity_len = key.identity_len,
		.key = key.key,
		.key_len = key.key_len,
		.cred = d->number,
		.user = d,
		.profile = f->profile };
	set_link(f, d, FLEET_HANDSHAKE);
	const enum dtls_result result = dtls_connect(f->host.engine, &peer, f->host.now_ms);
	wipe(&key, sizeof(key));
	if (result != DTLS_OK)
		pause_device(f, d);
}

/* Counts transitions of `registered`, whatever the reason. */
static void count_registered(struct fleet *f, struct fleet_device *d, bool before)
{
	const bool after = d->model.state == DEVICE_REGISTERED;
	f->registered += (uint32_t)after - (uint32_t)before;
	if (after && !before)
		d->fails = 0;
}

static void drop_link(struct fleet *f, struct fleet_device *d)
{
	struct dtls_conn *conn = d->conn;
	d->conn = NULL;
	dtls_close(f->host.engine, conn);
	device_link_lost(&d->model);
}

void fleet_settle(struct fleet *f, struct fleet_device *d)
{
	if (d->link != FLEET_UP)
		return;
	if (d->model.state == DEVICE_GONE) {
		drop_link(f, d);
		wheel_cancel(&f->host.wheel, &d->timer);
		set_link(f, d, FLEET_DONE);
		return;
	}
	if (d->model.state == DEVICE_LOST) {
		drop_link(f, d);
		f->counts.again++;
		pause_device(f, d);
		return;
	}
	const uint64_t next = device_next_ms(&d->model);
	if (next == UINT64_MAX)
		wheel_cancel(&f->host.wheel, &d->timer);
	else if (!wheel_armed(&d->timer) || d->timer.due_ms != next)
		wheel_arm(&f->host.wheel, &d->timer, next);
}

static void timer_fired(struct wheel_timer *t, void *ctx, uint64_t now_ms)
{
	struct fleet *f = ctx;
	struct fleet_device *d = CONTAINER_OF(t, struct fleet_device, timer);
	if (d->link == FLEET_PAUSE) {
		connect_device(f, d);
		return;
	}
	const bool before = d->model.state == DEVICE_REGISTERED;
	device_tick(&d->model, now_ms);
	count_registered(f, d, before);
	fleet_settle(f, d);
}

static void on_up(void *ctx, struct dtls_conn *c)
{
	struct fleet *f = ctx;
	struct fleet_device *d = dtls_conn_user(c);
	d->conn = c;
	f->counts.handshakes++;
	f->counts.cids += dtls_conn_facts(c).cid_out_len > 0;
	set_link(f, d, FLEET_UP);
	device_start(&d->model, f->host.now_ms);
	count_registered(f, d, false);
	fleet_settle(f, d);
}

static void on_message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct fleet *f = ctx;
	struct fleet_device *d = dtls_conn_user(c);
	const bool before = d->model.state == DEVICE_REGISTERED;
	device_input(&d->model, msg, len, f->host.now_ms);
	count_registered(f, d, before);
	fleet_settle(f, d);
}

static void on_down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct fleet *f = ctx;
	struct fleet_device *d = dtls_conn_user(c);
	const bool before = d->model.state == DEVICE_REGISTERED;
	f->counts.ended[why]++;
	d->conn = NULL;
	wheel_cancel(&f->host.wheel, &d->timer);
	device_link_lost(&d->model);
	count_registered(f, d, before);
	f->counts.again++;
	pause_device(f, d);
}

static void on_failed(void *ctx, const struct dtls_failure *failure)
{
	struct fleet *f = ctx;
	struct fleet_device *d = failure->user;
	f->counts.failed[failure->cause]++;
	pause_device(f, d);
}

static void model_send(void *ctx, struct device *m, const uint8_t *msg, size_t len)
{
	struct fleet *f = ctx;
	struct fleet_device *d = CONTAINER_OF(m, struct fleet_device, model);
	/* A record that cannot be sent is lost like any other; the model's timers find out. */
	if (d->conn && dtls_send(f->host.engine, d->conn, msg, len) != DTLS_OK)
		f->counts.unsent++;
}

static void model_ended(
	void *ctx, struct device *m, enum device_exchange what, enum device_outcome how)
{
	if (what == DEVICE_LOAD)
		fleet_load_ended(ctx, CONTAINER_OF(m, struct fleet_device, model), how);
}

static bool is_shared(const struct fleet *f)
{
	return f->set->server.family == NET_IPV4 && f->set->server.ip[0] == LOOPBACK;
}

/* All devices have one engine, which finds them by their CIDs: but a device of its own would know
   nothing to do with what was sent to its address for another one. */
static bool is_astray(
	struct host *h, const struct net_path *path, const uint8_t *datagram, size_t len)
{
	struct fleet *f = fleet_of(h);
	const uint8_t *ip = path->local_ip;
	size_t cid_len = 0;
	if (!is_shared(f) || len < CID_AT || datagram[0] != TLS12_CID)
		return false;
	const uint32_t host = ((uint32_t)ip[1] - HOSTS) << 16 | (uint32_t)ip[2] << 8 | ip[3];
	if (host == 0 || host > f->set->devices || !f->devices[host - 1].conn)
		return false;
	const uint8_t *cid = dtls_conn_cid(f->devices[host - 1].conn, &cid_len);
	if (cid && len >= CID_AT + cid_len && memcmp(datagram + CID_AT, cid, cid_len) == 0)
		return false;
	f->counts.astray++;
	return true;
}

/* A few sockets for all on loopback, where any 127.x.y.z is ours; else one for each device. */
static bool place_devices(struct fleet *f)
{
	const struct net_addr *server = &f->set->server;
	const bool shared = is_shared(f);
	uint32_t socket = 0;
	struct net_addr here = { .family = server->family };
	if (!shared && !udp_source(server, &here)) {
		(void)fprintf(stderr, "no way to the server: %s\n", strerror(errno));
		return false;
	}
	for (uint32_t i = 0; i < f->set->devices; i++) {
		struct net_path *path = &f->devices[i].path;
		struct net_addr any = here;
		if ((!shared || i < FLEET_SOCKETS) && !udp_set_open(f->host.udp, &any, &socket)) {
			(void)fprintf(stderr, "cannot open socket %u: %s\n", i, strerror(errno));
			return false;
		}
		*path = (struct net_path){ .peer = *server,
			.sock = shared ? i % FLEET_SOCKETS : socket };
		if (!shared) {
			memcpy(path->local_ip, here.ip, sizeof(here.ip));
			continue;
		}
		const uint32_t host = i + 1;
		const uint8_t ip[4] = { LOOPBACK, (uint8_t)(HOSTS + (host >> 16)),
			(uint8_t)(host >> 8), (uint8_t)host };
		memcpy(path->local_ip, ip, sizeof(ip));
	}
	return true;
}

bool fleet_open(struct fleet *f, const struct fleet_settings *set, const struct cred_set *creds)
{
	struct dtls_settings dtls = dtls_settings_default();
	struct dtls_owner owner = {
		.up = on_up, .message = on_message, .down = on_down, .failed = on_failed
	};
	*f = (struct fleet){ .set = set, .creds = creds, .load_rate = set->load_rate };
	f->host.refuses = is_astray;
	if (!cids_profile(set->cid, !set->no_rrc, &f->profile))
		return false;
	dtls.initial_ms[DTLS_CLIENT] = set->initial_ms;
	dtls.handshakes_max = set->handshakes_max;
	dtls.handshake_bytes_max = SIZE_MAX; /* the count bounds it */
	f->owner = (struct device_owner){ .ctx = f,
		.send = model_send,
		.ended = model_ended,
		.asked = set->tokens_once ? fleet_tokens_asked : NULL,
		.settings = &set->device,
		.counts = &f->model_counts };
	f->devices = calloc(set->devices, sizeof(*f->devices));
	if (!f->devices || !host_open(&f->host, DTLS_CLIENT, &dtls, &owner,
				   set->devices + (size_t)FLEET_SOCKETS))
		return false;
	f->links[FLEET_NOT_YET] = set->devices;
	for (uint32_t i = 0; i < set->devices; i++) {
		struct fleet_device *d = &f->devices[i];
		device_init(
			&d->model, &f->owner, cred_endpoint(creds, i), set->seed * 0x100000000 + i);
		d->fleet = f;
		d->number = i;
		d->timer.fire = timer_fired;
	}
	f->begun_ms = f->host.now_ms;
	return place_devices(f);
}

void fleet_close(struct fleet *f)
{
	host_close(&f->host);
	if (f->profile)
		dtls_profile_unref(f->profile);
	for (uint32_t i = 0; f->devices && i < f->set->devices; i++)
		free(f->devices[i].tokens.seen);
	free(f->devices);
	free(f->trips);
}

static uint64_t allowance(const struct fleet *f, uint64_t since_ms)
{
	return (f->host.now_ms - since_ms) * f->set->rate / 1000 + 1;
}

static void start_some(struct fleet *f)
{
	const uint64_t allowed = allowance(f, f->begun_ms);
	while (f->started < f->set->devices && f->started < allowed &&
		f->links[FLEET_HANDSHAKE] < f->set->handshakes_max)
		connect_device(f, &f->devices[f->started++]);
}

static void stop_device(struct fleet *f, struct fleet_device *d)
{
	const bool before = d->model.state == DEVICE_REGISTERED;
	if (d->link == FLEET_HANDSHAKE)
		dtls_connect_cancel(f->host.engine, &d->path);
	if (d->link == FLEET_UP) {
		device_stop(&d->model, f->host.now_ms);
		count_registered(f, d, before);
		fleet_settle(f, d);
		return;
	}
	if (d->link == FLEET_DONE)
		return;
	wheel_cancel(&f->host.wheel, &d->timer);
	set_link(f, d, FLEET_DONE);
}

static void stop_some(struct fleet *f)
{
	const uint64_t allowed = allowance(f, f->stop_ms);
	while (f->stopped < f->set->devices && f->stopped < allowed)
		stop_device(f, &f->devices[f->stopped++]);
}

static void begin_stop(struct fleet *f)
{
	if (f->stop_ms != 0)
		return;
	f->load_on = false;
	f->stop_ms = f->host.now_ms;
	fleet_say("leaving");
}

static void step(struct host *h)
{
	struct fleet *f = fleet_of(h);
	if (f->stop_ms == 0)
		start_some(f);
	else
		stop_some(f);
	if (f->all_ms == 0 && f->registered == f->set->devices) {
		f->all_ms = h->now_ms;
		f->load_on = f->set->load;
		f->load_since_ms = h->now_ms;
		fleet_say("all_registered");
	}
	if (f->all_ms != 0 && f->set->duration_s != 0 &&
		h->now_ms >= f->all_ms + f->set->duration_s * 1000ULL)
		begin_stop(f);
	fleet_load_step(f);
	if (h->now_ms >= f->said_ms + SAY_MS) {
		f->said_ms = h->now_ms;
		fleet_say_progress(f);
	}
}

/* False: the end at once. */
static bool obey(struct fleet *f)
{
	char order[ORDER_MAX];
	while (orders_next(&f->host.orders, order)) {
		if (strcmp(order, "quit") == 0 && f->stop_ms != 0)
			return false;
		if (strcmp(order, "quit") == 0)
			begin_stop(f);
		else if (strcmp(order, "rest") == 0)
			f->load_on = false;
		else if (strncmp(order, "load ", 5) == 0 && f->all_ms != 0 && f->stop_ms == 0)
			fleet_load_order(f, order + 5);
		else if (strncmp(order, "speak ", 6) == 0)
			fleet_load_speak(f, strtoull(order + 6, NULL, 10));
	}
	udp_flush(f->host.udp); /* the next turn may be long in coming */
	return true;
}

void fleet_run(struct fleet *f)
{
	f->said_ms = f->host.now_ms;
	for (;;) {
		const bool pacing =
			f->stop_ms ? f->stopped < f->set->devices : f->started < f->set->devices;
		uint64_t wake = f->said_ms + SAY_MS;
		if (pacing || (f->load_on && f->load_rate))
			wake = f->host.now_ms + STEP_MS;
		else if (f->all_ms && f->set->duration_s && !f->stop_ms &&
			 f->all_ms + f->set->duration_s * 1000ULL < wake)
			wake = f->all_ms + f->set->duration_s * 1000ULL;
		if (host_turn(&f->host, wake, step) && !obey(f))
			break;
		if (f->stop_ms != 0 && (f->set->abrupt || f->links[FLEET_DONE] == f->set->devices))
			break;
	}
	fleet_say_summary(f);
}
