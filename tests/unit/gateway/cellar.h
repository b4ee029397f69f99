/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/gateway/cellar: a store that outlives the gateway of a test, though the gateway dies
 *                            without a word, and in one process.
 *
 * The database is in memory; slots, token and anchor are files in a folder of the test's own.
 *
 * Promise: cellar_freeze() takes what a kill at that moment would leave, and cellar_thaw() puts it
 *          back, whatever was written in between. cellar_free() leaves nothing behind.
 * Errors:  a cmocka failure.
 * Threads: one.
 */
#ifndef LWG_TEST_CELLAR_H
#define LWG_TEST_CELLAR_H

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kv;
struct log;

enum { CELLAR_NAME = 96, CELLAR_KEYRING = 1024 };

struct cellar_file {
	char name[CELLAR_NAME];
	uint8_t *was; /* NULL: it was not there */
	size_t len;
};

enum { CELLAR_TOKEN, CELLAR_ANCHOR, CELLAR_HOT, CELLAR_FILES };

struct cellar {
	struct store_settings settings;
	struct cellar_file files[CELLAR_FILES];
	struct kv *disk; /* what the next start finds; NULL: nothing yet */
	struct kek kek;
	uint8_t keyring[CELLAR_KEYRING];
	size_t keyring_len;
	char folder[CELLAR_NAME / 2];
};

struct cellar *cellar_new(const struct log *log);
void cellar_free(struct cellar *c);
/* From now on there is an anchor. */
void cellar_anchor(struct cellar *c);
struct store *cellar_open(struct cellar *c);
/* Nothing may be committed meanwhile. */
void cellar_freeze(struct cellar *c, struct store *s);
/* The store is closed. */
void cellar_thaw(struct cellar *c);
/* The power was lost: the token is gone. */
void cellar_dark(struct cellar *c);

#endif
