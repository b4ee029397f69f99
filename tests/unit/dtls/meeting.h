/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/meeting: two profiles in one handshake of the library, no engine between them.
 *
 *	struct meeting m;
 *	meeting_begin(&m, server, client, MEETING_PSK);
 *	SSL_set_...(m.side[MEETING_CLIENT].ssl, ...);     a peer that is not as it should be
 *	meeting_run(&m);
 *	assert_true(m.up);
 *	meeting_end(&m);
 *
 * Each side's judge notes what it was shown and answers `answer`. Both have the same PSK.
 * Threads: one.
 */
#ifndef LWG_TESTS_DTLS_MEETING_H
#define LWG_TESTS_DTLS_MEETING_H

#include "dtls/profile_parts.h"
#include "pki.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MEETING_SERVER, MEETING_CLIENT };
enum meeting_as { MEETING_PSK, MEETING_KEY };

struct meeting_side {
	SSL *ssl;
	uint8_t answer; /* of its judge */
	/* What its judge was shown; pointers of proof are not to be followed afterwards. */
	unsigned asked;
	struct dtls_proof proof;
	struct dtls_name name;
	uint8_t serial[32];
	uint8_t pins[DTLS_CHAIN_LIMIT + 1][DTLS_DIGEST_LEN];
	uint8_t alert; /* that it said; 0: none */
	unsigned long error;
	bool chosen; /* choice was parsed from the ServerHello that it said or heard */
	struct dtls_choice choice;
	uint8_t objection;
	uint8_t certificate[64]; /* what it said in its Certificate message begins so */
	size_t certificate_len;  /* of the whole message; 0: it said none */
	unsigned tickets;        /* NewSessionTickets that it said */
	size_t longest;          /* record that it said */
};

struct meeting {
	struct meeting_side side[2];
	struct dtls_profile *profile[2];
	bool up; /* both are done */
};

/* Takes references of the profiles. */
void meeting_begin(struct meeting *m, struct dtls_profile *server, struct dtls_profile *client,
	enum meeting_as as);
void meeting_run(struct meeting *m);
void meeting_end(struct meeting *m);

/* What the tests of profiles have: cmocka's group setup and teardown. */
struct meeting_world {
	struct pki_one root, server, device; /* the leaves are the root's */
	X509_STORE *store;                   /* the root */
	int64_t now_s;                       /* the clock of all settings below */
};
int meeting_world_new(void **state);
int meeting_world_free(void **state);
/* With a key and certificate, the root as anchor, X.509 only. */
struct dtls_profile_settings meeting_settings(struct meeting_world *w, const struct pki_one *one);
struct dtls_profile_settings meeting_server(struct meeting_world *w); /* "gw.example" */
struct dtls_profile_settings meeting_client(struct meeting_world *w); /* "device 1", of it */
/* It must be one. */
struct dtls_profile *meeting_profile(const struct dtls_profile_settings *s);
/* As meeting_begin() with profiles of these settings, which are the meeting's alone. */
void meeting_make(struct meeting *m, const struct dtls_profile_settings *server,
	const struct dtls_profile_settings *client, enum meeting_as as);

/* A server, and a device with a certificate of its own choice. */
struct visit {
	struct dtls_profile_settings server, client;
	struct meeting m;
	const struct meeting_side *gate, *guest; /* the server's side, the device's */
};
/* All is well at PKI_NOW. */
void visit_plan(struct visit *v, struct meeting_world *w);
void visit_run(struct visit *v);
/* Ends a visit in which the gate has taken the guest. */
void visit_taken(struct visit *v);

/* A clock for profiles: ctx is an int64_t. */
int64_t meeting_now(void *ctx);

#endif
