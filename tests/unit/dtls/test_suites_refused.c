/* SPDX-License-Identifier: Apache-2.0 */
/* Who is not let in, why, and what he is told. */
#include "trust.h"

/* Line 0 comes to nothing: the side that refuses says `alert`, the other one hears it. */
static const struct note *refused(
	struct trust *t, unsigned by, enum dtls_cause cause, uint8_t alert)
{
	struct pair *const p = t->p;
	trust_connect(t, 0);
	pair_deliver(p);
	for (unsigned i = 0; i < 2; i++) {
		const struct side *const s = &p->side[i];
		assert_int_equal(s->count[UP], 0);
		assert_int_equal(s->count[FAILED], 1);
		assert_int_equal(s->notes[0].what, (int)(i == by ? cause : DTLS_FAIL_ALERT));
		assert_int_equal(s->notes[0].alert, alert);
		assert_int_equal(dtls_stats(s->e).handshakes, 0);
		assert_int_equal(dtls_stats(s->e).handshake_bytes, 0);
	}
	assert_int_equal(t->shelf.keeps + t->links, 0);
	return &p->side[by].notes[0];
}

static void test_R061_R063_R064_a_key_that_nobody_has(void **state)
{
	(void)state;
	if (!dtls_profile_can_raw())
		return;
	struct trust *const t = trust_new(1, KIND_RAW, 0xc0ae);
	t->strangers = true;
	const struct note *const n = refused(t, SERVER, DTLS_FAIL_RAW_KEY, DTLS_DECRYPT_ERROR);
	assert_int_equal(n->identity_len, 32);
	assert_memory_equal(n->identity, t->digest[CLIENT], 32);
	assert_int_equal(n->cred, DTLS_NO_CRED);
	trust_free(t);
}

static void test_R068_a_name_that_nobody_has(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	t->strangers = true;
	const struct note *const n = refused(t, SERVER, DTLS_FAIL_NAME, DTLS_CERTIFICATE_UNKNOWN);
	assert_int_equal(n->identity_len, 9);
	assert_memory_equal(n->identity, "urn:dev:1", 9);
	trust_free(t);
}

static void test_R065_a_chain_to_another_anchor(void **state)
{
	(void)state;
	for (unsigned by = 0; by < 2; by++) {
		struct trust *const t = trust_new(1, KIND_X509, 0xc023);
		struct pki_one other = pki_make(pki_root("other"), NULL);
		X509_STORE *const anchors = pki_store(other.cert, NULL);
		t->set[by].anchors = anchors;
		(void)refused(t, by, DTLS_FAIL_CERTIFICATE, DTLS_UNKNOWN_CA);
		trust_free(t);
		X509_STORE_free(anchors);
		pki_free(&other);
	}
}

static int64_t next_century(void *ctx)
{
	(void)ctx;
	return PKI_NOW + 100 * PKI_YEAR;
}

static void test_R070_a_certificate_that_has_expired(void **state)
{
	(void)state;
	for (unsigned by = 0; by < 2; by++) {
		struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
		t->set[by].now_s = next_century;
		(void)refused(t, by, DTLS_FAIL_CERTIFICATE, DTLS_CERTIFICATE_EXPIRED);
		trust_free(t);
	}
}

static void test_R063_a_server_with_another_raw_key(void **state)
{
	(void)state;
	if (!dtls_profile_can_raw())
		return;
	struct trust *const t = trust_new(1, KIND_RAW, 0xc0ae);
	t->set[CLIENT].pins[0][0] ^= 1;
	const struct note *const n = refused(t, CLIENT, DTLS_FAIL_RAW_KEY, DTLS_DECRYPT_ERROR);
	assert_int_equal(n->identity_len, 32);
	assert_memory_equal(n->identity, t->digest[SERVER], 32);
	trust_free(t);
}

static void test_a_server_with_another_name(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	t->set[CLIENT].server_name = "other.example";
	(void)refused(t, CLIENT, DTLS_FAIL_NAME, DTLS_BAD_CERTIFICATE);
	trust_free(t);
}

