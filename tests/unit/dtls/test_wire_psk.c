/* SPDX-License-Identifier: Apache-2.0 */
/* Identities, keys and the Finished, in server role. */
#include "peer_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

static void test_R168_R094_R054_master_secret_with_ems(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	assert_true(p->ems_on);
	size_t len = 9;
	assert_non_null(peer_ext_find(&p->answer.exts, 23, &len));
	assert_int_equal(len, 0);
	peer_rig_check_alive(rig, p, c);
	peer_check_numbers(p);
	assert_int_equal(dtls_conn_cred(c), 7);
	assert_int_equal(dtls_conn_role(c), DTLS_SERVER);
	assert_true(net_path_same(dtls_conn_path(c), &p->path));
	peer_free(p);
}

static void test_R168_R094_R054_master_secret_without_ems(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	p->ems = false;
	peer_client_exts(p);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	assert_null(peer_ext_find(&p->answer.exts, 23, NULL));
	assert_false(p->ems_on);
	peer_rig_check_alive(rig, p, c);
	peer_check_numbers(p);
	peer_free(p);
}

static void test_R031_R119_each_handshake_has_its_own_randoms_and_numbers(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct peer *const q = peer_rig_peer(rig, false, 4001);
	memcpy(q->hello.random, p->hello.random, 32);
	peer_rig_meet(rig, p);
	peer_rig_meet(rig, q);
	assert_memory_not_equal(p->answer.random, q->answer.random, 32);
	assert_memory_not_equal(p->key[0], q->key[0], 16);
	assert_memory_not_equal(p->key[1], q->key[1], 16);
	assert_int_equal(peer_last(p, PEER_HANDSHAKE, 1)->seq, 0);
	assert_int_equal(peer_last(q, PEER_HANDSHAKE, 1)->seq, 0);
	peer_free(p);
	peer_free(q);
}

static void test_R049_identities_are_octets(void **state)
{
	struct peer_rig *const rig = *state;
	static const struct {
		const char *identity;
		size_t len;
	} things[] = { { "a", 1 }, { "a\0b", 3 }, { "A", 1 }, { "\xc3\xa9", 2 }, { "e\xcc\x81", 3 },
		{ "\0", 1 }, { "a\0", 2 } };
	for (size_t i = 0; i < COUNT_OF(things); i++) {
		const uint8_t key[16] = { 0x31, (uint8_t)i };
		peer_rig_cred(rig, things[i].identity, things[i].len, key, sizeof(key));
	}
	for (size_t i = 0; i < COUNT_OF(things); i++) {
		const uint8_t key[16] = { 0x31, (uint8_t)i };
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_identity(p, things[i].identity, things[i].len);
		peer_key(p, key, sizeof(key));
		struct dtls_conn *const c = peer_rig_meet(rig, p);
		assert_int_equal(dtls_conn_cred(c), 8 + i);
		peer_rig_check_alive(rig, p, c);
		peer_free(p);
	}
	for (size_t i = 0; i < rig->events; i++)
		assert_true(rig->event[i].told != PEER_TOLD_PSK || rig->event[i].known);
}

/* "thing" is known; what only begins so is not. */
static void test_R049_no_identity_is_cut_at_nul(void **state)
{
	struct peer_rig *const rig = *state;
	static const struct {
		const char *identity;
		size_t len;
	} others[] = { { "thing\0", 6 }, { "thing\0x", 7 }, { "thin", 4 }, { "Thing", 5 },
		{ "thing ", 6 } };
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_identity(p, others[i].identity, others[i].len);
		peer_rig_to_flight4(rig, p);
		peer_say_flight5(p);
		peer_rig_pump(rig, p);
		assert_false(p->done);
		const struct peer_event *const ev = peer_rig_event(rig, PEER_TOLD_PSK);
		assert_non_null(ev);
		assert_int_equal(ev->body.len, others[i].len);
		assert_memory_equal(ev->body.at, others[i].identity, others[i].len);
		assert_false(ev->known);
		peer_free(p);
	}
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
}

static void test_R050_identities_to_128_and_keys_to_64_octets(void **state)
{
	struct peer_rig *const rig = *state;
	static const size_t identities[] = { 1, 127, 128 };
	static const size_t keys[] = { 1, 63, 64 };
	for (size_t i = 0; i < 3; i++) {
		uint8_t identity[128];
		uint8_t key[64];
		memset(identity, 'i' + (int)i, sizeof(identity));
		memset(key, 0x71 + (int)i, sizeof(key));
		peer_rig_cred(rig, identity, identities[i], key, keys[i]);
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_identity(p, identity, identities[i]);
		peer_key(p, key, keys[i]);
		struct dtls_conn *const c = peer_rig_meet(rig, p);
		assert_int_equal(dtls_conn_cred(c), 8 + i);
		peer_rig_check_alive(rig, p, c);
		peer_free(p);
	}
}

