/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/libssl: the pipe through which the library reads and writes records, and its generator of
 *              random numbers.
 *
 * Promise: the pipe lends the library one record at a time and collects what it writes; nothing
 *          leaves the process by itself. What the library may say and accept is the profile's.
 * Errors:  false; dtls_libssl_fini() is then still right.
 * Memory:  owns the BIO_METHOD. The pipe is shared by all handshakes of an engine, as only one of
 *          them runs at a time.
 * Threads: the worker that owns it.
 */
#ifndef LWG_DTLS_LIBSSL_H
#define LWG_DTLS_LIBSSL_H

#include "base/attr.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	/* What the library writes at once: a flight of DTLS_FLIGHT_MAX, in records of 512 octets if
	   that is agreed, and an alert. */
	DTLS_PIPE_OUT = 24 * 1024,
	/* It does not cut messages for the wire: dtls/flight does, each time anew. */
	DTLS_PIPE_MTU = 16384,
};

struct dtls_pipe {
	const uint8_t *in; /* the next record, borrowed; NULL = none */
	size_t in_len;
	uint8_t out[DTLS_PIPE_OUT]; /* records, one after the other */
	size_t out_len;
	bool overflow; /* more was written than fits */
	uint16_t mtu;  /* the longest datagram that the library may make */
};

struct dtls_libssl {
	BIO_METHOD *method;
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
MUST_USE SSL *dtls_libssl_new(
	const struct dtls_libssl *l, SSL_CTX *ctx, struct dtls_pipe *pipe, void *user);

#endif
