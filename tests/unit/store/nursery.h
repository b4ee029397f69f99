/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/nursery: what a depot's devices are to prove next, and what is done with it.
 *
 * Promise: every look is at a new snapshot. Errors: asserted, but for what returns a result.
 * Threads: one.
 */
#ifndef LWG_UNIT_STORE_NURSERY_H
#define LWG_UNIT_STORE_NURSERY_H

#include "store/core.h"
#include "unit/store/depot.h"

#include <stdbool.h>
#include <stdint.h>

uint64_t depot_wall(const struct depot *d);

/* Not written; in an hour its time is over. */
struct store_staged next_psk(
	const struct depot *d, const struct store_cred *c, const char *identity, char key);
struct store_staged next_raw_key(const struct depot *d, const struct store_cred *c, uint8_t digest);
struct store_staged next_certificate(
	const struct depot *d, const struct store_cred *c, const char *name, uint8_t pin);

enum store_result depot_stage(struct depot *d, struct store_staged *s);
enum store_result depot_arm(struct depot *d, uint32_t cred, uint64_t generation);
enum store_result depot_unstage(struct depot *d, uint32_t cred);
enum store_result depot_over(struct depot *d, uint32_t cred, bool *taken);
/* A handshake under this generation. */
enum store_result depot_shake(struct depot *d, const struct store_cred *c, uint64_t generation);

enum store_result depot_staged(struct depot *d, uint32_t cred, struct store_staged *out);
enum store_result depot_find_staged(
	struct depot *d, enum store_cred_kind kind, const char *identity, struct store_staged *out);
/* By the identity of a PSK. */
enum store_result depot_find_cred(struct depot *d, const char *identity, struct store_cred *out);

/* What is there, asserted. */
struct store_cred depot_cred_now(struct depot *d, uint32_t number);
struct store_cred_mark depot_mark_now(struct depot *d, uint32_t number);
bool depot_is_staged(struct depot *d, uint32_t cred);
/* The last that was given. */
uint64_t depot_generation(struct depot *d);

/* The face that it has now becomes the one before, until then. */
void keep_face(struct store_cred *c, uint64_t until_ms);
void rename_it(struct store_cred *c, const char *identity);
void become_raw_key(struct store_cred *c, uint8_t digest);
void become_certificate(struct store_cred *c, uint8_t pin);
/* A member whose key is 16 times this. */
const struct store_cred *depot_with_key(struct depot *d, const char *name, char key);
/* "a" with the key 'a', "b" with the raw key b0, "c" with a certificate pinned to c0, and "e" with
   the key 'x' and the upstream key 'e'; members. */
struct store_cred *depot_of_all_kinds(struct depot *d);

uint64_t depot_rows(struct depot *d, unsigned table);
void depot_flip(struct depot *d, unsigned table, const struct key *k, size_t at);
/* Are they in any row, or its key? */
bool depot_has_octets(struct depot *d, const char *octets);
/* The number of the data key. */
uint32_t depot_staged_under(struct depot *d, uint32_t cred);
/* Until the first data key has gone. */
void depot_sweep(struct depot *d);

#endif
