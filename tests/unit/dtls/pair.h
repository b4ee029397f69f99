/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/pair: two engines and a wire between them in one process, with a clock in a variable.
 *
 * Side 0 is an engine in server role, side 1 one in client role; "line" i is a path of its own on
 * both sides. A test decides the fate of each datagram; whatever an engine sends is noted for the
 * check that no number repeats (I1).
 *
 * Threads: one. Seeded: a run repeats.
 */
#ifndef LWG_TESTS_DTLS_PAIR_H
#define LWG_TESTS_DTLS_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rd.h"
#include "dtls/engine.h"
#include "dtls/state.h"

enum { SERVER = 0, CLIENT = 1, DGRAM_MAX = 17000, NOTES_MAX = 64 };

struct pair;
struct night;
struct roam;
struct shelf;
struct trust;

struct dgram {
	struct dgram *next;
	uint64_t due_ms;
	unsigned to; /* side */
	unsigned line;
	size_t len;
	uint8_t data[];
};

enum note_kind { UP, MESSAGE, DOWN, FAILED };

struct note {
	enum note_kind kind;
	unsigned line;
	int what; /* enum dtls_end, enum dtls_cause */
	uint8_t alert;
	uint32_t cred;
	size_t identity_len;
	uint8_t identity[160];
};

/* What happens to one datagram: how often it arrives and after how long. */
struct fate {
	unsigned copies;
	uint64_t delay_ms[2];
};

struct side {
	struct pair *p;
	unsigned id;
	struct dtls_engine *e;
	uint8_t room[DGRAM_MAX];
	struct net_path room_path;
	size_t room_cap;
	size_t sent; /* datagrams */
	size_t sent_bytes;
	struct note notes[NOTES_MAX];
	size_t note_count;
	size_t count[4];         /* of each kind of note */
	struct dtls_conn *conn;  /* the last that came up */
	uint8_t last[DGRAM_MAX]; /* message */
	size_t last_len;
	bool close_on_message;
	bool echo;
	bool close_on_down;
	bool no_room;
};

struct seen {
	uint64_t nonce;
	unsigned line;
	unsigned side;
	uint32_t generation;
};

struct pair {
	uint64_t now_ms;
	uint64_t rng;
	struct side side[2];
	struct dgram *wire;
	struct fate (*fate)(
		struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len);
	unsigned loss; /* per cent, for fate_loss */
	size_t number; /* of the datagram just sent, both sides */
	size_t victim; /* for tests that look for one */
	struct seen *seen;
	size_t seen_count, seen_cap;
	uint32_t generation;
	/* what the client claims, and what the server knows */
	uint8_t identity[300];
	size_t identity_len;
	uint8_t key[DTLS_PSK_MAX];
	size_t key_len;
	uint8_t client_key[DTLS_PSK_MAX];
	size_t asked;              /* times that psk() was called */
	uint8_t wire_log[1 << 16]; /* type, epoch, length of each record of the server */
	size_t wire_log_len;
	uint8_t caught[2048]; /* a datagram that a test's fate took off the wire */
	size_t caught_len;
	uint64_t sent_at[64]; /* when each of the first datagrams left */
	uint8_t keylog_client_random[32];
	size_t keylogs;
	uint64_t cred_generation; /* what psk() answers with */
	struct shelf *shelf;      /* of a test about sessions */
	struct night *night;      /* of a test about sleep */
	struct trust *trust;      /* of a test about keys and certificates */
	struct roam *roam;        /* of a test about connection ids */
};

static inline uint64_t pair_random(struct pair *p)
{
	p->rng ^= p->rng << 13;
	p->rng ^= p->rng >> 7;
	p->rng ^= p->rng << 17;
	return p->rng;
}

#ifndef LINE_FAMILY /* of all paths of a test */
#define LINE_FAMILY NET_IPV4
#endif

