/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/table.h"

#include <stdlib.h>

enum { BUCKETS_MIN = 64 };

bool dtls_table_init(struct dtls_table *t)
{
	*t = (struct dtls_table){ .mask = BUCKETS_MIN - 1 };
	t->buckets = calloc(BUCKETS_MIN, sizeof(*t->buckets));
	return t->buckets != NULL;
}

void dtls_table_fini(struct dtls_table *t)
{
	free(t->buckets);
	*t = (struct dtls_table){ .buckets = NULL };
}

struct dtls_node *dtls_table_find(
	const struct dtls_table *t, uint64_t hash, const struct net_path *path)
{
	struct dtls_node *n = t->buckets[hash & t->mask].first;
	while (n && (n->hash != hash || !net_path_same(&n->path, path)))
		n = n->next;
	return n;
}

struct dtls_node *dtls_table_next(const struct dtls_node *n)
{
	struct dtls_node *at = n->next;
	while (at && (at->hash != n->hash || !net_path_same(&at->path, &n->path)))
		at = at->next;
	return at;
}

static void push(struct dtls_bucket *buckets, size_t mask, struct dtls_node *n)
{
	struct dtls_node **const head = &buckets[n->hash & mask].first;
	n->next = *head;
	*head = n;
}

static void grow(struct dtls_table *t)
{
	const size_t old = t->mask + 1;
	struct dtls_bucket *const buckets = calloc(old * 2, sizeof(*buckets));
	if (!buckets)
		return;
	for (size_t i = 0; i < old; i++) {
		struct dtls_node *n = t->buckets[i].first;
		while (n) {
			struct dtls_node *const next = n->next;
			push(buckets, old * 2 - 1, n);
			n = next;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->mask = old * 2 - 1;
}

void dtls_table_add(struct dtls_table *t, struct dtls_node *n)
{
	if (t->count > t->mask)
		grow(t);
	push(t->buckets, t->mask, n);
	t->count++;
}

void dtls_table_remove(struct dtls_table *t, struct dtls_node *n)
{
	struct dtls_node **at = &t->buckets[n->hash & t->mask].first;
	while (*at && *at != n)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = n->next;
	n->next = NULL;
	t->count--;
}

struct dtls_node *dtls_table_any(const struct dtls_table *t)
{
	for (size_t i = 0; t->count > 0 && i <= t->mask; i++) {
		if (t->buckets[i].first)
			return t->buckets[i].first;
	}
	return NULL;
}
