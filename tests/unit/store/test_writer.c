/* SPDX-License-Identifier: Apache-2.0 */
/* The writer alone: its transactions are made up here. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/store.h"
#include "store/writer.h"

enum { EVENTS = 256 };

struct world {
	struct writer *w;
	char log[EVENTS * 4]; /* what happened, in order: a letter each */
	_Atomic unsigned len;
	enum store_result begin, commit; /* what they answer ... */
	unsigned commit_fails;           /* ... so many times */
	bool anchor;
	sem_t idle_gate;
	uint32_t idle_again;
};

struct job {
	struct store_op op;
	struct world *world;
	char name;
	bool anchors;
	enum store_result answer, result;
	unsigned runs;
	sem_t done;
};

static void note(struct world *w, char c)
{
	const unsigned at = atomic_fetch_add(&w->len, 1);
	if (at + 1 < sizeof(w->log))
		w->log[at] = c;
}

static enum store_result begin_txn(void *ctx, bool vital, struct store_txn **t)
{
	struct world *const w = ctx;
	*t = NULL;
	note(w, vital ? '{' : '(');
	return vital ? STORE_OK : w->begin;
}

static enum store_result run_op(void *ctx, struct store_txn *t, struct store_op *op)
{
	(void)ctx;
	struct job *const j = CONTAINER_OF(op, struct job, op);
	const enum store_result r = op->run(t, op);
	op->anchors = j->anchors;
	return r;
}

static enum store_result commit_txn(void *ctx, struct store_txn *t)
{
	struct world *const w = ctx;
	(void)t;
	note(w, ')');
	if (w->commit_fails == 0)
		return STORE_OK;
	w->commit_fails--;
	return w->commit;
}

static void abort_txn(void *ctx, struct store_txn *t)
{
	(void)t;
	note(ctx, '!');
}

static bool anchor(void *ctx)
{
	struct world *const w = ctx;
	note(w, 'A');
	return w->anchor;
}

static uint32_t idle(void *ctx)
{
	struct world *const w = ctx;
	(void)sem_post(&w->idle_gate);
	return w->idle_again;
}

static enum store_result run(struct store_txn *t, struct store_op *op)
{
	struct job *const j = CONTAINER_OF(op, struct job, op);
	(void)t;
	note(j->world, j->name);
	j->runs++;
	return j->answer;
}

static void done(struct store_op *op, enum store_result r)
{
	struct job *const j = CONTAINER_OF(op, struct job, op);
	note(j->world, (char)(j->name - 'a' + 'A' + 1)); /* a: B ... so that A is the anchor */
	j->result = r;
	(void)sem_post(&j->done);
}

static struct job job(struct world *w, char name)
{
	struct job j = { .op = { .run = run, .done = done }, .world = w, .name = name };
	return j;
}

static void submit(struct job *j)
{
	(void)sem_init(&j->done, 0, 0);
	writer_submit(j->world->w, &j->op);
}

static enum store_result await(struct job *j)
{
	while (sem_wait(&j->done) != 0)
		continue;
	return j->result;
}

static void call(void *ctx)
{
	note(ctx, '+');
}

static int begin(void **state)
{
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	(void)sem_init(&w->idle_gate, 0, 0);
	w->anchor = true;
	const struct writer_owner owner = { .ctx = w,
		.begin = begin_txn,
		.run = run_op,
		.commit = commit_txn,
		.abort = abort_txn,
		.anchor = anchor };
	w->w = writer_new(&owner);
	assert_non_null(w->w);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *const w = *state;
	if (w->w)
		writer_free(w->w, false);
	free(w);
	return 0;
}

static void test_what_waits_shares_a_commit_in_its_order(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a'), b = job(w, 'b'), c = job(w, 'c');
	a.op.may_wait_ms = b.op.may_wait_ms = 1000000;
	submit(&a); /* both wait for company */
	submit(&b);
	writer_call(w->w, call, w);
	submit(&c); /* is company */
	assert_int_equal(await(&a), STORE_OK);
	assert_int_equal(await(&b), STORE_OK);
	assert_int_equal(await(&c), STORE_OK);
	assert_string_equal(w->log, "+(abc)BCD");
	assert_int_equal(writer_stats(w->w).commits, 1);
	assert_int_equal(writer_stats(w->w).operations, 3);
}

static void test_what_may_wait_does_not_wait_for_ever(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a');
	a.op.may_wait_ms = 5;
	submit(&a);
	assert_int_equal(await(&a), STORE_OK);
}

static void test_a_crowd_does_not_wait_for_its_time(void **state)
{
	struct world *const w = *state;
	static struct job crowd[WRITER_COMPANY + 1];
	for (unsigned i = 0; i < COUNT_OF(crowd); i++) {
		crowd[i] = job(w, 'x');
		crowd[i].op.may_wait_ms = 1000000;
		submit(&crowd[i]);
	}
	for (unsigned i = 0; i < COUNT_OF(crowd); i++)
		assert_int_equal(await(&crowd[i]), STORE_OK);
	assert_int_equal(writer_stats(w->w).commits, 1);
}

static void test_each_has_its_own_answer(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a'), b = job(w, 'b');
	a.answer = STORE_STALE;
	a.op.may_wait_ms = 1000000;
	submit(&a);
	submit(&b);
	assert_int_equal(await(&a), STORE_STALE);
	assert_int_equal(await(&b), STORE_OK);
}

static void test_what_is_refused_costs_no_commit(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a');
	a.answer = STORE_STALE;
	submit(&a);
	assert_int_equal(await(&a), STORE_STALE);
	assert_string_equal(w->log, "(a!B");
	assert_int_equal(writer_stats(w->w).commits, 0);
}

