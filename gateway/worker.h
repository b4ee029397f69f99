/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/worker: one thread that owns sockets, associations, links and timers of its share of
 *                 the devices.
 *
 * A turn: the clock is read once, what is there is received in batches, the engines step, timers
 * run, and what is to be sent leaves in batches. The store is seen as it was at the first look of a
 * turn.
 *
 * Promise: nothing on the data path of those who are awake is shared with another worker,
 *          allocates, or blocks. No socket starves another: each gets at most GW_BATCHES batches a
 *          turn. Sockets of links have the ports that they had in earlier runs.
 * Errors:  gw_worker_new() returns NULL when the system is short of something.
 * Threads: new, post and free: the main thread; everything else: the worker's own.
 */
#ifndef LWG_GATEWAY_WORKER_H
#define LWG_GATEWAY_WORKER_H

#include "base/attr.h"
#include "base/log.h"
#include "base/net.h"
#include "base/pool.h"
#include "base/sip.h"
#include "base/wheel.h"
#include "gateway/lost.h"
#include "gateway/pace.h"
#include "gateway/profiles.h"
#include "gateway/roll.h"
#include "gateway/rouse.h"
#include "gateway/targets.h"
#include "io/inbox.h"
#include "io/steer.h"
#include "io/udp.h"

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_gateway;
struct cred_set;
struct dtls_conn;
struct dtls_engine;
struct gw_airs;
struct gw_ask;
struct gw_bsf;
struct gw_material;
struct gw_repository;
struct gw_resolver;
struct gw_rules;
struct gw_seats;
struct gw_session;
struct gw_smses;
struct gw_trace_took;
struct gw_tracing;
struct relay;
struct sources;
struct store;
struct store_reader;

enum {
	GW_BATCHES = 4,
	GW_LISTENERS_MAX = 16,
	GW_UPSTREAMS_MAX = 8,
	GW_NAME_MAX = 16,
	GW_RANDOM_POOL = 256,
	GW_LINES = 1024,     /* devices whose lines in the log are limited apart from each other */
	GW_BLAMES = 4096,    /* buckets of those who send what does not authenticate (S24) */
	GW_FORGED_MAX = 128, /* wrong tags of CCM_8 under one key (R-130: 2^7) */
	GW_PROOFS = 3,       /* kinds of credentials that DTLS proves */
	GW_KNOWN_OTHERS = 512, /* PSK identities of which another key is tried next */
	GW_SLOT_STEP = 4096,   /* source slots that the store is told of at once */
};

/* What all workers read; it outlives them. */
struct gw_shared {
	const struct conf_gateway *conf;
	const struct cred_set *creds; /* for the master secret alone ... */
	/* ... where an upstream has none of its own; NULL: it has none. */
	const struct cred_set *masters[GW_UPSTREAMS_MAX];
	struct gw_resolver *resolver;     /* NULL: no upstream has a name that is looked up */
	struct gw_repository *repository; /* NULL: none */
	struct gw_bsf *bsf;               /* NULL: none */
	struct gw_material *material;     /* to begin with; NULL: PSK with CCM_8 alone */
	struct gw_rules *rules;     /* to begin with; NULL: what has changed is forgotten at once */
	struct inbox *chronicle;    /* see gateway/chronicle; NULL: nobody is told */
	struct inbox *sms;          /* of gateway/sms_desk; NULL: there are no short messages */
	struct inbox *keeper;       /* of gateway/sms_keeper */
	struct gw_tracing *tracing; /* NULL: nobody is ever traced */
	struct store *store;
	uint32_t incarnation; /* of this process, in the store */
	struct gw_seats *seats;
	struct inbox *const *inboxes; /* by number of the worker */
	struct steer steer;
	struct sip_key identity_key; /* identities in the log are hashed with it */
	int keylog_fd;               /* -1: none; only test builds ever write to it */
	int log_fd;
	struct log_ring *log_ring; /* NULL: none */
	struct log_sink *log_sink;
};

