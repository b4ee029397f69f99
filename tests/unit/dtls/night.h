/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/night: a pair whose owners let associations leave memory, and keep of each what a
 * gateway's store keeps: its context, its leases, and in a slot its window. A side can crash.
 *
 * Each of the callbacks leaves a letter in the side's log: U up, A asleep, W woken, N not woken,
 * S seen, M message, R runs short, P unproven, T settled, D down.
 *
 * Threads: one. Seeded: a run repeats.
 */
#ifndef LWG_TESTS_DTLS_NIGHT_H
#define LWG_TESTS_DTLS_NIGHT_H

#include "pair.h"

enum { LINES = 4, LEASE = 256, READ_LEASE = 32, LOG_MAX = 64, CRED = 7, GENERATION = 77 };

struct bed {                    /* one association of one side */
	struct dtls_conn *conn; /* NULL: it sleeps */
	bool there;
	/* durable */
	size_t context_len;
	uint8_t context[DTLS_CONTEXT_MAX];
	uint64_t write_end, read_end;
	uint32_t leased_by; /* run */
	/* in the slot: outlives the process */
	uint64_t edge, seen;
	/* the process's */
	uint64_t next;
	uint64_t reach;      /* what the peer is known to have come to */
	bool wants, granted; /* a lease: asked for; durable, and not yet told to the engine */
};

struct sleeper_side {
	struct bed bed[LINES];
	uint32_t run;
	char log[LOG_MAX];
	size_t log_len;
	uint64_t unproven_number;
};

struct night {
	struct pair *p;
	struct dtls_settings set;
	struct sleeper_side side[2];
	/* What the owners do: */
	bool later;    /* leases wait for night_commit() and night_tell() */
	bool refuse;   /* woken says no */
	bool unproven; /* windows are not known */
	void (*on_woken)(struct night *n, struct side *s, struct dtls_conn *c);
	void (*on_unproven)(struct night *n, struct side *s, struct dtls_conn *c);
	void (*on_message)(
		struct night *n, struct side *s, unsigned line, const uint8_t *msg, size_t len);
	void *ctx; /* of those */
};

static inline struct night *night_of(struct side *s)
{
	return s->p->night;
}

static inline struct bed *bed_of(struct side *s, const struct net_path *path)
{
	const unsigned line = line_of(s->id, path);
	assert_true(line < LINES);
	return &night_of(s)->side[s->id].bed[line];
}

static inline void night_log(struct side *s, char what)
{
	struct sleeper_side *const t = &night_of(s)->side[s->id];
	if (t->log_len + 1 < sizeof(t->log))
		t->log[t->log_len++] = what;
	t->log[t->log_len] = 0;
}

static inline void night_hush(struct night *n)
{
	for (unsigned side = 0; side < 2; side++) {
		n->side[side].log_len = 0;
		n->side[side].log[0] = 0;
	}
}

/* What has happened on a side since the last call. */
static inline void assert_log(struct night *n, unsigned side, const char *want)
{
	struct sleeper_side *const t = &n->side[side];
	assert_string_equal(t->log, want);
	t->log_len = 0;
	t->log[0] = 0;
}

/* --- leases ---------------------------------------------------------------------------------- */

/* What a transaction does (S2, S3, S11): each run begins with a block of its own. */
static inline void night_commit(struct night *n, unsigned side, struct bed *b)
{
	const uint32_t run = n->side[side].run;
	if (!b->wants)
		return;
	b->wants = false;
	b->granted = true;
	if (b->leased_by != run)
		b->next = b->write_end;
	b->leased_by = run;
	b->write_end += LEASE;
	if (b->read_end < b->reach + READ_LEASE)
		b->read_end = b->reach + READ_LEASE;
}

static inline void night_tell(struct night *n, unsigned side, struct bed *b)
{
	if (b->granted && b->conn)
		dtls_allow(n->p->side[side].e, b->conn, b->next, b->write_end, b->read_end);
	b->granted = b->granted && !b->conn;
}

/* --- the owner ------------------------------------------------------------------------------- */