static void test_R189_when_there_is_no_room_the_vital_ones_go_alone(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a'), b = job(w, 'b');
	w->commit = STORE_FULL;
	w->commit_fails = 1;
	a.op.may_wait_ms = 1000000;
	b.op.vital = true;
	submit(&a);
	submit(&b);
	assert_int_equal(await(&a), STORE_FULL);
	assert_int_equal(await(&b), STORE_OK);
	assert_string_equal(w->log, "(ab){b)BC");
	assert_int_equal(a.runs, 1);
	assert_int_equal(b.runs, 2);
	assert_true(writer_stats(w->w).is_full);
	struct job f = job(w, 'f'); /* vital ones say nothing about room */
	f.op.vital = true;
	submit(&f);
	assert_int_equal(await(&f), STORE_OK);
	assert_true(writer_stats(w->w).is_full);
	struct job c = job(w, 'c');
	w->begin = STORE_FULL;
	c.op.vital = true;
	submit(&c);
	assert_int_equal(await(&c), STORE_OK);
	assert_true(writer_stats(w->w).is_full);
	w->begin = STORE_OK;
	struct job e = job(w, 'e');
	submit(&e);
	assert_int_equal(await(&e), STORE_OK);
	assert_false(writer_stats(w->w).is_full);
	assert_int_equal(writer_stats(w->w).full, 1);
}

static void test_R189_with_no_room_at_all_the_vital_ones_fail_and_go_on_later(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a');
	w->commit = STORE_FULL;
	w->commit_fails = 2;
	a.op.vital = true;
	submit(&a);
	assert_int_equal(await(&a), STORE_FULL);
	struct job b = job(w, 'b');
	b.op.vital = true;
	submit(&b);
	assert_int_equal(await(&b), STORE_OK);
}

static void test_S4_what_broke_is_never_tried_again(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a'), b = job(w, 'b');
	w->commit = STORE_BROKEN;
	w->commit_fails = 1;
	submit(&a);
	assert_int_equal(await(&a), STORE_BROKEN);
	b.op.vital = true;
	submit(&b);
	assert_int_equal(await(&b), STORE_BROKEN);
	assert_int_equal(b.runs, 0);
	assert_true(writer_stats(w->w).is_broken);
	assert_int_equal(writer_stats(w->w).commits, 1);
}

static void test_S5_who_needs_the_anchor_is_answered_after_it(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'b'), b = job(w, 'c');
	a.op.may_wait_ms = 1000000;
	a.anchors = true;
	submit(&a);
	submit(&b);
	(void)await(&a);
	(void)await(&b);
	assert_string_equal(w->log, "(bc)ACD");
	w->anchor = false;
	a.op.may_wait_ms = 1000000;
	submit(&a);
	submit(&b);
	assert_int_equal(await(&a), STORE_BROKEN);
	assert_int_equal(await(&b), STORE_OK);
	assert_false(writer_stats(w->w).is_broken);
}

static void test_the_end_answers_all_that_waits(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a'), b = job(w, 'b');
	a.op.may_wait_ms = b.op.may_wait_ms = 1000000;
	submit(&a);
	submit(&b);
	writer_free(w->w, false);
	w->w = NULL;
	assert_int_equal(await(&a), STORE_OK);
	assert_int_equal(await(&b), STORE_OK);
	assert_string_equal(w->log, "(ab)BC");
}

static void test_whoever_dies_runs_nothing_any_more(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a');
	a.op.may_wait_ms = 1000000;
	submit(&a);
	writer_free(w->w, true);
	w->w = NULL;
	assert_int_equal(await(&a), STORE_BROKEN);
	assert_int_equal(a.runs, 0);
}

static void test_a_call_comes_between_transactions(void **state)
{
	struct world *const w = *state;
	struct job a = job(w, 'a');
	a.op.may_wait_ms = 1000000;
	submit(&a);
	writer_call(w->w, call, w);
	assert_string_equal(w->log, "+");
	struct job b = job(w, 'b');
	submit(&b);
	assert_int_equal(await(&a), STORE_OK);
	assert_int_equal(await(&b), STORE_OK);
}

static void test_idle_work_is_asked_for_again_and_woken(void **state)
{
	struct world *const w = *state;
	writer_free(w->w, false);
	w->idle_again = 1;
	const struct writer_owner owner = { .ctx = w,
		.begin = begin_txn,
		.run = run_op,
		.commit = commit_txn,
		.abort = abort_txn,
		.anchor = anchor,
		.idle = idle };
	w->w = writer_new(&owner);
	assert_non_null(w->w);
	for (unsigned i = 0; i < 3; i++)
		while (sem_wait(&w->idle_gate) != 0)
			continue;
	struct job a = job(w, 'a'); /* operations are dealt with all the same */
	submit(&a);
	assert_int_equal(await(&a), STORE_OK);
	writer_call(w->w, call, w);
	w->idle_again = 0;
	writer_wake(w->w);
	while (sem_wait(&w->idle_gate) != 0)
		continue;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
		T(test_what_waits_shares_a_commit_in_its_order),
		T(test_what_may_wait_does_not_wait_for_ever),
		T(test_a_crowd_does_not_wait_for_its_time),
		T(test_each_has_its_own_answer),
		T(test_what_is_refused_costs_no_commit),
		T(test_R189_when_there_is_no_room_the_vital_ones_go_alone),
		T(test_R189_with_no_room_at_all_the_vital_ones_fail_and_go_on_later),
		T(test_S4_what_broke_is_never_tried_again),
		T(test_S5_who_needs_the_anchor_is_answered_after_it),
		T(test_the_end_answers_all_that_waits),
		T(test_whoever_dies_runs_nothing_any_more),
		T(test_a_call_comes_between_transactions),
		T(test_idle_work_is_asked_for_again_and_woken),
#undef T
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
