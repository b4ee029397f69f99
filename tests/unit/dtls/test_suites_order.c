/* SPDX-License-Identifier: Apache-2.0 */
/* Handshakes with certificates under disorder, forgery and time. */
#include "trust.h"

#include "base/wr.h"

/* --- disorder -------------------------------------------------------------------------------- */

/* Every record of every datagram arrives by itself, the last first. */
static struct fate fate_backwards(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	static uint8_t copy[DGRAM_MAX];
	uint8_t *at = copy;
	size_t left = len;
	struct dtls_record r;
	uint64_t late = 100;
	memcpy(copy, d, len);
	while (dtls_record_next(&at, &left, &r)) {
		put_on_wire(p, 1 - from, line, r.body - DTLS_RECORD_HEADER,
			DTLS_RECORD_HEADER + r.len, p->now_ms + late);
		late--;
	}
	return (struct fate){ .copies = 0 };
}

/* the Finished comes before what it stands on, and is held. */
static void test_R098_R112_a_flight_that_comes_backwards_is_put_in_order(void **state)
{
	(void)state;
	static const uint16_t numbers[] = { 0xc0ae, 0xc023 };
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		struct trust *const t = trust_new(1, KIND_X509, numbers[i]);
		struct pair *const p = t->p;
		p->fate = fate_backwards;
		trust_profile(t, CLIENT)->set.mtu = 300;
		trust_connect(t, 0);
		pair_run(p, p->now_ms + 8000); /* before any timer */
		assert_int_equal(p->side[SERVER].count[UP], 1);
		assert_int_equal(p->side[CLIENT].count[UP], 1);
		p->fate = NULL;
		assert_talk(p);
		assert_no_number_twice(p);
		trust_free(t);
	}
}

/* What proves the client's key comes after his Finished. */
static struct fate fate_late_proof(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	static uint8_t copy[DGRAM_MAX];
	uint8_t *at = copy;
	size_t left = len;
	struct dtls_record r;
	memcpy(copy, d, len);
	while (dtls_record_next(&at, &left, &r)) {
		const bool late = r.epoch == 0 && r.body[0] == DTLS_HS_CERTIFICATE_VERIFY;
		put_on_wire(p, 1 - from, line, r.body - DTLS_RECORD_HEADER,
			DTLS_RECORD_HEADER + r.len, p->now_ms + (late ? 500 : 10));
		p->victim += late;
	}
	return (struct fate){ .copies = 0 };
}

static void test_R112_a_finished_before_the_proof_is_held(void **state)
{
	(void)state;
	for (enum kind k = KIND_RAW; k < KINDS; k++) {
		if (k == KIND_RAW && !dtls_profile_can_raw())
			continue;
		struct trust *const t = trust_new(1, k, 0xc0ae);
		struct pair *const p = t->p;
		p->fate = fate_late_proof;
		trust_connect(t, 0);
		pair_run(p, p->now_ms + 400);
		assert_int_equal(p->victim, 1);
		assert_int_equal(p->side[SERVER].count[UP], 0); /* */
		pair_run(p, p->now_ms + 8000);
		assert_int_equal(p->side[SERVER].count[UP], 1);
		assert_int_equal(p->side[CLIENT].count[UP], 1);
		assert_int_equal(dtls_stats(p->side[SERVER].e).forged, 0);
		trust_free(t);
	}
}

/* --- forgery --------------------------------------------------------------------------------- */

enum { FORGED_BODY = 40 };

static void forge(
	struct pair *p, unsigned to, uint8_t type, uint16_t message_seq, uint32_t total, bool late)
{
	uint8_t d[DTLS_RECORD_HEADER + DTLS_HS_HEADER + FORGED_BODY] = { 0 };
	const size_t body = total < FORGED_BODY ? total : FORGED_BODY;
	const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 0, .seq = 1000 };
	dtls_record_header(d, DTLS_VERSION_1_2, &n, DTLS_HS_HEADER + body);
	struct wr w = wr_into(d + DTLS_RECORD_HEADER, DTLS_HS_HEADER);
	wr_u8(&w, type);
	wr_u24(&w, total);
	wr_u16(&w, message_seq);
	wr_u24(&w, late ? total - (uint32_t)body : 0);
	wr_u24(&w, (uint32_t)body);
	pair_input(p, to, 0, d, DTLS_RECORD_HEADER + DTLS_HS_HEADER + body);
}

