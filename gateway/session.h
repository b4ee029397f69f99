/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/session: joins, for one credential, the device's association, the relay, and the link to
 *                  the server.
 *
 * A session is in memory while its device is awake; asleep, it is rows and slots in the store.
 *
 *   session.c        its life
 *   session_dtls.c   the owner of the worker's associations
 *   session_relay.c  the owner of the worker's relay: channels, links, registrations
 *   session_route.c  to which server it belongs
 *   keep.c           what it writes down, and what happens when that is durable
 *   rouse.c          how it comes back, and goes to sleep
 *   asleep.c         who sleeps where a record has come
 *   lapse.c          what becomes of it when its window is not known any more
 *   judge*.c         what becomes of it when anything else about it has changed
 *   judge.c          what becomes of it by the operator's policy
 *   roam.c           what becomes of it when its device comes from another address
 *   learning*.c      what its device is to prove next, from its bootstrap
 *   air*.c           what stands in the place of the association where there is no DTLS
 *   sms*.c           the same where its device is reached by short messages
 *   trace*.c         what becomes of each of its datagrams, for who looks
 *
 * Promise: an endpoint has one session for each of its credentials, a session one
 *          device association and at most one link. A new handshake of a device keeps its
 *          registration and link (D-5). No message passes before what it rests on is durable
 *          (S9). Whatever ends, the other side is told. The log tells of each device at most ten
 *          times at once, then once each 10 s, and of a registration when something of it
 *          changed.
 * Errors:  a session that cannot be made, or kept, closes its association; a link that cannot be
 *          opened is told to the relay.
 * Memory:  struct gw_session is some 380 bytes in a pool of the worker; its channels are embedded
 *          in it.
 * Threads: the worker that owns it.
 */
#ifndef LWG_GATEWAY_SESSION_H
#define LWG_GATEWAY_SESSION_H

#include "base/attr.h"
#include "dtls/engine.h"
#include "gateway/hold.h"
#include "gateway/pace.h"
#include "gateway/question.h"
#include "proxy/channel.h"
#include "proxy/relay.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_air;
struct gw_kept;
struct gw_learning;
struct gw_probe;
struct gw_roam;
struct gw_sentence;
struct gw_sms;
struct gw_worker;
struct log_limit;
struct sources;

enum gw_leg_name { GW_DEVICE, GW_LINK, GW_LEGS };
enum gw_number { GW_ASKED_AGE, GW_ASKED_IDLE, GW_ASKED_RECORDS, GW_ASKED_FORGED, GW_ASKED };

struct gw_leg {
	struct dtls_conn *conn; /* NULL: none, or about to end */
	struct slot *hot;       /* NULL: not durable yet */
	uint32_t place;         /* the slot's number; STORE_NO_SLOT */
	uint32_t serial;        /* counts the associations that were written down */
	bool leasing;           /* more numbers are on their way */
	bool putting;           /* an association of it is being written down */
	bool settled;           /* its peer has the final flight, which need not be kept */
	uint8_t id[SLOT_ID];
};

struct gw_session {
	struct channel device; /* for the relay */
	struct channel link;
	struct gw_worker *worker;
	struct gw_leg legs[GW_LEGS];           /* by enum gw_leg_name */
	struct relay_device *relay;            /* NULL: it does not relay yet */
	struct gw_session *next, **link_to_us; /* in the worker's list */
	struct gw_session *next_in_roll;
	struct gw_session *next_loose;
	struct gw_pace_place pace; /* its turn to open its link */
	struct gw_hold hold;
	struct gw_air *air;     /* where its device is, which has no DTLS; NULL: it has */
	struct gw_sms *sms;     /* its device is reached by short messages; NULL: it is not */
	struct gw_probe *probe; /* NULL: its window is known */
	struct gw_roam *roam;   /* NULL: no address of its device is being shown to be right */
	struct gw_learning *learning; /* NULL: its bootstrap is not followed */
	struct gw_sentence *sentence; /* what a policy wants of it; NULL: nothing */
	uint64_t full_ms; /* store_time() of its device's full handshake (S29); 0: not known */
	uint64_t proof_until_ms;  /* wall clock: its certificate ends; 0: never, or it was asked */
	uint32_t asked[GW_ASKED]; /* numbers at which a policy was asked of them last */
	uint64_t trust_ms;    /* until when the bucket of addresses that are trusted is not empty */
	uint64_t wear_ms;     /* the same, of moves that are written down at once */
	struct gw_kept *kept; /* to open the link again by; see gateway/link_session.h */
	uint64_t link_reload; /* of the worker's reloads: by which the link was begun */
	char *endpoint;       /* owned */
	uint64_t said;        /* of the registration that the log last told of; 0 = of none */
	uint32_t cred;
	uint32_t tenure;  /* see gateway/seats.h */
	uint32_t heir;    /* the tenure to yield to; 0 = none */
	uint32_t routed;  /* of the worker's reroutes: when its route was asked for; 0: not yet */
	uint32_t slot;    /* of the link, from the moment it is being opened; SOURCES_NONE = none */
	uint32_t ops;     /* store operations under way: until they are done it stays in memory */
	uint32_t blocked; /* of them: those that messages must wait for */
	bool waits;       /* for another worker's YIELD */
	bool closes;      /* an operator has closed it, as soon as it is awake */
	bool link_wakes;  /* the link is there, but the relay may not use it yet */
	bool ended;       /* only its operations keep it */
	uint8_t upstream; /* to which it is routed, and its slot, link and registration are of */
	uint8_t target;   /* the address that its last link was opened to; GW_NO_TARGET */
	struct gw_question_mids mids;
	uint8_t kind;      /* of the credential: enum store_cred_kind */
	uint8_t purpose;   /* the same: enum store_purpose */
	bool repository;   /* the same */
	bool is_loose;     /* in the worker's list of those to look at */
	bool suspect;      /* it is judged before its next message (I8) */
	bool link_suspect; /* its device came anew before that was done: the link is, apart */
	bool condemned;    /* it ends with this turn */
	bool is_moving;    /* where its device is, is being written down ... */
	bool moves_again;  /* ... and is another place by now */
};

