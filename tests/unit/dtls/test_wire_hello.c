/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's first answers: versions, cookies, strangers. */
#include "peer_rig.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { COOKIE_AGE_S = 300 }; /* */

static int rig_up(void **state)
{
	*state = peer_rig_new(NULL);
	return 0;
}

static int rig_down(void **state)
{
	peer_rig_free(*state);
	return 0;
}

static void check_nothing_kept(const struct peer_rig *rig)
{
	const struct dtls_stats st = dtls_stats(rig->e);
	assert_int_equal(st.conns, 0);
	assert_int_equal(st.handshakes, 0);
	assert_int_equal(st.handshake_bytes, 0);
	assert_int_equal(rig->events, 0);
}

/* A hello with the cookie that was given, which must be refused by a new HelloVerifyRequest. */
static void check_verified_again(struct peer_rig *rig, struct peer *p)
{
	const unsigned verifies = p->verifies;
	peer_say_hello(p);
	assert_int_equal(peer_rig_pump(rig, p), 1);
	assert_int_equal(p->verifies, verifies + 1);
	assert_null(peer_heard(p, PEER_SERVER_HELLO));
	assert_int_equal(peer_alert(p), -1);
	check_nothing_kept(rig);
}

static void test_R085_record_versions_of_the_first_hello(void **state)
{
	struct peer_rig *const rig = *state;
	static const uint16_t versions[] = { 0xfeff, 0xfefd };
	for (size_t i = 0; i < 2; i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		p->record_version = versions[i];
		peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
		peer_free(p);
	}
}

static void test_R085_a_lower_version_gets_alert_70(void **state)
{
	struct peer_rig *const rig = *state;
	static const uint16_t versions[] = { 0xfeff, 0xfefe, 0xff00 };
	for (size_t i = 0; i < 3; i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		p->hello.version = versions[i];
		peer_rig_ask(rig, p);
		assert_int_equal(peer_alert(p), 70);
		assert_int_equal(peer_last(p, PEER_ALERT, 0)->body[0], 2);
		assert_null(peer_heard(p, PEER_SERVER_HELLO));
		assert_int_equal(dtls_stats(rig->e).handshakes, 0);
		peer_free(p);
	}
}

static void test_R085_a_higher_version_is_answered_with_1_2(void **state)
{
	struct peer_rig *const rig = *state;
	static const uint16_t versions[] = { 0xfefc, 0xfefb };
	for (size_t i = 0; i < 2; i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		p->hello.version = versions[i];
		peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
		assert_int_equal(p->answer.version, 0xfefd);
		peer_free(p);
	}
}

static void test_R087_R089_bytes_of_the_hello_verify_request(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	p->next_seq[0] = 0x102030405;
	peer_say_hello(p);
	assert_int_equal(rig->outs, 1);
	const struct peer_buf *const d = &rig->out[0].data;
	assert_true(net_path_same(&rig->out[0].path, &p->path));
	assert_true(d->len > 13 + 12 + 3);
	const size_t cookie = d->len - 13 - 12 - 3;
	assert_in_range(cookie, 8, 32);
	assert_int_equal(d->at[0], 22);
	const uint64_t version = peer_int(d->at + 1, 2);
	assert_true(version == 0xfeff || version == 0xfefd);
	assert_int_equal(peer_int(d->at + 3, 2), 0);
	assert_int_equal(peer_int(d->at + 5, 6), 0x102030405);
	assert_int_equal(peer_int(d->at + 11, 2), d->len - 13);
	struct peer_buf want = { 0 };
	peer_add_int(&want, 3, 1);          /* hello_verify_request */
	peer_add_int(&want, 3 + cookie, 3); /* length */
	peer_add_int(&want, 0, 2);          /* message_seq */
	peer_add_int(&want, 0, 3);          /* fragment_offset */
	peer_add_int(&want, 3 + cookie, 3); /* fragment_length */
	peer_add_int(&want, 0xfeff, 2);
	peer_add_int(&want, cookie, 1);
	assert_memory_equal(d->at + 13, want.at, want.len);
	peer_buf_free(&want);
	assert_int_equal(dtls_stats(rig->e).verify_sent, 1);
	check_nothing_kept(rig);
	peer_free(p);
}

static void test_R090_a_cookie_is_good_for_one_address_and_one_hello(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	struct peer_buf cookie = { 0 };
	peer_add(&cookie, p->hello.cookie.at, p->hello.cookie.len);
	const struct peer_hello good = p->hello;
	const struct net_path path = p->path;
	uint8_t *const offered = p->hello.suites.at;
	for (int i = 0; i < 7; i++) {
		peer_set(&p->hello.cookie, cookie.at, cookie.len);
		p->path.peer.port ^= i == 0 ? 1 : 0;
		p->path.peer.ip[3] ^= i == 1 ? 1 : 0;
		p->hello.random[31] ^= i == 2 ? 1 : 0;
		p->hello.version = i == 3 ? 0xfefc : good.version;
		peer_set(&p->hello.sid, "s", i == 4 ? 1 : 0);
		offered[1] ^= i == 5 ? 1 : 0;
		peer_set(&p->hello.comps, "\000\001", i == 6 ? 2 : 1);
		check_verified_again(rig, p);
		offered[1] ^= i == 5 ? 1 : 0;
		p->hello.random[31] ^= i == 2 ? 1 : 0;
		p->path = path;
	}
	peer_set(&p->hello.comps, "", 1);
	peer_set(&p->hello.cookie, cookie.at, cookie.len);
	p->msg_out = 1;
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	assert_non_null(peer_heard(p, PEER_SERVER_HELLO));
	peer_buf_free(&cookie);
	peer_free(p);
}

