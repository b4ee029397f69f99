/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever comes is accounted for, once (see dtls/stats): thousands of datagrams, most of them not
 * as their sender made them, at an engine with classic peers and peers with connection ids, that
 * shake hands, sleep, move and end meanwhile.
 */
#include "roam.h"
#include "trace.h"

enum { DEVICES = 6, STEPS = 20000, KEPT = 64, D_MAX = 1400 };

struct crowd {
	struct roam *r;
	struct pair *p;
	struct dtls_conn *up[DEVICES]; /* the clients' */
	struct taken {
		size_t len;
		unsigned to, line;
		uint8_t d[D_MAX];
	} kept[KEPT];
	size_t kept_count;
	struct dtls_sleeper bed[DEVICES];
	uint8_t cid[DEVICES][DTLS_CID_OURS_MAX];
	size_t cid_len[DEVICES];
	bool asleep[DEVICES];
	bool silent; /* no room */
};

static struct crowd *now; /* the owners' */

static unsigned draw(unsigned below)
{
	return (unsigned)(pair_random(now->p) >> 20) % below;
}

/* --- the check -------------------------------------------------------------------------------- */

static void input(unsigned to, unsigned line, const uint8_t *d, size_t len)
{
	struct dtls_engine *const e = now->p->side[to].e;
	const struct dtls_stats before = dtls_stats(e);
	const size_t messages = now->p->side[to].count[MESSAGE];
	const struct trace was = trace_of(&now->p->side[to]);
	pair_input(now->p, to, line, d, len);
	const struct dtls_stats after = dtls_stats(e);
	const struct trace is = trace_of(&now->p->side[to]);
	const uint64_t taken = after.taken - before.taken;
	/* Only a ChangeCipherSpec says what the next record says, too. */
	const bool alone = units_of(d, len) == 1 && len > 0 && d[0] != DTLS_CCS;
	if (taken > 0 && alone && !now->silent)
		assert_false(trace_is_same(&was, &is));
	assert_int_equal(after.heard - before.heard, units_of(d, len));
	assert_int_equal(after.heard, after.taken + dtls_dropped(&after));
	assert_true(now->p->side[to].count[MESSAGE] - messages <= taken);
}

/* --- a fleet ---------------------------------------------------------------------------------- */

/* Whatever it is: who was told a spoilt connection id writes with that. */
static void own_any_sent(void *ctx, size_t len)
{
	const struct side *const s = ctx;
	struct taken *const t = &now->kept[now->kept_count++ % KEPT];
	const unsigned line = line_of(s->id, &s->room_path);
	*t = (struct taken){ .len = len < D_MAX ? len : 0, .to = 1 - s->id, .line = line };
	memcpy(t->d, s->room, t->len);
	now->p->side[s->id].sent_bytes += len;
	if (len > 0)
		put_on_wire(now->p, 1 - s->id, line, s->room, len, now->p->now_ms);
}

static void own_client_up(void *ctx, struct dtls_conn *c)
{
	own_up(ctx, c);
	now->up[dtls_conn_path(c)->sock % DEVICES] = c;
}

static void own_client_down(void *ctx, struct dtls_conn *c, enum dtls_end why)
{
	struct side *const s = ctx;
	(void)why;
	for (unsigned i = 0; i < DEVICES; i++)
		now->up[i] = now->up[i] == c ? NULL : now->up[i];
	s->conn = s->conn == c ? NULL : s->conn;
}

static uint8_t *own_some_room(void *ctx, const struct net_path *path, size_t cap)
{
	return now->silent ? NULL : own_room(ctx, path, cap);
}

static struct dtls_sleeper sleeper_of(const struct dtls_conn *c)
{
	struct dtls_sleeper s = {
		.path = *dtls_conn_path(c),
		.role = DTLS_SERVER,
		.cred = dtls_conn_cred(c),
		.numbers = dtls_conn_numbers(c),
		.adrift = dtls_conn_is_adrift(c),
		.unproven = c->unproven,
	};
	if (dtls_conn_candidate(c))
		s.candidate = *dtls_conn_candidate(c);
	s.context_len = dtls_context_write(c, s.context);
	return s;
}

