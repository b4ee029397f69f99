/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/gateway/town: workers, devices and a server in one thread over real loopback
 *                          sockets, turn by turn.
 *
 * The workers are the gateway's own. Devices and the server are two more engines, whose sockets
 * town_turn() serves.
 *
 * Promise: nothing happens but within town_turn(), so that a test sees every state between.
 * Errors:  a cmocka failure.
 * Threads: one, unless town_start() was called.
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

enum { TOWN_WORKERS_MAX = 4, TOWN_SOCKETS = 64, TOWN_DEVICES = 3, TOWN_CODE_CREATED = 65 };

struct town_peer { /* the devices, or the server */
	struct town *town;
	enum dtls_role role;
	struct dtls_engine *dtls;
	struct udp_rx rx;
	struct udp_tx tx;
	int fds[TOWN_SOCKETS];
	size_t len;
	size_t ups, downs, failures;           /* events, ever */
	size_t messages;                       /* that came, ever */
	uint8_t code;                          /* of the last message */
	struct dtls_conn *conns[TOWN_SOCKETS]; /* devices: by socket */
};

struct town {
	struct conf_gateway conf;
	struct gw_shared shared;
	struct cred_set *creds;
	struct store *store; /* in memory */
	struct gw_credentials *credentials;
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
/* The devices forget everything but their sockets. */
void town_reboot(struct town *t);
/* Sends Register from a socket's association. */
void town_register(struct town *t, size_t device, size_t socket);
/* The number of a device's credential in the store. */
uint32_t town_cred(size_t device);
/* Sends Update. */
void town_update(struct town *t, size_t socket);

#endif
