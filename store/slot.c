/* SPDX-License-Identifier: Apache-2.0 */
#include "store/slot.h"

#include <assert.h>
#include <string.h>

#include "base/attr.h"

enum { WINDOW = 64, LOOKS_MAX = 64 };

struct window {
	uint64_t edge, seen;
};

struct name { /* an association's id */
	uint64_t word[SLOT_ID / sizeof(uint64_t)];
};

struct look { /* what was read from a slot */
	struct name id;
	struct window w;
	uint64_t pending, mac;
};

static uint64_t mac_of(const struct sip_key *key, uint32_t place, struct name id, struct window w)
{
	const struct {
		struct name id;
		struct window w;
		uint64_t place;
	} text = { id, w, place };
	_Static_assert(sizeof(text) == SLOT_ID + 3 * sizeof(uint64_t), "no padding is hashed");
	return sip_hash(key, &text, sizeof(text));
}

static struct name name_of(const uint8_t id[SLOT_ID])
{
	struct name n;
	_Static_assert(sizeof(n) == SLOT_ID, "an id is whole words");
	memcpy(&n, id, sizeof(n));
	return n;
}

static struct name name_in(const struct slot *s)
{
	return (struct name){ {
		atomic_load_explicit(&s->id[0], memory_order_relaxed),
		atomic_load_explicit(&s->id[1], memory_order_relaxed),
	} };
}

static struct look look(const struct slot *s)
{
	return (struct look){
		.id = name_in(s),
		.w.edge = atomic_load_explicit(&s->edge, memory_order_acquire),
		.w.seen = atomic_load_explicit(&s->seen, memory_order_acquire),
		.mac = atomic_load_explicit(&s->mac, memory_order_acquire),
		.pending = atomic_load_explicit(&s->pending, memory_order_acquire),
	};
}

/* RFC 6347 section 4.1.2.6, as the engine marks. A number below the window changes nothing. */
static struct window marked(struct window w, uint64_t number)
{
	if (number >= w.edge) {
		const uint64_t ahead = number + 1 - w.edge;
		w.seen = (ahead < WINDOW ? w.seen << ahead : 0) | 1;
		w.edge = number + 1;
		return w;
	}
	const uint64_t age = w.edge - 1 - number;
	if (age < WINDOW)
		w.seen |= UINT64_C(1) << age;
	return w;
}

/* The order of stores in slot_mark() leaves three pairs: both old, both new, or the old edge with
   the new bits. The MAC says which it is, and whether the mark counts (S13). */
static bool resolve(
	const struct look *l, const struct sip_key *key, uint32_t place, struct window *out)
{
	*out = l->w;
	if (mac_of(key, place, l->id, *out) == l->mac)
		return true;
	if (l->pending == 0)
		return false;
	const uint64_t number = l->pending - 1;
	*out = marked(l->w, number);
	if (mac_of(key, place, l->id, *out) == l->mac)
		return true;
	if (number < l->w.edge)
		return false;
	*out = (struct window){ .edge = number + 1, .seen = l->w.seen };
	return mac_of(key, place, l->id, *out) == l->mac;
}

void slot_init(struct slot *s, const struct sip_key *key, uint32_t place, const uint8_t id[SLOT_ID],
	const struct slot_state *state)
{
	const struct window w = { .edge = state->edge, .seen = state->seen };
	const struct name name = name_of(id);
	for (size_t i = 0; i < COUNT_OF(name.word); i++)
		atomic_store_explicit(&s->id[i], name.word[i], memory_order_relaxed);
	atomic_store_explicit(&s->edge, w.edge, memory_order_relaxed);
	atomic_store_explicit(&s->seen, w.seen, memory_order_relaxed);
	atomic_store_explicit(&s->pending, 0, memory_order_relaxed);
	atomic_store_explicit(&s->sent, state->sent, memory_order_relaxed);
	atomic_store_explicit(&s->forged, state->forged, memory_order_relaxed);
	atomic_store_explicit(&s->mac, mac_of(key, place, name, w), memory_order_relaxed);
	atomic_store_explicit(&s->owner, 0, memory_order_release);
}

/* A mark that its process did not live to end is ended as it would have been; who dies here, too,
   leaves nothing new. */
static void settle(struct slot *s, const struct sip_key *key, uint32_t place)
{
	const struct look l = look(s);
	struct window w;
	if (resolve(&l, key, place, &w)) {
		atomic_store_explicit(&s->seen, w.seen, memory_order_release);
		atomic_store_explicit(&s->edge, w.edge, memory_order_release);
	}
	atomic_store_explicit(&s->pending, 0, memory_order_release);
}

