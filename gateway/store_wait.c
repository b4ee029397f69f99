/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/store_wait.h"

#include "base/attr.h"
#include "store/store.h"

#include <pthread.h>
#include <stddef.h>

struct waiting {
	struct store_op op;
	enum store_result (*run)(struct store_txn *t, void *ctx);
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool has_ended;
	enum store_result result;
};

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	const struct waiting *w = CONTAINER_OF(op, struct waiting, op);
	return w->run(t, w->ctx);
}

static void done(struct store_op *op, enum store_result r)
{
	struct waiting *w = CONTAINER_OF(op, struct waiting, op);
	(void)pthread_mutex_lock(&w->lock);
	w->result = r;
	w->has_ended = true;
	(void)pthread_cond_signal(&w->ended);
	(void)pthread_mutex_unlock(&w->lock); /* the last that is touched here */
}

enum store_result gw_store_do(struct store *s,
	enum store_result (*what)(struct store_txn *t, void *ctx), void *ctx, bool vital)
{
	struct waiting w = {
		.op = { .run = run, .done = done, .vital = vital },
		.run = what,
		.ctx = ctx,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER,
	};
	store_submit(s, &w.op);
	(void)pthread_mutex_lock(&w.lock);
	while (!w.has_ended)
		(void)pthread_cond_wait(&w.ended, &w.lock);
	(void)pthread_mutex_unlock(&w.lock);
	(void)pthread_cond_destroy(&w.ended);
	(void)pthread_mutex_destroy(&w.lock);
	return w.result;
}