static inline struct net_path line_path(unsigned side, unsigned line)
{
	struct net_path path;
	memset(&path, 0, sizeof(path));
	path.peer.family = LINE_FAMILY;
	path.peer.port = 5684;
	path.peer.ip[0] = 10;
	if (side == SERVER) {
		path.peer.ip[1] = (uint8_t)(line >> 16);
		path.peer.ip[2] = (uint8_t)(line >> 8);
		path.peer.ip[3] = (uint8_t)line;
		return path;
	}
	path.peer.ip[3] = 1;
	path.sock = line;
	return path;
}

static inline unsigned line_of(unsigned side, const struct net_path *path)
{
	if (side == CLIENT)
		return path->sock;
	return (unsigned)path->peer.ip[1] << 16 | (unsigned)path->peer.ip[2] << 8 |
	       path->peer.ip[3];
}

/* --- the owner ------------------------------------------------------------------------------- */

static inline struct note *note(struct side *s, enum note_kind kind, unsigned line)
{
	s->count[kind]++;
	struct note *const n =
		&s->notes[s->note_count < NOTES_MAX ? s->note_count++ : NOTES_MAX - 1];
	*n = (struct note){ .kind = kind, .line = line };
	return n;
}

static inline bool own_psk(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	struct side *const s = ctx;
	struct pair *const p = s->p;
	p->asked++;
	if (len != p->identity_len || memcmp(identity, p->identity, len) != 0)
		return false;
	memcpy(out->key, p->key, p->key_len);
	out->len = p->key_len;
	out->cred = 7;
	out->generation = p->cred_generation;
	return true;
}

static inline uint8_t *own_room(void *ctx, const struct net_path *path, size_t cap)
{
	struct side *const s = ctx;
	assert_true(cap <= sizeof(s->room));
	s->room_path = *path;
	s->room_cap = cap;
	return s->no_room ? NULL : s->room;
}

/* The explicit part of the nonce; in epoch 0, where there is none, what it would be by R-125. */
static inline uint64_t nonce_of(const struct dtls_record *r)
{
	struct rd body = rd_from(r->body, r->len);
	return r->epoch > 0 ? rd_u64(&body) : r->seq;
}

static inline void remember(struct side *s, unsigned line, size_t len)
{
	struct pair *const p = s->p;
	uint8_t *at = s->room;
	size_t left = len;
	struct dtls_record r;
	if (len == DTLS_VERIFY_LEN && at[DTLS_RECORD_HEADER] == DTLS_HS_HELLO_VERIFY)
		return; /* has the number of what it answers, R-089 */
	while (dtls_record_next(&at, &left, &r)) {
		if (s->id == SERVER && p->wire_log_len + 3 <= sizeof(p->wire_log)) {
			p->wire_log[p->wire_log_len++] = r.type;
			p->wire_log[p->wire_log_len++] = (uint8_t)r.epoch;
			p->wire_log[p->wire_log_len++] = (uint8_t)r.len;
		}
		if (p->seen_count == p->seen_cap) {
			p->seen_cap = p->seen_cap ? p->seen_cap * 2 : 1024;
			p->seen = realloc(p->seen, p->seen_cap * sizeof(*p->seen));
			assert_non_null(p->seen);
		}
		p->seen[p->seen_count++] = (struct seen){ .nonce = nonce_of(&r),
			.line = line,
			.side = s->id,
			.generation = p->generation };
	}
	assert_int_equal(left, 0);
}

static inline int compare_seen(const void *a, const void *b)
{
	const struct seen *const x = a, *const y = b;
	if (x->side != y->side)
		return x->side < y->side ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	if (x->nonce != y->nonce)
		return x->nonce < y->nonce ? -1 : 1;
	return 0;
}

/* I1, R-119: no nonce of a key, and no number of epoch 0, went out twice on any line. */
static inline void assert_no_number_twice(struct pair *p)
{
	qsort(p->seen, p->seen_count, sizeof(*p->seen), compare_seen);
	for (size_t i = 1; i < p->seen_count; i++) {
		if (compare_seen(&p->seen[i - 1], &p->seen[i]) == 0)
			fail_msg("side %u line %u nonce %llx twice", p->seen[i].side,
				p->seen[i].line, (unsigned long long)p->seen[i].nonce);
	}
}

