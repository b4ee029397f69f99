/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted peer of the test_wire_ programs against known values and against libssl alone: so
   that it is known to be right before it judges the engine. */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ssl.h>

static const uint8_t psk[16] = { 0x73, 0x69, 0x78, 0x74, 0x65, 0x65, 0x6e, 0x20, 0x6f, 0x63 };
static const char thing[] = "thing";
static const uint8_t biscuit[7] = { 'b', 'i', 's', 'c', 'u', 'i', 't' };

struct lib {
	SSL_CTX *ctx;
	SSL *ssl;
	BIO *in, *out;
	char got[64]; /* what SSL_read() gave last */
	int got_len;
};

static unsigned int server_psk(SSL *ssl, const char *identity, unsigned char *key, unsigned int max)
{
	(void)ssl;
	if (strcmp(identity, thing) != 0 || max < sizeof(psk))
		return 0;
	for (size_t i = 0; i < sizeof(psk); i++)
		key[i] = psk[i];
	return sizeof(psk);
}

static unsigned int client_psk(SSL *ssl, const char *hint, char *identity,
	unsigned int identity_max, unsigned char *key, unsigned int max)
{
	(void)hint;
	assert_true(identity_max >= sizeof(thing));
	(void)snprintf(identity, identity_max, "%s", thing);
	return server_psk(ssl, identity, key, max);
}

static int cookie_make(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	memcpy(cookie, biscuit, 7);
	*len = 7;
	return 1;
}

static int cookie_check(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	return len == 7 && memcmp(cookie, biscuit, 7) == 0;
}

static void lib_new(struct lib *l, bool server, bool ems)
{
	memset(l, 0, sizeof(*l));
	l->ctx = SSL_CTX_new(DTLS_method());
	assert_non_null(l->ctx);
	/* 3.2 and newer rate the short tag at 64 bits */
	assert_int_equal(SSL_CTX_set_cipher_list(l->ctx, "PSK-AES128-CCM8:@SECLEVEL=0"), 1);
	uint64_t options = SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET;
	options |= ems ? 0 : SSL_OP_NO_EXTENDED_MASTER_SECRET;
	options |= server ? SSL_OP_COOKIE_EXCHANGE : 0;
	SSL_CTX_set_options(l->ctx, options);
	SSL_CTX_set_psk_server_callback(l->ctx, server_psk);
	SSL_CTX_set_psk_client_callback(l->ctx, client_psk);
	SSL_CTX_set_cookie_generate_cb(l->ctx, cookie_make);
	SSL_CTX_set_cookie_verify_cb(l->ctx, cookie_check);
	l->ssl = SSL_new(l->ctx);
	l->in = BIO_new(BIO_s_mem());
	l->out = BIO_new(BIO_s_mem());
	assert_true(l->ssl && l->in && l->out);
	BIO_set_mem_eof_return(l->in, -1);
	SSL_set_bio(l->ssl, l->in, l->out);
	SSL_set_mtu(l->ssl, 1200);
	if (server)
		SSL_set_accept_state(l->ssl);
	else
		SSL_set_connect_state(l->ssl);
}

static void lib_free(struct lib *l)
{
	SSL_free(l->ssl);
	SSL_CTX_free(l->ctx);
}

/* Lets libssl work, and the peer hear what it says. */
static void lib_run(struct lib *l, struct peer *p)
{
	const int n = SSL_read(l->ssl, l->got, sizeof(l->got));
	if (n > 0)
		l->got_len = n;
	char *data = NULL;
	const long len = BIO_get_mem_data(l->out, &data);
	if (len <= 0)
		return;
	struct peer_buf heard = { 0 };
	peer_add(&heard, data, (size_t)len);
	assert_int_equal(BIO_reset(l->out), 1);
	peer_take(p, heard.at, heard.len);
	peer_buf_free(&heard);
}

static void to_lib(void *ctx, struct peer *p, const uint8_t *datagram, size_t len)
{
	struct lib *const l = ctx;
	assert_int_equal(BIO_write(l->in, datagram, (int)len), (int)len);
	lib_run(l, p);
}

