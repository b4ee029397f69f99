/* SPDX-License-Identifier: Apache-2.0 */
/* Hellos on a path that is in use already, and their cookies. */
#include "caught.h"

#include "dtls/alert.h"

/* --- a path that is in use ------------------------------------------------------------------- */

static void reboot_client(struct pair *p)
{
	struct side *const s = &p->side[CLIENT];
	const struct dtls_owner o = pair_owner(s);
	const struct dtls_settings set = dtls_settings_default();
	dtls_engine_free(s->e);
	s->e = dtls_engine_new(&set, &o, p->now_ms);
	assert_non_null(s->e);
	s->conn = NULL;
	p->generation++;
}

static void test_R108_a_rebooted_device_replaces_its_association(void **state)
{
	(void)state;
	struct pair *const p = pair_up(1, NULL);
	assert_talk(p);
	const struct dtls_conn *const old = p->side[SERVER].conn;
	reboot_client(p);
	pair_connect(p, 0);
	pair_deliver(p);
	const struct side *const s = &p->side[SERVER];
	assert_int_equal(s->count[UP], 2);
	assert_int_equal(s->count[DOWN], 1);
	assert_ptr_not_equal(s->conn, old);
	/* down of the old one comes before up of the new one */
	assert_int_equal(s->notes[s->note_count - 2].kind, DOWN);
	assert_int_equal(s->notes[s->note_count - 2].what, DTLS_END_REPLACED);
	assert_int_equal(s->notes[s->note_count - 1].kind, UP);
	assert_int_equal(dtls_stats(s->e).conns, 1);
	assert_talk(p);
	assert_no_number_twice(p);
	pair_free(p);
}

static void test_R108_the_old_association_lives_until_the_new_finished(void **state)
{
	(void)state;
	struct pair *const p = pair_up(2, NULL);
	struct side *const c = &p->side[CLIENT];
	/* A device at the same address that does not know the key: an engine of its own. */
	struct pair *const other = pair_new(3, NULL);
	other->client_key[0] ^= 1;
	dtls_engine_free(other->side[SERVER].e);
	other->side[SERVER].e = NULL;
	for (int i = 0; i < 20; i++) {
		if (i == 0)
			pair_connect(other, 0);
		/* other's client talks to p's server, and hears its answers */
		while (other->wire) {
			struct dgram *const g = other->wire;
			other->wire = g->next;
			pair_input(p, SERVER, 0, g->data, g->len);
			free(g);
		}
		while (p->wire) {
			struct dgram *const g = p->wire;
			p->wire = g->next;
			pair_input(other, CLIENT, 0, g->data, g->len);
			free(g);
		}
		assert_int_equal(
			dtls_send(c->e, c->conn, (const uint8_t *)"still here", 10), DTLS_OK);
		pair_deliver(p);
		assert_heard(&p->side[SERVER], "still here");
		p->now_ms += 2000;
		other->now_ms += 2000;
		dtls_tick(p->side[SERVER].e, p->now_ms);
		dtls_tick(other->side[CLIENT].e, other->now_ms);
	}
	assert_int_equal(p->side[SERVER].count[FAILED], 1);
	assert_int_equal(p->side[SERVER].notes[p->side[SERVER].note_count - 1].kind, MESSAGE);
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	assert_int_equal(other->side[CLIENT].notes[0].alert, DTLS_DECRYPT_ERROR);
	assert_int_equal(dtls_conn_facts(p->side[SERVER].conn).forged, 0);
	pair_free(other);
	pair_free(p);
}

static void test_R108_spoofed_and_replayed_hellos_do_no_harm(void **state)
{
	(void)state;
	struct caught hello;
	struct pair *p = stopped_at(HELLO_2, &hello);
	pair_input(p, SERVER, 0, hello.d, hello.len);
	pair_deliver(p);
	assert_talk(p);
	/* The hello of this very association, late or replayed: nothing at all. */
	const size_t sent = p->side[SERVER].sent;
	pair_input(p, SERVER, 0, hello.d, hello.len);
	assert_int_equal(p->side[SERVER].sent, sent);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	assert_int_equal(dtls_stats(p->side[SERVER].e).replayed, 1);
	/* Somebody's hello without a cookie: a demand, and no state. */
	struct pair *const other = stopped_at(HELLO_1, &hello);
	pair_input(p, SERVER, 0, hello.d, hello.len);
	assert_int_equal(p->side[SERVER].sent, sent + 1);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	pair_deliver(p);
	assert_talk(p);
	pair_free(other);
	pair_free(p);
}

