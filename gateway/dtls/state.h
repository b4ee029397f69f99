/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/state: what the files of the engine share. Nobody outside of gateway/dtls and its tests
 * includes this.
 *
 *   engine.c     the public face: new, free, connect, tick, facts
 *   fate.c       what became of a record, for who wants to know
 *   input.c      datagram -> records -> hello, handshake or association
 *   handshake.c  one handshake in libssl: its life, and the association that it makes
 *   handshake_flight.c  what it says: flights and their timer, alerts, what libssl writes
 *   handshake_hooks.c  what libssl and the profile ask and tell in the middle of it
 *   handshake_in.c  which of the peer's messages and records it lets through to libssl
 *   resume.c     sessions that are resumed
 *   admit.c      how many handshakes may be under way, and whose
 *   conn.c       one association: its life, what it hears, the kept final flight
 *   conn_send.c  what it sends
 *   conn_facts.c what one tells of itself
 *   sleep.c      associations that leave memory, come back, and are told their bounds
 *   move.c       associations whose peer comes from another address
 *   handshake_cid.c  connection ids, agreed upon in a handshake
 *
 * Promise: whatever makes or frees a conn or a handshake bumps `changes`, so that a loop over
 *          records knows that what it found on its path may be gone.
 * Threads: the worker that owns the engine.
 */
#ifndef LWG_DTLS_STATE_H
#define LWG_DTLS_STATE_H

#include "base/pool.h"
#include "base/sip.h"
#include "base/wheel.h"
#include "dtls/alert.h"
#include "dtls/assoc.h"
#include "dtls/cid.h"
#include "dtls/context.h"
#include "dtls/cookie.h"
#include "dtls/engine.h"
#include "dtls/flight.h"
#include "dtls/gather.h"
#include "dtls/hello.h"
#include "dtls/libssl.h"
#include "dtls/profile_parts.h"
#include "dtls/suspect.h"
#include "dtls/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DTLS_SUITES_KEPT = 128, /* bytes of the offered suites that a failure can tell */
	/* A protected Finished: CBC may be padded with 256 octets (RFC 5246 6.2.3.2), and what is
	   inside of a record with a CID once more. */
	DTLS_FINISHED_MAX = DTLS_GUARD_OVERHEAD_MAX + 240 + 256 + DTLS_FINISHED_LEN,
	DTLS_HELD_MAX = DTLS_RECORD_HEADER + DTLS_CID_OURS_MAX + DTLS_FINISHED_MAX,
	DTLS_HELLO_MAX = 4096, /* a whole ClientHello, fragmented or not */
	DTLS_VERIFIES_MAX = 3, /* so often a client may be asked for a cookie, and be served */
	DTLS_FEED_MAX = DTLS_RECORD_HEADER + DTLS_HS_HEADER + DTLS_HELLO_MAX,
};

/* The last flight of a handshake, if it was ours: kept until the peer is known to have it
 */
struct dtls_linger {
	struct wheel_timer timer;
	struct dtls_conn *conn;
	/* A sending takes the number plain_base + wseq of epoch 0. As wseq never repeats, over
	   sleep and restart, neither does that, and nothing need be written down again. */
	uint64_t plain_base;
	uint8_t finished_len;
	uint8_t finished[DTLS_FINISHED_LEN];
};

/* An address that may be the new one (RFC 9146 6). */
struct dtls_move {
	struct dtls_node node;    /* first; the address is in it */
	struct wheel_timer timer; /* armed while it is being checked */
	struct dtls_conn *conn;
	uint64_t in, out;     /* octets that came from there and went there */
	uint8_t challenge[8]; /* RFC 9853 4: what is asked at the moment, if anything is */
	uint8_t tries;        /* times that it was asked there, or would have been */
	uint8_t strays;       /* answers before that came from a third place */
	bool asked;           /* challenge was sent */
	bool asks_old;        /* it is the old address that is asked */
	bool owners;          /* it is the owner who asks */
	bool noted;           /* while the window was not known: nobody was asked what to do */
};