static void test_R091_cookies_grow_old(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	peer_rig_until(rig, rig->now_ms + (2 * COOKIE_AGE_S + 1) * UINT64_C(1000));
	check_verified_again(rig, p);
	peer_rig_until(rig, rig->now_ms + (COOKIE_AGE_S - 1) * UINT64_C(1000));
	p->msg_out = 1;
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	assert_non_null(peer_heard(p, PEER_SERVER_HELLO));
	peer_free(p);
}

static void test_R091_cookies_of_another_engine_are_worthless(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer_rig *const before = peer_rig_new(NULL);
	before->seed = 99;
	struct peer *const p = peer_rig_peer(before, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(before, p);
	assert_int_equal(p->verifies, 1);
	/* our seed counts up as the engine draws, as the operating system's would */
	struct peer *const q = peer_rig_peer(rig, false, 4000);
	memcpy(q->hello.random, p->hello.random, 32);
	peer_set(&q->hello.cookie, p->hello.cookie.at, p->hello.cookie.len);
	check_verified_again(rig, q);
	peer_free(p);
	peer_free(q);
	peer_rig_free(before);
}

static void test_R092_a_wrong_cookie_is_as_none(void **state)
{
	struct peer_rig *const rig = *state;
	static const size_t lengths[] = { 1, 2, 8, 16, 31, 32, 33, 64, 254, 255 };
	uint8_t cookie[255];
	memset(cookie, 0x5c, sizeof(cookie));
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_set(&p->hello.cookie, cookie, lengths[i]);
		check_verified_again(rig, p);
		peer_free(p);
	}
}

static void test_R092_every_bit_of_the_cookie_counts(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	struct peer_buf cookie = { 0 };
	peer_add(&cookie, p->hello.cookie.at, p->hello.cookie.len);
	for (size_t i = 0; i < cookie.len * 8; i++) {
		peer_set(&p->hello.cookie, cookie.at, cookie.len);
		p->hello.cookie.at[i / 8] ^= (uint8_t)(1U << i % 8);
		check_verified_again(rig, p);
	}
	for (size_t n = 1; n < cookie.len; n++) {
		peer_set(&p->hello.cookie, cookie.at, n);
		check_verified_again(rig, p);
	}
	peer_buf_free(&cookie);
	peer_free(p);
}