static struct dtls_conn *any_conn(void)
{
	struct dtls_table *const t = &now->p->side[SERVER].e->conns;
	size_t nth = t->count > 0 ? draw((unsigned)t->count) : 0;
	for (size_t i = 0; i <= t->mask; i++) {
		for (struct dtls_node *n = t->buckets[i].first; n; n = n->next) {
			if (nth-- == 0)
				return CONTAINER_OF(n, struct dtls_conn, node);
		}
	}
	return NULL;
}

static void put_to_bed(void)
{
	struct dtls_conn *const c = any_conn();
	const unsigned i = draw(DEVICES);
	if (!c || now->asleep[i])
		return;
	now->bed[i] = sleeper_of(c);
	now->bed[i].unproven = now->bed[i].unproven || draw(4) == 0;
	now->bed[i].context_len -= draw(16) == 0; /* spoilt */
	const uint8_t *const cid = dtls_conn_cid(c, &now->cid_len[i]);
	memcpy(now->cid[i], cid ? cid : now->cid[i], now->cid_len[i]);
	now->asleep[i] = true;
	dtls_sleep(now->p->side[SERVER].e, c);
}

static bool wake(unsigned i, struct dtls_sleeper *out)
{
	*out = now->bed[i];
	out->token = &now->asleep[i];
	return true;
}

static bool own_asleep(void *ctx, enum dtls_role role, const struct net_path *path, uint64_t seq,
	struct dtls_sleeper *out)
{
	(void)ctx;
	(void)role;
	(void)seq;
	for (unsigned i = 0; i < DEVICES; i++) {
		if (now->asleep[i] && net_path_same(path, &now->bed[i].path))
			return wake(i, out);
	}
	return false;
}

static bool own_asleep_by_cid(
	void *ctx, enum dtls_role role, const struct dtls_knock *k, struct dtls_sleeper *out)
{
	(void)ctx;
	(void)role;
	for (unsigned i = 0; i < DEVICES; i++) {
		if (now->asleep[i] && k->cid_len == now->cid_len[i] &&
			memcmp(k->cid, now->cid[i], k->cid_len) == 0)
			return wake(i, out);
	}
	return false;
}

static bool own_woken(void *ctx, struct dtls_conn *c, const struct dtls_sleeper *s)
{
	struct side *const side = ctx;
	*(bool *)s->token = false;
	if (draw(16) == 0)
		dtls_close(side->e, c);
	return draw(8) > 0;
}

static void own_not_woken(void *ctx, const struct dtls_sleeper *s)
{
	(void)ctx;
	if (draw(8) == 0) /* given up */
		*(bool *)s->token = false;
}