static void test_R108_a_replayed_handshake_of_the_past_ends_by_itself(void **state)
{
	(void)state;
	struct caught second;
	struct pair *const p = stopped_at(HELLO_2, &second);
	pair_input(p, SERVER, 0, second.d, second.len);
	pair_deliver(p);
	reboot_client(p);
	pair_connect(p, 0);
	pair_deliver(p);
	assert_talk(p);
	/* The hello of the association before: its cookie is still good, so a handshake begins
	   beside. */
	pair_input(p, SERVER, 0, second.d, second.len);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 1);
	assert_talk(p);
	pair_run(p, p->now_ms + 181000);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	assert_int_equal(p->side[SERVER].count[DOWN], 1); /* of the reboot */
	assert_talk(p);
	pair_free(p);
}

static void test_a_client_that_begins_anew_in_the_middle_gets_through(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(FLIGHT_5, &c);
	reboot_client(p);
	pair_connect(p, 0);
	pair_deliver(p);
	assert_int_equal(p->side[SERVER].count[FAILED], 1);
	assert_int_equal(p->side[SERVER].notes[0].what, DTLS_FAIL_ANEW);
	assert_talk(p);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	pair_free(p);
}

/* Devices give up sooner than we do: what was wrong with the first try must still be told. */
static void test_a_client_that_begins_anew_with_a_wrong_key_is_told_as_such(void **state)
{
	(void)state;
	for (int unknown = 0; unknown < 2; unknown++) {
		struct pair *const p = pair_new(21, NULL);
		struct side *const s = &p->side[SERVER];
		p->client_key[0] ^= 1;
		assert_int_equal(pair_connect_as(p, 0, unknown ? "nobody" : "dev1",
					 unknown ? 6 : p->identity_len),
			DTLS_OK);
		pair_deliver(p); /* one Finished that does not open, of three */
		assert_int_equal(s->count[FAILED], 0);
		reboot_client(p);
		pair_connect(p, 0);
		pair_deliver(p);
		assert_int_equal(s->count[FAILED], 1);
		assert_int_equal(s->notes[0].what, unknown ? DTLS_FAIL_IDENTITY : DTLS_FAIL_KEY);
		pair_free(p);
	}
}

static void test_R092_R093_a_wrong_cookie_is_like_none(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(HELLO_2, &c);
	uint8_t *const random = c.d + DTLS_RECORD_HEADER + DTLS_HS_HEADER + 2;
	for (size_t i = 0; i < 32; i++) {
		random[i] ^= 1;
		pair_input(p, SERVER, 0, c.d, c.len);
		random[i] ^= 1;
	}
	assert_int_equal(dtls_stats(p->side[SERVER].e).verify_sent, 1 + 32);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	pair_input(p, SERVER, 1, c.d, c.len); /* from another address */
	assert_int_equal(dtls_stats(p->side[SERVER].e).verify_sent, 2 + 32);
	pair_input(p, SERVER, 0, c.d, c.len);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 1);
	pair_free(p);
}

static void test_R093_the_server_hello_mirrors_the_number_of_the_hello(void **state)
{
	(void)state;
	struct caught c;
	struct pair *const p = stopped_at(HELLO_2, &c);
	c.d[9] = 0x12; /* of the record's number */
	c.d[10] = 0x34;
	pair_input(p, SERVER, 0, c.d, c.len);
	const uint8_t *const answer = p->side[SERVER].room;
	assert_int_equal(answer[DTLS_RECORD_HEADER], DTLS_HS_SERVER_HELLO);
	assert_int_equal(answer[9] << 8 | answer[10], 0x1234);
	assert_int_equal(answer[DTLS_RECORD_HEADER + 5], 1); /* message_seq */
	pair_deliver(p);
	pair_free(p);
}