static inline void night_up(void *ctx, struct dtls_conn *c)
{
	struct side *const s = ctx;
	const struct night *const n = night_of(s);
	struct bed *const b = bed_of(s, dtls_conn_path(c));
	const struct dtls_numbers numbers = dtls_conn_numbers(c);
	own_up(s, c);
	night_log(s, 'U');
	*b = (struct bed){
		.conn = c,
		.there = true,
		.write_end = n->set.first_write_end,
		.read_end = n->set.first_read_end,
		.leased_by = n->side[s->id].run,
		.edge = numbers.edge,
		.seen = numbers.seen,
	};
	b->context_len = dtls_context_write(c, b->context);
}

static inline void night_message(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len)
{
	struct side *const s = ctx;
	struct night *const n = night_of(s);
	night_log(s, 'M');
	if (n->on_message) {
		s->count[MESSAGE]++;
		n->on_message(n, s, line_of(s->id, dtls_conn_path(c)), msg, len);
		return;
	}
	own_message(s, c, msg, len);
}

static inline void night_down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct side *const s = ctx;
	struct bed *const b = bed_of(s, dtls_conn_path(c));
	night_log(s, 'D');
	if (b->conn == c)
		*b = (struct bed){ .conn = NULL };
	own_down(s, c, why);
}

/* What it would be woken with now. */
static inline struct dtls_sleeper night_sleeper(
	struct night *n, unsigned side, struct bed *b, const struct net_path *path)
{
	const bool ours = b->leased_by == n->side[side].run;
	struct dtls_sleeper x = {
		.path = *path,
		.role = side == SERVER ? DTLS_SERVER : DTLS_CLIENT,
		.cred = CRED,
		.generation = GENERATION,
		.user = b,
		.token = b,
		.numbers = {
			.edge = b->edge,
			.seen = b->seen,
			.read_end = b->read_end,
			.next = ours ? b->next : b->write_end,
			.write_end = b->write_end,
		},
		.unproven = n->unproven,
		.context_len = b->context_len,
	};
	memcpy(x.context, b->context, b->context_len);
	return x;
}

static inline bool night_asleep(void *ctx, enum dtls_role role, const struct net_path *path,
	uint64_t seq, struct dtls_sleeper *out)
{
	struct side *const s = ctx;
	struct bed *const b = bed_of(s, path);
	(void)seq;
	assert_int_equal(role, s->id == SERVER ? DTLS_SERVER : DTLS_CLIENT);
	if (!b->there)
		return false;
	assert_null(b->conn); /* S8: never one that is awake */
	night_log(s, 'A');
	*out = night_sleeper(night_of(s), s->id, b, path);
	return true;
}

static inline bool night_woken(void *ctx, struct dtls_conn *c, const struct dtls_sleeper *x)
{
	struct side *const s = ctx;
	struct night *const n = night_of(s);
	struct bed *const b = x->token;
	night_log(s, 'W');
	assert_ptr_equal(b, bed_of(s, dtls_conn_path(c)));
	if (n->refuse)
		return false;
	b->conn = c;
	s->conn = c;
	b->granted = false; /* what it was woken with is what is durable */
	if (n->on_woken)
		n->on_woken(n, s, c);
	return true;
}

static inline void night_not_woken(void *ctx, const struct dtls_sleeper *x)
{
	struct side *const s = ctx;
	night_log(s, 'N');
	assert_ptr_equal(x->token, bed_of(s, &x->path));
}

static inline void night_seen(
	void *ctx, struct dtls_conn *c, uint64_t number, uint64_t edge, uint64_t seen)
{
	struct side *const s = ctx;
	struct bed *const b = bed_of(s, dtls_conn_path(c));
	const struct dtls_numbers have = dtls_conn_numbers(c);
	night_log(s, 'S');
	assert_true(edge == have.edge && seen == have.seen && number < edge);
	assert_true(seen >> (edge - 1 - number) & 1);
	b->edge = edge;
	b->seen = seen;
}

static inline void night_runs_short(void *ctx, struct dtls_conn *c)
{
	struct side *const s = ctx;
	struct night *const n = night_of(s);
	struct bed *const b = bed_of(s, dtls_conn_path(c));
	const struct dtls_numbers have = dtls_conn_numbers(c);
	night_log(s, 'R');
	b->wants = true;
	b->reach = have.refused > have.edge ? have.refused : have.edge;
	if (n->later)
		return;
	night_commit(n, s->id, b);
	night_tell(n, s->id, b);
}

