/* SPDX-License-Identifier: Apache-2.0 */
/* Associations whose peer comes from another address (RFC 9146 6, RFC 9853, S26). */
#include "roam.h"

static struct net_path at_line(unsigned line)
{
	return line_path(SERVER, line);
}

static void assert_at(const struct roam *r, unsigned line)
{
	assert_int_equal(line_of(SERVER, dtls_conn_path(r->up)), line);
}

static bool candidate_is(const struct roam *r, unsigned line)
{
	const struct net_path want = at_line(line);
	const struct net_path *const is = dtls_conn_candidate(r->up);
	return is && net_path_same(is, &want);
}

static struct roam *without_rrc(uint64_t seed)
{
	struct roam *const r = roam_new(seed);
	r->t->set[CLIENT].routability = false;
	trust_meet(r->t);
	r->up = r->p->side[SERVER].conn;
	return r;
}

/* --- what is a move --------------------------------------------------------------------------- */

static void test_R152_R156_the_newest_record_moves_it(void **state)
{
	(void)state;
	struct roam *const r = roam_up(1);
	r->how = DTLS_MOVE_TRUST;
	r->at = 1;
	roam_say(r, "here now");
	assert_at(r, 1);
	assert_int_equal(r->moving, 1);
	assert_int_equal(r->moved, 1);
	assert_int_equal(line_of(SERVER, &r->from), 0);
	assert_int_equal(dtls_conn_facts(r->up).moves, 1);
	assert_int_equal(roam_stats(r, SERVER).moves, 1);
	assert_true(roam_is_reached(r));
	roam_say(r, "here still");
	assert_int_equal(r->moving, 1);
	roam_free(r);
}

/* what does not move it is delivered all the same. */
static void test_R152_R155_S26_an_older_record_moves_nothing(void **state)
{
	(void)state;
	struct roam *const r = roam_up(2);
	struct side *const s = &r->p->side[SERVER];
	r->how = DTLS_MOVE_TRUST;
	r->p->fate = NULL;
	r->loss = 100;
	r->p->fate = fate_roam;
	pair_say(r->p, CLIENT, "late"); /* kept, not delivered */
	r->loss = 0;
	roam_say(r, "newer");
	roam_forward(r, 1, 2); /* the late one, from elsewhere */
	assert_heard(s, "late");
	assert_at(r, 0);
	assert_int_equal(r->moving, 0);
	for (size_t back = 0; back < r->heard_count; back++) /* and everything once more */
		roam_replay(r, back, 2);
	assert_at(r, 0);
	assert_int_equal(r->moving, 0);
	assert_int_equal(s->count[MESSAGE], 2);
	assert_true(roam_is_reached(r));
	roam_free(r);
}

static void test_R152_a_forged_record_moves_nothing(void **state)
{
	(void)state;
	struct roam *const r = roam_up(3);
	r->how = DTLS_MOVE_TRUST;
	roam_say(r, "here");
	struct heard h = r->heard[(r->heard_count - 1) % HEARD_MAX];
	h.d[10] += 1; /* a number above all */
	pair_input(r->p, SERVER, 2, h.d, h.len);
	assert_int_equal(roam_stats(r, SERVER).forged, 1);
	assert_at(r, 0);
	assert_int_equal(r->moving, 0);
	roam_free(r);
}

static void test_R153_the_owner_may_leave_it(void **state)
{
	(void)state;
	struct roam *const r = roam_up(4);
	r->how = DTLS_MOVE_STAY;
	r->at = 1;
	roam_say(r, "one");
	roam_say(r, "two");
	assert_int_equal(r->moving, 2);
	assert_at(r, 0);
	assert_null(dtls_conn_candidate(r->up));
	r->p->side[SERVER].e->owner.moving = NULL; /* RFC 9853 was agreed: that is used */
	roam_say(r, "three");
	assert_at(r, 1);
	roam_free(r);
}

/* --- RFC 9853 --------------------------------------------------------------------------------- */

static void test_R153_R157_a_challenge_that_is_answered(void **state)
{
	(void)state;
	struct roam *const r = roam_up(5);
	r->at = 1;
	roam_say(r, "here now");
	assert_at(r, 1);
	assert_int_equal(r->moved, 1);
	assert_null(dtls_conn_candidate(r->up));
	assert_true(roam_is_reached(r));
	assert_int_equal(r->astray, 0);
	roam_free(r);
}

/* As soon as a datagram of the server has reached it, the client is on the next line. */
static struct fate fate_hop(
	struct pair *p, unsigned from, unsigned line, const uint8_t *d, size_t len)
{
	struct roam *const r = p->roam;
	const struct fate fate = fate_roam(p, from, line, d, len);
	if (from == SERVER && line == r->at && r->hops > 0) {
		r->hops--;
		r->at++;
	}
	return fate;
}

