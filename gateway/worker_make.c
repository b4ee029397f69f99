/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/air.h"
#include "gateway/worker.h"

#include "base/wipe.h"
#include "conf/config.h"
#include "dtls/engine.h"
#include "gateway/ask.h"
#include "gateway/keep.h"
#include "gateway/lost.h"
#include "gateway/material.h"
#include "gateway/roam.h"
#include "gateway/rules.h"
#include "gateway/seats.h"
#include "gateway/session.h"
#include "gateway/sms.h"
#include "gateway/worker_parts.h"
#include "proxy/relay.h"
#include "store/store.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The bounds of the configuration are the process's: each worker gets its share. */
static struct dtls_engine *make_dtls(struct gw_worker *w)
{
	const struct conf_gateway *conf = w->shared->conf;
	struct dtls_settings s = dtls_settings_default();
	const struct dtls_owner owner = gw_session_dtls_owner(w);
	s.initial_ms[DTLS_SERVER] = conf->device_initial_ms;
	s.initial_ms[DTLS_CLIENT] = conf->upstream_initial_ms;
	s.max_ms = conf->handshake_max_ms;
	s.lifetime_ms = conf->handshake_lifetime_s * 1000;
	s.handshakes_max = conf->handshakes_max / conf->workers;
	s.handshake_bytes_max = (size_t)(conf->handshake_bytes_max / conf->workers);
	s.first_write_end = STORE_LEASE;
	s.forged_max = GW_FORGED_MAX;
	s.cid_node = conf->cid_node;
	_Static_assert((int)CONF_WORKERS_MAX <= UINT8_MAX + 1, "every worker fits into a CID");
	s.cid_worker = (uint8_t)w->number;
	s.cid_random = conf->cid_random;
	s.cid_bucket = conf->cid_padding;
	if (conf->store_after_power_loss == CONF_POWER_GAP)
		s.first_read_end = STORE_READ_LEASE;
	return dtls_engine_new(&s, &owner, w->now_ms);
}

static struct relay *make_relay(struct gw_worker *w)
{
	const struct conf_gateway *conf = w->shared->conf;
	struct relay_settings s = relay_settings_default();
	const struct relay_owner owner = gw_session_relay_owner(w);
	s.queue_messages = conf->relay_queue_messages;
	s.queue_bytes = (size_t)(conf->relay_queue_bytes / conf->workers);
	s.answer_ms = conf->relay_answer_s * 1000;
	s.message_max = conf->relay_message_max;
	s.wrong_endpoint_403 = conf->wrong_endpoint_403;
	_Static_assert((int)CONF_UPDATE_REFUSE == (int)RELAY_UPDATE_REFUSED &&
			       (int)CONF_UPDATE_BY_VERSION == (int)RELAY_UPDATE_BY_VERSION,
		"both are in one order");
	s.update_after_handshake = (enum relay_update)conf->relay_update;
	s.registrations_kept = conf->store_path != NULL;
	s.awake_ms = conf->relay_awake_ms;
	s.awake_by_update = conf->relay_awake_by_update;
	s.asleep_refused = conf->relay_asleep_refused;
	s.asleep_waiting = conf->relay_asleep_messages;
	s.asleep_wait_ms = conf->relay_asleep_wait_s * 1000;
	return relay_new(&s, &owner, w->now_ms);
}

static void close_all(const int *fds, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
}

static void take_listeners(struct gw_worker *w, const struct gw_sockets *sockets)
{
	assert(sockets->listeners_len <= GW_LISTENERS_MAX);
	w->listeners_len = sockets->listeners_len;
	for (size_t i = 0; i < w->listeners_len; i++) {
		w->fds[i] = sockets->listeners[i];
		w->listeners[i].sock = (uint32_t)i;
		if (w->fds[i] < 0)
			w->bound[i] = w->shared->conf->listeners[i]; /* of short messages */
		else if (!udp_local(w->fds[i], &w->bound[i]))
			w->bound[i] = (struct net_addr){ .family = 0 }; /* nobody sleeps there */
	}
}

static bool make_profiles(struct gw_worker *w)
{
	const char *why = "";
	if (!w->shared->material || gw_profiles_make(&w->profiles, w->shared->material, &why))
		return true;
	log_say(&w->log, LOG_LEVEL_ERROR, "profiles", "%s", why);
	return false;
}

