/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "base/attr.h"
#include "dtls/certificate.h"
#include "pki.h"

#include <openssl/err.h>

/* --- keys ------------------------------------------------------------------------------------ */

static void assert_key(const char *curve, bool good)
{
	EVP_PKEY *const key = pki_key(curve);
	EVP_PKEY *const public = pki_public(key, 0);
	assert_int_equal(dtls_key_weakness(key) == NULL, good);
	assert_int_equal(dtls_key_weakness(public) == NULL, good);
	EVP_PKEY_free(public);
	EVP_PKEY_free(key);
}

static void test_R041_keys_are_of_P256_P384_or_P521(void **state)
{
	(void)state;
	assert_key("P-256", true);
	assert_key("P-384", true);
	assert_key("P-521", true);
	assert_key("P-224", false);
	assert_key("secp256k1", false);
	assert_key("brainpoolP256r1", false);
	assert_key("RSA", false);
	EVP_PKEY *const rsa = pki_key("RSA");
	assert_string_equal(dtls_key_weakness(rsa), "its key is not an EC key");
	EVP_PKEY_free(rsa);
	EVP_PKEY *const edwards = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_string_equal(dtls_key_weakness(edwards), "its key is not an EC key");
	EVP_PKEY_free(edwards);
}

static void test_R062_a_key_is_an_uncompressed_point(void **state)
{
	(void)state;
	EVP_PKEY *const key = pki_key("P-256");
	EVP_PKEY *const compressed = pki_public(key, 1);
	assert_null(dtls_key_weakness(key));
	assert_non_null(dtls_key_weakness(compressed));
	struct pki_ask ask = pki_device("d");
	ask.key = compressed;
	struct pki_one root = pki_make(pki_root("r"), NULL);
	struct pki_one one = pki_make(ask, &root);
	STACK_OF(X509) *const chain = pki_chain(one.cert, root.cert, NULL);
	assert_non_null(dtls_chain_weakness(chain, true, DTLS_NAME_MAX));
	sk_X509_pop_free(chain, X509_free);
	pki_free(&one);
	pki_free(&root);
	EVP_PKEY_free(compressed);
	EVP_PKEY_free(key);
}

static void test_R062_a_curve_has_its_name(void **state)
{
	(void)state;
	EVP_PKEY *const key = pki_key("P-256");
	EVP_PKEY *const parameters = pki_explicit(key);
	assert_string_equal(dtls_key_weakness(parameters), "its key's curve has no name");
	EVP_PKEY_free(parameters);
	EVP_PKEY_free(key);
}

static void test_R064_the_digest_is_that_of_the_subject_public_key_info(void **state)
{
	(void)state;
	struct pki_one one = pki_make(pki_device("d"), NULL);
	uint8_t of_cert[DTLS_DIGEST_LEN], of_key[DTLS_DIGEST_LEN], want[DTLS_DIGEST_LEN];
	uint8_t *der = NULL;
	const int len = i2d_PUBKEY(one.key, &der);
	assert_int_equal(len, 91); /* RFC 5480, P-256 */
	assert_true(EVP_Digest(der, (size_t)len, want, NULL, EVP_sha256(), NULL));
	assert_true(dtls_spki_digest(X509_get_X509_PUBKEY(one.cert), of_cert));
	assert_true(dtls_key_digest(one.key, of_key));
	assert_memory_equal(of_cert, want, sizeof(want));
	assert_memory_equal(of_key, want, sizeof(want));
	OPENSSL_free(der);
	pki_free(&one);
}

/* --- chains ---------------------------------------------------------------------------------- */

/* A chain of three, of which the caller has spoilt one. */
static const char *weakness_of(struct pki_ask device, struct pki_ask middle, struct pki_ask root)
{
	struct pki_one r = pki_make(root, NULL);
	struct pki_one m = pki_make(middle, &r);
	struct pki_one d = pki_make(device, &m);
	STACK_OF(X509) *const chain = pki_chain(d.cert, m.cert, r.cert, NULL);
	const char *const why = dtls_chain_weakness(chain, true, 2);
	sk_X509_pop_free(chain, X509_free);
	pki_free(&d);
	pki_free(&m);
	pki_free(&r);
	return why;
}

