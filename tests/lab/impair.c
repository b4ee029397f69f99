/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/impair.h"

#include <stddef.h>

enum { PARTS = 1000000 };

void impair_init(struct impair *im, const struct impair_settings *set)
{
	struct rng seed = { set->seed };
	*im = (struct impair){ .set = *set };
	for (int way = 0; way < IMPAIR_WAYS; way++)
		im->rng[way].state = rng_next(&seed);
	im->places.state = rng_next(&seed);
}

/* Draws even when the chance is 0, so that changing one setting does not shift the luck of the
   others. */
static bool chance(struct rng *r, double percent)
{
	return (double)(rng_next(r) % PARTS) < percent / 100 * PARTS;
}

struct impair_fate impair_next(struct impair *im, enum impair_way way)
{
	const struct impair_settings *s = &im->set;
	struct rng *r = &im->rng[way];
	struct impair_fate f = { .copies = 0 };
	const bool lost = chance(r, s->loss);
	const bool dup = chance(r, s->dup);
	const bool reorder = chance(r, s->reorder);
	const bool replay = chance(r, s->replay);
	const uint32_t first = rng_between(r, s->delay_min_ms, s->delay_max_ms);
	const uint32_t second = rng_between(r, s->delay_min_ms, s->delay_max_ms);
	const uint32_t held = rng_between(r, s->reorder_ms / 2, s->reorder_ms);
	const uint32_t later = rng_between(r, s->replay_ms / 2, s->replay_ms);
	if (lost)
		return f;
	f.reordered = reorder;
	f.delay_ms[f.copies++] = first + (reorder ? held : 0);
	f.duplicated = dup;
	if (dup)
		f.delay_ms[f.copies++] = second;
	f.replayed = replay;
	if (replay)
		f.delay_ms[f.copies++] = first + later;
	return f;
}

bool impair_readdress(const struct impair *im, uint64_t datagrams)
{
	return im->set.readdress != 0 && datagrams != 0 && datagrams % im->set.readdress == 0;
}

bool impair_roams(struct impair *im, uint64_t silent_ms)
{
	const bool moves = chance(&im->places, im->set.roam);
	return moves && silent_ms >= im->set.roam_idle_ms;
}

bool impair_elsewhere(struct impair *im)
{
	return chance(&im->places, im->set.elsewhere);
}

static bool percent(double value)
{
	return value >= 0 && value <= 100; /* false for NaN too */
}

const char *impair_check(const struct impair_settings *s)
{
	if (!percent(s->loss) || !percent(s->dup) || !percent(s->reorder) || !percent(s->replay) ||
		!percent(s->roam) || !percent(s->elsewhere))
		return "a percentage must be 0 to 100";
	if (s->delay_min_ms > s->delay_max_ms)
		return "the delay must be MIN-MAX with MIN <= MAX";
	return NULL;
}
