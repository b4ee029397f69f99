/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/daemon.h"

#include "base/wipe.h"
#include "conf/fail.h"
#include "sms-bridge/smsd/bridge.h"
#include "sms-bridge/smsd/line.h"
#include "sms-bridge/smsd/link.h"
#include "sms-bridge/smsd/pin_book.h"
#include "sms-bridge/smsd/spool.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { S_MS = 1000, NS_PER_MS = 1000000, FAR_MS = 3600000 };
static const double s_per_ms = 0.001;

struct daemon_way {
	struct daemon *daemon;
	struct line *line;
	struct way *way;
	const struct settings_way *settings;
	size_t number;
	struct pin_book pin;
	struct log_limit ready, not_ready, closed; /* an SMSC can cause them as often as it likes */
};

struct daemon {
	const struct settings *settings;
	const struct log *log;
	struct ev_loop *loop;
	struct bridge *bridge;
	struct spool *spool;
	struct link *link;
	struct daemon_way ways[BRIDGE_WAYS_MAX];
	ev_prepare prepare;
	ev_timer wake, beat;
	struct daemon_owner owner;
	ev_signal signals[4];
	uint64_t leave_ms; /* 0: it stays */
	struct log_limit limits[BRIDGE_EVENTS], behind;
};

static uint64_t clock_ms(clockid_t which)
{
	struct timespec t;
	(void)clock_gettime(which, &t);
	return (uint64_t)t.tv_sec * S_MS + (uint64_t)t.tv_nsec / NS_PER_MS;
}

static uint64_t now_ms(void *ctx)
{
	(void)ctx;
	return clock_ms(CLOCK_MONOTONIC);
}

/* False: the system has none. */
static bool random_number(void *out, size_t len)
{
	return getrandom(out, len, 0) == (ssize_t)len;
}

/* --- what the ways tell ----------------------------------------------------------------------- */

static void on_sent(void *ctx, struct way *w, const struct way_sent *s)
{
	const struct daemon_way *const d = ctx;
	(void)w;
	bridge_sent(d->daemon->bridge, d->number, s, now_ms(NULL));
}

static void on_received(void *ctx, struct way *w, const struct way_segment *s)
{
	const struct daemon_way *const d = ctx;
	(void)w;
	bridge_received(d->daemon->bridge, d->number, s, now_ms(NULL));
}

static void on_ready(void *ctx, struct way *w, bool is, const char *why)
{
	struct daemon_way *const d = ctx;
	(void)w;
	log_limited(d->daemon->log, is ? &d->ready : &d->not_ready, now_ms(NULL),
		is || why[0] == '\0' ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		is ? "way-ready" : "way-not-ready", "way=%s%s%s", d->settings->name,
		why[0] != '\0' ? ": " : "", why);
	bridge_ready(d->daemon->bridge, d->number, is, now_ms(NULL));
}

static void on_close(void *ctx, struct way *w, uint64_t again_ms, const char *why)
{
	struct daemon_way *const d = ctx;
	const uint64_t now = now_ms(NULL);
	(void)w;
	log_limited(d->daemon->log, &d->closed, now,
		why[0] == '\0' ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN, "way-closed",
		"way=%s again_s=%llu%s%s", d->settings->name,
		(unsigned long long)(again_ms > now ? (again_ms - now) / S_MS : 0),
		why[0] != '\0' ? ": " : "", why);
	line_close(d->line, d->daemon->leave_ms > 0 ? UINT64_MAX : again_ms);
}

static void on_ended(void *ctx, struct line *l)
{
	const struct daemon_way *const d = ctx;
	(void)l;
	if (d->daemon->bridge)
		bridge_ended(d->daemon->bridge, d->number);
}

/* --- what the bridge and the gateway tell ----------------------------------------------------- */

static void on_say(void *ctx, const struct wire_message *m)
{
	struct daemon *const d = ctx;
	if (!link_say(d->link, m))
		log_limited(d->log, &d->behind, now_ms(NULL), LOG_LEVEL_WARN, "gateway-behind",
			"type=%u: it does not take what is said to it; it comes again", m->type);
}

static enum log_level level_of(enum bridge_event e)
{
	switch (e) {
	case BRIDGE_MO_UNKEPT:
	case BRIDGE_WIRE_BAD:
		return LOG_LEVEL_ERROR;
	case BRIDGE_MT_REFUSED:
	case BRIDGE_MT_EXPIRED:
	case BRIDGE_MT_BUSY:
	case BRIDGE_MT_ANOTHER:
	case BRIDGE_MO_LATER:
	case BRIDGE_MO_REFUSED:
	case BRIDGE_MO_USELESS:
		return LOG_LEVEL_WARN;
	case BRIDGE_MT_SENT:
	case BRIDGE_MT_KNOWN:
	case BRIDGE_MO_TAKEN:
	case BRIDGE_MO_KEPT:
	case BRIDGE_EVENTS:
	default:
		return LOG_LEVEL_DEBUG;
	}
}

