/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/device: a device that is libssl all the way, at the client's end of a pair's wire. Its
 * timers run by the pair's clock: libssl asks gettimeofday() and time(), which are ours in this
 * program.
 *
 * Threads: one. Seeded, but for what libssl draws.
 */
#ifndef LWG_TESTS_DTLS_DEVICE_H
#define LWG_TESTS_DTLS_DEVICE_H

#include <openssl/err.h>
#include <sys/time.h>
#include <time.h>

#include "pair.h"
#include "shelf.h"

struct device {
	struct dtls_libssl lib; /* its pipe is all that is used */
	struct dtls_pipe pipe;
	SSL_CTX *ctx;
	SSL *ssl;
	struct pair *p;
	unsigned line;
	bool up;
	unsigned alert; /* level << 8 | number, as received */
	size_t heard_len;
	char heard[64];
};

static uint64_t device_clock_ms; /* they have no argument for it */

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	(void)tz;
	tv->tv_sec = (time_t)(device_clock_ms / 1000);
	tv->tv_usec = (suseconds_t)(device_clock_ms % 1000 * 1000);
	return 0;
}

static inline unsigned int device_psk(SSL *ssl, const char *hint, char *identity, unsigned int cap,
	unsigned char *key, unsigned int key_cap)
{
	const struct device *const d = SSL_get_app_data(ssl);
	const struct pair *const p = d->p;
	(void)hint;
	assert_true(cap > p->identity_len && key_cap >= p->key_len);
	memcpy(identity, p->identity, p->identity_len);
	identity[p->identity_len] = 0;
	memcpy(key, p->client_key, p->key_len);
	return (unsigned int)p->key_len;
}

static inline void device_told(const SSL *ssl, int where, int value)
{
	struct device *const d = SSL_get_app_data(ssl);
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT)
		d->alert = (unsigned)value;
}

time_t time(time_t *timer)
{
	const time_t now = (time_t)(device_clock_ms / 1000);
	if (timer)
		*timer = now;
	return now;
}

/* session: to be offered, or NULL. */
static inline struct device *device_new(struct pair *p, SSL_SESSION *session)
{
	struct device *const d = calloc(1, sizeof(*d));
	assert_non_null(d);
	d->p = p;
	assert_true(dtls_libssl_init(&d->lib));
	d->ctx = SSL_CTX_new(DTLS_client_method());
	assert_non_null(d->ctx);
	assert_int_equal(SSL_CTX_set_cipher_list(d->ctx, "PSK-AES128-CCM8@SECLEVEL=0"), 1);
	SSL_CTX_set_psk_client_callback(d->ctx, device_psk);
	SSL_CTX_set_info_callback(d->ctx, device_told);
	SSL_CTX_set_options(d->ctx, SSL_OP_NO_QUERY_MTU);
	d->ssl = SSL_new(d->ctx);
	assert_non_null(d->ssl);
	SSL_set_app_data(d->ssl, d);
	BIO *const bio = BIO_new(d->lib.method);
	assert_non_null(bio);
	BIO_set_data(bio, &d->pipe);
	BIO_set_init(bio, 1);
	SSL_set_bio(d->ssl, bio, bio);
	d->pipe.mtu = 1200;
	(void)SSL_set_mtu(d->ssl, 1200);
	if (session)
		assert_int_equal(SSL_set_session(d->ssl, session), 1);
	SSL_set_connect_state(d->ssl);
	device_clock_ms = p->now_ms;
	return d;
}

