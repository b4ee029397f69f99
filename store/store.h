/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/store: what must outlive the process: credentials, security associations, sessions with
 *              their registrations, resumption state.
 *
 * One thread writes, many operations to a commit (store_submit()); workers read snapshots
 * (struct store_reader). What changes with each message is not in the database but in slots
 * (store/slot), which store_slot() gives.
 *
 * Promise: a name, key or counter that an operation's `done` reports as STORE_OK is on the medium.
 *          A write number is never given out twice, over crash, restart, restored copy (as far as
 *          that can be known, S5, S6), or a second process (S3, S22). What does not open under its
 *          seal is damage: told, counted, treated as absent.
 * Errors:  store_open() says file, reason and remedy; it never begins anew over something that is
 *          there. Operations: enum store_result.
 * Memory:  nothing is held per sleeping association but its row and its slot.
 * Threads: store_open(), store_close() one; store_submit() any; a reader belongs to one.
 * Source:  the persistence rules (S1 to S31), told in ARCHITECTURE.md.
 */
#ifndef LWG_STORE_STORE_H
#define LWG_STORE_STORE_H

#include "base/attr.h"
#include "base/histogram.h"
#include "base/net.h"
#include "store/credential.h"
#include "store/error.h"
#include "store/hot.h"
#include "store/kek.h"
#include "store/slot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_reader;
struct store_txn;
struct log;

enum {
	STORE_SCHEMA = 8,
	STORE_LEASE = 256,     /* write numbers leased at once */
	STORE_READ_LEASE = 32, /* read numbers let in at once, where that is asked for (S11) */
	STORE_CONTEXT_MAX = 448,
	STORE_LOCATION_MAX = 64,
	STORE_SESSION_ID_MAX = 32,
	STORE_RESUME_MAX = 2048,
	STORE_NOTE_MAX = 64,
	STORE_CID_MAX = 19,   /* of ours, see dtls/cid */
	STORE_STAYS = 4,      /* earlier addresses that are kept */
	STORE_CHAIN_MAX = 10, /* certificates below the anchor */
	STORE_TRACE = 16,     /* octets by which a certificate or a key is known again */
	STORE_RULE_MAX = 48,
	STORE_SMS_MAX = 16,               /* digits of a number, E.164 has 15 at most, and NUL */
	STORE_CID_REST_MS = 24 * 3600000, /* a CID of an association that has gone is nobody's */
};
#define STORE_NO_SLOT   UINT32_MAX
#define STORE_PORT_MARK UINT32_MAX

struct store_settings {
	/* Folder, made (0700) when missing. NULL: all in memory, for one process, for tests and
	   labs without a disk. */
	const char *dir;
	struct kek_source kek; /* made with a fresh store if it does not exist (but see kek.h) */
	const struct kek *kek_given; /* not NULL: this is it, whatever kek says (an upgrade) */
	const char *token;           /* on a tmpfs (S10) */
	const char *hot;             /* NULL: "hot" in dir */
	const char *anchor, *tcti;   /* see anchor.h; NULL: none */
	bool any_filesystem; /* tmpfs, overlay and network file systems are refused without */
	bool read_ceilings;  /* after_power_loss = gap */
	/* Gives up associations, sessions and resumption state, and keeps credentials: what is left
	   to do with an older copy of the database (S5, S29). */
	bool discard_sessions;
	uint32_t resumable_max;    /* resumption entries kept at most; 0: none */
	uint64_t boot_ms, wall_ms; /* CLOCK_BOOTTIME and CLOCK_REALTIME now */
	const struct log *log;
};

struct store_start {     /* how this start was judged */
	bool fresh;      /* there was nothing */
	bool continuous; /* the proofs of S10 hold: windows are exact */
	bool anchored;   /* an anchor elsewhere says that the database is the newest */
	uint32_t incarnation;
	char why[128]; /* not continuous: because */
};