static struct peer *peer_on(struct lib *l, bool server, bool ems)
{
	struct peer *const p = peer_new(server);
	p->send = to_lib;
	p->ctx = l;
	p->ems = ems;
	peer_identity(p, "thing", 5);
	peer_key(p, psk, sizeof(psk));
	if (!server)
		peer_client_exts(p);
	return p;
}

static void echo_both_ways(struct lib *l, struct peer *p)
{
	assert_true(p->done);
	assert_true(SSL_is_init_finished(l->ssl));
	peer_say_data(p, "up", 2);
	assert_int_equal(l->got_len, 2);
	assert_memory_equal(l->got, "up", 2);
	assert_int_equal(SSL_write(l->ssl, "down", 4), 4);
	lib_run(l, p);
	const struct peer_rec *const r = peer_last(p, PEER_DATA, 1);
	assert_non_null(r);
	assert_true(r->opened);
	assert_int_equal(r->len, 4);
	assert_memory_equal(r->body, "down", 4);
	peer_check_numbers(p);
}

static void client_meets_libssl(bool ems)
{
	struct lib l;
	lib_new(&l, true, ems);
	struct peer *const p = peer_on(&l, false, ems);
	peer_say_hello(p);
	assert_int_equal(p->verifies, 1);
	assert_int_equal(p->hello.cookie.len, 7);
	peer_say_hello(p);
	assert_true(p->flight);
	assert_int_equal(p->answer.suite, PEER_SUITE);
	assert_int_equal(peer_heard(p, PEER_SERVER_HELLO)->seq, 1);
	peer_say_flight5(p);
	assert_int_equal(p->ems_on, ems);
	echo_both_ways(&l, p);
	peer_free(p);
	lib_free(&l);
}

static void server_meets_libssl(bool ems)
{
	struct lib l;
	lib_new(&l, false, ems);
	struct peer *const p = peer_on(&l, true, ems);
	lib_run(&l, p);
	assert_non_null(peer_heard(p, PEER_CLIENT_HELLO));
	peer_make_verify(p, 0, "abc", 3);
	peer_put_msg(p, PEER_HELLO_VERIFY);
	peer_flush(p);
	assert_int_equal(p->hello.cookie.len, 3);
	peer_server_exts(p);
	peer_say_flight4(p);
	assert_true(p->flight);
	assert_int_equal(p->heard_identity_len, 5);
	assert_true(p->done);
	peer_say_flight6(p);
	assert_int_equal(p->ems_on, ems);
	echo_both_ways(&l, p);
	peer_free(p);
	lib_free(&l);
}

static void test_R094_R127_client_peer_meets_libssl_with_ems(void **state)
{
	(void)state;
	client_meets_libssl(true);
}

static void test_R094_R127_client_peer_meets_libssl_without_ems(void **state)
{
	(void)state;
	client_meets_libssl(false);
}

static void test_R094_R127_server_peer_meets_libssl_with_ems(void **state)
{
	(void)state;
	server_meets_libssl(true);
}

static void test_R094_R127_server_peer_meets_libssl_without_ems(void **state)
{
	(void)state;
	server_meets_libssl(false);
}

