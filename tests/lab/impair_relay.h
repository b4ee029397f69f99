/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/impair_relay: carries datagrams between many clients and one server over a network as bad
 * as lab/impair says.
 *
 * Each client (source address and port) is a flow with its own socket towards the server, as
 * behind a NAT.
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
	uint64_t withheld;              /* of the clients */
	uint64_t repeated[IMPAIR_WAYS]; /* of what is remembered */
	uint64_t repeats;               /* times that all of it has gone out */
};

struct impair_place {
	struct net_addr listen, to; /* the port of listen is filled in */
	struct pcap *record;        /* borrowed; NULL = none */
	unsigned record_sides;      /* enum impair_side */
	uint32_t remember; /* of each flow and way: so many of the newest, and of those before */
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
struct impair_counts impair_relay_counts(const struct impair_relay *r);

#endif
