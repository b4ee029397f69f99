/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/libssl.h"

#include "base/wipe.h"

#include <openssl/rand.h>
#include <string.h>
#include <time.h>

enum {
	NEVER_US = 3600000000U, /* the library's timer: an hour, as ours decides */
};

/* --- the pipe -------------------------------------------------------------------------------- */

static int pipe_write(BIO *b, const char *data, int len)
{
	struct dtls_pipe *const p = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	if (len <= 0)
		return 0;
	if ((size_t)len > sizeof(p->out) - p->out_len) {
		p->overflow = true;
		return len;
	}
	memcpy(p->out + p->out_len, data, (size_t)len);
	p->out_len += (size_t)len;
	return len;
}

static int pipe_read(BIO *b, char *out, int cap)
{
	struct dtls_pipe *const p = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	if (!p->in) {
		BIO_set_retry_read(b);
		return -1;
	}
	/* As a datagram socket: what does not fit is cut off. */
	const size_t n = p->in_len < (size_t)cap ? p->in_len : (size_t)cap;
	memcpy(out, p->in, n);
	p->in = NULL;
	return (int)n;
}

static long pipe_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	const struct dtls_pipe *const p = BIO_get_data(b);
	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return p->mtu;
	default:
		return 0;
	}
}

static BIO_METHOD *pipe_method(void)
{
	/* No number of its own: nobody looks for this type, and a process has only 127 to give
	   away. */
	BIO_METHOD *const m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "lwgate pipe");
	if (!m)
		return NULL;
	if (BIO_meth_set_write(m, pipe_write) && BIO_meth_set_read(m, pipe_read) &&
		BIO_meth_set_ctrl(m, pipe_ctrl))
		return m;
	BIO_meth_free(m);
	return NULL;
}

/* --- the library ------------------------------------------------------------------------------ */

static unsigned int timer_never(SSL *ssl, unsigned int us)
{
	(void)ssl;
	(void)us;
	return NEVER_US;
}

bool dtls_libssl_init(struct dtls_libssl *l)
{
	*l = (struct dtls_libssl){ .method = pipe_method() };
	return l->method != NULL;
}

void dtls_libssl_fini(struct dtls_libssl *l)
{
	BIO_meth_free(l->method);
	*l = (struct dtls_libssl){ .method = NULL };
}

/* The process's generator is seeded anew, by itself from the kernel; those of the threads see it,
   and take from it before they say the next byte. The real time tells copies of a machine apart
   whose kernels go on alike; like that seed it is read here, as nothing is decided by it. */
bool dtls_libssl_stir(const uint8_t *fresh, size_t len)
{
	struct stir {
		struct timespec now;
		uint8_t fresh[DTLS_STIR_MAX];
	} s;
	memset(&s, 0, sizeof(s));
	(void)clock_gettime(CLOCK_REALTIME, &s.now);
	memcpy(s.fresh, fresh, len < sizeof(s.fresh) ? len : sizeof(s.fresh));
	const int good = EVP_RAND_reseed(
		RAND_get0_primary(NULL), 0, NULL, 0, (const uint8_t *)&s, sizeof(s));
	wipe(&s, sizeof(s));
	return good == 1;
}

SSL *dtls_libssl_new(const struct dtls_libssl *l, SSL_CTX *ctx, struct dtls_pipe *pipe, void *user)
{
	SSL *const ssl = SSL_new(ctx);
	BIO *const bio = BIO_new(l->method);
	if (!ssl || !bio || !SSL_set_app_data(ssl, user)) {
		SSL_free(ssl);
		BIO_free(bio);
		return NULL;
	}
	BIO_set_data(bio, pipe);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio); /* takes the BIO */
	DTLS_set_timer_cb(ssl, timer_never);
	if (!SSL_set_mtu(ssl, pipe->mtu)) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}
