/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls/engine: DTLS 1.2 for very many peers, server role and client role from one code. Sans-I/O.
 *
 * Datagrams, the time and randomness come in; datagrams and events go out through struct
 * dtls_owner. A handshake runs in libssl; afterwards only a security association of a few hundred
 * bytes is left (struct dtls_conn).
 *
 * Promise: no message is delivered from, and none accepted for, a peer whose Finished has not
 *          verified (I3). No (key, nonce) leaves twice (I1), no record is delivered twice (I2). A
 *          datagram of a stranger without a good cookie leaves no memory behind and gets no more
 *          bytes than it brought (I9). A new ClientHello on a known path does not harm the old
 *          association before the new Finished has verified. Unknown identity and wrong
 *          key look the same from outside: the same alert after the same events.
 * Errors:  events; results of dtls_send() and dtls_connect().
 * Memory:  conns and handshakes are the engine's; handshakes under way are bounded in number and
 *          bytes. A struct dtls_conn pointer lives until its `down` event returns, or
 *          dtls_close(), dtls_farewell() or dtls_sleep() is called. Associations lie in memory
 *          that is locked and kept out of core dumps, where the system allows.
 *
 * An association can be written down (dtls_context_write()), forgotten (dtls_sleep()) and brought
 * back, here or in another process: by its owner (dtls_wake()) or by its peer's next record, for
 * which the engine asks the owner (`asleep`, `woken`). Then its numbers are the owner's to vouch
 * for: none is used at or beyond the bound that dtls_allow() has given, and `seen` tells of each
 * that is let in, before its message goes on.
 *
 * An association with a CID of ours is found by that alone, wherever its records come from
 * (RFC 9146). Its address changes only for a record that verified, is newer than all before and
 * came when the window was proven, and when the owner trusts it or the peer has shown that it
 * receives there (`moving`); a replayed or reordered record moves nothing (S26).
 * Threads: one worker owns one engine.
 * Source:  RFC 6347, RFC 7925, RFC 9146, RFC 9853; ARCHITECTURE.md says why.
 */
#ifndef LWG_DTLS_ENGINE_H
#define LWG_DTLS_ENGINE_H

#include "base/attr.h"
#include "base/net.h"
#include "dtls/belief.h"
#include "dtls/stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dtls_engine;
struct dtls_conn;
struct dtls_profile;

/* DTLS_SMS_MAX: octets of one short message (TS 23.040 9.2.3.24), which a datagram of a handshake
   on a path of family NET_SMS is not longer than (RFC 7925 A.2). */
enum { DTLS_PSK_MAX = 64, DTLS_BATCH_MAX = 64, DTLS_SMS_MAX = 140 };
#define DTLS_NO_CRED UINT32_MAX /* no enumerator: it does not fit an int */

enum dtls_role { DTLS_SERVER, DTLS_CLIENT };

/* What a credential look-up answers. */
struct dtls_psk {
	uint8_t key[DTLS_PSK_MAX];
	size_t len;    /* 1 .. DTLS_PSK_MAX */
	uint32_t cred; /* the owner's number of the credential; handed back by dtls_conn_cred() */
	uint64_t generation; /* of it; handed back by dtls_conn_generation() */
};

enum dtls_end {                /* why an association ended */
	DTLS_END_CLOSE_NOTIFY, /* the peer said so; it was answered */
	DTLS_END_ALERT,        /* a fatal alert of the peer, authenticated */
	DTLS_END_REPLACED,     /* a new handshake on the same path has finished (RFC 6347 4.2.8) */
	DTLS_END_NUMBERS,      /* no record number may be used any more */
	DTLS_END_FORGED, /* too many tags were wrong under its key; it was told (R-130, S23) */
};

enum dtls_cause {           /* why a handshake failed; what the operator is told, never the peer */
	DTLS_FAIL_TIMEOUT,  /* no answer within the handshake's lifetime */
	DTLS_FAIL_IDENTITY, /* server role: no credential has this identity */
	DTLS_FAIL_KEY,      /* the peer's Finished never opened: the keys differ */
	DTLS_FAIL_RAW_KEY,  /* a raw public key that nobody has, or is not the server's */
	DTLS_FAIL_CERTIFICATE, /* a certificate that is not taken: .detail says why */
	DTLS_FAIL_NAME,     /* a good certificate, whose name nobody has, or which is not pinned */
	DTLS_FAIL_SUITE,    /* no cipher suite in common */
	DTLS_FAIL_VERSION,  /* not DTLS 1.2 */
	DTLS_FAIL_ALERT,    /* the peer sent a fatal alert: its number is in .alert */
	DTLS_FAIL_PROTOCOL, /* anything else that libssl refused */
	DTLS_FAIL_FULL,     /* the bound on handshakes under way */
	DTLS_FAIL_UNREACHABLE, /* dtls_unreachable() was called for the path */
	DTLS_FAIL_ANEW,        /* server role: the peer began another one; nobody's fault */
};

