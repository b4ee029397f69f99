/* SPDX-License-Identifier: Apache-2.0 */
#include "town.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cellar.h"
#include "conf/credentials.h"
#include "dtls/profile.h"
#include "gateway/credentials_ops.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "io/inbox.h"
#include "io/steer.h"
#include "store/store.h"

enum { PATIENCE_MS = 8000, SERVER_SOCK = 0 };

static char only_name[] = "upstream";
static const char *const keys[TOWN_DEVICES][2] = {
	/* device, upstream */
	{ "8f3a61c5d27e904b1866aa0f3c95e27d", "77b0c1d92e4f8a6350fe11ca9d82b364" },
	{ "19c4d7305be86af2917d0e4cb82f63a5", "c2581f7ea09d4b3366e0974d1abf85d1" },
	{ "e06b92fd4a7c158364cf2d1ba7905e38", "5d94a3e8710bc62f8e13f7b4c9a0266d" },
};

/* An address of the process's own: a port that is shared by workers could be another town's,
   too. */
struct net_addr town_loopback(void)
{
	const uint32_t pid = (uint32_t)getpid();
	return (struct net_addr){
		.ip = { 127, (uint8_t)(64 + (pid >> 8 & 63)), (uint8_t)(pid & 255), 1 },
		.family = NET_IPV4,
	};
}

/* --- the town -------------------------------------------------------------------------------- */

static void make_credentials(struct town *t)
{
	struct conf_error error;
	char text[2048] = "credentials = (";
	size_t len = strlen(text);
	for (size_t i = 0; i < TOWN_DEVICES; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"%s { endpoint = \"urn:dev:%zu\"; identity = \"dev-%zu\"; key = \"%s\";"
			" upstream_identity = \"gw-%zu\"; upstream_key = \"%s\"; }",
			i > 0 ? "," : "", i, i, keys[i][0], i, keys[i][1]);
	(void)snprintf(text + len, sizeof(text) - len, ");");
	t->creds = cred_parse(text, "town", NULL, 0, &error);
	assert_non_null(t->creds);
}

static void make_server(struct town *t, bool is_reachable)
{
	const struct udp_options o = { .bind = town_loopback() };
	town_peer_init(&t->server, t, DTLS_SERVER);
	t->server.fds[SERVER_SOCK] = udp_open(&o);
	assert_true(t->server.fds[SERVER_SOCK] >= 0);
	assert_true(udp_local(t->server.fds[SERVER_SOCK], &t->upstreams[0].addresses[0]));
	t->server.len = 1;
	if (is_reachable)
		return;
	(void)close(t->server.fds[SERVER_SOCK]);
	t->server.len = 0;
}

static void configure(struct town *t)
{
	t->conf.workers = (uint32_t)t->workers_len;
	t->conf.upstreams = t->upstreams;
	t->conf.upstreams_len = 1;
	t->upstreams[0].name = only_name;
	t->upstreams[0].addresses_len = 1;
	t->upstreams[0].sources[0] = (struct conf_prefix){
		.base = { .ip = { 127, 0, 5, 0 }, .family = NET_IPV4 },
		.bits = 24,
	};
	t->upstreams[0].sources_len = 1;
	t->upstreams[0].sockets = 4;
	t->conf.device_initial_ms = 9000;
	t->conf.upstream_initial_ms = 1000;
	t->conf.handshake_max_ms = 60000;
	t->conf.handshake_lifetime_s = 180;
	t->conf.handshakes_max = 64;
	t->conf.handshake_bytes_max = 64 << 20;
	t->conf.relay_queue_messages = 4;
	t->conf.relay_queue_bytes = 1 << 20;
	t->conf.relay_awake_ms = 93000;
	t->conf.relay_asleep_messages = 4;
	t->conf.relay_asleep_wait_s = 247;
	t->conf.relay_answer_s = 93;
	t->conf.relay_message_max = 1280;
	t->conf.log_level = LOG_LEVEL_ERROR;
	t->conf.cid_random = 8;
	t->conf.store_evict_after_s = 60;
	t->conf.store_resumption = 100;
	t->conf.store_resumption_days = 30;
}

uint32_t town_cred(size_t device)
{
	return (uint32_t)device + 1; /* as they come */
}

static void changed(void *ctx, uint32_t number)
{
	struct town *t = ctx;
	for (size_t i = 0; i < t->workers_len && t->workers[i]; i++)
		assert_true(
			inbox_post(t->inboxes[i], INBOX_SURE, GW_CHANGED, &number, sizeof(number)));
}

void town_make_store(struct town *t)
{
	struct store_error why;
	struct conf_error error;
	static const struct log quiet = {
		.fd = STDERR_FILENO, .level = LOG_LEVEL_ERROR, .name = "town"
	};
	const struct store_settings s = { .boot_ms = town_clock_ms(),
		.wall_ms = town_clock_ms(),
		.resumable_max = 100,
		.log = &quiet };
	t->store = t->cellar ? cellar_open(t->cellar) : store_open(&s, &why);
	assert_non_null(t->store);
	const struct gw_credentials_settings c = {
		.store = t->store, .log = &quiet, .changed = changed, .ctx = t
	};
	t->credentials = gw_credentials_new(&c);
	assert_non_null(t->credentials);
	assert_true(gw_credentials_sync(t->credentials, t->creds, "town", &error));
}

