/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/roll.h"

#include "gateway/session.h"

#include <stdlib.h>

enum { FIRST = 64 };

bool gw_roll_init(struct gw_roll *r)
{
	*r = (struct gw_roll){ .mask = FIRST - 1 };
	r->buckets = calloc(FIRST, sizeof(struct gw_session *));
	return r->buckets != NULL;
}

void gw_roll_fini(struct gw_roll *r)
{
	free(r->buckets);
	r->buckets = NULL;
}

/* Credentials are numbered one after the other: they spread by themselves. */
static struct gw_session **bucket(const struct gw_roll *r, uint32_t cred)
{
	return &r->buckets[cred & r->mask];
}

static void widen(struct gw_roll *r)
{
	const struct gw_roll old = *r;
	struct gw_session **const more = calloc(2 * (old.mask + 1), sizeof(struct gw_session *));
	if (!more)
		return;
	r->buckets = more;
	r->mask = 2 * (old.mask + 1) - 1;
	for (size_t i = 0; i <= old.mask; i++) {
		while (old.buckets[i]) {
			struct gw_session *const s = old.buckets[i];
			struct gw_session **const at = bucket(r, s->cred);
			old.buckets[i] = s->next_in_roll;
			s->next_in_roll = *at;
			*at = s;
		}
	}
	free(old.buckets);
}

void gw_roll_add(struct gw_roll *r, struct gw_session *s)
{
	if (r->count > r->mask)
		widen(r);
	struct gw_session **const at = bucket(r, s->cred);
	s->next_in_roll = *at;
	*at = s;
	r->count++;
}

void gw_roll_remove(struct gw_roll *r, struct gw_session *s)
{
	struct gw_session **at = bucket(r, s->cred);
	while (*at && *at != s)
		at = &(*at)->next_in_roll;
	if (!*at)
		return;
	*at = s->next_in_roll;
	r->count--;
}

struct gw_session *gw_roll_next(const struct gw_roll *r, uint32_t cred, const struct gw_session *s)
{
	struct gw_session *next = s ? s->next_in_roll : *bucket(r, cred);
	while (next && next->cred != cred)
		next = next->next_in_roll;
	return next;
}

struct gw_session *gw_roll_find(const struct gw_roll *r, uint32_t cred, uint32_t tenure)
{
	struct gw_session *s = gw_roll_next(r, cred, NULL);
	while (s && s->tenure != tenure)
		s = gw_roll_next(r, cred, s);
	return s;
}