_Static_assert(sizeof(struct gw_session) <= 384, "I6: what an awake device costs");

/* What the worker's engine and its relay ask of their owner. */
struct dtls_owner gw_session_dtls_owner(struct gw_worker *w);
struct relay_owner gw_session_relay_owner(struct gw_worker *w);

/* --- session.c ------------------------------------------------------------ */

enum gw_fate {    /* what a session's end means for what is in the store */
	GW_KEEP,  /* nothing: it goes on elsewhere, or later */
	GW_FORGET /* its associations and registration are deleted */
};

/* A session of a credential whose seat is taken in tenure; NULL: memory is short, or there is no
   such credential any more. */
MUST_USE struct gw_session *gw_session_new(struct gw_worker *w, uint32_t cred, uint32_t tenure);
/* The same of a device without DTLS, whose credential must say so; one with DTLS must not. */
MUST_USE struct gw_session *gw_session_new_air(struct gw_worker *w, uint32_t cred, uint32_t tenure);
/* Where its device is; NULL: nowhere, it is about to end. */
const struct net_path *gw_session_path(const struct gw_session *s);
/* This worker's session of a credential that holds its seat; NULL: another worker has it, or
   nobody. */
struct gw_session *gw_session_of(struct gw_worker *w, uint32_t cred);
/* Starts to relay, with the registration that is known, or NULL. False: memory is short, and s is
   gone. */
MUST_USE bool gw_session_begin(struct gw_session *s, const struct relay_registration *registration);
/* Says goodbye on both legs and frees s, at the latest when its last operation is done; why is for
   the log. Its seat is left. */
void gw_session_end(struct gw_session *s, enum gw_fate fate, const char *why);
/* Frees what gw_session_end() left because of operations under way. */
void gw_session_free(struct gw_session *s);
/* Messages that waited go on, as far as they may. */
void gw_session_flow(struct gw_session *s);
enum gw_took {             /* what became of it at once */
	GW_TOOK_PASSED,    /* the relay has it */
	GW_TOOK_HELD,      /* it waits */
	GW_TOOK_LOST,      /* as too many do */
	GW_TOOK_REPLY,     /* it is for the gateway itself */
	GW_TOOK_IMAGE,     /* the repository has it */
	GW_TOOK_ELSEWHERE, /* its link is none any more */
};
enum gw_took gw_session_take(struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len);
/* The same, which is told to who traces it. */
void gw_session_message(struct gw_session *s, enum gw_leg_name from, uint8_t *msg, size_t len);
/* Of the listener by which its device has come. */
const struct relay_radio *gw_session_radio(const struct gw_session *s);
/* Ends sessions whose device association has gone and was not replaced. */
void gw_sessions_sweep(struct gw_worker *w);
/* s is one of those to look at then. */
void gw_session_loosen(struct gw_session *s);
/* What this device's lines in the log may cost, however often it comes and goes. */
struct log_limit *gw_session_lines(struct gw_session *s);
/* This worker is told that something about a credential has changed: none of its sessions passes
   anything before it is judged (I8), whoever has the seat by now. */
void gw_session_doubt(struct gw_worker *w, uint32_t cred);
/* Who has an heir passes nothing any more: what becomes of it is the heir's to decide. */
static inline bool gw_session_may_flow(const struct gw_session *s)
{
	return s->relay && s->blocked == 0 && s->heir == 0 && !s->ended && !s->suspect &&
	       !s->condemned;
}
/* The same, after it was judged where that is due. Not from within the relay. */
bool gw_session_is_open(struct gw_session *s);

/* --- session_relay.c ------------------------------------------------------------ */

void gw_session_channels(struct gw_session *s);
/* Changes when the location or the lifetime of a registration does. */
uint64_t gw_session_sum(const struct gw_session *s, const struct relay_registration *r);
/* Links whose turn it is are opened; those who have waited too long are told. */
void gw_links_turn(struct gw_worker *w);
/* When it is to be called next. */
uint64_t gw_links_next_ms(const struct gw_worker *w);
/* The link's source slot, if it has one, may be another's; it is not being opened any more. */
void gw_session_free_slot(struct gw_session *s);
/* Whatever there is of the link ends, and the relay is told. */
void gw_session_close_link(struct gw_session *s);

/* --- session_route.c ------------------------------------------------------------ */

#define GW_NO_LISTENER SIZE_MAX /* it came by short messages */
/* The number of the upstream of a device that came in by listener; GW_NO_UPSTREAM, which the log
   explains: none. */
uint8_t gw_route(struct gw_worker *w, uint32_t cred, size_t listener);
/* s comes back: it belongs where its row says, until it is asked about. */
void gw_session_take_row(struct gw_session *s, const struct store_session *row);
/* Asks, if that has not been done since the routes, or the credential, were others. Led elsewhere,
   its link and its registration end; led nowhere, it ends with this turn. Not from within the
   relay. */
void gw_session_route(struct gw_session *s);
/* Of its upstream: of its slot. */
struct sources *gw_session_sources(const struct gw_session *s);

#endif
