/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/device: what the relay keeps of each device, and what its own files call of each other. For
 * proxy/ only.
 *
 * The two channels of a device are its two sides; what holds for both is written once.
 *
 * Memory:  an idle registered device costs this struct alone: what it needs in a conversation is
 *          allocated then.
 * Threads: the worker of the relay.
 */
#ifndef LWG_PROXY_DEVICE_H
#define LWG_PROXY_DEVICE_H

#include "base/pool.h"
#include "base/wheel.h"
#include "proxy/coap.h"
#include "proxy/exchange.h"
#include "proxy/governor.h"
#include "proxy/queue.h"
#include "proxy/recall.h"
#include "proxy/relay.h"
#include "proxy/shift.h"
#include "proxy/side.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answer;

struct relay {
	struct relay_settings settings;
	struct relay_owner owner;
	struct relay_stats stats;
	struct wheel wheel;
	uint64_t now_ms; /* the latest that we were told */
	struct queue_budget budget;
	struct governor_home governed;
	struct recall recall;
	struct relay_device *first;
	struct pool devices, tables;   /* where relay_device and exchange_table live */
	uint8_t shifted[2][SHIFT_MAX]; /* by the side that they go to; while a call lasts */
};

struct relay_device {
	struct relay *relay;
	struct relay_device *next;
	struct relay_device **prev; /* the pointer that points here */
	const char *endpoint;
	void *user;
	const struct relay_radio *radio; /* not governed: no governor is ever made */
	struct governor *governor;       /* NULL: nothing is under way or kept */
	struct channel
		*ends[2]; /* by enum side; that of the server is NULL while the link is not up */
	struct exchange_table *exchanges; /* of the device's requests; NULL: none under way */
	struct exchange_table *asked;     /* of the server's; only for gate.c */
	struct queue waiting;             /* for the link */
	struct wheel_timer timer;         /* for what is due next, or earlier */
	struct relay_registration reg;
	uint64_t awake_until_ms;     /* of a device in queue mode; 0: not known */
	uint64_t bootstrap_until_ms; /* 0: no bootstrap is under way */
	uint64_t retry_at_ms;        /* the link isn't opened before */
	uint32_t retry_ms;           /* the last back-off; 0: the link was up since */
	uint32_t heard;              /* messages from the server, wrapping */
	uint32_t retry_after_s;      /* of gate: said with 5.03 */
	uint32_t con_heard;          /* `heard` at the first copy of the last CON of the device */
	uint64_t con_since_ms;       /* when that first copy came */
	uint16_t con_mid;            /* of that CON */
	uint16_t own_mid[2];         /* by enum side: of our last NON to it */
	uint8_t con_copies;          /* of that CON; 0: none */
	uint8_t gate;                /* enum relay_gate */
	uint8_t purpose;             /* enum relay_purpose */
	uint8_t link_end;            /* enum relay_link_end: why the link couldn't be opened */
	bool own_mid_set[2];
	bool opening;            /* the owner is at it */
	bool bootstrap_watched;  /* the owner has been told of it, and not of its end */
	bool bootstrap_finished; /* the server has said so */
	bool wanted;             /* the owner has been told so, in this sleep */
};

_Static_assert(sizeof(struct relay_device) <= 320, "I6: what a registered idle device costs");

/* May anything but answers pass between the sides? */
static inline bool device_is_open(const struct relay_device *d)
{
	return d->reg.active || d->bootstrap_until_ms > d->relay->now_ms;
}

/* May the server ask, and the device answer? Also while the 2.01 is on its way, which a request may
   overtake or outlive. */
static inline bool device_is_asked(const struct relay_device *d)
{
	return device_is_open(d) || exchange_registering(d->exchanges);
}

/* In queue mode, and not within awake_ms of its last message. */
static inline bool device_is_asleep(const struct relay_device *d)
{
	return d->reg.active && d->reg.attributes.queue && d->awake_until_ms <= d->relay->now_ms &&
	       d->bootstrap_until_ms <= d->relay->now_ms;
}

