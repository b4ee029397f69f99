/* SPDX-License-Identifier: Apache-2.0 */
/* Raw public keys (RFC 7250), and which type of certificate is chosen. */
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

enum { SPKI_LEN = 91 }; /* of P-256, RFC 5480 */

/* Settings of a side that has nothing but its key, and takes nothing else. */
static struct dtls_profile_settings bare(struct dtls_profile_settings s)
{
	s.certificate = NULL;
	s.anchors = NULL;
	s.raw_public_key = true;
	return s;
}

static struct dtls_profile_settings raw_server(struct meeting_world *w)
{
	return bare(meeting_server(w));
}

static void pin(struct dtls_profile_settings *s, EVP_PKEY *key)
{
	assert_true(dtls_key_digest(key, s->pins[s->pins_len++]));
}

static struct dtls_profile_settings raw_client(struct meeting_world *w)
{
	struct dtls_profile_settings s = bare(meeting_client(w));
	pin(&s, w->server.key);
	return s;
}

#define NEEDS_RAW()                                                                                \
	do {                                                                                       \
		if (!dtls_profile_can_raw())                                                       \
			skip();                                                                    \
	} while (0)

/* Without raw public keys in the library they cannot be asked for; nothing else is different. */
static void test_R058_a_library_without_raw_public_keys_says_so(void **state)
{
	const struct dtls_profile_settings s = raw_server(*state);
	const char *error = NULL;
	struct dtls_profile *const p = dtls_profile_new(&s, &error);
	assert_int_equal(p != NULL, dtls_profile_can_raw());
	if (!p)
		assert_string_equal(error, "raw public keys (RFC 7250) need OpenSSL 3.2 or newer");
	dtls_profile_unref(p);
}

static void test_R058_R060_both_sides_prove_a_bare_key(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	static const uint16_t with_ecdsa[] = { 0xc0ae, 0xc02b, 0xc0ac, 0xc023 };
	for (size_t i = 0; i < COUNT_OF(with_ecdsa); i++) {
		struct dtls_profile_settings server = raw_server(w), client = raw_client(w);
		struct meeting m;
		server.suites[0] = with_ecdsa[i];
		server.suites_len = 1;
		client.suites[0] = with_ecdsa[i];
		client.suites_len = 1;
		meeting_make(&m, &server, &client, MEETING_KEY);
		meeting_run(&m);
		assert_true(m.up);
		EVP_PKEY *const keys[] = { w->server.key, w->device.key };
		for (size_t k = 0; k < 2; k++) {
			const struct meeting_side *const s = &m.side[k];
			uint8_t *der = NULL, digest[DTLS_DIGEST_LEN];
			assert_true(s->choice.raw_client && s->choice.raw_server);
			assert_int_equal(i2d_PUBKEY(keys[k], &der), SPKI_LEN);
			/* Length of three octets, then the SubjectPublicKeyInfo. */
			assert_int_equal(s->certificate_len, 3 + SPKI_LEN);
			assert_int_equal(s->certificate[2], SPKI_LEN);
			assert_memory_equal(s->certificate + 3, der, sizeof(s->certificate) - 3);
			OPENSSL_free(der);
			/* What the other side was shown. */
			assert_int_equal(m.side[!k].asked, 1);
			assert_true(m.side[!k].proof.good);
			assert_int_equal(m.side[!k].proof.kind, DTLS_PROOF_RAW_KEY);
			assert_true(dtls_key_digest(keys[k], digest));
			assert_memory_equal(m.side[!k].proof.digest, digest, sizeof(digest));
		}
		meeting_end(&m);
	}
}

static void test_R061_R063_a_key_that_nobody_has_is_refused(void **state)
{
	NEEDS_RAW();
	const struct dtls_profile_settings server = raw_server(*state);
	const struct dtls_profile_settings client = raw_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_KEY);
	m.side[MEETING_SERVER].answer = DTLS_DECRYPT_ERROR;
	meeting_run(&m);
	assert_false(m.up);
	assert_int_equal(m.side[MEETING_SERVER].asked, 1);
	assert_int_equal(m.side[MEETING_SERVER].alert, DTLS_DECRYPT_ERROR);
	meeting_end(&m);
}

/* It has the key of another one, but not the private half. */
static void test_R061_a_key_must_be_proved(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	const struct dtls_profile_settings server = raw_server(w);
	struct dtls_profile_settings client = raw_client(w);
	struct meeting m;
	EVP_PKEY *const mine = pki_key("P-256");
	EVP_PKEY *const torn = pki_torn(w->device.key, mine);
	client.key = torn;
	meeting_make(&m, &server, &client, MEETING_KEY);
	meeting_run(&m);
	assert_false(m.up);
	assert_true(m.side[MEETING_SERVER].proof.good); /* so far it looked well */
	assert_int_equal(m.side[MEETING_SERVER].alert, DTLS_DECRYPT_ERROR);
	meeting_end(&m);
	EVP_PKEY_free(torn);
	EVP_PKEY_free(mine);
}

