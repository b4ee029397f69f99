/* SPDX-License-Identifier: Apache-2.0 */
/* The service manager hears that all is well only while the main thread turns and every worker has
   answered since the last time: a worker that hangs ends the pings, and the manager starts us
   anew. */
#include "base/log.h"
#include "gateway/gateway_parts.h"
#include "gateway/notify.h"
#include "gateway/worker_parts.h"
#include "io/inbox.h"

#include <inttypes.h>

enum { A_PERIOD = 4 }; /* looks, so that a worker may take most of it for one turn */

static bool all_answered(struct gw_gateway *g)
{
	for (size_t i = 0; i < g->running; i++) {
		if (g->workers[i]->pulse != g->pulse)
			return false;
	}
	return true;
}

static void say_missed(struct gw_gateway *g)
{
	if (g->pulse_missed)
		return;
	g->pulse_missed = true;
	for (size_t i = 0; i < g->running; i++) {
		if (g->workers[i]->pulse != g->pulse)
			log_say(g->log, LOG_LEVEL_WARN, "watchdog",
				"worker=%zu ms=%" PRIu64 " why=\"it does not answer\"", i,
				gw_worker_clock_ms() - g->pulse_ms);
	}
}

static void on_time(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_gateway *const g = timer->data;
	(void)loop;
	(void)events;
	if (!all_answered(g)) {
		say_missed(g);
		return;
	}
	gw_notify("WATCHDOG=1");
	g->pulse_missed = false;
	g->pulse++;
	g->pulse_ms = gw_worker_clock_ms();
	for (size_t i = 0; i < g->running; i++) {
		if (!inbox_post(g->inboxes[i], INBOX_SURE, GW_PULSE, &g->pulse, sizeof(g->pulse)))
			g->workers[i]->pulse = g->pulse; /* no memory: it cannot be asked */
	}
}

void gw_watchdog_begin(struct gw_gateway *g)
{
	const double period_s = (double)gw_notify_watchdog_ms() / 1000.0 / A_PERIOD;
	ev_init(&g->watchdog, on_time);
	g->watchdog.data = g;
	if (period_s <= 0.0)
		return;
	ev_timer_set(&g->watchdog, 0.0, period_s);
	ev_timer_start(g->loop, &g->watchdog);
}

void gw_watchdog_end(struct gw_gateway *g)
{
	ev_timer_stop(g->loop, &g->watchdog);
}
