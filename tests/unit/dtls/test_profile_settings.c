/* SPDX-License-Identifier: Apache-2.0 */
/* Extensions, what a ServerHello has chosen, and settings that cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
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

/* --- other extensions ------------------------------------------------------------------------ */

static void test_R161_R162_max_fragment_length_is_offered_and_kept(void **state)
{
	for (uint8_t code = 0; code <= 4; code++) {
		struct dtls_profile_settings server = meeting_server(*state);
		struct dtls_profile_settings client = meeting_client(*state);
		struct meeting m;
		client.fragment_code = code;
		meeting_make(&m, &server, &client, MEETING_KEY);
		meeting_run(&m);
		assert_true(m.up);
		assert_int_equal(m.side[MEETING_SERVER].choice.fragment_code, code);
		assert_int_equal(m.side[MEETING_CLIENT].choice.fragment_code, code);
		assert_true(m.side[MEETING_SERVER].certificate_len > 300);
		if (code == 1)
			assert_true(m.side[MEETING_SERVER].longest <= 512);
		meeting_end(&m);
	}
}

static void test_R167_the_servers_name_is_said(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_PSK);
	meeting_run(&m);
	assert_true(m.up);
	assert_string_equal(
		SSL_get_servername(m.side[MEETING_SERVER].ssl, TLSEXT_NAMETYPE_host_name),
		"gw.example");
	meeting_end(&m);
}

static void test_R173_nothing_is_compressed(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_PSK);
	SSL_clear_options(client_of(&m), SSL_OP_NO_COMPRESSION);
	meeting_run(&m);
	assert_true(m.up);
	assert_null(SSL_get_current_compression(client_of(&m)));
	meeting_end(&m);
}

static void test_R180_no_ticket_is_given(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_PSK);
	SSL_clear_options(client_of(&m), SSL_OP_NO_TICKET);
	meeting_run(&m);
	assert_true(m.up);
	assert_int_equal(m.side[MEETING_SERVER].tickets, 0);
	meeting_end(&m);
}

/* An extension with four octets in it, whatever they mean. */
/* NOLINTNEXTLINE(readability-function-size): libssl's type */
static int say_extension(SSL *ssl, unsigned int type, unsigned int context,
	const unsigned char **out, size_t *len, X509 *x, size_t index, int *alert, void *arg)
{
	static const unsigned char said[] = { 0, 2, 0, 0 };
	(void)ssl;
	(void)type;
	(void)context;
	(void)x;
	(void)index;
	(void)arg;
	*alert = DTLS_INTERNAL_ERROR; /* not said, as all is well */
	*out = said;
	*len = sizeof(said);
	return 1;
}

static void test_R072_R073_R074_R171_R177_what_is_not_spoken_is_not_answered(void **state)
{
	static const enum meeting_as as[] = { MEETING_PSK, MEETING_KEY };
	/* client_certificate_url, trusted_ca_keys, truncated_hmac, heartbeat, cached_info, GREASE:
	   an answer to one would be an extension that nobody waits for, and end it. */
	static const unsigned int types[] = { 2, 3, 4, 15, 25, 0x0a0a };
	for (size_t i = 0; i < COUNT_OF(as); i++) {
		struct dtls_profile_settings server = meeting_server(*state);
		struct dtls_profile_settings client = meeting_client(*state);
		struct dtls_profile *const s = meeting_profile(&server);
		struct dtls_profile *const c = meeting_profile(&client);
		struct meeting m;
		for (size_t k = 0; k < COUNT_OF(types); k++)
			assert_true(SSL_CTX_add_custom_ext(c->ctx, types[k], SSL_EXT_CLIENT_HELLO,
				say_extension, NULL, NULL, NULL, NULL));
		meeting_begin(&m, s, c, as[i]);
		meeting_run(&m);
		assert_true(m.up);
		meeting_end(&m);
		dtls_profile_unref(s);
		dtls_profile_unref(c);
	}
}

static const uint8_t server_hello[] = { 0xfe, 0xfd, [34] = 2, 7, 7, /* random, session_id */
	0xc0, 0x23, 0,                                              /* suite, no compression */
	0, 19, 0, 1, 0, 1, 2, 0, 22, 0, 0, 0, 19, 0, 1, 2, 0, 20, 0, 1, 0 };
enum { SUITE_AT = 37 };