#define DEVICE pki_device("d")
#define MIDDLE pki_authority("m")
#define ROOT   pki_root("r")

static const char *weak_device(struct pki_ask device)
{
	return weakness_of(device, MIDDLE, ROOT);
}

static const char *weak_middle(struct pki_ask middle)
{
	return weakness_of(DEVICE, middle, ROOT);
}

static const char *weak_root(struct pki_ask root)
{
	return weakness_of(DEVICE, MIDDLE, root);
}

static void test_R067_a_good_chain_has_no_weakness(void **state)
{
	(void)state;
	assert_null(weakness_of(DEVICE, MIDDLE, ROOT));
	struct pki_ask plain = DEVICE; /* what is not there restricts nothing */
	plain.key_usage = NULL;
	plain.extended = NULL;
	plain.constraints = NULL;
	assert_null(weak_device(plain));
	plain.extended = "serverAuth, clientAuth";
	plain.curve = "P-384";
	plain.hash = "SHA384";
	assert_null(weak_device(plain));
}

static void test_R041_every_key_of_a_chain_counts(void **state)
{
	(void)state;
	struct pki_ask device = DEVICE, middle = MIDDLE, root = ROOT;
	device.curve = middle.curve = root.curve = "P-224";
	assert_non_null(weak_device(device));
	assert_non_null(weak_middle(middle));
	assert_non_null(weak_root(root));
	device.curve = middle.curve = root.curve = "RSA";
	assert_non_null(weak_device(device));
	assert_non_null(weak_middle(middle));
	assert_non_null(weak_root(root));
}

static void test_R040_no_signature_below_the_anchor_is_of_SHA1(void **state)
{
	(void)state;
	static const char *const hashes[] = { "SHA1", "SHA224" };
	for (size_t i = 0; i < COUNT_OF(hashes); i++) {
		struct pki_ask device = DEVICE, middle = MIDDLE, root = ROOT;
		device.hash = middle.hash = root.hash = hashes[i];
		assert_non_null(weak_device(device));
		assert_non_null(weak_middle(middle));
		assert_null(weak_root(root)); /* its own is not looked at */
	}
}

static void test_R067_certificates_are_of_version_3(void **state)
{
	(void)state;
	struct pki_ask device = DEVICE, middle = MIDDLE, root = ROOT;
	device.constraints = device.key_usage = device.extended = NULL;
	struct pki_one r = pki_make(root, NULL);
	struct pki_one m = pki_make(middle, &r);
	device.version = X509_VERSION_2;
	struct pki_one d = pki_make(device, &m);
	STACK_OF(X509) *const chain = pki_chain(d.cert, m.cert, r.cert, NULL);
	assert_string_equal(dtls_chain_weakness(chain, true, 2), "it is not of version 3");
	sk_X509_pop_free(chain, X509_free);
	pki_free(&d);
	pki_free(&m);
	pki_free(&r);
}

static void test_R067_a_key_usage_has_digitalSignature(void **state)
{
	(void)state;
	struct pki_ask device = DEVICE;
	device.key_usage = "critical,keyEncipherment";
	assert_non_null(weak_device(device));
	device.key_usage = "critical,keyAgreement";
	assert_non_null(weak_device(device));
	device.key_usage = "digitalSignature,keyAgreement";
	assert_null(weak_device(device));
}

static void test_R067_an_extended_key_usage_has_the_peers_side(void **state)
{
	(void)state;
	struct pki_ask device = DEVICE;
	device.extended = "serverAuth";
	assert_non_null(weak_device(device));
	device.extended = "codeSigning";
	assert_non_null(weak_device(device));
	struct pki_one r = pki_make(ROOT, NULL);
	struct pki_one server = pki_make(pki_server("a.example"), &r);
	struct pki_one client = pki_make(DEVICE, &r);
	STACK_OF(X509) *const servers = pki_chain(server.cert, r.cert, NULL);
	STACK_OF(X509) *const clients = pki_chain(client.cert, r.cert, NULL);
	assert_null(dtls_chain_weakness(servers, false, 1));
	assert_non_null(dtls_chain_weakness(servers, true, 1));
	assert_null(dtls_chain_weakness(clients, true, 1));
	assert_non_null(dtls_chain_weakness(clients, false, 1));
	sk_X509_pop_free(servers, X509_free);
	sk_X509_pop_free(clients, X509_free);
	pki_free(&server);
	pki_free(&client);
	pki_free(&r);
}