struct dtls_conn {
	struct dtls_node node; /* first; the path is in it */
	struct dtls_assoc assoc;
	struct dtls_cid_link cid; /* by assoc.cid_in; in no table when there is none */
	struct dtls_move *move;   /* its candidate; owned; NULL = none */
	void *user;
	struct dtls_linger *linger;   /* owned; NULL = none */
	struct dtls_proved *proved;   /* owned; NULL = the owner has it */
	struct dtls_conn *spent_next; /* list of those that ran out of numbers */
	uint64_t records_in;
	uint64_t up_ms, heard_ms;
	uint64_t hello_tag;  /* hash of the client's random: an old hello is not a new one */
	uint64_t generation; /* of the credential */
	/* Until when the bucket of wrong tags from its address is not empty; for those from
	   elsewhere see forgers of the engine. */
	uint64_t blamed_ms;
	uint64_t refused; /* one above the highest number that was DTLS_BEYOND */
	uint32_t forged;
	uint32_t cred;
	uint32_t moves;        /* times that its address has changed */
	uint16_t suite;        /* its number */
	uint8_t role;          /* enum dtls_role */
	bool routability;      /* RFC 9853 was agreed */
	bool adrift;           /* its address is another's */
	bool doubted;          /* the owner awaits what becomes of a candidate */
	bool spent;            /* on the list */
	bool dead;             /* out of the table; its down event is running */
	bool unproven;         /* its window is not known (S11, S12) */
	bool resumed;          /* by an abbreviated handshake */
	bool told_short;       /* the owner knows that numbers run short */
	uint8_t fragment_code; /* max_fragment_length, RFC 6066 4; 0 = none */
};

struct dtls_handshake {
	struct dtls_node node; /* first; the path is in it */
	struct dtls_engine *e;
	struct dtls_profile *profile; /* a reference */
	SSL *ssl;
	void *user;
	struct wheel_timer timer;
	/* Server: those that wait for their first answer; the oldest is evicted first. */
	struct dtls_handshake *older, *newer;
	uint64_t began_ms;
	uint64_t resend_ms; /* when the flight goes out again */
	uint64_t wait_ms;   /* and how long after that once more */
	uint64_t plain_out; /* next number of ours in epoch 0 */
	uint64_t plain_in; /* next number that libssl sees in epoch 0: a forged one moves nothing */
	uint64_t hello_tag;  /* server: hash of the client's random */
	uint64_t generation; /* of cred */
	uint64_t session_generation;
	struct dtls_proved proved;
	struct dtls_proved session_proved; /* of the session that libssl has */
	struct dtls_assoc assoc;
	struct dtls_cid_link cid;  /* by assoc.cid_in */
	struct dtls_gather gather; /* what the peer says in the clear */
	struct dtls_flight flight; /* what we have said last */
	const char *doubt; /* what is wrong with the peer's proof or choice; NULL: see cause */
	size_t counted;    /* of our memory, in the engine's sum; for admit.c */
	size_t suites_len;
	size_t held_len;
	size_t identity_len;
	size_t key_len;
	/* The longest fragment of a message that the peer has cut, and the longest datagram with
	   one; 0: none. */
	size_t fragment_seen, datagram_seen;
	enum dtls_role role;
	enum dtls_mode mode;     /* how the peer proves itself, once that is settled */
	enum dtls_cause refusal; /* why the peer's key or certificate is not taken */
	unsigned resent;         /* times that the timer sent this flight again */
	unsigned bad_finished;   /* protected records that did not open */
	uint32_t cred;
	uint32_t session_cred; /* server: whose session libssl has; counts once it is resumed */
	uint16_t suite;        /* its number; 0: no ServerHello yet */
	uint16_t next_in;      /* message_seq that libssl awaits */
	uint16_t hello_seq;    /* server: message_seq of the hello that has the cookie */
	uint16_t offers;       /* by the client: bit i: suites[i] of base/suite */
	uint8_t queue;         /* enum dtls_queue: the list of older and newer */
	uint8_t last_in;       /* enum dtls_hs_type: what libssl has taken last */
	bool have_keys;        /* in assoc */
	bool fed_ccs;
	bool ticket_due;         /* client: the server has said that it will send one */
	bool ticketed;           /* client: the server has sent a new ticket */
	bool unknown;            /* no credential had the identity */
	bool refused;            /* the peer's key or certificate: see refusal */
	bool resumed;            /* abbreviated: session_id's */
	bool authentic;          /* what is being dealt with has opened under our keys */
	bool offers_ems;         /* by the client: the extended master secret */
	bool offers_etm;         /* and encrypt-then-MAC */
	bool offers_cid;         /* by the client: RFC 9146; then cid_offered */
	bool offers_routability; /* and RFC 9853 */
	bool routability;        /* which was agreed */
	uint8_t cid_offered_len;
	uint8_t cid_offered[DTLS_CID_MAX];
	uint8_t cid_said[1 + DTLS_CID_OURS_MAX]; /* our extension: its length, and ours */
	uint8_t offers_fragment;                 /* by the client: max_fragment_length; 0 = none */
	uint8_t fragment_code;                   /* what the ServerHello has settled; 0 = none */
	uint8_t alert;                           /* received or sent; 0 = none */
	uint8_t objection; /* alert for what libssl let pass and we do not; 0 = none */
	uint8_t session_id_len;
	uint8_t session_id[DTLS_SESSION_ID_MAX];
	uint8_t suites[DTLS_SUITES_KEPT];
	uint8_t held[DTLS_HELD_MAX];             /* protected record that came before its time */
	uint8_t identity[DTLS_IDENTITY_MAX + 1]; /* ends with NUL for libssl in client role */
	uint8_t key[DTLS_PSK_MAX];               /* client role */
};

