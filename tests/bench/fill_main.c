/* SPDX-License-Identifier: Apache-2.0 */
/* bench-fill: a store with very many sessions, each of a device and a link that sleep. */
#include <getopt.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "dtls/context.h"
#include "store/store.h"
#include "tests/lab/loop.h"
#include "tests/lab/sleeper.h"

enum option_id { DIR = 1, KEY, TOKEN, COUNT, DEVICE_PORT, GATEWAY_PORT, LINK_PORT, SERVER_PORT };
enum { AT_ONCE = 5000, LIFETIME_S = 86400, KEY_LEN = 16, SAY_EVERY = 100000, SLOT_STEP = 4096 };
enum { CCM_8 = 0xc0a8 }; /* TLS_PSK_WITH_AES_128_CCM_8 */

static const struct option options[] = {
	{ "dir", required_argument, NULL, DIR },
	{ "key", required_argument, NULL, KEY },
	{ "token", required_argument, NULL, TOKEN },
	{ "count", required_argument, NULL, COUNT },
	{ "device-port", required_argument, NULL, DEVICE_PORT },
	{ "gateway-port", required_argument, NULL, GATEWAY_PORT },
	{ "link-port", required_argument, NULL, LINK_PORT },
	{ "server-port", required_argument, NULL, SERVER_PORT },
	{ NULL, 0, NULL, 0 },
};

struct plan {
	const char *dir, *key, *token;
	uint32_t count;
	uint16_t device_port, gateway_port, link_port, server_port;
};

struct batch {
	struct store_op op; /* first */
	const struct plan *plan;
	struct store *store;
	uint32_t from, len;
	sem_t *done;
};

static _Noreturn void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench-fill: %s: %s\n", what, why);
	exit(1);
}

static void random_bytes(uint8_t *out, size_t len)
{
	if (getrandom(out, len, 0) != (ssize_t)len)
		die("getrandom", "short");
}

static struct store_cred cred_of(uint32_t i)
{
	struct store_cred c = { .state = STORE_CRED_ACTIVE,
		.origin = STORE_BY_CONTROL,
		.key_len = KEY_LEN,
		.upstream_key_len = KEY_LEN };
	sleeper_endpoint(i, c.endpoint);
	c.identity_len = (uint8_t)snprintf((char *)c.identity, sizeof(c.identity), "dev-%u", i);
	c.upstream_identity_len = (uint8_t)snprintf(
		(char *)c.upstream_identity, sizeof(c.upstream_identity), "up-%u", i);
	random_bytes(c.key, KEY_LEN);
	random_bytes(c.upstream_key, KEY_LEN);
	return c;
}

static struct store_assoc assoc_of(
	const struct plan *p, uint32_t i, const struct store_cred *c, enum sleeper_leg leg)
{
	struct sleeper_keys keys;
	struct dtls_context k = { .suite = CCM_8, .guard = DTLS_GUARD_CCM_8 };
	const struct net_addr listener = {
		.ip = { 127, 0, 0, 1 }, .port = p->gateway_port, .family = NET_IPV4
	};
	const struct net_addr server = {
		.ip = { 127, 0, 0, 1 }, .port = p->server_port, .family = NET_IPV4
	};
	const bool device = leg == SLEEPER_DEVICE;
	struct store_assoc a = { .cred = c->number,
		.generation = c->generation,
		.path = { .role = device ? STORE_DEVICE : STORE_LINK,
			.peer = device ? sleeper_device(i, p->device_port) : server,
			.local = device ? listener : sleeper_link(i, p->link_port) },
		.state = { .edge = SLEEPER_NUMBER,
			.seen = (1U << SLEEPER_NUMBER) - 1,
			.sent = SLEEPER_NUMBER } };
	if (!sleeper_keys(i, leg, &keys))
		die("sleeper_keys", "the library failed");
	k.in = keys.in;
	k.out = keys.out;
	random_bytes(a.id, sizeof(a.id));
	a.context_len = dtls_context_encode(&k, a.context);
	return a;
}

static enum store_result put_session(struct store_txn *t, const struct batch *b, uint32_t i)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	struct store_cred c = cred_of(i);
	enum store_result r = store_cred_put(t, &c);
	if (r != STORE_OK)
		return r;
	const uint64_t owner = slot_owner(store_start(b->store).incarnation, 0);
	struct store_assoc device = assoc_of(b->plan, i, &c, SLEEPER_DEVICE);
	struct store_assoc link = assoc_of(b->plan, i, &c, SLEEPER_LINK);
	r = store_assoc_put(t, &device, owner);
	if (r == STORE_OK)
		r = store_assoc_put(t, &link, owner);
	struct store_session s = { .cred = c.number,
		.device = device.slot,
		.link = link.slot,
		.worker = 0,
		.workers = 1,
		.registered = true,
		.lifetime_s = LIFETIME_S,
		.expires_ms =
			store_time(b->store, (uint64_t)now.tv_sec * 1000) + LIFETIME_S * 1000ULL };
	sleeper_location(i, s.location);
	return r == STORE_OK ? store_session_put(t, &s) : r;
}

