/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/raw: a peer that is libssl all the way, records included, and meets one engine of a
 * pair on line 0.
 *
 * Threads: one.
 */
#ifndef LWG_TESTS_DTLS_RAW_H
#define LWG_TESTS_DTLS_RAW_H

#include "pair.h"

#include <openssl/err.h>

struct raw {
	struct dtls_libssl lib; /* its pipe is all that is used */
	struct dtls_pipe pipe;
	SSL_CTX *ctx;
	SSL *ssl;
	struct pair *p;
	bool up;
	unsigned alert; /* level << 8 | number, as received */
	char heard[64];
};

static inline unsigned int client_psk(SSL *ssl, const char *hint, char *identity, unsigned int cap,
	unsigned char *key, unsigned int key_cap)
{
	const struct raw *const r = SSL_get_app_data(ssl);
	(void)hint;
	assert_true(cap > r->p->identity_len && key_cap >= r->p->key_len);
	memcpy(identity, r->p->identity, r->p->identity_len);
	identity[r->p->identity_len] = 0;
	memcpy(key, r->p->client_key, r->p->key_len);
	return (unsigned int)r->p->key_len;
}

static inline unsigned int server_psk(
	SSL *ssl, const char *identity, unsigned char *key, unsigned int cap)
{
	const struct raw *const r = SSL_get_app_data(ssl);
	if (strlen(identity) != r->p->identity_len ||
		memcmp(identity, r->p->identity, r->p->identity_len) != 0)
		return 0;
	assert_true(cap >= r->p->key_len);
	memcpy(key, r->p->key, r->p->key_len);
	return (unsigned int)r->p->key_len;
}

static inline int cookie_make(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	memset(cookie, 0xab, 255);
	*len = 255; /* the longest there is */
	return 1;
}

static inline int cookie_check(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	return len == 255 && cookie[254] == 0xab;
}

static inline void told(const SSL *ssl, int where, int value)
{
	struct raw *const r = SSL_get_app_data(ssl);
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		r->alert = (unsigned)value;
}

/* libssl's timer is in real time, so it is made a short one. */
static inline unsigned int soon(SSL *ssl, unsigned int us)
{
	(void)ssl;
	(void)us;
	return 30000;
}

static inline struct raw *raw_new(struct pair *p, const SSL_METHOD *method, const char *names)
{
	struct raw *const r = calloc(1, sizeof(*r));
	assert_non_null(r);
	r->p = p;
	assert_true(dtls_libssl_init(&r->lib));
	r->ctx = SSL_CTX_new(method);
	assert_non_null(r->ctx);
	char list[128];
	(void)snprintf(list, sizeof(list), "%s@SECLEVEL=0", names);
	assert_int_equal(SSL_CTX_set_cipher_list(r->ctx, list), 1);
	SSL_CTX_set_psk_client_callback(r->ctx, client_psk);
	SSL_CTX_set_psk_server_callback(r->ctx, server_psk);
	SSL_CTX_set_cookie_generate_cb(r->ctx, cookie_make);
	SSL_CTX_set_cookie_verify_cb(r->ctx, cookie_check);
	SSL_CTX_set_info_callback(r->ctx, told);
	r->ssl = SSL_new(r->ctx);
	assert_non_null(r->ssl);
	SSL_set_app_data(r->ssl, r);
	BIO *const bio = BIO_new(r->lib.method);
	assert_non_null(bio);
	BIO_set_data(bio, &r->pipe);
	BIO_set_init(bio, 1);
	SSL_set_bio(r->ssl, bio, bio);
	SSL_set_options(r->ssl, SSL_OP_NO_QUERY_MTU);
	r->pipe.mtu = 1200;
	(void)SSL_set_mtu(r->ssl, 1200);
	return r;
}

static inline void raw_free(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	dtls_libssl_fini(&r->lib);
	ERR_clear_error();
	free(r);
}

/* Lets the raw peer take one datagram (or begin), and takes what it says to the engine of side
   `to`. */
static inline void raw_step(struct raw *r, unsigned to, const uint8_t *d, size_t len)
{
	r->pipe.in = d;
	r->pipe.in_len = len;
	ERR_clear_error();
	if (!r->up)
		r->up = SSL_do_handshake(r->ssl) == 1;
	if (r->up) {
		const int n = SSL_read(r->ssl, r->heard, sizeof(r->heard) - 1);
		if (n > 0)
			r->heard[n] = 0;
	}
	r->pipe.in = NULL;
	ERR_clear_error();
	if (r->pipe.out_len > 0) {
		static uint8_t out[DTLS_PIPE_OUT];
		const size_t out_len = r->pipe.out_len;
		memcpy(out, r->pipe.out, out_len);
		r->pipe.out_len = 0;
		pair_input(r->p, to, 0, out, out_len);
	}
}

/* Until nobody says anything any more. */
static inline void raw_talk(struct raw *r, unsigned ours)
{
	raw_step(r, ours, NULL, 0);
	while (r->p->wire) {
		struct dgram *const g = r->p->wire;
		r->p->wire = g->next;
		raw_step(r, ours, g->data, g->len);
		free(g);
	}
}

static inline void assert_data_both_ways(struct raw *r, unsigned ours)
{
	for (int i = 0; i < 5; i++) {
		assert_int_equal(SSL_write(r->ssl, "from libssl", 11), 11);
		raw_talk(r, ours);
		assert_heard(&r->p->side[ours], "from libssl");
		r->p->side[ours].last_len = 0;
		r->heard[0] = 0;
		pair_say(r->p, ours, "from lwgate");
		raw_talk(r, ours);
		assert_string_equal(r->heard, "from lwgate");
	}
}

#endif
