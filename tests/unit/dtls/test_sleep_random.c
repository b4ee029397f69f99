/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleep, waking, crashes, power loss, leases that come late, losses and replays in any order: no
 * (key, nonce) leaves twice (I1), no record is delivered twice (I2), and what is delivered is what
 * was sent.
 */
#include "night.h"

enum {
	STEPS = 4000,
	SAYS_MAX = STEPS + 20000,
	KEPT = 256,
	SEEDS = 12,
	SAYING = 9,
	BEDS = 2 * LINES,
};

struct said { /* message number i */
	uint8_t from, line;
	bool heard;
};

struct taped {
	unsigned to, line;
	size_t len;
	uint8_t d[96];
};

struct world {
	struct night *n;
	struct pair *p;
	struct said said[SAYS_MAX];
	uint32_t says, heard;
	struct taped tape[KEPT]; /* what an attacker has heard */
	size_t taped;
	uint32_t crashes, sleeps, wakes, starved;
	bool power; /* may be lost: windows are then not known, only their ceilings (S11) */
};

static size_t below(struct world *w, size_t n)
{
	return (size_t)(pair_random(w->p) >> 16) % n;
}

static bool one_in(struct world *w, size_t n)
{
	return below(w, n) == 0;
}

static void record_message(const struct world *w, uint32_t id, uint8_t out[SAYING])
{
	memset(out, (int)(id * 7), SAYING);
	memcpy(out, &id, sizeof(id));
	out[4] = w->said[id].from;
	out[5] = w->said[id].line;
}

static void hear(struct night *n, struct side *s, unsigned line, const uint8_t *msg, size_t len)
{
	struct world *const w = n->ctx;
	uint8_t want[SAYING];
	uint32_t id = 0;
	assert_int_equal(len, SAYING);
	memcpy(&id, msg, sizeof(id));
	assert_true(id < w->says);
	record_message(w, id, want);
	assert_memory_equal(msg, want, SAYING);
	assert_int_equal(w->said[id].from, 1 - s->id);
	assert_int_equal(w->said[id].line, line);
	if (w->said[id].heard)
		fail_msg("message %u twice", id); /* I2 */
	w->said[id].heard = true;
	w->heard++;
}

static struct fate rough(struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	struct world *const w = p->night->ctx;
	struct taped *const t = &w->tape[w->taped++ < KEPT ? w->taped - 1 : below(w, KEPT)];
	*t = (struct taped){ .to = 1 - from, .line = line, .len = len };
	assert_true(len <= sizeof(t->d));
	memcpy(t->d, d, len);
	struct fate f = { .copies = 1, .delay_ms = { below(w, 30), below(w, 500) } };
	if (one_in(w, 5))
		f.copies = 0;
	else if (one_in(w, 10))
		f.copies = 2;
	return f;
}

static bool say(struct world *w, unsigned side, unsigned line)
{
	const struct bed *const b = &w->n->side[side].bed[line];
	uint8_t msg[SAYING];
	if (!b->conn && !night_wake(w->n, side, line))
		fail_msg("it does not come back");
	assert_true(w->says < SAYS_MAX);
	const uint32_t id = w->says++;
	w->said[id] = (struct said){ .from = (uint8_t)side, .line = (uint8_t)line };
	record_message(w, id, msg);
	const enum dtls_result r = dtls_send(w->p->side[side].e, b->conn, msg, sizeof(msg));
	w->starved += r == DTLS_STARVED;
	assert_true(r == DTLS_OK || r == DTLS_STARVED);
	return r == DTLS_OK;
}

static void fall(struct world *w, unsigned side)
{
	w->wakes += (uint32_t)dtls_stats(w->p->side[side].e).woken;
	night_crash(w->n, side);
	w->crashes++;
	for (unsigned line = 0; w->power && line < LINES; line++) {
		struct bed *const b = &w->n->side[side].bed[line];
		b->edge = b->read_end;
		b->seen = UINT64_MAX;
	}
}