static void test_R059_no_type_of_certificate_in_common(void **state)
{
	(void)state;
	if (!dtls_profile_can_raw())
		return;
	struct trust *const t = trust_new(1, KIND_X509, 0xc0ae);
	struct dtls_profile_settings *const s = &t->set[SERVER];
	s->certificate = NULL;
	s->chain = NULL;
	s->anchors = NULL;
	s->raw_public_key = true;
	(void)refused(t, SERVER, DTLS_FAIL_CERTIFICATE, DTLS_UNSUPPORTED_CERTIFICATE);
	trust_free(t);
}

static void test_no_suite_in_common(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_PSK, 0xc0a8);
	t->set[SERVER].suites[0] = 0x00a8;
	(void)refused(t, SERVER, DTLS_FAIL_SUITE, DTLS_HANDSHAKE_FAILURE);
	trust_free(t);
}

/* CBC only with RFC 7366 unless it is wanted otherwise; another suite is none the worse. */
static void test_R170_CBC_without_encrypt_then_MAC(void **state)
{
	(void)state;
	for (int other = 0; other < 2; other++) {
		struct trust *const t = trust_new(1, KIND_PSK, 0x00ae);
		for (unsigned i = 0; i < 2 && other; i++)
			t->set[i].suites[t->set[i].suites_len++] = 0xc0a4;
		(void)SSL_CTX_set_options(
			trust_profile(t, CLIENT)->ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
		if (other) {
			trust_meet(t);
			assert_int_equal(dtls_conn_facts(t->p->side[SERVER].conn).suite, 0xc0a4);
		} else {
			(void)refused(t, SERVER, DTLS_FAIL_SUITE, DTLS_HANDSHAKE_FAILURE);
		}
		trust_free(t);
	}
}

/* nor does our client take it from a server that does not offer it. */
static void test_R170_a_server_without_encrypt_then_MAC(void **state)
{
	(void)state;
	struct trust *const t = trust_new(1, KIND_PSK, 0x00ae);
	t->set[SERVER].mac_then_encrypt = true;
	(void)SSL_CTX_set_options(trust_profile(t, SERVER)->ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
	(void)refused(t, CLIENT, DTLS_FAIL_SUITE, DTLS_HANDSHAKE_FAILURE);
	trust_free(t);
}

/* the order is the server's, or the client's where that is wanted. */
static void test_R038_whose_order_counts(void **state)
{
	(void)state;
	for (int ours = 0; ours < 2; ours++) {
		struct trust *const t = trust_new(1, KIND_PSK, 0);
		static const uint16_t order[2][2] = { { 0xc0a8, 0x00ae }, { 0x00ae, 0xc0a8 } };
		for (unsigned i = 0; i < 2; i++) {
			memcpy(t->set[i].suites, order[i], sizeof(order[i]));
			t->set[i].suites_len = 2;
		}
		t->set[SERVER].server_order = ours;
		trust_meet(t);
		assert_int_equal(
			dtls_conn_facts(t->p->side[CLIENT].conn).suite, ours ? 0xc0a8 : 0x00ae);
		trust_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R061_R063_R064_a_key_that_nobody_has),
		cmocka_unit_test(test_R068_a_name_that_nobody_has),
		cmocka_unit_test(test_R065_a_chain_to_another_anchor),
		cmocka_unit_test(test_R070_a_certificate_that_has_expired),
		cmocka_unit_test(test_R063_a_server_with_another_raw_key),
		cmocka_unit_test(test_a_server_with_another_name),
		cmocka_unit_test(test_R059_no_type_of_certificate_in_common),
		cmocka_unit_test(test_no_suite_in_common),
		cmocka_unit_test(test_R170_CBC_without_encrypt_then_MAC),
		cmocka_unit_test(test_R170_a_server_without_encrypt_then_MAC),
		cmocka_unit_test(test_R038_whose_order_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
