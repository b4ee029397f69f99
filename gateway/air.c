/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/air.h"

#include "base/wipe.h"
#include "conf/config_air.h"
#include "gateway/clock.h"
#include "gateway/trace.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)GW_AIR_LISTENERS == (int)GW_LISTENERS_MAX, "each has a counter");

enum { BUCKETS = 64, ROUND_S = 60 };

/* --- the table ------------------------------------------------------------------------------- */

struct gw_airs *gw_airs_new(struct gw_worker *w, bool *failed)
{
	*failed = false;
	if (!w->shared->conf->airs)
		return NULL;
	struct gw_airs *const a = calloc(1, sizeof(*a));
	if (a)
		a->buckets = calloc(BUCKETS, sizeof(struct gw_air *));
	if (!a || !a->buckets) {
		free(a);
		*failed = true;
		return NULL;
	}
	a->buckets_len = BUCKETS;
	gw_worker_random(w, (uint8_t *)&a->key, sizeof(a->key));
	return a;
}

void gw_airs_free(struct gw_airs *a)
{
	if (!a)
		return;
	free(a->buckets);
	wipe(a, sizeof(*a));
	free(a);
}

bool gw_air_is(const struct gw_worker *w, size_t listener)
{
	return w->airs && conf_air(w->shared->conf, listener);
}

/* Not our address: a listener has one. */
static size_t bucket_of(const struct gw_airs *a, const struct net_path *path)
{
	struct {
		struct net_addr peer;
		uint32_t sock;
	} key;
	memset(&key, 0, sizeof(key));
	key.peer = path->peer;
	key.sock = path->sock;
	return (size_t)sip_hash(&a->key, &key, sizeof(key)) & (a->buckets_len - 1);
}

static bool is_there(const struct gw_air *x, const struct net_path *path)
{
	return x->path.sock == path->sock && net_addr_same(&x->path.peer, &path->peer);
}

struct gw_air *gw_air_find(const struct gw_airs *a, const struct net_path *path)
{
	struct gw_air *x = a->buckets[bucket_of(a, path)];
	while (x && !is_there(x, path))
		x = x->next;
	return x;
}

/* Stays as it is where memory is short. */
static void grow(struct gw_airs *a)
{
	const size_t len = a->buckets_len;
	if (a->stats.sessions < len)
		return;
	struct gw_air **const old = a->buckets;
	struct gw_air **const more = calloc(2 * len, sizeof(struct gw_air *));
	if (!more)
		return;
	a->buckets = more;
	a->buckets_len = 2 * len;
	for (size_t i = 0; i < len; i++) {
		while (old[i]) {
			struct gw_air *const x = old[i];
			struct gw_air **const to = &more[bucket_of(a, &x->path)];
			old[i] = x->next;
			x->next = *to;
			*to = x;
		}
	}
	free(old);
}

static uint32_t network_of(const struct gw_worker *w, const struct net_path *path)
{
	return (uint32_t)((gw_worker_network(w, &path->peer) + path->sock) % GW_AIR_NETWORKS);
}

static uint32_t share_of(const struct gw_worker *w, uint32_t all)
{
	const uint32_t workers = w->shared->conf->workers;
	return all / workers + (all % workers != 0);
}

bool gw_air_has_room(struct gw_worker *w, const struct net_path *path, const struct gw_air *leaves)
{
	const struct conf_air *const c = conf_air(w->shared->conf, path->sock);
	struct gw_airs *const a = w->airs;
	const uint32_t network = network_of(w, path);
	const uint32_t here = leaves && leaves->path.sock == path->sock ? 1 : 0;
	const uint32_t near = leaves && leaves->network == network ? 1 : 0;
	if (a->of_listener[path->sock] - here < share_of(w, c->sessions) &&
		a->of_network[network] - near < share_of(w, c->sessions_per_network))
		return true;
	a->stats.full++;
	return false;
}

/* --- the channel ----------------------------------------------------------------------------- */

void gw_air_say(struct gw_worker *w, const struct net_path *path, const uint8_t *msg, size_t len)
{
	uint8_t *const room = udp_tx_room(&w->tx, gw_worker_fd(w, path->sock), path, len);
	if (!room)
		return;
	memcpy(room, msg, len);
	udp_tx_done(&w->tx, len);
	gw_worker_sent(w, path->sock, len);
	w->airs->stats.sent++;
	w->airs->stats.sent_octets += len;
}

/* RFC 7252 section 4.6; longer ones are the relay's to refuse. */
static size_t air_room(struct channel *c)
{
	(void)c;
	return UDP_DATAGRAM_MAX;
}

/* What is withheld is lost, as any datagram may be: who has sent it repeats it, and by then the
   address may have been shown to be right. */
