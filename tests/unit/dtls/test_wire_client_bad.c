/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as client, against servers that are wrong. */
#include "peer_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"

/* --- servers that are wrong ------------------------------------------------------------------ */

static void say_flight4_with(struct peer_pair *pair, void (*change)(struct peer *p))
{
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(pair->p);
	change(pair->p);
	peer_say_flight4(pair->p);
}

static void older(struct peer *p)
{
	p->answer.version = 0xfeff;
}

static void another_suite(struct peer *p)
{
	p->answer.suite = 0x00ae;
}

static void compressed(struct peer *p)
{
	p->answer.comp = 1;
}

static void without_ri(struct peer *p)
{
	peer_buf_clear(&p->answer.exts);
	peer_ext(&p->answer.exts, 23, NULL, 0);
}

static void with_ticket(struct peer *p)
{
	peer_ext(&p->answer.exts, 35, NULL, 0);
}

static void with_cid(struct peer *p)
{
	peer_ext(&p->answer.exts, 54, "\001x", 2);
}

static void test_R086_a_lower_version_is_refused_and_not_tried(void **state)
{
	say_flight4_with(*state, older);
	peer_pair_check_failed_with(*state, 70, 47);
	assert_int_equal(peer_rig_event(((struct peer_pair *)*state)->rig, PEER_TOLD_FAILED)->cause,
		DTLS_FAIL_VERSION);
}

static void test_R293_a_suite_that_was_not_offered_is_refused(void **state)
{
	say_flight4_with(*state, another_suite);
	peer_pair_check_failed_with(*state, 47, 40);
}

static void test_R173_compression_is_refused(void **state)
{
	say_flight4_with(*state, compressed);
	peer_pair_check_failed_with(*state, 47, 40);
}

static void test_R172_a_server_without_renegotiation_info_is_refused(void **state)
{
	say_flight4_with(*state, without_ri);
	peer_pair_check_failed_with(*state, 40, 40);
}

static void test_R180_an_extension_that_was_not_offered_is_refused(void **state)
{
	say_flight4_with(*state, with_ticket);
	peer_pair_check_failed_with(*state, 110, 110);
}

static void test_R139_a_cid_that_was_not_offered_is_refused(void **state)
{
	say_flight4_with(*state, with_cid);
	peer_pair_check_failed_with(*state, 110, 110);
}

static void test_R004_a_wrong_finished_is_refused(void **state)
{
	struct peer_pair *const pair = *state;
	peer_pair_to_flight5(pair);
	peer_make_finished(pair->p);
	pair->p->mine[PEER_FINISHED].body.at[11] ^= 1;
	peer_put_ccs(pair->p);
	peer_put_msg(pair->p, PEER_FINISHED);
	peer_put_next(pair->p, PEER_DATA, 1, "no", 2);
	peer_flush(pair->p);
	peer_pair_check_failed_with(pair, 51, 51);
}

static void test_R004_a_server_with_another_key_is_refused(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer *const p = pair->p;
	p->psk[0] ^= 1;
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(p);
	peer_say_flight4(p);
	peer_rig_pump(pair->rig, p);
	assert_true(p->flight);
	assert_false(p->done); /* it cannot be read */
	peer_make_finished(p);
	for (int i = 0; i < 8; i++) {
		peer_put_ccs(p);
		peer_put_msg(p, PEER_FINISHED);
		peer_flush(p);
	}
	assert_int_equal(peer_pair_check_failed(pair)->cause, DTLS_FAIL_KEY);
}

static void test_R123_forged_records_before_the_finished_do_not_end_the_handshake(void **state)
{
	struct peer_pair *const pair = *state;
	static const uint8_t forged[13 + 40] = { 22, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40 };
	peer_pair_to_flight5(pair);
	peer_rig_input(pair->rig, pair->p, forged, sizeof(forged));
	peer_rig_input(pair->rig, pair->p, forged, sizeof(forged));
	peer_say_flight6(pair->p);
	peer_pair_check_up(pair);
}

static void test_R105_data_before_the_finished_is_not_delivered_before_it(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_pair_to_flight5(pair);
	peer_make_finished(p);
	p->next_seq[1] = 1;
	peer_put_next(p, PEER_DATA, 1, "early", 5);
	peer_flush(p);
	peer_put_next(p, PEER_DATA, 0, "clear", 5);
	peer_flush(p);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_MESSAGE), 0);
	p->next_seq[1] = 0;
	peer_put_ccs(p);
	peer_put_msg(p, PEER_FINISHED);
	peer_flush(p);
	p->next_seq[1] = 2;
	peer_rig_pump(pair->rig, p);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_UP), 1);
	peer_pair_check_up(pair);
}

/* What no server may say, there or ever, is dropped (RFC 6347 4.1.2.7 lets us): one forged datagram
   would otherwise end the handshake. The right message with its number then goes through. */
static void check_dropped(struct peer_pair *pair, uint8_t type, uint8_t seq)
{
	const uint8_t forged[12 + 7] = { type, 0, 0, 7, 0, seq, 0, 0, 0, 0, 0, 7, 0, 5, 't' };
	for (int i = 0; i < 5; i++) {
		peer_put_next(pair->p, PEER_HANDSHAKE, 0, forged, sizeof(forged));
		peer_flush(pair->p);
	}
	assert_int_equal(peer_rig_pump(pair->rig, pair->p), 0);
	assert_int_equal(peer_rig_told(pair->rig, PEER_TOLD_FAILED), 0);
}

