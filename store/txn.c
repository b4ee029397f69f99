/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "store/core.h"

/* Another incarnation has begun: this one writes nothing any more (S3). */
static enum store_result take_meta(struct store_txn *t)
{
	const enum store_result r = meta_load(t->kv, &t->s->mac, &t->meta);
	if (r != STORE_OK)
		return STORE_BROKEN;
	if (t->meta.incarnation != t->s->start.incarnation)
		return STORE_STALE;
	t->meta.txn++;
	return STORE_OK;
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
		*out = t;
		return r;
	}
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
	if (raise)
		t->meta.watermark++;
	/* Also while an earlier raise has not reached the anchor. */
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