/* Before each datagram, a stranger who knows the path but not what is in it says everything that
   is out of place, and the middle of everything that is not. */
static struct fate fate_forgers(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	put_on_wire(p, 1 - from, line, d, len, p->now_ms + 10);
	return (struct fate){ .copies = 0 };
}

static uint8_t right_type(const struct dtls_handshake *h, uint16_t message_seq)
{
	static const uint8_t clients[] = { DTLS_HS_CERTIFICATE, DTLS_HS_CLIENT_KEY_EXCHANGE,
		DTLS_HS_CERTIFICATE_VERIFY };
	static const uint8_t servers[] = { DTLS_HS_SERVER_HELLO, DTLS_HS_CERTIFICATE,
		DTLS_HS_SERVER_KEY_EXCHANGE, DTLS_HS_CERTIFICATE_REQUEST, DTLS_HS_SERVER_DONE };
	if (h->role == DTLS_SERVER)
		return message_seq >= 2 && message_seq < 5 ? clients[message_seq - 2] : 255;
	if (message_seq == 0) /* a server may do without a HelloVerifyRequest */
		return DTLS_HS_SERVER_HELLO;
	return message_seq < 6 ? servers[message_seq - 1] : 255;
}

static void forge_all(struct pair *p, unsigned to)
{
	for (unsigned type = 0; type < 256; type += type < 24 ? 1 : 77) {
		for (uint16_t ahead = 0; ahead < 8; ahead++) {
			struct dtls_node *const n = dtls_table_any(&p->side[to].e->handshakes);
			if (!n)
				return;
			const struct dtls_handshake *const h =
				CONTAINER_OF(n, struct dtls_handshake, node);
			const uint16_t seq = (uint16_t)(h->next_in + ahead);
			if (type == right_type(h, seq) || type == DTLS_HS_CLIENT_HELLO ||
				(to == CLIENT && type == DTLS_HS_HELLO_VERIFY))
				continue;
			forge(p, to, (uint8_t)type, seq, 20, false);
			forge(p, to, (uint8_t)type, seq, 900, false);
			forge(p, to, (uint8_t)type, seq, 900, true);
		}
	}
}

static void test_forged_messages_do_not_end_a_handshake_with_certificates(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	struct pair *const p = t->p;
	p->fate = fate_forgers;
	trust_connect(t, 0);
	for (int i = 0; i < 2000 && p->wire; i++) {
		p->now_ms = p->wire->due_ms;
		struct dgram *const g = p->wire;
		p->wire = g->next;
		forge_all(p, g->to);
		pair_input(p, g->to, g->line, g->data, g->len);
		free(g);
	}
	assert_int_equal(p->side[SERVER].count[FAILED], 0);
	assert_int_equal(p->side[CLIENT].count[FAILED], 0);
	pair_run(p, p->now_ms + 100000);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	assert_int_equal(p->side[CLIENT].count[UP], 1);
	assert_true(dtls_stats(p->side[SERVER].e).junk > 1000);
	p->fate = NULL;
	assert_talk(p);
	trust_free(t);
}

/* Lets one datagram arrive. */
static void one(struct pair *p)
{
	struct dgram *const g = p->wire;
	assert_non_null(g);
	p->wire = g->next;
	pair_input(p, g->to, g->line, g->data, g->len);
	free(g);
}

/* A stranger says a hello with the number 1 in the client's name, so that the client hears an
   answer that is not his: before the one to his own hello, or after it. */
