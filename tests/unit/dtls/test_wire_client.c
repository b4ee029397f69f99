/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as client, against a server that is right. */
#include "peer_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

enum { SLACK_MS = 100 };

static void test_R293_R180_R085_what_the_hello_says(void **state)
{
	struct peer_pair *const pair = *state;
	const struct peer *const p = pair->p;
	assert_int_equal(p->recs, 1);
	assert_true(p->rec[0].version == 0xfeff || p->rec[0].version == 0xfefd);
	assert_int_equal(p->rec[0].epoch, 0);
	assert_int_equal(p->hello.version, 0xfefd);
	assert_int_equal(p->hello.cookie.len, 0);
	bool suite = false;
	bool scsv = false;
	for (size_t i = 0; i < p->hello.suites.len; i += 2) {
		const uint64_t s = peer_int(p->hello.suites.at + i, 2);
		assert_true(s == PEER_SUITE || s == 0x00ff);
		suite |= s == PEER_SUITE;
		scsv |= s == 0x00ff;
	}
	assert_true(suite);
	assert_true(scsv || peer_ext_find(&p->hello.exts, 0xff01, NULL));
	assert_non_null(peer_ext_find(&p->hello.exts, 23, NULL));
	assert_null(peer_ext_find(&p->hello.exts, 35, NULL)); /* no tickets */
	assert_null(peer_ext_find(&p->hello.exts, 0, NULL));  /* no name was given */
	assert_int_equal(p->hello.comps.len, 1);
	assert_int_equal(p->hello.comps.at[0], 0);
}

static void test_R095_R094_one_verify(void **state)
{
	peer_pair_to_flight5(*state);
	const struct peer_pair *const pair = *state;
	assert_int_equal(pair->p->heard_identity_len, 5);
	assert_memory_equal(pair->p->heard_identity, "thing", 5);
	assert_true(pair->p->ems_on);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_UP), 0);
	peer_say_flight6(pair->p);
	peer_pair_check_up(*state);
}

static void test_R095_no_verify_at_all(void **state)
{
	struct peer_pair *const pair = *state;
	peer_server_exts(pair->p);
	peer_say_flight4(pair->p);
	peer_rig_pump(pair->rig, pair->p);
	assert_true(pair->p->done);
	peer_say_flight6(pair->p);
	peer_pair_check_up(pair);
}

static void test_R095_several_verifies_in_a_row(void **state)
{
	struct peer_pair *const pair = *state;
	uint8_t random[32];
	memcpy(random, pair->p->hello.random, 32);
	peer_pair_verify(pair, 0, "one");
	peer_pair_verify(pair, 1, "another");
	peer_pair_verify(pair, 2, "the third");
	assert_memory_equal(pair->p->hello.random, random, 32);
	assert_int_equal(peer_heard(pair->p, PEER_CLIENT_HELLO)->seq, 3);
	peer_server_exts(pair->p);
	peer_say_flight4(pair->p);
	peer_rig_pump(pair->rig, pair->p);
	assert_true(pair->p->done);
	peer_say_flight6(pair->p);
	peer_pair_check_up(pair);
}

static void test_R168_a_server_without_ems(void **state)
{
	struct peer_pair *const pair = *state;
	pair->p->ems = false;
	peer_pair_to_flight5(pair);
	assert_false(pair->p->ems_on);
	peer_say_flight6(pair->p);
	peer_pair_check_up(pair);
}

static void test_R111_R096_flight_4_in_one_record_and_in_pieces(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(p);
	peer_make_server_hello(p);
	peer_make_hello_done(p);
	const struct peer_msg *const sh = &p->mine[PEER_SERVER_HELLO];
	for (size_t i = 0; i < 8; i++) {
		peer_put_part(p, PEER_SERVER_HELLO, i, 1);
		peer_flush(p);
	}
	struct peer_buf b = { 0 };
	peer_add_fragment(&b, sh, 20, sh->body.len - 20);
	peer_add_fragment(&b, sh, 5, 20);
	peer_add_fragment(&b, &p->mine[PEER_HELLO_DONE], 0, 0);
	peer_put_next(p, PEER_HANDSHAKE, 0, b.at, b.len);
	peer_flush(p);
	peer_buf_free(&b);
	peer_rig_pump(pair->rig, p);
	assert_true(p->done);
	peer_say_flight6(p);
	peer_pair_check_up(pair);
}

static void test_R098_flight_4_in_disorder(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(p);
	peer_make_server_hello(p);
	peer_make_hello_done(p);
	peer_put_msg(p, PEER_HELLO_DONE);
	peer_flush(p);
	peer_put_msg(p, PEER_SERVER_HELLO);
	peer_flush(p);
	peer_rig_pump(pair->rig, p);
	if (!p->done)
		peer_say_again(p);
	peer_rig_pump(pair->rig, p);
	assert_true(p->done);
	peer_say_flight6(p);
	peer_pair_check_up(pair);
}

