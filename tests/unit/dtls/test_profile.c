/* SPDX-License-Identifier: Apache-2.0 */
/* Suites, groups, signatures, encrypt-then-MAC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dtls/alert.h"
#include "meeting.h"
#include "pki.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

static void take_suites(struct dtls_profile_settings *s, const uint16_t *list, size_t n)
{
	memcpy(s->suites, list, n * sizeof(list[0]));
	s->suites_len = n;
}

#define SUITES_OF(settings, ...)                                                                   \
	take_suites(settings, (const uint16_t[]){ __VA_ARGS__ },                                   \
		sizeof((const uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t))

static SSL *client_of(struct meeting *m)
{
	return m->side[MEETING_CLIENT].ssl;
}

static void assert_refused(const struct meeting *m, uint8_t alert, int reason)
{
	const struct meeting_side *const s = &m->side[MEETING_SERVER];
	assert_false(m->up);
	assert_int_equal(s->alert, alert);
	assert_int_equal(ERR_GET_REASON(s->error), reason);
}

/* --- suites ---------------------------------------------------------------------------------- */

static void test_R032_to_R037_each_suite_alone_makes_a_session(void **state)
{
	for (size_t i = 0; i < SUITES; i++) {
		struct dtls_profile_settings server = meeting_server(*state);
		struct dtls_profile_settings client = meeting_client(*state);
		struct meeting m;
		SUITES_OF(&server, suites[i].number);
		SUITES_OF(&client, suites[i].number);
		meeting_make(&m, &server, &client, suites[i].ecdsa ? MEETING_KEY : MEETING_PSK);
		meeting_run(&m);
		assert_true(m.up);
		for (size_t k = 0; k < 2; k++) {
			const struct meeting_side *const s = &m.side[k];
			assert_true(s->chosen);
			assert_ptr_equal(s->choice.suite, &suites[i]);
			assert_int_equal(s->choice.encrypt_then_mac, suites[i].guard == SUITE_CBC);
			assert_int_equal(s->objection, 0);
			assert_int_equal(s->asked, suites[i].ecdsa ? 1 : 0);
			assert_int_equal(SSL_version(s->ssl), DTLS1_2_VERSION);
		}
		meeting_end(&m);
	}
}

static uint16_t chosen(const struct dtls_profile_settings *server,
	const struct dtls_profile_settings *client, enum meeting_as as)
{
	struct meeting m;
	meeting_make(&m, server, client, as);
	meeting_run(&m);
	const uint16_t number = m.up ? m.side[MEETING_CLIENT].choice.suite->number : SUITE_NONE;
	meeting_end(&m);
	return number;
}

static void test_R038_the_order_of_the_list_decides_or_the_clients(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	assert_int_equal(chosen(&server, &client, MEETING_PSK), 0xc0a8);
	assert_int_equal(chosen(&server, &client, MEETING_KEY), 0xc0ae);
	SUITES_OF(&client, 0x00ae, 0xc0a8);
	assert_int_equal(chosen(&server, &client, MEETING_PSK), 0xc0a8);
	server.server_order = false;
	assert_int_equal(chosen(&server, &client, MEETING_PSK), 0x00ae);
	server.server_order = true;
	SUITES_OF(&server, 0x00a8, 0x00ae, 0xc0a8);
	assert_int_equal(chosen(&server, &client, MEETING_PSK), 0x00ae);
}

/* A client of the library with no rules at all, but for what the caller sets. */
static void lawless(struct meeting *m, const char *ciphers)
{
	SSL *const c = client_of(m);
	SSL_set_security_level(c, 0);
	SSL_CTX_set_security_level(SSL_get_SSL_CTX(c), 0);
	if (ciphers)
		assert_true(SSL_set_cipher_list(c, ciphers));
}

static void test_R039_R043_no_other_suite_is_negotiated(void **state)
{
	static const char *const others[] = {
		"ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:PSK-AES128-CBC-SHA",
		"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305",
		"ECDHE-PSK-AES128-CBC-SHA256:DHE-PSK-AES128-CCM8",
		"PSK-NULL-SHA256:ECDHE-ECDSA-NULL-SHA",
		"PSK-AES256-CCM8:PSK-CHACHA20-POLY1305",
	};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct dtls_profile_settings server = meeting_server(*state);
		struct dtls_profile_settings client = meeting_client(*state);
		for (size_t k = 0; k < SUITES; k++)
			server.suites[k] = suites[k].number;
		server.suites_len = SUITES;
		struct meeting m;
		meeting_make(&m, &server, &client, MEETING_KEY);
		lawless(&m, others[i]);
		meeting_run(&m);
		assert_refused(&m, DTLS_HANDSHAKE_FAILURE, SSL_R_NO_SHARED_CIPHER);
		meeting_end(&m);
	}
}