/* NULL: *error. */
MUST_USE struct store *store_open(const struct store_settings *s, struct store_error *error);
/* Commits what is queued, then closes. */
void store_close(struct store *s);
struct store_start store_start(const struct store *s);
/* Milliseconds that go on over restarts and reboots as the wall clock says, and never back. */
uint64_t store_time(const struct store *s, uint64_t boot_ms);
/* A 64-bit seed that stays the same for the life of the store (steering, S5 of ARCHITECTURE). */
uint64_t store_seed(const struct store *s);
/* Copies the KEK in use, for a successor; the caller wipes it. */
void store_kek(struct store *s, struct kek *out);

struct store_stats {
	uint64_t commits, operations, failed, full; /* of the writer */
	uint64_t damaged;                           /* values that did not open */
	uint64_t unseals, leases;
	uint64_t file_bytes, hot_bytes;
	uint64_t associations, sessions, credentials, resumable;
	uint64_t resting; /* CIDs of associations that have gone (S25) */
	uint64_t staged;
	uint64_t commit_us_last, commit_us_max;
	struct histogram commit;
	bool is_full;   /* the last new session was refused for want of room */
	bool is_broken; /* the medium failed (S4): nothing is written any more */
};
struct store_stats store_stats(struct store *s);

/* --- slots ------------------------------------------------------------------------------------ */

/* NULL: none such. Stays where it is. */
struct slot *store_slot(const struct store *s, uint32_t place);
const struct sip_key *store_slot_key(const struct store *s);
/* Before a worker changes the first slot of a turn. */
void store_batch(struct store *s, uint32_t worker);

/* For the handler of SIGBUS and SIGSEGV, which may call this (S16). s NULL: it is being opened. */
enum store_region { STORE_REGION_NONE, STORE_REGION_SLOTS, STORE_REGION_DATABASE };
enum store_region store_region(const struct store *s, const void *address);

/* --- what is kept ----------------------------------------------------------------------------- */

enum store_role { STORE_DEVICE, STORE_LINK }; /* server role, client role */

struct store_path {   /* the five-tuple */
	uint8_t role; /* enum store_role */
	struct net_addr peer, local;
};

MUST_USE bool store_agreement_same(const struct store_sms *a, const struct store_sms *b);
/* How its keys are renewed, which is no part of that. */
MUST_USE bool store_renewal_same(const struct store_renew *a, const struct store_renew *b);
MUST_USE bool store_path_same(const struct store_path *a, const struct store_path *b);

enum store_trust {
	STORE_EXACT,  /* window and numbers are good */
	STORE_LAPSED, /* power was lost, or the slot: the window is not known; leases are good */
	/* And the database may be an older copy: nothing may be sealed by number (S6). */
	STORE_UNSURE,
};

struct store_stay { /* where a device was */
	struct net_addr peer;
	uint64_t since_ms; /* store_time() */
};

/* By what the holder of a certificate was believed, so that it is noticed when that is
   withdrawn. */
struct store_proof {
	uint64_t until_ms;           /* wall clock: the chain's earliest notAfter */
	uint8_t anchor[STORE_TRACE]; /* of SHA-256 of the anchor's SubjectPublicKeyInfo */
	uint8_t len;                 /* certificates below the anchor; 0: there was none */
	/* Of SHA-256 over issuer and serial number (both DER), the holder's first. */
	uint8_t chain[STORE_CHAIN_MAX][STORE_TRACE];
};

