/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/labserver: the parts of lwgate-labserver: an LwM2M server on libcoap's own DTLS, not on our
 * engine.
 *
 * It takes registrations and drives each registered device through the operations of a schedule,
 * again and again.
 *
 * Promise: every operation sent ends in exactly one of answered (with its code), reset, timeout,
 *          closed. A registration is accepted only for the endpoint of the session's PSK identity
 *          (I4).
 * Memory:  struct peer stands for one line of the key file and holds a reference of its session.
 * Threads: one.
 * Source:  LwM2M 1.1 Core 6.2, 6.3, 6.4; RFC 7641.
 */
#ifndef LWG_LAB_LABSERVER_H
#define LWG_LAB_LABSERVER_H

#include "base/attr.h"
#include "tests/lab/keyfile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <coap3/coap.h>

enum { SERVER_TOKEN = 6, SERVER_OPS_MAX = 16, SERVER_CODES = 8 };

enum server_op { OP_READ, OP_DISCOVER, OP_WRITE, OP_EXECUTE, OP_OBSERVE, OP_CANCEL, OP_KINDS };
enum server_end {
	END_ANSWERED,
	END_RESET,
	END_TIMEOUT,
	END_CLOSED /* its session ended */,
	END_KINDS
};

struct op_counts {
	uint64_t sent;
	uint64_t ended[END_KINDS];
	struct {
		uint8_t code; /* 0 = row not in use */
		uint64_t count;
	} codes[SERVER_CODES]; /* of the answers */
};

struct server_counts {
	uint64_t handshakes, registered, updated, deregistered, wrong_endpoint, unknown_location,
		strangers /* identities */;
	uint64_t notified, notify_short /* too few notifications in time */, rounds;
	uint64_t late;  /* requests that came after the De-register of their device */
	uint64_t posts; /* to /dp; of those with a serial: */
	uint64_t serial_once, serial_twice /* came a second time */, serial_odd;
	struct op_counts ops[OP_KINDS];
};

struct server_settings {
	enum server_op ops[SERVER_OPS_MAX];
	size_t ops_len;
	uint32_t notifications; /* to wait for after Observe */
	uint32_t rounds;        /* of the schedule per registration; 0 = until told to finish */
	uint32_t pause_ms;      /* between rounds */
	uint32_t timeout_ms;    /* for an answer, its retransmissions included */
	uint32_t notify_ms;     /* between notifications */
	uint32_t ack_ms;        /* ACK_TIMEOUT */
	uint16_t tries;         /* transmissions of a CON */
	bool quiet;             /* no event per operation and notification */
	bool non;               /* operations are NON: each request leaves once and no more */
};

enum peer_state {    /* what is awaited */
	PEER_OFF,    /* not registered */
	PEER_READY,  /* the next operation may be sent */
	PEER_ANSWER, /* the answer of ops[at] */
	PEER_NOTES,  /* more notifications */
	PEER_PAUSE,  /* the next round */
	PEER_IDLE,   /* all rounds are done */
};

struct peer {
	const struct keyfile_entry *entry;
	coap_session_t *session; /* referenced; NULL = none */
	enum peer_state state;
	uint32_t location;                   /* rd/<location>; 0 = not registered */
	coap_mid_t register_mid, delete_mid; /* of the last, to know a retransmission */
	uint32_t deleted;                    /* location that the last De-register removed */
	size_t at;                           /* in the schedule */
	uint32_t rounds;                     /* done */
	uint8_t token[SERVER_TOKEN], observe_token[SERVER_TOKEN];
	bool observing;            /* observe_token is in use */
	bool again;                /* the request must be sent once more: libcoap has dropped it */
	uint32_t notes, last_note; /* received in this relation; its last number */
	uint64_t deadline_ms;      /* of state; 0 = none */
	uint64_t answered;         /* operations, ever */
	uint64_t answered_mark;    /* of them: when the order "mark" came */
	uint8_t *serials;          /* by serial: bits of the tries that have come */
	uint32_t serials_room;
};

struct server {
	coap_context_t *context;
	const struct server_settings *set;
	struct server_counts counts;
	struct keyfile keys;
	coap_bin_const_t *psk; /* parallel to keys.entries */
	struct peer *peers;    /* the same */
	uint32_t next_location;
	uint64_t next_token;
	bool finishing; /* no new rounds */
};

/* labserver_rd.c */
void server_registry_init(struct server *s, coap_context_t *context);
/* The peer whose identity the session has proved, or NULL. */
struct peer *server_peer_of(struct server *s, const coap_session_t *session);

/* labserver_dp.c */
void server_dp_init(coap_context_t *context);

/* A request that needs a registration, from a peer (or NULL) that has none. */
void server_count_unknown(struct server *s, const struct peer *p);

/* labserver_ops.c */
void server_ops_init(struct server *s, coap_context_t *context);
void server_ops_registered(struct server *s, struct peer *p);
/* One more round of those who are idle; NULL: of all. */
void server_ops_again(struct server *s, const char *endpoint);
/* The registration or the session has ended. */
void server_ops_stop(struct server *s, struct peer *p);
/* Sends what may be sent, ends what is overdue; returns when to call again at the latest. */
uint64_t server_ops_run(struct server *s, uint64_t now_ms);
/* No operation is under way and none is to come. */
MUST_USE bool server_ops_idle(const struct server *s);
MUST_USE bool server_op_named(const char *name, size_t len, enum server_op *out);

/* labserver_say.c: one JSON object a line on stdout. */
void server_say(const struct peer *p, const char *event);
void server_say_op(const struct peer *p, enum server_op op, const char *outcome);
void server_say_note(const struct peer *p, const uint8_t *value, size_t len);
void server_say_wrong(const struct peer *p, const char *claimed);
void server_say_twice(const struct peer *p, uint32_t serial, unsigned try);
void server_say_summary(const struct server *s);
const char *server_op_name(enum server_op op);

#endif