static bool same(struct window a, struct window b)
{
	return a.edge == b.edge && a.seen == b.seen;
}

/* This order is what resolve() knows. */
static void put(struct slot *s, uint64_t number, uint64_t mac, struct window w)
{
	atomic_store_explicit(&s->pending, number + 1, memory_order_release);
	atomic_store_explicit(&s->mac, mac, memory_order_release);
	atomic_store_explicit(&s->seen, w.seen, memory_order_release);
	atomic_store_explicit(&s->edge, w.edge, memory_order_release);
	atomic_store_explicit(&s->pending, 0, memory_order_release);
}

/* More than one number is new: they are marked one by one. A slot that is not sound must not become
   so by that. */
static void catch_up(struct slot *s, const struct sip_key *key, uint32_t place, struct window then)
{
	const struct look l = look(s);
	struct window now = l.w;
	if (mac_of(key, place, l.id, now) != l.mac)
		return;
	for (uint64_t age = WINDOW; age-- > 0;) {
		const uint64_t other = then.edge - 1 - age;
		if (age >= then.edge || (then.seen >> age & 1) == 0)
			continue;
		const struct window next = marked(now, other);
		if (same(next, now))
			continue;
		put(s, other, mac_of(key, place, l.id, next), next);
		now = next;
	}
}

void slot_mark(struct slot *s, const struct sip_key *key, uint32_t place, uint64_t number,
	uint64_t edge, uint64_t seen)
{
	const struct window then = { .edge = edge, .seen = seen };
	if (atomic_load_explicit(&s->pending, memory_order_relaxed) != 0)
		settle(s, key, place);
	const struct window now = {
		.edge = atomic_load_explicit(&s->edge, memory_order_relaxed),
		.seen = atomic_load_explicit(&s->seen, memory_order_relaxed),
	};
	if (!same(marked(now, number), then))
		catch_up(s, key, place, then);
	put(s, number, mac_of(key, place, name_in(s), then), then);
}

bool slot_load(const struct slot *s, const struct sip_key *key, uint32_t place,
	const uint8_t id[SLOT_ID], struct slot_state *out)
{
	const struct name name = name_of(id);
	struct look l = look(s), before;
	struct window w;
	int looks = 0;
	*out = (struct slot_state){ 0 };
	do {
		if (memcmp(&l.id, &name, sizeof(name)) != 0)
			return false;
		if (resolve(&l, key, place, &w)) {
			out->edge = w.edge;
			out->seen = w.seen;
			out->sent = atomic_load_explicit(&s->sent, memory_order_relaxed);
			out->forged = atomic_load_explicit(&s->forged, memory_order_relaxed);
			return true;
		}
		/* Read while its owner marks it looks torn; a dead owner's looks the same twice. */
		before = l;
		l = look(s);
	} while (memcmp(&l, &before, sizeof(l)) != 0 && ++looks < LOOKS_MAX);
	return false;
}

bool slot_is(const struct slot *s, const uint8_t id[SLOT_ID])
{
	const struct name is = name_in(s), asked = name_of(id);
	return memcmp(&is, &asked, sizeof(is)) == 0;
}

static uint32_t incarnation_of(uint64_t owner)
{
	return (uint32_t)(owner >> 32);
}

bool slot_take(struct slot *s, uint64_t owner)
{
	assert(incarnation_of(owner) != 0);
	uint64_t now = atomic_load_explicit(&s->owner, memory_order_relaxed);
	do {
		if (incarnation_of(now) >= incarnation_of(owner))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&s->owner, &now, owner, memory_order_acquire, memory_order_relaxed));
	return true;
}

void slot_release(struct slot *s, uint64_t owner, uint32_t sent)
{
	if (atomic_load_explicit(&s->owner, memory_order_relaxed) != owner)
		return;
	atomic_store_explicit(&s->sent, sent, memory_order_relaxed);
	/* A later incarnation may have taken it in between (S3); what is its, stays its. */
	(void)atomic_compare_exchange_strong_explicit(
		&s->owner, &owner, 0, memory_order_release, memory_order_relaxed);
}

bool slot_has_seen(const struct slot *s, uint64_t number)
{
	const struct look l = look(s);
	if (number >= l.w.edge)
		return false;
	const uint64_t age = l.w.edge - 1 - number;
	/* Where a mark was not ended the bits may belong to another edge: slot_load() knows. */
	return age >= WINDOW || (l.pending == 0 && (l.w.seen >> age & 1) != 0);
}
