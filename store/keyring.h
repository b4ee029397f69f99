/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/keyring: the data keys, wrapped by a key-encryption key (KEK) that is never in the
 *                database.
 *
 * Several data keys live at once (S19): the newest seals, all open. A wrapped keyring is one blob
 * of text-free octets (version, store UUID, id of the KEK, then the keys, AES-256-GCM under a key
 * derived from the KEK and a fresh salt).
 *
 * Promise: keys lie in memory that is locked and kept out of core dumps; they are wiped by
 *          keyring_free(). A wrong KEK is told from a damaged blob.
 * Threads: any (an internal lock); keyring_free() when nobody else uses it.
 */
#ifndef LWG_STORE_KEYRING_H
#define LWG_STORE_KEYRING_H

#include "base/attr.h"
#include "store/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KEYRING_KEYS_MAX = 8,
	KEYRING_KEY = 32,
	KEK_LEN = 32,
	KEK_ID = 8,
	KEYRING_WRAPPED_MAX = 1024
};

struct keyring;

struct kek { /* the holder wipes it */
	uint8_t key[KEK_LEN];
};

/* A public name of the KEK, to tell which one is wanted: the first octets of a labelled hash. */
void kek_id(const struct kek *kek, uint8_t out[KEK_ID]);

/* With one fresh data key, number 1, and a fresh UUID. NULL: the kernel or the library failed. */
MUST_USE struct keyring *keyring_new(void);
MUST_USE struct keyring *keyring_unwrap(
	const struct kek *kek, const uint8_t *blob, size_t len, struct store_error *error);
/* Returns the length; 0: the library failed. */
MUST_USE size_t keyring_wrap(
	const struct keyring *k, const struct kek *kek, uint8_t out[KEYRING_WRAPPED_MAX]);
void keyring_free(struct keyring *k);

void keyring_uuid(const struct keyring *k, uint8_t out[16]);
uint32_t keyring_newest(const struct keyring *k);
/* Copies a data key; false: there is none of that number. The caller wipes it. */
MUST_USE bool keyring_key(const struct keyring *k, uint32_t id, uint8_t out[KEYRING_KEY]);
/* A fresh newest key; false: there are KEYRING_KEYS_MAX. Wrap and store before sealing under it. */
MUST_USE bool keyring_add(struct keyring *k);
/* Forgets the newest, which has sealed nothing: its wrapping could not be stored. */
void keyring_undo_add(struct keyring *k);
/* Forgets an old one; the newest stays. */
void keyring_drop(struct keyring *k, uint32_t id);
/* Keys for other purposes, from a root of their own in the keyring and a label: 16 octets for
   SipHash. They change only when the store is made anew. */
MUST_USE bool keyring_mac_key(const struct keyring *k, const char *label, uint8_t out[16]);

#endif