static void test_R170_what_a_ServerHello_has_chosen_is_read(void **state)
{
	(void)state;
	uint8_t hello[sizeof(server_hello)];
	struct dtls_choice c;
	memcpy(hello, server_hello, sizeof(hello));
	assert_true(dtls_choice_parse(hello, sizeof(hello), &c));
	assert_int_equal(c.suite->number, 0xc023);
	assert_int_equal(c.guard, DTLS_GUARD_ETM);
	assert_true(c.encrypt_then_mac);
	assert_true(c.raw_client);
	assert_false(c.raw_server);
	assert_int_equal(c.fragment_code, 2);
	/* Up to its compression there need be no more. */
	for (size_t len = 0; len < sizeof(hello); len++) {
		const bool bare = len == SUITE_AT + 3;
		assert_int_equal(dtls_choice_parse(hello, len, &c), bare);
		if (bare)
			assert_int_equal(c.guard, DTLS_GUARD_MTE);
	}
	static const struct {
		uint16_t suite;
		enum dtls_guard guard;
	} guards[] = { { 0xc0ae, DTLS_GUARD_CCM_8 }, { 0xc0ac, DTLS_GUARD_CCM },
		{ 0xc02b, DTLS_GUARD_GCM } };
	for (size_t i = 0; i < COUNT_OF(guards); i++) {
		hello[SUITE_AT] = (uint8_t)(guards[i].suite >> 8);
		hello[SUITE_AT + 1] = (uint8_t)guards[i].suite;
		assert_true(dtls_choice_parse(hello, sizeof(hello), &c));
		assert_int_equal(c.guard, guards[i].guard);
	}
	hello[SUITE_AT] = 0x13;
	assert_false(dtls_choice_parse(hello, sizeof(hello), &c)); /* not ours */
	memcpy(hello, server_hello, sizeof(hello));
	static const uint8_t empty[] = { 0, 4, 0, 1, 0,
		0 }; /* a max_fragment_length without a code */
	memcpy(hello, server_hello, sizeof(hello));
	memcpy(hello + SUITE_AT + 3, empty, sizeof(empty));
	assert_false(dtls_choice_parse(hello, SUITE_AT + 3 + sizeof(empty), &c));
	memcpy(hello, server_hello, sizeof(hello));
	hello[sizeof(hello) - 2] = 2; /* the last one ends behind the block */
	assert_false(dtls_choice_parse(hello, sizeof(hello), &c));
	/* No session_id is longer than 32 octets. */
	for (size_t id = 32; id <= 33; id++) {
		uint8_t plain[35 + 33 + 3] = { 0xfe, 0xfd, [34] = (uint8_t)id };
		plain[35 + id] = 0xc0;
		plain[35 + id + 1] = 0xa8;
		assert_int_equal(dtls_choice_parse(plain, 35 + id + 3, &c), id == 32);
	}
}

static void test_R043_a_suite_that_we_do_not_speak_is_objected_to(void **state)
{
	struct dtls_profile_settings s = meeting_server(*state);
	struct dtls_choice c;
	SUITES_OF(&s, 0xc0ae);
	struct dtls_profile *const p = meeting_profile(&s);
	assert_true(dtls_choice_parse(server_hello, sizeof(server_hello), &c));
	assert_int_equal(dtls_choice_objection(p, &c), DTLS_ILLEGAL_PARAMETER);
	c.suite = suite_find(0xc0ae);
	c.guard = DTLS_GUARD_CCM_8;
	assert_int_equal(dtls_choice_objection(p, &c), 0);
	dtls_profile_unref(p);
}

static void test_R046_a_handshake_keeps_its_profile(void **state)
{
	struct dtls_profile_settings server = meeting_server(*state);
	struct dtls_profile_settings client = meeting_client(*state);
	struct dtls_profile *const s = meeting_profile(&server), *const c =
									 meeting_profile(&client);
	struct meeting m;
	meeting_begin(&m, s, c, MEETING_KEY);
	dtls_profile_unref(s); /* the maker has another one now */
	dtls_profile_unref(c);
	meeting_run(&m);
	assert_true(m.up);
	meeting_end(&m);
}

/* --- settings -------------------------------------------------------------------------------- */

