/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/fleet_sms.h"

#include <stdio.h>

static void put_number(const char *name, uint64_t n)
{
	(void)printf(",\"%s\":%llu", name, (unsigned long long)n);
}

static void put_exchanges(const struct device_counts *c)
{
	static const char *const names[DEVICE_EXCHANGES] = { "register", "update", "deregister",
		"notify", "load" };
	static const char *const outcomes[DEVICE_OUTCOMES] = { "answered", "refused", "reset",
		"timeout", "abandoned" };
	(void)printf(",\"exchanges\":{");
	for (int i = 0; i < DEVICE_EXCHANGES; i++) {
		(void)printf("%s\"%s\":{\"begun\":%llu", i ? "," : "", names[i],
			(unsigned long long)c->begun[i]);
		for (int j = 0; j < DEVICE_OUTCOMES; j++)
			put_number(outcomes[j], c->ended[i][j]);
		(void)putchar('}');
	}
	(void)putchar('}');
}

static void put_served(const struct device_counts *c)
{
	static const char *const names[DEVICE_SERVED] = { "read", "discover", "write", "execute",
		"observe", "cancel", "other" };
	(void)printf(",\"served\":{");
	for (int i = 0; i < DEVICE_SERVED; i++)
		(void)printf(
			"%s\"%s\":%llu", i ? "," : "", names[i], (unsigned long long)c->served[i]);
	(void)putchar('}');
}

void fleet_sms_say(const struct fleet_sms *f, const char *event)
{
	(void)printf("{\"event\":\"%s\",\"ms\":%llu}\n", event,
		(unsigned long long)(f->now_ms - f->begun_ms));
	(void)fflush(stdout);
}

void fleet_sms_say_all(const struct fleet_sms *f, const char *event, bool whole)
{
	const struct fleet_sms_counts *const c = &f->counts;
	const struct {
		const char *name;
		uint64_t n;
	} all[] = { { "devices", f->len }, { "registered", f->registered }, { "done", f->done },
		{ "again", c->again }, { "notes", f->model_counts.notes }, { "mo", c->mo },
		{ "mo_segments", c->mo_segments }, { "mt", c->mt },
		{ "mt_segments", c->mt_segments }, { "waiting", f->waiting.len + f->under_way.len },
		{ "unknown", c->unknown }, { "broken", c->broken }, { "forged", c->forged },
		{ "replayed", c->replayed }, { "unwrapped", c->unwrapped },
		{ "refused", c->refused }, { "binds", c->binds },
		{ "retransmitted", f->model_counts.retransmitted },
		{ "duplicates", f->model_counts.duplicates },
		{ "malformed", f->model_counts.malformed },
		{ "strangers", f->model_counts.strangers } };
	(void)printf("{\"event\":\"%s\",\"ms\":%llu", event,
		(unsigned long long)(f->now_ms - f->begun_ms));
	for (size_t i = 0; i < COUNT_OF(all); i++)
		put_number(all[i].name, all[i].n);
	put_served(&f->model_counts);
	if (whole) {
		(void)printf(",\"all_registered\":%s", f->all_ms ? "true" : "false");
		put_exchanges(&f->model_counts);
	}
	(void)puts("}");
	(void)fflush(stdout);
}