static struct dtls_profile *profile(bool cid, bool gives, bool routability)
{
	struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *why = NULL;
	if (!cid)
		return NULL;
	s.cid = gives ? DTLS_CID_BOTH : DTLS_CID_SEND;
	s.routability = routability;
	struct dtls_profile *const p = dtls_profile_new(&s, &why);
	assert_non_null(p);
	return p;
}

struct dtls_profile *town_profile(const struct town *t, const struct town_peer *p)
{
	const struct town_cids *const c = &t->cids;
	return p->role == DTLS_CLIENT ? profile(c->gateway, c->device, c->routability)
				      : profile(c->links, c->server, true);
}

static void give_profiles(struct town *t, struct gw_worker *w)
{
	gw_profiles_fini(&w->profiles);
	w->profiles.listeners[0] = profile(t->cids.gateway, true, true);
	w->profiles.upstreams[0] = profile(t->cids.links, true, true);
	w->profiles.moves[0] = t->cids.move;
}

void town_use_cids(struct town *t, const struct town_cids *cids)
{
	t->cids = *cids;
	for (size_t i = 0; i < t->workers_len; i++)
		give_profiles(t, t->workers[i]);
	if (t->devices.profile)
		dtls_profile_unref(t->devices.profile);
	if (t->server.profile)
		dtls_profile_unref(t->server.profile);
	t->devices.profile = town_profile(t, &t->devices);
	t->server.profile = town_profile(t, &t->server);
}

static void make_workers(struct town *t, bool is_steered)
{
	for (size_t i = 0; i < t->workers_len; i++) {
		const struct udp_options o = { .bind = t->gateway, .reuse_port = true };
		const int fd = udp_open(&o);
		assert_true(fd >= 0);
		assert_true(udp_local(fd, &t->gateway));
		if (i == 0 && is_steered)
			assert_true(steer_attach(&t->shared.steer, fd, NET_IPV4));
		const struct gw_sockets sockets = { .listeners = &fd, .listeners_len = 1 };
		t->workers[i] = gw_worker_new(&t->shared, (uint32_t)i, &sockets);
		assert_non_null(t->workers[i]);
		give_profiles(t, t->workers[i]);
	}
}

void town_make_gateway(struct town *t, bool is_steered)
{
	town_make_store(t);
	t->shared = (struct gw_shared){
		.conf = &t->conf,
		.creds = t->creds,
		.rules = t->rules,
		.chronicle = t->chronicle,
		.store = t->store,
		.incarnation = store_start(t->store).incarnation,
		.seats = gw_seats_new(),
		.inboxes = t->inboxes,
		.steer = { .seed = 77, .owners = (uint32_t)t->workers_len },
		.keylog_fd = -1,
		.log_fd = STDERR_FILENO,
	};
	assert_non_null(t->shared.seats);
	for (size_t i = 0; i < t->workers_len; i++) {
		t->inboxes[i] = inbox_new();
		assert_non_null(t->inboxes[i]);
	}
	make_workers(t, is_steered);
}

struct town *town_found(size_t workers, bool is_reachable)
{
	struct town *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	assert_true(workers <= TOWN_WORKERS_MAX);
	t->workers_len = workers;
	make_credentials(t);
	configure(t);
	make_server(t, is_reachable);
	town_peer_init(&t->devices, t, DTLS_CLIENT);
	t->gateway = town_loopback();
	return t;
}

struct town *town_new(size_t workers, bool is_reachable, bool is_steered)
{
	struct town *t = town_found(workers, is_reachable);
	town_make_gateway(t, is_steered);
	return t;
}

void town_free(struct town *t)
{
	for (size_t i = 0; i < t->workers_len; i++)
		gw_worker_free(t->workers[i]);
	gw_credentials_free(t->credentials);
	store_close(t->store);
	for (size_t i = 0; i < t->workers_len; i++)
		inbox_free(t->inboxes[i]);
	town_peer_fini(&t->devices);
	town_peer_fini(&t->server);
	gw_seats_free(t->shared.seats);
	cred_free(t->creds);
	cellar_free(t->cellar);
	free(t);
}

void town_start(struct town *t)
{
	t->is_threaded = true;
	for (size_t i = 0; i < t->workers_len; i++)
		assert_int_equal(
			pthread_create(&t->threads[i], NULL, gw_worker_run, t->workers[i]), 0);
}

void town_stop(struct town *t)
{
	for (size_t i = 0; i < t->workers_len; i++)
		assert_true(inbox_post(t->inboxes[i], INBOX_SURE, GW_STOP, NULL, 0));
	for (size_t i = 0; i < t->workers_len; i++)
		assert_int_equal(pthread_join(t->threads[i], NULL), 0);
	t->is_threaded = false;
}

