/* SPDX-License-Identifier: Apache-2.0 */
#include "store/writer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/signals.h"
#include "store/store.h"

struct call {
	void (*f)(void *ctx);
	void *ctx;
	bool done;
};

struct queue {
	struct store_op *first, **last;
	unsigned len;
	uint64_t due_ms; /* of the most urgent; UINT64_MAX: empty */
};

struct writer {
	struct writer_owner owner;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;  /* CLOCK_MONOTONIC */
	pthread_cond_t called;
	struct queue queue;
	struct call *call;
	uint64_t idle_ms; /* when idle() is due; UINT64_MAX: not */
	bool ends, abandons;
	struct writer_stats stats;
};

static uint64_t now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
	return now_us() / 1000;
}

static void queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->len = 0;
	q->due_ms = UINT64_MAX;
}

static struct store_op *queue_take(struct queue *q)
{
	struct store_op *const ops = q->first;
	queue_init(q);
	return ops;
}

/* --- a batch ---------------------------------------------------------------------------------- */

struct batch {
	struct store_op *ops;
	bool vital_only;
	bool anchors;  /* one of those that ran needs the anchor */
	unsigned good; /* ran with STORE_OK */
	unsigned ran;
};

static bool takes_part(const struct batch *b, const struct store_op *op)
{
	return op->vital || !b->vital_only;
}

static void run_all(struct writer *w, struct store_txn *t, struct batch *b)
{
	for (struct store_op *op = b->ops; op; op = op->next) {
		if (!takes_part(b, op))
			continue;
		op->anchors = false;
		op->result = w->owner.run(w->owner.ctx, t, op);
		b->ran++;
		b->good += op->result == STORE_OK;
		b->anchors = b->anchors || (op->result == STORE_OK && op->anchors);
	}
}

static void answer_all(struct batch *b, enum store_result r)
{
	for (struct store_op *op = b->ops; op; op = op->next)
		if (takes_part(b, op))
			op->result = r;
}

static void note_commit(struct writer *w, uint64_t us)
{
	(void)pthread_mutex_lock(&w->lock);
	w->stats.commits++;
	w->stats.commit_us_last = us;
	histogram_add(&w->stats.commit, us);
	if (us > w->stats.commit_us_max)
		w->stats.commit_us_max = us;
	(void)pthread_mutex_unlock(&w->lock);
}

/* What changed nothing costs no commit. */
static enum store_result commit(struct writer *w, struct store_txn *t, const struct batch *b)
{
	if (b->good == 0) {
		w->owner.abort(w->owner.ctx, t);
		return STORE_OK;
	}
	const uint64_t from = now_us();
	const enum store_result r = w->owner.commit(w->owner.ctx, t);
	note_commit(w, now_us() - from);
	return r;
}

/* STORE_OK: each operation that took part has its own result. */
static enum store_result transact(struct writer *w, struct batch *b)
{
	struct store_txn *t;
	enum store_result r = w->owner.begin(w->owner.ctx, b->vital_only, &t);
	if (r != STORE_OK)
		return r;
	run_all(w, t, b);
	r = commit(w, t, b);
	if (r != STORE_OK || !b->anchors || w->owner.anchor(w->owner.ctx))
		return r;
	for (struct store_op *op = b->ops; op; op = op->next)
		if (takes_part(b, op) && op->anchors && op->result == STORE_OK)
			op->result = STORE_BROKEN;
	return STORE_OK;
}

static bool any_vital(const struct store_op *op)
{
	while (op && !op->vital)
		op = op->next;
	return op != NULL;
}

/* Every operation has its result. */
static enum store_result settle(struct writer *w, struct store_op *ops)
{
	struct batch all = { .ops = ops };
	const enum store_result r = transact(w, &all);
	if (r == STORE_OK)
		return r;
	answer_all(&all, r);
	if (r != STORE_FULL || !any_vital(ops))
		return r;
	struct batch vital = { .ops = ops, .vital_only = true };
	const enum store_result second = transact(w, &vital);
	if (second != STORE_OK)
		answer_all(&vital, second);
	return second == STORE_BROKEN ? second : r;
}

/* Room is told by those that need new room: what is vital gets by on what is kept. */
static void note_results(struct writer *w, const struct store_op *ops, enum store_result r)
{
	bool refused = r == STORE_FULL, went = false;
	(void)pthread_mutex_lock(&w->lock);
	for (const struct store_op *op = ops; op; op = op->next) {
		w->stats.operations++;
		w->stats.failed += op->result != STORE_OK;
		w->stats.full += op->result == STORE_FULL;
		went = went || (!op->vital && op->result == STORE_OK);
	}
	if (refused || went)
		w->stats.is_full = refused;
	w->stats.is_broken = w->stats.is_broken || r == STORE_BROKEN;
	(void)pthread_mutex_unlock(&w->lock);
}

static void tell_all(struct store_op *op)
{
	while (op) {
		struct store_op *const next = op->next; /* done() may free it */
		op->done(op, op->result);
		op = next;
	}
}