static void check_does_no_harm(struct peer_pair *pair, uint8_t type, bool after_hello)
{
	struct peer *const p = pair->p;
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(p);
	if (!after_hello)
		check_dropped(pair, type, 1);
	peer_make_server_hello(p);
	peer_put_msg(p, PEER_SERVER_HELLO);
	peer_flush(p);
	if (after_hello)
		check_dropped(pair, type, 2);
	peer_make_hello_done(p);
	peer_put_msg(p, PEER_HELLO_DONE);
	peer_flush(p);
	peer_rig_pump(pair->rig, p);
	assert_true(p->done);
	peer_say_flight6(p);
	peer_pair_check_up(pair);
}

static void test_a_message_before_the_server_hello_does_no_harm(void **state)
{
	check_does_no_harm(*state, PEER_SERVER_KEY, false);
}

static void test_a_second_server_hello_does_no_harm(void **state)
{
	check_does_no_harm(*state, PEER_SERVER_HELLO, true);
}

static void test_a_forged_certificate_does_no_harm(void **state)
{
	check_does_no_harm(*state, PEER_CERTIFICATE, true);
}

static void test_a_forged_message_of_clients_does_no_harm(void **state)
{
	check_does_no_harm(*state, PEER_CLIENT_KEY, true);
}

static void test_a_server_hello_that_is_cut_is_fatal(void **state)
{
	struct peer_pair *const pair = *state;
	struct peer *const p = pair->p;
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(p);
	peer_make_server_hello(p);
	p->mine[PEER_SERVER_HELLO].body.len = 36;
	peer_put_msg(p, PEER_SERVER_HELLO);
	peer_flush(p);
	peer_pair_check_failed_with(pair, 50, 47);
}

static void test_R115_the_servers_alert_is_told(void **state)
{
	static const uint8_t alerts[] = { 40, 51, 70, 71, 80, 115 };
	for (size_t i = 0; i < COUNT_OF(alerts); i++) {
		void *one = NULL;
		assert_int_equal(peer_pair_up(&one), 0);
		struct peer_pair *const pair = one;
		if (i % 2 == 1)
			peer_pair_to_flight5(pair);
		peer_say_alert(pair->p, 0, 2, alerts[i]);
		const struct peer_event *const ev = peer_pair_check_failed(pair);
		assert_int_equal(ev->cause, DTLS_FAIL_ALERT);
		assert_int_equal(ev->alert, alerts[i]);
		assert_int_equal(peer_alert(pair->p), -1); /* it is not answered by another */
		peer_pair_down(&one);
	}
	(void)state;
}

static void test_R115_a_warning_does_not_end_the_handshake(void **state)
{
	struct peer_pair *const pair = *state;
	peer_say_alert(pair->p, 0, 1, 112);
	peer_pair_to_flight5(pair);
	peer_say_alert(pair->p, 0, 1, 112);
	peer_say_flight6(pair->p);
	peer_pair_check_up(pair);
}

static void test_R161_a_length_that_does_not_exist_is_refused(void **state)
{
	struct peer_pair *const pair = *state;
	peer_pair_verify(pair, 0, "chocolate");
	peer_server_exts(pair->p);
	peer_ext(&pair->p->answer.exts, 1, "\377", 1);
	peer_say_flight4(pair->p);
	peer_pair_check_failed_with(pair, 110, 110);
}

int main(void)
{
#define PAIR(f) cmocka_unit_test_setup_teardown(f, peer_pair_up, peer_pair_down)
	const struct CMUnitTest tests[] = {
		PAIR(test_R161_a_length_that_does_not_exist_is_refused),
		PAIR(test_R086_a_lower_version_is_refused_and_not_tried),
		PAIR(test_R293_a_suite_that_was_not_offered_is_refused),
		PAIR(test_R173_compression_is_refused),
		PAIR(test_R172_a_server_without_renegotiation_info_is_refused),
		PAIR(test_R180_an_extension_that_was_not_offered_is_refused),
		PAIR(test_R139_a_cid_that_was_not_offered_is_refused),
		PAIR(test_R004_a_wrong_finished_is_refused),
		PAIR(test_R004_a_server_with_another_key_is_refused),
		PAIR(test_R123_forged_records_before_the_finished_do_not_end_the_handshake),
		PAIR(test_R105_data_before_the_finished_is_not_delivered_before_it),
		PAIR(test_a_message_before_the_server_hello_does_no_harm),
		PAIR(test_a_second_server_hello_does_no_harm),
		PAIR(test_a_forged_certificate_does_no_harm),
		PAIR(test_a_forged_message_of_clients_does_no_harm),
		PAIR(test_a_server_hello_that_is_cut_is_fatal),
		PAIR(test_R115_the_servers_alert_is_told),
		PAIR(test_R115_a_warning_does_not_end_the_handshake),
	};
	return cmocka_run_group_tests_name("dtls/wire_client_bad", tests, NULL, NULL);
}
