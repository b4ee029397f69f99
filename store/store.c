/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/wipe.h"
#include "store/core.h"

enum {
	DROP_AFTER_MS = 10000,
	RESTING_MAX = 1 << 20, /* some 80 MB of the database */
	PAST_MAX = 1 << 16,    /* some 2 MB */
};

/* --- opening ---------------------------------------------------------------------------------- */

static bool derive_sip(const struct keyring *k, const char *label, struct sip_key *out)
{
	uint8_t octets[16];
	_Static_assert(sizeof(octets) == sizeof(*out), "a key fills it");
	if (!keyring_mac_key(k, label, octets))
		return false;
	memcpy(out, octets, sizeof(*out));
	wipe(octets, sizeof(octets));
	return true;
}

static bool derive_keys(struct store *s, struct store_error *error)
{
	const struct keyring *const k = s->parts.keyring;
	struct sip_key seed;
	if (derive_sip(k, "mac", &s->mac) && derive_sip(k, "paths", &s->path_key) &&
		derive_sip(k, "index", &s->index_key) && derive_sip(k, "slots", &s->slot_key) &&
		derive_sip(k, "cids", &s->cid_key) && derive_sip(k, "seed", &seed)) {
		s->seed = seed.k0;
		return true;
	}
	return store_fail(error, "keyring: the library failed");
}

/* Without one the store works; but each start will be taken for one after a power loss. */
static void begin_proof(struct store *s, uint64_t txn)
{
	struct store_error error;
	if (!s->parts.proof.token)
		return;
	s->proof = proof_begin(&s->parts.proof, s->parts.hot, txn, &error);
	if (!s->proof && s->log)
		log_say(s->log, LOG_LEVEL_WARN, "store-token", "%s", error.text);
}

static bool begin(struct store *s, const struct store_settings *settings, struct store_error *error)
{
	const struct writer_owner owner = { .ctx = s,
		.begin = txn_begin,
		.run = txn_run,
		.commit = txn_commit,
		.abort = txn_abort,
		.anchor = txn_anchor,
		.idle = store_sweep_step };
	uint64_t txn;
	if (!derive_keys(s, error) || !store_begin(s, settings, &txn, error) ||
		!store_parts_settle(&s->parts, error))
		return false;
	s->sealer = sealer_new(s->parts.keyring);
	s->look = store_reader_new(s);
	if (!s->sealer || !s->look)
		return store_fail(error, "store: out of memory");
	begin_proof(s, txn);
	s->drop_after_ms = DROP_AFTER_MS;
	s->sweep.on = true; /* the first step sees whether there is anything to do */
	s->writer = writer_new(&owner);
	return s->writer || store_fail(error, "store: no thread to write with");
}

static void close_all(struct store *s)
{
	store_reader_free(s->look);
	sealer_free(s->sealer);
	if (s->proof)
		proof_end(s->proof, false);
	store_parts_close(&s->parts);
	(void)pthread_mutex_destroy(&s->kek_lock);
	(void)pthread_mutex_destroy(&s->look_lock);
	secret_free(s, sizeof(*s));
}

struct store *store_assemble(
	struct store_parts *parts, const struct store_settings *settings, struct store_error *error)
{
	struct store *const s = secret_new(sizeof(*s));
	if (!s) {
		store_parts_close(parts);
		(void)store_fail(error, "store: out of memory");
		return NULL;
	}
	s->parts = *parts;
	s->log = settings->log;
	s->read_ceilings = settings->read_ceilings;
	s->resumable_max = settings->resumable_max;
	s->resting_max = RESTING_MAX;
	s->past_max = PAST_MAX;
	(void)pthread_mutex_init(&s->kek_lock, NULL);
	(void)pthread_mutex_init(&s->look_lock, NULL);
	if (begin(s, settings, error))
		return s;
	close_all(s);
	return NULL;
}

struct store *store_open(const struct store_settings *settings, struct store_error *error)
{
	struct store_parts parts;
	if (!store_parts_open(settings, &parts, error))
		return NULL;
	return store_assemble(&parts, settings, error);
}

/* --- closing ---------------------------------------------------------------------------------- */

/* The last word: whoever begins after it need not skip numbers (S5). */
static void say_clean(struct store *s)
{
	struct store_txn *t;
	if (txn_begin(s, true, &t) != STORE_OK)
		return;
	t->meta.clean = true;
	(void)txn_commit(s, t); /* failed: the next start skips some */
}

void store_close(struct store *s)
{
	if (!s)
		return;
	const bool broken = writer_stats(s->writer).is_broken;
	writer_free(s->writer, false);
	if (!broken)
		say_clean(s);
	close_all(s);
}

void store_abandon(struct store *s)
{
	writer_free(s->writer, true);
	close_all(s);
}

/* --- facts ------------------------------------------------------------------------------------ */

struct store_start store_start(const struct store *s)
{
	return s->start;
}

uint64_t store_seed(const struct store *s)
{
	return s->seed;
}

void store_kek(struct store *s, struct kek *out)
{
	(void)pthread_mutex_lock(&s->kek_lock);
	*out = *s->parts.kek;
	(void)pthread_mutex_unlock(&s->kek_lock);
}

static void count(struct store *s, struct store_stats *out)
{
	(void)pthread_mutex_lock(&s->look_lock);
	if (reader_ready(s->look) == STORE_OK) {
		out->associations = kv_count(s->look->kv, KEY_ASSOC);
		out->sessions = kv_count(s->look->kv, KEY_SESSION);
		out->credentials = kv_count(s->look->kv, KEY_CRED);
		out->resumable = kv_count(s->look->kv, KEY_RESUME);
		out->resting = kv_count(s->look->kv, KEY_CID_REST);
		out->staged = kv_count(s->look->kv, KEY_STAGED);
		store_reader_rest(s->look);
	}
	(void)pthread_mutex_unlock(&s->look_lock);
}

struct store_stats store_stats(struct store *s)
{
	const struct writer_stats w = writer_stats(s->writer);
	struct store_stats out = {
		.commits = w.commits,
		.operations = w.operations,
		.failed = w.failed,
		.full = w.full,
		.damaged = atomic_load(&s->damaged),
		.unseals = atomic_load(&s->unseals),
		.leases = atomic_load(&s->leases),
		.file_bytes = kv_facts(s->parts.kv).file_bytes,
		.hot_bytes = (uint64_t)hot_facts(s->parts.hot).slots * SLOT_SIZE,
		.commit_us_last = w.commit_us_last,
		.commit_us_max = w.commit_us_max,
		.commit = w.commit,
		.is_full = w.is_full,
		.is_broken = w.is_broken,
	};
	count(s, &out);
	return out;
}

struct slot *store_slot(const struct store *s, uint32_t place)
{
	return hot_at(s->parts.hot, place);
}

const struct sip_key *store_slot_key(const struct store *s)
{
	return &s->slot_key;
}

void store_batch(struct store *s, uint32_t worker)
{
	if (s->proof)
		proof_batch(s->proof, s->parts.hot, worker);
}

void store_submit(struct store *s, struct store_op *op)
{
	writer_submit(s->writer, op);
}
