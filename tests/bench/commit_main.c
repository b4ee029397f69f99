/* SPDX-License-Identifier: Apache-2.0 */
/* bench-commit: what the store makes durable in a second, beside one append and fdatasync each; and
   how often slots can be marked. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "store/proof.h"
#include "store/store.h"
#include "tests/lab/loop.h"
#include "tests/lab/rng.h"

enum option_id { DIR = 1, KEY, TOKEN, ROUNDS, MS, WINDOW, SLOTS };
enum {
	CONTEXT = 49,     /* what the engine writes of an association, about */
	RAW_BYTES = 1024, /* of one append: about what a session's rows have */
	STEPS = 3,        /* commits that a session waits for: device, link, registration */
	BATCH = 64,       /* slots that are marked in a worker's turn */
	CREDS = 4096,
	PATH = 4096,
};

static const struct option options[] = {
	{ "dir", required_argument, NULL, DIR },
	{ "key", required_argument, NULL, KEY },
	{ "token", required_argument, NULL, TOKEN },
	{ "rounds", required_argument, NULL, ROUNDS },
	{ "ms", required_argument, NULL, MS },
	{ "window", required_argument, NULL, WINDOW },
	{ "slots", required_argument, NULL, SLOTS },
	{ NULL, 0, NULL, 0 },
};

struct plan {
	const char *dir, *key, *token;
	uint32_t rounds, ms, window, slots;
};

struct bench;

/* A session on its way: as in lwgated each step is an operation of its own, begun when the one
   before is durable. */
struct walker {
	struct store_op op; /* first */
	struct bench *bench;
	uint32_t number; /* of the session */
	unsigned step;
	struct store_session row;
};

struct bench {
	const struct plan *plan;
	struct store *store;
	uint64_t generations[CREDS];
	_Atomic uint64_t sessions;
	_Atomic uint32_t next;
	atomic_bool going;
	_Atomic uint32_t walking;
	sem_t idle;
};

static _Noreturn void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "bench-commit: %s: %s\n", what, why);
	exit(1);
}

static void random_bytes(uint8_t *out, size_t len)
{
	if (getrandom(out, len, 0) != (ssize_t)len)
		die("getrandom", "short");
}

/* --- one append and fdatasync each ------------------------------------------------------------ */

static double raw_round(const struct plan *p)
{
	char name[PATH];
	uint8_t bytes[RAW_BYTES];
	uint64_t n = 0;
	(void)snprintf(name, sizeof(name), "%s.raw", p->dir);
	const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		die(name, strerror(errno));
	random_bytes(bytes, sizeof(bytes));
	const uint64_t begin = loop_now_us(), end = begin + p->ms * 1000ULL;
	while (loop_now_us() < end) {
		if (write(fd, bytes, sizeof(bytes)) != RAW_BYTES || fdatasync(fd) != 0)
			die(name, strerror(errno));
		n++;
	}
	const double rate = (double)n * 1e6 / (double)(loop_now_us() - begin);
	(void)close(fd);
	(void)unlink(name);
	return rate;
}

/* --- the store's writer ----------------------------------------------------------------------- */

static struct store_assoc assoc_of(const struct walker *w, enum store_role role)
{
	const uint32_t n = w->number;
	const struct net_addr here = { .ip = { 127, 0, 0, 1 }, .port = 5684, .family = NET_IPV4 };
	const struct net_addr there = { .ip = { 127, (uint8_t)(128 + (n >> 16)), (uint8_t)(n >> 8),
						(uint8_t)n },
		.port = (uint16_t)(10000 + role),
		.family = NET_IPV4 };
	struct store_assoc a = { .cred = w->row.cred,
		.generation = w->bench->generations[w->row.cred - 1],
		.path = { .role = (uint8_t)role, .peer = there, .local = here },
		.state = { .edge = 1, .seen = 1, .sent = 1 },
		.context_len = CONTEXT };
	random_bytes(a.id, sizeof(a.id));
	random_bytes(a.context, a.context_len);
	return a;
}

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	struct walker *w = (struct walker *)(void *)op;
	const uint64_t owner = slot_owner(store_start(w->bench->store).incarnation, 0);
	if (w->step < 2) {
		struct store_assoc a = assoc_of(w, w->step == 0 ? STORE_DEVICE : STORE_LINK);
		const enum store_result r = store_assoc_put(t, &a, owner);
		if (r != STORE_OK)
			return r;
		*(w->step == 0 ? &w->row.device : &w->row.link) = a.slot;
	}
	w->row.registered = w->step == 2;
	return store_session_put(t, &w->row);
}