static inline void device_free(struct device *d)
{
	/* Or it would spoil the session that another device shall offer. */
	SSL_set_shutdown(d->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(d->ssl);
	SSL_CTX_free(d->ctx);
	dtls_libssl_fini(&d->lib);
	ERR_clear_error();
	free(d);
}

/* What libssl has written goes on the wire. */
static inline void device_flush(struct device *d)
{
	struct pair *const p = d->p;
	const size_t len = d->pipe.out_len;
	if (len == 0)
		return;
	d->pipe.out_len = 0;
	p->number++;
	struct fate f = { .copies = 1 };
	if (p->fate)
		f = p->fate(p, CLIENT, d->line, d->pipe.out, len);
	for (unsigned i = 0; i < f.copies; i++)
		put_on_wire(p, SERVER, d->line, d->pipe.out, len, p->now_ms + f.delay_ms[i]);
}

/* Lets it take one datagram, or begin. */
static inline void device_take(struct device *d, const uint8_t *data, size_t len)
{
	d->pipe.in = data;
	d->pipe.in_len = len;
	ERR_clear_error();
	if (!d->up)
		d->up = SSL_do_handshake(d->ssl) == 1;
	if (d->up) {
		const int n = SSL_read(d->ssl, d->heard, sizeof(d->heard));
		d->heard_len = n > 0 ? (size_t)n : d->heard_len;
	}
	d->pipe.in = NULL;
	ERR_clear_error();
	device_flush(d);
}

static inline void device_say(struct device *d, const char *text)
{
	assert_int_equal(SSL_write(d->ssl, text, (int)strlen(text)), strlen(text));
	device_flush(d);
}

static inline void device_deliver(struct device *d)
{
	struct pair *const p = d->p;
	while (p->wire && p->wire->due_ms <= p->now_ms) {
		struct dgram *const g = p->wire;
		p->wire = g->next;
		if (g->to == SERVER)
			pair_input(p, SERVER, g->line, g->data, g->len);
		else if (g->line == d->line)
			device_take(d, g->data, g->len);
		free(g);
	}
}

static inline uint64_t device_due(const struct device *d)
{
	struct timeval left;
	if (DTLSv1_get_timeout(d->ssl, &left) != 1)
		return UINT64_MAX;
	return d->p->now_ms + (uint64_t)left.tv_sec * 1000 + (uint64_t)(left.tv_usec + 999) / 1000;
}

/* Lets time pass until until_ms, or until nothing more is due. */
static inline void device_run(struct device *d, uint64_t until_ms)
{
	struct pair *const p = d->p;
	struct dtls_engine *const e = p->side[SERVER].e;
	for (;;) {
		device_deliver(d);
		uint64_t next = p->wire ? p->wire->due_ms : UINT64_MAX;
		next = dtls_next_ms(e) < next ? dtls_next_ms(e) : next;
		next = device_due(d) < next ? device_due(d) : next;
		if (next > until_ms)
			break;
		p->now_ms = next > p->now_ms ? next : p->now_ms;
		device_clock_ms = p->now_ms;
		dtls_tick(e, p->now_ms);
		(void)DTLSv1_handle_timeout(d->ssl);
		device_flush(d);
	}
	p->now_ms = until_ms > p->now_ms ? until_ms : p->now_ms;
	device_clock_ms = p->now_ms;
}

/* On a clean wire. */
static inline void device_connect(struct device *d)
{
	device_take(d, NULL, 0);
	device_deliver(d);
}

static inline void assert_device_talks(struct device *d)
{
	struct side *const s = &d->p->side[SERVER];
	s->last_len = 0;
	d->heard_len = 0;
	device_say(d, "is it warm");
	device_deliver(d);
	assert_heard(s, "is it warm");
	pair_say(d->p, SERVER, "no");
	device_deliver(d);
	assert_int_equal(d->heard_len, 2);
	assert_memory_equal(d->heard, "no", 2);
}

/* --- an owner that keeps sessions ------------------------------------------------------------ */

static inline bool own_session_find(
	void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out)
{
	const struct side *const s = ctx;
	return shelf_find(s->p->shelf, id, len, out);
}

static inline void own_session_keep(void *ctx, const struct dtls_resumable *x)
{
	const struct side *const s = ctx;
	shelf_keep(s->p->shelf, x);
}

static inline void own_session_drop(void *ctx, const uint8_t *id, size_t len)
{
	const struct side *const s = ctx;
	shelf_drop(s->p->shelf, id, len);
}

static inline struct pair *pair_with_shelf(uint64_t seed, struct shelf *shelf)
{
	struct pair *const p = pair_new(seed, NULL);
	struct dtls_owner *const o = &p->side[SERVER].e->owner;
	memset(shelf, 0, sizeof(*shelf));
	shelf->generation = 41;
	p->cred_generation = 41;
	p->shelf = shelf;
	o->session_find = own_session_find;
	o->session_keep = own_session_keep;
	o->session_drop = own_session_drop;
	return p;
}

#endif