struct dtls_failure {
	enum dtls_role role;
	enum dtls_cause cause;
	const struct net_path *path;
	void *user;    /* client role: as given to dtls_connect() */
	uint32_t cred; /* server role: DTLS_NO_CRED when not known */
	uint8_t alert; /* the alert received or sent; 0 = none */
	/* Octets as offered: a PSK identity, the SHA-256 of a raw public key, the name in a
	   certificate. NULL = not seen. Borrowed for the call. */
	const uint8_t *identity;
	size_t identity_len;
	const uint8_t *suites; /* as offered by the peer's ClientHello; NULL = not seen */
	size_t suites_len;
	const char *detail; /* libssl's reason or NULL */
};

/* The numbers of an association in epoch 1. */
struct dtls_numbers {
	uint64_t edge;      /* of the read window: one above the highest number let in */
	uint64_t seen;      /* bit i: number edge - 1 - i was let in */
	uint64_t read_end;  /* numbers from here on are not let in; UINT64_MAX: no bound */
	uint64_t next;      /* that is written */
	uint64_t write_end; /* numbers from here on are not used; UINT64_MAX: only R-132's bound */
	/* One above the highest authentic number that was dropped for read_end; 0: none. The next
	   read_end must be above it, or the peer would be deaf to us for as many records as it is
	   ahead. Not needed for waking. */
	uint64_t refused;
};

enum { DTLS_CONTEXT_MAX = 432, DTLS_SESSION_ID_MAX = 32, DTLS_SESSION_MAX = 2048 };

/* Who has proved to be whom, without a PSK. */
struct dtls_known {
	uint32_t cred;
	uint64_t generation;
};

/* A chain that leads to one of the profile's anchors and has nothing wrong with it. Borrowed. */
struct dtls_chain {
	const uint8_t *name; /* by the profile's rules */
	size_t name_len;
	const uint8_t (*pins)[32]; /* SHA-256 of each SubjectPublicKeyInfo, the holder's first */
	size_t pins_len;
	const uint8_t *serial; /* of the holder's certificate, big endian without leading zeros */
	size_t serial_len;
	const struct dtls_belief *belief;
};

/* An association that is not in memory. Holds keys: who made it wipes it. */
struct dtls_sleeper {
	struct net_path path;
	enum dtls_role role;
	uint32_t cred;
	uint64_t generation;
	void *user;  /* of the conn to be */
	void *token; /* the owner's own, for `woken` and `not_woken` */
	struct dtls_numbers numbers;
	/* The window is not known (S11, S12): what opens is told to `unproven`, and neither moves a
	   window nor goes on. */
	bool unproven;
	/* Its address was lost to another (see `adrift`): path is where it was last. */
	bool adrift;
	/* Where its newest record came from, when that is not path and is not shown to be right
	   yet; peer.family 0: none. What may be sent there before more comes is little
	   (DTLS_CANDIDATE_CREDIT). */
	struct net_path candidate;
	uint64_t up_ms;  /* engine time of the handshake; may be 0 */
	uint32_t forged; /* wrong tags so far */
	size_t context_len;
	uint8_t context[DTLS_CONTEXT_MAX]; /* from dtls_context_write() */
};

/* Resumption: what libssl keeps of a session, and whose it is. */
struct dtls_resumable {
	uint8_t id[DTLS_SESSION_ID_MAX];
	size_t id_len;
	uint32_t cred;
	uint64_t generation;
	struct dtls_proved proved;
	size_t len;
	uint8_t session[DTLS_SESSION_MAX]; /* with the master secret: the holder wipes it */
};

/* What is to become of the address of an association, when its newest record has come from another
   one (RFC 9146 6, R-153). */