static void on_event(void *ctx, enum bridge_event e, size_t number, uint64_t id, uint32_t code)
{
	struct daemon *const d = ctx;
	const char *const way =
		number < d->settings->ways_len ? d->settings->ways[number].name : "-";
	log_limited(d->log, &d->limits[e], now_ms(NULL), level_of(e), bridge_event_name(e),
		"way=%s id=%016llx code=0x%x", way, (unsigned long long)id, code);
}

static void on_connected(void *ctx, bool is)
{
	struct daemon *const d = ctx;
	log_say(d->log, is ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		is ? "gateway-connected" : "gateway-gone", "path=%s", d->settings->gateway);
	bridge_connected(d->bridge, is, now_ms(NULL));
}

static void on_heard(void *ctx, const uint8_t *frame, size_t len)
{
	const struct daemon *const d = ctx;
	bridge_heard(d->bridge, frame, len, now_ms(NULL));
}

/* --- the loop --------------------------------------------------------------------------------- */

static void on_wake(struct ev_loop *loop, ev_timer *t, int events)
{
	(void)loop;
	(void)t;
	(void)events;
}

static bool all_shut(const struct daemon *d)
{
	for (size_t i = 0; i < d->settings->ways_len; i++) {
		if (line_is_open(d->ways[i].line))
			return false;
	}
	return true;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Before the loop waits: everybody has his turn, and what they have to say goes out. */
static void settle(struct ev_loop *loop, ev_prepare *p, int events)
{
	struct daemon *const d = p->data;
	const uint64_t now = now_ms(NULL);
	uint64_t next = now + FAR_MS;
	(void)events;
	for (size_t i = 0; i < d->settings->ways_len; i++) {
		struct way *const w = d->ways[i].way;
		if (w->ops->next_ms(w) <= now)
			w->ops->tick(w, now);
	}
	bridge_tick(d->bridge, now, clock_ms(CLOCK_REALTIME));
	for (size_t i = 0; i < d->settings->ways_len; i++) {
		const struct way *const w = d->ways[i].way;
		line_settle(d->ways[i].line);
		next = sooner(next, w->ops->next_ms(w));
	}
	next = sooner(next, bridge_next_ms(d->bridge));
	if (d->leave_ms > 0 && (now >= d->leave_ms || all_shut(d))) {
		ev_break(loop, EVBREAK_ALL);
		next = now;
	} else if (d->leave_ms > 0) {
		next = sooner(next, d->leave_ms);
	}
	ev_timer_stop(loop, &d->wake);
	ev_timer_set(&d->wake, next > now ? (double)(next - now) * s_per_ms : 0., 0.);
	ev_timer_start(loop, &d->wake);
}

static void say_counts(const struct daemon *d)
{
	const struct bridge_counts c = bridge_counts(d->bridge);
	for (size_t i = 0; i < BRIDGE_EVENTS; i++)
		log_say(d->log, LOG_LEVEL_INFO, "count", "%s=%llu",
			bridge_event_name((enum bridge_event)i), (unsigned long long)c.events[i]);
	log_say(d->log, LOG_LEVEL_INFO, "count",
		"to_devices=%zu of_devices=%zu not_whole=%zu pushed_out=%llu expired=%llu", c.mt,
		c.mo, c.segments.under_way, (unsigned long long)c.segments.pushed_out,
		(unsigned long long)c.segments.expired);
}

static void on_signal(struct ev_loop *loop, ev_signal *s, int events)
{
	struct daemon *const d = s->data;
	(void)loop;
	(void)events;
	if (s->signum == SIGUSR1) {
		say_counts(d);
		return;
	}
	if (s->signum == SIGHUP) {
		d->owner.again(d->owner.ctx);
		return;
	}
	if (d->leave_ms > 0)
		return;
	d->leave_ms = now_ms(NULL) + DAEMON_LEAVE_MS;
	for (size_t i = 0; i < d->settings->ways_len; i++) {
		struct way *const w = d->ways[i].way;
		if (line_is_open(d->ways[i].line))
			w->ops->leave(w, now_ms(NULL));
	}
}

/* --- beginning and end ------------------------------------------------------------------------ */

static bool open_way(struct daemon *d, size_t i, struct conf_error *error)
{
	const struct settings_way *const s = &d->settings->ways[i];
	struct daemon_way *const w = &d->ways[i];
	const struct line_owner lines = { .ctx = w, .now_ms = now_ms, .ended = on_ended };
	const struct way_owner owner = { .ctx = w,
		.sent = on_sent,
		.received = on_received,
		.ready = on_ready,
		.close = on_close };
	uint32_t seed = 0;
	*w = (struct daemon_way){ .daemon = d, .settings = s };
	w->line = line_new(d->loop, s, d->log, &lines, error);
	if (!w->line)
		return false;
	if (!random_number(&seed, sizeof(seed)))
		return conf_fail(error, s->name, 0, "the system has no random numbers");
	if (s->kind == SETTINGS_SMPP) {
		struct smpp_settings smpp = s->smpp;
		smpp.seed = seed;
		w->way = smpp_new(&smpp, &owner);
		wipe(&smpp, sizeof(smpp));
	} else {
		struct modem_settings modem = s->modem;
		modem.seed = seed;
		pin_book_of(&w->pin, d->settings->spool, s->name, d->log);
		modem.pin_book = pin_book_for_modem(&w->pin);
		w->way = modem_new(&modem, &owner);
		wipe(&modem, sizeof(modem));
	}
	if (!w->way || !bridge_add(d->bridge, w->way, s->name, &w->number))
		return conf_fail(error, s->name, 0, "no memory");
	line_carry(w->line, w->way);
	return true;
}

static bool open_bridge(struct daemon *d, struct conf_error *error)
{
	struct bridge_settings s = bridge_settings_default();
	const struct bridge_spool spool = spool_for_bridge(d->spool);
	const struct bridge_owner owner = { .ctx = d, .say = on_say, .event = on_event };
	s.answer_ms = d->settings->answer_s * S_MS;
	if (!random_number(&s.instance, sizeof(s.instance)))
		return conf_fail(error, "lwgate-smsd", 0, "the system has no random numbers");
	d->bridge = bridge_new(&s, &spool, &owner);
	return d->bridge ? true : conf_fail(error, "lwgate-smsd", 0, "no memory");
}

static void on_beat(struct ev_loop *loop, ev_timer *t, int events)
{
	const struct daemon *const d = t->data;
	(void)loop;
	(void)events;
	d->owner.turns(d->owner.ctx);
}

static void expect_signal(struct daemon *d, ev_signal *s, int number)
{
	ev_signal_init(s, on_signal, number);
	s->data = d;
}

struct daemon *daemon_open(const struct settings *s, const struct log *log,
	const struct daemon_owner *o, struct conf_error *error)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };
	struct daemon *const d = calloc(1, sizeof(*d));
	(void)conf_fail(error, "lwgate-smsd", 0, "no memory");
	if (!d)
		return NULL;
	d->settings = s;
	d->log = log;
	d->owner = *o;
	d->loop = ev_loop_new(EVFLAG_AUTO);
	ev_prepare_init(&d->prepare, settle);
	ev_timer_init(&d->wake, on_wake, 0., 0.);
	ev_timer_init(&d->beat, on_beat, 0., d->owner.beat_ms * s_per_ms);
	d->prepare.data = d->beat.data = d;
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		expect_signal(d, &d->signals[i], numbers[i]);
	return d;
}