struct store_assoc {
	uint8_t id[SLOT_ID]; /* random */
	uint32_t slot;       /* given by store_assoc_put() */
	uint32_t cred;
	uint64_t generation; /* of the credential that authenticated it */
	/* The last generation that the store had given when it was made; of one that is older than
	   schema 4: generation. store_assoc_put() fills it in, unless it is an earlier one already:
	   that at which it was judged. */
	uint64_t born;
	struct store_proof proof; /* len 0: by no certificate */
	uint64_t up_ms;           /* store_time() of the full handshake (S29) */
	/* Where it is: the last address that was shown to be right, and since when. Of those with a
	   CID several may have the same. */
	struct store_path path;
	uint64_t path_ms; /* store_time() */
	/* Where its newest record came from, if that is another and not shown to be right yet;
	   peer.family 0: none. */
	struct store_path candidate;
	bool adrift;    /* path is another's by now */
	uint32_t moves; /* times that path has changed */
	struct store_stay
		stays[STORE_STAYS]; /* where it was before, the latest first; family 0: none */
	uint8_t cid_len;            /* 0: it has none of ours, and is found by its path */
	uint8_t cid[STORE_CID_MAX]; /* ours, by which its records are found */
	size_t context_len;
	uint8_t context[STORE_CONTEXT_MAX]; /* keys and parameters, as the DTLS engine wrote them */
	/* What follows is not sealed with the rest. state: writing, what the slot begins with;
	   reading, a window that is good if STORE_EXACT; sent, the next write number, is always
	   good: it is write_end where nothing may be sent before store_lease(). */
	struct slot_state state;
	uint64_t write_end; /* of the lease; numbers below may be used ... */
	/* Numbers from here on may not be let in; UINT64_MAX: no bound, and after STORE_LAPSED none
	   that is known: only resume (S11). */
	uint64_t read_end;
	bool leased; /* ... by this incarnation, which took it */
	enum store_trust trust;
};

struct store_session { /* of a credential */
	uint32_t cred;
	uint32_t device, link;    /* slots; STORE_NO_SLOT */
	uint32_t worker, workers; /* whose link sockets, of how many: otherwise the link is lost */
	bool registered;
	char location[STORE_LOCATION_MAX];
	uint32_t lifetime_s;
	uint64_t expires_ms; /* store_time() */
	/* Keyed hash of the name of the upstream that its link, and its registration, are of;
	   0: none was chosen (of one that is older than schema 6: the only one that there was). */
	uint64_t upstream;
	/* What the device has said when it registered, as proxy/registration has it. */
	uint8_t binding, version;
	bool queue, stale;
	uint16_t channels;
	char sms[STORE_SMS_MAX]; /* "": it said none */
};

/* What a policy has decided of the session of a credential, and is not over with it. */
struct store_verdict {
	uint32_t cred;
	uint64_t upto;     /* changes up to this generation of the store were looked at */
	uint64_t upto_ms;  /* and what is over by the clock, up to then */
	uint64_t at_ms;    /* store_time() */
	uint64_t until_ms; /* store_time() at which its bound ends; 0: it has none */
	uint8_t event, device, upstream; /* enum policy_event, enum policy_action of each leg */
	bool until_registration;
	bool done; /* carried out, as far as that can be; else a sleeper has yet to wake */
	bool device_ends, upstream_ends; /* which legs until_ms is of */
	char rule[STORE_RULE_MAX + 1];
};

/* What the index tells of a session without unsealing anything: hints. */
struct store_glance {
	uint32_t cred;
	uint64_t generation, born; /* of its oldest association */
	struct store_cred_mark mark;
	uint64_t upto; /* of its verdict; 0: there is none */
};

struct store_resume { /* the holder wipes it */
	uint8_t id[STORE_SESSION_ID_MAX];
	size_t id_len;
	uint32_t cred;
	uint64_t generation;
	uint64_t born; /* as an association's */
	struct store_proof proof;
	uint64_t full_ms; /* store_time() of the full handshake */
	uint64_t until_ms;
	size_t len;
	uint8_t session[STORE_RESUME_MAX]; /* as libssl wrote it */
};

/* --- reading ---------------------------------------------------------------------------------- */

MUST_USE struct store_reader *store_reader_new(struct store *s);
void store_reader_free(struct store_reader *r);
/* A new snapshot at the next look-up (S28: once a batch), and none held until then. */
void store_reader_rest(struct store_reader *r);

/* All: STORE_OK, STORE_NONE, STORE_DAMAGED, STORE_BROKEN. Those that go on to the next skip what is
   damaged. */

/* A hint: whether the association has this path, its own path says (S20). */
MUST_USE enum store_result store_find_path(
	struct store_reader *r, const struct store_path *p, uint32_t *slot);
/* The same by a CID of ours; STORE_NONE also of one that rests (S25). */
MUST_USE enum store_result store_find_cid(
	struct store_reader *r, const uint8_t *cid, size_t len, uint32_t *slot);
