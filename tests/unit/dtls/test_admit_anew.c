/* SPDX-License-Identifier: Apache-2.0 */
/* A suspected source begins no more handshakes than its share in a second, whatever becomes of them
 */
#include "trust.h"

enum { ROUNDS = 2000, A_SECOND = 64 /* more than enough for a second of one stranger */ };

struct hellos {
	size_t len[2];
	uint8_t octets[2][2048];
};

/* The next datagram off the wire; freed by who takes it. */
static struct dgram *next(struct pair *p)
{
	struct dgram *const g = p->wire;
	assert_non_null(g);
	p->wire = g->next;
	return g;
}

/* Hello and HelloVerifyRequest pass; the hello with the good cookie is kept. */
static void hear_one(struct trust *t, struct hellos *h, unsigned which)
{
	struct pair *const p = t->p;
	const struct net_path path = line_path(CLIENT, 0);
	trust_connect(t, 0);
	for (int step = 0; step < 2; step++) {
		struct dgram *const g = next(p);
		pair_input(p, g->to, g->line, g->data, g->len);
		free(g);
	}
	struct dgram *const g = next(p);
	assert_true(g->len <= sizeof(h->octets[which]));
	memcpy(h->octets[which], g->data, g->len);
	h->len[which] = g->len;
	free(g);
	dtls_connect_cancel(p->side[CLIENT].e, &path);
}

static void hear(struct trust *t, struct hellos *h)
{
	hear_one(t, h, 0);
	hear_one(t, h, 1);
}

static struct fate fate_gone(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)p;
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = 0 };
}

static void test_R057_two_hellos_in_turn_are_not_answered_for_ever(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	struct pair *const p = t->p;
	const struct side *const s = &p->side[SERVER];
	struct hellos *const h = calloc(1, sizeof(*h));
	assert_non_null(h);
	hear(t, h);
	p->fate = fate_gone;
	/* Until he is suspected, and both have waited. */
	for (unsigned i = 0; i < 80; i++) {
		pair_input(p, SERVER, 0, h->octets[i % 2], h->len[i % 2]);
		p->now_ms += 20;
	}
	const struct dtls_stats before = dtls_stats(s->e);
	size_t octets = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		octets += h->len[i % 2];
		pair_input(p, SERVER, 0, h->octets[i % 2], h->len[i % 2]);
		p->now_ms += i % 2; /* a second in all */
	}
	const struct dtls_stats after = dtls_stats(s->e);
	const uint64_t begun =
		after.handshakes_failed[DTLS_SERVER] - before.handshakes_failed[DTLS_SERVER];
	print_message("# %d hellos, %zu octets, in a second: %zu handshakes begun\n", ROUNDS,
		octets, (size_t)begun);
	assert_true(begun <= A_SECOND);
	free(h);
	trust_free(t);
}

/* The same with one hello, and an alert that ends it. */
static void test_R057_a_hello_and_an_alert_are_not_answered_for_ever(void **state)
{
	(void)state;
	static const uint8_t alert[] = { DTLS_ALERT, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2,
		40 };
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	struct pair *const p = t->p;
	const struct side *const s = &p->side[SERVER];
	struct hellos *const h = calloc(1, sizeof(*h));
	assert_non_null(h);
	hear(t, h);
	p->fate = fate_gone;
	for (unsigned i = 0; i < 80; i++) {
		pair_input(p, SERVER, 0, h->octets[0], h->len[0]);
		pair_input(p, SERVER, 0, alert, sizeof(alert));
		p->now_ms += 20;
	}
	const struct dtls_stats before = dtls_stats(s->e);
	for (unsigned i = 0; i < ROUNDS; i++) {
		pair_input(p, SERVER, 0, h->octets[0], h->len[0]);
		pair_input(p, SERVER, 0, alert, sizeof(alert));
		p->now_ms += i % 2; /* a second in all */
	}
	const struct dtls_stats after = dtls_stats(s->e);
	const uint64_t begun =
		after.handshakes_failed[DTLS_SERVER] - before.handshakes_failed[DTLS_SERVER];
	print_message("# %d hellos in a second: %zu handshakes begun\n", ROUNDS, (size_t)begun);
	/* a share of 1,024, twice: a second may begin in between */
	assert_true(begun <= 256);
	free(h);
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R057_two_hellos_in_turn_are_not_answered_for_ever),
		cmocka_unit_test(test_R057_a_hello_and_an_alert_are_not_answered_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