static inline void put_on_wire(
	struct pair *p, unsigned to, unsigned line, const uint8_t *d, size_t len, uint64_t due_ms)
{
	struct dgram *const g = malloc(sizeof(*g) + len);
	assert_non_null(g);
	*g = (struct dgram){ .due_ms = due_ms, .to = to, .line = line, .len = len };
	memcpy(g->data, d, len);
	struct dgram **at = &p->wire;
	while (*at && (*at)->due_ms <= due_ms)
		at = &(*at)->next;
	g->next = *at;
	*at = g;
}

static inline void own_sent(void *ctx, size_t len)
{
	struct side *const s = ctx;
	struct pair *const p = s->p;
	assert_true(len <= s->room_cap);
	if (len == 0)
		return;
	const unsigned line = line_of(s->id, &s->room_path);
	remember(s, p->roam ? 0 : line, len); /* one association on all lines */
	s->sent++;
	s->sent_bytes += len;
	if (p->number < COUNT_OF(p->sent_at))
		p->sent_at[p->number] = p->now_ms;
	p->number++;
	struct fate f = { .copies = 1 };
	if (p->fate)
		f = p->fate(p, s->id, line, s->room, len);
	for (unsigned i = 0; i < f.copies; i++)
		put_on_wire(p, 1 - s->id, line, s->room, len, p->now_ms + f.delay_ms[i]);
}

static inline void own_up(void *ctx, struct dtls_conn *c)
{
	struct side *const s = ctx;
	struct note *const n = note(s, UP, line_of(s->id, dtls_conn_path(c)));
	n->cred = dtls_conn_cred(c);
	s->conn = c;
}

static inline void own_message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct side *const s = ctx;
	note(s, MESSAGE, line_of(s->id, dtls_conn_path(c)));
	memcpy(s->last, msg, len);
	s->last_len = len;
	if (s->echo)
		assert_int_equal(dtls_send(s->e, c, msg, len), DTLS_OK);
	if (s->close_on_message)
		dtls_close(s->e, c);
}

static inline void own_down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct side *const s = ctx;
	note(s, DOWN, line_of(s->id, dtls_conn_path(c)))->what = (int)why;
	if (s->close_on_down)
		dtls_close(s->e, c);
	if (s->conn == c)
		s->conn = NULL;
}

static inline void own_failed(void *ctx, const struct dtls_failure *f)
{
	struct side *const s = ctx;
	struct note *const n = note(s, FAILED, line_of(s->id, f->path));
	n->what = (int)f->cause;
	n->alert = f->alert;
	n->cred = f->cred;
	n->identity_len = f->identity_len;
	if (f->identity)
		memcpy(n->identity, f->identity, f->identity_len);
}

static inline void own_random(void *ctx, uint8_t *out, size_t len)
{
	struct side *const s = ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(pair_random(s->p) >> 24);
}

static inline void own_keylog(void *ctx, const uint8_t client_random[32], const uint8_t master[48])
{
	struct side *const s = ctx;
	(void)master;
	s->p->keylogs++;
	memcpy(s->p->keylog_client_random, client_random, 32);
}

/* --- the pair -------------------------------------------------------------------------------- */

static inline struct dtls_owner pair_owner(struct side *s)
{
	return (struct dtls_owner){
		.ctx = s,
		.psk = own_psk,
		.room = own_room,
		.sent = own_sent,
		.up = own_up,
		.message = own_message,
		.down = own_down,
		.failed = own_failed,
		.random = own_random,
		.keylog = own_keylog,
	};
}

static inline struct pair *pair_new(uint64_t seed, const struct dtls_settings *set)
{
	struct pair *const p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->now_ms = 1000000;
	p->rng = seed * 0x9e3779b97f4a7c15U + 1;
	static const uint8_t name[] = { 'd', 'e', 'v', '1' };
	p->identity_len = sizeof(name);
	memcpy(p->identity, name, sizeof(name));
	p->key_len = 16;
	memset(p->key, 0x5c, p->key_len);
	memcpy(p->client_key, p->key, p->key_len);
	const struct dtls_settings standard = dtls_settings_default();
	for (unsigned i = 0; i < 2; i++) {
		struct side *const s = &p->side[i];
		s->p = p;
		s->id = i;
		const struct dtls_owner o = pair_owner(s);
		s->e = dtls_engine_new(set ? set : &standard, &o, p->now_ms);
		assert_non_null(s->e);
	}
	return p;
}