/* Devices whose handshake may be evicted, in this order: those that have said nothing since their
   hello, of suspected sources first, and those that have sent a key exchange. */
enum dtls_queue { DTLS_SUSPECTED, DTLS_SILENT, DTLS_KEYED, DTLS_NOT_QUEUED };

struct dtls_queued {
	struct dtls_handshake *oldest, *newest;
};

struct dtls_engine {
	struct dtls_settings set;
	struct dtls_owner owner;
	struct dtls_stats stats;
	struct dtls_table conns, handshakes, moves;
	struct dtls_cids cids; /* of both */
	struct pool conn_pool; /* where conns live */
	struct pool move_pool; /* and their candidates: every device may have one */
	struct sip_key sip;
	struct wheel wheel;
	struct dtls_sealer sealer;
	struct dtls_cookies cookies;
	struct dtls_libssl lib;
	struct dtls_profile *profile; /* of who has none: PSK with CCM_8 */
	bool hushed;
	struct dtls_pipe pipe;
	uint8_t feed[DTLS_FEED_MAX];                /* the record that libssl is about to read */
	struct dtls_queued queues[DTLS_NOT_QUEUED]; /* of devices, by enum dtls_queue */
	struct dtls_suspects suspects;
	struct dtls_failures forgers; /* wrong tags, by association and source elsewhere */
	struct dtls_conn *spent;
	uint64_t now_ms;
	uint32_t repeats_ms; /* what is being sent goes out again then; 0: it does not */
	uint64_t changes;
	const struct dtls_arrival *arrival; /* the datagram in hand; NULL: none is */
	bool tells;                         /* owner.fate is called */
};

/* One datagram on its way through the engine. */
struct dtls_arrival {
	struct dtls_engine *e;
	enum dtls_role role;
	const struct net_path *path;
	uint64_t hash;             /* of path; 0: not yet needed */
	size_t len;                /* of the datagram */
	size_t fresh;              /* octets of it that no address was credited with */
	uint64_t changes;          /* when conn and hs were looked up */
	struct dtls_conn *conn;    /* on path, found by it; or, of a record with a CID, by that */
	struct dtls_handshake *hs; /* on path, or NULL */
	bool answered;   /* a flight or a HelloVerifyRequest was sent for it; no second one is */
	bool dropped;    /* the record in hand is counted: see dtls_drop() */
	uint8_t strange; /* records so far that no association had */
	size_t records;  /* before the one in hand */
	/* For dtls/fate: the record in hand, why it was dropped, and whose it is. */
	const struct dtls_record *record;
	const uint64_t *reason;
	uint32_t cred;
	bool delivered; /* its message went to the owner */
};

/* The record in hand, or a part of it, comes to nothing: counted once, for the first reason. */
static inline void dtls_drop(struct dtls_arrival *a, uint64_t *reason)
{
	*reason += !a->dropped;
	if (!a->dropped)
		a->reason = reason;
	a->dropped = true;
}

/* A record of epoch 1 whose tag was right. */
struct dtls_opened {
	enum dtls_opening how; /* DTLS_OPENED or DTLS_BEYOND */
	uint8_t type;
	uint64_t seq;
	uint8_t *plain;
	size_t len;
};