/* relay.c: the clock, which never goes back. */
void relay_told(struct relay *r, uint64_t now_ms);
/* relay.c: sees to it that the timer fires at due_ms at the latest. */
void relay_schedule(struct relay_device *d, uint64_t due_ms);
/* fit.c: the longest message that may be sent to that side now. */
size_t relay_room(const struct relay_device *d, enum side to);
MUST_USE bool relay_fits(const struct relay_device *d, enum side to, const struct pdu *m);
/* Tell those whom it concerns. */
void relay_request_too_long(struct relay_device *d, enum side from, const struct pdu *m);
void relay_response_too_long(struct relay_device *d, enum side from, const struct pdu *m);
/* The same for a response with an option that may not be passed on unread. */
void relay_response_unknown(struct relay_device *d, enum side from, const struct pdu *m);
MUST_USE bool relay_is_notification(const struct pdu *m);
/* govern.c: the one door to a channel. m: what is to be sent; came: as the other side sent it, m
   itself if it was not changed; NULL: it is our own. */
MUST_USE enum relay_fate relay_pass(
	struct relay_device *d, enum side to, const struct pdu *m, const struct pdu *came);
/* Is m, which is sound, something that was dealt with before? Then it has been dealt with again. */
MUST_USE bool relay_governor_stops(struct relay_device *d, enum side from, const struct pdu *m);
/* d is let go, and may come again. */
void relay_governor_remember(struct relay_device *d);
/* What was said on that leg, or waits for it, is void. */
void relay_governor_leg_gone(struct relay_device *d, enum side leg);
/* All requests under way are answered with that. */
void relay_governor_cut(struct relay_device *d, const struct answer *a);
void relay_governor_due(struct relay_device *d);
/* What has waited for the device, which is awake now, goes. */
void relay_governor_rouse(struct relay_device *d);
/* asleep.c: the device has shaken hands. Did it sleep? */
bool relay_awake(struct relay_device *d);
/* It has said m; NULL: what cannot be read. Did it sleep, and is awake now? */
bool relay_awake_by(struct relay_device *d, const struct pdu *m);
/* Must the server's request m, which fits, not wait until the device wakes? Then it has been
   answered. */
MUST_USE bool relay_asleep_refuses(struct relay_device *d, const struct pdu *m);
/* One waits. */
void relay_asleep_holds(struct relay_device *d);
/* gate.c: may m, which is sound, not pass? Then it has been dealt with. */
MUST_USE bool relay_gate_stops(struct relay_device *d, enum side from, const struct pdu *m);
/* gate.c: what has been said about a request of the server has passed. */
void relay_asked(struct relay_device *d, const struct pdu *request);
void relay_asked_answer(struct relay_device *d, const struct pdu *answer);
/* bootstrap.c: the server has accepted the device's request. */
void relay_bootstrap_begins(struct relay_device *d);
/* It is over, or there was none. */
void relay_bootstrap_ends(struct relay_device *d);
/* Its time may be over. */
void relay_bootstrap_due(struct relay_device *d);
/* The server asks m, which fits. With a code: it must not pass. */
MUST_USE struct relay_objection relay_bootstrap_asked(struct relay_device *d, const struct pdu *m);
/* The device answers m. */
void relay_bootstrap_answered(struct relay_device *d, const struct pdu *m);
/* Is this the server's Bootstrap-Finish? And its first answer. */
MUST_USE bool relay_is_finish(const struct relay_device *d, const struct pdu *request);
void relay_finish_answered(struct relay_device *d, const struct pdu *answer);
/* up.c: one sound message from the device; the link may be up or not. */
void relay_up(struct relay_device *d, const struct pdu *m);
/* down.c: one sound message from the server, whose link is up. */
void relay_down(struct relay_device *d, const struct pdu *m);
/* What the server said can't be passed on: 5.02 to the device, if it waits for that. */
void relay_down_bad(struct relay_device *d, const struct pdu *m, const char *why);

/* link.c: keeps m until the link is up, and has it opened; if that can't be, answers a request. */
void relay_link_wait(struct relay_device *d, const struct pdu *m);
/* Has the server not said a word to four copies of this request? Counts m as one. */
MUST_USE bool relay_link_is_dead(struct relay_device *d, const struct pdu *m);
void relay_link_close(struct relay_device *d, enum channel_reason why);

#endif