static inline void pair_free(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++)
		dtls_engine_free(p->side[i].e);
	while (p->wire) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		free(g);
	}
	free(p->seen);
	free(p);
}

static inline enum dtls_result pair_connect_as(
	struct pair *p, unsigned line, const void *identity, size_t len)
{
	const struct dtls_peer peer = {
		.path = line_path(CLIENT, line),
		.identity = identity,
		.identity_len = len,
		.key = p->client_key,
		.key_len = p->key_len,
		.cred = 9,
		.user = p,
	};
	return dtls_connect(p->side[CLIENT].e, &peer, p->now_ms);
}

static inline void pair_connect(struct pair *p, unsigned line)
{
	assert_int_equal(pair_connect_as(p, line, p->identity, p->identity_len), DTLS_OK);
}

static inline void pair_input(
	struct pair *p, unsigned to, unsigned line, const uint8_t *d, size_t len)
{
	/* A copy of the exact size, so that a sanitizer sees a read beyond it. */
	uint8_t *const copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, d, len);
	const struct net_path path = line_path(to, line);
	const struct dtls_datagram arrived = { .path = &path, .data = copy, .len = len };
	dtls_input(p->side[to].e, to == SERVER ? DTLS_SERVER : DTLS_CLIENT, &arrived, 1, p->now_ms);
	free(copy);
}

/* Delivers what is due now. */
static inline void pair_deliver(struct pair *p)
{
	while (p->wire && p->wire->due_ms <= p->now_ms) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		pair_input(p, g->to, g->line, g->data, g->len);
		free(g);
	}
}

/* Lets time pass until nothing more happens before until_ms. */
static inline void pair_run(struct pair *p, uint64_t until_ms)
{
	for (;;) {
		pair_deliver(p);
		uint64_t next = p->wire ? p->wire->due_ms : UINT64_MAX;
		for (unsigned i = 0; i < 2; i++) {
			const uint64_t due = dtls_next_ms(p->side[i].e);
			next = due < next ? due : next;
		}
		if (next > until_ms)
			break;
		p->now_ms = next > p->now_ms ? next : p->now_ms;
		for (unsigned i = 0; i < 2; i++)
			dtls_tick(p->side[i].e, p->now_ms);
	}
	p->now_ms = until_ms > p->now_ms ? until_ms : p->now_ms;
}

static inline void pair_say(struct pair *p, unsigned from, const char *text)
{
	struct side *const s = &p->side[from];
	assert_non_null(s->conn);
	assert_int_equal(dtls_send(s->e, s->conn, (const uint8_t *)text, strlen(text)), DTLS_OK);
}

static inline void assert_heard(const struct side *s, const char *text)
{
	assert_int_equal(s->last_len, strlen(text));
	assert_memory_equal(s->last, text, s->last_len);
}

/* Both ways. */
static inline void assert_talk(struct pair *p)
{
	p->side[SERVER].last_len = 0;
	p->side[CLIENT].last_len = 0;
	pair_say(p, CLIENT, "how warm is it");
	pair_deliver(p);
	assert_heard(&p->side[SERVER], "how warm is it");
	pair_say(p, SERVER, "warm");
	pair_deliver(p);
	assert_heard(&p->side[CLIENT], "warm");
}

/* A pair whose line 0 is up, and nothing is on the wire. */
static inline struct pair *pair_up(uint64_t seed, const struct dtls_settings *set)
{
	struct pair *const p = pair_new(seed, set);
	pair_connect(p, 0);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	assert_int_equal(p->side[CLIENT].count[UP], 1);
	return p;
}

#endif
