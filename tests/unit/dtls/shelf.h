/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/shelf: where an owner keeps sessions, for the pair and for the rig; it refuses those
 * of another generation than its credential's.
 *
 * Threads: one.
 */
#ifndef LWG_TESTS_DTLS_SHELF_H
#define LWG_TESTS_DTLS_SHELF_H

#include <string.h>

#include "dtls/engine.h"

enum { SHELF_MAX = 2 };

struct shelf {
	struct dtls_resumable kept[SHELF_MAX];
	size_t count;
	uint64_t generation;              /* of the credential, now */
	size_t keeps, asks, finds, drops; /* calls; finds: of them with a session */
};

static inline bool shelf_find(
	struct shelf *s, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	s->asks++;
	for (size_t i = 0; i < s->count; i++) {
		const struct dtls_resumable *const x = &s->kept[i];
		if (x->id_len != len || memcmp(x->id, id, len) != 0 ||
			x->generation != s->generation)
			continue;
		*out = *x;
		s->finds++;
		return true;
	}
	return false;
}

static inline void shelf_keep(struct shelf *s, const struct dtls_resumable *x)
{
	s->keeps++;
	s->kept[s->count < SHELF_MAX ? s->count++ : SHELF_MAX - 1] = *x;
}

static inline void shelf_drop(struct shelf *s, const uint8_t *id, size_t len)
{
	size_t left = 0;
	s->drops++;
	for (size_t i = 0; i < s->count; i++) {
		if (s->kept[i].id_len != len || memcmp(s->kept[i].id, id, len) != 0)
			s->kept[left++] = s->kept[i];
	}
	s->count = left;
}

#endif