/* It was asked at one place and answers from the next: that is where it is. */
static void test_S26_R157_an_answer_from_a_third_place_is_where_it_is(void **state)
{
	(void)state;
	for (unsigned hops = 1; hops <= 2; hops++) {
		struct roam *const r = roam_up(5 + hops);
		r->p->fate = fate_hop;
		r->at = 1;
		r->hops = hops;
		roam_say(r, "here now");
		assert_at(r, 1 + hops);
		assert_int_equal(r->moved, 1);
		assert_null(dtls_conn_candidate(r->up));
		assert_true(roam_is_reached(r));
		roam_free(r);
	}
}

/* Where each datagram has a port of its own, one of them has to do. */
static void test_R157_who_is_never_where_he_was_asked_is_followed_all_the_same(void **state)
{
	struct roam *const r = roam_up(8);
	(void)state;
	r->p->fate = fate_hop;
	r->at = 1;
	r->hops = 3;
	roam_say(r, "here now");
	assert_at(r, 3);
	assert_int_equal(r->moved, 1);
	roam_free(r);
}

/* not an octet beyond three times what came; nothing else goes there. */
static void test_R153_R154_without_an_answer_it_stays(void **state)
{
	(void)state;
	struct roam *const r = roam_up(6);
	r->mute = true;
	r->at = 1;
	roam_say(r, "x");
	const size_t came = r->heard[(r->heard_count - 1) % HEARD_MAX].len;
	assert_at(r, 0);
	assert_true(candidate_is(r, 1));
	const size_t before = r->bytes_to[0];
	(void)roam_is_reached(r); /* it goes where the client was */
	assert_true(r->bytes_to[0] > before);
	pair_run(r->p, r->p->now_ms + 100000);
	assert_true(r->bytes_to[1] > 0);
	assert_true(r->bytes_to[1] <= 3 * came);
	assert_at(r, 0);
	assert_null(dtls_conn_candidate(r->up));
	assert_int_equal(roam_stats(r, SERVER).moves_failed, 1);
	r->mute = false;
	roam_say(r, "again"); /* asks anew */
	assert_at(r, 1);
	roam_free(r);
}

static void test_R157_a_challenge_that_is_lost_is_sent_again(void **state)
{
	(void)state;
	struct roam *const r = roam_up(7);
	r->mute = true;
	r->at = 1;
	roam_say(r, "here, and some more octets for the credit");
	r->mute = false;
	pair_run(r->p, r->p->now_ms + 9000);
	assert_at(r, 1);
	roam_free(r);
}

/* Somebody sees a record, and is faster: it comes from him first. */
static void test_S26_who_only_forwards_is_not_followed(void **state)
{
	(void)state;
	struct roam *const r = roam_up(8);
	r->how = DTLS_MOVE_CHECK_OLD;
	r->loss = 100;
	pair_say(r->p, CLIENT, "overtaken");
	r->loss = 0;
	roam_forward(r, 0, 3);
	assert_heard(&r->p->side[SERVER], "overtaken");
	pair_deliver(r->p); /* challenge on the old way, and response */
	assert_at(r, 0);
	assert_null(dtls_conn_candidate(r->up));
	assert_int_equal(r->bytes_to[3], 0);
	assert_int_equal(roam_stats(r, SERVER).moves_failed, 1);
	roam_replay(r, 1, 0); /* the real one is late */
	assert_true(roam_is_reached(r));
	roam_free(r);
}

/* The NAT has forgotten: nobody answers on the old way. */
static void test_R153_the_old_way_is_dead(void **state)
{
	(void)state;
	struct roam *const r = roam_up(9);
	r->how = DTLS_MOVE_CHECK_OLD;
	r->at = 1;
	roam_say(r, "here now");
	assert_at(r, 0);
	assert_int_equal(r->bytes_to[1], 0);
	pair_run(r->p, r->p->now_ms + 9000);
	assert_at(r, 1);
	assert_true(roam_is_reached(r));
	roam_free(r);
}

