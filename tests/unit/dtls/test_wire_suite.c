/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine negotiates as server: suites, compression, extensions. */
#include "peer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

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

/* No ServerHello came, but a fatal alert of the list (a, b), and nothing is left. */
static void check_refused(const struct peer_rig *rig, const struct peer *p, int a, int b)
{
	assert_null(peer_heard(p, PEER_SERVER_HELLO));
	const int alert = peer_alert(p);
	if (alert != a && alert != b)
		fail_msg("alert %d, not %d or %d", alert, a, b);
	assert_int_equal(peer_last(p, PEER_ALERT, 0)->body[0], 2);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	assert_int_equal(dtls_stats(rig->e).handshake_bytes, 0);
}

static void test_R043_R005_of_all_suites_one_is_accepted(void **state)
{
	struct peer_rig *const rig = *state;
	unsigned served = 0;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	for (unsigned suite = 0; suite < 0x10000; suite++) {
		p->path.peer.port = (uint16_t)(2000 + suite % 256);
		p->path.peer.ip[2] = (uint8_t)(suite >> 8);
		rig->now_ms += 2000; /* or the source would be suspected */
		p->msg_out = 0;
		p->answer.suite = 0;
		peer_buf_clear(&p->hello.cookie);
		peer_buf_clear(&p->hello.suites);
		peer_add_int(&p->hello.suites, suite, 2);
		peer_rig_ask(rig, p);
		if (peer_heard(p, PEER_SERVER_HELLO)) {
			served++;
			assert_int_equal(suite, PEER_SUITE);
			assert_int_equal(p->answer.suite, PEER_SUITE);
		} else {
			assert_int_equal(peer_alert(p), 40);
		}
		peer_forget(p);
		peer_rig_forget(rig);
	}
	assert_int_equal(served, 1);
	assert_int_equal(dtls_stats(rig->e).handshakes, 1);
	peer_free(p);
}

static void test_R038_the_one_is_found_among_others(void **state)
{
	struct peer_rig *const rig = *state;
	static const uint16_t offered[] = { 0x1a1a, 0x00ae, 0xc0ae, 0xc023, 0x008c, 0xc0a8,
		0x00ff };
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_buf_clear(&p->hello.suites);
	for (size_t i = 0; i < COUNT_OF(offered); i++)
		peer_add_int(&p->hello.suites, offered[i], 2);
	peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
	assert_int_equal(p->answer.suite, PEER_SUITE);
	peer_free(p);
}

static void test_R043_no_suite_in_common_is_told_with_what_was_offered(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_set(&p->hello.suites, "\x00\xae\xc0\x2b", 4);
	peer_rig_ask(rig, p);
	check_refused(rig, p, 40, 71);
	const struct peer_event *const ev = peer_rig_event(rig, PEER_TOLD_FAILED);
	assert_non_null(ev);
	assert_int_equal(ev->cause, DTLS_FAIL_SUITE);
	assert_int_equal(ev->role, DTLS_SERVER);
	assert_true(net_path_same(&ev->path, &p->path));
	peer_free(p);
}

/* A peer that keeps asking wrongly gets the same answer each time, and one that then asks rightly
   is served. */
static void test_R113_a_bad_hello_again_is_refused_again(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_set(&p->hello.suites, "\x00\xae", 2);
	peer_rig_ask(rig, p);
	check_refused(rig, p, 40, 71);
	for (size_t i = 2; i < 6; i++) {
		peer_say_again(p);
		peer_rig_pump(rig, p);
		assert_int_equal(peer_count(p, PEER_ALERT, 0), i);
	}
	struct peer *const q = peer_rig_peer(rig, false, 4000);
	peer_rig_check_alive(rig, q, peer_rig_meet(rig, q));
	peer_free(q);
	peer_free(p);
}