static void begin_session(struct walker *w)
{
	w->number = atomic_fetch_add(&w->bench->next, 1);
	w->step = 0;
	w->row = (struct store_session){ .cred = 1 + w->number % CREDS,
		.device = STORE_NO_SLOT,
		.link = STORE_NO_SLOT,
		.workers = 1,
		.lifetime_s = 86400,
		.location = "rd/5a3f" };
	w->row.expires_ms = store_time(w->bench->store, 0) + 86400000;
}

static void done(struct store_op *op, enum store_result r)
{
	struct walker *w = (struct walker *)(void *)op;
	struct bench *b = w->bench;
	if (r != STORE_OK)
		die("an operation failed", r == STORE_FULL ? "full" : "not full");
	if (++w->step == STEPS) {
		atomic_fetch_add(&b->sessions, 1);
		begin_session(w);
	}
	if (atomic_load(&b->going)) {
		store_submit(b->store, op);
		return;
	}
	if (atomic_fetch_sub(&b->walking, 1) == 1)
		(void)sem_post(&b->idle);
}

static double store_round(struct bench *b)
{
	const struct plan *p = b->plan;
	const struct timespec round = { .tv_sec = p->ms / 1000,
		.tv_nsec = (long)(p->ms % 1000) * 1000000 };
	struct walker *walkers = calloc(p->window, sizeof(*walkers));
	if (!walkers)
		die("walkers", "memory");
	atomic_store(&b->going, true);
	atomic_store(&b->walking, p->window);
	atomic_store(&b->sessions, 0);
	const uint64_t begin = loop_now_us();
	for (uint32_t i = 0; i < p->window; i++) {
		walkers[i] = (struct walker){ .op = { .run = run, .done = done }, .bench = b };
		begin_session(&walkers[i]);
		store_submit(b->store, &walkers[i].op);
	}
	(void)nanosleep(&round, NULL);
	const double rate =
		(double)atomic_load(&b->sessions) * 1e6 / (double)(loop_now_us() - begin);
	atomic_store(&b->going, false);
	while (sem_wait(&b->idle) != 0)
		continue;
	free(walkers);
	return rate;
}

struct creds {
	struct store_op op; /* first */
	struct bench *bench;
};

static enum store_result put_creds(struct store_txn *t, struct store_op *op)
{
	struct bench *b = ((struct creds *)(void *)op)->bench;
	for (uint32_t i = 0; i < CREDS; i++) {
		struct store_cred c = { .state = STORE_CRED_ACTIVE, .key_len = 16 };
		(void)snprintf(c.endpoint, sizeof(c.endpoint), "urn:lwgate:commit-%u", i);
		c.identity_len =
			(uint8_t)snprintf((char *)c.identity, sizeof(c.identity), "commit-%u", i);
		const enum store_result r = store_cred_put(t, &c);
		if (r != STORE_OK)
			return r;
		if (c.number != i + 1)
			die("credentials", "are not numbered from 1");
		b->generations[i] = c.generation;
	}
	return STORE_OK;
}

static void creds_done(struct store_op *op, enum store_result r)
{
	if (r != STORE_OK)
		die("credentials", "were not committed");
	(void)sem_post(&((struct creds *)(void *)op)->bench->idle);
}

static void open_store(struct bench *b)
{
	const struct plan *p = b->plan;
	const struct log log = {
		.fd = STDERR_FILENO, .level = LOG_LEVEL_WARN, .name = "bench-commit"
	};
	const struct store_settings set = { .dir = p->dir,
		.kek = { .kind = KEK_FILE, .name = p->key, .store_dir = p->dir },
		.token = p->token,
		.wall_ms = (uint64_t)time(NULL) * 1000,
		.log = &log };
	struct store_error error;
	b->store = store_open(&set, &error);
	if (!b->store)
		die("store", error.text);
	struct creds c = { .op = { .run = put_creds, .done = creds_done }, .bench = b };
	store_submit(b->store, &c.op);
	while (sem_wait(&b->idle) != 0)
		continue;
}