/* STORE_OK: somebody has it, or it rests. STORE_NONE: it may be given. */
MUST_USE enum store_result store_cid_taken(struct store_reader *r, const uint8_t *cid, size_t len);
MUST_USE enum store_result store_read_assoc(
	struct store_reader *r, uint32_t slot, struct store_assoc *out);
MUST_USE enum store_result store_read_session(
	struct store_reader *r, uint32_t cred, struct store_session *out);
/* An active one of this kind: for a handshake. Also by what was proved before, until that is over:
   then the identity is out->before's. (That out has not expired itself is to be looked at.) */
MUST_USE enum store_result store_find_identity(struct store_reader *r, enum store_cred_kind kind,
	const uint8_t *identity, size_t len, struct store_cred *out);
/* Whose key this is, towards either side (also that of before, until it is over; and what is
   staged, whatever the clock says), or whose upstream identity, as it stands there; active ones
   only. */
MUST_USE enum store_result store_find_key(
	struct store_reader *r, const uint8_t *key, size_t len, uint32_t *number);
/* One of those who have this pin; or what is staged has it, or its raw public key is this. */
MUST_USE enum store_result store_find_pin(
	struct store_reader *r, const uint8_t pin[STORE_PIN_LEN], uint32_t *number);
MUST_USE enum store_result store_find_upstream_identity(
	struct store_reader *r, const uint8_t *identity, size_t len, uint32_t *number);
/* The active one with this very purpose, or else one that was revoked; none for short messages. */
MUST_USE enum store_result store_find_endpoint(struct store_reader *r, const char *endpoint,
	enum store_purpose purpose, struct store_cred *out);
/* The same, of the one for short messages. */
MUST_USE enum store_result store_find_endpoint_sms(
	struct store_reader *r, const char *endpoint, struct store_cred *out);
/* The one of this endpoint with the lowest number above *number, which becomes its, of whatever
   purpose, active or not; 0 to begin with. An endpoint has two active ones at most, and
   one for short messages. */
MUST_USE enum store_result store_next_of_endpoint(
	struct store_reader *r, const char *endpoint, uint32_t *number, struct store_cred *out);
MUST_USE enum store_result store_read_cred(
	struct store_reader *r, uint32_t number, struct store_cred *out);
/* Without unsealing: for each wake (S28). */
MUST_USE enum store_result store_read_cred_mark(
	struct store_reader *r, uint32_t number, struct store_cred_mark *out);
/* May who has proved something under this generation go on by it: active, not expired, and from
   `proved` on (since then all but what is proved has changed at most), or from `before` on while
   that may be used? wall_ms: now. */
bool store_cred_stands(const struct store_cred_mark *m, uint64_t generation, uint64_t wall_ms);
MUST_USE enum store_result store_read_verdict(
	struct store_reader *r, uint32_t cred, struct store_verdict *out);
/* The session with the lowest credential above *cred that has an association; 0 to begin with. */
MUST_USE enum store_result store_next_glance(
	struct store_reader *r, uint32_t *cred, struct store_glance *out);
/* The credential with the earliest end (until_ms, or before.until_ms) after *after_ms and
   *after_cred, if that is not after wall_ms; as store_next_deadline(). */
MUST_USE enum store_result store_next_expiry(
	struct store_reader *r, uint64_t wall_ms, uint64_t *after_ms, uint32_t *after_cred);
/* The last generation that was given; to a transaction's reader: in it, too. */
MUST_USE enum store_result store_read_generation(struct store_reader *r, uint64_t *out);
/* The credential with the lowest number above *number, which becomes its; 0 to begin with. */
MUST_USE enum store_result store_next_cred(
	struct store_reader *r, uint32_t *number, struct store_cred *out);
/* A note, see store_note_put(); *len: at most cap, else STORE_DAMAGED. */
MUST_USE enum store_result store_read_note(
	struct store_reader *r, const char *name, uint8_t *out, size_t cap, size_t *len);
/* Slots of the associations that a credential authenticated; *at: 0 to begin with. */
MUST_USE enum store_result store_next_assoc_of(
	struct store_reader *r, uint32_t cred, uint32_t *at, uint32_t *slot);
/* The session with the earliest deadline after *after_ms and *after_cred (0, 0 to begin with), if
   that is not after until_ms; they become its deadline and credential. A hint: the session says. */