static void test_R061_another_servers_key_is_refused(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	const struct dtls_profile_settings server = raw_server(w);
	struct dtls_profile_settings client = bare(meeting_client(w));
	struct meeting m;
	pin(&client, w->device.key);
	meeting_make(&m, &server, &client, MEETING_KEY);
	meeting_run(&m);
	assert_false(m.up);
	assert_int_equal(m.side[MEETING_CLIENT].alert, DTLS_DECRYPT_ERROR);
	assert_int_equal(m.side[MEETING_CLIENT].asked, 1);
	assert_false(m.side[MEETING_CLIENT].proof.good);
	assert_int_equal(m.side[MEETING_CLIENT].proof.cause, DTLS_FAIL_RAW_KEY);
	meeting_end(&m);
	/* Of several pins one must fit. */
	pin(&client, w->server.key);
	meeting_make(&m, &server, &client, MEETING_KEY);
	meeting_run(&m);
	assert_true(m.up);
	meeting_end(&m);
}

static void test_R061_nobody_passes_without_a_judge(void **state)
{
	NEEDS_RAW();
	const struct dtls_profile_settings server = raw_server(*state);
	const struct dtls_profile_settings client = raw_client(*state);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_KEY);
	m.profile[MEETING_SERVER]->judge = NULL;
	meeting_run(&m);
	assert_false(m.up);
	assert_int_equal(m.side[MEETING_SERVER].alert, DTLS_INTERNAL_ERROR);
	meeting_end(&m);
}

static void test_R041_a_weak_raw_key_is_refused(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	static const char *const curves[] = { "P-224", "secp256k1", "P-384" };
	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		const struct dtls_profile_settings server = raw_server(w);
		const struct dtls_profile_settings client = raw_client(w);
		struct meeting m;
		EVP_PKEY *const key = pki_key(curves[i]);
		meeting_make(&m, &server, &client, MEETING_KEY);
		SSL *const c = m.side[MEETING_CLIENT].ssl;
		SSL_set_security_level(c, 0);
		assert_true(SSL_use_PrivateKey(c, key));
		meeting_run(&m);
		assert_int_equal(m.up, strcmp(curves[i], "P-384") == 0);
		if (!m.up)
			assert_int_equal(m.side[MEETING_SERVER].alert, DTLS_DECRYPT_ERROR);
		meeting_end(&m);
		EVP_PKEY_free(key);
	}
}

/* --- types of certificates ------------------------------------------------------------------- */

static void assert_no_type(const struct dtls_profile_settings *server,
	const struct dtls_profile_settings *client, uint8_t alert, int reason)
{
	struct meeting m;
	meeting_make(&m, server, client, MEETING_KEY);
	meeting_run(&m);
	assert_false(m.up);
	assert_int_equal(m.side[MEETING_SERVER].alert, alert);
	assert_int_equal(ERR_GET_REASON(m.side[MEETING_SERVER].error), reason);
	assert_int_equal(m.side[MEETING_SERVER].asked, 0);
	assert_false(m.side[MEETING_SERVER].chosen);
	meeting_end(&m);
}

static void test_R059_no_common_type_is_unsupported_certificate(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	const struct dtls_profile_settings only_raw = raw_server(w);
	const struct dtls_profile_settings only_x509 = meeting_server(w);
	const struct dtls_profile_settings raw = raw_client(w);
	const struct dtls_profile_settings x509 = meeting_client(w);
	assert_no_type(
		&only_x509, &raw, DTLS_UNSUPPORTED_CERTIFICATE, SSL_R_UNKNOWN_CERTIFICATE_TYPE);
	/* A client without the extensions means X.509. */
	assert_no_type(
		&only_raw, &x509, DTLS_UNSUPPORTED_CERTIFICATE, SSL_R_UNKNOWN_CERTIFICATE_TYPE);
	/* One that says so. */
	struct meeting m;
	static const unsigned char type[] = { DTLS_TYPE_X509 };
	const struct dtls_types said = { .list = { type[0] }, .len = 1 };
	meeting_make(&m, &only_raw, &x509, MEETING_KEY);
	assert_true(dtls_raw_types(m.side[MEETING_CLIENT].ssl, &said, &said));
	meeting_run(&m);
	assert_false(m.up);
	assert_int_equal(m.side[MEETING_SERVER].alert, DTLS_UNSUPPORTED_CERTIFICATE);
	meeting_end(&m);
}

/* As an engine's hello of both kinds would be. */
static void with_psk_too(struct meeting *m)
{
	assert_true(SSL_set_cipher_list(
		m->side[MEETING_CLIENT].ssl, "ECDHE-ECDSA-AES128-CCM8:PSK-AES128-CCM8"));
}