static void test_R093_numbers_of_the_server_hello(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	peer_forget(p);
	p->next_seq[0] = 0x7700;
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	assert_non_null(peer_heard(p, PEER_SERVER_HELLO));
	assert_int_equal(peer_heard(p, PEER_SERVER_HELLO)->seq, 1);
	assert_int_equal(peer_heard(p, PEER_HELLO_DONE)->seq, 2);
	assert_int_equal(p->rec[0].seq, 0x7700);
	assert_int_equal(p->rec[0].version, 0xfefd);
	peer_say_flight5(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	peer_check_numbers(p);
	peer_free(p);
}

/* RFC 6347 4.2.2: the third hello is a new message, so its number is 2. */
static void test_R093_an_altered_hello_is_verified_again_and_then_served(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	p->hello.random[0] ^= 1;
	check_verified_again(rig, p);
	peer_say_hello(p);
	assert_int_equal(p->mine[PEER_CLIENT_HELLO].seq, 2);
	peer_rig_pump(rig, p);
	assert_non_null(peer_heard(p, PEER_SERVER_HELLO));
	peer_say_flight5(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
	peer_free(p);
}

static void test_R319_I9_strangers_leave_nothing_behind(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	size_t before = 0;
	for (int i = 0; i < 20000; i++) {
		if (i == 100)
			before = mallinfo2().uordblks;
		p->path.peer.port = (uint16_t)(1024 + i % 60000);
		p->path.peer.ip[2] = (uint8_t)(i >> 3);
		p->hello.random[i % 32]++;
		p->msg_out = 0;
		peer_buf_clear(&p->hello.cookie);
		peer_say_hello(p);
		assert_int_equal(peer_rig_pump(rig, p), 1);
		peer_forget(p);
	}
	assert_true(mallinfo2().uordblks <= before + 4096);
	check_nothing_kept(rig);
	assert_int_equal(dtls_stats(rig->e).verify_sent, 20000);
	peer_free(p);
}

/* One datagram of a stranger: nothing is kept, and the answer is no longer than the question. */
static void check_stranger(
	struct peer_rig *rig, const struct peer *p, const uint8_t *data, size_t len)
{
	peer_rig_input(rig, p, data, len);
	size_t answer = 0;
	for (size_t i = 0; i < rig->outs; i++)
		answer += rig->out[i].data.len;
	assert_true(answer <= len);
	peer_rig_drop(rig);
	check_nothing_kept(rig);
}

static void discard(void *ctx, struct peer *p, const uint8_t *datagram, size_t len)
{
	struct peer_buf *const kept = ctx;
	(void)p;
	peer_set(kept, datagram, len);
}

static void test_R320_I9_no_stranger_gets_more_than_he_brings(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct peer_buf hello = { 0 };
	p->hello.no_exts = true; /* the shortest there is */
	p->send = discard;
	p->ctx = &hello;
	peer_say_hello(p);
	check_stranger(rig, p, hello.at, hello.len);
	for (size_t n = 0; n < hello.len; n++)
		check_stranger(rig, p, hello.at, n);
	for (size_t i = 0; i < hello.len; i++) {
		const uint8_t was = hello.at[i];
		for (unsigned v = 0; v < 256; v++) {
			hello.at[i] = (uint8_t)v;
			check_stranger(rig, p, hello.at, hello.len);
		}
		hello.at[i] = was;
	}
	/* ten hellos in one datagram */
	struct peer_buf many = { 0 };
	for (int i = 0; i < 10; i++)
		peer_add(&many, hello.at, hello.len);
	check_stranger(rig, p, many.at, many.len);
	peer_buf_free(&many);
	peer_buf_free(&hello);
	peer_free(p);
}

static void test_R137_R114_other_datagrams_of_strangers_get_nothing(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	uint8_t d[64] = { 0, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 51, 2, 40 };
	for (unsigned type = 0; type < 256; type++) {
		for (uint8_t epoch = 0; epoch < 3; epoch++) {
			d[0] = (uint8_t)type;
			d[4] = epoch;
			peer_rig_input(rig, p, d, sizeof(d));
			peer_rig_input(rig, p, d, 1);
			assert_int_equal(rig->outs, 0);
		}
	}
	peer_rig_input(rig, p, d, 0);
	/* each kind of handshake message but the hello, well formed */
	for (uint8_t type = 0; type < 32; type++) {
		if (type == PEER_CLIENT_HELLO)
			continue;
		const uint8_t m[12] = { type };
		peer_put_next(p, PEER_HANDSHAKE, 0, m, sizeof(m));
		peer_flush(p);
	}
	peer_put_ccs(p);
	peer_flush(p);
	peer_say_alert(p, 0, 2, 40);
	assert_int_equal(rig->outs, 0);
	assert_true(dtls_stats(rig->e).junk > 0);
	check_nothing_kept(rig);
	peer_free(p);
}

static void test_a_hello_at_a_client_socket_is_junk(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	p->server = true; /* the rig takes the role from it */
	peer_say_hello(p);
	assert_int_equal(rig->outs, 0);
	check_nothing_kept(rig);
	assert_true(dtls_stats(rig->e).junk > 0);
	peer_free(p);
}

static void test_R031_R085_random_is_not_read_as_time_and_old_session_ids_are_not_taken(
	void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	static const uint8_t sid[32] = { 1, 2, 3 };
	memset(p->hello.random, 0, 32);
	peer_set(&p->hello.sid, sid, sizeof(sid));
	peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
	assert_false(p->answer.sid.len == 32 && memcmp(p->answer.sid.at, sid, 32) == 0);
	peer_free(p);
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		RIG(test_R085_record_versions_of_the_first_hello),
		RIG(test_R085_a_lower_version_gets_alert_70),
		RIG(test_R085_a_higher_version_is_answered_with_1_2),
		RIG(test_R087_R089_bytes_of_the_hello_verify_request),
		RIG(test_R090_a_cookie_is_good_for_one_address_and_one_hello),
		RIG(test_R091_cookies_grow_old),
		RIG(test_R091_cookies_of_another_engine_are_worthless),
		RIG(test_R092_a_wrong_cookie_is_as_none),
		RIG(test_R092_every_bit_of_the_cookie_counts),
		RIG(test_R093_numbers_of_the_server_hello),
		RIG(test_R093_an_altered_hello_is_verified_again_and_then_served),
		RIG(test_R319_I9_strangers_leave_nothing_behind),
		RIG(test_R320_I9_no_stranger_gets_more_than_he_brings),
		RIG(test_R137_R114_other_datagrams_of_strangers_get_nothing),
		RIG(test_a_hello_at_a_client_socket_is_junk),
		RIG(test_R031_R085_random_is_not_read_as_time_and_old_session_ids_are_not_taken),
	};
	return cmocka_run_group_tests_name("dtls/wire_hello", tests, NULL, NULL);
}