MUST_USE enum store_result store_next_deadline(
	struct store_reader *r, uint64_t until_ms, uint64_t *after_ms, uint32_t *after_cred);
/* The session with the lowest credential above *cred, which becomes its; 0 to begin with. */
MUST_USE enum store_result store_next_session(
	struct store_reader *r, uint32_t *cred, struct store_session *out);
/* The same without unsealing, which costs a twentieth: the credential's number alone. Whether its
   row can be read, reading it says. */
MUST_USE enum store_result store_next_session_number(struct store_reader *r, uint32_t *cred);
/* STORE_STALE: its credential is not active any more, has expired, or what the device proves has
   changed since. */
MUST_USE enum store_result store_find_resume(
	struct store_reader *r, const uint8_t *id, size_t len, struct store_resume *out);
/* Local port of link socket number `at` of a worker; at STORE_PORT_MARK: how many source slots it
   has ever used. */
MUST_USE enum store_result store_read_port(
	struct store_reader *r, uint32_t worker, uint32_t at, uint32_t *value);

/* --- writing ---------------------------------------------------------------------------------- */

/* One operation: run() is called in the writer's thread, in a transaction with others, and maybe
   again in another transaction; done() after the commit, in the writer's thread too. */
struct store_op {
	struct store_op *next; /* the store's */
	enum store_result (*run)(struct store_txn *t, struct store_op *op);
	void (*done)(struct store_op *op, enum store_result r);
	/* How long it may wait for others to share its commit; 0: not at all. */
	uint32_t may_wait_ms;
	/* Living sessions need it: it has the room that is kept for when the disk is full. */
	bool vital;
	enum store_result result; /* the store's, as the rest */
	uint64_t due_ms;
	bool anchors; /* done() waits for the anchor (S5) */
};

/* op stays its maker's, who may not touch it until done(). Never fails: after the medium broke,
   done() comes with STORE_BROKEN. */
void store_submit(struct store *s, struct store_op *op);

/* Within run() only. One that refuses (STORE_NONE, STORE_STALE, STORE_DAMAGED, or STORE_FULL for a
   configured bound) has changed nothing itself; what the same run() did before it stays, so what
   may be refused comes first. Other results spoil the whole transaction, and are answered anew.
   What they fill in is good only when done() says STORE_OK. */

/* A new association, with its first lease and its slot, owned by owner. S28: STORE_STALE when what
   was proved under its generation does not stand (any more); S25: also when its CID is taken. Of a
   device, under the generation of what is staged, armed or not: that takes the credential's place
   first, with its generation, as store_cred_put() of it by STORE_BY_BOOTSTRAP would without a
   `before` (S31; store_resume_put() does the same).
   Replaces what had the path and has no CID, or is a link; another device with a CID that was there
   is adrift from now on. Of a device: what was decided of the one before is gone. Fills id,
   slot, born, write_end, read_end, leased, trust, path_ms. */
MUST_USE enum store_result store_assoc_put(
	struct store_txn *t, struct store_assoc *a, uint64_t owner);
/* The context anew (S9: without the final flight). STORE_STALE: the slot is another
   association's. */
MUST_USE enum store_result store_assoc_rewrite(struct store_txn *t, const struct store_assoc *a);
/* The next lease for slot and id; fills write_end, read_end, leased, and state.sent where a new
   block begins (a first one of this incarnation). With read ceilings, state.sent is to be the next
   number: no new block is taken while half of one is left. seen: the edge of the read window.
   STORE_STALE: another incarnation has begun, another association is there, or it is STORE_UNSURE.
   STORE_FULL: there are no numbers left. STORE_BROKEN: also when only
   the anchor failed. A lease makes no window exact that was not. */
MUST_USE enum store_result store_lease(struct store_txn *t, struct store_assoc *a, uint64_t seen);
/* After STORE_LAPSED: the window was proven in another way (S11, S12), and the slot has it. From
   here on it is STORE_EXACT again. STORE_STALE: as for store_lease(). */
MUST_USE enum store_result store_assoc_prove(
	struct store_txn *t, uint32_t slot, const uint8_t id[SLOT_ID]);
