/* SPDX-License-Identifier: Apache-2.0 */
/* where there is no randomness, there is no handshake. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "peer_rig.h"
#include "trust.h"

#include <openssl/rand.h>

/* The library's random numbers fail as from now. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the library's type */
static int fails(unsigned char *out, int len)
{
	(void)out;
	(void)len;
	return 0;
}

static int never(void)
{
	return 0;
}

/* The only way to do it in a process whose providers are loaded. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void randomness_ends(void)
{
	static const RAND_METHOD broken = { .bytes = fails, .pseudorand = fails, .status = never };
	assert_int_equal(RAND_set_rand_method(&broken), 1);
}

static void randomness_is_back(void)
{
	assert_int_equal(RAND_set_rand_method(NULL), 1);
}
#pragma GCC diagnostic pop

static void test_R031_a_server_without_randomness_answers_no_hello(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	assert_int_equal(p->verifies, 1);
	randomness_ends();
	peer_say_hello(p);
	peer_rig_pump(rig, p);
	randomness_is_back();
	assert_null(peer_heard(p, PEER_SERVER_HELLO));
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	/* It is the operation that has ended, not the engine. */
	struct peer *const later = peer_rig_peer(rig, false, 4001);
	peer_rig_check_alive(rig, later, peer_rig_meet(rig, later));
	peer_free(later);
	peer_free(p);
	peer_rig_free(rig);
}

static void test_R031_nor_does_a_client_say_one(void **state)
{
	(void)state;
	struct peer_rig *const rig = peer_rig_new(NULL);
	struct peer *const p = peer_rig_peer(rig, true, 5684);
	randomness_ends();
	const enum dtls_result result = peer_rig_connect(rig, p);
	randomness_is_back();
	peer_rig_pump(rig, p);
	assert_null(peer_heard(p, PEER_CLIENT_HELLO));
	assert_int_equal(peer_rig_told(rig, PEER_TOLD_UP), 0);
	/* Said at once, or as an event, but said. */
	assert_true(result != DTLS_OK || peer_rig_told(rig, PEER_TOLD_FAILED) == 1);
	peer_rig_until(rig, rig->now_ms + 300000);
	assert_int_equal(dtls_stats(rig->e).handshakes, 0);
	peer_free(p);
	peer_rig_free(rig);
}

/* The ephemeral key of ECDHE, and the signature, need randomness after the hellos. */
static void test_R031_no_ephemeral_key_without_randomness(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	struct pair *const p = t->p;
	(void)trust_profile(t, SERVER);
	trust_connect(t, 0);
	randomness_ends();
	pair_deliver(p);
	randomness_is_back();
	assert_int_equal(p->side[SERVER].count[UP], 0);
	assert_int_equal(p->side[CLIENT].count[UP], 0);
	pair_run(p, p->now_ms + 400000);
	assert_int_equal(dtls_stats(p->side[SERVER].e).handshakes, 0);
	assert_int_equal(dtls_stats(p->side[CLIENT].e).handshakes, 0);
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R031_a_server_without_randomness_answers_no_hello),
		cmocka_unit_test(test_R031_nor_does_a_client_say_one),
		cmocka_unit_test(test_R031_no_ephemeral_key_without_randomness),
	};
	return cmocka_run_group_tests_name("dtls/conf_random", tests, NULL, NULL);
}
