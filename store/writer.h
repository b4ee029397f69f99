/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/writer: the one thread that writes, and what waits for it: many operations to a commit.
 *
 * An operation that may wait is in no hurry until its time is up, until one comes that is, or until
 * WRITER_COMPANY wait; then all that wait share one transaction, in the order they came.
 *
 * Promise: done() is called once for each operation, after the commit that it was in, in the
 * writer's
 *          thread. When there is no room (STORE_FULL), nothing of the batch is written, then the
 *          vital ones alone in a transaction that may use the room that is kept; the others answer
 *          STORE_FULL. After STORE_BROKEN nothing is run any more and all answer STORE_BROKEN (S4).
 *          An operation with `anchors` set answers STORE_BROKEN when the anchor could not be raised
 *          (S5), whatever became of the commit.
 * Errors:  writer_new() NULL: no memory, or no thread.
 * Threads: writer_submit() and writer_call() any but the writer's own, whose done() may submit.
 */
#ifndef LWG_STORE_WRITER_H
#define LWG_STORE_WRITER_H

#include "base/attr.h"
#include "base/histogram.h"
#include "store/error.h"

#include <stdbool.h>
#include <stdint.h>

struct store_op;
struct store_txn;
struct writer;

enum { WRITER_COMPANY = 4096 };

/* What a transaction is; all called in the writer's thread. */
struct writer_owner {
	void *ctx;
	enum store_result (*begin)(void *ctx, bool vital, struct store_txn **t);
	/* Runs one operation and sets its `anchors`. */
	enum store_result (*run)(void *ctx, struct store_txn *t, struct store_op *op);
	enum store_result (*commit)(void *ctx, struct store_txn *t);
	void (*abort)(void *ctx, struct store_txn *t);
	/* After a commit that an operation with `anchors` was in: false: the anchor failed. */
	bool (*anchor)(void *ctx);
	/* Nothing waits: a step of other work, which says after how many ms it wants the next one;
	   0: there is none (and writer_wake() will tell when there is). NULL: never. */
	uint32_t (*idle)(void *ctx);
};

struct writer_stats {
	uint64_t commits, operations, failed, full;
	uint64_t commit_us_last, commit_us_max;
	struct histogram commit;
	bool is_full, is_broken;
};

MUST_USE struct writer *writer_new(const struct writer_owner *owner);
/* Deals with all that was submitted, then ends the thread. abandon: what waits answers STORE_BROKEN
   and is not run, as if the process had died. */
void writer_free(struct writer *w, bool abandon);
void writer_submit(struct writer *w, struct store_op *op);
/* Calls f in the writer's thread, between transactions, and returns when it has returned. */
void writer_call(struct writer *w, void (*f)(void *ctx), void *ctx);
/* idle() is to be asked again. */
void writer_wake(struct writer *w);
struct writer_stats writer_stats(struct writer *w);

#endif