/* Where a device with a CID is now: path, candidate and adrift of *a, for slot and id. When path is
   another than it was, that becomes the first of stays, path_ms is now and moves grows by one. What
   else is in *a does not matter. STORE_STALE: another association is there. */
MUST_USE enum store_result store_assoc_move(struct store_txn *t, const struct store_assoc *a);
/* Forgets it: its keys are gone when done() says so, and its CID rests. */
MUST_USE enum store_result store_assoc_drop(
	struct store_txn *t, uint32_t slot, const uint8_t id[SLOT_ID]);
MUST_USE enum store_result store_session_put(struct store_txn *t, const struct store_session *s);
/* With what its credential has: associations are dropped, too. */
MUST_USE enum store_result store_session_drop(struct store_txn *t, uint32_t cred);
MUST_USE enum store_result store_port_put(
	struct store_txn *t, uint32_t worker, uint32_t at, uint32_t value);

/* number 0: a new one; STORE_STALE: its identity is another's, or its endpoint and purpose are (a
   purpose that is any leaves room for no other), or the number is revoked (nothing is un-revoked: a
   new number is given, and a revoked row of its endpoint goes that it leaves no room for), or its
   `before` is not what the device proves now, and for the same purpose. Gives number and
   generation; and proved, with which older resumption state goes, when what the device proves, or
   what for, is another. While that stays the same, a `before` that there is stays, too. One that is
   the same in all but origin and time keeps its generation, and nothing is written. STORE_DAMAGED:
   it has no endpoint, identity or (PSK) key, or what its kind or its purpose has not, or a length
   beyond its bound, or is new and has something before. */
MUST_USE enum store_result store_cred_put(struct store_txn *t, struct store_cred *c);
/* A generation that is nobody's credential's: of a change that concerns many sessions. */
MUST_USE enum store_result store_take_generation(struct store_txn *t, uint64_t *out);
/* A new handshake of the device under generation `proved` or later has succeeded (S31): what it
   proved before is taken no more. The credential's generation stays. */
MUST_USE enum store_result store_cred_settle(struct store_txn *t, uint32_t number);
/* Replaces the one that there is. It goes with the device's association: when that is dropped, or
   another is put. STORE_NONE: the credential has no association. STORE_DAMAGED: the rule's name has
   no end. */
MUST_USE enum store_result store_verdict_put(struct store_txn *t, const struct store_verdict *v);
/* The key, the pin and what was before are gone; the row stays as revoked, by whom. */
MUST_USE enum store_result store_cred_revoke(
	struct store_txn *t, uint32_t number, enum store_origin by);
/* Up to STORE_NOTE_MAX octets that are no secret, under a name of at most 24 letters. */
MUST_USE enum store_result store_note_put(
	struct store_txn *t, const char *name, const uint8_t *data, size_t len);
/* The same for readers within the transaction. */
struct store_reader *store_txn_reader(struct store_txn *t);

/* A credential has one entry, the last. born: as of an association. STORE_STALE: S28, or the device
   has proved what was before. STORE_FULL: it is not kept, as nobody may
   lose his for it. */
MUST_USE enum store_result store_resume_put(struct store_txn *t, const struct store_resume *x);
MUST_USE enum store_result store_resume_drop(struct store_txn *t, const uint8_t *id, size_t len);
MUST_USE enum store_result store_resume_drop_cred(struct store_txn *t, uint32_t cred);
/* The full handshake of the entry that a credential has (S29); STORE_NONE. */
MUST_USE enum store_result store_resume_full_ms(
	struct store_reader *r, uint32_t cred, uint64_t *full_ms);

/* --- keys ------------------------------------------------------------------------------------- */

/* Wraps the data keys under another KEK; durable on return. The old one opens nothing any more but
   older copies of the keyring file. */
MUST_USE enum store_result store_rewrap(
	struct store *s, const struct kek *kek, struct store_error *error);
/* A new data key; what is sealed under older ones is sealed anew in steps, then they are
   destroyed. */
MUST_USE enum store_result store_rotate(struct store *s, struct store_error *error);

#endif
