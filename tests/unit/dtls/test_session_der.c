/* SPDX-License-Identifier: Apache-2.0 */
/* dtls/session_der: a kept session has no certificate, and is a session all the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>
#include <string.h>

#include "dtls/session_der.h"

enum { ROOM = 512 };

/* SEQUENCE { INTEGER 1, [3] { ... }, [4] OCTET, [20] ... } in one of the three forms of a
   length. */
static size_t make(uint8_t *out, size_t certificate)
{
	uint8_t body[ROOM];
	size_t n = 0;
	const uint8_t head[] = { 0x02, 0x01, 0x01 };
	const uint8_t tail[] = { 0xa4, 0x02, 0x04, 0x00, 0xb4, 0x03, 1, 2, 3 };
	memcpy(body, head, sizeof(head));
	n += sizeof(head);
	body[n++] = 0xa3;
	if (certificate > 127)
		body[n++] = 0x81;
	body[n++] = (uint8_t)certificate;
	memset(body + n, 'c', certificate);
	n += certificate;
	memcpy(body + n, tail, sizeof(tail));
	n += sizeof(tail);
	size_t at = 0;
	out[at++] = 0x30;
	if (n > 255) {
		out[at++] = 0x82;
		out[at++] = (uint8_t)(n >> 8);
	} else if (n > 127) {
		out[at++] = 0x81;
	}
	out[at++] = (uint8_t)n;
	memcpy(out + at, body, n);
	return at + n;
}

static void test_R199_the_peers_certificate_is_not_kept(void **state)
{
	static const uint8_t lean[] = { 0x30, 7, 0x02, 0x01, 0x01, 0xa4, 0x02, 0x04, 0x00 };
	static const size_t lengths[] = { 0, 100, 200, 255 };
	uint8_t in[ROOM], out[ROOM];
	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		const size_t len = make(in, lengths[i]);
		assert_int_equal(dtls_session_lean(in, len, out, sizeof(out)), sizeof(lean));
		assert_memory_equal(out, lean, sizeof(lean));
	}
}

static void test_R199_what_is_not_understood_stays_as_it_is(void **state)
{
	uint8_t in[ROOM], out[ROOM];
	const size_t len = make(in, 10);
	(void)state;
	for (size_t cut = 0; cut < len; cut++) { /* each of these has a length that lies */
		assert_int_equal(dtls_session_lean(in, cut, out, sizeof(out)), cut);
		assert_memory_equal(out, in, cut);
	}
	in[0] = 0x31;
	assert_int_equal(dtls_session_lean(in, len, out, sizeof(out)), len);
	assert_memory_equal(out, in, len);
}

static void test_R199_what_does_not_fit_is_not_written(void **state)
{
	uint8_t in[ROOM], out[9];
	const size_t len = make(in, 10);
	(void)state;
	assert_int_equal(dtls_session_lean(in, len, out, sizeof(out)), sizeof(out));
	assert_int_equal(dtls_session_lean(in, len, out, sizeof(out) - 1), 0);
	in[0] = 0x31;
	assert_int_equal(dtls_session_lean(in, len, out, len - 1), 0);
}

/* libssl's own, of every field that it writes for us. */
static void test_R199_libssl_reads_what_is_left(void **state)
{
	static const uint8_t id[32] = { 7 }, master[48] = { 9 };
	SSL_SESSION *const s = SSL_SESSION_new();
	SSL_CTX *const ctx = SSL_CTX_new(DTLS_method());
	uint8_t *der = NULL, out[ROOM];
	(void)state;
	assert_non_null(s);
	assert_non_null(ctx);
	assert_int_equal(
		SSL_SESSION_set_cipher(s, sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(ctx), 0)), 1);
	assert_int_equal(SSL_SESSION_set1_id(s, id, sizeof(id)), 1);
	assert_int_equal(SSL_SESSION_set1_master_key(s, master, sizeof(master)), 1);
	assert_int_equal(SSL_SESSION_set_protocol_version(s, DTLS1_2_VERSION), 1);
	const int len = i2d_SSL_SESSION(s, &der);
	assert_true(len > 0);
	const size_t lean = dtls_session_lean(der, (size_t)len, out, sizeof(out));
	assert_int_equal(lean, (size_t)len);
	assert_memory_equal(out, der, lean);
	const uint8_t *at = out;
	SSL_SESSION *const again = d2i_SSL_SESSION(NULL, &at, (long)lean);
	assert_non_null(again);
	assert_ptr_equal(at, out + lean);
	OPENSSL_free(der);
	SSL_SESSION_free(again);
	SSL_SESSION_free(s);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R199_the_peers_certificate_is_not_kept),
		cmocka_unit_test(test_R199_what_is_not_understood_stays_as_it_is),
		cmocka_unit_test(test_R199_what_does_not_fit_is_not_written),
		cmocka_unit_test(test_R199_libssl_reads_what_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