static void test_R048_a_suite_that_is_not_in_the_list_is_not_spoken(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	SUITES_OF(&server, 0xc0a8, 0xc0ae);
	SUITES_OF(&client, 0x00a8, 0xc02b);
	assert_int_equal(chosen(&server, &client, MEETING_PSK), SUITE_NONE);
	assert_int_equal(chosen(&server, &client, MEETING_KEY), SUITE_NONE);
}

/* What the library rates too weak stays so, but for the two suites. */
static void test_R048_only_CCM_8_of_128_bits_is_exempt(void **state)
{
	const struct dtls_profile_settings s = meeting_server(*state);
	struct dtls_profile *const p = meeting_profile(&s);
	SSL *const ssl = SSL_new(p->ctx);
	dtls_security *const judge = SSL_CTX_get_security_callback(p->ctx);
	void *const ex = SSL_CTX_get0_security_ex_data(p->ctx);
	static const struct {
		unsigned char id[2];
		int good;
	} cases[] = {
		{ { 0xc0, 0xa8 }, 1 },
		{ { 0xc0, 0xae }, 1 },
		{ { 0xc0, 0xa9 }, 0 },
		{ { 0xc0, 0xaf }, 0 },
		{ { 0x00, 0xae }, 0 },
	};
	static const int ops[] = { SSL_SECOP_CIPHER_SUPPORTED, SSL_SECOP_CIPHER_SHARED,
		SSL_SECOP_CIPHER_CHECK };
	enum { WEAK_BITS = 64, STRONG_BITS = 128 };
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const SSL_CIPHER *const cipher = SSL_CIPHER_find(ssl, cases[i].id);
		assert_non_null(cipher);
		for (size_t k = 0; k < COUNT_OF(ops); k++) {
			void *other = NULL; /* not const: the library's type */
			memcpy(&other, &cipher, sizeof(void *));
			assert_int_equal(
				judge(ssl, NULL, ops[k], WEAK_BITS, 0, other, ex), cases[i].good);
			assert_int_equal(judge(ssl, NULL, ops[k], STRONG_BITS, 0, other, ex), 1);
		}
	}
	assert_int_equal(judge(ssl, NULL, SSL_SECOP_CURVE_SUPPORTED, WEAK_BITS, 0, NULL, ex), 0);
	assert_int_equal(SSL_CTX_get_security_level(p->ctx), 2);
	assert_int_equal(SSL_CTX_get_min_proto_version(p->ctx), DTLS1_2_VERSION);
	assert_int_equal(SSL_CTX_get_max_proto_version(p->ctx), DTLS1_2_VERSION);
	SSL_free(ssl);
	dtls_profile_unref(p);
}

static void test_R085_only_DTLS_1_2_is_spoken(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_PSK);
	lawless(&m, "ALL:@SECLEVEL=0");
	assert_true(SSL_set_min_proto_version(client_of(&m), DTLS1_VERSION));
	assert_true(SSL_set_max_proto_version(client_of(&m), DTLS1_VERSION));
	meeting_run(&m);
	assert_refused(&m, DTLS_PROTOCOL_VERSION, SSL_R_UNSUPPORTED_PROTOCOL);
	meeting_end(&m);
}

static void test_R033_without_a_key_only_a_PSK_is_spoken(void **state)
{
	struct dtls_profile_settings server = dtls_profile_settings_default();
	struct dtls_profile_settings client = meeting_client(*state);
	assert_int_equal(chosen(&server, &client, MEETING_PSK), 0xc0a8);
	assert_int_equal(chosen(&server, &client, MEETING_KEY), SUITE_NONE);
	struct dtls_profile *const p = meeting_profile(&server);
	assert_true(dtls_profile_speaks(p, 0x00ae));
	assert_false(dtls_profile_speaks(p, 0xc0ae));
	dtls_profile_unref(p);
}

/* --- signatures and groups ------------------------------------------------------------------- */