/* Even if the owner knew it. */
static void test_R050_longer_identities_fail_and_harm_nobody(void **state)
{
	struct peer_rig *const rig = *state;
	static const size_t lengths[] = { 129, 255, 256, 257, 500 };
	uint8_t identity[512];
	memset(identity, 'x', sizeof(identity));
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		peer_rig_cred(rig, identity, lengths[i], peer_rig_key, sizeof(peer_rig_key));
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_identity(p, identity, lengths[i]);
		peer_rig_to_flight4(rig, p);
		peer_say_flight5(p);
		for (int n = 0; n < 8; n++)
			peer_say_again(p);
		peer_rig_pump(rig, p);
		assert_false(p->done);
		assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
		assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), i + 1);
		peer_free(p);
	}
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	struct peer *const good = peer_rig_peer(rig, false, 5000);
	peer_rig_check_alive(rig, good, peer_rig_meet(rig, good));
	peer_free(good);
}

/* --- R-051, R-052 ---------------------------------------------------------------------------- */

/* What can be seen from outside of one failing handshake: time, size, kind, and alerts in clear. */
static void watch(struct peer_rig *rig, struct peer *p, struct peer_buf *seen)
{
	for (size_t i = 0; i < rig->outs; i++) {
		const struct peer_sent *const out = &rig->out[i];
		peer_add_int(seen, out->at_ms - PEER_RIG_START_MS, 8);
		peer_add_int(seen, out->data.len, 4);
		peer_add(seen, out->data.at, 13);
	}
	const size_t before = p->recs;
	peer_rig_pump(rig, p);
	for (size_t i = before; i < p->recs; i++) {
		peer_add_int(seen, p->rec[i].type, 1);
		if (p->rec[i].type == PEER_ALERT)
			peer_add(seen, p->rec[i].body, p->rec[i].len);
	}
}

/* Flight 5 and its repetitions, at the times of an ordinary client. Returns the alert. */
static int fail_handshake(bool unknown, bool repeat, struct peer_buf *seen, struct peer_event *told)
{
	static const uint64_t repeats_s[] = { 9, 27, 63, 123, 183, 243 };
	struct peer_rig *const rig = peer_rig_new(NULL);
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	if (unknown)
		peer_identity(p, "thinx", 5);
	else
		p->psk[0] ^= 1;
	peer_say_hello(p);
	watch(rig, p, seen);
	peer_say_hello(p);
	watch(rig, p, seen);
	assert_true(p->flight);
	peer_say_flight5(p);
	watch(rig, p, seen);
	for (size_t i = 0; i < COUNT_OF(repeats_s); i++) {
		peer_rig_until(rig, PEER_RIG_START_MS + repeats_s[i] * 1000);
		watch(rig, p, seen);
		if (repeat)
			peer_say_again(p);
		watch(rig, p, seen);
	}
	const int alert = peer_alert(p);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), 1);
	*told = *peer_rig_event(rig, PEER_TOLD_FAILED);
	told->body = (struct peer_buf){ 0 };
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	peer_free(p);
	peer_rig_free(rig);
	return alert;
}

static void check_indistinguishable(bool repeat)
{
	struct peer_buf a = { 0 };
	struct peer_buf b = { 0 };
	struct peer_event unknown = { 0 };
	struct peer_event wrong = { 0 };
	const int alert = fail_handshake(true, repeat, &a, &unknown);
	assert_int_equal(alert, fail_handshake(false, repeat, &b, &wrong));
	assert_true(alert == 51 || (alert == -1 && !repeat));
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.at, b.at, a.len);
	assert_int_equal(unknown.at_ms, wrong.at_ms);
	/* the operator is told which it was */
	assert_int_equal(unknown.cause, DTLS_FAIL_IDENTITY);
	assert_int_equal(unknown.cred, DTLS_NO_CRED);
	assert_int_equal(wrong.cause, DTLS_FAIL_KEY);
	assert_int_equal(wrong.cred, 7);
	peer_buf_free(&a);
	peer_buf_free(&b);
}

static void test_R051_R052_unknown_identity_and_wrong_key_end_in_the_same_alert_51(void **state)
{
	(void)state;
	check_indistinguishable(true);
}

static void test_R052_they_look_alike_when_the_device_says_no_more(void **state)
{
	(void)state;
	check_indistinguishable(false);
}

/* --- before and without a good Finished ------------------------------------------------------ */

static void test_R001_I3_nothing_in_clear_is_ever_delivered(void **state)
{
	struct peer_rig *const rig = *state;
	static const uint8_t coap[] = { 0x40, 0x01, 0x12, 0x34 };
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_input(rig, p, coap, sizeof(coap));
	peer_put_next(p, PEER_DATA, 0, coap, sizeof(coap));
	peer_flush(p);
	assert_int_equal(rig->outs, 0);
	peer_rig_to_flight4(rig, p);
	peer_put_next(p, PEER_DATA, 0, coap, sizeof(coap));
	peer_flush(p);
	peer_say_flight5(p);
	peer_put_next(p, PEER_DATA, 0, coap, sizeof(coap));
	peer_flush(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), 0);
	peer_rig_check_alive(rig, p, peer_rig_event(rig, PEER_TOLD_UP)->conn);
	peer_free(p);
}