static bool make_parts(struct gw_worker *w)
{
	w->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (w->loop)
		gw_worker_watch(w);
	w->reader = store_reader_new(w->shared->store);
	const bool ways = gw_worker_make_upstreams(w);
	w->dtls = make_dtls(w);
	w->relay = make_relay(w);
	bool failed = false;
	w->airs = gw_airs_new(w, &failed);
	bool no_sms = false;
	w->smses = gw_smses_new(w, &no_sms);
	return ways && w->loop && w->reader && w->dtls && w->relay && !failed && !no_sms &&
	       gw_roll_init(&w->roll) && make_profiles(w);
}

struct gw_worker *gw_worker_new(
	const struct gw_shared *shared, uint32_t number, const struct gw_sockets *sockets)
{
	struct gw_worker *w = calloc(1, sizeof(*w));
	if (!w) {
		close_all(sockets->listeners, sockets->listeners_len);
		for (size_t i = 0; i < GW_UPSTREAMS_MAX; i++)
			close_all(sockets->links[i].fds, sockets->links[i].len);
		return NULL;
	}
	w->shared = shared;
	w->number = number;
	w->material = shared->material ? gw_material_ref(shared->material) : NULL;
	w->rules = shared->rules ? gw_rules_ref(shared->rules) : NULL;
	(void)snprintf(w->name, sizeof(w->name), "worker-%u", number);
	w->log = (struct log){ .fd = shared->log_fd,
		.level = shared->conf->log_level,
		.name = w->name,
		.ring = shared->log_ring,
		.sink = shared->log_sink };
	pool_init(&w->session_pool, sizeof(struct gw_session));
	pool_init_secret(&w->op_pool, sizeof(struct gw_op));
	w->due_ms = UINT64_MAX;
	w->now_ms = gw_worker_clock_ms();
	w->dozed_ms = w->now_ms;
	w->judged_ms = w->now_ms;
	wheel_init(&w->terms, w->now_ms);
	w->reroutes = 1; /* a session that was not asked about yet has 0 */
	w->random_used = sizeof(w->random);
	gw_lost_begin(w);
	gw_roam_begin(w);
	take_listeners(w, sockets);
	udp_rx_init(&w->rx);
	udp_tx_init(&w->tx);
	if (make_parts(w) && gw_worker_restore_links(w, sockets)) {
		gw_nights_begin(shared->seats, store_time(shared->store, w->now_ms));
		return w;
	}
	gw_worker_free(w);
	return NULL;
}

/* The store answers everything; questions that came too late for an answer must still be let go. */
static void empty_inbox(struct gw_worker *w)
{
	struct inbox *const mine = w->shared->inboxes[w->number];
	struct gw_asked asked;
	struct pollfd readable = { .fd = inbox_fd(mine), .events = POLLIN };
	while (inbox_take(mine, &w->message) || (w->ops > 0 && poll(&readable, 1, -1) >= 0)) {
		if (w->message.kind == GW_STORED || w->message.kind == GW_SMS_STORED)
			gw_worker_dispatch(w, &w->message);
		if (w->message.kind == GW_ASK) {
			memcpy(&asked, w->message.data, sizeof(asked));
			gw_ask_release(asked.ask);
		}
		if (w->message.kind == GW_MATERIAL || w->message.kind == GW_RULES)
			gw_worker_dispatch(w, &w->message);
		w->message.kind = GW_STOP;
	}
	if (w->ask)
		gw_ask_release(w->ask);
	w->ask = NULL;
}

void gw_worker_free(struct gw_worker *w)
{
	if (!w)
		return;
	w->stopping = true;
	while (w->sessions)
		gw_session_end(w->sessions, GW_KEEP, "the gateway stops");
	empty_inbox(w);
	gw_airs_free(w->airs);
	gw_smses_free(w->smses);
	pool_fini(&w->session_pool);
	pool_fini(&w->op_pool);
	gw_roll_fini(&w->roll);
	relay_free(w->relay);
	dtls_engine_free(w->dtls);
	gw_profiles_fini(&w->profiles);
	gw_material_unref(w->material);
	gw_rules_unref(w->rules);
	gw_worker_free_upstreams(w);
	close_all(w->fds, w->listeners_len);
	store_reader_free(w->reader);
	if (w->loop)
		ev_loop_destroy(w->loop);
	wipe(w->random, sizeof(w->random));
	wipe(&w->waking, sizeof(w->waking));
	free(w);
}
