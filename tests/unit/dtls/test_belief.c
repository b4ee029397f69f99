/* SPDX-License-Identifier: Apache-2.0 */
/* By what the holder of a certificate was believed, as it is known again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "dtls/certificate.h"
#include "pki.h"

#include <openssl/sha.h>

/* By another way than the code's: one buffer, one call. */
static void trace_by_hand(const X509 *x, uint8_t out[DTLS_TRACE])
{
	uint8_t all[512], digest[SHA256_DIGEST_LENGTH];
	uint8_t *at = all;
	assert_true(i2d_X509_NAME(X509_get_issuer_name(x), NULL) < 400);
	(void)i2d_X509_NAME(X509_get_issuer_name(x), &at);
	(void)i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &at);
	assert_non_null(SHA256(all, (size_t)(at - all), digest));
	memcpy(out, digest, DTLS_TRACE);
}

static void expect_trace(const uint8_t trace[DTLS_TRACE], const X509 *x)
{
	uint8_t want[DTLS_TRACE];
	trace_by_hand(x, want);
	assert_memory_equal(trace, want, DTLS_TRACE);
}

static void expect_anchor(const struct dtls_belief *b, const struct pki_one *one)
{
	uint8_t digest[DTLS_DIGEST_LEN];
	assert_true(dtls_key_digest(one->key, digest));
	assert_memory_equal(b->anchor, digest, DTLS_TRACE);
}

static void test_R207_each_certificate_below_the_anchor_leaves_its_trace(void **state)
{
	(void)state;
	struct pki_ask ask = pki_device("device");
	ask.serial = 0x80ff01;
	struct pki_one root = pki_make(pki_root("root"), NULL);
	struct pki_one middle = pki_make(pki_authority("middle"), &root);
	struct pki_one device = pki_make(ask, &middle);
	STACK_OF(X509) *const chain = pki_chain(device.cert, middle.cert, root.cert, NULL);
	struct dtls_belief b;
	assert_true(dtls_chain_belief(chain, &b));
	assert_int_equal(b.len, 2);
	expect_trace(b.chain[0], device.cert);
	expect_trace(b.chain[1], middle.cert);
	expect_anchor(&b, &root);
	sk_X509_pop_free(chain, X509_free);
	pki_free(&device);
	pki_free(&middle);
	pki_free(&root);
}

/* That is what a device with a certificate of the anchors' list shows. */
static void test_R207_one_that_is_an_anchor_itself_leaves_its_trace(void **state)
{
	(void)state;
	struct pki_one root = pki_make(pki_root("root"), NULL);
	struct pki_one device = pki_make(pki_device("device"), &root);
	STACK_OF(X509) *const chain = pki_chain(device.cert, NULL);
	struct dtls_belief b;
	assert_true(dtls_chain_belief(chain, &b));
	assert_int_equal(b.len, 1);
	expect_trace(b.chain[0], device.cert);
	expect_anchor(&b, &device);
	sk_X509_pop_free(chain, X509_free);
	pki_free(&device);
	pki_free(&root);
}

/* The earliest end, wherever it stands in the chain. */
static void test_R207_a_chain_lasts_as_long_as_its_shortest_certificate(void **state)
{
	(void)state;
	for (unsigned shortest = 0; shortest < 3; shortest++) {
		struct pki_ask ask[] = { pki_root("root"), pki_authority("middle"),
			pki_device("device") };
		struct dtls_belief b;
		for (unsigned i = 0; i < COUNT_OF(ask); i++) {
			ask[i].from_s = PKI_NOW - PKI_YEAR;
			ask[i].until_s = PKI_NOW + PKI_YEAR + i;
		}
		ask[shortest].until_s = PKI_NOW + 77;
		struct pki_one root = pki_make(ask[0], NULL);
		struct pki_one middle = pki_make(ask[1], &root);
		struct pki_one device = pki_make(ask[2], &middle);
		STACK_OF(X509) *const chain = pki_chain(device.cert, middle.cert, root.cert, NULL);
		assert_true(dtls_chain_belief(chain, &b));
		assert_int_equal(b.until_s, PKI_NOW + 77);
		sk_X509_pop_free(chain, X509_free);
		pki_free(&device);
		pki_free(&middle);
		pki_free(&root);
	}
}