static void durable(const struct plan *p)
{
	static struct bench b; /* too large for a stack */
	b.plan = p;
	if (sem_init(&b.idle, 0, 0) != 0)
		die("sem_init", "failed");
	open_store(&b);
	for (uint32_t i = 0; i < p->rounds; i++) {
		/* In turns this and the other way round, so that a slow minute hits both. */
		const double first = i % 2 ? store_round(&b) : raw_round(p);
		const double second = i % 2 ? raw_round(p) : store_round(&b);
		(void)printf("{\"event\":\"durable\",\"raw\":%.1f,\"sessions\":%.1f}\n",
			i % 2 ? second : first, i % 2 ? first : second);
		(void)fflush(stdout);
	}
	const struct store_stats s = store_stats(b.store);
	(void)printf("{\"event\":\"store\",\"commits\":%llu,\"operations\":%llu}\n",
		(unsigned long long)s.commits, (unsigned long long)s.operations);
	store_close(b.store);
}

/* --- slots ------------------------------------------------------------------------------------ */

static double mark_round(
	const struct plan *p, const struct hot *h, struct proof *proof, struct rng *r)
{
	const struct sip_key key = { 1, 2 };
	uint64_t n = 0;
	const uint64_t begin = loop_now_us(), end = begin + p->ms * 1000ULL;
	while (loop_now_us() < end) {
		proof_batch(proof, h, 0);
		for (unsigned i = 0; i < BATCH; i++) {
			const uint32_t place = rng_between(r, 0, p->slots - 1);
			struct slot *s = hot_at(h, place);
			const uint64_t number = atomic_load(&s->edge);
			const uint64_t seen = atomic_load(&s->seen);
			slot_mark(s, &key, place, number, number + 1, seen << 1 | 1);
		}
		n += BATCH;
	}
	return (double)n * 1e6 / (double)(loop_now_us() - begin);
}

static void slots(const struct plan *p)
{
	char name[PATH];
	struct store_error error;
	bool fresh;
	struct rng r = { 1 };
	const struct sip_key key = { 1, 2 };
	const struct slot_state state = { .edge = 1, .seen = 1, .sent = 1 };
	struct proof_settings set = { .token = p->token };
	(void)snprintf(name, sizeof(name), "%s.hot", p->dir);
	struct hot *h = hot_open(name, &fresh, &error);
	if (!h || !hot_grow(h, p->slots))
		die(name, h ? "cannot grow" : error.text);
	for (uint32_t i = 0; i < p->slots; i++) {
		uint8_t id[SLOT_ID] = { (uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16) };
		slot_init(hot_at(h, i), &key, i, id, &state);
	}
	struct proof *proof = proof_boot_id(set.boot) ? proof_begin(&set, h, 1, &error) : NULL;
	if (!proof)
		die("proof", error.text);
	for (uint32_t i = 0; i < p->rounds; i++) {
		(void)printf("{\"event\":\"marks\",\"rate\":%.1f}\n", mark_round(p, h, proof, &r));
		(void)fflush(stdout);
	}
	proof_end(proof, true);
	hot_close(h);
	(void)unlink(name);
}

int main(int argc, char **argv)
{
	struct plan p = { .rounds = 8, .ms = 1000, .window = 256, .slots = 1000000 };
	for (int id; (id = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (id == DIR)
			p.dir = optarg;
		else if (id == KEY)
			p.key = optarg;
		else if (id == TOKEN)
			p.token = optarg;
		else if (id == ROUNDS)
			p.rounds = option_number("rounds", optarg, 1, 1000);
		else if (id == MS)
			p.ms = option_number("ms", optarg, 10, 60000);
		else if (id == WINDOW)
			p.window = option_number("window", optarg, 1, 65536);
		else if (id == SLOTS)
			p.slots = option_number("slots", optarg, 1, HOT_SLOTS_MAX);
		else
			return 2;
	}
	if (!p.dir || !p.key || !p.token)
		die("options", "--dir --key --token are needed");
	durable(&p);
	slots(&p);
	return fflush(stdout) == 0 ? 0 : 1;
}