static void test_R173_only_null_compression(void **state)
{
	struct peer_rig *const rig = *state;
	static const struct {
		const char *comps;
		size_t len;
		bool good;
	} cases[] = { { "\001\000", 2, true }, { "\000\001\100", 3, true }, { "\001", 1, false },
		{ "\001\100", 2, false }, { "", 0, false } };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_set(&p->hello.comps, cases[i].comps, cases[i].len);
		if (cases[i].good) {
			peer_rig_meet(rig, p);
			assert_int_equal(p->answer.comp, 0);
		} else {
			peer_rig_ask(rig, p);
			assert_null(peer_heard(p, PEER_SERVER_HELLO));
			/* libssl 3.0 says decode_error (50) */
			if (cases[i].len > 0 && peer_alert(p) != 50)
				check_refused(rig, p, 40, 47);
		}
		peer_free(p);
	}
}

static void test_R172_renegotiation_info_is_answered_empty(void **state)
{
	struct peer_rig *const rig = *state;
	for (size_t i = 0; i < 4; i++) {
		const bool scsv = i & 1;
		const bool ext = i & 2;
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_buf_clear(&p->hello.exts);
		if (ext)
			peer_ext(&p->hello.exts, 0xff01, "", 1);
		if (scsv)
			peer_add_int(&p->hello.suites, 0x00ff, 2);
		peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
		size_t len = 0;
		const uint8_t *const ri = peer_ext_find(&p->answer.exts, 0xff01, &len);
		assert_int_equal(ri != NULL, scsv || ext);
		if (ri) {
			assert_int_equal(len, 1);
			assert_int_equal(ri[0], 0);
		}
		peer_free(p);
	}
}

static void test_R172_a_renegotiation_info_that_is_not_empty_is_refused(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_buf_clear(&p->hello.exts);
	peer_ext(&p->hello.exts, 0xff01, "\x02xy", 3);
	peer_rig_ask(rig, p);
	check_refused(rig, p, 40, 47);
	peer_free(p);
}

static void test_R172_R177_a_hello_without_extensions_is_served_without(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_buf_clear(&p->hello.exts);
	p->hello.no_exts = true;
	peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
	assert_int_equal(p->answer.exts.len, 0);
	assert_false(p->ems_on);
	peer_free(p);
}

static void test_R177_unknown_extensions_are_ignored(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	/* RFC 8701's, the CID's code points of older drafts, and others that nobody has */
	static const uint16_t codes[] = { 0x0a0a, 0x1a1a, 0xfafa, 53, 254, 0x4242, 0xfffe };
	uint8_t body[200];
	memset(body, 0xee, sizeof(body));
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		peer_ext(&p->hello.exts, codes[i], body, i * 30);
	peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
	for (size_t i = 0; i < COUNT_OF(codes); i++)
		assert_null(peer_ext_find(&p->answer.exts, codes[i], NULL));
	peer_free(p);
}

static void check_twice_is_fatal(struct peer_rig *rig, uint16_t code, size_t len)
{
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_buf_clear(&p->hello.exts);
	peer_ext(&p->hello.exts, code, "", len);
	peer_ext(&p->hello.exts, 10, "\x00\x02\x00\x17", 4);
	peer_ext(&p->hello.exts, code, "", len);
	peer_rig_ask(rig, p);
	check_refused(rig, p, 47, 50);
	peer_free(p);
}

static void test_R177_a_known_extension_twice_is_fatal(void **state)
{
	check_twice_is_fatal(*state, 23, 0);
	check_twice_is_fatal(*state, 0xff01, 1);
}

static void test_R177_an_unknown_extension_twice_is_fatal(void **state)
{
	check_twice_is_fatal(*state, 54, 1);
	check_twice_is_fatal(*state, 0x1a1a, 1);
}

/* The block is judged when it is whole, however it came; a hello that has nothing wrong is served
   in pieces, too. */