static void own_runs_short(void *ctx, struct dtls_conn *c)
{
	struct side *const s = ctx;
	if (draw(2) == 0)
		dtls_allow(s->e, c, 0, UINT64_MAX, dtls_conn_numbers(c).refused + 32);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the engine's type */
static void own_unproven(void *ctx, struct dtls_conn *c, uint64_t number, uint8_t *msg, size_t len)
{
	struct side *const s = ctx;
	(void)msg;
	(void)len;
	if (draw(4) == 0)
		dtls_prove(s->e, c, number);
}

static enum dtls_moving own_moving(void *ctx, struct dtls_conn *c, const struct net_path *to)
{
	(void)ctx;
	(void)c;
	(void)to;
	return (enum dtls_moving)draw(DTLS_MOVE_TRUST + 1);
}

static bool own_lost(
	void *ctx, enum dtls_role role, const struct net_path *path, const uint8_t *cid, size_t len)
{
	(void)ctx;
	(void)role;
	(void)path;
	(void)cid;
	(void)len;
	return draw(2) == 0;
}

/* Each device is another; odd ones have connection ids. */
static bool own_many(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out)
{
	const bool known = own_psk(ctx, identity, len, out);
	out->cred = draw(DEVICES);
	return known;
}

static struct dtls_profile *profile_for(unsigned device)
{
	struct trust *const t = now->r->t;
	dtls_profile_unref(t->profile[CLIENT]);
	t->profile[CLIENT] = NULL;
	t->set[CLIENT].cid = device & 1 ? DTLS_CID_BOTH : DTLS_CID_NEVER;
	t->set[CLIENT].routability = (device & 3) == 3;
	return trust_profile(t, CLIENT);
}

static void connect(unsigned i)
{
	struct pair *const p = now->p;
	struct dtls_engine *const e = p->side[CLIENT].e;
	const struct net_path path = line_path(CLIENT, i);
	if (now->up[i])
		dtls_close(e, now->up[i]);
	now->up[i] = NULL;
	dtls_connect_cancel(e, &path);
	(void)profile_for(i);
	if (i == 0 || draw(8) == 0) /* one never learns it */
		p->client_key[0] ^= 1;
	trust_connect(now->r->t, i);
	p->client_key[0] = p->key[0];
}

static struct crowd *crowd_new(uint64_t seed, uint16_t suite)
{
	struct dtls_settings set = dtls_settings_default();
	set.forged_max = 200;
	set.first_read_end = 8;
	struct crowd *const c = calloc(1, sizeof(*c));
	assert_non_null(c);
	now = c;
	c->r = roam_with(seed, KIND_PSK, suite, &set);
	c->p = c->r->p;
	c->p->side[SERVER].e->set.handshakes_max = 3;
	struct dtls_owner *const server = &c->p->side[SERVER].e->owner;
	struct dtls_owner *const client = &c->p->side[CLIENT].e->owner;
	server->psk = own_many;
	server->room = own_some_room;
	server->asleep = own_asleep;
	server->asleep_by_cid = own_asleep_by_cid;
	server->woken = own_woken;
	server->not_woken = own_not_woken;
	server->runs_short = own_runs_short;
	server->unproven = own_unproven;
	server->moving = own_moving;
	server->moved = NULL;
	server->unmoved = NULL;
	server->adrift = NULL;
	server->cid_taken = NULL;
	server->lost = own_lost;
	server->sent = own_any_sent;
	client->sent = own_any_sent;
	client->up = own_client_up;
	client->down = own_client_down;
	client->runs_short = own_runs_short;
	return c;
}

static void crowd_free(struct crowd *c)
{
	roam_free(c->r);
	free(c);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void at_random(void)
{
	uint8_t d[96];
	const size_t len = draw(sizeof(d));
	for (size_t i = 0; i < len; i++)
		d[i] = (uint8_t)draw(256);
	if (len > 3 && draw(4) > 0) { /* a header that looks good */
		static const uint8_t types[] = { 20, 21, 22, 23, 25, 27 };
		d[0] = types[draw(COUNT_OF(types))];
		d[1] = 0xfe;
		d[2] = 0xfd;
	}
	input(draw(2), draw(DEVICES + 2), d, len);
}

static void spoil(uint8_t *d, size_t *len)
{
	for (unsigned n = draw(3); n > 0 && *len > 0; n--)
		d[draw((unsigned)*len)] ^= (uint8_t)(1 << draw(8));
	if (draw(6) == 0)
		*len = draw((unsigned)*len + 1);
}

/* One of its records alone. */
static void part(uint8_t *d, size_t *len)
{
	uint8_t *at = d;
	size_t left = *len;
	struct dtls_record r;
	unsigned nth = draw(4);
	bool good = dtls_record_next(&at, &left, &r);
	for (bool more = good; more && nth > 0; nth--)
		more = dtls_record_next(&at, &left, &r);
	if (!good)
		return;
	*len = dtls_record_whole(&r);
	memmove(d, dtls_record_start(&r), *len);
}

/* What somebody has sent, again: as it was, spoilt, from elsewhere, or two in one datagram. */
static void again(void)
{
	static uint8_t d[2 * D_MAX];
	const size_t most = now->kept_count < KEPT ? now->kept_count : KEPT;
	const struct taken *const t = &now->kept[most > 0 ? draw((unsigned)most) : 0];
	const struct taken *const u = &now->kept[most > 0 ? draw((unsigned)most) : 0];
	size_t len = t->len;
	memcpy(d, t->d, len);
	if (draw(3) == 0)
		part(d, &len);
	if (draw(3) == 0)
		spoil(d, &len);
	if (draw(4) == 0) {
		memcpy(d + len, u->d, u->len);
		len += u->len;
	}
	input(t->to, draw(3) ? t->line : draw(DEVICES + 2), d, len);
}

/* A record of a device with any type and anything in it. */
static void sealed(void)
{
	static const uint8_t types[] = { 20, 21, 22, 23, 23, 23, 23, 23, 23, 24, 27 };
	const unsigned i = draw(DEVICES);
	struct dtls_conn *const c = now->up[i];
	uint8_t body[64];
	const size_t len = draw(4) ? 9 : draw(sizeof(body));
	if (!c)
		return;
	for (size_t k = 0; k < len; k++)
		body[k] = (uint8_t)draw(draw(2) ? 4 : 256);
	const struct dtls_text text = {
		.type = types[draw(COUNT_OF(types))],
		.bytes = body,
		.len = len,
	};
	(void)dtls_conn_write(now->p->side[CLIENT].e, c, dtls_conn_path(c), &text);
}

static void forge(void)
{
	const struct dtls_conn *const c = now->up[draw(DEVICES)];
	uint8_t d[DTLS_RECORD_HEADER + DTLS_CID_OURS_MAX + 40];
	if (!c)
		return;
	for (unsigned n = draw(100); n > 0; n--) {
		const struct dtls_number number = {
			.type = draw(2) ? DTLS_DATA : DTLS_ALERT,
			.epoch = 1,
			.seq = c->assoc.wseq + draw(4),
			.cid = c->assoc.cid_out,
			.cid_len = c->assoc.cid_out_len,
		};
		const size_t body = 20 + draw(20), head = DTLS_RECORD_HEADER + number.cid_len;
		dtls_record_header(d, DTLS_VERSION_1_2, &number, body);
		for (size_t i = 0; i < body; i++)
			d[head + i] = (uint8_t)draw(256);
		input(SERVER, dtls_conn_path(c)->sock, d, head + body);
	}
}

static void deliver(unsigned n)
{
	struct pair *const p = now->p;
	while (p->wire && n-- > 0) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		if (draw(8) > 0)
			input(g->to, draw(16) ? g->line : draw(DEVICES), g->data, g->len);
		free(g);
	}
}

static void step(void)
{
	struct pair *const p = now->p;
	now->silent = draw(50) == 0;
	switch (draw(14)) {
	case 0:
		at_random();
		break;
	case 1:
	case 2:
	case 3:
		again();
		break;
	case 4:
	case 5:
		sealed();
		break;
	case 6:
		if (draw(4) == 0)
			connect(draw(2) ? 0 : draw(DEVICES));
		break;
	case 7:
		p->now_ms += draw(8) ? 10 : draw(12000);
		dtls_tick(p->side[SERVER].e, p->now_ms);
		dtls_tick(p->side[CLIENT].e, p->now_ms);
		break;
	case 8:
		if (draw(4) == 0)
			put_to_bed();
		break;
	case 9:
		if (draw(32) == 0)
			forge();
		break;
	default:
		deliver(1 + draw(8));
	}
}

/* Each reason has been met, or the test shows less than it says. */
static void assert_all_met(const struct dtls_stats *s)
{
	assert_true(s->taken > 0 && s->junk > 0 && s->replayed > 0 && s->forged > 0);
	assert_true(s->untried > 0 && s->early > 0 && s->late > 0 && s->beyond > 0);
	assert_true(s->unproven > 0 && s->unwoken > 0 && s->unknown_cid > 0 && s->stray > 0);
	assert_true(s->refused_full > 0 && s->deferred > 0 && s->unanswered > 0);
	assert_true(s->moves > 0 && s->told_lost > 0 && s->resumed == 0 && s->woken > 0);
	assert_true(s->handshakes_done[DTLS_SERVER] > 0 && s->handshakes_failed[DTLS_SERVER] > 0);
}

static void add(struct dtls_stats *sum, const struct dtls_stats *s)
{
	uint64_t *const to = &sum->handshakes_done[0];
	const uint64_t *const from = &s->handshakes_done[0];
	for (size_t i = 0; i < offsetof(struct dtls_stats, conns) / sizeof(*to); i++)
		to[i] += from[i];
}

static void test_R123_what_comes_is_counted_once(void **state)
{
	(void)state;
	static const uint16_t of[] = { 0xc0a8, 0x00ae, 0xc0a8 };
	struct dtls_stats sum = { .heard = 0 };
	for (unsigned i = 0; i < COUNT_OF(of); i++) {
		struct crowd *const c = crowd_new(i + 1, of[i]);
		for (unsigned k = 0; k < 100; k++) { /* one makes itself suspect */
			connect(0);
			deliver(20);
		}
		for (unsigned k = 0; k < STEPS; k++)
			step();
		const struct dtls_stats s = dtls_stats(c->p->side[SERVER].e);
		print_message("# heard %llu, taken %llu\n", (unsigned long long)s.heard,
			(unsigned long long)s.taken);
		add(&sum, &s);
		crowd_free(c);
	}
	assert_all_met(&sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R123_what_comes_is_counted_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
