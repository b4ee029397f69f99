/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/carry.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a: copies of a message are equal, and its sender gains nothing by making others so. */
uint32_t carry_sum(const struct pdu *m)
{
	enum { BASIS = 0x11c9dc5, PRIME = 0x01000193 };
	uint32_t sum = BASIS;
	for (size_t i = 0; i < m->len; i++)
		sum = (sum ^ m->data[i]) * PRIME;
	return sum;
}

static size_t cost(size_t len)
{
	return sizeof(struct carry) + len;
}

/* --- the list of those that may be taken away ------------------------------------------------ */

static void list_out(struct governor_home *h, struct carry *c)
{
	if (!c->kept)
		return;
	*(c->older ? &c->older->newer : &h->oldest) = c->newer;
	*(c->newer ? &c->newer->older : &h->newest) = c->older;
	c->kept = false;
}

static void list_in(struct governor_home *h, struct carry *c)
{
	list_out(h, c);
	c->older = h->newest;
	c->newer = NULL;
	*(c->older ? &c->older->newer : &h->oldest) = c;
	h->newest = c;
	c->kept = true;
}

/* The oldest, now in no list; NULL: there is none. */
static struct carry *list_take(struct governor_home *h)
{
	struct carry *const c = h->oldest;
	if (!c)
		return NULL;
	h->oldest = c->newer;
	*(c->newer ? &c->newer->older : &h->newest) = NULL;
	c->kept = false;
	return c;
}

static struct carry *oldest_of(const struct governor *g)
{
	struct carry *c = g->first;
	while (c && !c->kept)
		c = c->next;
	return c;
}

static void charge(struct governor_home *h, struct governor *g, size_t more, size_t less)
{
	h->used = h->used + more - less;
	g->used = g->used + more - less;
}

static void governor_go(struct governor *g)
{
	if (g->first)
		return;
	*g->seat = NULL;
	free(g);
}

static void drop(struct governor_home *h, struct governor *g, struct carry *c)
{
	struct carry **at = &g->first;
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	list_out(h, c);
	charge(h, g, 0, cost(c->len));
	free(c->bytes);
	free(c);
}

static void take_away(struct governor_home *h, struct carry *c, const struct governor *in_use)
{
	struct governor *const g = c->of;
	drop(h, g, c);
	if (g != in_use)
		governor_go(g);
}

/* May g hold that many bytes more? It stays, if empty. */
static bool make_room(struct governor_home *h, struct governor *g, size_t more)
{
	if (more > h->device_max || more > h->all_max)
		return false;
	while (g->used > h->device_max - more) {
		struct carry *const c = oldest_of(g);
		if (!c)
			return false;
		drop(h, g, c);
	}
	while (h->used > h->all_max - more) {
		struct carry *const c = list_take(h);
		if (!c)
			return false;
		take_away(h, c, g);
	}
	return true;
}

/* --- one ------------------------------------------------------------------------------------- */

void carry_empty(const struct governor_port *p, struct carry *c)
{
	charge(p->home, c->of, 0, c->len);
	free(c->bytes);
	c->bytes = NULL;
	c->len = 0;
}

bool carry_put(const struct governor_port *p, struct carry *c, const struct pdu *m)
{
	carry_empty(p, c);
	if (!make_room(p->home, c->of, m->len))
		return false;
	c->bytes = malloc(m->len);
	if (!c->bytes)
		return false;
	memcpy(c->bytes, m->data, m->len);
	c->len = m->len;
	charge(p->home, c->of, c->len, 0);
	return true;
}

static struct governor *governor_of(const struct governor_port *p)
{
	if (!*p->seat) {
		*p->seat = calloc(1, sizeof(struct governor));
		if (*p->seat)
			(*p->seat)->seat = p->seat;
	}
	return *p->seat;
}

struct carry *carry_new(const struct governor_port *p, const struct pdu *m)
{
	struct governor *const g = governor_of(p);
	if (!g)
		return NULL;
	struct carry *const c = make_room(p->home, g, cost(m->len)) ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		governor_go(g);
		return NULL;
	}
	struct carry **at = &g->first;
	while (*at)
		at = &(*at)->next;
	*at = c;
	c->of = g;
	c->born_ms = p->now_ms;
	charge(p->home, g, cost(0), 0);
	if (carry_put(p, c, m))
		return c;
	carry_drop(p->home, c);
	return NULL;
}

void carry_keep(const struct governor_port *p, struct carry *c)
{
	const uint32_t lifetime_ms = carry_leg(p, (enum side)c->asker)->exchange_lifetime_ms;
	c->due_ms = c->born_ms + lifetime_ms;
	list_in(p->home, c);
}

void carry_drop(struct governor_home *h, struct carry *c)
{
	struct governor *const g = c->of;
	drop(h, g, c);
	governor_go(g);
}

void governor_clear(struct governor_home *h, struct governor **seat)
{
	struct governor *const g = *seat;
	if (!g)
		return;
	while (g->first)
		drop(h, g, g->first);
	governor_go(g);
}
