/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/resume: sessions that are resumed by their id, or in client role by a ticket.
 *
 * The library is asked for nothing but the abbreviated handshake itself: where sessions are kept,
 * how old they may become and whether their credential still stands is the owner's (`session_find`,
 * which sees a stale generation and says no: R-211). Our client role offers what its owner gives.
 *
 * Promise: a session is resumed only if version, suite, encrypt-then-MAC, extended master secret
 *          and max_fragment_length are what they were; otherwise, and when there is none,
 *          the handshake is a full one without a word about it. Only a session that could
 *          be resumed is kept at all, and only then the ServerHello has an id (S19). What a
 *          stranger can do with an id that he has seen on the wire harms neither the session nor
 *          its owner's association.
 * Errors:  none: what fails here makes a full handshake, or a session that is not kept.
 * Memory:  the owner's struct dtls_resumable lives on the stack and is wiped.
 * Threads: the worker that owns the engine.
 * Source:  RFC 5246 sections 7.3, 7.4.1.2 and 7.2.2; RFC 7627 section 5.3; RFC 6066 section 4.
 */
#ifndef LWG_DTLS_RESUME_H
#define LWG_DTLS_RESUME_H

#include <openssl/ssl.h>

struct dtls_handshake;
struct dtls_hello;
struct dtls_resumable;

/* What libssl must call. */
void dtls_resume_hooks(SSL_CTX *ctx);
/* A whole ClientHello, before libssl looks at it. */
void dtls_resume_offered(struct dtls_handshake *h, const struct dtls_hello *hello);
/* Client role: before the hello is made. */
void dtls_resume_offer(struct dtls_handshake *h, const struct dtls_resumable *x);
/* libssl has gone on: if it resumes, h takes over whose session it is. */
void dtls_resume_settle(struct dtls_handshake *h);
/* The handshake has finished: the owner may keep its session, if it is a new one. */
void dtls_resume_keep(const struct dtls_handshake *h);
/* The handshake has failed: the owner is told if its session may not be resumed any more
 */
void dtls_resume_failed(const struct dtls_handshake *h);

#endif
