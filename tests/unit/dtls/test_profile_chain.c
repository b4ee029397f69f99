/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates of devices: whose are taken, and what is said to the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dtls/alert.h"
#include "meeting.h"
#include "pki.h"

static void visit_as(struct visit *v, const struct pki_one *guest)
{
	const STACK_OF(X509) *const chain = v->client.chain;
	v->client.chain = NULL;
	meeting_make(&v->m, &v->server, &v->client, MEETING_KEY);
	SSL *const ssl = v->m.side[MEETING_CLIENT].ssl;
	SSL_set_security_level(ssl, 0); /* as bad as it likes */
	SSL_certs_clear(ssl);
	assert_true(SSL_use_certificate(ssl, guest->cert));
	assert_true(SSL_use_PrivateKey(ssl, guest->key));
	STACK_OF(X509) *const own = chain ? sk_X509_dup(chain) : NULL;
	assert_true(!chain || SSL_set1_chain(ssl, own));
	sk_X509_free(own);
	meeting_run(&v->m);
}

/* The gate has refused for this reason, and said so. Ends the visit. */
static void assert_refused(struct visit *v, uint8_t alert, enum dtls_cause cause, const char *why)
{
	assert_false(v->m.up);
	assert_int_equal(v->gate->asked, 1);
	assert_false(v->gate->proof.good);
	assert_int_equal(v->gate->proof.kind, DTLS_PROOF_CERTIFICATE);
	assert_int_equal(v->gate->proof.cause, cause);
	assert_string_equal(v->gate->proof.detail, why);
	assert_int_equal(v->gate->alert, alert);
	meeting_end(&v->m);
}

/* --- who is taken ---------------------------------------------------------------------------- */

static void test_R065_R068_a_good_chain_has_a_name_pins_and_a_serial(void **state)
{
	struct meeting_world *const w = *state;
	struct visit v;
	visit_plan(&v, w);
	struct pki_one middle = pki_make(pki_authority("middle"), &w->root);
	struct pki_ask ask = pki_device("a device");
	ask.names = "URI:urn:dev:ops:7";
	ask.serial = 0x00ff01;
	struct pki_one device = pki_make(ask, &middle);
	STACK_OF(X509) *const chain = pki_chain(middle.cert, NULL);
	v.client.chain = chain;
	visit_as(&v, &device);
	const struct pki_one *const of[] = { &device, &middle, &w->root };
	assert_int_equal(v.gate->proof.chain.pins_len, COUNT_OF(of));
	for (size_t i = 0; i < COUNT_OF(of); i++) {
		uint8_t digest[DTLS_DIGEST_LEN];
		assert_true(dtls_key_digest(of[i]->key, digest));
		assert_memory_equal(v.gate->pins[i], digest, sizeof(digest));
	}
	assert_memory_equal(v.gate->proof.digest, v.gate->pins[0], DTLS_DIGEST_LEN);
	assert_int_equal(v.gate->name.len, strlen("urn:dev:ops:7"));
	assert_memory_equal(v.gate->name.octets, "urn:dev:ops:7", v.gate->name.len);
	assert_int_equal(v.gate->proof.chain.serial_len, 2);
	assert_memory_equal(v.gate->serial, "\xff\x01", 2);
	assert_int_equal(v.guest->proof.chain.name_len, 0);
	visit_taken(&v);
	sk_X509_pop_free(chain, X509_free);
	pki_free(&device);
	pki_free(&middle);
}

