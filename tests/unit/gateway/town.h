/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/gateway/town: workers, devices and a server in one thread over real loopback
 *                          sockets, turn by turn.
 *
 * The workers are the gateway's own. Devices and the server are two more engines, whose sockets
 * town_turn() serves; they live on when the gateway dies (town_night.h).
 *
 * Promise: nothing happens but within town_turn(), so that a test sees every state between.
 * Errors:  a cmocka failure.
 * Threads: one, unless town_start() was called; and the writer of the store.
 */
#ifndef LWG_TEST_TOWN_H
#define LWG_TEST_TOWN_H

#include "conf/config.h"
#include "dtls/engine.h"
#include "gateway/worker.h"
#include "io/udp.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cellar;
struct dtls_profile;
struct gw_rules;
struct town_stall;

enum {
	TOWN_WORKERS_MAX = 4,
	TOWN_SOCKETS = 64,
	TOWN_DEVICES = 3,
	TOWN_TAPE = 64,
	TOWN_HEARD = 2048,
	TOWN_MESSAGE = 128,
	TOWN_DATAGRAM = 512,
};
enum {
	TOWN_CODE_GET = 1,
	TOWN_CODE_DELETE = 4,
	TOWN_CODE_CREATED = 65,
	TOWN_CODE_DELETED = 66,
	TOWN_CODE_CHANGED = 68,
	TOWN_CODE_CONTENT = 69
};

struct town_sheet { /* a datagram that a peer has sent */
	struct net_path path;
	size_t len;
	uint8_t data[TOWN_DATAGRAM];
};

struct town_nonce { /* of a protected record of the gateway */
	struct net_path path;
	uint8_t octets[8];
	uint8_t body[8]; /* what was sealed with it begins so */
};

enum town_manner { TOWN_ANSWERS, TOWN_IS_MUTE, TOWN_LIES, TOWN_ANSWERS_APART };

struct town_peer { /* the devices, or the server */
	struct town *town;
	enum dtls_role role;
	struct dtls_engine *dtls;
	struct udp_rx rx;
	struct udp_tx tx;
	int fds[TOWN_SOCKETS];
	size_t len;
	struct dtls_profile *profile; /* see town_use_cids() */
	size_t ups, downs, failures;  /* events, ever */
	size_t messages;              /* that came, ever */
	uint8_t code;                 /* of the last message */
	uint8_t last[TOWN_MESSAGE];   /* it */
	size_t last_len;
	struct dtls_conn *conns[TOWN_SOCKETS]; /* devices: by socket; the server's: by device */
	enum town_manner manner;               /* with requests: the token of a liar is wrong */
	bool tapes;                            /* what it sends is kept */
	struct dtls_resumable kept;            /* the server: the last session; id_len 0: none */
	struct town_sheet tape[TOWN_TAPE];
	size_t tape_len;
	bool swallows;  /* what is sent to it is lost */
	bool withholds; /* what it sends is lost, but it may be on the tape */
	size_t in[TOWN_SOCKETS], out_of[TOWN_SOCKETS]; /* octets, ever */
	uint8_t *out; /* where the engine writes the datagram that it is about to send */
	struct net_path out_path;
	struct town_nonce heard[TOWN_HEARD]; /* protected records, ever */
	size_t heard_len;
};

struct town_cids {           /* zeroed: none */
	bool gateway;        /* it has them, and takes those of others */
	enum conf_move move; /* what it does with addresses */
	bool routability;    /* RFC 9853, of devices; the gateway always can */
	bool device;         /* devices have CIDs of their own, too */
	bool links, server;  /* the gateway has them as a client; the server has, too */
};

struct town {
	struct conf_gateway conf;
	struct conf_upstream upstreams[2]; /* of conf, which has the first */
	struct town_cids cids;
	struct gw_shared shared;
	struct cred_set *creds;
	struct store *store;      /* in memory, or in the cellar */
	struct cellar *cellar;    /* NULL: the store dies with the gateway */
	struct town_stall *stall; /* the writer waits */
	struct gw_credentials *credentials;
	struct gw_rules *rules;  /* of the gateways that begin from now on; NULL: none */
	struct inbox *chronicle; /* the same; a test's */
	size_t workers_len;
	struct inbox *inboxes[TOWN_WORKERS_MAX];
	struct gw_worker *workers[TOWN_WORKERS_MAX];
	bool asleep[TOWN_WORKERS_MAX]; /* gets no turn */
	bool is_threaded;              /* the workers run by themselves */
	pthread_t threads[TOWN_WORKERS_MAX];
	struct net_addr gateway;
	struct town_peer devices, server;
	uint16_t mid;
};

/* is_reachable: the server's socket stays open. is_steered: the kernel knows the owners. */
struct town *town_new(size_t workers, bool is_reachable, bool is_steered);
void town_free(struct town *t);
/* From now on the workers run in threads of their own, and a test may not look into them. */
void town_start(struct town *t);
/* Tells the workers to stop and waits until they have. */
void town_stop(struct town *t);
/* Everybody who is awake does what there is to do; waits a moment when there is nothing. */
void town_turn(struct town *t);
/* Turns until *count reaches n; fails after some seconds. */
void town_until(struct town *t, const size_t *count, size_t n);
/* Turns, n times: for what must not happen. */
void town_turns(struct town *t, size_t n);
/* A new socket for a device whose owner is a worker; the number of it. */
size_t town_socket(struct town *t, uint32_t owner);
/* Device 0.. begins a handshake from a socket. */
void town_connect(struct town *t, size_t device, size_t socket);
/* From the next handshakes on, also of a gateway that begins anew. */
void town_use_cids(struct town *t, const struct town_cids *cids);
/* A device goes on from another socket; nobody is told. */
void town_move(struct town *t, size_t from, size_t to);
/* The devices forget everything but their sockets. */
void town_reboot(struct town *t);
/* Sends Register from a socket's association. */
void town_register(struct town *t, size_t device, size_t socket);
/* The number of a device's credential in the store. */
uint32_t town_cred(size_t device);
/* Sends Update. */
void town_update(struct town *t, size_t socket);
/* The server sends a CON GET to a device; the device answers as its manner is. */
void town_ask(struct town *t, size_t device);

/* Time passes for everybody: CLOCK_BOOTTIME goes ahead. */
void town_pass(uint64_t ms);
/* Sheet i of a peer's tape is sent once more, octet by octet the same. */
void town_replay(struct town_peer *p, size_t i);
/* The same from another of its sockets. */
void town_replay_from(struct town_peer *p, size_t i, size_t socket);
/* I1: no two records of the gateway to this peer, ever, have one nonce, unless they are the same
   record. For peers that shook hands once on each path. */
void town_assert_nonces(const struct town_peer *p);

/* --- for town_*.c ----------------------------------------------------------------------------- */

uint64_t town_clock_ms(void);
struct net_addr town_loopback(void);
void town_peer_init(struct town_peer *p, struct town *t, enum dtls_role role);
void town_peer_fini(struct town_peer *p);
bool town_peer_turn(struct town_peer *p);
/* The store and all that the gateway is made of. */
void town_make_gateway(struct town *t, bool is_steered);
void town_make_store(struct town *t);
/* A profile with CIDs, as t->cids says; NULL: none. */
struct dtls_profile *town_profile(const struct town *t, const struct town_peer *p);
/* All that may still be made before the gateway is. */
struct town *town_found(size_t workers, bool is_reachable);

#endif
