/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { TABLES = 2 };
static const char *const tables[TABLES] = { "one", "two" };

int rows_begin(void **state)
{
	struct rows *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	folder_make(w->folder);
	*state = w;
	return 0;
}

int rows_end(void **state)
{
	struct rows *const w = *state;
	folder_remove(w->folder);
	free(w);
	return 0;
}

struct kv *rows_open(struct rows *w, bool read_only)
{
	const struct kv_lmdb_settings s = {
		.dir = w->folder,
		.tables = tables,
		.tables_len = TABLES,
		.map_bytes = 1 << 20,
		.read_only = read_only,
	};
	w->error.text[0] = '\0';
	return kv_open_lmdb(&s, &w->fresh, &w->error);
}

struct kv *rows_must_open(struct rows *w)
{
	struct kv *const kv = rows_open(w, false);
	assert_string_equal(w->error.text, "");
	assert_non_null(kv);
	return kv;
}

void rows_refused(struct rows *w, const char *because)
{
	struct kv *const kv = rows_open(w, false);
	assert_null(kv);
	assert_false(w->fresh);
	if (strstr(w->error.text, because) == NULL || strstr(w->error.text, "data.mdb") == NULL)
		fail_msg("'%s' lacks '%s'", w->error.text, because);
}

static void row_of(uint32_t number, uint8_t out[ROW])
{
	for (uint32_t i = 0; i < ROW; i++)
		out[i] = (uint8_t)(number * 31 + i * 7);
}

enum store_result rows_put(struct kv *kv, enum kv_mode mode, uint32_t from, uint32_t n)
{
	struct kv_txn *t = NULL;
	enum store_result r = kv_begin(kv, mode, &t);
	if (r != STORE_OK)
		return r;
	for (uint32_t i = from; i < from + n; i++) {
		const uint32_t key = __builtin_bswap32(i);
		uint8_t row[ROW];
		row_of(i, row);
		r = kv_put(t, 0, slice(&key, sizeof(key)), slice(row, ROW));
		if (r != STORE_OK)
			break;
	}
	const enum store_result committed = kv_commit(t);
	assert_true(r == STORE_OK || committed == r); /* the first error stays */
	return committed;
}

int rows_good(struct kv *kv)
{
	struct kv_txn *t = NULL;
	if (kv_begin(kv, KV_READ, &t) != STORE_OK)
		return -1;
	int n = 0;
	for (;; n++) {
		const uint32_t key = __builtin_bswap32((uint32_t)n);
		struct kv_slice value;
		uint8_t row[ROW];
		row_of((uint32_t)n, row);
		const enum store_result r = kv_get(t, 0, slice(&key, sizeof(key)), &value);
		if (r == STORE_NONE)
			break;
		if (r != STORE_OK || value.len != ROW || memcmp(value.data, row, ROW) != 0) {
			n = -1;
			break;
		}
	}
	kv_abort(t);
	return n;
}

void rows_make(struct rows *w, uint32_t n)
{
	struct kv *const kv = rows_must_open(w);
	for (uint32_t i = 0; i < n; i += 50)
		assert_int_equal(rows_put(kv, KV_WRITE, i, n - i < 50 ? n - i : 50), STORE_OK);
	kv_close(kv);
}

const char *rows_file(const struct rows *w)
{
	return folder_file(w->folder, "data.mdb");
}

int rows_run_child(void (*body)(struct rows *w), struct rows *w)
{
	(void)fflush(NULL);
	const pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		body(w);
		_exit(0);
	}
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}
