/* SPDX-License-Identifier: Apache-2.0 */
/* What a handshake was based on is handed to the owner, and inherited by abbreviated ones. */
#include "trust.h"

enum { BORN = 1000 };

static uint64_t born_now; /* what the owners' clock of changes says */
static struct dtls_belief judged_by;

static uint64_t own_born(void *ctx)
{
	(void)ctx;
	return born_now;
}

static bool note_belief(void *ctx, const struct dtls_chain *chain, struct dtls_known *out)
{
	judged_by = *chain->belief;
	return trust_certificate(ctx, chain, out);
}

static struct trust *begin(enum kind kind)
{
	struct trust *const t = trust_new(1, kind, kind == KIND_PSK ? 0xc0a8 : 0xc0ae);
	for (unsigned i = 0; i < 2; i++)
		t->p->side[i].e->owner.born = own_born;
	t->p->side[SERVER].e->owner.certificate = note_belief;
	memset(&judged_by, 0, sizeof(judged_by));
	born_now = BORN;
	return t;
}

static void hang_up(struct trust *t)
{
	dtls_close(t->p->side[CLIENT].e, t->p->side[CLIENT].conn);
	pair_deliver(t->p);
}

static const struct dtls_proved *proved(const struct trust *t, unsigned side)
{
	return dtls_conn_proved(t->p->side[side].conn);
}

/* What that side was believed by. */
static struct dtls_belief belief_in(const struct trust *t, unsigned side)
{
	struct dtls_belief b;
	STACK_OF(X509) *const chain =
		pki_chain(t->one[side].cert, t->below.cert, t->authority.cert, t->root.cert, NULL);
	assert_true(dtls_chain_belief(chain, &b));
	assert_int_equal(b.len, 3);
	sk_X509_pop_free(chain, X509_free);
	return b;
}

static void expect_belief(const struct dtls_belief *b, const struct dtls_belief *want)
{
	assert_int_equal(b->len, want->len);
	assert_int_equal(b->until_s, want->until_s);
	assert_memory_equal(b->anchor, want->anchor, sizeof(b->anchor));
	assert_memory_equal(b->chain, want->chain, sizeof(b->chain));
}

static void test_R207_the_owner_is_told_by_what_a_chain_was_believed(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_X509);
	const struct dtls_belief device = belief_in(t, CLIENT), server = belief_in(t, SERVER);
	trust_meet(t);
	expect_belief(&judged_by, &device);
	assert_non_null(proved(t, SERVER));
	expect_belief(&proved(t, SERVER)->belief, &device);
	expect_belief(&proved(t, CLIENT)->belief, &server);
	trust_free(t);
}

static void test_R207_without_a_certificate_there_is_no_belief(void **state)
{
	(void)state;
	for (enum kind k = KIND_PSK; k < KIND_X509; k++) {
		if (k == KIND_RAW && !dtls_profile_can_raw())
			continue;
		struct trust *const t = begin(k);
		trust_meet(t);
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(proved(t, i)->belief.len, 0);
			assert_int_equal(proved(t, i)->born, BORN);
		}
		trust_free(t);
	}
}

static void test_I6_what_the_owner_has_noted_is_forgotten(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_X509);
	trust_meet(t);
	dtls_conn_forget_proved(t->p->side[SERVER].conn);
	assert_null(proved(t, SERVER));
	dtls_conn_forget_proved(t->p->side[SERVER].conn); /* no harm */
	trust_free(t);
}

/* Something changes as soon as the server has begun a handshake, and once more with each
   datagram. */
static struct fate change_meanwhile(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	born_now += dtls_stats(p->side[SERVER].e).handshakes > 0;
	return (struct fate){ .copies = 1 };
}

/* What happens while it runs is newer than what it makes. */
static void test_R217_a_handshake_is_as_old_as_its_beginning(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_X509);
	t->p->fate = change_meanwhile;
	trust_meet(t);
	assert_true(born_now > BORN + 2);
	assert_int_equal(proved(t, SERVER)->born, BORN);
	assert_int_equal(proved(t, CLIENT)->born, BORN);
	trust_free(t);
}

static void test_R211_an_abbreviated_handshake_keeps_what_its_full_one_was_based_on(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_X509);
	const struct dtls_belief device = belief_in(t, CLIENT), server = belief_in(t, SERVER);
	trust_meet(t);
	assert_int_equal(t->shelf.keeps, 1);
	expect_belief(&t->shelf.kept[0].proved.belief, &device);
	assert_int_equal(t->shelf.kept[0].proved.born, BORN);
	for (unsigned again = 1; again < 3; again++) {
		hang_up(t);
		t->offer = true;
		born_now = BORN + again;
		trust_meet(t);
		assert_true(dtls_conn_resumed(t->p->side[SERVER].conn));
		expect_belief(&proved(t, SERVER)->belief, &device);
		expect_belief(&proved(t, CLIENT)->belief, &server);
		assert_int_equal(proved(t, SERVER)->born, BORN);
		assert_int_equal(proved(t, CLIENT)->born, BORN);
	}
	trust_free(t);
}

/* What the session was based on says nothing about a handshake that became a full one. */
static void test_R211_a_session_that_is_not_resumed_passes_nothing_on(void **state)
{
	(void)state;
	struct trust *const t = begin(KIND_X509);
	const struct dtls_belief device = belief_in(t, CLIENT);
	trust_meet(t);
	hang_up(t);
	t->offer = true;
	/* The server's anchors are others now: found, but not trusted. */
	struct pki_one other = pki_make(pki_root("other"), NULL);
	X509_STORE *const store = pki_store(t->root.cert, other.cert, NULL);
	t->set[SERVER].anchors = store;
	dtls_profile_unref(t->profile[SERVER]);
	t->profile[SERVER] = NULL;
	t->shelf.kept[0].proved.belief.len = 1;
	born_now = BORN + 1;
	trust_meet(t);
	assert_false(dtls_conn_resumed(t->p->side[SERVER].conn));
	assert_int_equal(proved(t, SERVER)->born, BORN + 1);
	assert_int_equal(proved(t, CLIENT)->born, BORN + 1);
	expect_belief(&proved(t, SERVER)->belief, &device);
	trust_free(t);
	X509_STORE_free(store);
	pki_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R207_the_owner_is_told_by_what_a_chain_was_believed),
		cmocka_unit_test(test_R207_without_a_certificate_there_is_no_belief),
		cmocka_unit_test(test_I6_what_the_owner_has_noted_is_forgotten),
		cmocka_unit_test(test_R217_a_handshake_is_as_old_as_its_beginning),
		cmocka_unit_test(
			test_R211_an_abbreviated_handshake_keeps_what_its_full_one_was_based_on),
		cmocka_unit_test(test_R211_a_session_that_is_not_resumed_passes_nothing_on),
	};
	return cmocka_run_group_tests_name("dtls/proved", tests, NULL, NULL);
}
