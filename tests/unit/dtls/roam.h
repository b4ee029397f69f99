/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/roam: a pair with connection ids, whose client sits behind a NAT that can forget it:
 * the server sees it on line `at`, and only what is sent to that line reaches it. Whoever listens
 * keeps what the client has sent, and may send it again from where he likes.
 *
 * Threads: one. Seeded, but for what libssl draws and the keys.
 */
#ifndef LWG_TESTS_DTLS_ROAM_H
#define LWG_TESTS_DTLS_ROAM_H

#include "trust.h"

enum { HEARD_MAX = 32, STRANGE_LINE = 60000 };

struct roam {
	struct trust *t;
	struct pair *p;
	unsigned at;   /* the client's line, as the server sees it */
	unsigned home; /* where the client hears what is sent there: a socket of its own */
	unsigned loss; /* per cent, each way */
	struct heard {
		size_t len;
		bool lost;
		uint8_t d[600];
	} heard[HEARD_MAX]; /* a ring: what the client has sent */
	size_t heard_count;
	size_t astray;      /* datagrams of the server to where the client is not */
	size_t bytes_to[4]; /* of the server, to lines 0 to 3 */
	/* The server's owner: */
	enum dtls_moving how;
	size_t moving, moved, unmoved, adrift;
	size_t strange;           /* of moving: to where only others are */
	struct net_path to, from; /* of the last of them */
	struct dtls_conn *up;     /* the server's */
	bool taken_once;          /* cid_taken says yes once */
	size_t asked_taken;
	unsigned hops; /* for tests whose client changes its line by itself */
	bool mute;     /* nothing of the server reaches the client */
};

static inline struct roam *roam_of(void *ctx)
{
	const struct side *const s = ctx;
	return s->p->roam;
}

static inline struct fate fate_roam(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	struct roam *const r = p->roam;
	const bool lost = pair_random(p) % 100 < r->loss;
	if (from == CLIENT) {
		struct heard *const h = &r->heard[r->heard_count++ % HEARD_MAX];
		h->len = len < sizeof(h->d) ? len : 0;
		h->lost = lost;
		memcpy(h->d, d, h->len);
		if (!lost)
			put_on_wire(p, SERVER, r->at, d, len, p->now_ms);
		return (struct fate){ .copies = 0 };
	}
	if (line < COUNT_OF(r->bytes_to))
		r->bytes_to[line] += len;
	r->astray += line != r->at;
	if (line == r->at && !lost && !r->mute)
		put_on_wire(p, CLIENT, r->home, d, len, p->now_ms);
	return (struct fate){ .copies = 0 };
}

static inline enum dtls_moving roam_moving(
	void *ctx, struct dtls_conn *c, const struct net_path *to)
{
	struct roam *const r = roam_of(ctx);
	assert_true(net_path_same(dtls_conn_candidate(c), to));
	r->moving++;
	r->strange += line_of(SERVER, to) >= STRANGE_LINE;
	r->to = *to;
	return r->how;
}

static inline void roam_moved(void *ctx, struct dtls_conn *c, const struct net_path *from)
{
	struct roam *const r = roam_of(ctx);
	assert_non_null(dtls_conn_path(c));
	r->moved++;
	r->from = *from;
}

static inline void roam_unmoved(void *ctx, struct dtls_conn *c)
{
	struct roam *const r = roam_of(ctx);
	assert_null(dtls_conn_candidate(c));
	r->unmoved++;
}

static inline void roam_adrift(void *ctx, struct dtls_conn *c)
{
	struct roam *const r = roam_of(ctx);
	assert_true(dtls_conn_is_adrift(c));
	r->adrift++;
}

static inline bool roam_taken(void *ctx, const uint8_t *cid, size_t len)
{
	struct roam *const r = roam_of(ctx);
	const bool yes = r->taken_once;
	assert_int_equal(dtls_cid_len(cid[0]), len);
	r->taken_once = false;
	r->asked_taken++;
	return yes;
}

/* Both sides give and send CIDs; nobody has moved. */
static inline struct roam *roam_with(
	uint64_t seed, enum kind kind, uint16_t suite, const struct dtls_settings *set)
{
	struct roam *const r = calloc(1, sizeof(*r));
	assert_non_null(r);
	r->t = trust_with(seed, kind, suite, set);
	r->p = r->t->p;
	r->p->roam = r;
	r->p->fate = fate_roam;
	r->how = DTLS_MOVE_CHECK;
	for (unsigned i = 0; i < 2; i++) {
		r->t->set[i].cid = DTLS_CID_BOTH;
		r->t->set[i].routability = true;
	}
	struct dtls_owner *const o = &r->p->side[SERVER].e->owner;
	o->moving = roam_moving;
	o->moved = roam_moved;
	o->unmoved = roam_unmoved;
	o->adrift = roam_adrift;
	o->cid_taken = roam_taken;
	return r;
}

static inline struct roam *roam_new(uint64_t seed)
{
	return roam_with(seed, KIND_PSK, 0xc0a8, NULL);
}

static inline void roam_free(struct roam *r)
{
	trust_free(r->t);
	free(r);
}

/* Up, on a clean wire. */
static inline struct roam *roam_up(uint64_t seed)
{
	struct roam *const r = roam_new(seed);
	trust_meet(r->t);
	r->up = r->p->side[SERVER].conn;
	return r;
}

/* The server is done, and its last flight is lost. */
static inline void roam_half_met(struct roam *r)
{
	struct pair *const p = r->p;
	trust_connect(r->t, 0);
	while (p->wire) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		if (p->side[SERVER].count[UP] == 0)
			pair_input(p, g->to, g->line, g->data, g->len);
		free(g);
	}
	r->up = p->side[SERVER].conn;
}

static inline void roam_say(struct roam *r, const char *text)
{
	r->p->side[SERVER].last_len = 0;
	pair_say(r->p, CLIENT, text);
	pair_deliver(r->p);
	assert_heard(&r->p->side[SERVER], text);
}

/* The server's answer, wherever it goes. */
static inline bool roam_is_reached(struct roam *r)
{
	struct side *const c = &r->p->side[CLIENT];
	c->last_len = 0;
	pair_say(r->p, SERVER, "warm");
	pair_deliver(r->p);
	return c->last_len == 4 && memcmp(c->last, "warm", 4) == 0;
}

/* Something that the client sent, `back` datagrams ago, from another place; also what was lost. */
static inline void roam_forward(struct roam *r, size_t back, unsigned line)
{
	const size_t kept = r->heard_count < HEARD_MAX ? r->heard_count : HEARD_MAX;
	const struct heard *const h = &r->heard[(r->heard_count - 1 - back % kept) % HEARD_MAX];
	if (h->len > 0)
		pair_input(r->p, SERVER, line, h->d, h->len);
}

/* The same, of what has arrived. */
static inline void roam_replay(struct roam *r, size_t back, unsigned line)
{
	const size_t kept = r->heard_count < HEARD_MAX ? r->heard_count : HEARD_MAX;
	if (!r->heard[(r->heard_count - 1 - back % kept) % HEARD_MAX].lost)
		roam_forward(r, back, line);
}

static inline unsigned roam_server_line(const struct roam *r)
{
	return line_of(SERVER, dtls_conn_path(r->p->side[SERVER].conn));
}

static inline struct dtls_stats roam_stats(const struct roam *r, unsigned side)
{
	return dtls_stats(r->p->side[side].e);
}

#endif