static void test_R053_an_identity_hint_is_borne(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(p);
	peer_make_server_hello(p);
	peer_make_other(p, PEER_SERVER_KEY, "\000\004hint", 6);
	peer_make_hello_done(p);
	peer_put_msg(p, PEER_SERVER_HELLO);
	peer_put_msg(p, PEER_SERVER_KEY);
	peer_put_msg(p, PEER_HELLO_DONE);
	peer_flush(p);
	peer_rig_pump(pair->rig, p);
	assert_true(p->done);
	peer_say_flight6(p);
	peer_pair_check_up(pair);
}

/* --- time ------------------------------------------------------------------------------------ */

static void test_R294_R099_the_hello_again_at_9_27_63_and_123_seconds(void **state)
{
	struct peer_pair *const pair = *state;
	static const uint64_t again_s[] = { 9, 27, 63, 123 };
	struct peer_rig *const rig = pair->rig;
	const uint64_t begin_ms = rig->now_ms;
	for (size_t i = 0; i < COUNT_OF(again_s); i++) {
		peer_rig_until(rig, begin_ms + again_s[i] * 1000 - 1);
		assert_int_equal(rig->outs, 0);
		peer_rig_until(rig, begin_ms + again_s[i] * 1000 + SLACK_MS);
		assert_int_equal(peer_rig_pump(rig, pair->p), 1);
		assert_int_equal(pair->p->recs, i + 2);
		assert_int_equal(pair->p->rec[i + 1].body[0], PEER_CLIENT_HELLO);
		assert_int_equal(peer_int(pair->p->rec[i + 1].body + 4, 2), 0);
	}
	peer_check_numbers(pair->p);
	peer_rig_until(rig, begin_ms + 180000 + SLACK_MS);
	const struct peer_event *const ev = peer_pair_check_failed(pair);
	assert_int_equal(ev->cause, DTLS_FAIL_TIMEOUT);
	assert_in_range(ev->at_ms, begin_ms + 180000, begin_ms + 180000 + SLACK_MS);
}

static void test_R294_R102_flight_5_again_with_fresh_numbers(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_pair_to_flight5(pair);
	const uint64_t begin_ms = pair->rig->now_ms;
	size_t finished = 1;
	peer_rig_until(pair->rig, begin_ms + 9000 + SLACK_MS);
	peer_rig_pump(pair->rig, p);
	assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), ++finished);
	peer_rig_until(pair->rig, begin_ms + 27000 + SLACK_MS);
	peer_rig_pump(pair->rig, p);
	assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), ++finished);
	peer_say_again(p); /* flight 4 once more: flight 5 must have been lost */
	peer_rig_pump(pair->rig, p);
	assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), ++finished);
	assert_int_equal(peer_count(p, PEER_CCS, 0), finished);
	peer_check_numbers(p);
	peer_say_flight6(p);
	peer_pair_check_up(pair);
}

/* The client does not own the last flight: two that linger could play ping-pong. */
static void test_R103_the_servers_last_flight_again_is_not_answered(void **state)
{
	struct peer_pair *const pair = *state;
	peer_pair_to_flight5(pair);
	peer_say_flight6(pair->p);
	for (int i = 0; i < 5; i++)
		peer_say_again(pair->p);
	assert_int_equal(pair->rig->outs, 0);
	peer_pair_check_up(pair);
}

/* --- the owner's calls ----------------------------------------------------------------------- */

static void test_R050_identities_to_128_and_keys_to_64_octets(void **state)
{
	struct peer_pair *const pair = *state;
	static const struct {
		size_t identity, key;
		bool good;
	} cases[] = { { 1, 1, true }, { 128, 64, true }, { 129, 16, false }, { 0, 16, false },
		{ 5, 65, false }, { 5, 0, false } };
	uint8_t identity[129];
	uint8_t key[65];
	memset(identity, 'i', sizeof(identity));
	memset(key, 0x4b, sizeof(key));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct peer *const p = peer_rig_peer(pair->rig, true, 6000 + i);
		const struct dtls_peer to = { .path = p->path,
			.identity = identity,
			.identity_len = cases[i].identity,
			.key = key,
			.key_len = cases[i].key };
		const enum dtls_result r = dtls_connect(pair->rig->e, &to, pair->rig->now_ms);
		assert_int_equal(r == DTLS_OK, cases[i].good);
		if (!cases[i].good) {
			peer_free(p);
			continue;
		}
		peer_key(p, key, cases[i].key);
		peer_rig_pump(pair->rig, p);
		peer_server_exts(p);
		peer_say_flight4(p);
		peer_rig_pump(pair->rig, p);
		assert_true(p->done);
		assert_int_equal(p->heard_identity_len, cases[i].identity);
		assert_memory_equal(p->heard_identity, identity, cases[i].identity);
		peer_free(p);
	}
}

