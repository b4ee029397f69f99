/* SPDX-License-Identifier: Apache-2.0 */
/* Anything in a slot (S13, S15): never believed without its MAC. And marks that end anywhere. */
#include <assert.h>
#include <string.h>

#include "store/slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLACE = 7, STORES = 5 };

static const struct sip_key key = { 1, 2 };

static bool same(const struct slot_state *a, const struct slot_state *b)
{
	return a->edge == b->edge && a->seen == b->seen;
}

/* What is loaded has the MAC that stands there. */
static void check_loaded(const struct slot *s, const uint8_t id[SLOT_ID])
{
	struct slot_state got;
	if (!slot_load(s, &key, PLACE, id, &got)) {
		assert(got.edge == 0 && got.seen == 0 && got.sent == 0);
		return;
	}
	struct slot again;
	slot_init(&again, &key, PLACE, id, &got);
	assert(again.mac == s->mac);
	/* What the last owner marked before that is not seen for unseen. */
	assert(s->pending != 0 || got.edge == s->edge);
	struct slot_state never;
	assert(!slot_load(s, &key, PLACE + 1, id, &never));
}

static void load_anything(const uint8_t *data)
{
	struct slot s;
	uint8_t id[SLOT_ID];
	memcpy(&s, data, sizeof(s));
	memcpy(id, data + offsetof(struct slot, id), sizeof(id));
	check_loaded(&s, id);
	assert(!slot_has_seen(&s, s.edge));
	assert(s.edge < 65 || slot_has_seen(&s, s.edge - 65));
	const uint64_t was = s.owner, owner = slot_owner(9, data[1]);
	const bool taken = slot_take(&s, owner);
	assert(taken == (was >> 32 < 9) && s.owner == (taken ? owner : was));
	slot_release(&s, owner, 77);
	assert(s.owner == (taken || was == owner ? 0 : was));
	slot_mark(&s, &key, PLACE, 5, 6, 1); /* whatever was there: sound from now on */
	struct slot_state got;
	const bool good = slot_load(&s, &key, PLACE, id, &got);
	assert(good && got.edge == 6 && got.seen == 1);
}

/* RFC 6347 4.1.2.6. */
static struct slot_state after(struct slot_state s, uint64_t number)
{
	if (number < s.edge) {
		s.seen |= UINT64_C(1) << (s.edge - 1 - number);
		return s;
	}
	const uint64_t ahead = number + 1 - s.edge;
	s.seen = ahead < 64 ? s.seen << ahead | 1 : 1;
	s.edge = number + 1;
	return s;
}

/* The first `stores` of slot_mark()'s five, in its order. */
static void mark_partly(struct slot *s, uint64_t number, const struct slot_state *then, int stores)
{
	struct slot done;
	memcpy(&done, s, sizeof(done));
	slot_mark(&done, &key, PLACE, number, then->edge, then->seen);
	if (stores > 0)
		s->pending = number + 1;
	if (stores > 1)
		s->mac = done.mac;
	if (stores > 2)
		s->seen = then->seen;
	if (stores > 3)
		s->edge = then->edge;
	if (stores > 4)
		s->pending = 0;
}

/* Each octet: a number near the edge; how far its mark went. */
static void die_often(const uint8_t *data, size_t size)
{
	static const uint8_t id[SLOT_ID] = { 3 };
	struct slot s;
	struct slot_state now = { .edge = 64 };
	slot_init(&s, &key, PLACE, id, &now);
	for (size_t i = 0; i + 1 < size; i += 2) {
		const uint64_t number = now.edge + data[i] % 130 - 64;
		const int stores = data[i + 1] % (STORES + 1);
		const struct slot_state then = after(now, number);
		struct slot_state got;
		/* A dead owner's mark is ended by the next; here by one that changes nothing. */
		slot_mark(&s, &key, PLACE, now.edge - 1, now.edge, now.seen);
		mark_partly(&s, number, &then, stores);
		const bool good = slot_load(&s, &key, PLACE, id, &got);
		assert(good && (same(&got, &now) || same(&got, &then)));
		assert(same(&got, &then) || stores <= 1);
		assert(!same(&got, &then) || same(&now, &then) || stores > 1);
		now = got;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= sizeof(struct slot))
		load_anything(data);
	die_often(data, size);
	return 0;
}