/* The library's macros want strings that are not const. */
static void set_signatures(struct meeting *m, const char *list)
{
	char copy[80];
	(void)snprintf(copy, sizeof(copy), "%s", list);
	assert_true(SSL_set1_sigalgs_list(client_of(m), copy));
}

static void set_groups(struct meeting *m, const char *list)
{
	char copy[80];
	(void)snprintf(copy, sizeof(copy), "%s", list);
	assert_true(SSL_set1_groups_list(client_of(m), copy));
}

static void test_R040_R175_no_signature_of_SHA1(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_KEY);
	lawless(&m, NULL);
	set_signatures(&m, "ECDSA+SHA1:ECDSA+SHA224");
	meeting_run(&m);
	assert_refused(&m, DTLS_HANDSHAKE_FAILURE, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS);
	meeting_end(&m);
	/* Each of ours will do. */
	static const char *const good[] = { "ECDSA+SHA256", "ECDSA+SHA384", "ECDSA+SHA512" };
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		meeting_make(&m, &server, &client, MEETING_KEY);
		set_signatures(&m, good[i]);
		meeting_run(&m);
		assert_true(m.up);
		meeting_end(&m);
	}
}

static void test_R041_groups_are_P256_P384_and_P521(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	static const struct {
		const char *groups;
		bool good;
	} cases[] = {
		{ "P-256", true },
		/* The key of the certificate must be of a group of the client's, too. */
		{ "P-384:P-256", true },
		{ "P-521:P-256", true },
		{ "X25519", false },
		{ "P-224", false },
		{ "P-384", false },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct meeting m;
		meeting_make(&m, &server, &client, MEETING_KEY);
		lawless(&m, NULL);
		set_groups(&m, cases[i].groups);
		meeting_run(&m);
		assert_int_equal(m.up, cases[i].good);
		if (!cases[i].good)
			assert_refused(&m, DTLS_HANDSHAKE_FAILURE, SSL_R_NO_SHARED_CIPHER);
		meeting_end(&m);
	}
}

static void test_R041_X25519_is_not_chosen_where_P256_is_there(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_KEY);
	set_groups(&m, "X25519:P-256");
	meeting_run(&m);
	assert_true(m.up);
	EVP_PKEY *key = NULL;
	char group[32] = "";
	assert_true(SSL_get_peer_tmp_key(client_of(&m), &key));
	assert_true(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL));
	assert_string_equal(group, "prime256v1");
	EVP_PKEY_free(key);
	meeting_end(&m);
}

static void test_R047_each_handshake_has_a_key_of_its_own(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct dtls_profile *const s = meeting_profile(&server), *const c =
									 meeting_profile(&client);
	EVP_PKEY *keys[2] = { NULL, NULL };
	for (size_t i = 0; i < 2; i++) {
		struct meeting m;
		meeting_begin(&m, s, c, MEETING_KEY);
		meeting_run(&m);
		assert_true(m.up);
		assert_true(SSL_get_peer_tmp_key(client_of(&m), &keys[i]));
		meeting_end(&m);
	}
	assert_int_equal(EVP_PKEY_eq(keys[0], keys[1]), 0);
	EVP_PKEY_free(keys[0]);
	EVP_PKEY_free(keys[1]);
	dtls_profile_unref(s);
	dtls_profile_unref(c);
}

/* --- encrypt-then-MAC ------------------------------------------------------------------------ */

static void no_etm(struct meeting *m, size_t side)
{
	SSL_set_options(m->side[side].ssl, SSL_OP_NO_ENCRYPT_THEN_MAC);
}

static void test_R170_without_encrypt_then_MAC_there_is_no_CBC(void **state)
{
	static const enum meeting_as as[] = { MEETING_PSK, MEETING_KEY };
	static const uint16_t cbc[] = { 0x00ae, 0xc023 }, other[] = { 0xc0a4, 0xc02b };
	for (size_t i = 0; i < COUNT_OF(as); i++) {
		struct dtls_profile_settings server = meeting_server(*state);
		struct dtls_profile_settings client = meeting_client(*state);
		struct meeting m;
		SUITES_OF(&client, cbc[i]);
		meeting_make(&m, &server, &client, as[i]);
		no_etm(&m, MEETING_CLIENT);
		meeting_run(&m);
		assert_refused(&m, DTLS_HANDSHAKE_FAILURE, SSL_R_NO_SHARED_CIPHER);
		meeting_end(&m);

		/* Another suite is taken where there is one, even one that is liked less. */
		SUITES_OF(&server, cbc[i], other[i]);
		SUITES_OF(&client, cbc[i], other[i]);
		meeting_make(&m, &server, &client, as[i]);
		no_etm(&m, MEETING_CLIENT);
		meeting_run(&m);
		assert_true(m.up);
		assert_int_equal(m.side[MEETING_CLIENT].choice.suite->number, other[i]);
		meeting_end(&m);
		assert_int_equal(chosen(&server, &client, as[i]), cbc[i]);
	}
}