static void rest(const struct town *t)
{
	struct pollfd fds[TOWN_SOCKETS + 1];
	size_t n = 0;
	for (size_t i = 0; i < t->devices.len; i++)
		fds[n++] = (struct pollfd){ .fd = t->devices.fds[i], .events = POLLIN };
	if (t->server.len > 0)
		fds[n++] = (struct pollfd){ .fd = t->server.fds[SERVER_SOCK], .events = POLLIN };
	(void)poll(fds, n, 1);
}

void town_turn(struct town *t)
{
	for (size_t i = 0; i < t->workers_len; i++) {
		if (!t->asleep[i] && !t->is_threaded)
			gw_worker_turn(t->workers[i]);
	}
	const bool busy = town_peer_turn(&t->devices);
	if (!town_peer_turn(&t->server) && !busy)
		rest(t);
}

void town_until(struct town *t, const size_t *count, size_t n)
{
	const uint64_t end_ms = town_clock_ms() + PATIENCE_MS;
	while (*count < n && town_clock_ms() < end_ms)
		town_turn(t);
	assert_int_equal(*count, n);
}

void town_turns(struct town *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		town_turn(t);
}

size_t town_socket(struct town *t, uint32_t owner)
{
	const struct udp_options o = { .bind = town_loopback() };
	const size_t n = t->devices.len;
	struct net_addr self;
	assert_true(n < TOWN_SOCKETS);
	for (;;) {
		const int fd = udp_open(&o);
		assert_true(fd >= 0 && udp_local(fd, &self));
		if (steer_owner(&t->shared.steer, &self) == owner) {
			t->devices.fds[n] = fd;
			t->devices.len++;
			return n;
		}
		(void)close(fd);
	}
}

void town_connect(struct town *t, size_t device, size_t socket)
{
	struct cred_key key;
	cred_device_key(t->creds, (uint32_t)device, &key);
	const struct dtls_peer peer = {
		.path = { .peer = t->gateway, .sock = (uint32_t)socket },
		.identity = key.identity,
		.identity_len = key.identity_len,
		.key = key.key,
		.key_len = key.key_len,
		.cred = (uint32_t)device,
		.profile = t->devices.profile,
	};
	assert_int_equal(dtls_connect(t->devices.dtls, &peer, town_clock_ms()), DTLS_OK);
}

void town_move(struct town *t, size_t from, size_t to)
{
	const struct net_path path = { .peer = t->gateway, .sock = (uint32_t)to };
	struct dtls_conn *const c = t->devices.conns[from];
	assert_non_null(c);
	assert_true(dtls_confirm(t->devices.dtls, c, &path));
	t->devices.conns[from] = NULL;
	t->devices.conns[to] = c;
}

static void say(struct town *t, size_t socket, const uint8_t *msg, size_t len)
{
	assert_non_null(t->devices.conns[socket]);
	assert_int_equal(dtls_send(t->devices.dtls, t->devices.conns[socket], msg, len), DTLS_OK);
}

void town_register(struct town *t, size_t device, size_t socket)
{
	/* CON POST, Uri-Path: rd, Content-Format: 40, Uri-Query: ep=urn:dev:0, payload </1/0> */
	uint8_t msg[] = { 0x40, 2, 0, 0, 0xb2, 'r', 'd', 0x11, 40, 0x3c, 'e', 'p', '=', 'u', 'r',
		'n', ':', 'd', 'e', 'v', ':', '0', 0xff, '<', '/', '1', '/', '0', '>' };
	t->mid++;
	msg[2] = (uint8_t)(t->mid >> 8);
	msg[3] = (uint8_t)(t->mid & 0xff);
	msg[21] = (uint8_t)('0' + device);
	say(t, socket, msg, sizeof(msg));
}

void town_update(struct town *t, size_t socket)
{
	uint8_t msg[] = { 0x40, 2, 0, 0, 0xb2, 'r', 'd', 0x02, '5', 'a' };
	t->mid++;
	msg[2] = (uint8_t)(t->mid >> 8);
	msg[3] = (uint8_t)(t->mid & 0xff);
	say(t, socket, msg, sizeof(msg));
}

void town_ask(struct town *t, size_t device)
{
	enum { TOKEN_AT = 4 };
	uint8_t msg[] = { 0x42, TOWN_CODE_GET, 0, 0, 't', 0, 0xb1, '3', 0x01, '0' };
	struct dtls_conn *const c = t->server.conns[device];
	t->mid++;
	msg[2] = (uint8_t)(t->mid >> 8);
	msg[3] = (uint8_t)(t->mid & 0xff);
	msg[TOKEN_AT + 1] = msg[3];
	assert_non_null(c);
	assert_int_equal(dtls_send(t->server.dtls, c, msg, sizeof(msg)), DTLS_OK);
}