static void test_R025_whom_the_judge_does_not_know_gets_his_alert(void **state)
{
	static const uint8_t alerts[] = { DTLS_HANDSHAKE_FAILURE, DTLS_BAD_CERTIFICATE,
		DTLS_UNSUPPORTED_CERTIFICATE, DTLS_CERTIFICATE_UNKNOWN, DTLS_DECRYPT_ERROR,
		DTLS_INTERNAL_ERROR };
	for (size_t i = 0; i < COUNT_OF(alerts); i++) {
		struct visit v;
		visit_plan(&v, *state);
		meeting_make(&v.m, &v.server, &v.client, MEETING_KEY);
		v.m.side[MEETING_SERVER].answer = alerts[i];
		meeting_run(&v.m);
		assert_false(v.m.up);
		assert_int_equal(v.gate->asked, 1);
		assert_int_equal(v.gate->alert, alerts[i]);
		meeting_end(&v.m);
	}
}

static void test_R065_who_shows_no_certificate_is_refused(void **state)
{
	struct visit v;
	visit_plan(&v, *state);
	meeting_make(&v.m, &v.server, &v.client, MEETING_KEY);
	SSL_certs_clear(v.m.side[MEETING_CLIENT].ssl);
	meeting_run(&v.m);
	assert_false(v.m.up);
	assert_int_equal(v.gate->asked, 0);
	assert_int_equal(v.gate->alert, DTLS_HANDSHAKE_FAILURE);
	meeting_end(&v.m);
}

static void test_R065_an_unknown_anchor_is_refused(void **state)
{
	struct meeting_world *const w = *state;
	struct visit v;
	visit_plan(&v, w);
	struct pki_one other = pki_make(pki_root("another"), NULL);
	struct pki_one device = pki_make(pki_device("device 1"), &other);
	visit_as(&v, &device);
	assert_refused(&v, DTLS_UNKNOWN_CA, DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY));
	pki_free(&device);
	visit_plan(&v, w);
	device = pki_make(pki_device("device 1"), NULL); /* signed by itself */
	visit_as(&v, &device);
	assert_refused(&v, DTLS_UNKNOWN_CA, DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT));
	pki_free(&device);
	pki_free(&other);
	visit_plan(&v, w);
	other = pki_make(pki_root("root"), NULL); /* of the name of ours */
	device = pki_make(pki_device("device 1"), &other);
	visit_as(&v, &device);
	assert_refused(&v, DTLS_DECRYPT_ERROR, DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(X509_V_ERR_CERT_SIGNATURE_FAILURE));
	pki_free(&device);
	pki_free(&other);
}

static void test_R075_any_certificate_of_the_store_is_an_anchor(void **state)
{
	struct meeting_world *const w = *state;
	struct visit v;
	struct pki_one middle = pki_make(pki_authority("middle"), &w->root);
	struct pki_one device = pki_make(pki_device("device 2"), &middle);
	X509 *const anchors[] = { middle.cert, device.cert };
	for (size_t i = 0; i < COUNT_OF(anchors); i++) {
		X509_STORE *const store = pki_store(anchors[i], NULL);
		visit_plan(&v, w);
		v.server.anchors = store;
		visit_as(&v, &device);
		assert_int_equal(v.gate->proof.chain.pins_len, i == 0 ? 2 : 1);
		visit_taken(&v);
		X509_STORE_free(store);
	}
	pki_free(&device);
	pki_free(&middle);
}

/* --- what is wrong with a certificate -------------------------------------------------------- */

static void assert_device_refused(struct meeting_world *w, struct pki_ask ask, const char *why)
{
	struct visit v;
	struct pki_one device = pki_make(ask, &w->root);
	visit_plan(&v, w);
	visit_as(&v, &device);
	assert_refused(&v, DTLS_UNSUPPORTED_CERTIFICATE, DTLS_FAIL_CERTIFICATE, why);
	pki_free(&device);
}

static void test_R067_a_certificate_for_something_else_is_refused(void **state)
{
	struct pki_ask ask = pki_device("device 1");
	ask.key_usage = "critical,keyAgreement";
	assert_device_refused(*state, ask, "its key usage is without digitalSignature");
	ask.key_usage = "critical,keyEncipherment";
	assert_device_refused(
		*state, ask, X509_verify_cert_error_string(X509_V_ERR_INVALID_PURPOSE));
	ask = pki_device("device 1");
	ask.extended = "serverAuth";
	assert_device_refused(
		*state, ask, X509_verify_cert_error_string(X509_V_ERR_INVALID_PURPOSE));
}