static inline void night_unproven(
	void *ctx, struct dtls_conn *c, uint64_t number, uint8_t *msg, size_t len)
{
	struct side *const s = ctx;
	struct night *const n = night_of(s);
	night_log(s, 'P');
	n->side[s->id].unproven_number = number;
	memcpy(s->last, msg, len);
	s->last_len = len;
	if (n->on_unproven)
		n->on_unproven(n, s, c);
}

static inline void night_settled(void *ctx, struct dtls_conn *c)
{
	struct side *const s = ctx;
	struct bed *const b = bed_of(s, dtls_conn_path(c));
	night_log(s, 'T');
	b->context_len = dtls_context_write(c, b->context);
}

static inline struct dtls_owner night_owner(struct side *s)
{
	struct dtls_owner o = pair_owner(s);
	o.up = night_up;
	o.message = night_message;
	o.down = night_down;
	o.asleep = night_asleep;
	o.woken = night_woken;
	o.not_woken = night_not_woken;
	o.seen = night_seen;
	o.runs_short = night_runs_short;
	o.unproven = night_unproven;
	o.settled = night_settled;
	return o;
}

/* --- life ------------------------------------------------------------------------------------ */

static inline void night_start(struct night *n, unsigned side)
{
	struct side *const s = &n->p->side[side];
	const struct dtls_owner o = night_owner(s);
	s->e = dtls_engine_new(&n->set, &o, n->p->now_ms);
	assert_non_null(s->e);
	s->conn = NULL;
	n->side[side].run++;
}

/* kill -9, and a start: the slots and what was durable are left. */
static inline void night_crash(struct night *n, unsigned side)
{
	dtls_engine_free(n->p->side[side].e);
	for (unsigned line = 0; line < LINES; line++) {
		struct bed *const b = &n->side[side].bed[line];
		b->conn = NULL;
		b->next = 0;
		b->wants = false;
		b->granted = false;
	}
	night_start(n, side);
}

static inline struct night *night_new(uint64_t seed, uint64_t write_end, uint64_t read_end)
{
	struct night *const n = calloc(1, sizeof(*n));
	assert_non_null(n);
	n->set = dtls_settings_default();
	n->set.first_write_end = write_end;
	n->set.first_read_end = read_end;
	n->p = pair_new(seed, NULL);
	n->p->night = n;
	for (unsigned side = 0; side < 2; side++) {
		dtls_engine_free(n->p->side[side].e);
		night_start(n, side);
	}
	return n;
}

/* Line 0 is up, nothing is on the wire, and the logs are empty. */
static inline struct night *night_up_pair(uint64_t seed, uint64_t write_end, uint64_t read_end)
{
	struct night *const n = night_new(seed, write_end, read_end);
	pair_connect(n->p, 0);
	pair_deliver(n->p);
	for (unsigned side = 0; side < 2; side++)
		assert_log(n, side, "U");
	return n;
}

static inline void night_free(struct night *n)
{
	pair_free(n->p);
	free(n);
}

static inline void night_sleep(struct night *n, unsigned side, unsigned line)
{
	struct bed *const b = &n->side[side].bed[line];
	struct side *const s = &n->p->side[side];
	assert_non_null(b->conn);
	const uint64_t next = dtls_conn_numbers(b->conn).next;
	/* A lease that the engine has not been told of may begin higher. */
	b->next = next > b->next ? next : b->next;
	dtls_sleep(s->e, b->conn);
	if (s->conn == b->conn)
		s->conn = NULL;
	b->conn = NULL;
}

/* By the owner himself; NULL: the engine refuses. */
static inline struct dtls_conn *night_wake(struct night *n, unsigned side, unsigned line)
{
	struct bed *const b = &n->side[side].bed[line];
	struct side *const s = &n->p->side[side];
	const struct net_path path = line_path(side, line);
	const struct dtls_sleeper x = night_sleeper(n, side, b, &path);
	struct dtls_conn *const c = dtls_wake(s->e, &x, n->p->now_ms);
	if (c) {
		b->conn = c;
		s->conn = c;
		b->granted = false;
	}
	return c;
}

static inline size_t night_conns(const struct night *n, unsigned side)
{
	return dtls_stats(n->p->side[side].e).conns;
}

#endif
