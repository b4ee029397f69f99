/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/control: the operator's door: speaks nng's req/rep on a unix socket (see ctl/sp), answered in
 *              the main thread. Clients are nng req sockets, as lwgatectl is.
 *
 * Promise: the socket file belongs to root (or the gateway's user) and the operators' group, mode
 *          0660; others cannot open it. A request that cannot be answered in time says so; the data
 *          path never waits for it. Facts are gathered from the workers through struct ctl_source;
 *          nothing here reads their memory. When no descriptor is left, clients are hung up on,
 *          and ctl_fd() rests.
 * Threads: the main thread.
 */
#ifndef LWG_CTL_CONTROL_H
#define LWG_CTL_CONTROL_H

#include "base/attr.h"
#include "base/net.h"
#include "ctl/proto.h"
#include "ctl/store_source.h"
#include "dtls/engine.h"
#include "policy/policy.h"
#include "proxy/relay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_out;
struct ctl_sms_keys;
struct ctl_trace;
struct ctl_trace_ask;

enum { CTL_STAYS = 4, CTL_CID_MAX = 20 };

struct ctl_stay {             /* where a device was */
	struct net_addr peer; /* family 0: none */
	uint64_t since_ms_ago;
};

/* Connection ids; length 0: none. in: ours, by which records are found; out: the peer's, of which
   the first CTL_CID_MAX octets are here, and which is not known of a sleeper. */
struct ctl_cids {
	uint8_t in_len, out_len;
	uint8_t in[CTL_CID_MAX], out[CTL_CID_MAX];
};

struct ctl_session { /* one credential's as an operator sees it */
	char endpoint[129];
	char upstream[33]; /* the server that it is led to; "": it has no name of its own */
	bool registered;
	bool queues;      /* it listens only for a while after its own messages */
	bool asleep;      /* in the store only; then heard_ms_ago and the facts are not known */
	bool adrift;      /* `device` is another's by now: it is reached again when it speaks */
	bool stays_known; /* what the store alone knows, at the end */
	struct net_addr device;                /* family 0: no association */
	struct net_addr link_local, link_peer; /* family 0: no link */
	uint64_t device_up_ms_ago, device_heard_ms_ago;
	struct dtls_conn_facts device_facts, link_facts; /* their *_ms are not used */
	char location[64];
	uint32_t lifetime_s;
	uint32_t moves; /* of the device to other addresses: see stays */
	int64_t expires_in_s;
	char binding[8], version[4], sms[16]; /* as it has said of itself; "": not said */
	uint32_t asked;                       /* requests of the server that have no answer yet */
	uint64_t listens_ms; /* of one that queues: so long from now; 0: it sleeps */
	uint64_t generation; /* of the credential that authenticated it */
	uint32_t worker;
	enum ctl_cred_kind kind;
	enum ctl_purpose purpose; /* of its credential */
	struct ctl_cids device_cids, link_cids;
	/* Where its newest record came from, when that is not shown to be right yet; family 0: it
	   is. */
	struct net_addr candidate;
	/* What the store alone knows of the device's addresses: since when it has this one, how
	   often it has changed (moves), and where it was before, the latest first. Read for
	   sleepers, and for one that is asked for by its name, but not for all that are awake. */
	uint64_t device_since_ms_ago;
	struct ctl_stay stays[CTL_STAYS];
};

/* What was decided of a session, and is not over. */
struct ctl_verdict {
	enum policy_event event;
	enum policy_action device, upstream;
	char rule[POLICY_NAME_MAX + 1];
	uint64_t ms_ago;
	bool bounded; /* it ends: */
	int64_t ends_in_s;
	bool until_registration; /* ... or with the registration */
	bool done;               /* else it is carried out when the device wakes */
};

/* What the store alone knows of an endpoint, for its policy. */
struct ctl_about {
	size_t labels_len;
	char labels[POLICY_LABELS_MAX][POLICY_LABEL_MAX + 1];
	uint64_t credential_generation; /* the newest */
	bool decided;                   /* verdict is one */
	struct ctl_verdict verdict;
};

struct ctl_policy {       /* the one in force; borrowed until the next turn of the main thread */
	const char *name; /* of its file; "built in" */
	const char *text;
	size_t len;
};

/* How far it is with sessions that something has changed about, and with telling of it. */
struct ctl_deciding {
	size_t rules;
	uint32_t pace;               /* decisions a second, at most */
	bool walking;                /* a round of all sessions is under way */
	bool ended;                  /* one has ended since the start */
	uint64_t sessions;           /* that the store has */
	uint64_t looked, found;      /* of the round under way, or the last one */
	uint64_t began_ms_ago;       /* it */
	uint64_t ended_ms_ago;       /* if it has */
	uint64_t rounds, judged;     /* since the start: that have ended; sent to be decided of */
	uint64_t waiting;            /* to be sent */
	uint64_t entries;            /* of the chronicle, since the start */
	uint64_t refused, unwritten; /* of them: for want of memory; not in the file */
	uint64_t unheard;            /* by a subscriber, each */
	uint64_t subscribers;        /* now */
};

enum { CTL_PROOFS = CTL_CRED_CERTIFICATE + 1 };

struct ctl_air {           /* without DTLS; see gateway/air.h */
	uint64_t sessions; /* now */
	uint64_t datagrams, octets, sent, sent_octets;
	uint64_t outside, strangers, unknown, challenged, shown, withheld, copies, full;
};

enum { CTL_KEY_STATES = 7 };

struct ctl_sms {           /* by short messages; see gateway/sms.h */
	uint64_t sessions; /* now */
	uint64_t in, out, forged, replayed, reflected, malformed, later, lost, triggers;
	uint64_t old, proved; /* messages answered 4.00; sets of keys used for the first time */
	/* The bridge's, with the first worker. */
	uint64_t bridges; /* that are connected now: one at most */
	uint64_t strangers, other, refused, expired, segments;
	/* The same of keys that are renewed, and of who is asked for them. */
	struct {
		uint64_t changes, failed, asked, obtained, refused, pushes, under_way;
		uint64_t sets[CTL_KEY_STATES]; /* now, by enum keyset_state */
	} keys;
	struct {
		uint64_t asked, tokens, answered, failed, under_way, waiting;
	} bsf;
};

enum { CTL_LISTENERS_MAX = 16 };

/* To judge what DTLS costs there. Octets are without the headers of UDP. */
struct ctl_listener {
	struct net_addr address;
	bool is_bare; /* it has no DTLS */
	uint64_t datagrams_in, octets_in, datagrams_out, octets_out, handshakes;
};

enum { CTL_UPSTREAMS_MAX = 8 };
struct ctl_upstream {                    /* the way to one server */
	uint32_t addresses, passed_over; /* that it has; of these: that do not answer */
};

struct ctl_worker { /* one worker's numbers */
	struct ctl_air air;
	struct ctl_sms sms;
	struct ctl_listener listeners[CTL_LISTENERS_MAX];
	size_t listeners_len;
	struct ctl_upstream upstreams[CTL_UPSTREAMS_MAX];
	size_t upstreams_len;
	struct dtls_stats dtls;
	struct relay_stats relay;
	uint64_t datagrams_in, datagrams_out, send_failed, handed_over;
	/* Datagrams and messages that came to nothing before or after the engine: of sleepers whose
	   window had seen the number; of senders that are slowed down (S24); that would have had to
	   wait, and were too many. */
	uint64_t stale, slowed, held_lost;
	uint64_t proofs[CTL_PROOFS]; /* handshakes of devices, by enum ctl_cred_kind */
};

struct ctl_recent {
	uint64_t from;       /* asked: the number of the first line that is not known; 0: any */
	uint64_t next, lost; /* answered: to ask with; lines that have gone before */
};

/* The program that runs, and the trial of the one that is to follow. */
struct ctl_upgrading {
	enum ctl_trial { CTL_TRIAL_NONE, CTL_TRIAL_ON, CTL_TRIAL_REFUSED } trial;
	uint32_t run;        /* of the store: another program, another number */
	const char *version; /* static */
};

/* What the control room asks of the gateway. Each call blocks the main thread until the workers
   have answered. */
struct ctl_source {
	void *ctx;
	size_t (*workers)(void *ctx);
	bool (*worker)(void *ctx, size_t number, struct ctl_worker *out);
	/* All sessions that are awake, or those of an endpoint, awake or asleep; *out is malloc'd
	   and the caller's. False: failed. */
	bool (*sessions)(
		void *ctx, const char *endpoint_or_null, struct ctl_session **out, size_t *len);
	/* Sleeping sessions in the order of their credentials: those of *from and after, at most
	   cap of them, and maybe none: as many sessions are looked at as do not keep the main
	   thread from its devices, awake or asleep. *from becomes the number to go on with; 0:
	   there are no more. False: the store failed. NULL: nobody sleeps. */
	bool (*sleepers)(
		void *ctx, uint32_t *from, struct ctl_session *out, size_t cap, size_t *len);
	/* Closes both legs of an endpoint's sessions, with close_notify, asleep or awake; of one
	   purpose, if that is said. False: there is none. */
	bool (*close)(void *ctx, const char *endpoint, enum ctl_purpose purpose);
	uint64_t (*uptime_s)(void *ctx);
	/* Begins the replacement of the program by the one that is installed now, once it has shown
	   that it takes the configuration; the answer goes out before. NULL: cannot. */
	enum ctl_status (*upgrade)(void *ctx, struct ctl_said *said);
	/* How far that is. NULL: cannot. */
	void (*upgrading)(void *ctx, struct ctl_upgrading *out);
	/* Reads the configuration, keys and certificates anew. NULL: cannot. */
	enum ctl_status (*reload)(void *ctx, struct ctl_said *said);
	/* What is decided by. False: nothing is. NULL: there is none. */
	bool (*policy)(void *ctx, struct ctl_policy *out);
	/* False: nothing is decided. NULL: that is not known. */
	bool (*deciding)(void *ctx, struct ctl_deciding *out);
	/* Appends facts of sessions, as ctl/facts writes them: of those that an endpoint has
	   (nothing: it has none) with the purpose *from (enum ctl_purpose), or, NULL, of some of
	   all that there are; *from, 0 to begin with, becomes where to go on, 0: there are no more.
	   False: failed. NULL: cannot. */
	bool (*facts)(void *ctx, const char *endpoint_or_null, uint64_t *from, struct ctl_out *out);
	/* False: the store does not know the endpoint, or failed. NULL: cannot. */
	bool (*about)(
		void *ctx, const char *endpoint, enum ctl_purpose purpose, struct ctl_about *out);
	/* Keys of a device by short messages (ctl/sms_keys). NULL, like the next: cannot. */
	enum ctl_status (*sms_keys)(
		void *ctx, const char *endpoint, struct ctl_sms_keys *out, struct ctl_said *said);
	/* It is to have others, now; says what follows from that. */
	enum ctl_status (*sms_refresh)(void *ctx, const char *endpoint, struct ctl_said *said);
	/* Begins to trace what comes from and goes to a device, or goes on; what came since. *out
	   is the caller's also when it failed. NULL: cannot. */
	enum ctl_status (*trace)(void *ctx, const char *endpoint, const struct ctl_trace_ask *ask,
		struct ctl_trace *out, struct ctl_said *said);
	/* Appends the last lines of the chronicle that are newer. NULL: cannot. */
	void (*events)(void *ctx, struct ctl_recent *recent, struct ctl_out *out);
	/* The same of the log's lines that are a warning or worse. */
	void (*happened)(void *ctx, struct ctl_recent *recent, struct ctl_out *out);
	struct ctl_store_source store;
};

struct ctl_control;

struct ctl_door {
	const char *path, *group;
	int inherited; /* a socket that listens on path already, the control's now; -1: none */
};

/* Opens the socket. NULL with *error (CONF_ERROR_MAX bytes) filled: what and the remedy. Must be
   called before root is dropped. */
MUST_USE struct ctl_control *ctl_open(const struct ctl_door *door, const struct ctl_source *source,
	char *error, size_t error_len);
/* The store's part of the source, where it comes later. */
void ctl_set_store(struct ctl_control *c, const struct ctl_store_source *store);
/* The socket that listens: whoever duplicates it can hand it on (ctl_door.inherited). */
int ctl_listener(const struct ctl_control *c);
/* A descriptor that is readable when ctl_serve() has something to do. */
int ctl_fd(const struct ctl_control *c);
/* Answers what is waiting; never blocks for a new request. */
void ctl_serve(struct ctl_control *c);
/* Closes and removes the socket file. */
void ctl_close(struct ctl_control *c);

#endif
