/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Area I for every suite, with each kind of proof, in both roles: what is not a good record of the
 * association changes nothing and is answered with nothing.
 */
#include "trust.h"

static void take_off(struct pair *p)
{
	while (p->wire) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		free(g);
	}
}

/* The next record of one side with this text, not yet on its way. */
static size_t record_of(struct side *s, const void *text, size_t len, uint8_t out[256])
{
	struct dtls_assoc *const a = &s->conn->assoc;
	memcpy(out + DTLS_RECORD_HEADER + dtls_guard_before(dtls_assoc_guard(a)), text, len);
	const size_t whole = dtls_assoc_seal(a, &s->e->sealer, DTLS_DATA, out, len);
	assert_in_range(whole, DTLS_RECORD_HEADER + 1, 256);
	return whole;
}

struct quiet { /* one side, before something is thrown at it */
	size_t sent, messages, downs;
};

static struct quiet before(const struct side *s)
{
	return (struct quiet){ s->sent, s->count[MESSAGE], s->count[DOWN] };
}

static void check_quiet(const struct side *s, struct quiet q)
{
	assert_int_equal(s->sent, q.sent);
	assert_int_equal(s->count[MESSAGE], q.messages);
	assert_int_equal(s->count[DOWN], q.downs);
}

/* One bit of it, each octet of the header and of the body in turn; cut off; longer; then it is good
   all the same, and only once. */
static void bend(struct pair *p, unsigned from)
{
	struct side *const to = &p->side[1 - from];
	static const char text[] = "how warm is it";
	uint8_t good[256], bad[256] = { 0 };
	const size_t len = record_of(&p->side[from], text, sizeof(text) - 1, good);
	const struct quiet q = before(to);
	for (size_t i = 0; i < len; i++) {
		memcpy(bad, good, len);
		bad[i] ^= (uint8_t)(1U << i % 8);
		pair_input(p, to->id, 0, bad, len);
		check_quiet(to, q);
	}
	for (size_t cut = 0; cut < len; cut++) {
		pair_input(p, to->id, 0, good, cut);
		check_quiet(to, q);
	}
	memcpy(bad, good, len);
	bad[len] = 0;
	bad[12]++; /* with one octet more inside its length */
	pair_input(p, to->id, 0, bad, len + 1);
	check_quiet(to, q);
	pair_input(p, to->id, 0, good, len);
	assert_int_equal(to->count[MESSAGE], q.messages + 1);
	assert_heard(to, text);
	const struct quiet after = before(to);
	for (unsigned i = 0; i < 3; i++)
		pair_input(p, to->id, 0, good, len);
	check_quiet(to, after);
}

static void bend_each(enum kind kind, const struct suite *s, bool mte)
{
	if (mte)
		return; /* what opens a record is the guard's, and test_guard_cbc's */
	struct trust *const t = trust_new(11, kind, s->number);
	trust_meet(t);
	for (unsigned from = 0; from < 2; from++)
		bend(t->p, from);
	assert_talk(t->p);
	assert_int_equal(dtls_stats(t->p->side[SERVER].e).conns, 1);
	trust_free(t);
}

static void test_R123_R124_R122_no_record_that_is_bent_is_taken_or_answered(void **state)
{
	(void)state;
	trust_each(bend_each);
}

static void empty_each(enum kind kind, const struct suite *s, bool mte)
{
	struct trust *const t = trust_new(12, kind, s->number);
	if (!mte) {
		trust_meet(t);
		uint8_t d[256];
		const size_t len = record_of(&t->p->side[CLIENT], "", 0, d);
		struct side *const to = &t->p->side[SERVER];
		const struct quiet q = before(to);
		const uint64_t in = dtls_conn_facts(to->conn).records_in;
		pair_input(t->p, SERVER, 0, d, len);
		check_quiet(to, q);
		assert_int_equal(dtls_conn_facts(to->conn).records_in, in + 1);
		pair_input(t->p, SERVER, 0, d, len);
		assert_int_equal(dtls_conn_facts(to->conn).records_in, in + 1);
		assert_talk(t->p);
	}
	trust_free(t);
}

static void test_R135_an_empty_record_counts_and_is_no_message(void **state)
{
	(void)state;
	trust_each(empty_each);
}

/* A hundred thousand records of noise, between them all: header as of the association, or not. */
static void noise(struct pair *p, unsigned to, size_t n)
{
	static const uint8_t types[] = { 20, 21, 22, 23, 24, 25, 0, 255 };
	const struct quiet q = before(&p->side[to]);
	for (size_t i = 0; i < n; i++) {
		uint8_t d[200];
		const size_t len = DTLS_RECORD_HEADER + pair_random(p) % 120;
		for (size_t k = 0; k < len; k++)
			d[k] = (uint8_t)(pair_random(p) >> 16);
		const bool known = pair_random(p) % 4 != 0;
		if (known) {
			const struct dtls_number number = { .type = types[pair_random(p) % 4],
				.epoch = 1,
				.seq = pair_random(p) % 300 };
			dtls_record_header(d, DTLS_VERSION_1_2, &number, len - DTLS_RECORD_HEADER);
		} else {
			d[0] = types[pair_random(p) % COUNT_OF(types)];
			d[3] |= 1; /* an epoch that is not there: in epoch 0 it may be a hello */
		}
		pair_input(p, to, 0, d, len);
	}
	check_quiet(&p->side[to], q);
}

static void noise_each(enum kind kind, const struct suite *s, bool mte)
{
	enum { EACH = 100000 / 20 };
	struct trust *const t = trust_new(13, kind, s->number);
	if (!mte) {
		trust_meet(t);
		noise(t->p, SERVER, EACH);
		noise(t->p, CLIENT, EACH);
		take_off(t->p);
		assert_talk(t->p);
	}
	trust_free(t);
}

static void test_R123_R124_noise_gets_no_answer_and_ends_nothing(void **state)
{
	(void)state;
	trust_each(noise_each);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R123_R124_R122_no_record_that_is_bent_is_taken_or_answered),
		cmocka_unit_test(test_R135_an_empty_record_counts_and_is_no_message),
		cmocka_unit_test(test_R123_R124_noise_gets_no_answer_and_ends_nothing),
	};
	return cmocka_run_group_tests_name("dtls/conf_records", tests, NULL, NULL);
}