enum dtls_moving {
	DTLS_MOVE_STAY, /* nothing: its next record from there asks again; c has no candidate */
	/* The new one is remembered, and shown to be right when that matters: a datagram on a radio
	   costs battery, and who only reports needs no answer. dtls_check() begins it, or the owner
	   asks in his own way; until then it stays dtls_conn_candidate(). */
	DTLS_MOVE_LATER,
	/* The new one is shown to be right before it is used: by RFC 9853 where that was agreed,
	   otherwise by the owner (dtls_send_to(), dtls_confirm()). */
	DTLS_MOVE_CHECK,
	/* The same, but the old one is asked first, so that who only forwards records faster is not
	   followed (RFC 9853 5.2). Without that agreed: as DTLS_MOVE_CHECK. */
	DTLS_MOVE_CHECK_OLD,
	DTLS_MOVE_TRUST, /* it is used at once */
};

/* A record with a CID, unverified. Borrowed. */
struct dtls_knock {
	const struct net_path *from;
	const uint8_t *cid;
	size_t cid_len;
	uint64_t seq;
};

/* A record that has been dealt with. Borrowed. */
struct dtls_fated {
	enum dtls_role role;
	const struct net_path *path; /* where it came from */
	uint32_t cred; /* whose it was, or whose it said it was; DTLS_NO_CRED: nobody knows */
	size_t len;    /* of its datagram */
	uint16_t epoch;
	uint64_t seq;
	uint8_t type;    /* as its header says */
	bool is_message; /* it was one of data, and `message` had it */
	const char *why; /* it was dropped: its counter's name (dtls/stats); NULL: it was taken */
};

/* What the engine asks of its owner. All are called only from within dtls_* calls, and must not
   call back into the engine except where said. */