static void test_R170_MAC_then_encrypt_is_spoken_only_where_it_is_enabled(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	server.mac_then_encrypt = true;
	SUITES_OF(&client, 0x00ae);
	meeting_make(&m, &server, &client, MEETING_PSK);
	no_etm(&m, MEETING_CLIENT);
	meeting_run(&m);
	assert_true(m.up);
	assert_int_equal(m.side[MEETING_SERVER].choice.guard, DTLS_GUARD_MTE);
	assert_int_equal(m.side[MEETING_SERVER].objection, 0);
	/* The other side has not enabled it, and so must end the handshake. */
	assert_int_equal(m.side[MEETING_CLIENT].objection, DTLS_HANDSHAKE_FAILURE);
	meeting_end(&m);
	/* With it, what is better is still preferred. */
	meeting_make(&m, &server, &client, MEETING_PSK);
	meeting_run(&m);
	assert_true(m.up);
	assert_int_equal(m.side[MEETING_SERVER].choice.guard, DTLS_GUARD_ETM);
	meeting_end(&m);
}

static void test_R170_a_server_without_encrypt_then_MAC_is_objected_to(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	server.mac_then_encrypt = true; /* a server that knows nothing of RFC 7366 */
	SUITES_OF(&client, 0xc023);
	meeting_make(&m, &server, &client, MEETING_KEY);
	no_etm(&m, MEETING_SERVER);
	meeting_run(&m);
	assert_int_equal(m.side[MEETING_CLIENT].objection, DTLS_HANDSHAKE_FAILURE);
	meeting_end(&m);
	client.mac_then_encrypt = true;
	meeting_make(&m, &server, &client, MEETING_KEY);
	no_etm(&m, MEETING_SERVER);
	meeting_run(&m);
	assert_int_equal(m.side[MEETING_CLIENT].objection, 0);
	assert_int_equal(m.side[MEETING_CLIENT].choice.guard, DTLS_GUARD_MTE);
	meeting_end(&m);
}

static void test_R170_a_suite_with_AEAD_never_has_encrypt_then_MAC(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_PSK); /* offers CBC and extension 22, too */
	meeting_run(&m);
	assert_true(m.up);
	assert_int_equal(m.side[MEETING_CLIENT].choice.guard, DTLS_GUARD_CCM_8);
	assert_false(m.side[MEETING_CLIENT].choice.encrypt_then_mac);
	meeting_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R032_to_R037_each_suite_alone_makes_a_session),
		cmocka_unit_test(test_R038_the_order_of_the_list_decides_or_the_clients),
		cmocka_unit_test(test_R039_R043_no_other_suite_is_negotiated),
		cmocka_unit_test(test_R048_a_suite_that_is_not_in_the_list_is_not_spoken),
		cmocka_unit_test(test_R048_only_CCM_8_of_128_bits_is_exempt),
		cmocka_unit_test(test_R085_only_DTLS_1_2_is_spoken),
		cmocka_unit_test(test_R033_without_a_key_only_a_PSK_is_spoken),
		cmocka_unit_test(test_R040_R175_no_signature_of_SHA1),
		cmocka_unit_test(test_R041_groups_are_P256_P384_and_P521),
		cmocka_unit_test(test_R041_X25519_is_not_chosen_where_P256_is_there),
		cmocka_unit_test(test_R047_each_handshake_has_a_key_of_its_own),
		cmocka_unit_test(test_R170_without_encrypt_then_MAC_there_is_no_CBC),
		cmocka_unit_test(test_R170_MAC_then_encrypt_is_spoken_only_where_it_is_enabled),
		cmocka_unit_test(test_R170_a_server_without_encrypt_then_MAC_is_objected_to),
		cmocka_unit_test(test_R170_a_suite_with_AEAD_never_has_encrypt_then_MAC),
	};
	return cmocka_run_group_tests(tests, meeting_world_new, meeting_world_free);
}