static void check_in_pieces(struct peer_rig *rig, size_t cut, bool twice)
{
	struct peer *const p = peer_rig_peer(rig, false, 4000 + cut);
	peer_ext(&p->hello.exts, 54, "", 1);
	peer_ext(&p->hello.exts, twice ? 54 : 53, "", 1);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	peer_make_client_hello(p);
	const size_t len = p->mine[PEER_CLIENT_HELLO].body.len;
	peer_put_part(p, PEER_CLIENT_HELLO, 0, len - cut);
	peer_flush(p);
	assert_int_equal(peer_rig_pump(rig, p), 0);
	peer_put_part(p, PEER_CLIENT_HELLO, len - cut, cut);
	peer_flush(p);
	peer_rig_pump(rig, p);
	if (twice) {
		check_refused(rig, p, 47, 50);
	} else {
		assert_non_null(peer_heard(p, PEER_SERVER_HELLO));
		peer_say_flight5(p);
		peer_rig_pump(rig, p);
		assert_true(p->done);
	}
	peer_free(p);
}

static void test_R177_R096_an_extension_twice_in_pieces_is_fatal(void **state)
{
	for (size_t cut = 1; cut < 20; cut++) {
		check_in_pieces(*state, cut, true);
		check_in_pieces(*state, cut, false);
	}
}

/* The second hello, broken in one of three ways after its cookie was given. */
static void check_broken_hello(struct peer_rig *rig, int how)
{
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	peer_make_client_hello(p);
	struct peer_buf *const body = &p->mine[PEER_CLIENT_HELLO].body;
	const size_t exts = body->len - p->hello.exts.len - 2;
	if (how == 0)
		peer_add(body, "x", 1);
	if (how == 1) /* the block is said to be longer than the message */
		body->at[exts + 1]++;
	if (how == 2) /* its first extension is said to be longer than the block */
		body->at[exts + 2 + 3] = 200;
	peer_put_msg(p, PEER_CLIENT_HELLO);
	peer_flush(p);
	peer_rig_pump(rig, p);
	check_refused(rig, p, 47, 50);
	peer_free(p);
}

static void test_R177_bytes_after_the_extensions_are_fatal(void **state)
{
	check_broken_hello(*state, 0);
}

static void test_R177_extensions_longer_than_the_hello_are_fatal(void **state)
{
	check_broken_hello(*state, 1);
}

static void test_R177_an_extension_longer_than_the_block_is_fatal(void **state)
{
	check_broken_hello(*state, 2);
}

/* R-170 encrypt_then_mac is not for AEAD; R-171 truncated_hmac; heartbeat, record_size_limit and
   tickets are not ours; R-181 what is for certificates is ignored. */
static void test_R053_R170_R171_R180_R181_a_plain_psk_flight_whatever_is_offered(void **state)
{
	struct peer_rig *const rig = *state;
	static const struct {
		uint16_t code;
		const char *body;
		size_t len;
	} offers[] = { { 4, "", 0 }, { 22, "", 0 }, { 15, "\001", 1 }, { 28, "\002\000", 2 },
		{ 35, "", 0 }, { 13, "\000\004\004\003\002\003", 6 }, { 10, "\000\002\000\027", 4 },
		{ 11, "\001\000", 2 }, { 19, "\002\002\000", 3 }, { 20, "\002\002\000", 3 },
		{ 3, "\000\000", 2 }, { 25, "\000\000", 2 }, { 16, "\000\005\004coap", 7 } };
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	for (size_t i = 0; i < COUNT_OF(offers); i++)
		peer_ext(&p->hello.exts, offers[i].code, offers[i].body, offers[i].len);
	peer_rig_check_alive(rig, p, peer_rig_meet(rig, p));
	assert_int_equal(p->msgs, 4);
	assert_int_equal(p->msg[0].type, PEER_HELLO_VERIFY);
	assert_int_equal(p->msg[1].type, PEER_SERVER_HELLO);
	assert_int_equal(p->msg[2].type, PEER_HELLO_DONE);
	assert_int_equal(p->msg[2].body.len, 0);
	assert_int_equal(p->msg[3].type, PEER_FINISHED);
	static const uint16_t never[] = { 4, 22, 15, 28, 35, 19, 20, 3, 25 };
	for (size_t i = 0; i < COUNT_OF(never); i++)
		assert_null(peer_ext_find(&p->answer.exts, never[i], NULL));
	peer_free(p);
}