struct dtls_owner {
	void *ctx; /* first argument of all */
	/* Server role: the key for an identity. False: unknown. */
	bool (*psk)(void *ctx, const uint8_t *identity, size_t len, struct dtls_psk *out);
	/* What a new handshake of a device on path is held by; borrowed until the next call into
	   the engine. NULL, or answering NULL: PSK with CCM_8 and the engine's settings. */
	struct dtls_profile *(*profile)(void *ctx, const struct net_path *path);
	/* Server role: whose raw public key has this SHA-256 of its SubjectPublicKeyInfo. False, or
	   NULL: nobody's. */
	bool (*raw_key)(void *ctx, const uint8_t digest[32], struct dtls_known *out);
	/* Server role: whose certificate this is: the name is a credential's, and what that has
	   pinned is in the chain. False, or NULL: nobody's. */
	bool (*certificate)(void *ctx, const struct dtls_chain *chain, struct dtls_known *out);
	/* A handshake begins, in either role: how old is what it will be judged by? Handed back
	   with dtls_conn_proved(). NULL: 0. */
	uint64_t (*born)(void *ctx);
	/* Room for one outgoing datagram of at most cap bytes on path; NULL: no room, the
	   datagram is dropped. */
	uint8_t *(*room)(void *ctx, const struct net_path *path, size_t cap);
	/* The datagram in the last room is len bytes long (0: it is not to be sent). */
	void (*sent)(void *ctx, size_t len);
	/* An association is up. May call dtls_conn_*, dtls_send, dtls_close (also on another
	   conn), dtls_connect. */
	void (*up)(void *ctx, struct dtls_conn *c);
	/* One message (one record). May call dtls_send, dtls_close, dtls_connect. msg may be
	   changed, and lives until return. */
	void (*message)(void *ctx, struct dtls_conn *c, uint8_t *msg, size_t len);
	/* c's message will probably come in this call: what it needs may be fetched into the
	   processor's caches. Calls nothing. May be NULL. */
	void (*soon)(void *ctx, const struct dtls_conn *c);
	/* The association has ended; c dies when this returns. May call dtls_send/dtls_close on
	   other conns, dtls_connect. */
	void (*down)(void *ctx, struct dtls_conn *c, enum dtls_end why);
	/* A handshake failed; the path is free again when this is called. May call dtls_connect. */
	void (*failed)(void *ctx, const struct dtls_failure *f);
	/* Fills out with unpredictable bytes. */
	void (*random)(void *ctx, uint8_t *out, size_t len);
	/* A protected record has come on a path on which nothing is. True: the owner has an
	   association there, which is now in *out; `woken` or `not_woken` follows at once. seq: of
	   the record, unverified. NULL: nobody sleeps. */
	bool (*asleep)(void *ctx, enum dtls_role role, const struct net_path *path, uint64_t seq,
		struct dtls_sleeper *out);
	/* The record has verified; c is the association, in memory again, and the record is dealt
	   with when this returns. False: not to be kept after all (c is gone, the record dropped).
	   May call dtls_allow(), dtls_send(), dtls_connect(), dtls_wake() and dtls_sleep() for
	   others; also dtls_close(), dtls_farewell(), dtls_sleep() for c: then the answer does not
	   matter. */
	bool (*woken)(void *ctx, struct dtls_conn *c, const struct dtls_sleeper *s);
	/* It did not verify. */
	void (*not_woken)(void *ctx, const struct dtls_sleeper *s);
	/* number was let in; what the window has become is to be kept before this returns: then the
	   message goes on. NULL: nobody keeps it. */
	void (*seen)(void *ctx, struct dtls_conn *c, uint64_t number, uint64_t edge, uint64_t seen);
	/* Fewer than DTLS_NUMBERS_LOW numbers are left below write_end or read_end, or an authentic
	   record at or beyond read_end was dropped. Called once until dtls_allow(), which it may
	   call. May be NULL. */
	void (*runs_short)(void *ctx, struct dtls_conn *c);
	/* An authentic record, data or not (then msg is empty), of an association whose window is
	   not known. May call dtls_prove(), dtls_allow(), dtls_send(), dtls_close(),
	   dtls_farewell(). */
	void (*unproven)(void *ctx, struct dtls_conn *c, uint64_t number, uint8_t *msg, size_t len);
	/* The peer is known to have our final flight: the context may be written anew without it.
	   May be NULL. */
	void (*settled)(void *ctx, struct dtls_conn *c);
	/* As `asleep`, for a record with a CID that no association in memory has; it may come from
	   anywhere. The path of *out is the last address that was good. NULL: nobody sleeps. */
	bool (*asleep_by_cid)(void *ctx, enum dtls_role role, const struct dtls_knock *k,
		struct dtls_sleeper *out);
	/* Has somebody who sleeps, or a tombstone, this CID (S25)? NULL: nobody. */
	bool (*cid_taken)(void *ctx, const uint8_t *cid, size_t len);
	/* The newest record of c has come from another address than its own; `seen` was called
	   before, its message comes afterwards. May call dtls_send_to(). Called once for each
	   address while that is being checked. NULL: DTLS_MOVE_CHECK where RFC 9853 was agreed,
	   otherwise DTLS_MOVE_STAY. */
	enum dtls_moving (*moving)(void *ctx, struct dtls_conn *c, const struct net_path *to);
	/* Its address is now another one, and is to be kept with it. Calls nothing but dtls_conn_*
	   and dtls_send. May be NULL. */
	void (*moved)(void *ctx, struct dtls_conn *c, const struct net_path *from);
	/* c has no candidate any more: the one it had was asked and has not answered in time, or
	   the peer, or its newest record, says that c is where it was. Once for each that `moving`
	   has not let go (or that a sleeper came with), and that dtls_confirm() has not settled;
	   not when `moving` names another one, nor when c ends. Calls nothing but dtls_conn_* and
	   dtls_send. May be NULL. */
	void (*unmoved)(void *ctx, struct dtls_conn *c);
	/* A record of epoch 1 with CID (or, cid NULL, of a five-tuple) that is well-formed and not
	   shorter than its suites allow has come for nobody, awake or asleep. True: its sender is
	   told by a fatal alert in epoch 0 (S27), shorter than the record. NULL: never. */
	bool (*lost)(void *ctx, enum dtls_role role, const struct net_path *path,
		const uint8_t *cid, size_t cid_len);
	/* A new handshake of another peer has shown that c's address is that peer's now: c
	   lives on, and nothing is sent to it until it is heard again. May be NULL. */
	void (*adrift)(void *ctx, struct dtls_conn *c);
	/* Resumption. NULL, all three: no session is resumed. find, server role: false when there
	   is none that may be. keep is called before `up` of the same association. drop: it may not
	   be resumed any more (a fatal alert, R-201). In client role id_len of what is kept is 0
	   for a ticket; the owner gives it back in struct dtls_peer. */
	bool (*session_find)(void *ctx, const uint8_t *id, size_t len, struct dtls_resumable *out);
	void (*session_keep)(void *ctx, const struct dtls_resumable *s);
	void (*link_session_keep)(void *ctx, void *user, const struct dtls_resumable *s);
	void (*session_drop)(void *ctx, const uint8_t *id, size_t len);
	/* Of each record, once dtls_trace() has asked for that: what became of it. Calls nothing.
	   May be NULL. */
	void (*fate)(void *ctx, const struct dtls_fated *f);
	/* NULL in every build but the one for captures: the secrets of a handshake that
	   has finished. */
	void (*keylog)(void *ctx, const uint8_t client_random[32], const uint8_t master[48]);
};

