/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/core.h"

enum { ANCHOR_AGAIN_MS = 5000 };

/* The operations answer no more than that it is broken. */
static void tell_broken(struct store *s, bool damaged)
{
	if (s->told_broken)
		return;
	s->told_broken = true;
	if (!s->log)
		return;
	const struct kv_facts facts = kv_facts(s->parts.kv);
	const char *const name = facts.file ? facts.file : "store in memory";
	if (damaged || facts.is_damaged)
		log_say(s->log, LOG_LEVEL_ERROR, "store-broken",
			"%s: is damaged, nothing is written any more; stop, then %s", name,
			store_remedy);
	else
		log_say(s->log, LOG_LEVEL_ERROR, "store-broken",
			"%s: its disk has failed, nothing is written any more; look into the "
			"kernel's log",
			name);
}

/* Another incarnation has begun: this one writes nothing any more (S3). */
static enum store_result take_meta(struct store_txn *t)
{
	const enum store_result r = meta_load(t->kv, &t->s->mac, &t->meta);
	if (r != STORE_OK) {
		tell_broken(t->s, r != STORE_BROKEN);
		return STORE_BROKEN;
	}
	if (t->meta.incarnation != t->s->start.incarnation)
		return STORE_STALE;
	t->meta.txn++;
	return STORE_OK;
}

/* An earlier raise has not reached the anchor: it is tried again, but not at each commit. */
static bool anchor_lags(struct store *s, const struct value_meta *m)
{
	struct anchor *const a = s->parts.anchor;
	struct store_error ignored; /* it was told when it failed first */
	if (!anchor_is_real(a) || anchor_value(a) >= m->watermark)
		return false;
	const uint64_t now_ms = clock_ms(CLOCK_BOOTTIME);
	if (now_ms < s->anchor_again_ms)
		return true;
	s->anchor_again_ms = now_ms + ANCHOR_AGAIN_MS;
	return !anchor_raise(a, m->watermark, &ignored);
}

enum store_result txn_begin(void *ctx, bool vital, struct store_txn **out)
{
	struct store *const s = ctx;
	struct store_txn *const t = calloc(1, sizeof(*t));
	if (!t)
		return STORE_FULL;
	t->s = s;
	enum store_result r = kv_begin(s->parts.kv, vital ? KV_VITAL : KV_WRITE, &t->kv);
	if (r == STORE_OK) {
		t->reader = (struct store_reader){
			.s = s, .kv = t->kv, .sealer = s->sealer, .borrowed = true
		};
		r = take_meta(t);
	}
	if (r == STORE_OK) {
		t->anchor_lags = anchor_lags(s, &t->meta);
		*out = t;
		return r;
	}
	if (r == STORE_BROKEN)
		tell_broken(s, false);
	txn_abort(s, t);
	return r;
}

enum store_result txn_run(void *ctx, struct store_txn *t, struct store_op *op)
{
	(void)ctx;
	t->anchors = false;
	const enum store_result r = op->run(t, op);
	op->anchors = t->anchors;
	return r;
}

enum store_result txn_commit(void *ctx, struct store_txn *t)
{
	struct store *const s = ctx;
	const uint64_t number = t->meta.txn;
	meta_set_time(&t->meta, s);
	enum store_result r = meta_save(t->kv, &s->mac, &t->meta);
	if (r == STORE_OK)
		r = kv_commit(t->kv);
	else
		kv_abort(t->kv);
	free(t);
	if (r == STORE_BROKEN)
		tell_broken(s, false);
	if (r == STORE_OK && s->proof)
		proof_commit(s->proof, number);
	return r;
}

void txn_abort(void *ctx, struct store_txn *t)
{
	(void)ctx;
	kv_abort(t->kv);
	free(t);
}

void txn_needs_anchor(struct store_txn *t, bool raise)
{
	struct anchor *const a = t->s->parts.anchor;
	if (!anchor_is_real(a))
		return;
	/* One that lags is raised by no more than it lacks, or it would never catch up. */
	if (raise && !t->anchor_lags)
		t->meta.watermark++;
	t->anchors = t->anchors || anchor_value(a) < t->meta.watermark;
}

/* The watermark is what the last commit says. */
bool txn_anchor(void *ctx)
{
	struct store *const s = ctx;
	struct store_error error;
	struct value_meta m;
	struct kv_txn *kv;
	if (kv_begin(s->parts.kv, KV_READ, &kv) != STORE_OK)
		return false;
	const enum store_result r = meta_load(kv, &s->mac, &m);
	kv_abort(kv);
	if (r == STORE_OK && anchor_raise(s->parts.anchor, m.watermark, &error))
		return true;
	if (s->log)
		log_say(s->log, LOG_LEVEL_ERROR, "store-anchor", "%s",
			r == STORE_OK ? error.text : "the database cannot be read");
	return false;
}