static void test_R041_R067_a_weak_key_is_refused(void **state)
{
	struct pki_ask ask = pki_device("device 1");
	ask.curve = "P-224";
	assert_device_refused(*state, ask, "its key's curve is none of P-256, P-384, P-521");
	ask.curve = "secp256k1";
	assert_device_refused(*state, ask, "its key's curve is none of P-256, P-384, P-521");
}

static void test_R040_a_signature_of_SHA1_is_refused(void **state)
{
	struct meeting_world *const w = *state;
	struct pki_ask ask = pki_device("device 1");
	ask.hash = "SHA1";
	struct pki_one device = pki_make(ask, &w->root);
	struct visit v;
	visit_plan(&v, w);
	visit_as(&v, &device);
	/* The library's own judgement comes first. */
	assert_refused(&v, DTLS_BAD_CERTIFICATE, DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(X509_V_ERR_CA_MD_TOO_WEAK));
	pki_free(&device);
}

static void test_R041_R067_every_key_of_the_chain_is_EC_of_256_bits(void **state)
{
	struct meeting_world *const w = *state;
	static const char *const curves[] = { "P-224", "RSA" };
	static const char *const why[] = { "its key's curve is none of P-256, P-384, P-521",
		"its key is not an EC key" };
	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		struct pki_ask ask = pki_authority("middle");
		ask.curve = curves[i];
		struct pki_one middle = pki_make(ask, &w->root);
		struct pki_one device = pki_make(pki_device("device 1"), &middle);
		STACK_OF(X509) *const chain = pki_chain(middle.cert, NULL);
		struct visit v;
		visit_plan(&v, w);
		v.client.chain = chain;
		visit_as(&v, &device);
		/* An RSA authority signs with RSA. */
		assert_refused(&v, DTLS_UNSUPPORTED_CERTIFICATE, DTLS_FAIL_CERTIFICATE,
			i == 1 ? "its signature is not ECDSA" : why[i]);
		sk_X509_pop_free(chain, X509_free);
		pki_free(&device);
		pki_free(&middle);
	}
}

/* --- time ------------------------------------------------------------------------------------ */

static void test_R070_validity_is_that_of_the_owners_clock(void **state)
{
	struct meeting_world *const w = *state;
	struct visit v;
	visit_plan(&v, w);
	w->now_s = PKI_NOW + PKI_YEAR - 1;
	visit_run(&v);
	visit_taken(&v);
	visit_plan(&v, w);
	v.client.clock = DTLS_CLOCK_IGNORE;
	w->now_s = PKI_NOW + PKI_YEAR + 1;
	visit_run(&v);
	assert_refused(&v, DTLS_CERTIFICATE_EXPIRED, DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(X509_V_ERR_CERT_HAS_EXPIRED));
	visit_plan(&v, w);
	v.client.clock = DTLS_CLOCK_IGNORE;
	w->now_s = PKI_NOW - PKI_YEAR - 1;
	visit_run(&v);
	assert_refused(&v, DTLS_BAD_CERTIFICATE, DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(X509_V_ERR_CERT_NOT_YET_VALID));
	visit_plan(&v, w); /* the same the other way round */
	v.server.clock = DTLS_CLOCK_IGNORE;
	w->now_s = PKI_NOW + PKI_YEAR + 1;
	visit_run(&v);
	assert_false(v.m.up);
	assert_int_equal(v.guest->alert, DTLS_CERTIFICATE_EXPIRED);
	meeting_end(&v.m);
}

