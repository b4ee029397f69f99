/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/cid.h"

#include "dtls/assoc.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 64 };

size_t dtls_cid_len(uint8_t first)
{
	const bool ours = first >= CID_FORM_MIN && first <= CID_FORM_MAX;
	return ours ? first & CID_LENGTH_MASK : 0;
}

size_t dtls_cid_make(
	const struct dtls_cid_form *f, const uint8_t *random, uint8_t out[DTLS_CID_OURS_MAX])
{
	const size_t len = CID_ROUTE + (size_t)f->random;
	out[0] = (uint8_t)(CID_VERSION | len);
	out[CID_NODE] = f->node;
	out[CID_WORKER] = f->worker;
	memcpy(out + CID_ROUTE, random, f->random);
	return len;
}

/* --- the table ------------------------------------------------------------------------------- */

bool dtls_cids_init(struct dtls_cids *t)
{
	*t = (struct dtls_cids){ .mask = BUCKETS_MIN - 1 };
	t->buckets = calloc(BUCKETS_MIN, sizeof(struct dtls_cid_link *));
	return t->buckets != NULL;
}

void dtls_cids_fini(struct dtls_cids *t)
{
	free(t->buckets);
	*t = (struct dtls_cids){ .buckets = NULL };
}

static bool is(const struct dtls_cid_link *l, uint64_t hash, const uint8_t *cid, size_t len)
{
	return l->hash == hash && l->assoc->cid_in_len == len &&
	       memcmp(l->assoc->cid_in, cid, len) == 0;
}

struct dtls_cid_link *dtls_cids_find(
	const struct dtls_cids *t, uint64_t hash, const uint8_t *cid, size_t len)
{
	struct dtls_cid_link *l = t->buckets[hash & t->mask];
	while (l && !is(l, hash, cid, len))
		l = l->next;
	return l;
}

static void push(struct dtls_cid_link **buckets, size_t mask, struct dtls_cid_link *l)
{
	struct dtls_cid_link **const head = &buckets[l->hash & mask];
	l->next = *head;
	*head = l;
}

static void grow(struct dtls_cids *t)
{
	const size_t old = t->mask + 1;
	struct dtls_cid_link **const buckets = calloc(old * 2, sizeof(struct dtls_cid_link *));
	if (!buckets)
		return;
	for (size_t i = 0; i < old; i++) {
		struct dtls_cid_link *l = t->buckets[i];
		while (l) {
			struct dtls_cid_link *const next = l->next;
			push(buckets, old * 2 - 1, l);
			l = next;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->mask = old * 2 - 1;
}

void dtls_cids_add(struct dtls_cids *t, struct dtls_cid_link *l)
{
	if (t->count > t->mask)
		grow(t);
	push(t->buckets, t->mask, l);
	t->count++;
}

void dtls_cids_remove(struct dtls_cids *t, struct dtls_cid_link *l)
{
	if (!l->assoc)
		return;
	struct dtls_cid_link **at = &t->buckets[l->hash & t->mask];
	while (*at && *at != l)
		at = &(*at)->next;
	if (*at) {
		*at = l->next;
		t->count--;
	}
	l->next = NULL;
	l->assoc = NULL;
}