static void test_peer_alerts_and_repeats_are_understood_by_libssl(void **state)
{
	(void)state;
	struct lib l;
	lib_new(&l, true, true);
	struct peer *const p = peer_on(&l, false, true);
	peer_say_hello(p);
	peer_say_hello(p);
	peer_say_flight5(p);
	assert_true(p->done);
	const size_t finished = peer_count(p, PEER_HANDSHAKE, 1);
	peer_say_again(p);
	assert_int_equal(peer_count(p, PEER_HANDSHAKE, 1), finished + 1);
	assert_int_equal(p->repeats, 1);
	peer_check_numbers(p);
	peer_say_alert(p, 1, 1, 0);
	assert_int_equal(SSL_get_shutdown(l.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	SSL_shutdown(l.ssl);
	lib_run(&l, p);
	assert_int_equal(peer_alert(p), 0);
	peer_free(p);
	lib_free(&l);
}

static void test_peer_sees_that_a_finished_is_wrong(void **state)
{
	(void)state;
	struct lib l;
	lib_new(&l, false, true);
	struct peer *const p = peer_on(&l, true, true);
	lib_run(&l, p);
	peer_server_exts(p);
	peer_make_server_hello(p);
	peer_make_hello_done(p);
	p->transcript.at[40] ^= 1; /* a random of the hello: the key schedule with EMS differs */
	peer_put_msg(p, PEER_SERVER_HELLO);
	peer_put_msg(p, PEER_HELLO_DONE);
	peer_flush(p);
	assert_true(p->flight);
	assert_false(p->done);
	assert_false(peer_last(p, PEER_HANDSHAKE, 1)->opened);
	peer_free(p);
	lib_free(&l);
}

/* master 00..2f, randoms 11.. and 22..: computed once with two other implementations */
static void test_R042_R125_R127_known_keys_and_record(void **state)
{
	(void)state;
	static const uint8_t want_keys[40] = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1,
		0xd5, 0x81, 0xbf, 0x7c, 0xae, 0x5b, 0x31, 0x6d, 0x88, 0x7a, 0x94, 0x17, 0x01, 0xfd,
		0x4f, 0x91, 0xee, 0x36, 0x36, 0x90, 0x16, 0x9e, 0xfa, 0x3a, 0x5b, 0x37, 0x0c, 0xa7,
		0xe9, 0x9f, 0xa9 };
	static const uint8_t want_record[] = { 0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0x14, 0,
		1, 0, 0, 0, 0, 0, 5, 0x2d, 0xb0, 0x83, 0x3e, 0xb0, 0xae, 0x76, 0x2f, 0xa4, 0xbd,
		0x83, 0xd4 };
	struct peer *const p = peer_new(false);
	uint8_t master[48];
	for (size_t i = 0; i < sizeof(master); i++)
		master[i] = (uint8_t)i;
	struct peer_buf seed = { 0 };
	for (size_t i = 0; i < 64; i++)
		peer_add_int(&seed, i < 32 ? 0x22 : 0x11, 1);
	uint8_t block[40];
	peer_prf(&(struct peer_secret){ master, sizeof(master) }, "key expansion", &seed, block,
		sizeof(block));
	assert_memory_equal(block, want_keys, sizeof(want_keys));
	memcpy(p->key[0], block, 16);
	memcpy(p->iv[0], block + 32, 4);
	p->keyed = true;
	const struct peer_num n = { .type = PEER_DATA, .version = 0xfefd, .epoch = 1, .seq = 5 };
	peer_put(p, &n, "\x40\x00\x12\x34", 4);
	assert_int_equal(p->out.len, sizeof(want_record));
	assert_memory_equal(p->out.at, want_record, sizeof(want_record));
	peer_buf_free(&seed);
	peer_free(p);
}

/* RFC 3610's vectors have L = 2, so: the sealed text of every length is opened again, and a flipped
   bit anywhere is seen. */
static void test_ccm_opens_what_it_sealed_and_nothing_else(void **state)
{
	(void)state;
	uint8_t plain[50];
	uint8_t sealed[58];
	uint8_t again[50];
	const struct peer_ccm c = { psk, (const uint8_t *)"twelve bytes", plain, 13 };
	for (size_t len = 0; len <= sizeof(plain); len++) {
		memset(plain, 0xa5, sizeof(plain));
		peer_ccm8_seal(&c, plain, len, sealed);
		assert_true(peer_ccm8_open(&c, sealed, len + 8, again));
		assert_memory_equal(again, plain, len);
		for (size_t i = 0; i < len + 8; i++) {
			sealed[i] ^= 0x10;
			assert_false(peer_ccm8_open(&c, sealed, len + 8, again));
			sealed[i] ^= 0x10;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R042_R125_R127_known_keys_and_record),
		cmocka_unit_test(test_ccm_opens_what_it_sealed_and_nothing_else),
		cmocka_unit_test(test_R094_R127_client_peer_meets_libssl_with_ems),
		cmocka_unit_test(test_R094_R127_client_peer_meets_libssl_without_ems),
		cmocka_unit_test(test_R094_R127_server_peer_meets_libssl_with_ems),
		cmocka_unit_test(test_R094_R127_server_peer_meets_libssl_without_ems),
		cmocka_unit_test(test_peer_alerts_and_repeats_are_understood_by_libssl),
		cmocka_unit_test(test_peer_sees_that_a_finished_is_wrong),
	};
	return cmocka_run_group_tests_name("dtls/wire_peer", tests, NULL, NULL);
}
