/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/depot.h"

#include <assert.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/attr.h"
#include "store/core.h"

enum { DAY_MS = 24 * 3600 * 1000 };

static struct depot *new_in(bool lmdb)
{
	struct depot *const d = calloc(1, sizeof(*d));
	assert(d);
	folder_make(d->folder);
	(void)snprintf(d->token, sizeof(d->token), "%s", folder_file(d->folder, "token"));
	(void)snprintf(d->hot, sizeof(d->hot), "%s", folder_file(d->folder, "hot"));
	(void)snprintf(d->anchor, sizeof(d->anchor), "%s", folder_file(d->folder, "anchor"));
	(void)snprintf(d->dir, sizeof(d->dir), "%s", folder_file(d->folder, "store"));
	memset(d->kek.key, 7, sizeof(d->kek.key));
	d->settings = (struct store_settings){
		.dir = lmdb ? d->dir : NULL,
		.kek_given = &d->kek,
		.token = d->token,
		.hot = d->hot,
		.any_filesystem = true,
		.resumable_max = 100,
		.boot_ms = 1000,
		.wall_ms = (uint64_t)20000 * DAY_MS,
	};
	return d;
}

struct depot *depot_new(void)
{
	return new_in(false);
}

struct depot *depot_new_lmdb(void)
{
	return new_in(true);
}

void depot_free(struct depot *d)
{
	if (d->s)
		depot_kill(d);
	kv_close(d->disk);
	kv_close(d->copy);
	folder_remove(d->folder);
	free(d);
}

int depot_begin(void **state)
{
	struct depot *const d = depot_new();
	depot_start(d);
	*state = d;
	return 0;
}

int depot_end(void **state)
{
	depot_free(*state);
	return 0;
}

void depot_anchor(struct depot *d)
{
	d->settings.anchor = d->anchor;
}

/* One write to its file fails, and none is tried after that. */
void depot_break_anchor(struct depot *d)
{
	struct anchor *const a = d->s->parts.anchor;
	struct store_error error;
	struct rlimit was;
	assert(getrlimit(RLIMIT_FSIZE, &was) == 0);
	const struct rlimit little = { .rlim_cur = 1, .rlim_max = was.rlim_max };
	void (*const handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert(setrlimit(RLIMIT_FSIZE, &little) == 0);
	const bool raised = anchor_raise(a, anchor_value(a) + 1, &error);
	assert(setrlimit(RLIMIT_FSIZE, &was) == 0);
	(void)signal(SIGXFSZ, handler);
	assert(!raised);
}

/* What store_parts_open() does from files. */
static struct store *open_in_memory(struct depot *d)
{
	struct store_parts parts;
	struct kv *const disk = d->disk;
	if (!store_parts_open(&d->settings, &parts, &d->error))
		return NULL;
	if (disk) { /* who fails to begin has not changed it, nor has it been written */
		kv_close(parts.kv);
		keyring_free(parts.keyring);
		parts.kv = kv_ram_copy(disk);
		parts.keyring = keyring_unwrap(&d->kek, d->keyring, d->keyring_len, &d->error);
		assert(parts.keyring);
		parts.fresh = false;
	} else {
		d->keyring_len = keyring_wrap(parts.keyring, &d->kek, d->keyring);
		assert(d->keyring_len > 0);
	}
	return store_assemble(&parts, &d->settings, &d->error);
}

static struct store *open_it(struct depot *d)
{
	memset(&d->error, 0, sizeof(d->error));
	return d->settings.dir ? store_open(&d->settings, &d->error) : open_in_memory(d);
}

bool depot_try(struct depot *d)
{
	assert(!d->s);
	d->s = open_it(d);
	if (!d->s)
		return false;
	d->start = store_start(d->s);
	d->r = store_reader_new(d->s);
	assert(d->r);
	return true;
}

void depot_start(struct depot *d)
{
	if (depot_try(d))
		return;
	(void)fprintf(stderr, "%s\n", d->error.text);
	abort();
}

void depot_start_fails(struct depot *d, const char *words)
{
	assert(!d->s);
	assert(!open_it(d));
	if (!strstr(d->error.text, words))
		(void)fprintf(stderr, "'%s' lacks '%s'\n", d->error.text, words);
	assert(strstr(d->error.text, words));
}

static void keep_disk(struct depot *d)
{
	if (d->settings.dir)
		return;
	kv_close(d->disk);
	d->disk = kv_ram_copy(d->s->parts.kv);
	assert(d->disk);
}

void depot_stop(struct depot *d)
{
	store_reader_free(d->r);
	d->r = NULL;
	/* The last commit is made while it closes: the copy has to be taken after it. */
	if (!d->settings.dir) {
		struct store_txn *t;
		writer_free(d->s->writer, false);
		assert(txn_begin(d->s, true, &t) == STORE_OK);
		t->meta.clean = true;
		assert(txn_commit(d->s, t) == STORE_OK);
		const struct writer_owner none = { .ctx = d->s };
		d->s->writer = writer_new(&none);
		keep_disk(d);
		store_abandon(d->s);
	} else {
		store_close(d->s);
	}
	d->s = NULL;
}

void depot_kill(struct depot *d)
{
	store_reader_free(d->r);
	d->r = NULL;
	keep_disk(d);
	store_abandon(d->s);
	d->s = NULL;
}

void depot_power_loss(struct depot *d)
{
	depot_kill(d);
	(void)unlink(d->token);
}

void depot_copy(struct depot *d)
{
	kv_close(d->copy);
	d->copy = kv_ram_copy(d->s ? d->s->parts.kv : d->disk);
	assert(d->copy);
}

void depot_put_back(struct depot *d)
{
	assert(!d->s && d->copy);
	kv_close(d->disk);
	d->disk = kv_ram_copy(d->copy);
}

/* --- operations ------------------------------------------------------------------------------- */

struct waiting {
	struct store_op op;
	depot_run *f;
	void *arg;
	enum store_result result;
	sem_t done;
};

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	struct waiting *const w = CONTAINER_OF(op, struct waiting, op);
	return w->f(t, w->arg);
}

