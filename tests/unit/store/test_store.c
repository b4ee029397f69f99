/* SPDX-License-Identifier: Apache-2.0 */
/* The whole on LMDB, with its files: beginning, keys that change, what is missing or damaged. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/attr.h"
#include "store/core.h"
#include "unit/store/depot.h"

static int begin(void **state)
{
	struct depot *const d = depot_new_lmdb();
	depot_start(d);
	*state = d;
	return 0;
}

static const char *file(const struct depot *d, const char *name)
{
	return folder_file(d->dir, name);
}

static void test_a_store_begins_once_and_goes_on(void **state)
{
	struct depot *const d = *state;
	assert_true(d->start.fresh);
	assert_int_equal(d->start.incarnation, 1);
	const struct store_cred c = depot_cred(d, "meter");
	const struct store_assoc a = depot_assoc(d, &c, 1);
	const uint64_t seed = store_seed(d->s);
	depot_mark(d, &a, 5);
	depot_stop(d);
	depot_start(d);
	assert_false(d->start.fresh);
	assert_true(d->start.continuous);
	assert_int_equal(d->start.incarnation, 2);
	assert_int_equal(store_seed(d->s), seed);
	struct store_assoc b;
	uint32_t slot;
	assert_int_equal(store_find_path(d->r, &a.path, &slot), STORE_OK);
	assert_int_equal(depot_read(d, slot, &b), STORE_OK);
	assert_memory_equal(b.context, a.context, a.context_len);
	assert_int_equal(b.trust, STORE_EXACT);
	assert_int_equal(b.state.edge, 6);
	assert_int_equal(depot_lease(d, &b, 6), STORE_OK);
	assert_int_equal(b.state.sent, STORE_LEASE); /* it ended cleanly: nothing is skipped */
	const struct store_stats s = store_stats(d->s);
	assert_int_equal(s.associations, 1);
	assert_int_equal(s.credentials, 1);
	assert_true(s.file_bytes > 0 && s.hot_bytes > 0);
	struct stat st;
	assert_int_equal(stat(file(d, "keyring"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(d->dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_not_equal(access(file(d, "keyring.new"), F_OK), 0);
}

static void test_a_kill_loses_nothing_that_was_answered(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	struct store_assoc a = depot_assoc(d, &c, 1);
	assert_int_equal(depot_lease(d, &a, 0), STORE_OK);
	depot_kill(d);
	depot_start(d);
	struct store_assoc b;
	assert_int_equal(depot_read(d, a.slot, &b), STORE_OK);
	assert_int_equal(b.write_end, a.write_end);
}

static void test_S22_a_second_process_is_refused(void **state)
{
	struct depot *const d = *state;
	struct store_error e = { 0 };
	struct store_settings s = d->settings;
	assert_null(store_open(&s, &e));
	assert_non_null(strstr(e.text, d->dir));
}

static void test_what_is_missing_is_never_a_silent_beginning(void **state)
{
	struct depot *const d = *state;
	char aside[FOLDER_MAX + 32];
	(void)depot_cred(d, "meter");
	depot_stop(d);
	(void)snprintf(aside, sizeof(aside), "%s/aside", d->folder);
	const char *const names[] = { "data.mdb", "keyring" };
	for (unsigned i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(rename(file(d, names[i]), aside), 0);
		depot_start_fails(d, "is missing");
		depot_start_fails(d, names[i]);
		assert_int_equal(rename(aside, file(d, names[i])), 0);
	}
	depot_start(d);
	assert_int_equal(store_stats(d->s).credentials, 1);
}

static void test_an_empty_database_beside_a_keyring_is_refused(void **state)
{
	struct depot *const d = *state;
	depot_stop(d);
	struct depot *const other = depot_new_lmdb();
	struct store_error e;
	bool fresh;
	assert_int_equal(mkdir(other->dir, 0700), 0);
	const struct kv_lmdb_settings lmdb = {
		.dir = other->dir, .tables = key_tables(), .tables_len = KEY_TABLES
	};
	kv_close(kv_open_lmdb(&lmdb, &fresh, &e));
	size_t len;
	uint8_t *const octets = folder_read(file(other, "data.mdb"), &len);
	folder_write(file(d, "data.mdb"), octets, len);
	free(octets);
	depot_start_fails(d, "keyring");
	depot_free(other);
}

static void test_the_wrong_wrapping_key_is_told(void **state)
{
	struct depot *const d = *state;
	depot_stop(d);
	d->kek.key[0] ^= 1;
	depot_start_fails(d, "keyring");
	d->kek.key[0] ^= 1;
	depot_start(d);
}

static void test_the_keyring_of_another_store_is_told(void **state)
{
	struct depot *const d = *state;
	depot_stop(d);
	struct depot *const other = depot_new_lmdb();
	depot_start(other);
	depot_stop(other);
	size_t len;
	uint8_t *const octets = folder_read(file(other, "keyring"), &len);
	folder_write(file(d, "keyring"), octets, len);
	free(octets);
	depot_free(other);
	depot_start_fails(d, "another store than the keyring");
}

/* Who dies while it is made begins again. */
static void test_a_beginning_that_was_cut_short_begins_again(void **state)
{
	struct depot *const d = *state;
	depot_stop(d);
	/* Before the first commit: an empty database, and the keyring under its working name. */
	assert_int_equal(rename(file(d, "keyring"), file(d, "keyring.new")), 0);
	assert_int_equal(unlink(file(d, "data.mdb")), 0);
	depot_start(d);
	assert_true(d->start.fresh);
	(void)depot_cred(d, "meter");
	depot_stop(d);
	/* After it. */
	assert_int_equal(rename(file(d, "keyring"), file(d, "keyring.new")), 0);
	depot_start(d);
	assert_false(d->start.fresh);
	assert_int_equal(store_stats(d->s).credentials, 1);
	assert_int_equal(access(file(d, "keyring"), F_OK), 0);
	assert_int_not_equal(access(file(d, "keyring.new"), F_OK), 0);
	depot_stop(d);
	/* And who died between the two names leaves no second copy of the keys. */
	folder_write(file(d, "keyring.new"), "x", 1);
	depot_start(d);
	assert_int_not_equal(access(file(d, "keyring.new"), F_OK), 0);
}

static void put_schema(struct depot *d, uint32_t version)
{
	const uint8_t value[4] = { (uint8_t)(version >> 24), (uint8_t)(version >> 16),
		(uint8_t)(version >> 8), (uint8_t)version };
	const struct key k = key_name("schema");
	const struct kv_lmdb_settings lmdb = {
		.dir = d->dir, .tables = key_tables(), .tables_len = KEY_TABLES
	};
	struct store_error e;
	bool fresh;
	struct kv_txn *t;
	struct kv *const kv = kv_open_lmdb(&lmdb, &fresh, &e);
	assert_non_null(kv);
	assert_int_equal(kv_begin(kv, KV_WRITE, &t), STORE_OK);
	assert_int_equal(
		kv_put(t, KEY_META, key_slice(&k), (struct kv_slice){ value, 4 }), STORE_OK);
	assert_int_equal(kv_commit(t), STORE_OK);
	kv_close(kv);
}

static void test_a_newer_schema_is_refused(void **state)
{
	struct depot *const d = *state;
	char words[64];
	depot_stop(d);
	put_schema(d, STORE_SCHEMA + 1);
	(void)snprintf(words, sizeof(words), "this lwgated knows up to %d", STORE_SCHEMA);
	depot_start_fails(d, words);
	put_schema(d, STORE_SCHEMA);
	depot_start(d);
}

static void test_a_flipped_bit_in_the_first_row_is_told(void **state)
{
	struct depot *const d = *state;
	uint8_t uuid[16];
	keyring_uuid(d->s->parts.keyring, uuid);
	depot_stop(d);
	size_t len;
	unsigned found = 0;
	uint8_t *const octets = folder_read(file(d, "data.mdb"), &len);
	for (size_t at = 0; at + 100 <= len; at++) { /* wherever its pages are */
		if (memcmp(octets + at, uuid, sizeof(uuid)) != 0)
			continue;
		octets[at + 40] ^= 4;
		found++;
	}
	assert_true(found > 0);
	folder_write(file(d, "data.mdb"), octets, len);
	free(octets);
	depot_start_fails(d, "is damaged");
}

/* --- keys that change ------------------------------------------------------------------------- */

static void all_is_there(struct depot *d, const struct store_assoc *a, const struct store_cred *c)
{
	struct store_assoc b;
	struct store_cred x;
	store_reader_rest(d->r);
	assert_int_equal(depot_read(d, a->slot, &b), STORE_OK);
	assert_memory_equal(b.context, a->context, a->context_len);
	assert_int_equal(store_read_cred(d->r, c->number, &x), STORE_OK);
	assert_memory_equal(x.key, c->key, c->key_len);
}

static void test_a_new_wrapping_key_opens_what_the_old_one_did(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	const struct store_assoc a = depot_assoc(d, &c, 1);
	struct kek kek, is;
	struct store_error e;
	memset(kek.key, 9, sizeof(kek.key));
	assert_int_equal(store_rewrap(d->s, &kek, &e), STORE_OK);
	store_kek(d->s, &is);
	assert_memory_equal(&is, &kek, sizeof(kek));
	depot_stop(d);
	depot_start_fails(d, "keyring");
	d->kek = kek;
	depot_start(d);
	all_is_there(d, &a, &c);
}

/* No file may grow beyond an octet: as if the disk were full. */
static void without_room(struct rlimit *was)
{
	assert_int_equal(getrlimit(RLIMIT_FSIZE, was), 0);
	const struct rlimit little = { .rlim_cur = 1, .rlim_max = was->rlim_max };
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
}

static void test_keys_stay_when_the_new_ones_cannot_be_stored(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	struct kek kek, is;
	struct store_error e;
	struct rlimit was;
	memset(kek.key, 9, sizeof(kek.key));
	without_room(&was);
	const enum store_result rewrapped = store_rewrap(d->s, &kek, &e);
	const enum store_result rotated = store_rotate(d->s, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_not_equal(rewrapped, STORE_OK);
	assert_int_not_equal(rotated, STORE_OK);
	store_kek(d->s, &is);
	assert_memory_equal(&is, &d->kek, sizeof(is));
	const struct store_assoc a = depot_assoc(d, &c, 1);
	depot_stop(d);
	depot_start(d);
	all_is_there(d, &a, &c);
}

static bool has_key(const struct depot *d, uint32_t id)
{
	uint8_t key[KEYRING_KEY];
	return keyring_key(d->s->parts.keyring, id, key);
}

/* Waits until the writer has done its idle work; woken for each step. */
static void sweep(struct depot *d)
{
	d->s->drop_after_ms = 1;
	for (unsigned i = 0; i < 1000 && has_key(d, 1); i++) {
		writer_wake(d->s->writer);
		(void)depot_revoke(d, 4711); /* a turn of the writer */
	}
}

static void sealed_under(struct depot *d, uint32_t id, const struct store_assoc *a)
{
	const struct key k = key_number(a->slot);
	struct value_assoc_head h;
	struct kv_slice v, rest;
	struct kv_txn *t;
	assert_int_equal(kv_begin(d->s->parts.kv, KV_READ, &t), STORE_OK);
	assert_int_equal(kv_get(t, KEY_ASSOC, key_slice(&k), &v), STORE_OK);
	assert_true(value_assoc_head_read(v, &h, &rest));
	assert_int_equal(seal_key_id(rest), id);
	kv_abort(t);
}

static void test_S19_rotation_seals_anew_and_destroys_the_old_key(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	const struct store_assoc a = depot_assoc(d, &c, 1);
	const struct store_session s = {
		.cred = c.number, .device = a.slot, .link = STORE_NO_SLOT
	};
	struct store_session x;
	struct store_error e;
	assert_int_equal(depot_session(d, &s), STORE_OK);
	sealed_under(d, 1, &a);
	assert_int_equal(store_rotate(d->s, &e), STORE_OK);
	sweep(d);
	assert_false(has_key(d, 1));
	assert_true(has_key(d, 2));
	sealed_under(d, 2, &a);
	all_is_there(d, &a, &c);
	assert_int_equal(store_read_session(d->r, c.number, &x), STORE_OK);
	depot_stop(d);
	depot_start(d);
	assert_false(has_key(d, 1));
	all_is_there(d, &a, &c);
}

static void test_S19_a_sweep_goes_on_after_a_restart(void **state)
{
	struct depot *const d = *state;
	const struct store_cred c = depot_cred(d, "meter");
	const struct store_assoc a = depot_assoc(d, &c, 1);
	struct store_error e;
	d->s->drop_after_ms = 1000000;
	assert_int_equal(store_rotate(d->s, &e), STORE_OK);
	depot_kill(d);
	depot_start(d);
	assert_true(has_key(d, 1));
	sweep(d);
	assert_false(has_key(d, 1));
	sealed_under(d, 2, &a);
	all_is_there(d, &a, &c);
}

static void test_S19_rotations_are_bounded(void **state)
{
	struct depot *const d = *state;
	struct store_error e = { 0 };
	d->s->drop_after_ms = 1000000;
	unsigned n = 1;
	while (n < KEYRING_KEYS_MAX) {
		assert_int_equal(store_rotate(d->s, &e), STORE_OK);
		n++;
	}
	assert_int_equal(store_rotate(d->s, &e), STORE_FULL);
	assert_non_null(strstr(e.text, "wait"));
	(void)depot_cred(d, "meter");
}

static void test_in_memory_there_are_no_files(void **state)
{
	(void)state;
	struct store_settings s = { .dir = NULL, .boot_ms = 1, .wall_ms = 1 };
	struct store_error e = { 0 };
	struct store *const store = store_open(&s, &e);
	assert_non_null(store);
	assert_true(store_start(store).fresh);
	assert_false(store_start(store).continuous);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, depot_end)
		T(test_a_store_begins_once_and_goes_on),
		T(test_a_kill_loses_nothing_that_was_answered),
		T(test_S22_a_second_process_is_refused),
		T(test_what_is_missing_is_never_a_silent_beginning),
		T(test_an_empty_database_beside_a_keyring_is_refused),
		T(test_the_wrong_wrapping_key_is_told),
		T(test_the_keyring_of_another_store_is_told),
		T(test_a_beginning_that_was_cut_short_begins_again),
		T(test_a_newer_schema_is_refused),
		T(test_a_flipped_bit_in_the_first_row_is_told),
		T(test_a_new_wrapping_key_opens_what_the_old_one_did),
		T(test_keys_stay_when_the_new_ones_cannot_be_stored),
		T(test_S19_rotation_seals_anew_and_destroys_the_old_key),
		T(test_S19_a_sweep_goes_on_after_a_restart),
		T(test_S19_rotations_are_bounded),
#undef T
		cmocka_unit_test(test_in_memory_there_are_no_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
