/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

const struct sip_key slots_key = { 0x1122334455667788, 0x99aabbccddeeff00 };
const uint8_t slots_id[SLOT_ID] = { 'a', 's', 's', 'o', 'c', 1, 2, 3 };

struct slot_state slots_after(struct slot_state s, uint64_t number)
{
	struct slot_state n = { .edge = number >= s.edge ? number + 1 : s.edge };
	for (uint64_t i = 0; i < 64 && i < n.edge; i++) {
		const uint64_t one = n.edge - 1 - i;
		const bool was = one < s.edge && s.edge - 1 - one < 64 &&
				 (s.seen >> (s.edge - 1 - one) & 1) != 0;
		if (was || one == number)
			n.seen |= UINT64_C(1) << i;
	}
	return n;
}

bool slots_same(const struct slot_state *a, const struct slot_state *b)
{
	return a->edge == b->edge && a->seen == b->seen;
}

void slots_mark(struct slot *s, struct slot_state *now, uint64_t number)
{
	*now = slots_after(*now, number);
	slot_mark(s, &slots_key, SLOTS_PLACE, number, now->edge, now->seen);
}

struct slot_state slots_loaded(const struct slot *s)
{
	struct slot_state state;
	assert_true(slot_load(s, &slots_key, SLOTS_PLACE, slots_id, &state));
	return state;
}

uint64_t slots_number(const struct slot_state *s, uint64_t n)
{
	const uint64_t r = sip_hash(&slots_key, &n, sizeof(n));
	const uint64_t back = s->edge - 1 - r / 8 % 64;
	if (r % 2 == 0 && s->edge >= 64 && (s->seen >> r / 8 % 64 & 1) == 0)
		return back;
	return r % 16 == 1 ? s->edge + r / 16 % 100 : s->edge + r / 16 % 3;
}