struct dtls_text {
	uint8_t type;
	const uint8_t *bytes;
	size_t len;
	bool bare; /* without padding */
};

/* What a server role handshake begins with. */
struct dtls_opener {
	const struct dtls_hello *hello;
	const struct dtls_fragment *fragment; /* that hello is read from; 1 <= its message_seq <=
						 DTLS_VERIFIES_MAX */
	uint64_t seq;                         /* of its record */
	uint64_t tag;                         /* hash of its random */
};

/* --- fate.c ---------------------------------------------------------------------------------- */

/* The record in hand has been dealt with: tells the owner. */
void dtls_fate_tell(const struct dtls_arrival *a);

/* --- conn.c ---------------------------------------------------------------------------------- */

/* Memory for the association of a handshake; NULL when it is short. */
MUST_USE struct dtls_conn *dtls_conn_new(struct dtls_engine *e, const struct dtls_handshake *h);
/* It lives now: takes over keys, numbers, CIDs and (server role) the final flight. h has sent its
   last record. */
void dtls_conn_adopt(struct dtls_engine *e, struct dtls_conn *c, struct dtls_handshake *h);
/* The last on a path that is not adrift and that `wanted` wants (NULL: any); or NULL. */
struct dtls_conn *dtls_conn_on(const struct dtls_engine *e, uint64_t hash,
	const struct net_path *path, bool (*wanted)(const struct dtls_conn *c));
/* Is its record found by its path? */
bool dtls_conn_is_classic(const struct dtls_conn *c);
/* The one that has this CID; or NULL. */
struct dtls_conn *dtls_conn_of_cid(const struct dtls_engine *e, const uint8_t *cid, size_t len);
/* Forgets it with an event. */
void dtls_conn_end(struct dtls_engine *e, struct dtls_conn *c, enum dtls_end why);
/* Forgets it without one. */
void dtls_conn_free(struct dtls_engine *e, struct dtls_conn *c);
/* A record of epoch 1. Answers how it opened; on DTLS_OPENED and DTLS_BEYOND it has been dealt
   with, and c may be gone. */
enum dtls_opening dtls_conn_record(struct dtls_arrival *a, const struct dtls_record *r);
/* Its tag was wrong. c may be gone afterwards. */
void dtls_conn_blame(const struct dtls_arrival *a, struct dtls_conn *c);
/* Too many were, lately: records are not tried. */
MUST_USE bool dtls_conn_is_besieged(const struct dtls_arrival *a, const struct dtls_conn *c);

/* The rest is between conn.c and sleep.c. */

/* Into the table. */
void dtls_conn_enter(struct dtls_engine *e, struct dtls_conn *c);
/* Keeps the final flight until due_ms. Without memory the association just lacks this
   help. */
void dtls_conn_linger(
	struct dtls_engine *e, struct dtls_conn *c, const struct dtls_context *k, uint64_t due_ms);
/* As dtls_assoc_open(), without its window where that is not known. The body of what is not
   DTLS_OPENED or DTLS_BEYOND is destroyed unless the answer is DTLS_REPLAYED. */
MUST_USE enum dtls_opening dtls_conn_open(struct dtls_engine *e, struct dtls_assoc *as,
	bool unproven, const struct dtls_record *r, struct dtls_opened *o);
/* What follows from a record that was opened as *o says. c may be gone afterwards. */
void dtls_conn_take(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o);

/* --- conn_send.c ----------------------------------------------------------------------------- */

/* The longest message that may go; and come, where max_fragment_length was agreed. */
size_t dtls_conn_text_max(const struct dtls_conn *c);
/* One record to any address; true also when there is no room. */
bool dtls_conn_write(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to,
	const struct dtls_text *text);
/* How long a record of len octets is without padding. */
size_t dtls_conn_bare_size(const struct dtls_engine *e, const struct dtls_conn *c, size_t len);
/* Where c's peer is, or may be. */
void dtls_conn_alert(struct dtls_engine *e, struct dtls_conn *c, uint8_t level, uint8_t alert);
/* A warning, in answer to a record. */
void dtls_conn_answer(struct dtls_arrival *a, struct dtls_conn *c, uint8_t alert);
/* The owner is told, once, that numbers run short. */
void dtls_conn_tell_short(struct dtls_engine *e, struct dtls_conn *c);
/* Something was written: those to write with may. */
void dtls_conn_check_write_end(struct dtls_engine *e, struct dtls_conn *c);

