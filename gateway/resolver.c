/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/resolver.h"

#include "base/log.h"
#include "base/signals.h"
#include "conf/address.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { HOSTS = CONF_UPSTREAMS_MAX * CONF_ADDRESSES_MAX };

struct question {
	char *host;
	uint16_t port;
	uint8_t family;
	struct gw_lookup answer;
	const char *why; /* not: static */
};

/* Whoever is last lets it go: a thread that hangs in the system's resolver may outlive us. */
struct round {
	atomic_uint refs;
	int done; /* eventfd */
	size_t len;
	struct question all[HOSTS]; /* of all upstreams, in their order */
};

struct gw_resolver {
	struct gw_resolver_settings settings;
	struct gw_resolved now[CONF_UPSTREAMS_MAX];
	struct round *round; /* NULL: none is under way */
	ev_io done, asked;
	ev_timer due;
	double since_s; /* the loop's time: the last round began */
	int fd;         /* eventfd: somebody asks */
	struct ev_loop *loop;
};

/* --- what is found --------------------------------------------------------------------------- */

static size_t place_of(const struct gw_resolved *r, const struct net_addr *a)
{
	size_t i = 0;
	while (i < r->len && !net_addr_same(&r->addresses[i], a))
		i++;
	return i;
}

static void add(struct gw_resolved *to, const struct net_addr *a)
{
	if (to->len < CONF_ADDRESSES_MAX && place_of(to, a) == to->len)
		to->addresses[to->len++] = *a;
}

static bool has(const struct gw_lookup *l, const struct net_addr *a)
{
	for (size_t i = 0; i < l->len; i++) {
		if (net_addr_same(&l->found[i], a))
			return true;
	}
	return false;
}

bool gw_resolved_merge(struct gw_resolved *r, const struct gw_lookup *all, size_t len)
{
	struct gw_resolved next = { .upstream = r->upstream };
	bool known = true;
	for (size_t h = 0; h < len; h++) {
		known = known && all[h].len > 0;
		for (size_t i = 0; i < r->len; i++) {
			if (has(&all[h], &r->addresses[i]))
				add(&next, &r->addresses[i]);
		}
		for (size_t i = 0; i < all[h].len; i++)
			add(&next, &all[h].found[i]);
	}
	for (size_t i = 0; !known && i < r->len; i++)
		add(&next, &r->addresses[i]);
	bool same = next.len == r->len;
	for (size_t i = 0; same && i < next.len; i++)
		same = net_addr_same(&next.addresses[i], &r->addresses[i]);
	if (!same)
		*r = next;
	return !same;
}

/* --- a round --------------------------------------------------------------------------------- */

static void let_go(struct round *r)
{
	if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
		return;
	for (size_t i = 0; i < r->len; i++)
		free(r->all[i].host);
	if (r->done >= 0)
		(void)close(r->done);
	free(r);
}

/* Nothing can be sent to what is no one's address, whatever a name says. */
static void look_up(struct question *q)
{
	struct net_addr found[CONF_ADDRESSES_MAX];
	size_t len = 0;
	q->why = conf_address_resolve(q->host, q->port, q->family, found, &len);
	for (size_t i = 0; !q->why && i < len; i++) {
		const char *const unfit = conf_address_unfit(&found[i]);
		if (!unfit)
			q->answer.found[q->answer.len++] = found[i];
		else if (q->answer.len == 0 && i + 1 == len)
			q->why = unfit;
	}
}