static void attack(struct world *w)
{
	if (w->taped == 0)
		return;
	struct taped t = w->tape[below(w, w->taped < KEPT ? w->taped : KEPT)];
	if (one_in(w, 3))
		t.d[below(w, t.len)] ^= (uint8_t)(1U << below(w, 8));
	pair_input(w->p, t.to, t.line, t.d, t.len);
}

/* The store commits, or tells what it has committed. */
static void lease(struct world *w, bool tell)
{
	for (size_t i = below(w, BEDS), tried = 0; tried < BEDS; i++, tried++) {
		const unsigned side = i & 1;
		struct bed *const b = &w->n->side[side].bed[i / 2 % LINES];
		if (!tell && b->wants) {
			night_commit(w->n, side, b);
			return;
		}
		if (tell && b->granted) {
			night_tell(w->n, side, b);
			return;
		}
	}
}

static void step(struct world *w)
{
	const unsigned side = (unsigned)below(w, 2), line = (unsigned)below(w, LINES);
	struct bed *const b = &w->n->side[side].bed[line];
	const size_t what = below(w, 200);
	if (what < 90) {
		(void)say(w, side, line);
	} else if (what < 120 && b->conn) {
		night_sleep(w->n, side, line);
		w->sleeps++;
	} else if (what < 150) {
		lease(w, what < 135);
	} else if (what < 170) {
		attack(w);
	} else if (what < 171) {
		fall(w, side);
	} else {
		pair_run(w->p, w->p->now_ms + below(w, 40));
	}
}

/* Who was not heard for a while, is. */
static void assert_alive(struct world *w, unsigned side, unsigned line)
{
	const uint32_t before = w->heard;
	for (int i = 0; i < 1000 && w->heard == before; i++) {
		assert_true(say(w, side, line));
		pair_deliver(w->p);
	}
	assert_true(w->heard > before);
	assert_true(say(w, side, line));
	pair_deliver(w->p);
	assert_true(w->said[w->says - 1].heard);
}

/* Once the world is kind again, all is as if nothing had been. */
static void make_peace(struct world *w)
{
	w->n->later = false;
	pair_run(w->p, w->p->now_ms + 1000);
	w->p->fate = NULL;
	for (unsigned side = 0; side < 2; side++) {
		for (unsigned line = 0; line < LINES; line++) {
			struct bed *const b = &w->n->side[side].bed[line];
			night_commit(w->n, side, b);
			night_tell(w->n, side, b);
		}
	}
	for (unsigned side = 0; side < 2; side++) {
		for (unsigned line = 0; line < LINES; line++)
			assert_alive(w, side, line);
	}
}

static void live(uint64_t seed, uint64_t first_read_end, bool power)
{
	struct world *const w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->n = night_new(seed, LEASE, first_read_end);
	w->p = w->n->p;
	w->power = power;
	w->n->ctx = w;
	for (unsigned line = 0; line < LINES; line++)
		pair_connect(w->p, line);
	pair_deliver(w->p);
	assert_int_equal(night_conns(w->n, SERVER) + night_conns(w->n, CLIENT), 2 * LINES);
	w->n->on_message = hear;
	w->n->later = true;
	w->p->fate = rough;
	for (int i = 0; i < STEPS; i++)
		step(w);
	make_peace(w);
	assert_no_number_twice(w->p);
	for (unsigned side = 0; side < 2; side++)
		assert_int_equal(w->p->side[side].count[DOWN], 0);
	/* It was a life. */
	assert_true(w->crashes > 5 && w->sleeps > 50 && w->wakes > 50 && w->starved > 0);
	if (seed <= 3)
		print_message("# says %u heard %u starved %u crashes %u sleeps %u wakes %u\n",
			w->says, w->heard, w->starved, w->crashes, w->sleeps, w->wakes);
	assert_true(w->heard > w->says / (power ? 10 : 3));
	night_free(w->n);
	free(w);
}

static void test_I1_I2_whatever_sleeps_wakes_and_crashes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		live(seed, UINT64_MAX, false);
}

static void test_I1_I2_S11_whatever_loses_power_under_read_ceilings(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		live(seed, READ_LEASE, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_I1_I2_whatever_sleeps_wakes_and_crashes),
		cmocka_unit_test(test_I1_I2_S11_whatever_loses_power_under_read_ceilings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
