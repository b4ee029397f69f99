/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/sink: an upstream LwM2M server for load: our engine in server role, and answers that cost
 * little.
 *
 * Register gives 2.01 with Location-Path rd/N, Update 2.04, De-register 2.02, POST /dp 2.04 with
 * a payload. With drive it also sends GET /3/0 down, at a window over all registered devices.
 *
 * Promise: a registration is accepted only for the endpoint of the PSK identity (I4). Every GET
 *          counts as pair or lost.
 * Threads: one.
 */
#ifndef LWG_LAB_SINK_H
#define LWG_LAB_SINK_H

#include "base/attr.h"
#include "base/net.h"
#include "tests/lab/cids.h"
#include "tests/lab/host.h"
#include "tests/lab/keyfile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SINK_PAYLOAD_MAX = 1024 };

struct sink_settings {
	struct net_addr listen; /* its port is filled in */
	uint32_t payload;       /* bytes of an answer to POST /dp */
	bool drive;
	uint32_t window;  /* GETs under way */
	uint32_t lost_ms; /* a GET unanswered for so long is lost */
	uint32_t handshakes_max;
	enum dtls_cid_use cid; /* a client is believed when it comes from elsewhere */
	bool check;            /* no: it must answer there first, where it knows RFC 9853 */
	bool many; /* an identity may have several links: behind a proxy that has one for all */
};

struct sink_peer {                /* one line of the key file; with `many`, one link */
	uint32_t entry;           /* that line */
	struct dtls_conn *conn;   /* NULL: no link */
	struct wheel_timer timer; /* the GET under way */
	bool registered;
	bool asked; /* a GET is under way */
	uint32_t token;
};

struct sink_counts {
	uint64_t registered, updated, deregistered, wrong_endpoint, posts, other, malformed, failed;
	uint64_t pairs, lost, notes;
};

struct sink {
	struct host host; /* first */
	const struct sink_settings *set;
	struct dtls_profile *profile; /* NULL: the engine's settings */
	struct keyfile keys;
	struct sink_peer *peers; /* parallel to keys.entries */
	struct sink_counts counts;
	uint32_t links, registered; /* now */
	uint32_t at, out;           /* drive: next peer; GETs under way */
	uint32_t next_token;
	uint16_t next_id;
	uint64_t said_ms;
	bool driving;
};

/* False with a line on stderr. */
MUST_USE bool sink_open(struct sink *s, struct sink_settings *set, const char *keys);
void sink_run(struct sink *s);
void sink_close(struct sink *s);

/* sink_answer.c: a message of a peer. */
void sink_take(struct sink *s, struct sink_peer *p, const uint8_t *msg, size_t len);
/* sink_drive.c */
void sink_drive(struct sink *s);
void sink_drive_answered(struct sink *s, struct sink_peer *p, uint32_t token);
void sink_drive_stop(struct sink *s, struct sink_peer *p);
void sink_drive_late(struct wheel_timer *t, void *ctx, uint64_t now_ms);

#endif
