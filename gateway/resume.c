/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/resume.h"

#include "base/vault.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "gateway/clock.h"
#include "gateway/learning.h"
#include "gateway/proof.h"
#include "gateway/worker.h"
#include "store/store.h"

#include <string.h>

static const uint64_t day_ms = 86400000;

/* what the credential was replaced by since must be proved; what changed only its labels
   need not. Under other anchors or revocation lists than those of now no session is taken at all:
   see dtls_profile_trusts(). */
static bool stands(const struct gw_worker *w, const struct store_resume *x)
{
	struct store_cred_mark mark;
	return store_read_cred_mark(w->reader, x->cred, &mark) == STORE_OK &&
	       x->generation >= mark.proved &&
	       store_cred_stands(&mark, x->generation, gw_clock_wall_ms()) &&
	       !gw_proof_is_over(&x->proof, gw_clock_now_s(NULL));
}

bool gw_resume_find(void *worker, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	struct gw_worker *const w = worker;
	struct store_resume x;
	_Static_assert((int)DTLS_SESSION_MAX >= (int)STORE_RESUME_MAX, "what was kept fits");
	const bool good = store_find_resume(w->reader, id, len, &x) == STORE_OK &&
			  x.until_ms > store_time(w->shared->store, w->now_ms) &&
			  x.len <= sizeof(out->session) && stands(w, &x);
	if (good) {
		*out = (struct dtls_resumable){
			.cred = x.cred, .generation = x.generation, .id_len = x.id_len, .len = x.len
		};
		out->proved.born = x.born;
		gw_proof_from_store(&x.proof, &out->proved.belief);
		memcpy(out->id, x.id, x.id_len);
		memcpy(out->session, x.session, x.len);
	}
	wipe(&x, sizeof(x));
	return good;
}

/* --- writing --------------------------------------------------------------------------------- */

struct resume_op {
	struct store_op op;
	bool all; /* of cred */
	uint32_t cred;
	struct store_resume x;
	struct inbox *chronicle;
	/* run_keep(): x has made what was staged its credential's, see gateway/keep. */
	bool learned;
	uint8_t kind;
	char endpoint[STORE_ENDPOINT_MAX + 1];
};

static void name(struct store_txn *t, struct resume_op *o)
{
	struct store_cred c;
	if (store_read_cred(store_txn_reader(t), o->x.cred, &c) == STORE_OK)
		memcpy(o->endpoint, c.endpoint, sizeof(o->endpoint));
	wipe(&c, sizeof(c));
}

static enum store_result run_keep(struct store_txn *t, struct store_op *op)
{
	struct resume_op *const o = CONTAINER_OF(op, struct resume_op, op);
	o->learned = gw_learning_proves(t, o->x.cred, o->x.generation, &o->kind);
	if (o->learned)
		name(t, o);
	return store_resume_put(t, &o->x);
}

static enum store_result run_drop(struct store_txn *t, struct store_op *op)
{
	const struct resume_op *const o = CONTAINER_OF(op, struct resume_op, op);
	return o->all ? store_resume_drop_cred(t, o->cred)
		      : store_resume_drop(t, o->x.id, o->x.id_len);
}

static void done(struct store_op *op, enum store_result r)
{
	struct resume_op *const o = CONTAINER_OF(op, struct resume_op, op);
	/* Without it the device pays a full handshake next time. */
	if (o->learned && r == STORE_OK)
		gw_learning_tell(o->chronicle, &(struct gw_learning_news){ .kind = GW_ENTRY_LEARNED,
						       .credential = o->kind,
						       .generation = o->x.generation,
						       .endpoint = o->endpoint,
						       .why = "the device has proved it" });
	vault_release(o);
}

static struct resume_op *op_new(enum store_result (*run)(struct store_txn *t, struct store_op *op),
	const uint8_t *id, size_t len)
{
	/* With a master secret in it. */
	struct resume_op *const o = len <= STORE_SESSION_ID_MAX ? vault_alloc(sizeof(*o)) : NULL;
	if (!o)
		return NULL;
	memset(o, 0, sizeof(*o));
	o->op.run = run;
	o->op.done = done;
	if (len > 0)
		memcpy(o->x.id, id, len);
	o->x.id_len = len;
	return o;
}

void gw_resume_keep(void *worker, const struct dtls_resumable *s)
{
	struct gw_worker *const w = worker;
	struct resume_op *const o = op_new(run_keep, s->id, s->id_len);
	if (!o || s->len > sizeof(o->x.session)) {
		vault_release(o);
		return;
	}
	o->chronicle = w->shared->chronicle;
	o->x.cred = s->cred;
	o->x.generation = s->generation;
	o->x.born = s->proved.born;
	gw_proof_to_store(&s->proved.belief, &o->x.proof);
	o->x.full_ms = store_time(w->shared->store, w->now_ms);
	o->x.until_ms = o->x.full_ms + w->shared->conf->store_resumption_days * day_ms;
	o->x.len = s->len;
	memcpy(o->x.session, s->session, s->len);
	store_submit(w->shared->store, &o->op);
}

void gw_resume_drop(void *worker, const uint8_t *id, size_t len)
{
	struct gw_worker *const w = worker;
	struct resume_op *const o = op_new(run_drop, id, len);
	if (!o)
		return;
	o->op.vital = true;
	store_submit(w->shared->store, &o->op);
}

void gw_resume_drop_cred(struct gw_worker *w, uint32_t cred)
{
	struct resume_op *const o = op_new(run_drop, NULL, 0);
	if (!o)
		return;
	o->op.vital = true;
	o->all = true;
	o->cred = cred;
	store_submit(w->shared->store, &o->op);
}
