/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms: devices that are reached by short messages, in secured packets, over the SMS bridge
 *              (sms-bridge, a process of its own that has no key).
 *
 *   sms_door.c     where the bridge comes to (main thread)
 *   sms_desk.c     what it says, whose it is, what it is to be told (main thread)
 *   sms_input.c    what has come, opened (worker)
 *   sms_box.c      what is written down before anything else happens (worker)
 *   sms_op.c       an operation of the store, till it is durable (worker)
 *   sms_channel.c  the device of a session, as the relay sees it (worker)
 *   sms_keyed.c    what has come of a device whose keys are renewed (worker)
 *   sms_keeper.c   all else that happens to such keys (main thread)
 *   sms_wake.c     the other way to a device that sleeps (worker)
 *   sms_dtls.c     DTLS by short messages, which needs none of these boxes (worker)
 *
 *   bridge ─MO▶ desk ─▶ worker: opened, counted ─▶ box in, with the counter (durable) ─▶ "taken"
 *                                                  └▶ the session's relay ─▶ link ─▶ server
 *   bridge ◀MT─ desk ◀─ box out, with the counter and without what it answers (durable) ◀─ relay
 *
 * Model:   a session is a credential's of kind SMS (gateway/session); it has no association of its
 *          device, but its registration and its link are kept as any other's. What has come stays
 *          in the box in until it has been answered, and is given to the relay again by the next
 *          process; what is to go stays in the box out until the network has it, and is said again,
 *          octet by octet, to the next bridge.
 * Promise: nothing is taken from the bridge before it is durable, and no counter leaves with other
 *          octets (I1, I2). What does not open, is not from who it says, was there before or is
 *          our own is dropped, counted, told in the log seldom, and never answered.
 * Errors:  a box that is full: what has come stays with the SMSC; what is to go is lost, and
 *          counted.
 * Memory:  of a session some 600 bytes; the bridge's room is fixed.
 * Threads: as said.
 * Source:  sms/packet; LwM2M 1.0 Transport 7.2.
 */
#ifndef LWG_GATEWAY_SMS_H
#define LWG_GATEWAY_SMS_H

#include "base/attr.h"
#include "gateway/session.h"
#include "sms-bridge/wire/wire.h"
#include "sms/packet.h"
#include "sms/profile.h"
#include "store/sms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_shared;
struct gw_sms;
struct gw_sms_desk;
struct gw_worker;
struct inbox_message;

struct gw_sms_stats {     /* of a worker */
	uint64_t in, out; /* messages that were taken; that were written down to be sent */
	uint64_t forged;  /* did not open: not as agreed, or a wrong checksum */
	uint64_t replayed;
	uint64_t reflected; /* our own, which somebody has sent back */
	uint64_t malformed; /* sealed well, but no CoAP message in its envelope */
	uint64_t later;     /* left with the SMSC: no room */
	uint64_t lost;      /* not sent: the box is full, or the day's segments are spent */
	uint64_t triggers;  /* registration updates that were asked for */
	uint64_t proved;    /* sets of keys that a device has used for the first time */
	uint64_t old;       /* messages under superseded keys, or such whose time is over */
	size_t sessions;    /* now */
	/* Of DTLS: that came; that were said; that were not, as the bridge has no room, the day's
	   segments are spent or a message is too long; from numbers that are not to use it. */
	uint64_t dtls_in, dtls_out, dtls_lost, dtls_strangers;
};

struct gw_smses { /* a worker's part */
	struct sms_cipher *cipher;
	struct gw_sms_stats stats;
	struct gw_sms_op *under_way; /* see sms_op.h */
	const char *looked_at;       /* whose number the datagram of now is from; NULL: no such */
	struct net_path said_to;     /* of the datagram that is being written ... */
	uint32_t said_cred;
	uint8_t said[DTLS_SMS_MAX]; /* ... here */
};

/* NULL: there are no short messages, or (with *failed) memory is short. */
struct gw_smses *gw_smses_new(struct gw_worker *w, bool *failed);
void gw_smses_free(struct gw_smses *x);
/* Which worker has, or is to have, the session of a credential. */
uint32_t gw_sms_worker(const struct gw_shared *shared, struct store_reader *r, uint32_t cred);

/* Something came by inbox: of the kinds GW_SMS_*. */
void gw_sms_received(struct gw_worker *w, const struct inbox_message *m);

/* s is a session whose credential is of kind SMS. False: it cannot be served; told in the log. */
MUST_USE bool gw_sms_join(struct gw_session *s);
void gw_sms_leave(struct gw_session *s);
/* s relays from now on, or its link is up: what waits in the box in goes to the relay. At the end
   of a turn; s may be gone. */
void gw_sms_look(struct gw_session *s);
/* What it rests on may have changed: false, it ends with this turn. */
bool gw_sms_still(struct gw_session *s);
/* Nothing of it is under way. */
bool gw_sms_is_idle(const struct gw_session *s);
uint64_t gw_sms_heard_ms(const struct gw_session *s);
/* Its device has registered, or updated its registration, which was answered so; or that has ended.
   Where its keys are renewed by GBA Push or by its smartcard they last no longer than that, and
   each of these is a reason for others. One whose keys its bootstrap server writes
   would register again after each of them: there time alone is a reason, and a registration that
   ends before its keys, as the next ones end with it. The answer to the device, which follows, and
   what becomes of its keys are one transaction. */
void gw_sms_registered(struct gw_session *s, bool active, uint32_t lifetime_s);
/* Once a second: what nobody waits for any more is let go. */
void gw_sms_turn(struct gw_worker *w);
/* The server asks something of s, which sleeps: where its endpoint can be reached by short
   messages, it is told there to update its registration. */
void gw_sms_wanted(const struct gw_session *s);

/* --- the main thread's ------------------------------------------------------------------------ */

struct gw_gateway;
struct inbox;
struct ev_loop;

struct gw_sms_desk_stats {
	uint64_t mo, mt, outcomes; /* that came; that were said; that were told */
	uint64_t strangers;        /* of numbers that nobody has here */
	uint64_t other;            /* no command packets, or to other numbers of ours */
	uint64_t refused, expired; /* by the network */
	uint64_t segments;         /* that it was given */
	uint64_t lost;             /* datagrams that it could not be given */
	bool connected;
};

/* While still root. NULL: none is configured (*failed false), or it cannot be. */
struct gw_sms_desk *gw_sms_desk_open(
	struct gw_gateway *g, bool *failed, char *error, size_t error_len);
void gw_sms_desk_close(struct gw_sms_desk *d);
struct inbox *gw_sms_desk_inbox(struct gw_sms_desk *d);
void gw_sms_desk_begin(struct gw_sms_desk *d, struct ev_loop *loop);
void gw_sms_desk_end(struct gw_sms_desk *d, struct ev_loop *loop);
/* -1: there is none. */
int gw_sms_desk_listener(const struct gw_sms_desk *d);
struct gw_sms_desk_stats gw_sms_desk_stats(const struct gw_sms_desk *d);

#endif