static void data_first(struct peer_rig *rig, struct peer *p, bool after_ccs)
{
	peer_rig_to_flight4(rig, p);
	peer_make_client_key(p);
	peer_make_finished(p);
	peer_put_msg(p, PEER_CLIENT_KEY);
	if (after_ccs)
		peer_put_ccs(p);
	p->next_seq[1] = 1;
	peer_put_next(p, PEER_DATA, 1, "early", 5);
	peer_flush(p);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), 0);
	if (!after_ccs)
		peer_put_ccs(p);
	p->next_seq[1] = 0;
	peer_put_msg(p, PEER_FINISHED);
	peer_flush(p);
	peer_rig_pump(rig, p);
	assert_true(p->done);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
	p->next_seq[1] = 2;
	peer_rig_check_alive(rig, p, peer_rig_event(rig, PEER_TOLD_UP)->conn);
	peer_check_numbers(p);
	peer_rig_forget(rig);
}

static void test_R105_data_before_the_finished_is_not_delivered_before_it(void **state)
{
	struct peer_rig *const rig = *state;
	for (size_t i = 0; i < 2; i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		data_first(rig, p, i == 1);
		peer_free(p);
	}
}

static void test_R105_data_in_the_datagram_of_the_finished_is_delivered(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_to_flight4(rig, p);
	peer_make_client_key(p);
	peer_make_finished(p);
	peer_put_msg(p, PEER_CLIENT_KEY);
	peer_put_ccs(p);
	peer_put_msg(p, PEER_FINISHED);
	peer_put_next(p, PEER_DATA, 1, "at once", 7);
	peer_flush(p);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 1);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), 1);
	peer_free(p);
}

static void test_R001_I3_a_wrong_finished_is_refused(void **state)
{
	struct peer_rig *const rig = *state;
	for (size_t i = 0; i < 12; i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_rig_to_flight4(rig, p);
		peer_make_client_key(p);
		peer_make_finished(p);
		p->mine[PEER_FINISHED].body.at[i] ^= 0x80;
		peer_put_msg(p, PEER_CLIENT_KEY);
		peer_put_ccs(p);
		peer_put_msg(p, PEER_FINISHED);
		peer_put_next(p, PEER_DATA, 1, "no", 2);
		peer_flush(p);
		peer_rig_pump(rig, p);
		assert_false(p->done);
		assert_int_equal(peer_alert(p), 51);
		assert_int_equal(dtls_stats(rig->e).conns, 0);
		assert_int_equal(dtls_stats(rig->e).handshakes, 0);
		peer_free(p);
	}
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_MESSAGE), 0);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_FAILED), 12);
}

/* Only 12 bytes are a verify_data. */
static void test_R001_I3_a_finished_of_another_length_is_refused(void **state)
{
	struct peer_rig *const rig = *state;
	static const size_t lengths[] = { 0, 1, 11, 13, 36 };
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_rig_to_flight4(rig, p);
		peer_make_client_key(p);
		peer_make_finished(p);
		struct peer_buf *const body = &p->mine[PEER_FINISHED].body;
		while (body->len < lengths[i])
			peer_add(body, "", 1);
		body->len = lengths[i];
		peer_put_msg(p, PEER_CLIENT_KEY);
		peer_put_ccs(p);
		peer_put_msg(p, PEER_FINISHED);
		peer_flush(p);
		peer_rig_pump(rig, p);
		assert_false(p->done);
		peer_free(p);
	}
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
}

static void test_R001_a_finished_in_clear_is_refused(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_rig_to_flight4(rig, p);
	peer_make_client_key(p);
	peer_make_finished(p);
	peer_put_msg(p, PEER_CLIENT_KEY);
	struct peer_buf b = { 0 };
	peer_add_fragment(&b, &p->mine[PEER_FINISHED], 0, 12);
	peer_put_next(p, PEER_HANDSHAKE, 0, b.at, b.len);
	peer_flush(p);
	peer_rig_pump(rig, p);
	assert_false(p->done);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
	peer_buf_free(&b);
	peer_free(p);
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		RIG(test_R168_R094_R054_master_secret_with_ems),
		RIG(test_R168_R094_R054_master_secret_without_ems),
		RIG(test_R031_R119_each_handshake_has_its_own_randoms_and_numbers),
		RIG(test_R049_identities_are_octets),
		RIG(test_R049_no_identity_is_cut_at_nul),
		RIG(test_R050_identities_to_128_and_keys_to_64_octets),
		RIG(test_R050_longer_identities_fail_and_harm_nobody),
		cmocka_unit_test(
			test_R051_R052_unknown_identity_and_wrong_key_end_in_the_same_alert_51),
		cmocka_unit_test(test_R052_they_look_alike_when_the_device_says_no_more),
		RIG(test_R001_I3_nothing_in_clear_is_ever_delivered),
		RIG(test_R105_data_before_the_finished_is_not_delivered_before_it),
		RIG(test_R105_data_in_the_datagram_of_the_finished_is_delivered),
		RIG(test_R001_I3_a_wrong_finished_is_refused),
		RIG(test_R001_I3_a_finished_of_another_length_is_refused),
		RIG(test_R001_a_finished_in_clear_is_refused),
	};
	return cmocka_run_group_tests_name("dtls/wire_psk", tests, NULL, NULL);
}