/* As the gateway writes it: in whole steps (GW_SLOT_STEP), or it would not see where its next one
   begins. */
static uint32_t marked(uint32_t count)
{
	return (count + SLOT_STEP - 1) / SLOT_STEP * SLOT_STEP;
}

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	const struct batch *b = (const struct batch *)(const void *)op;
	enum store_result r = STORE_OK;
	if (b->from == 0) { /* one socket for all links, and so many places of it in use */
		r = store_port_put(t, 0, 0, b->plan->link_port);
		if (r == STORE_OK)
			r = store_port_put(t, 0, STORE_PORT_MARK, marked(b->plan->count));
	}
	for (uint32_t i = b->from; r == STORE_OK && i < b->from + b->len; i++)
		r = put_session(t, b, i);
	return r;
}

static void done(struct store_op *op, enum store_result r)
{
	struct batch *b = (struct batch *)(void *)op;
	if (r != STORE_OK)
		die("a batch was not committed", r == STORE_FULL ? "full" : "failed");
	(void)sem_post(b->done);
}

static struct store *open_store(const struct plan *p)
{
	struct timespec boot, wall;
	struct store_error error;
	const struct log log = {
		.fd = STDERR_FILENO, .level = LOG_LEVEL_WARN, .name = "bench-fill"
	};
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	(void)clock_gettime(CLOCK_REALTIME, &wall);
	const struct store_settings set = { .dir = p->dir,
		.kek = { .kind = KEK_FILE, .name = p->key, .store_dir = p->dir },
		.token = p->token,
		.boot_ms = (uint64_t)boot.tv_sec * 1000,
		.wall_ms = (uint64_t)wall.tv_sec * 1000,
		.log = &log };
	struct store *s = store_open(&set, &error);
	if (!s)
		die("store", error.text);
	return s;
}

static void fill(const struct plan *p)
{
	struct store *s = open_store(p);
	sem_t wait;
	if (sem_init(&wait, 0, 0) != 0)
		die("sem_init", "failed");
	for (uint32_t from = 0; from < p->count; from += AT_ONCE) {
		struct batch b = { .op = { .run = run, .done = done },
			.plan = p,
			.store = s,
			.from = from,
			.len = p->count - from < AT_ONCE ? p->count - from : AT_ONCE,
			.done = &wait };
		store_submit(s, &b.op);
		while (sem_wait(&wait) != 0)
			continue;
		if ((from + b.len) % SAY_EVERY == 0)
			(void)fprintf(stderr, "# %u sessions in the store\n", from + b.len);
	}
	const struct store_stats stats = store_stats(s);
	(void)printf("{\"event\":\"filled\",\"sessions\":%llu,\"associations\":%llu,"
		     "\"file_bytes\":%llu,\"hot_bytes\":%llu}\n",
		(unsigned long long)stats.sessions, (unsigned long long)stats.associations,
		(unsigned long long)stats.file_bytes, (unsigned long long)stats.hot_bytes);
	store_close(s);
}

static void take_option(struct plan *p, int id)
{
	switch (id) {
	case DIR:
		p->dir = optarg;
		return;
	case KEY:
		p->key = optarg;
		return;
	case TOKEN:
		p->token = optarg;
		return;
	case COUNT:
		p->count = option_number("count", optarg, 1, SLEEPERS_MAX);
		return;
	case DEVICE_PORT:
		p->device_port = (uint16_t)option_number("device-port", optarg, 1, UINT16_MAX);
		return;
	case GATEWAY_PORT:
		p->gateway_port = (uint16_t)option_number("gateway-port", optarg, 1, UINT16_MAX);
		return;
	case LINK_PORT:
		p->link_port = (uint16_t)option_number("link-port", optarg, 1, UINT16_MAX);
		return;
	case SERVER_PORT:
		p->server_port = (uint16_t)option_number("server-port", optarg, 1, UINT16_MAX);
		return;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct plan p = { .count = 0 };
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;)
		take_option(&p, id);
	if (!p.dir || !p.key || !p.token || p.count == 0 || p.server_port == 0)
		die("options", "--dir --key --token --count and the four ports are needed");
	fill(&p);
	return fflush(stdout) == 0 ? 0 : 1;
}
