/* SPDX-License-Identifier: Apache-2.0 */
/* What has been seen is sent again: by the relay itself, and by a stranger from where he is. */
#include <string.h>

#include "tests/lab/impair_parts.h"

enum { REPEATS_PER_MS = 20, STRANGER_PER_MS = 4, STRANGER_LAG_MS = 20 };

/* --- by the relay ----------------------------------------------------------------------------- */

/* One datagram of the memory of a flow; false: that was the last. */
static bool repeat_one(struct impair_relay *r, struct flow *f, struct parcel *p)
{
	const uint32_t at = r->repeat_at++;
	const uint32_t of_way = 2 * r->place.remember;
	if (at >= IMPAIR_WAYS * of_way)
		return false;
	p->way = (enum impair_way)(at / of_way);
	const struct kept *k = memory_at(&f->memory[p->way], at % of_way);
	if (!k)
		return true;
	p->flow = f;
	p->spot = f->spot;
	p->len = k->len;
	memcpy(p->data, k->data, k->len);
	r->counts.repeated[p->way]++;
	impair_send_now(r, p);
	return true;
}

static uint64_t repeated_total(const struct impair_relay *r)
{
	return r->counts.repeated[IMPAIR_UP] + r->counts.repeated[IMPAIR_DOWN];
}

/* Paced: a burst of all would only be lost in the receiver's buffer. */
void impair_repeat_some(struct impair_relay *r, uint64_t now_ms)
{
	if (r->repeat_ms == 0 || r->repeat_ms > now_ms)
		return;
	const uint64_t most = repeated_total(r) + REPEATS_PER_MS;
	while (r->repeating && repeated_total(r) < most) {
		if (repeat_one(r, r->repeating, impair_parcel(r)))
			continue;
		r->repeating = r->repeating->older;
		r->repeat_at = 0;
	}
	r->repeat_ms = r->repeating ? now_ms + 1 : 0;
	r->counts.repeats += r->repeating == NULL;
}

void impair_relay_repeat(struct impair_relay *r, uint64_t now_ms)
{
	r->repeating = r->newest;
	r->repeat_at = 0;
	r->repeat_ms = now_ms;
}

void impair_relay_forget(struct impair_relay *r)
{
	for (struct flow *f = r->newest; f; f = f->older) {
		for (int way = 0; way < IMPAIR_WAYS; way++)
			memory_forget(&f->memory[way]);
	}
	memory_forget(&r->seen);
}

/* --- by a stranger ---------------------------------------------------------------------------- */

static void stranger_sends(struct impair_relay *r, const struct kept *k, uint64_t due_ms)
{
	struct parcel *p = impair_parcel(r);
	p->flow = NULL;
	p->spot = r->stranger;
	p->way = IMPAIR_UP;
	p->len = k->len;
	memcpy(p->data, k->data, k->len);
	impair_hold(r, p, due_ms);
}

void impair_stranger_keeps(struct impair_relay *r, const struct parcel *p)
{
	if (r->stranger)
		memory_add(&r->seen, &r->rng, p->data, p->len);
}

/* Never before the one that it repeats, and seldom long after: the newest record of all is the
   hardest to tell from a move. */
void impair_stranger_sees(struct impair_relay *r, const struct parcel *p, uint64_t now_ms)
{
	impair_stranger_keeps(r, p);
	if (!r->stranger || !r->roams || !impair_elsewhere(&r->core))
		return;
	const bool newest = rng_next(&r->rng) % 2 == 0;
	const uint32_t last = 2 * r->seen.each - 1;
	const struct kept *k = memory_at(&r->seen, newest ? last : rng_between(&r->rng, 0, last));
	if (k)
		stranger_sends(r, k, now_ms + rng_between(&r->rng, 2, STRANGER_LAG_MS));
}

void impair_relay_elsewhere(struct impair_relay *r, uint64_t now_ms)
{
	uint32_t sent = 0;
	for (uint32_t i = 0; r->stranger && i < 2 * r->seen.each; i++) {
		const struct kept *k = memory_at(&r->seen, i);
		if (!k)
			continue;
		stranger_sends(r, k, now_ms + 2 + sent++ / STRANGER_PER_MS);
	}
	wheel_arm(&r->wheel, &r->elsewhere_end, now_ms + 3 + sent / STRANGER_PER_MS);
}

uint64_t impair_relay_elsewheres(const struct impair_relay *r)
{
	return r->elsewheres;
}
