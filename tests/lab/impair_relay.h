/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/impair_relay: carries datagrams between many clients and one server over a network as bad
 * as lab/impair says.
 *
 * Each client (source address and port) is a flow with its own spot towards the server, as behind
 * a NAT; what was sent late leaves from where the flow was when it came.
 *
 * Promise: what is sent are bytes that were received, whole; what happened to each is counted.
 * Memory:  at most IMPAIR_HELD datagrams wait; beyond that they are lost, and counted so.
 * Threads: one.
 */
#ifndef LWG_LAB_IMPAIR_RELAY_H
#define LWG_LAB_IMPAIR_RELAY_H

#include "base/attr.h"
#include "base/net.h"
#include "tests/lab/impair.h"

#include <stdbool.h>
#include <stdint.h>

enum { IMPAIR_HELD = 100000 };
enum impair_side {
	IMPAIR_SIDE_CLIENTS = 1,
	IMPAIR_SIDE_SERVER = 2
}; /* bits: which side is recorded */

struct impair_relay;
struct pcap;

struct impair_counts {
	uint64_t received[IMPAIR_WAYS], sent[IMPAIR_WAYS], lost[IMPAIR_WAYS],
		duplicated[IMPAIR_WAYS], reordered[IMPAIR_WAYS], replayed[IMPAIR_WAYS],
		refused[IMPAIR_WAYS];
	uint64_t flows, readdressed;
	uint64_t moves_least, moves_most; /* of one flow */
	uint64_t late;                    /* came from the server to where nobody is any more */
	uint64_t elsewhere;               /* sent again by the stranger */
	uint64_t answers;                 /* what the server sent to the stranger */
	uint64_t withheld;                /* of the clients */
	uint64_t repeated[IMPAIR_WAYS];   /* of what is remembered */
	uint64_t repeats;                 /* times that all of it has gone out */
};

struct impair_place {
	struct net_addr listen, to; /* the port of listen is filled in */
	struct pcap *record;        /* borrowed; NULL = none */
	unsigned record_sides;      /* enum impair_side */
	uint32_t remember; /* of each flow and way: so many of the newest, and of those before */
	uint32_t pool;     /* spots of all flows; 0: one for each */
	bool loopback;     /* spots are 127.x.y.z at random */
	bool stranger;     /* there is somebody who repeats from elsewhere */
};

/* NULL with errno. */
MUST_USE struct impair_relay *impair_relay_new(
	struct impair_place *place, const struct impair_settings *set, uint64_t now_ms);
void impair_relay_free(struct impair_relay *r);
/* Readable when impair_relay_run() has something to do before impair_relay_next_ms(). */
int impair_relay_fd(const struct impair_relay *r);
uint64_t impair_relay_next_ms(const struct impair_relay *r);
void impair_relay_run(struct impair_relay *r, uint64_t now_ms);
/* Sends again, over some time, all that is remembered, in the order of each flow. */
void impair_relay_repeat(struct impair_relay *r, uint64_t now_ms);
/* What clients send is remembered only. */
void impair_relay_withhold(struct impair_relay *r, bool withholds);
void impair_relay_forget(struct impair_relay *r);
/* Flows move as the settings say, from now on or no more. Not at first: what a handshake begins on,
   it ends on. */
void impair_relay_roam(struct impair_relay *r, bool roams);
/* Each flow moves before its next datagram up. */
void impair_relay_move(struct impair_relay *r);
/* The stranger sends all that he has seen, over some time; when all of it is out,
   impair_relay_elsewheres() has grown. */
void impair_relay_elsewhere(struct impair_relay *r, uint64_t now_ms);
uint64_t impair_relay_elsewheres(const struct impair_relay *r);
/* Calls tell for each flow: whose it is, and where the server sees it; family 0: nowhere. */
void impair_relay_where(const struct impair_relay *r,
	void (*tell)(void *ctx, const struct net_addr *client, const struct net_addr *spot),
	void *ctx);
uint64_t impair_relay_seed(const struct impair_relay *r);
struct impair_counts impair_relay_counts(const struct impair_relay *r);

#endif