/* All have a sensible default: see dtls_settings_default(). */
struct dtls_settings {
	uint32_t initial_ms[2];     /* first retransmission, by role; 9000 (RFC 7925 11, R-099) */
	uint32_t max_ms;            /* doubling stops here; 60000 */
	uint32_t lifetime_ms;       /* a handshake that takes longer has failed; 180000 */
	uint32_t linger_ms;         /* the final flight is kept; 240000 = 2 MSL */
	uint32_t handshakes_max;    /* under way at once, both roles; 1024 */
	size_t handshake_bytes_max; /* their memory, libssl's included; 192 MiB */
	uint16_t mtu; /* largest datagram of a handshake; 1232 (IPv6's 1280 less headers) */
	/* epoch-1 records that do not open before a handshake fails; 3 */
	uint8_t bad_finished_max;
	/* write_end and read_end of an association that a handshake has made (S9, S11); UINT64_MAX:
	   no bound. Default: no bound. */
	uint64_t first_write_end, first_read_end;
	/* Wrong tags under one read key before the association is closed; 0, the default:
	   no bound. With one, they are tried no faster than one a second after the first 32
	 */
	uint32_t forged_max;
	/* Our CIDs (S25), see dtls/cid: whom they are for, and how many random octets they have; 8
	   to 16, default 8. */
	uint8_t cid_node, cid_worker, cid_random;
	/* Records with a CID are padded with zeros to a multiple of so many octets, which hides how
	   long messages are; 0, the default: not. */
	uint16_t cid_bucket;
	/* How long an answer to a path_challenge is waited for, each of the times that one is sent
	   (RFC 9853 5.5), and what an address that the owner checks gets; 9000. */
	uint32_t check_ms;
};

struct dtls_settings dtls_settings_default(void);

/* Both structs are copied. NULL when memory is short or the library lacks an algorithm. */
MUST_USE struct dtls_engine *dtls_engine_new(
	const struct dtls_settings *s, const struct dtls_owner *o, uint64_t now_ms);
/* Wipes and frees everything; says nothing to peers (dtls_close() does). */
void dtls_engine_free(struct dtls_engine *e);

struct dtls_datagram {
	const struct net_path *path; /* borrowed for the call, as is data */
	uint8_t *data;               /* opened in place and worthless afterwards */
	size_t len;
};

/* At most DTLS_BATCH_MAX datagrams, as they came. role: what their sockets are for; a ClientHello
   on a DTLS_CLIENT path is junk. */
void dtls_input(struct dtls_engine *e, enum dtls_role role, const struct dtls_datagram *batch,
	size_t n, uint64_t now_ms);

struct dtls_peer { /* client role: whom to meet, and as whom; borrowed for the call */
	struct net_path path;
	const uint8_t
		*identity; /* octets without NUL, 1 .. 128 (libssl's client sends a C string) */
	size_t identity_len;
	const uint8_t *key; /* key_len 0: the profile's key or certificate is what we prove */
	size_t key_len;
	uint32_t cred;
	uint64_t generation;
	void *user; /* of the conn to be */
	/* NULL: PSK with CCM_8 and the engine's settings. A reference is taken. */
	struct dtls_profile *profile;
	const struct dtls_resumable *resume; /* from link_session_keep(); NULL: a full handshake */
};

enum dtls_result {
	DTLS_OK,
	DTLS_TOO_LONG /* for a record, or for the max_fragment_length of the association */,
	DTLS_BUSY /* the path is in use */,
	DTLS_FULL,
	DTLS_BROKEN /* memory, library */,
	DTLS_EXHAUSTED /* no number left; a down event follows at the next dtls_tick() */,
	DTLS_STARVED /* write_end is reached: dtls_allow() first */,
	DTLS_NOWHERE /* no address is known, or it is not the one that is being checked */,
	DTLS_LIMITED /* three times of what came from that address was sent there */
};

