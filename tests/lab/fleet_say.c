/* SPDX-License-Identifier: Apache-2.0 */
/* What the fleet tells: one JSON object a line on stdout. */
#include <stdio.h>

#include "tests/lab/fleet.h"

static const char *const exchanges[DEVICE_EXCHANGES] = { "register", "update", "deregister",
	"notify", "load" };
static const char *const outcomes[DEVICE_OUTCOMES] = { "answered", "refused", "reset", "timeout",
	"abandoned" };
static const char *const served[DEVICE_SERVED] = { "read", "discover", "write", "execute",
	"observe", "cancel", "other" };
static const char *const causes[FLEET_CAUSES] = { "timeout", "identity", "key", "suite", "version",
	"alert", "protocol", "full", "unreachable", "anew" };
static const char *const ends[FLEET_ENDS] = { "close_notify", "alert", "replaced", "numbers",
	"forged" };

static void put_table(const char *name, const char *const *rows, const uint64_t *counts, size_t len)
{
	(void)printf(",\"%s\":{", name);
	for (size_t i = 0; i < len; i++)
		(void)printf("%s\"%s\":%llu", i ? "," : "", rows[i], (unsigned long long)counts[i]);
	(void)putchar('}');
}

/* Of the devices' own, begun and not ended. */
static unsigned long long under_way(const struct device_counts *c)
{
	uint64_t n = 0;
	for (size_t i = 0; i < DEVICE_EXCHANGES; i++) {
		n += c->begun[i];
		for (size_t j = 0; j < DEVICE_OUTCOMES; j++)
			n -= c->ended[i][j];
	}
	return n;
}

static void put_common(const struct fleet *f, const char *event)
{
	(void)printf("{\"event\":\"%s\",\"ms\":%llu,\"devices\":%u,\"connecting\":%u,\"connected\":"
		     "%u,\"registered\":%u,"
		     "\"done\":%u,\"handshakes\":%llu,\"again\":%llu,\"notes\":%llu,\"pairs\":%llu,"
		     "\"lost\":%llu,\"under_way\":%llu",
		event, (unsigned long long)(f->host.now_ms - f->begun_ms), f->set->devices,
		f->links[FLEET_HANDSHAKE], f->links[FLEET_UP], f->registered, f->links[FLEET_DONE],
		(unsigned long long)f->counts.handshakes, (unsigned long long)f->counts.again,
		(unsigned long long)f->model_counts.notes, (unsigned long long)f->counts.pairs,
		(unsigned long long)f->counts.lost, under_way(&f->model_counts));
	put_table("served", served, f->model_counts.served, DEVICE_SERVED);
}

static void end_line(void)
{
	(void)puts("}");
	(void)fflush(stdout);
}

void fleet_say(const char *event)
{
	(void)printf("{\"event\":\"%s\"", event);
	end_line();
}

void fleet_say_spoken(uint32_t number, bool answered)
{
	(void)printf("{\"event\":\"spoken\",\"device\":%u,\"answered\":%s", number,
		answered ? "true" : "false");
	end_line();
}

/* Of the pairs of the last order: so many of a thousand took no longer. */
static unsigned long long trip_us(const struct fleet *f, uint64_t permille)
{
	uint64_t all = 0, some = 0;
	for (size_t i = 0; f->trips && i < FLEET_TRIPS; i++)
		all += f->trips[i];
	for (size_t i = 0; all > 0 && i < FLEET_TRIPS; i++) {
		some += f->trips[i];
		if (some * 1000 >= all * permille)
			return i * FLEET_TRIP_US;
	}
	return 0;
}

void fleet_say_load(const struct fleet *f, uint64_t took_us)
{
	(void)printf("{\"event\":\"load\",\"done\":%llu,\"lost\":%llu,\"us\":%llu,"
		     "\"median_us\":%llu,\"p99_us\":%llu",
		(unsigned long long)(f->counts.pairs - f->load_mark.pairs),
		(unsigned long long)(f->counts.lost - f->load_mark.lost),
		(unsigned long long)took_us, trip_us(f, 500), trip_us(f, 990));
	end_line();
}

void fleet_say_progress(const struct fleet *f)
{
	put_common(f, "progress");
	end_line();
}

void fleet_say_summary(const struct fleet *f)
{
	const struct device_counts *c = &f->model_counts;
	const struct dtls_stats dtls = dtls_stats(f->host.engine);
	put_common(f, "summary");
	(void)printf(",\"all_registered\":%s,\"round_trip_us\":%llu,\"round_trip_max_us\":%llu,"
		     "\"retransmitted\":%llu,"
		     "\"duplicates\":%llu,\"malformed\":%llu,\"strangers\":%llu,\"replayed\":%llu,"
		     "\"forged\":%llu,\"twice\":%llu,\"unsent\":%llu,\"cids\":%llu,\"astray\":%llu,"
		     "\"unknown_cid\":%llu,\"stray\":%llu",
		f->all_ms ? "true" : "false",
		(unsigned long long)(f->counts.pairs ? f->counts.round_trip_us / f->counts.pairs
						     : 0),
		(unsigned long long)f->counts.round_trip_max_us,
		(unsigned long long)c->retransmitted, (unsigned long long)c->duplicates,
		(unsigned long long)c->malformed, (unsigned long long)c->strangers,
		(unsigned long long)dtls.replayed, (unsigned long long)dtls.forged,
		(unsigned long long)f->counts.twice, (unsigned long long)f->counts.unsent,
		(unsigned long long)f->counts.cids, (unsigned long long)f->counts.astray,
		(unsigned long long)dtls.unknown_cid, (unsigned long long)dtls.stray);
	put_table("handshakes_failed", causes, f->counts.failed, FLEET_CAUSES);
	put_table("ended", ends, f->counts.ended, FLEET_ENDS);
	(void)printf(",\"exchanges\":{");
	for (int i = 0; i < DEVICE_EXCHANGES; i++) {
		(void)printf("%s\"%s\":{\"begun\":%llu", i ? "," : "", exchanges[i],
			(unsigned long long)c->begun[i]);
		for (int j = 0; j < DEVICE_OUTCOMES; j++)
			(void)printf(
				",\"%s\":%llu", outcomes[j], (unsigned long long)c->ended[i][j]);
		(void)putchar('}');
	}
	(void)putchar('}');
	end_line();
}
