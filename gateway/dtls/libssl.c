/* SPDX-License-Identifier: Apache-2.0 */
#include "dtls/libssl.h"

#include "base/wipe.h"

#include <openssl/rand.h>
#include <string.h>
#include <time.h>

enum {
	SUITE_PSK_CCM8 = 0xc0a8, /* TLS_PSK_WITH_AES_128_CCM_8, RFC 6655 */
	/* Heap of one SSL object after its handshake: 68 KB on 3.0, 120 KB on 3.5. */
	COST_3_0 = 72 * 1024,
	COST_3_2 = 124 * 1024,
	NEVER_US = 3600000000U, /* the library's timer: an hour, as ours decides */
	AGE_MAX_S = INT32_MAX,  /* 68 years: also after a clock without a battery has been set */
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

/* --- the context ----------------------------------------------------------------------------- */

/* OpenSSL 3.2 and later rate the 8-byte tag as 64 bits of strength, below level 2. The suite is
   what LwM2M prescribes; every other judgement of the library stays as it is. */
/* NOLINTNEXTLINE(readability-function-size): seven parameters are libssl's type */
static int judge(const SSL *s, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex)
{
	const struct dtls_libssl *const l = ex;
	const bool on_cipher = op == SSL_SECOP_CIPHER_SUPPORTED || op == SSL_SECOP_CIPHER_SHARED ||
			       op == SSL_SECOP_CIPHER_CHECK;
	if (on_cipher && other && SSL_CIPHER_get_protocol_id(other) == SUITE_PSK_CCM8)
		return 1;
	return l->judge(s, ctx, op, bits, nid, other, NULL);
}

/* The library's own cookies go nowhere: it is shown only hellos that dtls/cookie has let in, and
   what must seem to have come before them (dtls_handshake_accept). */
static int cookie_known(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	(void)ssl;
	(void)cookie;
	(void)len;
	return 1;
}

static int cookie_any(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	(void)ssl;
	cookie[0] = 0;
	*len = 1;
	return 1;
}

static unsigned int timer_never(SSL *ssl, unsigned int us)
{
	(void)ssl;
	(void)us;
	return NEVER_US;
}

/* Sessions are found, if at all, by who asks the owner. The context's name is in each of them: none
   of another program is taken. */
static bool set_up_sessions(SSL_CTX *c)
{
	static const uint8_t name[] = "lwgate";
	SSL_CTX_set_session_cache_mode(
		c, SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
	SSL_CTX_set_timeout(c, AGE_MAX_S);
	return SSL_CTX_set_session_id_context(c, name, sizeof(name) - 1) == 1;
}

static bool set_up(struct dtls_libssl *l)
{
	SSL_CTX *const c = l->ctx;
	if (!SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) ||
		!SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION))
		return false;
	SSL_CTX_set_security_level(c, 2);
	l->judge = SSL_CTX_get_security_callback(c);
	if (!l->judge)
		return false;
	SSL_CTX_set_security_callback(c, judge);
	SSL_CTX_set0_security_ex_data(c, l);
	if (!SSL_CTX_set_cipher_list(c, "PSK-AES128-CCM8"))
		return false;
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
				       SSL_OP_NO_QUERY_MTU | SSL_OP_COOKIE_EXCHANGE);
	SSL_CTX_set_cookie_verify_cb(c, cookie_known);
	SSL_CTX_set_cookie_generate_cb(c, cookie_any);
	return set_up_sessions(c);
}

bool dtls_libssl_init(struct dtls_libssl *l)
{
	*l = (struct dtls_libssl){
		.cost = OpenSSL_version_num() >= 0x30200000UL ? COST_3_2 : COST_3_0,
	};
	l->method = pipe_method();
	l->ctx = SSL_CTX_new(DTLS_method());
	return l->method && l->ctx && set_up(l);
}

void dtls_libssl_fini(struct dtls_libssl *l)
{
	SSL_CTX_free(l->ctx);
	BIO_meth_free(l->method);
	*l = (struct dtls_libssl){ .ctx = NULL };
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

SSL *dtls_libssl_new(const struct dtls_libssl *l, struct dtls_pipe *pipe, void *user)
{
	SSL *const ssl = SSL_new(l->ctx);
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