static bool air_send(struct channel *c, const uint8_t *msg, size_t len)
{
	struct gw_session *const s = CONTAINER_OF(c, struct gw_session, device);
	struct gw_air *const x = s->air;
	if (!x || x->closed)
		return false;
	const bool may = air_may_send(&x->flow, msg, len);
	if (s->worker->tracing)
		gw_trace_sent_bare(s, msg, len, may ? "sent" : "dropped",
			may ? NULL : "its address is not shown to be right");
	if (may)
		gw_air_say(s->worker, &x->path, msg, len);
	else
		s->worker->airs->stats.withheld++;
	return true;
}

static void air_close(struct channel *c, enum channel_reason why)
{
	struct gw_session *const s = CONTAINER_OF(c, struct gw_session, device);
	(void)why;
	if (s->air)
		s->air->closed = true;
	gw_session_loosen(s);
}

static const struct channel_ops air_ops = {
	.room = air_room, .send = air_send, .close = air_close
};

bool gw_air_join(struct gw_session *s, const struct net_path *path)
{
	struct gw_worker *const w = s->worker;
	struct gw_airs *const a = w->airs;
	struct gw_air *const x = calloc(1, sizeof(*x));
	if (!x)
		return false;
	x->session = s;
	x->path = *path;
	x->heard_ms = x->up_ms = w->now_ms;
	x->network = network_of(w, path);
	a->stats.sessions++;
	grow(a);
	struct gw_air **const to = &a->buckets[bucket_of(a, path)];
	x->next = *to;
	*to = x;
	a->of_listener[path->sock]++;
	a->of_network[x->network]++;
	s->air = x;
	s->device.ops = &air_ops;
	return true;
}

void gw_air_leave(struct gw_session *s)
{
	struct gw_airs *const a = s->worker->airs;
	struct gw_air *const x = s->air;
	if (!x)
		return;
	s->air = NULL;
	for (struct gw_air **at = &a->buckets[bucket_of(a, &x->path)]; *at; at = &(*at)->next) {
		if (*at == x) {
			*at = x->next;
			break;
		}
	}
	a->stats.sessions--;
	a->of_listener[x->path.sock]--;
	a->of_network[x->network]--;
	free(x);
}

/* --- its life -------------------------------------------------------------------------------- */

void gw_air_link_up(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	/* Its keys end with the process, and no other can use its numbers (S1). */
	dtls_allow(w->dtls, s->legs[GW_LINK].conn, 0, UINT64_MAX, UINT64_MAX);
	s->link_wakes = true;
	gw_session_loosen(s);
}

bool gw_air_still(struct gw_session *s)
{
	struct gw_worker *const w = s->worker;
	struct store_cred c;
	store_reader_rest(w->reader); /* it may have changed in this turn */
	const bool good = store_read_cred(w->reader, s->cred, &c) == STORE_OK &&
			  c.state == STORE_CRED_ACTIVE && c.kind == STORE_CRED_NOSEC &&
			  strcmp(c.endpoint, s->endpoint) == 0 &&
			  (c.until_ms == 0 || gw_clock_wall_ms() < c.until_ms);
	s->air->until_ms = c.until_ms;
	wipe(&c, sizeof(c));
	s->suspect = false;
	if (!good || !gw_air_is_allowed(s)) { /* rules may be others, or what they ask about */
		s->air->closed = true;
		gw_session_loosen(s);
	}
	return !s->air->closed;
}

void gw_air_look(struct gw_session *s)
{
	if (s->waits)
		return; /* the seat is not ours to leave before the yield has come */
	if (s->suspect && !s->air->closed)
		(void)gw_air_still(s);
	if (s->air->closed)
		gw_session_end(s, GW_KEEP, "it may not come without DTLS any more, or is done");
	else
		gw_session_flow(s);
}

/* Its registration is its device's to renew; who has none has nothing that could be lost. */
static bool is_over(const struct gw_worker *w, const struct gw_air *x)
{
	const struct gw_session *const s = x->session;
	const bool registered = s->relay && relay_device_registration(s->relay)->active;
	const bool silent = w->now_ms - x->heard_ms >= GW_AIR_IDLE_MS;
	return !s->waits &&
	       ((!registered && silent) || (x->until_ms > 0 && gw_clock_wall_ms() >= x->until_ms));
}

void gw_air_turn(struct gw_worker *w)
{
	struct gw_airs *const a = w->airs;
	if (!a)
		return;
	for (size_t n = a->buckets_len / ROUND_S + 1; n > 0; n--) {
		struct gw_air *x = a->buckets[a->next_bucket++ & (a->buckets_len - 1)];
		while (x) {
			struct gw_air *const next = x->next;
			if (is_over(w, x))
				gw_session_end(x->session, GW_KEEP,
					"it is not registered, and silent; or its time is over");
			x = next;
		}
	}
}