/* --- move.c ---------------------------------------------------------------------------------- */

/* A record has been let in: where it came from may be c's new address. */
void dtls_move_look(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o);
/* The window is not known: where it came from may at most be asked. */
void dtls_move_note(struct dtls_arrival *a, struct dtls_conn *c);
/* A return_routability_check (RFC 9853). */
void dtls_move_heard(struct dtls_arrival *a, struct dtls_conn *c, const struct dtls_opened *o);
/* The candidate that it had when it fell asleep. */
void dtls_move_restore(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to);
/* False: len octets more are not sent to an address that is being checked, or would not
   leave so many. */
MUST_USE bool dtls_move_spend(struct dtls_move *m, size_t len, size_t left);
/* Where to send what answers a record, if it is so long; NULL: nowhere. */
MUST_USE const struct net_path *dtls_move_back(
	const struct dtls_arrival *a, struct dtls_conn *c, size_t len);
/* Nothing is checked any more. */
void dtls_move_end(struct dtls_engine *e, struct dtls_conn *c);

/* --- handshake_cid.c ------------------------------------------------------------------------- */

/* A whole ClientHello, before libssl looks at it. */
void dtls_handshake_cid_offered(struct dtls_handshake *h, const struct dtls_hello *hello);
/* A ServerHello, ours or the peer's, has settled it. False: memory is short. */
MUST_USE bool dtls_handshake_cid_settle(struct dtls_handshake *h, const struct dtls_choice *c);
/* What libssl must ask. */
void dtls_handshake_cid_hooks(struct dtls_profile *p);
/* Nobody is found by it any more. */
void dtls_handshake_cid_forget(struct dtls_handshake *h);

/* --- sleep.c --------------------------------------------------------------------------------- */

/* A record of epoch 1 on a path without an association in memory. False: nobody sleeps there.
   Otherwise *how says how the record opened; on DTLS_OPENED and DTLS_BEYOND it has been dealt
   with. */
MUST_USE bool dtls_conn_rouse(
	struct dtls_arrival *a, const struct dtls_record *r, enum dtls_opening *how);

/* --- handshake.c ----------------------------------------------------------------------------- */

/* DTLS_OK, or DTLS_FULL, DTLS_BUSY, DTLS_BROKEN and no handshake. May evict another one, so events
   may happen. profile: NULL for the engine's own; a reference is taken. */
MUST_USE enum dtls_result dtls_handshake_new(struct dtls_engine *e, enum dtls_role role,
	const struct dtls_node *where, struct dtls_profile *profile, struct dtls_handshake **out);
/* Forgets it without an event. */
void dtls_handshake_free(struct dtls_handshake *h);
/* Ends it with an event. */
void dtls_handshake_fail(struct dtls_handshake *h, enum dtls_cause cause, const char *detail);
/* Server role: its peer begins anew, so it has failed. */
void dtls_handshake_superseded(struct dtls_handshake *h);
/* Server role, on a good cookie. */
void dtls_handshake_accept(struct dtls_arrival *a, const struct dtls_opener *o);
/* Client role: false when libssl cannot make a hello (h is then still there). resume: a session to
   offer, or NULL. */
MUST_USE bool dtls_handshake_connect(struct dtls_handshake *h, const struct dtls_resumable *resume);
/* A plain fragment for a->hs, which may be gone afterwards. */
void dtls_handshake_fragment(struct dtls_arrival *a, const struct dtls_fragment *f);
/* A handshake or alert record of epoch 1; its header stands before its body. True: it was a->hs's,
   which may be gone now. False: r's body is as it was. */
MUST_USE bool dtls_handshake_protected(struct dtls_arrival *a, const struct dtls_record *r);
/* Data of epoch 1: true when it was a->hs's, too early and so dropped. False: r's body is as it
   was. */
MUST_USE bool dtls_handshake_early(struct dtls_arrival *a, const struct dtls_record *r);
/* Such a handshake record that nobody could open: held for later, or one more towards the bound
 */