static void test_R067_who_signs_is_an_authority(void **state)
{
	(void)state;
	struct pki_ask middle = MIDDLE;
	middle.constraints = NULL;
	assert_non_null(weak_middle(middle));
	middle.constraints = "CA:FALSE";
	assert_non_null(weak_middle(middle));
	middle = MIDDLE;
	middle.key_usage = "digitalSignature";
	assert_non_null(weak_middle(middle));
	middle.key_usage = NULL;
	assert_null(weak_middle(middle));
}

static void test_R066_a_chain_is_no_longer_than_it_may_be(void **state)
{
	(void)state;
	struct pki_one one = pki_make(ROOT, NULL);
	STACK_OF(X509) *const chain = pki_chain(one.cert, NULL);
	for (size_t besides = 0; besides <= 5; besides++) {
		const char *const why = dtls_chain_weakness(chain, true, 3);
		assert_int_equal(why && strcmp(why, "its chain is too long") == 0, besides > 3);
		assert_true(X509_up_ref(one.cert) && sk_X509_push(chain, one.cert) > 0);
	}
	sk_X509_pop_free(chain, X509_free);
	STACK_OF(X509) *const none = sk_X509_new_null();
	assert_non_null(dtls_chain_weakness(none, true, 3));
	sk_X509_free(none);
	pki_free(&one);
}

static void test_R075_a_certificate_may_be_its_own_anchor(void **state)
{
	(void)state;
	struct pki_ask ask = DEVICE;
	struct pki_one one = pki_make(ask, NULL);
	STACK_OF(X509) *chain = pki_chain(one.cert, NULL);
	assert_null(dtls_chain_weakness(chain, true, 3));
	assert_non_null(dtls_chain_weakness(chain, false, 3)); /* of a client */
	sk_X509_pop_free(chain, X509_free);
	pki_free(&one);
	ask.curve = "P-224";
	one = pki_make(ask, NULL);
	chain = pki_chain(one.cert, NULL);
	assert_non_null(dtls_chain_weakness(chain, true, 3));
	sk_X509_pop_free(chain, X509_free);
	pki_free(&one);
}

/* --- our own --------------------------------------------------------------------------------- */

static const char *own(struct pki_ask ask)
{
	struct pki_one root = pki_make(ROOT, NULL);
	struct pki_one one = pki_make(ask, &root);
	const char *const why = dtls_own_weakness(one.cert, NULL, one.key);
	pki_free(&one);
	pki_free(&root);
	return why;
}

static const char *own_names(const char *names)
{
	struct pki_ask ask = pki_server("x");
	ask.names = names;
	return own(ask);
}

static const char *own_cn(const char *cn)
{
	struct pki_ask ask = pki_server("gateway");
	ask.cn = cn;
	return own(ask);
}

static void test_R069_our_certificate_has_exactly_one_host(void **state)
{
	(void)state;
	assert_null(own_names("DNS:gw.example"));
	assert_null(own_names("DNS:gw.example, URI:coaps://gw.example"));
	assert_string_equal(own_names(NULL), "it has no dNSName");
	assert_string_equal(own_names("URI:coaps://gw.example"), "it has no dNSName");
	assert_string_equal(
		own_names("DNS:gw.example, DNS:gw2.example"), "it has more than one dNSName");
	assert_string_equal(own_names("DNS:*.example"), "it has a wildcard");
	assert_string_equal(own_names("DNS:gw*.example"), "it has a wildcard");
	assert_string_equal(own_names("DNS:gw.example, IP:192.0.2.1"), "it names an IP address");
	assert_string_equal(own_names("IP:2001:db8::1, DNS:gw.example"), "it names an IP address");
}

