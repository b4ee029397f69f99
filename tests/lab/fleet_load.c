/* SPDX-License-Identifier: Apache-2.0 */
/* Load for benchmarks: a window of request/response pairs over all devices, each device at most
   one. */
#include <stdlib.h>
#include <string.h>

#include "tests/lab/fleet.h"
#include "tests/lab/loop.h"

void fleet_load_order(struct fleet *f, const char *order)
{
	char *rest = NULL;
	const uint64_t requests = strtoull(order, &rest, 10);
	const uint64_t rate = strtoull(rest, NULL, 10);
	f->load_rate = rate > 0 ? rate : f->set->load_rate;
	f->load_on = true;
	f->load_counted = true;
	f->load_left = requests;
	f->load_begun = 0;
	f->load_since_ms = f->host.now_ms;
	if (!f->trips)
		f->trips = calloc(FLEET_TRIPS, sizeof(f->trips[0]));
	else
		memset(f->trips, 0, FLEET_TRIPS * sizeof(f->trips[0]));
	f->load_mark = (struct fleet_load_mark){ f->counts.pairs, f->counts.lost, loop_now_us() };
}

static bool wants_more(const struct fleet *f)
{
	const uint64_t ms = f->host.now_ms - f->load_since_ms;
	if (f->load_rate && f->load_begun > ms * f->load_rate / 1000)
		return false;
	return f->load_on && f->load_out < f->set->window && (!f->load_counted || f->load_left > 0);
}

void fleet_load_step(struct fleet *f)
{
	const struct fleet_settings *s = f->set;
	if (f->load_counted && f->load_left == 0 && f->load_out == 0) {
		f->load_on = f->load_counted = false;
		fleet_say_load(f, loop_now_us() - f->load_mark.us);
	}
	for (uint32_t tried = 0; wants_more(f) && tried < s->devices; tried++) {
		struct fleet_device *d = &f->devices[f->load_at];
		f->load_at = (f->load_at + 1) % s->devices;
		if (d->link != FLEET_UP)
			continue;
		const bool con = s->mixed ? f->load_begun % 2 == 1 : s->load_con;
		d->sent_us = loop_now_us();
		if (!device_load(&d->model, con, f->host.now_ms))
			continue;
		f->load_out++;
		f->load_begun++;
		f->load_left -= f->load_counted;
		fleet_settle(f, d);
	}
}

void fleet_load_speak(struct fleet *f, uint64_t number)
{
	struct fleet_device *d = number < f->set->devices ? &f->devices[number] : NULL;
	if (!d || d->link != FLEET_UP ||
		!device_load(&d->model, f->set->load_con, f->host.now_ms)) {
		fleet_say_spoken((uint32_t)number, false);
		return;
	}
	d->sent_us = loop_now_us();
	d->speaks = true;
	f->load_out++;
	fleet_settle(f, d);
}

void fleet_load_ended(struct fleet *f, struct fleet_device *d, enum device_outcome how)
{
	f->load_out--;
	if (d->speaks)
		fleet_say_spoken(d->number, how == DEVICE_ANSWERED);
	d->speaks = false;
	if (how != DEVICE_ANSWERED) {
		f->counts.lost++;
		return;
	}
	const uint64_t took = loop_now_us() - d->sent_us;
	f->counts.pairs++;
	f->counts.round_trip_us += took;
	if (f->trips)
		f->trips[took / FLEET_TRIP_US < FLEET_TRIPS ? took / FLEET_TRIP_US
							    : FLEET_TRIPS - 1]++;
	if (took > f->counts.round_trip_max_us)
		f->counts.round_trip_max_us = took;
}