enum gw_kind {         /* what comes by inbox */
	GW_STRAY,      /* struct net_path, then a datagram that another worker received */
	GW_CLAIM,      /* struct gw_claim */
	GW_YIELD,      /* struct gw_yield */
	GW_ASK,        /* struct gw_asked */
	GW_ASK_MORE,   /* go on with the one under way */
	GW_STORED,     /* struct gw_stored */
	GW_DUE,        /* uint32_t, a credential whose registration may be over */
	GW_CHANGED,    /* uint32_t, a credential of which something is not as it was */
	GW_JUDGE,      /* uint32_t, a credential: its session is to be looked at, awake or asleep */
	GW_RULES,      /* struct gw_ruled, see gateway/rules.h */
	GW_MATERIAL,   /* struct gw_renewed */
	GW_RESOLVED,   /* struct gw_resolved, see gateway/resolver.h */
	GW_IMAGE,      /* struct gw_image_answer, see gateway/repository.h */
	GW_SMS_IN,     /* struct gw_sms_mo, see gateway/sms_parts.h */
	GW_SMS_GO_ON,  /* uint32_t, a credential whose box in is not empty */
	GW_SMS_WANTED, /* uint32_t, one whose device is to come by itself */
	GW_SMS_DTLS,   /* as GW_SMS_IN: a datagram of DTLS */
	GW_SMS_STORED,
	GW_SMS_BOOTSTRAP, /* struct gw_keys_udp_asked, see gateway/sms_keys_udp.h */
	GW_PULSE,         /* uint32_t, to be shown in gw_worker's pulse */
	GW_HUSH,          /* no device's handshake begins any more */
	GW_STOP,
};

struct gw_socket { /* one watched socket */
	ev_io io;
	uint32_t sock; /* its number in paths */
	uint16_t port; /* ours */
};

struct gw_upstream { /* the way to one server */
	struct sources *sources;
	struct gw_socket **links; /* as they are opened */
	size_t links_len;
	uint32_t first_sock, sockets; /* numbers in paths, and how many there can be */
	uint64_t mark;                /* see gateway/routes.h */
	struct gw_targets targets;
	struct gw_pace pace;
};

struct gw_traffic { /* of a listener: octets without the headers of UDP */
	uint64_t datagrams_in, octets_in, datagrams_out, octets_out, handshakes;
};

struct gw_trace_now {               /* of gateway/trace; while a call lasts */
	const uint8_t *place;       /* of the datagram that is being written */
	struct net_path to;         /* where it goes */
	struct gw_trace_took *took; /* the message that is being dealt with; NULL: none is */
	size_t left;                /* octets of the last datagram of a message; 0: none left */
	uint64_t record;            /* its number */
	uint16_t epoch;
	bool sends; /* it is a message's */
};

struct gw_limits { /* log lines that strangers, or a broken network, can provoke */
	struct log_limit device_handshake, device_anew, link_handshake, send, stray, unseated;
	struct log_limit store, lapsed, kept, unrouted, sms;
	struct log_limit devices[GW_LINES]; /* by credential */
};

