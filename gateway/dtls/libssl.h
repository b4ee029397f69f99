/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/libssl: how the library is set up, and the pipe through which it reads and writes records.
 *
 * Promise: DTLS 1.2 and TLS_PSK_WITH_AES_128_CCM_8 only, no tickets, no renegotiation, no
 *          compression; the library's judgement on strength stays, but for this one suite.
 *          It keeps no session itself, and finds none too old: that is the owner's to decide
 *          (R-197, dtls/resume). The pipe lends the library one record at a time and collects what
 *          it writes; nothing leaves the process by itself.
 * Errors:  false; dtls_libssl_fini() is then still right.
 * Memory:  owns the SSL_CTX and the BIO_METHOD. The pipe is shared by all handshakes of an engine,
 *          as only one of them runs at a time.
 * Threads: the worker that owns it.
 */
#ifndef LWG_DTLS_LIBSSL_H
#define LWG_DTLS_LIBSSL_H

#include "base/attr.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DTLS_PIPE_OUT = 4096 };

struct dtls_pipe {
	const uint8_t *in; /* the next record, borrowed; NULL = none */
	size_t in_len;
	uint8_t out[DTLS_PIPE_OUT]; /* records, one after the other */
	size_t out_len;
	bool overflow; /* more was written than fits */
	uint16_t mtu;  /* the longest datagram that the library may make */
};

typedef int dtls_judge(
	const SSL *s, const SSL_CTX *ctx, int op, int bits, int nid, void *other, void *ex);

struct dtls_libssl {
	SSL_CTX *ctx;
	BIO_METHOD *method;
	dtls_judge *judge; /* the library's own security callback */
	size_t cost;       /* bytes that one SSL object takes during a handshake, measured */
};

MUST_USE bool dtls_libssl_init(struct dtls_libssl *l);
void dtls_libssl_fini(struct dtls_libssl *l);
enum { DTLS_STIR_MAX = 32 };
/* Before each handshake (S7): the library's generator takes in entropy of the kernel, the real time
   and `fresh`, at most DTLS_STIR_MAX bytes, so that two copies of this process or machine do not
   say the same. False: it is broken, and says nothing any more. */
MUST_USE bool dtls_libssl_stir(const uint8_t *fresh, size_t len);
/* An SSL object that reads and writes through pipe, whose app data is `user`. NULL when memory is
   short. */
MUST_USE SSL *dtls_libssl_new(const struct dtls_libssl *l, struct dtls_pipe *pipe, void *user);

#endif
