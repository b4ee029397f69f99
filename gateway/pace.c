/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/pace.h"

#include "base/bucket.h"

#include <assert.h>
#include <stddef.h>

enum { SECOND_US = 1000000, MS_US = 1000 };

void gw_pace_init(struct gw_pace *p, uint32_t rate, uint32_t workers, uint32_t under_way_max)
{
	const uint64_t each_us =
		rate > 0 ? (uint64_t)SECOND_US * workers / rate : SECOND_US / GW_PACE_WORKER;
	const uint64_t ease_us = each_us > 0 ? each_us : 1;
	const uint64_t wait_us = (uint64_t)GW_PACE_WAIT_MS * MS_US;
	*p = (struct gw_pace){
		.ease_us = ease_us,
		.waiting_max = (uint32_t)(wait_us / ease_us) + 1,
		.under_way_max = under_way_max > 0 ? under_way_max : (uint32_t)GW_PACE_UNDER_WAY,
	};
}

static bool may_begin(struct gw_pace *p, uint64_t now_ms)
{
	return p->under_way < p->under_way_max &&
	       bucket_take(&p->empty_us, now_ms * MS_US, p->ease_us,
		       (uint64_t)GW_PACE_SLACK_MS * MS_US);
}

static void begin(struct gw_pace *p, struct gw_pace_place *place)
{
	place->state = GW_PACE_UNDER;
	p->under_way++;
}

static void unlink_place(struct gw_pace *p, struct gw_pace_place *place)
{
	*(place->previous ? &place->previous->next : &p->first) = place->next;
	*(place->next ? &place->next->previous : &p->last) = place->previous;
	place->next = NULL;
	place->previous = NULL;
	place->state = GW_PACE_OUT;
	p->waiting--;
}

enum gw_pace_answer gw_pace_ask(struct gw_pace *p, struct gw_pace_place *place, uint64_t now_ms)
{
	assert(place->state == GW_PACE_OUT);
	if (!p->first && may_begin(p, now_ms)) {
		begin(p, place);
		return GW_PACE_NOW;
	}
	if (p->waiting == p->waiting_max) {
		p->refused++;
		return GW_PACE_NEVER;
	}
	*place = (struct gw_pace_place){
		.previous = p->last, .since_s = (uint32_t)(now_ms / 1000), .state = GW_PACE_WAITS
	};
	*(p->last ? &p->last->next : &p->first) = place;
	p->last = place;
	p->waiting++;
	return GW_PACE_LATER;
}

struct gw_pace_place *gw_pace_next(struct gw_pace *p, uint64_t now_ms)
{
	struct gw_pace_place *const place = p->first;
	if (!place || !may_begin(p, now_ms))
		return NULL;
	unlink_place(p, place);
	begin(p, place);
	return place;
}

/* In whole seconds, rounded up: never too early. */
static uint64_t late_ms(const struct gw_pace_place *place)
{
	return ((uint64_t)place->since_s + 1) * 1000 + GW_PACE_WAIT_MS;
}

struct gw_pace_place *gw_pace_late(struct gw_pace *p, uint64_t now_ms)
{
	struct gw_pace_place *const place = p->first;
	if (!place || now_ms < late_ms(place))
		return NULL;
	unlink_place(p, place);
	p->refused++;
	return place;
}

void gw_pace_leave(struct gw_pace *p, struct gw_pace_place *place)
{
	switch ((enum gw_pace_state)place->state) {
	case GW_PACE_OUT:
		return;
	case GW_PACE_WAITS:
		unlink_place(p, place);
		return;
	case GW_PACE_UNDER:
		assert(p->under_way > 0);
		p->under_way--;
		place->state = GW_PACE_OUT;
		return;
	}
}

uint64_t gw_pace_next_ms(const struct gw_pace *p)
{
	const uint64_t slack_us = (uint64_t)GW_PACE_SLACK_MS * MS_US;
	if (!p->first)
		return UINT64_MAX;
	const uint64_t late = late_ms(p->first);
	if (p->under_way == p->under_way_max)
		return late;
	/* Rounded up: not a turn in vain. */
	const uint64_t turn =
		p->empty_us > slack_us ? (p->empty_us - slack_us + MS_US - 1) / MS_US : 0;
	return turn < late ? turn : late;
}