static void done(struct store_op *op, enum store_result r)
{
	struct waiting *const w = CONTAINER_OF(op, struct waiting, op);
	w->result = r;
	(void)sem_post(&w->done);
}

static enum store_result do_it(struct depot *d, depot_run *f, void *arg, bool vital)
{
	struct waiting w = {
		.op = { .run = run, .done = done, .vital = vital }, .f = f, .arg = arg
	};
	(void)sem_init(&w.done, 0, 0);
	store_reader_rest(d->r);
	store_submit(d->s, &w.op);
	while (sem_wait(&w.done) != 0)
		continue;
	(void)sem_destroy(&w.done);
	return w.result;
}

enum store_result depot_do(struct depot *d, depot_run *f, void *arg)
{
	return do_it(d, f, arg, false);
}

enum store_result depot_do_vital(struct depot *d, depot_run *f, void *arg)
{
	return do_it(d, f, arg, true);
}

static enum store_result cred_put(struct store_txn *t, void *arg)
{
	return store_cred_put(t, arg);
}

enum store_result depot_cred_put(struct depot *d, struct store_cred *c)
{
	return depot_do(d, cred_put, c);
}

struct store_cred depot_cred(struct depot *d, const char *name)
{
	struct store_cred c = { .changed_ms = 1, .key_len = 16 };
	(void)snprintf(c.endpoint, sizeof(c.endpoint), "%s", name);
	c.identity_len = (uint8_t)strlen(name);
	memcpy(c.identity, name, c.identity_len);
	memset(c.key, 'k', c.key_len);
	const enum store_result r = depot_cred_put(d, &c);
	assert(r == STORE_OK);
	return c;
}

const struct store_cred *depot_member(struct depot *d, const char *name)
{
	assert(d->members_len < COUNT_OF(d->members));
	struct store_cred *const c = &d->members[d->members_len++];
	*c = depot_cred(d, name);
	return c;
}

static enum store_result cred_revoke(struct store_txn *t, void *arg)
{
	return store_cred_revoke(t, *(const uint32_t *)arg, STORE_BY_CONTROL);
}

enum store_result depot_revoke(struct depot *d, uint32_t number)
{
	return depot_do(d, cred_revoke, &number);
}

struct store_assoc depot_assoc_of(const struct store_cred *c, uint16_t port)
{
	struct store_assoc a = {
		.cred = c->number,
		.generation = c->generation,
		.up_ms = 77,
		.path = { .role = STORE_DEVICE,
			.peer = { .ip = { 192, 0, 2, 1 }, .port = port, .family = NET_IPV4 },
			.local = { .ip = { 192, 0, 2, 2 }, .port = 5684, .family = NET_IPV4 } },
		.context_len = 100,
	};
	memset(a.context, 0xc0 + port % 16, a.context_len);
	return a;
}