static void *run(void *round)
{
	struct round *const r = round;
	const uint64_t one = 1;
	for (size_t i = 0; i < r->len; i++)
		look_up(&r->all[i]);
	while (write(r->done, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	let_go(r);
	return NULL;
}

static bool fill(struct round *r, const struct conf_gateway *conf)
{
	bool good = true;
	for (size_t n = 0; n < conf->upstreams_len; n++) {
		const struct conf_upstream *const u = &conf->upstreams[n];
		for (size_t i = 0; i < u->hosts_len && good; i++) {
			r->all[r->len] = (struct question){ .host = strdup(u->hosts[i]),
				.port = u->addresses[0].port,
				.family = u->addresses[0].family };
			good = r->all[r->len].host != NULL;
			r->len += good;
		}
	}
	return good;
}

static bool start(struct round *r)
{
	pthread_t thread;
	sigset_t before;
	atomic_store(&r->refs, 2);
	signals_block(&before); /* they are for the main thread */
	const int failed = pthread_create(&thread, NULL, run, r);
	signals_restore(&before);
	if (failed == 0)
		return pthread_detach(thread) == 0;
	atomic_store(&r->refs, 1);
	return false;
}

static void begin_round(struct gw_resolver *r)
{
	if (r->round)
		return;
	r->since_s = ev_now(r->loop);
	struct round *const next = calloc(1, sizeof(*next));
	if (next) {
		atomic_init(&next->refs, 1);
		next->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	if (!next || next->done < 0 || !fill(next, r->settings.conf) || !start(next)) {
		log_say(r->settings.log, LOG_LEVEL_WARN, "resolve",
			"names of servers cannot be looked up: memory, descriptors or threads are "
			"short");
		let_go(next);
		return;
	}
	r->round = next;
	ev_io_set(&r->done, next->done, EV_READ);
	ev_io_start(r->loop, &r->done);
}

static void take(struct gw_resolver *r, struct gw_resolved *now, const struct question *all,
	size_t len, const char *name)
{
	struct gw_lookup found[CONF_ADDRESSES_MAX];
	char text[NET_TEXT_MAX];
	for (size_t i = 0; i < len; i++) {
		found[i] = all[i].answer;
		if (all[i].why)
			log_say(r->settings.log, LOG_LEVEL_WARN, "resolve",
				"upstream=%s %s: %s; what it stood for before goes on", name,
				all[i].host, all[i].why);
	}
	if (!gw_resolved_merge(now, found, len))
		return;
	for (size_t i = 0; i < now->len; i++)
		log_say(r->settings.log, LOG_LEVEL_INFO, "resolved", "upstream=%s address=%s", name,
			net_addr_text(&now->addresses[i], text));
	r->settings.found(r->settings.ctx, now);
}

static void on_done(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_resolver *const r = io->data;
	const struct conf_gateway *const conf = r->settings.conf;
	struct round *const round = r->round;
	size_t at = 0;
	uint64_t rounds;
	(void)events;
	ev_io_stop(loop, io);
	if (read(round->done, &rounds, sizeof(rounds)) < 0) /* it is readable, and nobody else's */
		abort();
	r->round = NULL;
	for (size_t n = 0; n < conf->upstreams_len; n++) {
		const size_t len = conf->upstreams[n].hosts_len;
		take(r, &r->now[n], &round->all[at], len, conf->upstreams[n].name);
		at += len;
	}
	let_go(round);
}

/* --- when ------------------------------------------------------------------------------------ */

static void on_due(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct gw_resolver *const r = timer->data;
	(void)events;
	begin_round(r);
	timer->repeat = GW_RESOLVE_S;
	ev_timer_again(loop, timer);
}

static void on_asked(struct ev_loop *loop, ev_io *io, int events)
{
	struct gw_resolver *const r = io->data;
	uint64_t n;
	(void)events;
	if (read(r->fd, &n, sizeof(n)) < 0)
		return;
	const double soon_s = r->since_s + GW_RESOLVE_AGAIN_S - ev_now(loop);
	const double wait_s = soon_s > 0 ? soon_s : 0.001;
	if (r->due.repeat <= wait_s || ev_timer_remaining(loop, &r->due) <= wait_s)
		return;
	r->due.repeat = wait_s;
	ev_timer_again(loop, &r->due);
}

bool gw_resolver_is_needed(const struct conf_gateway *conf)
{
	struct net_addr a;
	for (size_t n = 0; n < conf->upstreams_len; n++) {
		const struct conf_upstream *const u = &conf->upstreams[n];
		for (size_t i = 0; i < u->hosts_len; i++) {
			if (conf_address_parse(u->hosts[i], 1, &a))
				return true;
		}
	}
	return false;
}

struct gw_resolver *gw_resolver_new(const struct gw_resolver_settings *s)
{
	struct gw_resolver *const r = gw_resolver_is_needed(s->conf) ? calloc(1, sizeof(*r)) : NULL;
	if (!r)
		return NULL;
	r->settings = *s;
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t n = 0; n < s->conf->upstreams_len; n++) {
		const struct conf_upstream *const u = &s->conf->upstreams[n];
		r->now[n] = (struct gw_resolved){ .upstream = n, .len = u->addresses_len };
		memcpy(r->now[n].addresses, u->addresses, sizeof(u->addresses));
	}
	ev_init(&r->done, on_done);
	ev_init(&r->asked, on_asked);
	ev_init(&r->due, on_due);
	r->done.data = r->asked.data = r->due.data = r;
	if (r->fd >= 0)
		return r;
	free(r);
	return NULL;
}

void gw_resolver_free(struct gw_resolver *r)
{
	if (!r)
		return;
	assert(!r->loop);
	(void)close(r->fd);
	free(r);
}

void gw_resolver_begin(struct gw_resolver *r, struct ev_loop *loop)
{
	r->loop = loop;
	r->since_s = ev_now(loop) - GW_RESOLVE_AGAIN_S;
	ev_io_set(&r->asked, r->fd, EV_READ);
	ev_io_start(loop, &r->asked);
	r->due.repeat = GW_RESOLVE_S;
	ev_timer_again(loop, &r->due);
}

void gw_resolver_end(struct gw_resolver *r)
{
	if (!r->loop)
		return;
	ev_io_stop(r->loop, &r->asked);
	ev_io_stop(r->loop, &r->done);
	ev_timer_stop(r->loop, &r->due);
	let_go(r->round);
	r->round = NULL;
	r->loop = NULL;
}

void gw_resolver_ask(struct gw_resolver *r)
{
	const uint64_t one = 1;
	/* A full counter is a question, too. */
	if (r && write(r->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		return;
}
