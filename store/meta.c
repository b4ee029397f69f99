/* SPDX-License-Identifier: Apache-2.0 */
/* The row of the whole store, and how a start is judged by it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/core.h"
#include "store/schema.h"

/* A wall clock that is further ahead than this was never set, or is now wrong. */
#define AHEAD_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000)

uint64_t clock_ms(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

enum store_result meta_load(struct kv_txn *kv, const struct sip_key *mac, struct value_meta *out)
{
	const struct key k = key_name("meta");
	struct kv_slice v;
	const enum store_result r = kv_get(kv, KEY_META, key_slice(&k), &v);
	if (r != STORE_OK)
		return r;
	return value_meta_read(v, mac, out) ? STORE_OK : STORE_DAMAGED;
}

enum store_result meta_save(
	struct kv_txn *kv, const struct sip_key *mac, const struct value_meta *m)
{
	const struct key k = key_name("meta");
	uint8_t value[VALUE_META_MAX];
	const size_t len = value_meta_write(m, mac, value, sizeof(value));
	return kv_put(kv, KEY_META, key_slice(&k), (struct kv_slice){ value, len });
}

/* --- time ------------------------------------------------------------------------------------- */

uint64_t store_time(const struct store *s, uint64_t boot_ms)
{
	return s->base_ms + (boot_ms > s->boot_ms ? boot_ms - s->boot_ms : 0);
}

uint64_t store_now(const struct store *s)
{
	return s->base_ms + clock_ms(CLOCK_BOOTTIME) - s->clock_boot_ms;
}

void meta_set_time(struct value_meta *m, const struct store *s)
{
	m->store_ms = store_now(s);
	/* The wall clock may be set while we run; the difference counts at the next start. */
	m->wall_ms = s->wall_ms + clock_ms(CLOCK_REALTIME) - s->clock_wall_ms;
}

static void begin_time(
	struct store *s, const struct value_meta *m, const struct store_settings *settings)
{
	s->boot_ms = settings->boot_ms;
	s->wall_ms = settings->wall_ms;
	s->clock_boot_ms = clock_ms(CLOCK_BOOTTIME);
	s->clock_wall_ms = clock_ms(CLOCK_REALTIME);
	s->base_ms = m->store_ms;
	if (s->wall_ms > m->wall_ms && s->wall_ms - m->wall_ms <= AHEAD_MAX_MS)
		s->base_ms += s->wall_ms - m->wall_ms;
}

/* --- how the start is judged ------------------------------------------------------------------ */

static void judge_proof(struct store *s, const struct value_meta *m)
{
	const struct proof_settings *const p = &s->parts.proof;
	char why[PROOF_WHY_MAX] = "no token is configured";
	if (s->start.fresh)
		(void)snprintf(why, sizeof(why), "the store is new");
	else if (p->token)
		s->start.continuous = proof_holds(p, s->parts.hot, m->hot, m->txn, why);
	if (!s->start.continuous)
		(void)snprintf(s->start.why, sizeof(s->start.why), "%s", why);
}

/* Is this the newest database, as far as the anchor knows (S5)? */
static bool judge_anchor(const struct store *s, const struct value_meta *m,
	const struct store_settings *settings, struct store_error *error)
{
	const struct anchor *const a = s->parts.anchor;
	/* A TPM's counter does not say whose it is: it may have been raised for others before it
	   was named here. */
	const bool adopt = !m->anchored && strncmp(settings->anchor, "tpm:", 4) == 0;
	if (s->start.fresh || settings->discard_sessions || adopt ||
		m->watermark >= anchor_value(a))
		return true;
	return store_fail(error,
		"%s: the database is an older copy (it is at %" PRIu64 ", the anchor %s at %" PRIu64
		"): going on with it would use record numbers a second time; put the newest copy "
		"back, or give up all sessions, but no credentials, with: lwgated "
		"--discard-sessions",
		settings->dir ? settings->dir : "store", m->watermark, settings->anchor,
		anchor_value(a));
}

static const unsigned discarded[] = { KEY_ASSOC, KEY_LEASE, KEY_PATH, KEY_ASSOC_OF, KEY_FREE,
	KEY_SESSION, KEY_DEADLINE, KEY_RESUME, KEY_RESUME_ID, KEY_RESUME_AGE, KEY_PORT, KEY_CID,
	KEY_CID_REST, KEY_VERDICT };

/* Some of a table's rows. STORE_NONE: it is empty. */
static enum store_result discard_some(struct kv_txn *kv, unsigned table, unsigned *left)
{
	struct kv_slice k, v;
	for (; *left > 0; --*left) {
		enum store_result r = kv_seek(kv, table, (struct kv_slice){ "", 0 }, &k, &v);
		if (r != STORE_OK)
			return r;
		uint8_t key[KV_KEY_MAX];
		memcpy(key, k.data, k.len);
		r = kv_del(kv, table, (struct kv_slice){ key, k.len });
		if (r != STORE_OK)
			return r;
	}
	return STORE_OK;
}

/* In transactions of some size; who dies between them begins again: the watermark is as it was. */
static enum store_result discard(struct kv *database)
{
	size_t i = 0;
	while (i < COUNT_OF(discarded)) {
		unsigned left = 10000;
		struct kv_txn *kv;
		enum store_result r = kv_begin(database, KV_VITAL, &kv);
		if (r != STORE_OK)
			return r;
		while (i < COUNT_OF(discarded) &&
			discard_some(kv, discarded[i], &left) == STORE_NONE)
			i++;
		r = kv_commit(kv);
		if (r != STORE_OK)
			return r;
	}
	return STORE_OK;
}

/* --- the first transaction -------------------------------------------------------------------- */

static void judge_trust(struct store *s, struct value_meta *m)
{
	if (!s->start.fresh && !s->start.continuous) {
		m->stale_since = m->incarnation;
		if (!s->start.anchored)
			m->unsure_since = m->incarnation;
	}
	s->stale_since = m->stale_since;
	s->unsure_since = m->unsure_since;
}

/* What the taking over makes of the row. */
static void succeed(struct store *s, struct value_meta *m, const struct store_settings *settings)
{
	const struct anchor *const a = s->parts.anchor;
	const struct hot_facts hot = hot_facts(s->parts.hot);
	m->unclean += !s->start.fresh && !m->clean;
	m->clean = false;
	m->incarnation++;
	m->txn++;
	s->start.incarnation = m->incarnation;
	memcpy(m->hot, hot.instance, sizeof(m->hot));
	m->anchored = s->start.anchored;
	if (s->start.anchored) { /* each start raises it (S5) */
		if (m->watermark < anchor_value(a))
			m->watermark = anchor_value(a);
		m->watermark++;
	}
	if (settings->discard_sessions) {
		m->slots = 0;
		/* S29: above whatever the copy that was lost has given: each raise of the anchor
		   has a range of its own. */
		const uint64_t above = (m->generation & UINT32_MAX) | m->watermark << 32;
		if (m->generation < above)
			m->generation = above;
	}
	judge_trust(s, m);
	meta_set_time(m, s);
}

static bool fails(const struct store *s, const struct store_settings *settings, enum store_result r,
	const char *what, struct store_error *error)
{
	static const char *const words[] = {
		[STORE_NONE] = "is missing, that is, damaged",
		[STORE_STALE] = "is of another store than the keyring, or damaged: put back those "
				"that belong together",
		[STORE_FULL] = "finds no room: free some on this file system",
		[STORE_DAMAGED] = "is damaged",
		[STORE_BROKEN] = "could not be written: its medium failed (the kernel's log tells "
				 "more), or it is damaged: mend the one, or restore the other "
				 "from a backup, and start again",
	};
	if (r == STORE_BROKEN && kv_facts(s->parts.kv).is_damaged)
		r = STORE_DAMAGED;
	const bool bad = r == STORE_NONE || r == STORE_DAMAGED;
	if (!settings->dir)
		return store_fail(error, "store in memory: %s %s", what, words[r]);
	return store_fail(error, "%s/data.mdb: %s %s%s%s", settings->dir, what, words[r],
		bad ? ": " : "", bad ? store_remedy : "");
}

static bool take_over(struct store *s, struct value_meta *m, const struct store_settings *settings,
	struct store_error *error)
{
	struct kv_txn *kv;
	/* With the room that is kept: a full disk stops new sessions, not a restart. */
	enum store_result r = kv_begin(s->parts.kv, KV_VITAL, &kv);
	if (r != STORE_OK)
		return fails(s, settings, r, "it", error);
	succeed(s, m, settings);
	r = s->start.fresh ? schema_write(kv, STORE_SCHEMA) : STORE_OK;
	if (r == STORE_OK)
		r = meta_save(kv, &s->mac, m);
	if (r != STORE_OK)
		kv_abort(kv);
	else
		r = kv_commit(kv);
	if (r != STORE_OK)
		return fails(s, settings, r, "it", error);
	return anchor_raise(s->parts.anchor, m->watermark, error);
}

/* STORE_STALE: the row is another store's. */
static enum store_result load_row(struct store *s, struct value_meta *m, const uint8_t uuid[16])
{
	const struct key k = key_name("meta");
	struct kv_slice v;
	struct kv_txn *kv;
	enum store_result r = kv_begin(s->parts.kv, KV_READ, &kv);
	if (r != STORE_OK)
		return r;
	r = meta_load(kv, &s->mac, m);
	if (r == STORE_DAMAGED && kv_get(kv, KEY_META, key_slice(&k), &v) == STORE_OK &&
		value_meta_is_other(v, uuid))
		r = STORE_STALE;
	kv_abort(kv);
	return r;
}

static bool load(struct store *s, struct value_meta *m, const struct store_settings *settings,
	struct store_error *error)
{
	uint8_t uuid[16];
	keyring_uuid(s->parts.keyring, uuid);
	if (s->start.fresh) {
		*m = (struct value_meta){
			.cred_next = 1, .store_ms = 1, .wall_ms = settings->wall_ms
		};
		memcpy(m->uuid, uuid, sizeof(m->uuid));
		return true;
	}
	const enum store_result r = load_row(s, m, uuid);
	return r == STORE_OK || fails(s, settings, r, "its first row", error);
}

/* An anchor may be made where the store is told of one for the first time, or has none to lose. */
static bool open_anchor(struct store *s, const struct value_meta *m,
	const struct store_settings *settings, struct store_error *error)
{
	struct anchor_settings a = { .name = settings->anchor, .tcti = settings->tcti };
	memcpy(a.uuid, m->uuid, sizeof(a.uuid));
	a.fresh = s->start.fresh || settings->discard_sessions || !m->anchored;
	s->parts.anchor = anchor_open(&a, error);
	if (!s->parts.anchor)
		return false;
	s->start.anchored = anchor_is_real(s->parts.anchor);
	return true;
}

bool store_begin(struct store *s, const struct store_settings *settings, uint64_t *txn,
	struct store_error *error)
{
	struct value_meta m = { 0 };
	s->start.fresh = s->parts.fresh;
	if (!load(s, &m, settings, error) || !open_anchor(s, &m, settings, error))
		return false;
	judge_proof(s, &m);
	if (s->start.anchored && !judge_anchor(s, &m, settings, error))
		return false;
	if (settings->discard_sessions && !s->start.fresh) {
		const enum store_result r = discard(s->parts.kv);
		if (r != STORE_OK)
			return fails(s, settings, r, "it", error);
	}
	begin_time(s, &m, settings);
	/* What slots say of windows is not to be believed, and must not turn genuine records away.
	   Then, so that each slot that an association has is there: */
	if ((!s->start.continuous && !hot_reset(s->parts.hot)) || !hot_grow(s->parts.hot, m.slots))
		return store_fail(error, "%s: no room for the slots of %u associations",
			settings->hot ? settings->hot : settings->dir, m.slots);
	const bool good = take_over(s, &m, settings, error);
	*txn = m.txn;
	return good;
}