static void restore(void *ctx, const struct segments_part *p)
{
	const struct daemon *const d = ctx;
	bridge_restore(d->bridge, p, now_ms(NULL));
}

bool daemon_start(struct daemon *d, struct conf_error *error)
{
	const struct link_owner owner = { .ctx = d, .connected = on_connected, .heard = on_heard };
	char why[LINK_WHY_MAX] = "";
	_Static_assert((int)LINK_WHY_MAX >= (int)SPOOL_WHY_MAX, "the longer of the two");
	d->spool = spool_open(d->settings->spool, why);
	if (!d->spool)
		return conf_fail(error, "lwgate-smsd", 0, "%s", why);
	if (!d->loop || !open_bridge(d, error))
		return false;
	for (size_t i = 0; i < d->settings->ways_len; i++) {
		if (!open_way(d, i, error))
			return false;
	}
	const size_t kept = spool_each(d->spool, restore, d);
	log_say(d->log, LOG_LEVEL_INFO, "spool", "path=%s segments=%zu", d->settings->spool, kept);
	d->link = link_new(d->loop, d->settings->gateway, &owner, why);
	if (!d->link)
		return conf_fail(error, "lwgate-smsd", 0, "%s", why);
	/* Whoever is told that we are ready may end us at once. */
	for (size_t i = 0; i < COUNT_OF(d->signals); i++)
		ev_signal_start(d->loop, &d->signals[i]);
	return true;
}

void daemon_run(struct daemon *d)
{
	ev_prepare_start(d->loop, &d->prepare);
	if (d->owner.beat_ms > 0)
		ev_timer_start(d->loop, &d->beat);
	link_start(d->link);
	for (size_t i = 0; i < d->settings->ways_len; i++)
		line_start(d->ways[i].line);
	(void)ev_run(d->loop, 0);
}

void daemon_free(struct daemon *d)
{
	if (!d)
		return;
	link_free(d->link);
	for (size_t i = 0; i < BRIDGE_WAYS_MAX; i++)
		line_free(d->ways[i].line);
	bridge_free(d->bridge);
	for (size_t i = 0; i < BRIDGE_WAYS_MAX; i++) {
		if (d->ways[i].way)
			d->ways[i].way->ops->free(d->ways[i].way);
	}
	spool_close(d->spool);
	if (d->loop) {
		ev_timer_stop(d->loop, &d->beat);
		for (size_t i = 0; i < COUNT_OF(d->signals); i++)
			ev_signal_stop(d->loop, &d->signals[i]);
		ev_loop_destroy(d->loop);
	}
	free(d);
}