static void test_R095_R102_an_answer_to_another_hello_holds_nobody_up(void **state)
{
	(void)state;
	static const uint8_t hello[] = { 0xfe, 0xfd, [2 + 31] = 7, 0, 0, 0, 2, 0xc0, 0xa8, 1, 0 };
	for (int after = 0; after < 2; after++) {
		struct trust *const t = trust_new(1, KIND_PSK, 0xc0a8);
		struct pair *const p = t->p;
		uint8_t d[DTLS_RECORD_HEADER + DTLS_HS_HEADER + sizeof(hello)];
		const struct dtls_number n = { .type = DTLS_HANDSHAKE, .epoch = 0, .seq = 1 };
		dtls_record_header(d, DTLS_VERSION_1_2, &n, sizeof(d) - DTLS_RECORD_HEADER);
		struct wr w = wr_into(d + DTLS_RECORD_HEADER, sizeof(d) - DTLS_RECORD_HEADER);
		wr_u8(&w, DTLS_HS_CLIENT_HELLO);
		wr_u24(&w, sizeof(hello));
		wr_u16(&w, 1);
		wr_u24(&w, 0);
		wr_u24(&w, sizeof(hello));
		wr_bytes(&w, hello, sizeof(hello));
		trust_connect(t, 0);
		if (after)
			one(p);
		pair_input(p, SERVER, 0, d, sizeof(d));
		assert_int_equal(dtls_stats(p->side[SERVER].e).verify_sent, 1 + after);
		for (int i = 0; i < 30 && p->wire; i++)
			one(p);
		assert_null(p->wire); /* it does not go on for ever */
		assert_int_equal(p->side[SERVER].count[UP], 1);
		assert_int_equal(p->side[CLIENT].count[UP], 1);
		assert_talk(p);
		trust_free(t);
	}
}

/* --- time ------------------------------------------------------------------------------------ */

static struct fate fate_void(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)p;
	(void)from;
	(void)line;
	(void)d;
	(void)len;
	return (struct fate){ .copies = 0 };
}

static void test_R099_R100_a_profile_has_timers_of_its_own(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	struct pair *const p = t->p;
	t->set[CLIENT].initial_ms = 2000;
	t->set[CLIENT].max_ms = 7000;
	p->fate = fate_void;
	const uint64_t begun = p->now_ms;
	trust_connect(t, 0);
	pair_run(p, begun + 19000);
	static const uint64_t at[] = { 0, 2000, 6000, 13000 };
	assert_int_equal(p->number, COUNT_OF(at));
	for (size_t i = 0; i < COUNT_OF(at); i++)
		assert_int_equal(p->sent_at[i] - begun, at[i]);
	trust_free(t);
}

/* Each datagram in turn is lost so often as p->victim says. */
static struct fate fate_first_hellos(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	(void)line;
	(void)d;
	(void)len;
	const bool lost = from == CLIENT && p->victim > 0;
	p->victim -= lost;
	return (struct fate){ .copies = !lost };
}

/* what was learned of the path counts for the next flight, until one goes without loss. */
static void test_R101_a_longer_wait_is_kept_until_a_flight_gets_through(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_PSK, 0xc0a8);
	struct pair *const p = t->p;
	const uint64_t begun = p->now_ms;
	p->fate = fate_first_hellos;
	p->victim = 1; /* 9 s; then 18 s is the wait */
	trust_connect(t, 0);
	pair_run(p, begun + 8999);
	p->victim = 0;
	/* The hello is answered at 9 s; the one with the cookie is lost, and said again 18 s on. */
	p->now_ms = begun + 9000;
	dtls_tick(p->side[CLIENT].e, p->now_ms);
	p->victim = 1;
	pair_deliver(p);
	pair_run(p, begun + 26999);
	assert_int_equal(p->side[SERVER].count[UP], 0);
	pair_run(p, begun + 27000);
	assert_int_equal(p->side[SERVER].count[UP], 1);
	assert_int_equal(p->side[CLIENT].count[UP], 1);
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R098_R112_a_flight_that_comes_backwards_is_put_in_order),
		cmocka_unit_test(test_R112_a_finished_before_the_proof_is_held),
		cmocka_unit_test(test_forged_messages_do_not_end_a_handshake_with_certificates),
		cmocka_unit_test(test_R095_R102_an_answer_to_another_hello_holds_nobody_up),
		cmocka_unit_test(test_R099_R100_a_profile_has_timers_of_its_own),
		cmocka_unit_test(test_R101_a_longer_wait_is_kept_until_a_flight_gets_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