static void test_R161_max_fragment_length_holds(void **state)
{
	struct peer_rig *const rig = *state;
	static uint8_t data[4097];
	for (size_t i = 1; i <= 4; i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		const size_t limit = (size_t)256 << i;
		const uint8_t code = (uint8_t)i;
		peer_ext(&p->hello.exts, 1, &code, 1);
		struct dtls_conn *const c = peer_rig_meet(rig, p);
		size_t len = 0;
		const uint8_t *const echo = peer_ext_find(&p->answer.exts, 1, &len);
		assert_non_null(echo);
		assert_int_equal(len, 1);
		assert_int_equal(echo[0], i);
		assert_int_equal(dtls_send(rig->e, c, data, limit), DTLS_OK);
		assert_int_equal(dtls_send(rig->e, c, data, limit + 1), DTLS_TOO_LONG);
		peer_rig_pump(rig, p);
		assert_int_equal(peer_count(p, PEER_DATA, 1), 1);
		peer_check_numbers(p);
		peer_free(p);
	}
}

static void test_R161_another_max_fragment_length_is_illegal(void **state)
{
	struct peer_rig *const rig = *state;
	static const char *const bodies[] = { "\000", "\005", "\377" };
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_ext(&p->hello.exts, 1, bodies[i], 1);
		peer_rig_ask(rig, p);
		check_refused(rig, p, 47, 47);
		peer_free(p);
	}
}

static void test_R115_refusals_use_no_reserved_alert(void **state)
{
	struct peer_rig *const rig = *state;
	static const int never[] = { 21, 22, 30, 41, 42, 43, 44, 45, 46, 48, 49, 60, 115 };
	for (size_t i = 0; i < 300; i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_say_hello(p);
		peer_rig_pump(rig, p);
		peer_make_client_hello(p);
		struct peer_buf *const body = &p->mine[PEER_CLIENT_HELLO].body;
		body->at[body->len - 1 - i % 14] ^= (uint8_t)(1 + i / 14);
		peer_put_msg(p, PEER_CLIENT_HELLO);
		peer_flush(p);
		peer_rig_pump(rig, p);
		for (size_t n = 0; n < COUNT_OF(never); n++)
			assert_int_not_equal(peer_alert(p), never[n]);
		peer_free(p);
	}
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		RIG(test_R043_R005_of_all_suites_one_is_accepted),
		RIG(test_R038_the_one_is_found_among_others),
		RIG(test_R043_no_suite_in_common_is_told_with_what_was_offered),
		RIG(test_R113_a_bad_hello_again_is_refused_again),
		RIG(test_R173_only_null_compression),
		RIG(test_R172_renegotiation_info_is_answered_empty),
		RIG(test_R172_a_renegotiation_info_that_is_not_empty_is_refused),
		RIG(test_R172_R177_a_hello_without_extensions_is_served_without),
		RIG(test_R177_unknown_extensions_are_ignored),
		RIG(test_R177_a_known_extension_twice_is_fatal),
		RIG(test_R177_an_unknown_extension_twice_is_fatal),
		RIG(test_R177_R096_an_extension_twice_in_pieces_is_fatal),
		RIG(test_R177_bytes_after_the_extensions_are_fatal),
		RIG(test_R177_extensions_longer_than_the_hello_are_fatal),
		RIG(test_R177_an_extension_longer_than_the_block_is_fatal),
		RIG(test_R053_R170_R171_R180_R181_a_plain_psk_flight_whatever_is_offered),
		RIG(test_R161_max_fragment_length_holds),
		RIG(test_R161_another_max_fragment_length_is_illegal),
		RIG(test_R115_refusals_use_no_reserved_alert),
	};
	return cmocka_run_group_tests_name("dtls/wire_suite", tests, NULL, NULL);
}
