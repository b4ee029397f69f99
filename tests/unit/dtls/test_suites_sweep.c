/* SPDX-License-Identifier: Apache-2.0 */
/* of all numbers that a suite can have, those of the profile are accepted, no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dtls/state.h"
#include "peer_rig.h"
#include "pki.h"

enum { EXT_GROUPS = 10, EXT_SIGNATURES = 13, EXT_ENCRYPT_THEN_MAC = 22 };

static struct dtls_profile *profile; /* an owner's ctx is the rig */

static struct dtls_profile *own_profile(void *ctx, const struct net_path *path)
{
	(void)ctx;
	(void)path;
	return profile;
}

static int64_t own_now_s(void *ctx)
{
	(void)ctx;
	return PKI_NOW;
}

/* What a client with certificates says besides. */
static void add_extensions(struct peer *p)
{
	peer_ext(&p->hello.exts, EXT_GROUPS, "\x00\x02\x00\x17", 4);     /* secp256r1 */
	peer_ext(&p->hello.exts, EXT_SIGNATURES, "\x00\x02\x04\x03", 4); /* ECDSA, SHA-256 */
	peer_ext(&p->hello.exts, EXT_ENCRYPT_THEN_MAC, "", 0);
}

static bool in_list(uint16_t suite)
{
	return dtls_profile_speaks(profile, suite);
}

static size_t sweep(void)
{
	struct peer_rig *const rig = peer_rig_new(NULL);
	struct peer *const p = peer_rig_peer(rig, false, 4000);
	size_t served = 0;
	rig->e->owner.profile = own_profile;
	add_extensions(p);
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
		const bool accepted = peer_heard(p, PEER_SERVER_HELLO) != NULL;
		assert_int_equal(accepted, in_list((uint16_t)suite));
		if (accepted)
			assert_int_equal(p->answer.suite, suite);
		else
			assert_int_equal(peer_alert(p), DTLS_HANDSHAKE_FAILURE);
		served += accepted;
		peer_forget(p);
		peer_rig_forget(rig);
	}
	peer_free(p);
	peer_rig_free(rig);
	return served;
}

static void test_R043_all_eight_and_no_other(void **state)
{
	(void)state;
	struct pki_one root = pki_make(pki_root("root"), NULL);
	struct pki_one server = pki_make(pki_server("gw.example"), &root);
	X509_STORE *const anchors = pki_store(root.cert, NULL);
	struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *error = NULL;
	s.key = server.key;
	s.certificate = server.cert;
	s.anchors = anchors;
	s.now_s = own_now_s;
	s.suites_len = 0;
	for (size_t i = 0; i < SUITES; i++)
		s.suites[s.suites_len++] = suites[i].number;
	profile = dtls_profile_new(&s, &error);
	assert_non_null(profile);
	assert_int_equal(sweep(), 8);
	dtls_profile_unref(profile);
	X509_STORE_free(anchors);
	pki_free(&server);
	pki_free(&root);
}

/* the four that are on by default, of which two need a key of ours. */
static void test_R043_R005_the_default_without_a_key_is_two(void **state)
{
	(void)state;
	const struct dtls_profile_settings s = dtls_profile_settings_default();
	const char *error = NULL;
	profile = dtls_profile_new(&s, &error);
	assert_non_null(profile);
	assert_int_equal(sweep(), 2);
	assert_true(in_list(0xc0a8) && in_list(0x00ae));
	dtls_profile_unref(profile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R043_all_eight_and_no_other),
		cmocka_unit_test(test_R043_R005_the_default_without_a_key_is_two),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
