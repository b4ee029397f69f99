/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that is full when something begins: an error that says so, whatever room is left, never
   SIGBUS; and once there is room it begins, as if nothing had been. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/hot.h"
#include "store/proof.h"
#include "unit/store/depot.h"
#include "unit/store/rows.h"
#include "unit/store/small.h"

enum { PAGE = 4096, DISK = 24 << 20 };

static void remove_in(const char *folder, const char *name)
{
	(void)unlink(folder_file(folder, name));
}

/* --- the database ----------------------------------------------------------------------------- */

static void begin_databases(void *arg)
{
	struct rows *const w = arg;
	unsigned refused = 0, made = 0;
	for (size_t left = 0; left < 60; left++) {
		small_fill(folder_file(w->folder, "other"), left * PAGE);
		struct kv *const kv = rows_open(w, false);
		if (kv)
			made++;
		else
			refused++;
		small_must(kv || (strstr(w->error.text, "no room") &&
					 strstr(w->error.text, "data.mdb")),
			w->error.text);
		kv_close(kv);
		/* What was begun is no obstacle. */
		remove_in(w->folder, "other");
		struct kv *const again = rows_open(w, false);
		small_must(again != NULL, w->error.text);
		kv_close(again);
		remove_in(w->folder, "data.mdb");
		remove_in(w->folder, "lock.mdb");
	}
	small_must(refused > 0 && made > 0, "no disk was full, or all were");
}

static void test_S16_no_room_for_a_new_database_is_an_error(void **state)
{
	struct rows *const w = *state;
	small_disk(w->folder, DISK, begin_databases, w);
}

/* As after copying the folder: the file is made anew, or has a hole. */
static void begin_without_lock(void *arg)
{
	struct rows *const w = arg;
	rows_make(w, 10);
	char lock[2 * FOLDER_MAX];
	(void)snprintf(lock, sizeof(lock), "%s", folder_file(w->folder, "lock.mdb"));
	const long size = folder_size(lock);
	for (unsigned sparse = 0; sparse < 2; sparse++) {
		folder_write(lock, "", 0);
		if (sparse == 0)
			small_must(unlink(lock) == 0, "it stays");
		else
			small_must(truncate(lock, size) == 0, "it does not grow");
		small_fill(folder_file(w->folder, "other"), 0);
		small_must(rows_open(w, false) == NULL, "where did it find room?");
		small_must(strstr(w->error.text, "no room") != NULL, w->error.text);
		small_must(rows_open(w, true) == NULL, "where did a tool find room?");
		small_must(strstr(w->error.text, "no room") != NULL, w->error.text);
		remove_in(w->folder, "other");
		struct kv *const kv = rows_open(w, false);
		small_must(kv != NULL, w->error.text);
		small_must(rows_good(kv) == 10, "it is not whole");
		kv_close(kv);
	}
	small_fill(folder_file(w->folder, "other"), 0);
	struct kv *const kv = rows_open(w, false);
	small_must(kv != NULL, w->error.text); /* its room is its own now */
	kv_close(kv);
}

static void test_S16_no_room_for_the_lock_file_is_an_error(void **state)
{
	struct rows *const w = *state;
	small_disk(w->folder, DISK, begin_without_lock, w);
}

/* --- the whole store -------------------------------------------------------------------------- */

static void begin_stores(void *arg)
{
	struct depot *const d = arg;
	unsigned refused = 0, made = 0;
	static const char *const files[] = { "store/data.mdb", "store/lock.mdb", "store/keyring",
		"store/keyring.new", "store/lock", "hot", "hot.new", "token", "token.new" };
	for (size_t left = 0; left < 90; left++) {
		small_fill(folder_file(d->folder, "other"), left * PAGE);
		const bool begun = depot_try(d);
		small_must(
			begun || strstr(d->error.text, "room") || strstr(d->error.text, "No space"),
			d->error.text);
		refused += !begun;
		made += begun;
		if (begun)
			depot_stop(d);
		remove_in(d->folder, "other");
		small_must(depot_try(d), d->error.text);
		small_must(d->start.fresh == !begun, "what was not begun is not fresh");
		(void)depot_cred(d, "meter");
		depot_stop(d);
		for (size_t i = 0; i < COUNT_OF(files); i++)
			remove_in(d->folder, files[i]);
		small_must(rmdir(d->dir) == 0, "something is left over");
	}
	small_must(refused > 0 && made > 0, "no disk was full, or all were");
}

static void test_S16_no_room_for_a_new_store_is_an_error(void **state)
{
	struct depot *const d = depot_new_lmdb();
	(void)state;
	small_disk(d->folder, DISK, begin_stores, d);
	depot_free(d);
}

/* --- the token -------------------------------------------------------------------------------- */

struct keeper {
	char folder[FOLDER_MAX], token[2 * FOLDER_MAX];
	struct hot *hot;
};

static void keep_tokens(void *arg)
{
	struct keeper *const k = arg;
	struct proof_settings s = { .token = k->token };
	struct store_error error;
	char why[PROOF_WHY_MAX];
	small_must(proof_boot_id(s.boot), "no boot id");
	struct proof *p = proof_begin(&s, k->hot, 1, &error);
	small_must(p != NULL, error.text);
	proof_end(p, false);
	small_fill(folder_file(k->folder, "other"), 0);
	small_must(!proof_begin(&s, k->hot, 1, &error), "where did it find room?");
	small_must(strstr(error.text, "No space") != NULL, error.text);
	/* The old one would speak for this run; and room is there now. */
	small_must(access(k->token, F_OK) != 0, "the old token stays");
	p = proof_begin(&s, k->hot, 1, &error);
	small_must(p != NULL, error.text);
	for (uint32_t i = 0; i < HOT_WORKERS_MAX; i++)
		proof_batch(p, k->hot, i);
	proof_commit(p, 2);
	small_must(
		proof_holds(&s, k->hot, hot_facts(k->hot).instance, 2, why), "it proves nothing");
	proof_end(p, true);
}

static void test_S16_no_room_for_the_token_is_an_error(void **state)
{
	struct keeper k;
	struct store_error error;
	bool fresh;
	(void)state;
	folder_make(k.folder);
	(void)snprintf(k.token, sizeof(k.token), "%s", folder_file(k.folder, "token"));
	k.hot = hot_open(NULL, &fresh, &error);
	assert_non_null(k.hot);
	small_disk(k.folder, DISK, keep_tokens, &k);
	hot_close(k.hot);
	folder_remove(k.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_S16_no_room_for_a_new_database_is_an_error, rows_begin, rows_end),
		cmocka_unit_test_setup_teardown(
			test_S16_no_room_for_the_lock_file_is_an_error, rows_begin, rows_end),
		cmocka_unit_test(test_S16_no_room_for_a_new_store_is_an_error),
		cmocka_unit_test(test_S16_no_room_for_the_token_is_an_error),
	};
	return cmocka_run_group_tests_name("store/full", tests, NULL, NULL);
}
