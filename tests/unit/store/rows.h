/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/rows: a database of LMDB with rows that tell their number: a wrong one is seen.
 *
 * Errors: asserted, but for what returns a result. Threads: one.
 */
#ifndef LWG_UNIT_STORE_ROWS_H
#define LWG_UNIT_STORE_ROWS_H

#include "store/kv.h"
#include "unit/store/folder.h"

enum { ROW = 1000 };

struct rows {
	char folder[FOLDER_MAX];
	struct store_error error;
	bool fresh;
};

/* Setup and teardown: *state is a struct rows. */
int rows_begin(void **state);
int rows_end(void **state);
struct kv *rows_open(struct rows *w, bool read_only);
struct kv *rows_must_open(struct rows *w);
/* The opening fails, and the error names the file and says why. */
void rows_refused(struct rows *w, const char *because);
/* In one transaction. */
enum store_result rows_put(struct kv *kv, enum kv_mode mode, uint32_t from, uint32_t n);
/* How many rows from 0 on are there and right; -1: one is there and wrong. */
int rows_good(struct kv *kv);
/* A closed database of n rows. */
void rows_make(struct rows *w, uint32_t n);
const char *rows_file(const struct rows *w);
/* Runs body in a child; its status as of waitpid(). */
int rows_run_child(void (*body)(struct rows *w), struct rows *w);

static inline struct kv_slice slice(const void *data, size_t len)
{
	return (struct kv_slice){ data, len };
}

#endif