struct gw_worker {
	const struct gw_shared *shared;
	uint32_t number;
	char name[GW_NAME_MAX];
	struct log log;
	struct ev_loop *loop;
	ev_check begin;
	ev_prepare end;
	ev_timer due;
	uint64_t due_ms; /* what the timer is armed for; UINT64_MAX = not armed */
	ev_io inbox_io;
	struct gw_socket listeners[GW_LISTENERS_MAX]; /* sock = index */
	int fds[GW_LISTENERS_MAX];                    /* theirs; ours to close */
	struct net_addr bound[GW_LISTENERS_MAX];
	size_t listeners_len;
	struct gw_traffic traffic[GW_LISTENERS_MAX];
	uint32_t room_sock; /* from which the datagram leaves that is being written */
	bool room_sms;      /* it leaves by a short message */
	bool tracing;       /* somebody is traced, in this turn */
	struct gw_trace_now trace;
	struct gw_upstream upstreams[GW_UPSTREAMS_MAX];
	size_t upstreams_len;
	struct dtls_engine *dtls;
	struct gw_profiles profiles;
	struct gw_material *material; /* a reference: what the profiles were made of; NULL: none */
	struct gw_rules *rules;       /* a reference; NULL: none */
	struct relay *relay;
	struct gw_airs *airs;   /* NULL: all listeners have DTLS */
	struct gw_smses *smses; /* NULL: there are no short messages */
	uint64_t now_ms;        /* of this turn; CLOCK_BOOTTIME */
	size_t flood_bytes;     /* most that handshakes took at once since the last ebb */
	uint64_t ebb_ms;        /* the next ebb is not before */
	struct store_reader *reader;
	struct pool session_pool, op_pool;
	struct gw_roll roll;
	struct gw_session *sessions; /* all that are awake */
	size_t sessions_len;
	size_t ops;                /* store operations under way */
	uint64_t reloads;          /* that the profiles were exchanged */
	size_t learnings;          /* bootstraps that are followed */
	size_t link_session_bytes; /* of what gateway/link_session keeps */
	size_t waiting;            /* sessions that wait for another worker's yield */
	struct gw_session
		*loose; /* those whose device association may be gone at the end of the turn */
	struct gw_session *doze_next;  /* who is looked at next: idle? */
	uint64_t dozed_ms;             /* when the last were */
	struct gw_session *judge_next; /* who is looked at next by gw_judge_turn() */
	uint64_t judged_ms;            /* when the last were */
	uint64_t paced_us;             /* until when the bucket of judgements is not empty */
	struct wheel terms;            /* timers of sentences */
	bool ticking;                  /* the relay's time is what happens */
	_Atomic uint32_t pulse;        /* the newest GW_PULSE, which the main thread reads */
	uint32_t reroutes;             /* that the routes were exchanged; see gw_session_route() */
	uint32_t reclaim_next; /* source slot that is looked at next: does a link sleep there? */
	uint8_t reclaim_of;    /* whose */
	uint64_t reclaim_ms;   /* not before */
	bool batched;          /* a slot was changed in this turn */
	struct gw_waking waking;
	uint64_t blames[GW_BLAMES];      /* until when each bucket is full */
	struct wheel roaming;            /* timers of gateway/roam */
	const struct dtls_conn *trusted; /* whose new address is, at the moment */
	uint64_t kept[GW_LINES];         /* buckets of decisions that change nothing, by device */
	uint64_t findings[GW_LINES];     /* the same of what is learned, by credential */
	uint64_t other_keys[GW_KNOWN_OTHERS]; /* see gateway/known */
	struct gw_lost lost;                  /* who was told that he is unknown (S27) */
	struct gw_ask *ask;                   /* a list of sessions that is being written */
	struct gw_session *ask_next;          /* where it goes on */
	uint64_t handed_over;
	uint64_t proofs[GW_PROOFS]; /* handshakes of devices, by the credential's kind */
	uint64_t held_lost;         /* messages that would have had to wait, and were too many */
	uint64_t stale_records;     /* numbers that a sleeper's window had seen */
	uint64_t slowed_records;    /* records for sleepers that were not tried (S24) */
	bool hushed;
	_Atomic bool quiet; /* hushed, and no handshake is under way; the main thread reads it */
	bool stopping;
	struct gw_limits limits;
	uint8_t random
		[GW_RANDOM_POOL]; /* unused random bytes are at [random_used, GW_RANDOM_POOL) */
	size_t random_used;
	struct inbox_message message;
	struct udp_rx rx;
	struct udp_tx tx;
};

struct gw_sockets { /* that a worker begins with; it closes them, also when it cannot be made */
	const int *listeners; /* one for each, bound */
	size_t listeners_len;
	struct {
		const int *fds; /* inherited, in the order in which they were opened */
		size_t len;
	} links[GW_UPSTREAMS_MAX];
};

MUST_USE struct gw_worker *gw_worker_new(
	const struct gw_shared *shared, uint32_t number, const struct gw_sockets *sockets);
/* Waits for the store's answers to what is under way. */
void gw_worker_free(struct gw_worker *w);
/* Until GW_STOP has come by inbox and every session sleeps, or, where nothing is kept, every peer
   was told goodbye. A pthread start routine; returns NULL. */
void *gw_worker_run(void *worker);
/* One turn, without waiting: for tests. */
void gw_worker_turn(struct gw_worker *w);

/* Unpredictable bytes. */
void gw_worker_random(struct gw_worker *w, uint8_t *out, size_t len);
/* To be called before a slot is changed (S10). */
void gw_worker_batch(struct gw_worker *w);
/* The number of the upstream whose socket this is; GW_NO_UPSTREAM: a listener's. */
uint8_t gw_worker_upstream(const struct gw_worker *w, uint32_t sock);
/* " upstream=NAME", for the log; "" where nothing has a name of its own. Returns out. */
enum { GW_UPSTREAM_WORDS = 48 };
const char *gw_worker_upstream_words(
	const struct gw_worker *w, uint8_t upstream, char out[GW_UPSTREAM_WORDS]);
/* The network of an address, an IPv4 /24 or an IPv6 /56, as a keyed hash: whom to slow down
   together. */
uint64_t gw_worker_network(const struct gw_worker *w, const struct net_addr *a);
/* Counts what leaves from a listener; 0: nothing does. */
static inline void gw_worker_sent(struct gw_worker *w, uint32_t sock, size_t len)
{
	if (len == 0 || sock >= w->listeners_len)
		return;
	w->traffic[sock].datagrams_out++;
	w->traffic[sock].octets_out += len;
}
/* The descriptor of a socket number in a path. */
int gw_worker_fd(const struct gw_worker *w, uint32_t sock);

#endif