/* Begins a handshake; `up` or `failed` will tell how it ended. */
MUST_USE enum dtls_result dtls_connect(
	struct dtls_engine *e, const struct dtls_peer *p, uint64_t now_ms);
/* Forgets the handshake that dtls_connect() began on a path; no event. */
void dtls_connect_cancel(struct dtls_engine *e, const struct net_path *path);
/* The network says that nobody answers on a path in client role (ICMP): a handshake fails at once;
   an association is not harmed (an ICMP message is not authenticated). */
void dtls_unreachable(struct dtls_engine *e, const struct net_path *path, uint64_t now_ms);

/* Sends one message as one record: a CoAP message can not be split over records, so what is longer
   than 16384 bytes, or than the max_fragment_length that the peer has asked for (RFC 6066 4), is
   not sent: DTLS_TOO_LONG. */
MUST_USE enum dtls_result dtls_send(
	struct dtls_engine *e, struct dtls_conn *c, const uint8_t *msg, size_t len);
/* The longest message whose record is not longer than `datagram` octets; 0: none. */
size_t dtls_conn_room(const struct dtls_engine *e, const struct dtls_conn *c, size_t datagram);
/* Sends close_notify and forgets the association; no event. */
void dtls_close(struct dtls_engine *e, struct dtls_conn *c);

/* --- addresses that change -------------------------------------------------------------------- */

/* The address that may be c's new one; NULL: none. While the window is not known it is just where
   the last record came from, if that is not c's address. */
const struct net_path *dtls_conn_candidate(const struct dtls_conn *c);
enum { DTLS_CANDIDATE_CREDIT = 64 }; /* octets that a sleeper's candidate counts as received */

enum dtls_checking {
	DTLS_CHECK_NONE,  /* there is no candidate */
	DTLS_CHECK_BEGUN, /* by RFC 9853, now or earlier: `moved` or `unmoved` will tell */
	/* That was not agreed: the owner asks (dtls_send_to(), dtls_confirm()), and has three times
	   check_ms from the first time he is told this; then `unmoved` is called. */
	DTLS_CHECK_YOURS,
};

/* Begins to show whether c's candidate is right. old_first: see DTLS_MOVE_CHECK_OLD. Must not be
   called from `moving`, which answers instead. */
enum dtls_checking dtls_check(
	struct dtls_engine *e, struct dtls_conn *c, bool old_first, uint64_t now_ms);
/* As dtls_send(), to that address: at most three times the octets that came from there are sent, in
   all; of them so many are kept back, until dtls_check() is called or `moving` has answered
   DTLS_MOVE_CHECK, that a question of 16 octets can still be asked. Also while c's window is not
   known, when it is where the last record came from, so that what proves the window (S12) reaches
   its peer. */
MUST_USE enum dtls_result dtls_send_to(struct dtls_engine *e, struct dtls_conn *c,
	const struct net_path *to, const uint8_t *msg, size_t len);
/* c's peer has shown that it receives at `to`, or (client role) that is our own new socket: it is
   c's address from now on; `moved` is called. False, and nothing is done, while c's window is not
   known, and when another association without a CID is there. */
bool dtls_confirm(struct dtls_engine *e, struct dtls_conn *c, const struct net_path *to);

/* --- associations that outlive memory and process -------------------------------------------- */

/* Half of a lease; at read_end: half of first_read_end if that is less. */
enum { DTLS_NUMBERS_LOW = 128 };

/* Keys, parameters and, while the peer may still need it, the final flight; not the numbers, not
   the path. out is secret. Returns the length. */
size_t dtls_context_write(const struct dtls_conn *c, uint8_t out[DTLS_CONTEXT_MAX]);
struct dtls_numbers dtls_conn_numbers(const struct dtls_conn *c);
uint64_t dtls_conn_generation(const struct dtls_conn *c);
/* Forgets it without a word to anybody; it may be brought back. */
void dtls_sleep(struct dtls_engine *e, struct dtls_conn *c);
/* Brings it back without a record of its peer. NULL: the context is not sound, the path is in use,
   or memory is short. */