struct owned {
	struct store_assoc *a;
	uint64_t owner, seen;
};

static enum store_result put(struct store_txn *t, void *arg)
{
	const struct owned *const o = arg;
	return store_assoc_put(t, o->a, o->owner);
}

enum store_result depot_put(struct depot *d, struct store_assoc *a)
{
	struct owned o = { .a = a, .owner = slot_owner(d->start.incarnation, 0) };
	return depot_do(d, put, &o);
}

struct store_assoc depot_assoc(struct depot *d, const struct store_cred *c, uint16_t port)
{
	struct store_assoc a = depot_assoc_of(c, port);
	const enum store_result r = depot_put(d, &a);
	assert(r == STORE_OK);
	return a;
}

static enum store_result drop(struct store_txn *t, void *arg)
{
	const struct store_assoc *const a = arg;
	return store_assoc_drop(t, a->slot, a->id);
}

enum store_result depot_drop(struct depot *d, const struct store_assoc *a)
{
	struct store_assoc copy = *a;
	return depot_do_vital(d, drop, &copy);
}

static enum store_result lease(struct store_txn *t, void *arg)
{
	const struct owned *const o = arg;
	return store_lease(t, o->a, o->seen);
}

enum store_result depot_lease(struct depot *d, struct store_assoc *a, uint64_t seen)
{
	struct owned o = { .a = a, .seen = seen };
	return depot_do_vital(d, lease, &o);
}

void depot_name(struct store_assoc *a, uint32_t n)
{
	const uint8_t octets[] = { 0x2b, 0, 1, (uint8_t)(n >> 8), (uint8_t)n, 6, 7, 8, 9, 10, 11 };
	a->cid_len = sizeof(octets);
	memcpy(a->cid, octets, sizeof(octets));
}

struct store_assoc depot_roamer(
	struct depot *d, const struct store_cred *c, uint16_t port, uint32_t n)
{
	struct store_assoc a = depot_assoc_of(c, port);
	depot_name(&a, n);
	const enum store_result r = depot_put(d, &a);
	assert(r == STORE_OK);
	return a;
}

static enum store_result move(struct store_txn *t, void *arg)
{
	return store_assoc_move(t, arg);
}

enum store_result depot_move(struct depot *d, const struct store_assoc *a)
{
	struct store_assoc copy = *a;
	return depot_do_vital(d, move, &copy);
}

void depot_pass(struct depot *d, uint64_t ms)
{
	d->s->base_ms += ms;
}

static enum store_result prove(struct store_txn *t, void *arg)
{
	const struct store_assoc *const a = arg;
	return store_assoc_prove(t, a->slot, a->id);
}

enum store_result depot_prove(struct depot *d, const struct store_assoc *a)
{
	struct store_assoc copy = *a;
	return depot_do_vital(d, prove, &copy);
}

enum store_result depot_read(struct depot *d, uint32_t slot, struct store_assoc *out)
{
	store_reader_rest(d->r);
	const enum store_result r = store_read_assoc(d->r, slot, out);
	store_reader_rest(d->r);
	return r;
}

static enum store_result session(struct store_txn *t, void *arg)
{
	return store_session_put(t, arg);
}

enum store_result depot_session(struct depot *d, const struct store_session *s)
{
	struct store_session copy = *s;
	return depot_do(d, session, &copy);
}

void depot_mark(struct depot *d, const struct store_assoc *a, uint64_t number)
{
	struct slot *const slot = store_slot(d->s, a->slot);
	const struct sip_key *const key = store_slot_key(d->s);
	struct slot_state w;
	assert(slot && slot_load(slot, key, a->slot, a->id, &w));
	store_batch(d->s, 0);
	if (number >= w.edge) {
		const uint64_t ahead = number + 1 - w.edge;
		w.seen = (ahead < 64 ? w.seen << ahead : 0) | 1;
		w.edge = number + 1;
	} else {
		w.seen |= UINT64_C(1) << (w.edge - 1 - number);
	}
	slot_mark(slot, key, a->slot, number, w.edge, w.seen);
}
