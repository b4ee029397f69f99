/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/table: finds what lives on a path; a look-up costs the same however many there are.
 *
 * Promise: of several nodes on one path the last that was added is found first; the hash is keyed,
 *          so nobody aims at one bucket. The table doubles when it holds more nodes than
 *          buckets; when memory is short it goes on with what it has.
 * Errors:  only dtls_table_init() can fail.
 * Memory:  intrusive; a node lives in its owner's struct and must be removed before that is freed.
 * Threads: the worker that owns it.
 */
#ifndef LWG_DTLS_TABLE_H
#define LWG_DTLS_TABLE_H

#include "base/attr.h"
#include "base/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_node {
	struct dtls_node *next;
	uint64_t hash; /* of path */
	struct net_path path;
};

struct dtls_bucket {
	struct dtls_node *first; /* NULL = empty */
};

struct dtls_table {
	struct dtls_bucket *buckets;
	size_t mask; /* number of buckets - 1 */
	size_t count;
};

MUST_USE bool dtls_table_init(struct dtls_table *t);
/* Frees the buckets; the nodes are their owners'. */
void dtls_table_fini(struct dtls_table *t);
struct dtls_node *dtls_table_find(
	const struct dtls_table *t, uint64_t hash, const struct net_path *path);
/* The next one after n on the same path; NULL: there is none. */
struct dtls_node *dtls_table_next(const struct dtls_node *n);
/* n's hash and path are set. */
void dtls_table_add(struct dtls_table *t, struct dtls_node *n);
void dtls_table_remove(struct dtls_table *t, struct dtls_node *n);
/* Any node, or NULL when the table is empty. */
struct dtls_node *dtls_table_any(const struct dtls_table *t);

#endif
