/* SPDX-License-Identifier: Apache-2.0 */
/* Registrations of sleepers that end: their workers wake them, and the relay does the rest.
   Credentials that expire: the same as those that were changed. What was learned and never proved
   (S31): it takes its credential's place, or goes. Keys for short messages whose time comes. */
#include "base/wipe.h"
#include "gateway/chronicle.h"
#include "gateway/clock.h"
#include "gateway/fault.h"
#include "gateway/gateway_parts.h"
#include "gateway/learning.h"
#include "gateway/rotation.h"
#include "gateway/sms_keeper.h"
#include "gateway/store_wait.h"
#include "store/staging.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	A_TIME = 256,
	EXPIRIES = 4096,
	STAGED = 256, /* that are over, in one transaction */
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
	const uint64_t wall_ms = gw_clock_wall_ms();
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

/* --- what was learned ------------------------------------------------------------------------- */

struct over {
	uint32_t cred;
	enum store_result result; /* OK: it was over, and is seen to */
	bool taken;
	uint8_t kind;
	uint64_t generation; /* of the credential since */
	char endpoint[STORE_ENDPOINT_MAX + 1];
};

struct overs {
	size_t len;
	struct over at[STAGED];
};

static void name(struct store_txn *t, struct over *o)
{
	struct store_cred c;
	if (store_read_cred(store_txn_reader(t), o->cred, &c) == STORE_OK) {
		memcpy(o->endpoint, c.endpoint, sizeof(o->endpoint));
		o->kind = o->taken ? c.kind : GW_ENTRY_NO_CREDENTIAL;
		o->generation = o->taken ? c.generation : 0;
	}
	wipe(&c, sizeof(c));
}

static enum store_result run_overs(struct store_txn *t, void *ctx)
{
	struct overs *const all = ctx;
	for (size_t i = 0; i < all->len; i++) {
		struct over *const o = &all->at[i];
		o->taken = false;
		o->result = store_stage_over(t, o->cred, &o->taken);
		if (o->result == STORE_OK)
			name(t, o);
		if (o->result == STORE_FULL || o->result == STORE_BROKEN)
			return o->result;
	}
	return STORE_OK;
}

static void tell_over(struct gw_gateway *g, const struct over *o)
{
	const struct gw_learning_news n = {
		.kind = o->taken ? GW_ENTRY_LEARNED : GW_ENTRY_LAPSED,
		.credential = o->kind,
		.generation = o->generation,
		.endpoint = o->endpoint,
		.why = o->taken ? "its time to be proved is over"
				: "the device has neither proved it nor finished its bootstrap",
	};
	gw_learning_tell(g->shared.chronicle, &n);
	if (o->taken)
		gw_credential_changed(g, o->cred);
}

/* What has been dealt with is in the index no more, so each look begins at its beginning. */
static bool find_overs(struct gw_gateway *g, uint64_t wall_ms, struct overs *out)
{
	uint64_t after_ms = 0;
	uint32_t after_cred = 0;
	out->len = 0;
	while (out->len < COUNT_OF(out->at) &&
		store_next_staged_end(g->reader, wall_ms, &after_ms, &after_cred) == STORE_OK)
		out->at[out->len++] = (struct over){ .cred = after_cred };
	return out->len > 0;
}

/* The writer's answer is waited for: a bootstrap that nobody comes back from is rare. */
static void settle(struct gw_gateway *g)
{
	uint64_t after_ms = 0;
	uint32_t after_cred = 0;
	const uint64_t wall_ms = gw_clock_wall_ms();
	if (wall_ms == 0 ||
		store_next_staged_end(g->reader, wall_ms, &after_ms, &after_cred) != STORE_OK)
		return;
	struct overs *const all = calloc(1, sizeof(*all));
	if (!all || !find_overs(g, wall_ms, all) ||
		gw_store_do(g->shared.store, run_overs, all, true) != STORE_OK) {
		free(all); /* the next look is in a second */
		return;
	}
	store_reader_rest(g->reader);
	for (size_t i = 0; i < all->len; i++) {
		if (all->at[i].result == STORE_OK)
			tell_over(g, &all->at[i]);
	}
	free(all);
}

/* --- a look ----------------------------------------------------------------------------------- */

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
	settle(g);
	expire(g);
	gw_sms_keeper_due(g->keeper, now_ms);
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
	g->expiry_after_ms = gw_clock_wall_ms();
	ev_timer_init(&g->due, on_due, pause_s, pause_s);
	g->due.data = g;
	ev_timer_start(g->loop, &g->due);
}

void gw_due_end(struct gw_gateway *g)
{
	ev_timer_stop(g->loop, &g->due);
}