static void handle(struct writer *w, struct store_op *ops, bool dead)
{
	struct batch all = { .ops = ops };
	enum store_result r = STORE_BROKEN;
	if (dead)
		answer_all(&all, r);
	else
		r = settle(w, ops);
	note_results(w, ops, r);
	tell_all(ops);
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool is_due(const struct writer *w, uint64_t now)
{
	return w->queue.len > 0 &&
	       (w->ends || w->queue.due_ms <= now || w->queue.len > WRITER_COMPANY);
}

/* Until there is something to do. */
static void await(struct writer *w)
{
	for (;;) {
		const uint64_t now = now_ms();
		if (w->call || w->ends || is_due(w, now) || w->idle_ms <= now)
			return;
		const uint64_t at = w->queue.due_ms < w->idle_ms ? w->queue.due_ms : w->idle_ms;
		if (at == UINT64_MAX) {
			(void)pthread_cond_wait(&w->work, &w->lock);
			continue;
		}
		const struct timespec until = { .tv_sec = (time_t)(at / 1000),
			.tv_nsec = (long)(at % 1000) * 1000000 };
		(void)pthread_cond_timedwait(&w->work, &w->lock, &until);
	}
}

static void answer_call(struct writer *w)
{
	struct call *const call = w->call;
	(void)pthread_mutex_unlock(&w->lock);
	call->f(call->ctx);
	(void)pthread_mutex_lock(&w->lock);
	w->call = NULL;
	call->done = true;
	(void)pthread_cond_broadcast(&w->called);
}

static void be_idle(struct writer *w)
{
	w->idle_ms = UINT64_MAX; /* writer_wake() meanwhile is not lost */
	(void)pthread_mutex_unlock(&w->lock);
	const uint32_t again = w->owner.idle(w->owner.ctx);
	(void)pthread_mutex_lock(&w->lock);
	if (again > 0 && w->idle_ms == UINT64_MAX)
		w->idle_ms = now_ms() + again;
}

/* False: the end. */
static bool turn(struct writer *w)
{
	await(w);
	if (w->call) {
		answer_call(w);
		return true;
	}
	const uint64_t now = now_ms();
	if (is_due(w, now)) {
		struct store_op *const ops = queue_take(&w->queue);
		const bool dead = w->stats.is_broken || w->abandons;
		(void)pthread_mutex_unlock(&w->lock);
		handle(w, ops, dead);
		(void)pthread_mutex_lock(&w->lock);
	}
	if (w->ends)
		return w->queue.len > 0;
	/* Beside a stream of operations, too, but not at each of them. */
	if (w->idle_ms <= now && !w->stats.is_broken)
		be_idle(w);
	else if (w->idle_ms <= now)
		w->idle_ms = UINT64_MAX;
	return true;
}

static void *work(void *ctx)
{
	struct writer *const w = ctx;
	(void)pthread_mutex_lock(&w->lock);
	while (turn(w))
		continue;
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- for others ------------------------------------------------------------------------------- */

static bool init_sync(struct writer *w)
{
	pthread_condattr_t attr;
	if (pthread_condattr_init(&attr) != 0)
		return false;
	const bool good = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
			  pthread_cond_init(&w->work, &attr) == 0 &&
			  pthread_cond_init(&w->called, &attr) == 0 &&
			  pthread_mutex_init(&w->lock, NULL) == 0;
	(void)pthread_condattr_destroy(&attr);
	return good;
}

/* Signals are for the main thread. */
static bool begin_thread(struct writer *w)
{
	sigset_t before;
	signals_block(&before);
	const bool good = pthread_create(&w->thread, NULL, work, w) == 0;
	signals_restore(&before);
	return good;
}

struct writer *writer_new(const struct writer_owner *owner)
{
	struct writer *const w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->owner = *owner;
	w->idle_ms = owner->idle ? 0 : UINT64_MAX;
	queue_init(&w->queue);
	if (init_sync(w) && begin_thread(w))
		return w;
	free(w);
	return NULL;
}

void writer_free(struct writer *w, bool abandon)
{
	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->ends = true;
	w->abandons = abandon;
	(void)pthread_cond_signal(&w->work);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	(void)pthread_cond_destroy(&w->work);
	(void)pthread_cond_destroy(&w->called);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

void writer_submit(struct writer *w, struct store_op *op)
{
	op->next = NULL;
	op->due_ms = op->may_wait_ms > 0 ? now_ms() + op->may_wait_ms : 0;
	(void)pthread_mutex_lock(&w->lock);
	struct queue *const q = &w->queue;
	*q->last = op;
	q->last = &op->next;
	q->len++;
	/* The writer wakes for what is sooner than all it waits for. */
	const bool sooner = op->due_ms < q->due_ms;
	if (sooner)
		q->due_ms = op->due_ms;
	if (sooner || q->len > WRITER_COMPANY)
		(void)pthread_cond_signal(&w->work);
	(void)pthread_mutex_unlock(&w->lock);
}

void writer_call(struct writer *w, void (*f)(void *ctx), void *ctx)
{
	struct call call = { .f = f, .ctx = ctx };
	(void)pthread_mutex_lock(&w->lock);
	while (w->call) /* somebody else's */
		(void)pthread_cond_wait(&w->called, &w->lock);
	w->call = &call; /* cppcheck-suppress autoVariables; until it is done, below */
	(void)pthread_cond_signal(&w->work);
	while (!call.done)
		(void)pthread_cond_wait(&w->called, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
}

void writer_wake(struct writer *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->idle_ms = 0;
	(void)pthread_cond_signal(&w->work);
	(void)pthread_mutex_unlock(&w->lock);
}

struct writer_stats writer_stats(struct writer *w)
{
	(void)pthread_mutex_lock(&w->lock);
	const struct writer_stats s = w->stats;
	(void)pthread_mutex_unlock(&w->lock);
	return s;
}