static void test_R070_a_clock_that_is_not_trusted_is_ignored_or_refuses(void **state)
{
	struct meeting_world *const w = *state;
	struct visit v;
	visit_plan(&v, w);
	v.client.clock = v.server.clock = DTLS_CLOCK_IGNORE;
	w->now_s = PKI_NOW + 10 * PKI_YEAR;
	visit_run(&v);
	visit_taken(&v);
	visit_plan(&v, w);
	v.server.clock = DTLS_CLOCK_REFUSE;
	visit_run(&v);
	assert_refused(&v, DTLS_CERTIFICATE_UNKNOWN, DTLS_FAIL_CERTIFICATE,
		"the clock is not to be trusted");
	/* At the moment: */
	visit_plan(&v, w);
	v.client.clock = DTLS_CLOCK_IGNORE;
	w->now_s = -1;
	visit_run(&v);
	assert_refused(&v, DTLS_CERTIFICATE_UNKNOWN, DTLS_FAIL_CERTIFICATE,
		"the clock is not to be trusted");
	visit_plan(&v, w);
	v.client.clock = DTLS_CLOCK_IGNORE;
	v.server.untrusted = DTLS_CLOCK_IGNORE;
	w->now_s = -1;
	visit_run(&v);
	visit_taken(&v);
}

/* --- names, length, CRLs --------------------------------------------------------------------- */

static void test_R068_who_has_no_name_is_refused(void **state)
{
	struct meeting_world *const w = *state;
	struct visit v;
	visit_plan(&v, w);
	v.server.names[0] = DTLS_NAME_EUI64;
	v.server.names[1] = DTLS_NAME_NONE;
	visit_run(&v);
	assert_refused(&v, DTLS_CERTIFICATE_UNKNOWN, DTLS_FAIL_NAME,
		"it has no name, or more than one, by the rules");
}

static void test_R066_a_chain_of_the_configured_length_is_taken(void **state)
{
	struct meeting_world *const w = *state;
	struct pki_one a = pki_make(pki_authority("a"), &w->root);
	struct pki_one b = pki_make(pki_authority("b"), &a);
	struct pki_one device = pki_make(pki_device("device 1"), &b);
	STACK_OF(X509) *const chain = pki_chain(b.cert, a.cert, NULL);
	for (size_t max = 2; max <= 4; max++) {
		struct visit v;
		visit_plan(&v, w);
		v.server.chain_max = max;
		v.client.chain = chain;
		visit_as(&v, &device);
		if (max >= 3)
			visit_taken(&v);
		else
			assert_refused(&v, DTLS_UNKNOWN_CA, DTLS_FAIL_CERTIFICATE,
				X509_verify_cert_error_string(X509_V_ERR_CERT_CHAIN_TOO_LONG));
	}
	sk_X509_pop_free(chain, X509_free);
	pki_free(&device);
	pki_free(&b);
	pki_free(&a);
}

/* A visit by the device with serial 1, where the store has a CRL. */
static void visit_with(struct visit *v, struct meeting_world *w, X509_CRL *crl)
{
	X509_STORE *const store = pki_store(w->root.cert, NULL);
	assert_true(X509_STORE_add_crl(store, crl));
	visit_plan(v, w);
	v->server.anchors = store;
	visit_run(v);
	X509_STORE_free(store);
	X509_CRL_free(crl);
}

static void test_R071_who_is_revoked_is_refused(void **state)
{
	struct meeting_world *const w = *state;
	const char *const why = X509_verify_cert_error_string(X509_V_ERR_CERT_REVOKED);
	enum { DAYS_2 = 2 * 86400 };
	struct visit v;
	visit_with(&v, w, pki_crl(&w->root, w->root.key, 1, PKI_NOW));
	assert_refused(&v, DTLS_CERTIFICATE_REVOKED, DTLS_FAIL_CERTIFICATE, why);
	visit_with(&v, w, pki_crl(&w->root, w->root.key, 2, PKI_NOW));
	visit_taken(&v);
	/* One that is too old, or from later, still revokes, and does no more. */
	visit_with(&v, w, pki_crl(&w->root, w->root.key, 1, PKI_NOW - DAYS_2));
	assert_refused(&v, DTLS_CERTIFICATE_REVOKED, DTLS_FAIL_CERTIFICATE, why);
	visit_with(&v, w, pki_crl(&w->root, w->root.key, 2, PKI_NOW - DAYS_2));
	visit_taken(&v);
	visit_with(&v, w, pki_crl(&w->root, w->root.key, 1, PKI_NOW + DAYS_2));
	assert_refused(&v, DTLS_CERTIFICATE_REVOKED, DTLS_FAIL_CERTIFICATE, why);
}

