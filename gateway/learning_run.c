/* SPDX-License-Identifier: Apache-2.0 */
/* What is learned, in the store's writer thread, and as it is told. */
#include "gateway/learning.h"

#include "base/wipe.h"
#include "gateway/clock.h"
#include "gateway/keep.h"

#include <string.h>

bool gw_learning_same(const struct store_staged *a, const struct store_staged *b)
{
	return a->cred == b->cred && a->kind == b->kind && a->pinned == b->pinned &&
	       a->identity_len == b->identity_len && a->key_len == b->key_len &&
	       memcmp(a->identity, b->identity, a->identity_len) == 0 &&
	       memcmp(a->pin, b->pin, sizeof(a->pin)) == 0 &&
	       same_secret(a->key, b->key, a->key_len);
}

/* What is staged may have another generation by now, as something else about its credential has
   changed; or it is something else. */
static enum store_result find(struct store_txn *t, struct gw_op *o)
{
	struct store_staged now;
	enum store_result r = store_read_staged(store_txn_reader(t), o->staged.cred, &now);
	if (r == STORE_OK && !gw_learning_same(&now, &o->staged))
		r = STORE_NONE;
	if (r == STORE_OK)
		o->staged.generation = now.generation;
	wipe(&now, sizeof(now));
	return r;
}

enum store_result gw_learning_run(struct store_txn *t, struct gw_op *o)
{
	if (o->learns == GW_LEARNS_STAGE)
		return store_stage(t, &o->staged);
	if (o->learns == GW_LEARNS_SMS)
		return gw_learned_sms_run(t, &o->sms);
	const enum store_result r = find(t, o);
	if (r != STORE_OK)
		return r;
	return o->learns == GW_LEARNS_ARM ? store_stage_arm(t, o->staged.cred, o->staged.generation)
					  : store_stage_drop(t, o->staged.cred);
}

bool gw_learning_proves(struct store_txn *t, uint32_t cred, uint64_t generation, uint8_t *kind)
{
	struct store_cred_mark mark;
	struct store_staged next;
	struct store_reader *const r = store_txn_reader(t);
	if (store_read_cred_mark(r, cred, &mark) != STORE_OK || generation <= mark.generation)
		return false;
	const bool its =
		store_read_staged(r, cred, &next) == STORE_OK && next.generation == generation;
	if (its)
		*kind = next.kind;
	wipe(&next, sizeof(next));
	return its;
}

void gw_learning_tell(struct inbox *to, const struct gw_learning_news *n)
{
	struct gw_entry e = {
		.wall_ms = gw_clock_shown_ms(),
		.kind = n->kind,
		.credential = n->credential,
		.new_generation = n->generation,
	};
	if (!to)
		return;
	memcpy(e.endpoint, n->endpoint, strnlen(n->endpoint, sizeof(e.endpoint) - 1));
	memcpy(e.reason, n->why, strnlen(n->why, sizeof(e.reason) - 1));
	(void)gw_chronicle_put(to, &e); /* what is lost is counted there */
}