/* The client has another socket, and says so when it is asked on the old one. */
static void test_R157_path_drop_on_a_way_that_is_left(void **state)
{
	(void)state;
	struct roam *const r = roam_up(10);
	struct side *const client = &r->p->side[CLIENT];
	const struct net_path other = line_path(CLIENT, 1);
	r->how = DTLS_MOVE_CHECK_OLD;
	assert_true(dtls_confirm(client->e, client->conn, &other));
	r->at = 1;
	pair_say(r->p, CLIENT, "here now");
	pair_deliver(r->p);
	assert_at(r, 0);
	/* The challenge to the old address reaches the old socket. */
	assert_true(r->astray > 0);
	r->p->fate = NULL;
	const uint64_t sent = client->sent;
	assert_true(candidate_is(r, 1));
	assert_true(r->up->move->asks_old);
	/* Played by hand: the same challenge, made again for that way. */
	uint8_t message[9] = { 0 };
	memcpy(message + 1, r->up->move->challenge, 8);
	const struct dtls_text text = { DTLS_ROUTABILITY, message, sizeof(message), true };
	const struct net_path old = at_line(0), new = at_line(1);
	assert_true(dtls_conn_write(r->p->side[SERVER].e, r->up, &old, &text));
	pair_deliver(r->p); /* line 0 is socket 0, line 1 is socket 1 */
	assert_true(client->sent > sent);
	assert_at(r, 1);
	assert_true(net_path_same(dtls_conn_path(r->up), &new));
	assert_talk(r->p);
	roam_free(r);
}

static void test_R157_what_is_no_answer_moves_nothing(void **state)
{
	(void)state;
	struct roam *const r = roam_up(11);
	struct side *const client = &r->p->side[CLIENT];
	r->mute = true;
	r->at = 1;
	roam_say(r, "here now");
	assert_true(candidate_is(r, 1));
	for (unsigned i = 0; i < 40; i++) {
		uint8_t message[16] = { (uint8_t)(i % 5) };
		memcpy(message + 1, r->up->move->challenge, 8);
		if (i % 5 != 3 && i % 5 != 4)
			message[1 + i / 5] ^= 1;
		const size_t len = i < 38 ? 9 : i == 38 ? 8 : 10;
		const struct dtls_text text = { DTLS_ROUTABILITY, message, len, true };
		assert_true(dtls_conn_write(
			client->e, client->conn, dtls_conn_path(client->conn), &text));
		pair_deliver(r->p);
		assert_at(r, 0);
	}
	roam_free(r);
}

/* A check that was not agreed is not answered. */
static void test_R157_nobody_is_challenged_without_an_agreement(void **state)
{
	(void)state;
	struct roam *const r = without_rrc(12);
	struct side *const client = &r->p->side[CLIENT];
	const size_t sent = r->p->side[SERVER].sent;
	const uint8_t message[9] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	const struct dtls_text text = { DTLS_ROUTABILITY, message, sizeof(message), true };
	assert_true(dtls_conn_write(client->e, client->conn, dtls_conn_path(client->conn), &text));
	r->at = 1;
	roam_say(r, "here now");
	assert_int_equal(r->p->side[SERVER].sent, sent);
	assert_true(candidate_is(r, 1));
	roam_free(r);
}

/* --- the owner's own check -------------------------------------------------------------------- */

static void test_R154_the_owner_gets_three_times_what_came(void **state)
{
	(void)state;
	struct roam *const r = without_rrc(13);
	struct dtls_engine *const e = r->p->side[SERVER].e;
	const struct net_path new = at_line(1), other = at_line(2);
	static const uint8_t probe[20] = { 0x40 };
	r->at = 1;
	roam_say(r, "here, and this is forty octets long, yes");
	const size_t came = r->heard[(r->heard_count - 1) % HEARD_MAX].len;
	assert_int_equal(dtls_send_to(e, r->up, &other, probe, sizeof(probe)), DTLS_NOWHERE);
	enum dtls_result last = DTLS_OK;
	for (int i = 0; i < 100 && last == DTLS_OK; i++)
		last = dtls_send_to(e, r->up, &new, probe, sizeof(probe));
	assert_int_equal(last, DTLS_LIMITED);
	assert_true(r->bytes_to[1] <= 3 * came && r->bytes_to[1] > 2 * came);
	assert_int_equal(r->bytes_to[2], 0);
	pair_deliver(r->p);
	assert_int_equal(r->p->side[CLIENT].last_len, sizeof(probe));
	assert_at(r, 0);
	assert_true(dtls_confirm(e, r->up, &new));
	assert_at(r, 1);
	assert_int_equal(dtls_send_to(e, r->up, &new, probe, sizeof(probe)), DTLS_NOWHERE);
	assert_true(roam_is_reached(r));
	roam_free(r);
}

/* A datagram counts once, however many records are in it. */
static void test_R154_a_datagram_counts_once(void **state)
{
	(void)state;
	struct roam *const r = without_rrc(22);
	r->loss = 100;
	uint8_t d[600];
	size_t len = 0;
	for (int i = 0; i < 3; i++) {
		pair_say(r->p, CLIENT, "one of three");
		const struct heard *const h = &r->heard[(r->heard_count - 1) % HEARD_MAX];
		memcpy(d + len, h->d, h->len);
		len += h->len;
	}
	pair_input(r->p, SERVER, 1, d, len);
	assert_int_equal(r->p->side[SERVER].count[MESSAGE], 3);
	assert_true(candidate_is(r, 1));
	assert_int_equal(r->up->move->in, len);
	roam_free(r);
}

