/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests: the engine between scripted peers and a fake clock. What the engine sends waits in out[]
 * until a test hands it over or drops it; what it tells is kept in event[].
 *
 * Promise: only dtls/engine.h is used.
 */
#ifndef LWG_TESTS_DTLS_PEER_RIG_H
#define LWG_TESTS_DTLS_PEER_RIG_H

#include "peer.h"

#include "dtls/engine.h"

enum peer_told { PEER_TOLD_PSK, PEER_TOLD_UP, PEER_TOLD_MESSAGE, PEER_TOLD_DOWN, PEER_TOLD_FAILED };

struct shelf;

struct peer_event {
	enum peer_told told;
	uint64_t at_ms;
	struct dtls_conn *conn; /* only to be compared when it is down */
	struct net_path path;
	struct peer_buf body; /* message; psk and failed: identity */
	enum dtls_end why;
	enum dtls_role role;
	enum dtls_cause cause;
	uint8_t alert;
	uint32_t cred;
	void *user;
	bool known; /* psk: there was one; failed: an identity was told */
};

struct peer_sent {
	struct net_path path;
	uint64_t at_ms;
	struct peer_buf data;
};

struct peer_cred {
	uint8_t identity[512];
	size_t len;
	struct dtls_psk psk;
};

struct peer_rig {
	struct dtls_engine *e;
	uint64_t now_ms;
	struct peer_sent *out;
	size_t outs, outs_cap;
	struct net_path room_path;
	struct peer_buf room;
	struct peer_event *event;
	size_t events, events_cap;
	struct peer_cred cred[8];
	size_t creds;
	uint64_t seed; /* of random() */
	uint64_t drop_of_100, drop_seed;
	bool no_room; /* room() says NULL */
	bool deaf;    /* datagrams are counted in unheard, and thrown away */
	uint64_t unheard;
	uint8_t scratch[2048]; /* the room then */
	/* Called at the end of up, message, down and failed (c is NULL then); NULL = not. */
	void (*hook)(struct peer_rig *rig, enum peer_told what, struct dtls_conn *c);
	struct dtls_conn *other; /* for the hook */
	struct shelf *shelf;     /* of a test about sessions */
};

enum { PEER_RIG_START_MS = 1000000 };

/* s may be NULL: the defaults. Knows one credential: "thing" with peer_rig_key, number 7. */
extern const uint8_t peer_rig_key[16];
struct peer_rig *peer_rig_new(const struct dtls_settings *s);
void peer_rig_free(struct peer_rig *rig);
void peer_rig_cred(
	struct peer_rig *rig, const void *identity, size_t len, const void *key, size_t key_len);

/* A peer at 192.0.2.1:port as "thing", whose datagrams go straight into the engine. */
struct peer *peer_rig_peer(struct peer_rig *rig, bool server, size_t port);
/* Any bytes from the peer's path. */
void peer_rig_input(struct peer_rig *rig, const struct peer *p, const void *data, size_t len);
/* Gives the peer all that waits for its path. Returns the number of datagrams. */
size_t peer_rig_pump(struct peer_rig *rig, struct peer *p);
/* Drops all that waits. Returns the number of datagrams. */
size_t peer_rig_drop(struct peer_rig *rig);
/* Moves the clock, running what is due on the way. */
void peer_rig_until(struct peer_rig *rig, uint64_t ms);
/* Moves the clock to when the engine next wants it, but not beyond limit; true when something was
   due. */
bool peer_rig_step(struct peer_rig *rig, uint64_t limit_ms);

/* A handshake without loss; the conn that is up. */
struct dtls_conn *peer_rig_meet(struct peer_rig *rig, struct peer *p);
/* A ClientHello, and again if it was answered with a cookie; whatever comes of it. */
void peer_rig_ask(struct peer_rig *rig, struct peer *p);
/* As far as the server's flight 4 (client peer). */
void peer_rig_to_flight4(struct peer_rig *rig, struct peer *p);
enum dtls_result peer_rig_connect(struct peer_rig *rig, const struct peer *p);
/* Something goes through both ways. */
void peer_rig_check_alive(struct peer_rig *rig, struct peer *p, struct dtls_conn *c);

size_t peer_rig_told(const struct peer_rig *rig, enum peer_told what);
/* The last one, or NULL. */
const struct peer_event *peer_rig_event(const struct peer_rig *rig, enum peer_told what);
void peer_rig_forget(struct peer_rig *rig);

#endif
