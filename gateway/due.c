/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations of sleepers that end: their workers wake them, and the relay does the rest.
   Credentials that expire: the same as those that were changed. */
#include "gateway/fault.h"
#include "gateway/gateway_parts.h"
#include "gateway/rotation.h"
#include "store/store.h"

#include <time.h>

enum {
	A_TIME = 256,
	EXPIRIES = 4096,
	ROUNDS = 60,  /* so often the look goes on where it was; then it begins anew */
	LOOKS = 3600, /* so often before the next look at the data key's age */
};
static const double pause_s = 1.0;

static uint64_t boot_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void tell(const struct gw_gateway *g, uint32_t cred)
{
	struct store_session row;
	if (store_read_session(g->reader, cred, &row) != STORE_OK)
		return;
	/* It is asked again in the next round if this is lost. */
	if (!inbox_post(g->inboxes[row.worker % g->len], INBOX_LOSSY, GW_DUE, &cred, sizeof(cred)))
		log_say(g->log, LOG_LEVEL_DEBUG, "due", "a worker is busy");
}

/* Those that were over before the start, or while the clock was not to be trusted, are found by the
   sweep, or begin here. */
static void expire(struct gw_gateway *g)
{
	const uint64_t wall_ms = gw_wall_ms();
	/* The clock was set back: what ends from now on is told, though it was passed once. */
	if (wall_ms > 0 && wall_ms < g->expiry_after_ms) {
		g->expiry_after_ms = wall_ms;
		g->expiry_after_cred = 0;
	}
	for (size_t i = 0; wall_ms > 0 && i < EXPIRIES &&
			   store_next_expiry(g->reader, wall_ms, &g->expiry_after_ms,
				   &g->expiry_after_cred) == STORE_OK;
		i++)
		gw_credential_changed(g, g->expiry_after_cred);
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_gateway *const g = timer->data;
	const uint64_t now_ms = store_time(g->shared.store, boot_ms());
	(void)loop;
	(void)events;
	if (gw_fault_seen() > 0)
		log_say(g->log, LOG_LEVEL_ERROR, "store-disk",
			"a page of the slot file cannot be read: the sessions in it are lost; look "
			"at "
			"the disk of store.path");
	if (++g->due_rounds % ROUNDS == 0) {
		g->due_after_ms = 0;
		g->due_after_cred = 0;
	}
	for (size_t i = 0; i < A_TIME && store_next_deadline(g->reader, now_ms, &g->due_after_ms,
						 &g->due_after_cred) == STORE_OK;
		i++)
		tell(g, g->due_after_cred);
	expire(g);
	store_reader_rest(g->reader);
	if (g->due_rounds % LOOKS == 1)
		gw_rotation_look(&(struct gw_rotation){ .store = g->shared.store,
					 .reader = g->reader,
					 .log = g->log,
					 .days = g->shared.conf->store_rotation_days },
			now_ms);
}

void gw_due_begin(struct gw_gateway *g)
{
	g->expiry_after_ms = gw_wall_ms();
	ev_timer_init(&g->due, on_due, pause_s, pause_s);
	g->due.data = g;
	ev_timer_start(g->loop, &g->due);
}

void gw_due_end(struct gw_gateway *g)
{
	ev_timer_stop(g->loop, &g->due);
}