static void test_R181_types_do_not_matter_where_a_PSK_will_do(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	struct dtls_profile_settings server = meeting_server(w);
	const struct dtls_profile_settings client = raw_client(w);
	struct meeting m;
	server.suites[0] = 0xc0ae; /* liked best, but this client cannot */
	server.suites[1] = 0xc0a8;
	server.suites_len = 2;
	meeting_make(&m, &server, &client, MEETING_KEY);
	with_psk_too(&m);
	meeting_run(&m);
	assert_true(m.up);
	assert_int_equal(m.side[MEETING_SERVER].choice.suite->number, 0xc0a8);
	assert_int_equal(m.side[MEETING_SERVER].asked, 0);
	meeting_end(&m);
	/* With a type in common, too, the order decides. */
	server = raw_server(w);
	meeting_make(&m, &server, &client, MEETING_KEY);
	with_psk_too(&m);
	meeting_run(&m);
	assert_true(m.up);
	assert_int_equal(m.side[MEETING_SERVER].choice.suite->number, 0xc0a8);
	assert_false(m.side[MEETING_SERVER].choice.raw_client);
	meeting_end(&m);
}

static void test_R058_a_server_of_both_types_takes_either(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	struct dtls_profile_settings server = meeting_server(w);
	server.raw_public_key = true;
	const struct dtls_profile_settings raw = raw_client(w), x509 = meeting_client(w);
	const struct dtls_profile_settings *const clients[] = { &raw, &x509 };
	for (size_t i = 0; i < COUNT_OF(clients); i++) {
		struct meeting m;
		meeting_make(&m, &server, clients[i], MEETING_KEY);
		meeting_run(&m);
		assert_true(m.up);
		assert_int_equal(m.side[MEETING_SERVER].proof.kind,
			i == 0 ? DTLS_PROOF_RAW_KEY : DTLS_PROOF_CERTIFICATE);
		assert_int_equal(m.side[MEETING_SERVER].choice.raw_client, i == 0);
		assert_int_equal(m.side[MEETING_SERVER].choice.raw_server, i == 0);
		meeting_end(&m);
	}
}

static void test_R058_each_side_may_have_its_own_type(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	struct dtls_profile_settings server = meeting_server(w);
	struct dtls_profile_settings client = meeting_client(w);
	struct meeting m;
	server.raw_public_key = true;
	client.raw_public_key = true; /* but no pin: the server must have a certificate */
	meeting_make(&m, &server, &client, MEETING_KEY);
	meeting_run(&m);
	assert_true(m.up);
	assert_true(m.side[MEETING_SERVER].choice.raw_client);
	assert_false(m.side[MEETING_SERVER].choice.raw_server);
	assert_int_equal(m.side[MEETING_SERVER].proof.kind, DTLS_PROOF_RAW_KEY);
	assert_int_equal(m.side[MEETING_CLIENT].proof.kind, DTLS_PROOF_CERTIFICATE);
	meeting_end(&m);
}

/* A server that answers a hello for raw keys with a certificate, as if it did not know them. */
static void test_R061_a_certificate_is_not_taken_for_a_raw_key(void **state)
{
	NEEDS_RAW();
	struct meeting_world *const w = *state;
	const struct dtls_profile_settings server = meeting_server(w);
	const struct dtls_profile_settings client = raw_client(w);
	struct meeting m;
	meeting_make(&m, &server, &client, MEETING_KEY);
	SSL_CTX_set_client_hello_cb(m.profile[MEETING_SERVER]->ctx, NULL, NULL);
	meeting_run(&m);
	assert_false(m.up);
	assert_int_equal(m.side[MEETING_CLIENT].alert, DTLS_UNSUPPORTED_CERTIFICATE);
	assert_false(m.side[MEETING_CLIENT].proof.good);
	assert_int_equal(m.side[MEETING_CLIENT].proof.kind, DTLS_PROOF_CERTIFICATE);
	meeting_end(&m);
}

static void test_R058_a_client_without_anybody_to_take_says_nothing(void **state)
{
	NEEDS_RAW();
	const struct dtls_profile_settings s = bare(meeting_client(*state));
	struct dtls_profile *const p = meeting_profile(&s);
	SSL *const ssl = SSL_new(p->ctx);
	assert_false(dtls_profile_connect(p, ssl, false));
	SSL_free(ssl);
	dtls_profile_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R058_a_library_without_raw_public_keys_says_so),
		cmocka_unit_test(test_R058_R060_both_sides_prove_a_bare_key),
		cmocka_unit_test(test_R061_R063_a_key_that_nobody_has_is_refused),
		cmocka_unit_test(test_R061_a_key_must_be_proved),
		cmocka_unit_test(test_R061_another_servers_key_is_refused),
		cmocka_unit_test(test_R061_nobody_passes_without_a_judge),
		cmocka_unit_test(test_R041_a_weak_raw_key_is_refused),
		cmocka_unit_test(test_R059_no_common_type_is_unsupported_certificate),
		cmocka_unit_test(test_R181_types_do_not_matter_where_a_PSK_will_do),
		cmocka_unit_test(test_R058_a_server_of_both_types_takes_either),
		cmocka_unit_test(test_R058_each_side_may_have_its_own_type),
		cmocka_unit_test(test_R061_a_certificate_is_not_taken_for_a_raw_key),
		cmocka_unit_test(test_R058_a_client_without_anybody_to_take_says_nothing),
	};
	return cmocka_run_group_tests(tests, meeting_world_new, meeting_world_free);
}