/* Seals four bytes, or a ClientHello's header, as the client would in epoch 1. */
static size_t sealed_by(struct pair *p, struct dtls_assoc *as, uint8_t type, uint8_t *out)
{
	const size_t len = type == DTLS_HANDSHAKE ? DTLS_HS_HEADER : 4;
	memset(out + DTLS_RECORD_HEADER + 8, 0, len);
	out[DTLS_RECORD_HEADER + 8] = DTLS_HS_CLIENT_HELLO;
	assert_true(dtls_assoc_seal(as, &p->side[CLIENT].e->sealer, type, out, len));
	return DTLS_RECORD_OVERHEAD + len;
}

/* A rebooted client's last flight is in p->caught; returns the length of its first record. */
static size_t last_flight_caught(struct pair *p)
{
	reboot_client(p);
	p->victim = p->number + FLIGHT_5;
	p->fate = fate_catch;
	pair_connect(p, 0);
	pair_deliver(p);
	p->fate = NULL;
	struct dtls_record r[4];
	assert_int_equal(records_of(p->caught, p->caught_len, r, 4), 3);
	return (size_t)(r[1].body - p->caught) - DTLS_RECORD_HEADER;
}

static void test_R108_a_new_finished_before_its_key_exchange_is_held(void **state)
{
	(void)state;
	struct pair *const p = pair_up(22, NULL);
	const size_t key_exchange = last_flight_caught(p);
	pair_input(p, SERVER, 0, p->caught + key_exchange, p->caught_len - key_exchange);
	assert_int_equal(p->side[SERVER].count[DOWN], 0);
	pair_input(p, SERVER, 0, p->caught, key_exchange);
	assert_int_equal(p->side[SERVER].count[DOWN], 1);
	pair_deliver(p);
	assert_talk(p);
	pair_free(p);
}

static void test_R108_the_old_association_works_while_a_finished_is_awaited(void **state)
{
	(void)state;
	struct pair *const p = pair_up(21, NULL);
	struct dtls_assoc old = p->side[CLIENT].conn->assoc;
	const size_t key_exchange = last_flight_caught(p);
	pair_input(p, SERVER, 0, p->caught, key_exchange);
	const struct side *const s = &p->side[SERVER];
	const size_t sent = s->sent;
	uint8_t d[64];
	/* Its data, and a handshake record of its own, which is no Finished of the new one. */
	for (int i = 0; i < 5; i++) {
		pair_input(p, SERVER, 0, d, sealed_by(p, &old, DTLS_DATA, d));
		pair_input(p, SERVER, 0, d, sealed_by(p, &old, DTLS_HANDSHAKE, d));
	}
	assert_int_equal(s->count[MESSAGE], 5);
	assert_int_equal(s->sent, sent + 5); /* no_renegotiation */
	assert_int_equal(under_way(p, SERVER)->bad_finished, 0);
	/* What may be the new keys' data is no forgery that the old association answers for. */
	struct dtls_assoc *const fresh = &under_way(p, CLIENT)->assoc;
	fresh->wseq = 1000; /* ahead of the old window */
	pair_input(p, SERVER, 0, d, sealed_by(p, fresh, DTLS_DATA, d));
	assert_int_equal(dtls_stats(s->e).early, 1);
	assert_int_equal(dtls_conn_facts(s->conn).forged, 0);
	pair_input(p, SERVER, 0, p->caught, p->caught_len);
	pair_deliver(p);
	assert_int_equal(s->notes[s->note_count - 2].what, DTLS_END_REPLACED);
	assert_talk(p);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R108_a_rebooted_device_replaces_its_association),
		cmocka_unit_test(test_R108_the_old_association_lives_until_the_new_finished),
		cmocka_unit_test(test_R108_spoofed_and_replayed_hellos_do_no_harm),
		cmocka_unit_test(test_R108_a_replayed_handshake_of_the_past_ends_by_itself),
		cmocka_unit_test(test_a_client_that_begins_anew_in_the_middle_gets_through),
		cmocka_unit_test(test_a_client_that_begins_anew_with_a_wrong_key_is_told_as_such),
		cmocka_unit_test(test_R092_R093_a_wrong_cookie_is_like_none),
		cmocka_unit_test(test_R093_the_server_hello_mirrors_the_number_of_the_hello),
		cmocka_unit_test(test_R108_the_old_association_works_while_a_finished_is_awaited),
		cmocka_unit_test(test_R108_a_new_finished_before_its_key_exchange_is_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
