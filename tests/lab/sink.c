/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lab/sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lab/udp.h"

enum { SAY_MS = 1000 };

static bool find_key(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	struct sink *s = ctx;
	size_t number;
	if (!keyfile_find(&s->keys, identity, len, &number))
		return false;
	const struct keyfile_entry *e = &s->keys.entries[number];
	memcpy(out->key, e->key, e->key_len);
	out->len = e->key_len;
	out->cred = (uint32_t)number;
	return true;
}

static void unbind(struct sink *s, struct sink_peer *p)
{
	sink_drive_stop(s, p);
	s->links--;
	s->registered -= p->registered;
	p->registered = false;
	p->conn = NULL;
}

static struct sink_peer *peer_of(struct sink *s, uint32_t entry)
{
	if (!s->set->many)
		return &s->peers[entry];
	struct sink_peer *p = calloc(1, sizeof(*p));
	if (p)
		*p = (struct sink_peer){ .entry = entry, .timer = { .fire = sink_drive_late } };
	return p;
}

static void on_up(void *ctx, struct dtls_conn *c)
{
	struct sink *s = ctx;
	struct sink_peer *p = peer_of(s, dtls_conn_cred(c));
	struct dtls_conn *old = p ? p->conn : NULL;
	if (!p)
		return;
	if (old) { /* the same client from another place: the newer one counts */
		unbind(s, p);
		dtls_conn_set_user(old, NULL);
		dtls_close(s->host.engine, old);
	}
	p->conn = c;
	s->links++;
	dtls_conn_set_user(c, p);
}

static void on_message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct sink_peer *p = dtls_conn_user(c);
	if (p)
		sink_take(ctx, p, msg, len);
}

static void on_down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct sink *s = ctx;
	struct sink_peer *p = dtls_conn_user(c);
	(void)why;
	if (p && p->conn == c)
		unbind(s, p);
	if (s->set->many)
		free(p);
}

static struct dtls_profile *profile_of(void *ctx, const struct net_path *path)
{
	struct sink *s = ctx;
	(void)path;
	return s->profile;
}

static enum dtls_moving on_moving(void *ctx, struct dtls_conn *c, const struct net_path *to)
{
	const struct sink *s = ctx;
	(void)to;
	return s->set->check && dtls_conn_facts(c).routability ? DTLS_MOVE_CHECK : DTLS_MOVE_TRUST;
}

static void on_failed(void *ctx, const struct dtls_failure *f)
{
	struct sink *s = ctx;
	(void)f;
	s->counts.failed++;
}

bool sink_open(struct sink *s, struct sink_settings *set, const char *keys)
{
	struct dtls_settings dtls = dtls_settings_default();
	struct dtls_owner owner = { .psk = find_key,
		.up = on_up,
		.profile = profile_of,
		.message = on_message,
		.moving = on_moving,
		.down = on_down,
		.failed = on_failed };
	char error[256];
	uint32_t number;
	*s = (struct sink){ .set = set };
	dtls.initial_ms[DTLS_SERVER] = 1000;
	dtls.handshakes_max = set->handshakes_max;
	if (!keyfile_load(&s->keys, keys, error, sizeof(error))) {
		(void)fprintf(stderr, "sink: %s\n", error);
		return false;
	}
	if (!cids_profile(set->cid, true, &s->profile))
		return false;
	s->peers = calloc(s->keys.len, sizeof(*s->peers));
	if (!s->peers || !host_open(&s->host, DTLS_SERVER, &dtls, &owner, 1))
		return false;
	for (size_t i = 0; i < s->keys.len; i++)
		s->peers[i] = (struct sink_peer){ .entry = (uint32_t)i,
			.timer = { .fire = sink_drive_late } };
	if (!udp_set_open(s->host.udp, &set->listen, &number)) {
		(void)fprintf(stderr, "sink: cannot listen: %s\n", strerror(errno));
		return false;
	}
	return true;
}

void sink_close(struct sink *s)
{
	for (size_t i = 0; s->peers && s->host.engine && i < s->keys.len; i++) {
		if (s->peers[i].conn)
			dtls_close(s->host.engine, s->peers[i].conn);
	}
	host_close(&s->host);
	if (s->profile)
		dtls_profile_unref(s->profile);
	free(s->peers);
	keyfile_free(&s->keys);
}

static void say(const struct sink *s, const char *event)
{
	const struct sink_counts *c = &s->counts;
	const struct dtls_stats dtls = dtls_stats(s->host.engine);
	(void)printf(
		"{\"event\":\"%s\",\"links\":%u,\"registered\":%u,\"registers\":%llu,\"updates\":%"
		"llu,"
		"\"deregisters\":%llu,\"wrong_endpoint\":%llu,\"posts\":%llu,\"notes\":%llu,"
		"\"other\":%llu,"
		"\"malformed\":%llu,\"handshakes_failed\":%llu,\"pairs\":%llu,\"lost\":%llu,"
		"\"handshakes\":%llu,\"moves\":%llu,\"moves_failed\":%llu}\n",
		event, s->links, s->registered, (unsigned long long)c->registered,
		(unsigned long long)c->updated, (unsigned long long)c->deregistered,
		(unsigned long long)c->wrong_endpoint, (unsigned long long)c->posts,
		(unsigned long long)c->notes, (unsigned long long)c->other,
		(unsigned long long)c->malformed, (unsigned long long)c->failed,
		(unsigned long long)c->pairs, (unsigned long long)c->lost,
		(unsigned long long)dtls.handshakes_done[DTLS_SERVER],
		(unsigned long long)dtls.moves, (unsigned long long)dtls.moves_failed);
	(void)fflush(stdout);
}

static void step(struct host *h)
{
	struct sink *s = (struct sink *)(void *)h; /* its first member */
	sink_drive(s);
	if (h->now_ms < s->said_ms + SAY_MS)
		return;
	s->said_ms = h->now_ms;
	say(s, "progress");
}

/* False: the end. */
static bool obey(struct sink *s)
{
	char order[ORDER_MAX];
	while (orders_next(&s->host.orders, order)) {
		if (strcmp(order, "quit") == 0)
			return false;
		if (strcmp(order, "drive") == 0)
			s->driving = true;
		else if (strcmp(order, "rest") == 0)
			s->driving = false;
	}
	return true;
}

void sink_run(struct sink *s)
{
	char text[NET_TEXT_MAX];
	(void)printf("{\"event\":\"listening\",\"address\":\"%s\",\"port\":%u}\n",
		net_addr_text(&s->set->listen, text), s->set->listen.port);
	(void)fflush(stdout);
	s->said_ms = s->host.now_ms;
	s->driving = s->set->drive;
	bool going = true;
	while (going) {
		if (host_turn(&s->host, s->said_ms + SAY_MS, step))
			going = obey(s);
	}
	say(s, "summary");
}