static void test_R071_a_CRL_of_another_key_is_not_believed(void **state)
{
	struct meeting_world *const w = *state;
	struct visit v;
	visit_with(&v, w, pki_crl(&w->root, w->device.key, 2, PKI_NOW));
	assert_refused(&v, DTLS_DECRYPT_ERROR, DTLS_FAIL_CERTIFICATE,
		X509_verify_cert_error_string(X509_V_ERR_CRL_SIGNATURE_FAILURE));
}

static void test_R071_a_CRL_that_is_missing_is_no_error(void **state)
{
	struct meeting_world *const w = *state;
	struct pki_one middle = pki_make(pki_authority("middle"), &w->root);
	struct pki_one device = pki_make(pki_device("device 1"), &middle);
	STACK_OF(X509) *const chain = pki_chain(middle.cert, NULL);
	for (uint64_t revoked = 1; revoked <= 2; revoked++) {
		/* Of the root there is one, of the middle there is none. */
		X509_CRL *const crl = pki_crl(&w->root, w->root.key, revoked, PKI_NOW);
		X509_STORE *const store = pki_store(w->root.cert, NULL);
		struct visit v;
		assert_true(X509_STORE_add_crl(store, crl));
		visit_plan(&v, w);
		v.server.anchors = store;
		v.client.chain = chain;
		visit_as(&v, &device);
		if (revoked == 2)
			visit_taken(&v);
		else /* the middle */
			assert_refused(&v, DTLS_CERTIFICATE_REVOKED, DTLS_FAIL_CERTIFICATE,
				X509_verify_cert_error_string(X509_V_ERR_CERT_REVOKED));
		X509_STORE_free(store);
		X509_CRL_free(crl);
	}
	sk_X509_pop_free(chain, X509_free);
	pki_free(&device);
	pki_free(&middle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R065_R068_a_good_chain_has_a_name_pins_and_a_serial),
		cmocka_unit_test(test_R025_whom_the_judge_does_not_know_gets_his_alert),
		cmocka_unit_test(test_R065_who_shows_no_certificate_is_refused),
		cmocka_unit_test(test_R065_an_unknown_anchor_is_refused),
		cmocka_unit_test(test_R075_any_certificate_of_the_store_is_an_anchor),
		cmocka_unit_test(test_R067_a_certificate_for_something_else_is_refused),
		cmocka_unit_test(test_R041_R067_a_weak_key_is_refused),
		cmocka_unit_test(test_R040_a_signature_of_SHA1_is_refused),
		cmocka_unit_test(test_R041_R067_every_key_of_the_chain_is_EC_of_256_bits),
		cmocka_unit_test(test_R070_validity_is_that_of_the_owners_clock),
		cmocka_unit_test(test_R070_a_clock_that_is_not_trusted_is_ignored_or_refuses),
		cmocka_unit_test(test_R068_who_has_no_name_is_refused),
		cmocka_unit_test(test_R066_a_chain_of_the_configured_length_is_taken),
		cmocka_unit_test(test_R071_who_is_revoked_is_refused),
		cmocka_unit_test(test_R071_a_CRL_of_another_key_is_not_believed),
		cmocka_unit_test(test_R071_a_CRL_that_is_missing_is_no_error),
	};
	return cmocka_run_group_tests(tests, meeting_world_new, meeting_world_free);
}
