/* SPDX-License-Identifier: Apache-2.0 */
/* Requirements of area A that no other test holds: who proves what, and how many handshakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "peer_pair.h"
#include "trust.h"

enum { HOUR_MS = 3600000 };

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

/* The gateway's proof is its Finished, which is under the device's key or never leaves. */
static void test_R002_a_device_with_another_key_hears_no_proof_and_no_data(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_key(p, "sixteen octets..", 16); /* as another gateway would have it */
	peer_rig_to_flight4(rig, p);
	peer_say_flight5(p);
	peer_rig_until(rig, rig->now_ms + HOUR_MS);
	peer_rig_pump(rig, p);
	assert_false(p->done);
	assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), 0);
	assert_int_equal(peer_count(p, PEER_DATA, 1), 0);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
	peer_free(p);
}

static void test_R002_to_each_device_by_its_own_key(void **state)
{
	struct peer_rig *const rig = *state;
	static const char *const names[] = { "one", "two" };
	static const char *const keys[] = { "the key of device one", "another key for the 2nd" };
	for (size_t i = 0; i < 2; i++)
		peer_rig_cred(rig, names[i], strlen(names[i]), keys[i], strlen(keys[i]));
	for (size_t i = 0; i < 4; i++) {
		struct peer *const p = peer_rig_peer(rig, false, 4000 + i);
		peer_identity(p, names[i % 2], strlen(names[i % 2]));
		peer_key(p, keys[i / 2], strlen(keys[i / 2]));
		peer_rig_to_flight4(rig, p);
		peer_say_flight5(p);
		peer_rig_pump(rig, p);
		assert_int_equal(p->done, i % 2 == i / 2); /* computed with its own key alone */
		peer_free(p);
	}
}

/* Nor one who knows another key, or another name, than the gateway's own. */
static void test_R002_nor_by_another_public_key_or_name(void **state)
{
	(void)state;
	for (enum kind k = KIND_RAW; k < KINDS; k++) {
		if (k == KIND_RAW && !dtls_profile_can_raw())
			continue;
		struct trust *const t = trust_new(21, k, 0xc0ae);
		struct pair *const p = t->p;
		if (k == KIND_RAW)
			t->set[CLIENT].pins[0][31] ^= 1;
		else
			t->set[CLIENT].server_name = "other.example";
		trust_connect(t, 0);
		pair_run(p, p->now_ms + HOUR_MS);
		assert_int_equal(p->side[CLIENT].count[UP], 0);
		assert_int_equal(p->side[CLIENT].count[FAILED], 1);
		assert_int_equal(p->side[SERVER].count[UP], 0);
		assert_int_equal(p->asked, 0); /* it did not come as far as to show its own */
		for (size_t i = 0; i + 2 < p->wire_log_len; i += 3)
			assert_int_equal(p->wire_log[i + 1], 0); /* nothing in epoch 1 */
		trust_free(t);
	}
}

/* A ClientHello, or anything else of a handshake, waits to go out. */
static bool handshakes(const struct peer_rig *rig)
{
	for (size_t i = 0; i < rig->outs; i++) {
		const struct peer_buf *const d = &rig->out[i].data;
		for (size_t at = 0; at + PEER_RECORD_HEADER <= d->len;
			at += PEER_RECORD_HEADER + (size_t)peer_int(d->at + at + 11, 2)) {
			if (d->at[at] == PEER_HANDSHAKE)
				return true;
		}
	}
	return false;
}

static void test_R012_nothing_begins_a_handshake_towards_a_device(void **state)
{
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct peer *const server = peer_rig_peer(rig, true, 5684);
	assert_int_equal(peer_rig_connect(rig, server), DTLS_OK);
	assert_true(handshakes(rig)); /* as it would look */
	dtls_connect_cancel(rig->e, &server->path);
	peer_rig_drop(rig);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	/* The device has gone; what it is told is sent, and never leads to a hello. */
	for (int i = 0; i < 50; i++) {
		assert_int_equal(
			dtls_send(rig->e, c, (const uint8_t *)"still there?", 12), DTLS_OK);
		peer_rig_until(rig, rig->now_ms + HOUR_MS);
		dtls_unreachable(rig->e, &p->path, rig->now_ms);
		assert_false(handshakes(rig));
		peer_rig_drop(rig);
	}
	/* Nor when it says that it has no association any more. */
	peer_say_alert(p, 1, 1, 0);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_DOWN), 1);
	peer_rig_until(rig, rig->now_ms + HOUR_MS);
	assert_false(handshakes(rig));
	peer_free(server);
	peer_free(p);
}

/* A request each 86.4 s for a day, in turn from either side. */
static void test_R013_one_handshake_serves_a_day_of_exchanges(void **state)
{
	enum { CYCLES = 1000, CYCLE_MS = 86400 };
	struct peer_rig *const rig = *state;
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	struct dtls_conn *const c = peer_rig_meet(rig, p);
	for (int i = 0; i < CYCLES; i++) {
		peer_rig_until(rig, rig->now_ms + CYCLE_MS);
		assert_false(handshakes(rig));
		peer_rig_check_alive(rig, p, c);
		peer_rig_forget(rig);
	}
	const struct dtls_stats st = dtls_stats(rig->e);
	assert_int_equal(st.handshakes_done[DTLS_SERVER], 1);
	assert_int_equal(st.handshakes, 0);
	assert_int_equal(st.conns, 1);
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_DOWN), 0);
	peer_free(p);
}

int main(void)
{
#define RIG(f) cmocka_unit_test_setup_teardown(f, rig_up, rig_down)
	const struct CMUnitTest tests[] = {
		RIG(test_R002_a_device_with_another_key_hears_no_proof_and_no_data),
		RIG(test_R002_to_each_device_by_its_own_key),
		cmocka_unit_test(test_R002_nor_by_another_public_key_or_name),
		RIG(test_R012_nothing_begins_a_handshake_towards_a_device),
		RIG(test_R013_one_handshake_serves_a_day_of_exchanges),
	};
	return cmocka_run_group_tests_name("dtls/conf_session", tests, NULL, NULL);
}