static void test_R069_no_common_name_is_a_host(void **state)
{
	(void)state;
	static const char why[] = "its common name is a host's name";
	assert_null(own_cn(NULL));
	assert_null(own_cn("LwM2M gateway"));
	assert_null(own_cn("gateway-7"));
	assert_string_equal(own_cn("gw.example"), why);
	assert_string_equal(own_cn("*.example"), why);
	assert_string_equal(own_cn("GATEWAY"), why); /* the dNSName itself */
	struct pki_ask ask = pki_server("gateway");
	ask.second_cn = "gw.example";
	assert_string_equal(own(ask), why);
}

static void test_R069_our_certificate_is_a_servers_and_good(void **state)
{
	(void)state;
	struct pki_ask ask = pki_server("gw.example");
	ask.extended = "clientAuth";
	assert_non_null(own(ask));
	ask = pki_server("gw.example");
	ask.key_usage = "keyEncipherment";
	assert_non_null(own(ask));
	ask = pki_server("gw.example");
	ask.hash = "SHA1";
	assert_non_null(own(ask));
	ask = pki_server("gw.example");
	ask.curve = "P-224";
	assert_non_null(own(ask));
	struct pki_one one = pki_make(pki_server("gw.example"), NULL);
	EVP_PKEY *const other = pki_key("P-256");
	assert_null(dtls_own_weakness(one.cert, NULL, one.key)); /* devices may have it pinned */
	assert_string_equal(dtls_own_weakness(one.cert, NULL, other), "it is not the key's");
	assert_int_equal(ERR_peek_error(), 0); /* nothing is left behind */
	EVP_PKEY_free(other);
	pki_free(&one);
}

static void test_R066_our_chain_is_short_and_in_order(void **state)
{
	(void)state;
	struct pki_one root = pki_make(ROOT, NULL);
	struct pki_one a = pki_make(pki_authority("a"), &root);
	struct pki_one b = pki_make(pki_authority("b"), &a);
	struct pki_one c = pki_make(pki_authority("c"), &b);
	struct pki_one short_one = pki_make(pki_server("gw.example"), &b);
	struct pki_one long_one = pki_make(pki_server("gw.example"), &c);
	STACK_OF(X509) *const two = pki_chain(b.cert, a.cert, NULL);
	STACK_OF(X509) *const turned = pki_chain(a.cert, b.cert, NULL);
	STACK_OF(X509) *const three = pki_chain(c.cert, b.cert, a.cert, NULL);
	assert_null(dtls_own_weakness(short_one.cert, two, short_one.key));
	assert_non_null(dtls_own_weakness(short_one.cert, turned, short_one.key));
	assert_non_null(dtls_own_weakness(long_one.cert, three, long_one.key));
	assert_non_null(dtls_own_weakness(long_one.cert, two, long_one.key));
	sk_X509_pop_free(two, X509_free);
	sk_X509_pop_free(turned, X509_free);
	sk_X509_pop_free(three, X509_free);
	pki_free(&long_one);
	pki_free(&short_one);
	pki_free(&c);
	pki_free(&b);
	pki_free(&a);
	pki_free(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R041_keys_are_of_P256_P384_or_P521),
		cmocka_unit_test(test_R062_a_key_is_an_uncompressed_point),
		cmocka_unit_test(test_R062_a_curve_has_its_name),
		cmocka_unit_test(test_R064_the_digest_is_that_of_the_subject_public_key_info),
		cmocka_unit_test(test_R067_a_good_chain_has_no_weakness),
		cmocka_unit_test(test_R041_every_key_of_a_chain_counts),
		cmocka_unit_test(test_R040_no_signature_below_the_anchor_is_of_SHA1),
		cmocka_unit_test(test_R067_certificates_are_of_version_3),
		cmocka_unit_test(test_R067_a_key_usage_has_digitalSignature),
		cmocka_unit_test(test_R067_an_extended_key_usage_has_the_peers_side),
		cmocka_unit_test(test_R067_who_signs_is_an_authority),
		cmocka_unit_test(test_R066_a_chain_is_no_longer_than_it_may_be),
		cmocka_unit_test(test_R075_a_certificate_may_be_its_own_anchor),
		cmocka_unit_test(test_R069_our_certificate_has_exactly_one_host),
		cmocka_unit_test(test_R069_no_common_name_is_a_host),
		cmocka_unit_test(test_R069_our_certificate_is_a_servers_and_good),
		cmocka_unit_test(test_R066_our_chain_is_short_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
