/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/fleet: very many simulated devices, each with its own DTLS association from our engine in
 * client role.
 *
 * On loopback the devices share a few sockets and each has its own source address 127.x.y.z;
 * elsewhere each has a socket of its own.
 *
 * Promise: a device whose association or registration is lost makes a new one, with a growing
 *          pause; with `once`, none.
 * Threads: one.
 */
#ifndef LWG_LAB_FLEET_H
#define LWG_LAB_FLEET_H

#include "base/attr.h"
#include "base/net.h"
#include "tests/lab/cids.h"
#include "tests/lab/device.h"
#include "tests/lab/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cred_set;
struct dtls_profile;

enum { FLEET_SOCKETS = 4, FLEET_CAUSES = DTLS_FAIL_ANEW + 1, FLEET_ENDS = DTLS_END_FORGED + 1 };

enum fleet_link {      /* what a device's association is */
	FLEET_NOT_YET, /* its turn has not come */
	FLEET_PAUSE,   /* waits before the next try */
	FLEET_HANDSHAKE,
	FLEET_UP,
	FLEET_DONE, /* has left for good */
	FLEET_LINKS,
};

struct fleet_settings {
	struct net_addr server;
	uint32_t devices;
	uint32_t rate;           /* first handshakes a second; De-registers too */
	uint32_t handshakes_max; /* under way at once */
	uint32_t initial_ms;     /* DTLS timer */
	uint32_t duration_s;     /* from the moment when all are registered; 0 = until told */
	bool load;               /* send request/response pairs after registration */
	bool load_con;           /* as CON, else NON */
	uint32_t window;         /* pairs under way over all devices */
	uint32_t load_rate;      /* pairs begun a second at most; 0: as many as go */
	bool mixed;              /* every other one as CON */
	bool once;               /* a device that has lost what it had stays away */
	bool tokens_once;        /* a NON request's token that comes twice is a repetition */
	bool abrupt;             /* end without De-register */
	enum dtls_cid_use cid;   /* connection ids */
	bool no_rrc;             /* without RFC 9853 */
	uint64_t seed;
	struct device_settings device;
};

struct fleet_tokens { /* of the NON requests that a device was sent */
	uint64_t *seen;
	uint32_t len;
};

struct fleet_device {
	struct device model;
	struct fleet_tokens tokens;
	struct fleet *fleet;
	struct dtls_conn *conn;   /* FLEET_UP */
	struct wheel_timer timer; /* the model's, or the end of the pause */
	struct net_path path;
	uint64_t sent_us; /* of the load request under way */
	uint32_t number;
	uint8_t fails; /* in a row */
	bool speaks;   /* by an order: its end is told */
	enum fleet_link link;
};

struct fleet_counts {
	uint64_t handshakes, failed[FLEET_CAUSES], ended[FLEET_ENDS],
		again /* associations or registrations lost */, unsent,
		twice /* NON requests that came a second time */,
		cids /* associations that the server finds by a CID */,
		astray /* records that came to another device's address */;
	uint64_t pairs, lost, round_trip_us, round_trip_max_us; /* load */
};

struct fleet_load_mark {
	uint64_t pairs, lost, us;
};

struct fleet {
	struct host host; /* first */
	const struct fleet_settings *set;
	const struct cred_set *creds;
	struct fleet_device *devices;
	struct dtls_profile *profile; /* NULL: the engine's settings */
	struct device_owner owner;
	struct device_counts model_counts;
	struct fleet_counts counts;
	uint32_t links[FLEET_LINKS]; /* devices in each state */
	uint32_t registered;         /* now */
	uint32_t started, stopped;   /* devices before this one have begun, been told to leave */
	uint64_t begun_ms, all_ms /* when all were registered; 0 = not yet */,
		stop_ms /* 0 = not stopping */;
	uint64_t said_ms;
	uint32_t load_at, load_out; /* next device; pairs under way */
	bool load_on;
	uint64_t load_begun, load_since_ms, load_rate; /* a second at most; 0: as many as go */
	/* by an order: then load_left more, and it is told when all have ended */
	bool load_counted;
	uint64_t load_left;
	struct fleet_load_mark load_mark; /* when the order came */
	/* How many of its pairs took 0, 1 ... times FLEET_TRIP_US, the last: or longer. NULL: no
	   memory. */
	uint32_t *trips;
};
enum { FLEET_TRIP_US = 2, FLEET_TRIPS = 50000 };

/* Opens everything. False with a line on stderr. */
MUST_USE bool fleet_open(
	struct fleet *f, const struct fleet_settings *set, const struct cred_set *creds);
/* Until the end; prints JSON lines. */
void fleet_run(struct fleet *f);
void fleet_close(struct fleet *f);

/* fleet_load.c */
void fleet_load_step(struct fleet *f);
/* "N" or "N RATE": so many requests more, after which one line tells how they ended. */
void fleet_load_order(struct fleet *f, const char *order);
/* One request of one device; one line tells how it ended. */
void fleet_load_speak(struct fleet *f, uint64_t number);
void fleet_load_ended(struct fleet *f, struct fleet_device *d, enum device_outcome how);

/* fleet_tokens.c: struct device_owner's `asked` */
void fleet_tokens_asked(void *ctx, struct device *m, const struct lab_head *head);

/* fleet_say.c */
void fleet_say_progress(const struct fleet *f);
void fleet_say(const char *event);
void fleet_say_spoken(uint32_t number, bool answered);
void fleet_say_load(const struct fleet *f, uint64_t took_us);
void fleet_say_summary(const struct fleet *f);

/* After anything that may have changed the model: arms its timer, mends what is broken. fleet.c,
   for fleet_load.c. */
void fleet_settle(struct fleet *f, struct fleet_device *d);

#endif