/* RFC 5280 4.1.2.5: from 2050 on it is another type of time; the last second there is means
   "never". */
static void test_R207_ends_far_away_are_read(void **state)
{
	(void)state;
	static const int64_t ends[] = { INT64_C(2524607999), INT64_C(2524608000),
		INT64_C(253402300799) };
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		struct pki_ask ask = pki_root("root");
		ask.from_s = PKI_NOW - PKI_YEAR;
		ask.until_s = ends[i];
		struct pki_one root = pki_make(ask, NULL);
		STACK_OF(X509) *const chain = pki_chain(root.cert, NULL);
		struct dtls_belief b;
		assert_true(dtls_chain_belief(chain, &b));
		assert_int_equal(b.until_s, ends[i]);
		sk_X509_pop_free(chain, X509_free);
		pki_free(&root);
	}
}

/* What a list names is the certificate that was believed: by issuer and number, not by either. */
static void test_R207_a_revocation_list_names_what_was_believed(void **state)
{
	(void)state;
	struct pki_ask ask = pki_device("device"), other = pki_device("other");
	ask.serial = 0x1234;
	other.serial = 0x1235;
	struct pki_one root = pki_make(pki_root("root"), NULL);
	struct pki_one stranger = pki_make(pki_root("stranger"), NULL);
	struct pki_one device = pki_make(ask, &root), second = pki_make(other, &root);
	struct pki_one foreign = pki_make(ask, &stranger);
	const struct pki_one *const who[] = { &device, &second, &foreign };
	X509_CRL *const crl = pki_crl(&root, root.key, 0x1234, PKI_NOW);
	const X509_REVOKED *const entry = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(crl), 0);
	uint8_t named[DTLS_TRACE];
	assert_true(dtls_certificate_trace(
		X509_CRL_get_issuer(crl), X509_REVOKED_get0_serialNumber(entry), named));
	for (size_t i = 0; i < COUNT_OF(who); i++) {
		STACK_OF(X509) *const chain = pki_chain(who[i]->cert, root.cert, NULL);
		struct dtls_belief b;
		assert_true(dtls_chain_belief(chain, &b));
		assert_int_equal(memcmp(b.chain[0], named, DTLS_TRACE) == 0, i == 0);
		sk_X509_pop_free(chain, X509_free);
	}
	X509_CRL_free(crl);
	pki_free(&foreign);
	pki_free(&second);
	pki_free(&device);
	pki_free(&stranger);
	pki_free(&root);
}

static void test_R207_what_cannot_be_noted_whole_is_not_noted(void **state)
{
	(void)state;
	struct pki_one root = pki_make(pki_root("root"), NULL);
	STACK_OF(X509) *const chain = sk_X509_new_null();
	struct dtls_belief b;
	assert_false(dtls_chain_belief(chain, &b));
	while (sk_X509_num(chain) < DTLS_TRACES + 1)
		assert_true(sk_X509_push(chain, root.cert) > 0);
	assert_true(dtls_chain_belief(chain, &b));
	assert_int_equal(b.len, DTLS_TRACES);
	assert_true(sk_X509_push(chain, root.cert) > 0);
	assert_false(dtls_chain_belief(chain, &b));
	sk_X509_free(chain);
	pki_free(&root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R207_each_certificate_below_the_anchor_leaves_its_trace),
		cmocka_unit_test(test_R207_one_that_is_an_anchor_itself_leaves_its_trace),
		cmocka_unit_test(test_R207_a_chain_lasts_as_long_as_its_shortest_certificate),
		cmocka_unit_test(test_R207_ends_far_away_are_read),
		cmocka_unit_test(test_R207_a_revocation_list_names_what_was_believed),
		cmocka_unit_test(test_R207_what_cannot_be_noted_whole_is_not_noted),
	};
	return cmocka_run_group_tests_name("dtls/belief", tests, NULL, NULL);
}