MUST_USE struct dtls_conn *dtls_wake(
	struct dtls_engine *e, const struct dtls_sleeper *s, uint64_t now_ms);
/* New bounds, never lower ones. next: where writing goes on, at least where it was (a new lease
   after a start begins higher); 0: as it is. */
void dtls_allow(struct dtls_engine *e, struct dtls_conn *c, uint64_t next, uint64_t write_end,
	uint64_t read_end);
/* number is fresh: the window begins above it (S12), and is from now on what dtls_conn_numbers()
   says, which the owner keeps. Nothing happens when the window is known. */
void dtls_prove(struct dtls_engine *e, struct dtls_conn *c, uint64_t number);
/* Says close_notify without a number of its own: under a random explicit nonce (S6), with a
   sequence number above all that may have been used, so that the peer's window lets it in; then
   forgets the association. For one whose write numbers are not known. No event. */
void dtls_farewell(struct dtls_engine *e, struct dtls_conn *c);
/* Runs what is due; call it at dtls_next_ms() or later. */
void dtls_tick(struct dtls_engine *e, uint64_t now_ms);
uint64_t dtls_next_ms(const struct dtls_engine *e);
/* Only within `room` and `sent`: in how long this datagram goes out again if nothing comes, so
   that it is of no use afterwards (RFC 7925 A.4); 0: it does not. */
uint32_t dtls_repeats_ms(const struct dtls_engine *e);

/* From now on no device's handshake begins: its hello is dropped (deferred), and it repeats it, to
   whoever has the socket then. Those under way go on. */
void dtls_hush(struct dtls_engine *e);

/* owner.fate is called from now on, or no more. */
void dtls_trace(struct dtls_engine *e, bool on);
/* Only within `message`, `unproven` and `failed`: the record in hand. False: none is. Of *out only
   path, len, epoch, seq and type are filled. */
bool dtls_arrived(const struct dtls_engine *e, struct dtls_fated *out);

void *dtls_conn_user(const struct dtls_conn *c);
void dtls_conn_set_user(struct dtls_conn *c, void *user);
const struct net_path *dtls_conn_path(const struct dtls_conn *c);
/* Ours, by which its records are found; NULL: none, they are found by their path. */
const uint8_t *dtls_conn_cid(const struct dtls_conn *c, size_t *len);
/* No address of it is known; its path is where it was last. */
bool dtls_conn_is_adrift(const struct dtls_conn *c);
uint32_t dtls_conn_cred(const struct dtls_conn *c);
enum dtls_role dtls_conn_role(const struct dtls_conn *c);
/* True if an abbreviated handshake has made it, here and now: it is as old as its session (S29). */
bool dtls_conn_resumed(const struct dtls_conn *c);
/* What the handshake that has made it was based on, from `up` on; NULL: the owner has it, or c has
   slept since. */
const struct dtls_proved *dtls_conn_proved(const struct dtls_conn *c);
/* The owner has it now: memory is for the few whose handshake was just now. */
void dtls_conn_forget_proved(struct dtls_conn *c);

struct dtls_conn_facts {                  /* for people, not for the data path */
	uint64_t records_in, records_out; /* accepted; numbers used */
	uint64_t up_ms, heard_ms;         /* when it came up, and when a record last verified */
	uint32_t forged;                  /* tags that did not verify */
	uint16_t suite;                   /* its number; see base/suite */
	uint16_t fragment_max;            /* agreed max_fragment_length in octets; 0: none */
	bool encrypt_then_mac;
	const uint8_t *cid_in, *cid_out; /* ours, and the peer's; borrowed */
	uint8_t cid_in_len, cid_out_len; /* 0: none */
	bool routability;                /* RFC 9853 was agreed */
	uint32_t moves;                  /* times that its address has changed, in this memory */
};
struct dtls_conn_facts dtls_conn_facts(const struct dtls_conn *c);
struct dtls_stats dtls_stats(const struct dtls_engine *e);

/* Calls visit for every association until it returns false. visit must not call into the engine. */
void dtls_each(
	const struct dtls_engine *e, bool (*visit)(void *ctx, struct dtls_conn *c), void *ctx);

/* "no credential has this identity" ...; static. */
const char *dtls_cause_text(enum dtls_cause cause);
/* "close_notify", "decrypt_error" ...; "alert" when unknown. */
const char *dtls_alert_text(uint8_t alert);

#endif