static void assert_objection(const struct dtls_profile_settings *s, const char *why)
{
	const char *error = NULL;
	assert_null(dtls_profile_new(s, &error));
	assert_string_equal(error, why);
	assert_int_equal(ERR_peek_error(), 0); /* nothing is left behind */
}

static void test_R046_settings_that_cannot_be_are_refused(void **state)
{
	struct meeting_world *const w = *state;
	const struct dtls_profile_settings good = meeting_server(w);
	struct dtls_profile_settings s = good;
	s.suites_len = 0;
	assert_objection(&s, "there is no list of cipher suites");
	SUITES_OF(&s, 0xc0a8, 0x002f); /* TLS_RSA_WITH_AES_128_CBC_SHA */
	assert_objection(&s, "a cipher suite is unknown");
	SUITES_OF(&s, 0xc0a8, 0xc0a8);
	assert_objection(&s, "a cipher suite stands twice in the list");
	s = dtls_profile_settings_default();
	SUITES_OF(&s, 0xc0ae);
	assert_objection(&s, "all cipher suites of the list need a key");
	s = good;
	s.certificate = w->device.cert;
	assert_objection(&s, "the certificate is not the private key's");
	s.key = NULL;
	assert_objection(&s, "a certificate or raw public key needs its private key");
	s = good;
	s.certificate = NULL;
	assert_objection(&s, "a key that is neither a certificate's nor a raw public key");
	s = good;
	s.now_s = NULL;
	assert_objection(&s, "there is no clock for certificates");
	s = good;
	s.server_name = "192.0.2.1";
	assert_objection(&s, "the server's name is an address");
	s.server_name = "";
	assert_objection(&s, "the server's name is too long, or empty");
	s = good;
	s.fragment_code = 5;
	assert_objection(&s, "max_fragment_length is out of bounds");
	s = good;
	s.mtu = 99;
	assert_objection(&s, "the largest datagram is out of bounds");
	s = good;
	s.chain_max = DTLS_CHAIN_LIMIT + 1;
	assert_objection(&s, "certificate chains may not be that long");
	s = good;
	s.pins_len = DTLS_PIN_MAX + 1;
	assert_objection(&s, "too many pins");
}

static void test_R041_our_own_key_is_strong(void **state)
{
	struct meeting_world *const w = *state;
	static const char *const weak[] = { "P-224", "RSA" };
	for (size_t i = 0; i < COUNT_OF(weak); i++) {
		struct pki_ask ask = pki_server("gw.example");
		ask.curve = weak[i];
		struct pki_one one = pki_make(ask, &w->root);
		const struct dtls_profile_settings s = meeting_settings(w, &one);
		const char *error = NULL;
		assert_null(dtls_profile_new(&s, &error));
		assert_non_null(error);
		pki_free(&one);
	}
}

static void test_R041_our_own_chain_is_strong(void **state)
{
	struct meeting_world *const w = *state;
	struct pki_ask ask = pki_authority("middle");
	ask.curve = "P-224";
	struct pki_one middle = pki_make(ask, &w->root);
	struct pki_one one = pki_make(pki_server("gw.example"), &middle);
	STACK_OF(X509) *const chain = pki_chain(middle.cert, NULL);
	struct dtls_profile_settings s = meeting_settings(w, &one);
	s.chain = chain;
	assert_objection(&s, "its key's curve is none of P-256, P-384, P-521");
	sk_X509_pop_free(chain, X509_free);
	pki_free(&one);
	pki_free(&middle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R161_R162_max_fragment_length_is_offered_and_kept),
		cmocka_unit_test(test_R167_the_servers_name_is_said),
		cmocka_unit_test(test_R173_nothing_is_compressed),
		cmocka_unit_test(test_R180_no_ticket_is_given),
		cmocka_unit_test(test_R072_R073_R074_R171_R177_what_is_not_spoken_is_not_answered),
		cmocka_unit_test(test_R170_what_a_ServerHello_has_chosen_is_read),
		cmocka_unit_test(test_R043_a_suite_that_we_do_not_speak_is_objected_to),
		cmocka_unit_test(test_R046_a_handshake_keeps_its_profile),
		cmocka_unit_test(test_R046_settings_that_cannot_be_are_refused),
		cmocka_unit_test(test_R041_our_own_key_is_strong),
		cmocka_unit_test(test_R041_our_own_chain_is_strong),
	};
	return cmocka_run_group_tests(tests, meeting_world_new, meeting_world_free);
}