void dtls_handshake_unopened(struct dtls_arrival *a, const struct dtls_record *r);
/* A plain alert. */
void dtls_handshake_alert(struct dtls_arrival *a, uint8_t level, uint8_t alert);
/* Sends the last flight again, at most once per datagram. */
void dtls_handshake_again(struct dtls_arrival *a);
/* What the profile's library must call, and whom the profile asks about a peer. */
void dtls_handshake_hooks(struct dtls_profile *p);

/* The rest is between the files of a handshake. */

/* Sends the last flight, once more. */
void dtls_handshake_send(struct dtls_handshake *h);
/* Engine time at which it has failed. */
uint64_t dtls_handshake_deadline_ms(const struct dtls_handshake *h);
/* The longest datagram of a handshake on path, of `most` that are configured. */
size_t dtls_datagram_max(const struct net_path *path, size_t most);
/* Sends a new one, and again if nothing is heard. */
void dtls_handshake_begin_flight(struct dtls_handshake *h);
/* The timer's. */
void dtls_handshake_due(struct wheel_timer *t, void *ctx, uint64_t now_ms);
/* Its lifetime is over: it has failed. */
void dtls_handshake_expired(struct dtls_handshake *h);
/* Looks at what libssl wrote: alerts go out at once, all else is the next flight (*fresh). False:
   that is more than is kept. */
MUST_USE bool dtls_handshake_drain(struct dtls_handshake *h, bool *fresh);
/* True when the keys are known, deriving them if they can be. */
MUST_USE bool dtls_handshake_keys(struct dtls_handshake *h);
/* Gives libssl one record; false: the handshake has ended, h is gone. */
bool dtls_handshake_feed(struct dtls_arrival *a, const uint8_t *record, size_t len);
/* Gives libssl a whole plain message, in as many records as that takes; false: the handshake has
   ended, h is gone. */
bool dtls_handshake_pass(struct dtls_arrival *a, const struct dtls_fragment *message);
/* Writes a handshake fragment as a record for libssl into e->feed; returns its length. */
size_t dtls_handshake_frame(struct dtls_handshake *h, const struct dtls_fragment *f);
/* Says a plain fatal alert. */
void dtls_handshake_refuse(struct dtls_handshake *h, uint8_t alert);

/* --- admit.c: how many handshakes may be under way, and whose (R-057, R-116) ----------------- */

/* Where a path comes from: an IPv4 address, or an IPv6 /64; a keyed hash. */
uint64_t dtls_source_of(const struct dtls_engine *e, const struct net_path *path);

/* A device's hello with a good cookie. False: not now, and nothing is said: its source has failed
   too often lately. The same hello sent again is let in. */
MUST_USE bool dtls_admit_hello(struct dtls_arrival *a, const struct dtls_opener *o);
/* True when there is room for one more. May evict another one, so events may happen. A quarter of
   the bound is kept for links, and no one source may crowd out the others. */
MUST_USE bool dtls_admit(struct dtls_engine *e, enum dtls_role role, const struct net_path *path);
/* A new one, and its end. */
void dtls_admit_count(struct dtls_handshake *h);
void dtls_admit_forget(struct dtls_handshake *h);
/* A device's: the first to be evicted, as it may be nobody. */
void dtls_admit_queue(struct dtls_handshake *h);
/* The device has sent its key exchange: no longer the first to be evicted. */
void dtls_admit_answered(struct dtls_handshake *h);
/* Counts h's memory anew: its flight or what it has gathered has changed, or its suite is known. */
void dtls_admit_resize(struct dtls_handshake *h);
/* dtls_gather_add(), with the octets that h may have at the moment. */
enum dtls_gathering dtls_admit_gather(struct dtls_handshake *h, const struct dtls_fragment *f);
/* How often what is said to be its peer's Finished may fail to open. */
MUST_USE unsigned dtls_admit_tries(const struct dtls_handshake *h);
/* True when a failure of h is not told to its peer. */
MUST_USE bool dtls_admit_is_quiet(const struct dtls_handshake *h);
/* A device's handshake has come to nothing, or has proved who the peer is; before it is
   forgotten. */
void dtls_admit_failed(struct dtls_handshake *h, enum dtls_cause cause);
void dtls_admit_proved(struct dtls_handshake *h);
/* A hello with a good cookie found no room: counted and told. */
void dtls_admit_refused(struct dtls_arrival *a, const struct dtls_hello *hello);

#endif