static void test_R153_a_check_does_not_last_for_ever(void **state)
{
	(void)state;
	struct roam *const r = without_rrc(14);
	r->at = 1;
	roam_say(r, "here now");
	pair_run(r->p, r->p->now_ms + 26999);
	assert_true(candidate_is(r, 1));
	pair_run(r->p, r->p->now_ms + 1000);
	assert_null(dtls_conn_candidate(r->up));
	assert_at(r, 0);
	roam_free(r);
}

static void test_R152_who_is_back_is_not_checked_any_more(void **state)
{
	(void)state;
	struct roam *const r = without_rrc(15);
	r->at = 1;
	roam_say(r, "away");
	assert_true(candidate_is(r, 1));
	r->at = 0;
	roam_say(r, "and back");
	assert_null(dtls_conn_candidate(r->up));
	r->at = 2;
	roam_say(r, "away again");
	r->at = 3;
	roam_say(r, "and further"); /* the newest counts */
	assert_true(candidate_is(r, 3));
	assert_int_equal(r->moving, 3);
	roam_free(r);
}

/* --- a window that is not known --------------------------------------------------------------- */

static size_t unproven_calls;

/* NOLINTNEXTLINE(readability-non-const-parameter): the engine's type */
static void own_unproven(void *ctx, struct dtls_conn *c, uint64_t number, uint8_t *msg, size_t len)
{
	(void)ctx;
	(void)c;
	(void)number;
	(void)msg;
	(void)len;
	unproven_calls++;
}

static void test_S26_S12_nothing_moves_while_the_window_is_not_known(void **state)
{
	(void)state;
	struct roam *const r = roam_up(16);
	struct dtls_engine *const e = r->p->side[SERVER].e;
	const struct net_path new = at_line(1);
	static const uint8_t probe[] = "token";
	roam_say(r, "old");
	r->how = DTLS_MOVE_TRUST;
	e->owner.unproven = own_unproven;
	unproven_calls = 0;
	r->up->unproven = true; /* as after a power loss */
	roam_replay(r, 0, 3);   /* somebody has listened */
	assert_at(r, 0);
	assert_true(candidate_is(r, 3)); /* good for being asked, and for no more */
	assert_false(dtls_confirm(e, r->up, dtls_conn_candidate(r->up)));
	r->at = 1;
	pair_say(r->p, CLIENT, "answer");
	pair_deliver(r->p);
	assert_int_equal(unproven_calls, 2);
	assert_int_equal(r->moving, 0);
	assert_true(candidate_is(r, 1));
	assert_int_equal(dtls_send_to(e, r->up, &new, probe, sizeof(probe)), DTLS_OK);
	pair_deliver(r->p);
	assert_int_equal(r->p->side[CLIENT].last_len, sizeof(probe));
	dtls_prove(e, r->up, dtls_conn_numbers(r->p->side[CLIENT].conn).next - 1);
	roam_replay(r, 0, 3);
	assert_at(r, 0);
	assert_int_equal(r->moving, 0);
	roam_say(r, "and now");
	assert_int_equal(r->moving, 1);
	assert_at(r, 1);
	roam_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R152_R156_the_newest_record_moves_it),
		cmocka_unit_test(test_R152_R155_S26_an_older_record_moves_nothing),
		cmocka_unit_test(test_R152_a_forged_record_moves_nothing),
		cmocka_unit_test(test_R153_the_owner_may_leave_it),
		cmocka_unit_test(test_R153_R157_a_challenge_that_is_answered),
		cmocka_unit_test(test_S26_R157_an_answer_from_a_third_place_is_where_it_is),
		cmocka_unit_test(
			test_R157_who_is_never_where_he_was_asked_is_followed_all_the_same),
		cmocka_unit_test(test_R153_R154_without_an_answer_it_stays),
		cmocka_unit_test(test_R157_a_challenge_that_is_lost_is_sent_again),
		cmocka_unit_test(test_S26_who_only_forwards_is_not_followed),
		cmocka_unit_test(test_R153_the_old_way_is_dead),
		cmocka_unit_test(test_R157_path_drop_on_a_way_that_is_left),
		cmocka_unit_test(test_R157_what_is_no_answer_moves_nothing),
		cmocka_unit_test(test_R157_nobody_is_challenged_without_an_agreement),
		cmocka_unit_test(test_R154_the_owner_gets_three_times_what_came),
		cmocka_unit_test(test_R154_a_datagram_counts_once),
		cmocka_unit_test(test_R153_a_check_does_not_last_for_ever),
		cmocka_unit_test(test_R152_who_is_back_is_not_checked_any_more),
		cmocka_unit_test(test_S26_S12_nothing_moves_while_the_window_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