static void test_a_path_has_one_user(void **state)
{
	struct peer_pair *const pair = *state;
	assert_int_equal(peer_rig_connect(pair->rig, pair->p), DTLS_BUSY);
	peer_pair_to_flight5(pair);
	assert_int_equal(peer_rig_connect(pair->rig, pair->p), DTLS_BUSY);
	peer_say_flight6(pair->p);
	peer_pair_check_up(pair);
	assert_int_equal(peer_rig_connect(pair->rig, pair->p), DTLS_BUSY);
	dtls_close(pair->rig->e, peer_rig_event(pair->rig, PEER_TOLD_UP)->conn);
	assert_int_equal(peer_rig_connect(pair->rig, pair->p), DTLS_OK);
}

static void test_a_handshake_can_be_cancelled(void **state)
{
	struct peer_pair *const pair = *state;
	dtls_connect_cancel(pair->rig->e, &pair->p->path);
	assert_int_equal(pair->rig->events, 0);
	assert_int_equal(dtls_stats(pair->rig->e).handshakes, 0);
	peer_say_alert(pair->p, 0, 2, 40);
	peer_rig_until(pair->rig, pair->rig->now_ms + 300000);
	assert_int_equal(pair->rig->events, 0);
	assert_int_equal(pair->rig->outs, 0);
	struct peer *const again = peer_rig_peer(pair->rig, true, 5684);
	peer_rig_check_alive(pair->rig, again, peer_rig_meet(pair->rig, again));
	peer_free(again);
}

static void test_unreachable_ends_a_handshake_and_no_association(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer *const other = peer_rig_peer(pair->rig, true, 5685);
	struct dtls_conn *const c = peer_rig_meet(pair->rig, other);
	peer_rig_forget(pair->rig);
	dtls_unreachable(pair->rig->e, &other->path, pair->rig->now_ms);
	assert_int_equal(pair->rig->events, 0);
	peer_rig_check_alive(pair->rig, other, c);
	peer_rig_forget(pair->rig);
	dtls_unreachable(pair->rig->e, &pair->p->path, pair->rig->now_ms);
	assert_int_equal(peer_pair_check_failed(pair)->cause, DTLS_FAIL_UNREACHABLE);
	peer_free(other);
}

static void test_R110_no_datagram_of_a_handshake_is_longer_than_the_mtu(void **state)
{
	(void)state;
	static const char cookie[255] = "a long one";
	struct dtls_settings s = dtls_settings_default();
	s.mtu = 256;
	struct peer_rig *const rig = peer_rig_new(&s);
	struct peer *const p = peer_rig_peer(rig, true, 5684);
	assert_int_equal(peer_rig_connect(rig, p), DTLS_OK);
	peer_rig_pump(rig, p);
	peer_make_verify(p, 0, cookie, sizeof(cookie));
	peer_put_msg(p, PEER_HELLO_VERIFY);
	peer_flush(p);
	assert_true(rig->outs > 1);
	for (size_t i = 0; i < rig->outs; i++)
		assert_true(rig->out[i].data.len <= 256);
	peer_rig_pump(rig, p);
	assert_int_equal(p->hello.cookie.len, sizeof(cookie));
	peer_server_exts(p);
	peer_say_flight4(p);
	for (size_t i = 0; i < rig->outs; i++)
		assert_true(rig->out[i].data.len <= 256);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	peer_say_flight6(p);
	peer_rig_check_alive(rig, p, peer_rig_event(rig, PEER_TOLD_UP)->conn);
	peer_check_numbers(p);
	peer_free(p);
	peer_rig_free(rig);
}

int main(void)
{
#define PAIR(f) cmocka_unit_test_setup_teardown(f, peer_pair_up, peer_pair_down)
	const struct CMUnitTest tests[] = {
		PAIR(test_R293_R180_R085_what_the_hello_says),
		PAIR(test_R095_R094_one_verify),
		PAIR(test_R095_no_verify_at_all),
		PAIR(test_R095_several_verifies_in_a_row),
		PAIR(test_R168_a_server_without_ems),
		PAIR(test_R111_R096_flight_4_in_one_record_and_in_pieces),
		PAIR(test_R098_flight_4_in_disorder),
		PAIR(test_R053_an_identity_hint_is_borne),
		PAIR(test_R294_R099_the_hello_again_at_9_27_63_and_123_seconds),
		PAIR(test_R294_R102_flight_5_again_with_fresh_numbers),
		PAIR(test_R103_the_servers_last_flight_again_is_not_answered),
		PAIR(test_R050_identities_to_128_and_keys_to_64_octets),
		PAIR(test_a_path_has_one_user),
		PAIR(test_a_handshake_can_be_cancelled),
		PAIR(test_unreachable_ends_a_handshake_and_no_association),
		cmocka_unit_test(test_R110_no_datagram_of_a_handshake_is_longer_than_the_mtu),
	};
	return cmocka_run_group_tests_name("dtls/wire_client", tests, NULL, NULL);
}
