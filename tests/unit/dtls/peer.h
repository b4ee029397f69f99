/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests: a scripted DTLS 1.2 peer, client or server, TLS_PSK_WITH_AES_128_CCM_8. It can say
 * anything in any order, and keeps all that it hears.
 *
 * Saying: peer_make_*() builds a handshake message, adds it to the transcript and keeps it in
 * mine[]; peer_put_*() writes records into the datagram in the making; peer_flush() sends that.
 * So a message can be sent whole, in pieces, late, twice or never.
 * Hearing: peer_take() logs every record in rec[] and every handshake message that is new in msg[],
 * and follows the handshake (cookie, randoms, keys, the other's Finished) without ever answering.
 *
 * Promise: no code of gateway/dtls is called; the keys and both Finished are computed here.
 * Source:  RFC 6347, RFC 5246, RFC 4279, RFC 6655, RFC 7627.
 */
#ifndef LWG_TESTS_DTLS_PEER_H
#define LWG_TESTS_DTLS_PEER_H

#include "peer_crypto.h"

#include "base/net.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum peer_type { PEER_CCS = 20, PEER_ALERT = 21, PEER_HANDSHAKE = 22, PEER_DATA = 23 };

enum peer_message {
	PEER_HELLO_REQUEST = 0,
	PEER_CLIENT_HELLO = 1,
	PEER_SERVER_HELLO = 2,
	PEER_HELLO_VERIFY = 3,
	PEER_NEW_TICKET = 4,
	PEER_CERTIFICATE = 11,
	PEER_SERVER_KEY = 12,
	PEER_HELLO_DONE = 14,
	PEER_CLIENT_KEY = 16,
	PEER_FINISHED = 20,
	PEER_MESSAGES,
};

enum { PEER_MESSAGE_HEADER = 12, PEER_RECORD_HEADER = 13, PEER_SUITE = 0xc0a8 };

struct peer_num {
	uint8_t type;
	uint16_t version, epoch;
	uint64_t seq;
	const uint8_t *nonce; /* the explicit part; NULL = epoch and number */
};

struct peer_rec {
	uint8_t type;
	uint16_t version, epoch;
	uint64_t seq;
	uint8_t nonce[8]; /* epoch 1: the explicit part */
	bool opened;      /* body is plaintext */
	uint8_t *body;
	size_t len;
	unsigned datagram; /* the how manieth that was heard */
};

struct peer_msg {
	uint8_t type;
	uint16_t seq;
	struct peer_buf body;
};

/* What a client says first, and what a server has heard. */
struct peer_hello {
	uint16_t version;
	uint8_t random[32];
	struct peer_buf sid, cookie, suites, comps;
	struct peer_buf exts; /* without the length in front */
	bool no_exts;         /* leave even the length out */
};

struct peer_server_hello {
	uint16_t version, suite;
	uint8_t random[32], comp;
	struct peer_buf sid, exts;
};

struct peer {
	bool server;
	bool ems; /* client: offer it; server: accept it */
	uint8_t psk[64];
	size_t psk_len;
	uint8_t identity[512];
	size_t identity_len;
	struct peer_hello hello;
	struct peer_server_hello answer;

	/* saying */
	void (*send)(void *ctx, struct peer *p, const uint8_t *datagram, size_t len);
	void *ctx;
	struct net_path path;
	struct peer_buf out;     /* the datagram in the making */
	uint16_t record_version; /* of epoch 0 */
	uint64_t next_seq[2];    /* by epoch */
	uint16_t msg_out;        /* the next message's number */
	struct peer_msg mine[PEER_MESSAGES];
	struct peer_buf transcript;

	/* secrets */
	uint8_t master[48];
	uint8_t key[2][16], iv[2][4]; /* by writer: client, server */
	bool keyed, ems_on;
	bool resumes; /* client: master is that of the session whose id hello.sid is */

	/* hearing */
	uint16_t msg_in;   /* the number that is awaited */
	unsigned verifies; /* HelloVerifyRequests */
	unsigned repeats;  /* messages that were heard again */
	bool flight;       /* ServerHelloDone, or ClientKeyExchange, was heard */
	bool done;         /* the other's Finished was heard and is right */
	bool wrong;        /* the other's Finished was heard and is wrong */
	uint8_t heard_identity[512];
	size_t heard_identity_len;
	struct peer_msg part; /* under reassembly */
	struct peer_buf part_have;
	struct peer_rec *rec;
	size_t recs, recs_cap;
	struct peer_msg *msg;
	size_t msgs, msgs_cap;
	unsigned datagrams;
	size_t bytes_in, bytes_out;
};

struct peer *peer_new(bool server);
void peer_free(struct peer *p);
void peer_identity(struct peer *p, const void *identity, size_t len);
void peer_key(struct peer *p, const void *psk, size_t len);

/* The hello's extensions. */
void peer_ext(struct peer_buf *exts, uint16_t code, const void *body, size_t len);
/* Its body, or NULL; len may be NULL. Fails the test when the block is malformed. */
const uint8_t *peer_ext_find(const struct peer_buf *exts, uint16_t code, size_t *len);

/* The usual ones: extended_master_secret if p->ems (and offered), and renegotiation_info.
   peer_new() has called the client's. */
void peer_client_exts(struct peer *p);
void peer_server_exts(struct peer *p);

/* Client. */
void peer_make_client_hello(struct peer *p);
void peer_make_client_key(struct peer *p);
/* Server. */
void peer_make_verify(struct peer *p, uint16_t seq, const void *cookie, size_t len);
void peer_make_server_hello(struct peer *p); /* of p->answer; fills its random when that is 0 */
void peer_make_hello_done(struct peer *p);
/* Both. */
void peer_make_finished(struct peer *p);
void peer_make_other(struct peer *p, uint8_t type, const void *body, size_t len);

void peer_put(struct peer *p, const struct peer_num *n, const void *body, size_t len);
void peer_put_next(struct peer *p, uint8_t type, uint16_t epoch, const void *body, size_t len);
/* A whole message of mine[], in one record with the next number. */
void peer_put_msg(struct peer *p, uint8_t type);
/* A piece of it, likewise. */
void peer_put_part(struct peer *p, uint8_t type, size_t off, size_t len);
void peer_put_ccs(struct peer *p);
/* One fragment with its header, without a record. */
void peer_add_fragment(struct peer_buf *b, const struct peer_msg *m, size_t off, size_t len);
void peer_flush(struct peer *p);

/* Whole steps: a new ClientHello; a flight made and sent; the last flight so far sent again. */
void peer_say_hello(struct peer *p);
void peer_say_flight5(struct peer *p);
void peer_say_flight4(struct peer *p);
/* Also what a client says last when it resumes. */
void peer_say_flight6(struct peer *p);
void peer_say_again(struct peer *p);
void peer_say_data(struct peer *p, const void *data, size_t len);
void peer_say_alert(struct peer *p, uint16_t epoch, uint8_t level, uint8_t what);

/* Inside the peer: master secret and keys from a transcript that ends with the ClientKeyExchange;
   what a Finished has to say. */
void peer_derive(struct peer *p);
/* The keys alone, once both randoms are known. */
void peer_derive_keys(struct peer *p);
void peer_verify_data(const struct peer *p, bool of_server, uint8_t out[12]);

void peer_take(struct peer *p, const uint8_t *datagram, size_t len);
/* Forgets what was logged. */
void peer_forget(struct peer *p);
size_t peer_count(const struct peer *p, uint8_t type, uint16_t epoch);
/* The last record of that kind, or NULL. */
const struct peer_rec *peer_last(const struct peer *p, uint8_t type, uint16_t epoch);
const struct peer_msg *peer_heard(const struct peer *p, uint8_t type);
/* The last alert that can be read: its description; -1 = none. */
int peer_alert(const struct peer *p);
/* every epoch-1 record could be read, says FEFD, has a number of its own, and
   the explicit nonce is epoch and number; epoch-0 numbers do not repeat but where they mirror. */
void peer_check_numbers(const struct peer *p);

#endif
