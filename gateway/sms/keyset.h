/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms/keyset: the life of one device's keys for secured packets: which sets there are, what each is
 *             for at the moment, and what is to be done next.
 *
 *   current  what is sent under, and taken
 *   next     obtained or delivered, and not proved yet: proved, it becomes the current one
 *   stale    superseded: what comes under it is refused (4.00), and it goes when the overlap is
 *            over
 *
 * Model:   one state for the device, one table from state and event to state and actions
 *          (keyset_table() writes it for people). Whoever holds a row reads it, tells an event,
 *          does what keyset_step() answers, and writes the row back in the same transaction. All
 *          that is asked for begins with KEYSET_DUE, so that one bound for an hour covers every
 *          reason.
 * Promise: pure, total. Keys are used from when they are proved until their end, and no longer:
 *          what comes under keys whose time is over is refused, whatever it is. Keys whose time is
 *          over stay until they are superseded, for nothing but that refusal: else a device that
 *          slept too long would never be answered again. So do the next ones that nobody has
 *          proved, till others come in their place: a network may bring them late. What opens under
 *          no set is never told here, so that a forger causes nothing. At most one refresh is under
 *          way, at most `an_hour` begin in an hour, and each is delivered at most `tries` times; a
 *          device is never given up for good, but after `rest_ms`.
 * Errors:  keyset_load(): false, what was stored makes no sense; *k is as keyset_begin() has it.
 * Memory:  none but the caller's, who wipes it.
 * Threads: any, one row each. Clock: store_time(), given; what the wall clock says of an end is
 *          reckoned into it by who knows both.
 * Source:  change request 004, 7.2.2.1; A10, A11, A21.
 */
#ifndef LWG_SMS_KEYSET_H
#define LWG_SMS_KEYSET_H

#include "base/attr.h"
#include "sms/profile.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KEYSET_CAUSE_MAX = 24,
	KEYSET_BLOB_MAX = 1024,
	KEYSET_SAVED_MAX = KEYSET_BLOB_MAX + 512,
	KEYSET_TABLE_MAX = 4096,
};

enum keyset_which { KEYSET_CURRENT, KEYSET_NEXT, KEYSET_OF_BEFORE, KEYSET_SETS };
enum keyset_origin {
	KEYSET_PROVISIONED,
	KEYSET_GBA_PUSH,
	KEYSET_SMARTCARD,
	KEYSET_UDP,
	KEYSET_ORIGINS
};

enum keyset_state {
	KEYSET_CONFIRMED,  /* the device has the current keys: nothing is under way */
	KEYSET_REFRESHING, /* others were asked for */
	KEYSET_FRESH,      /* they are here, and to be delivered */
	KEYSET_DELIVERED,  /* the network, or the card, has them */
	KEYSET_STALE,      /* the device has used superseded ones; others are to be asked for */
	KEYSET_EXPIRED,    /* there are none whose time is not over */
	KEYSET_FAILED,     /* others could not be had, or not be delivered; there is another try */
	KEYSET_STATES
};

enum keyset_event {
	KEYSET_WANTED,    /* a Register or Update was answered */
	KEYSET_ORDERED,   /* a person wants others, now */
	KEYSET_OBTAINED,  /* they have come from whom they were asked of */
	KEYSET_REFUSED,   /* they have not, and will not */
	KEYSET_BROUGHT,   /* they have come unasked, by another way, and the device has them */
	KEYSET_TAKEN,     /* the network, or the card, has the delivery */
	KEYSET_UNSENT,    /* it has refused it, or its time was over */
	KEYSET_HEARD,     /* the device has used the current ones, in their time */
	KEYSET_PROVED,    /* ... the next ones, in theirs */
	KEYSET_HEARD_OLD, /* ... superseded ones, or ones whose time is over */
	KEYSET_LEFT,      /* its registration has ended */
	KEYSET_DUE,       /* time: what was put off is to be done */
	KEYSET_OVER,      /* time: that of the current ones is over */
	KEYSET_LATE,      /* time: that of the next ones is over, and nobody has proved them */
	KEYSET_SPENT,     /* time: all tries to deliver are spent */
	KEYSET_EVENTS
};

/* What the caller is to do. */
enum {
	KEYSET_DO_ASK = 1,    /* ask for keys; tell KEYSET_OBTAINED or KEYSET_REFUSED */
	KEYSET_DO_SEND = 2,   /* deliver the next ones (the blob), in the same transaction */
	KEYSET_DO_REFUSE = 4, /* answer 4.00 under the set that the message opened under */
};

struct keyset_keys {
	uint32_t generation; /* rises for ever; 0: there is no such set */
	uint8_t origin;      /* enum keyset_origin */
	struct sms_agreed agreed;
	uint64_t obtained_ms, until_ms; /* until_ms 0: they have no end */
};

struct keyset { /* the holder wipes it */
	uint8_t state;
	uint8_t tries;       /* to deliver the next ones */
	uint8_t fails;       /* to obtain any, one after the other */
	bool over;           /* KEYSET_OVER was told of the current ones */
	uint32_t last;       /* generation that was given */
	uint32_t begun;      /* refreshes since hour_ms */
	uint32_t lifetime_s; /* of the registration, as it was last heard; 0: none was */
	uint64_t hour_ms;
	uint64_t due_ms;     /* 0: nothing is put off */
	uint64_t sent_ms;    /* the last try to deliver */
	uint64_t message;    /* its id in the box out; the caller's */
	uint64_t counted[4]; /* asked, delivered, proved, refused: for people */
	struct keyset_keys set[KEYSET_SETS];
	uint16_t blob_len; /* what delivers the next ones (GPI), or what a card has; opaque */
	char cause[KEYSET_CAUSE_MAX + 1]; /* of the last failure; "": there was none since */
	uint8_t blob[KEYSET_BLOB_MAX];
};

struct keyset_rules {
	uint32_t overlap_ms; /* how long superseded keys are known */
	uint32_t early_ms;   /* so long before their end others are asked for */
	uint32_t answer_ms;  /* then who was asked is asked again */
	uint32_t retry_ms;   /* between two deliveries; twice as long each time ... */
	uint32_t backoff_ms; /* between two questions that failed; twice as long each time ... */
	uint32_t most_ms;    /* ... up to this */
	uint32_t rest_ms;    /* after all tries; 0: for good, until the device is heard */
	uint32_t an_hour;    /* refreshes; 0: no bound */
	uint8_t tries;       /* deliveries of one set */
};

struct keyset_news { /* what goes with an event; zero where nothing does */
	uint64_t now_ms;
	const struct keyset_keys *keys; /* OBTAINED, BROUGHT: but for generation */
	const uint8_t *blob;            /* OBTAINED: what delivers them */
	size_t blob_len;
	const char *cause;   /* REFUSED, UNSENT: a word; cut where it is too long */
	uint32_t retry_s;    /* REFUSED: not before; 0: nobody has said */
	uint32_t lifetime_s; /* WANTED */
};

/* The row of a device that has none: its own keys are the first, or (NULL) there are none, and some
   are due at once. */
void keyset_begin(struct keyset *k, const struct sms_agreed *own, uint64_t now_ms);
/* The bits of KEYSET_DO_* that are to be done. */
unsigned keyset_step(struct keyset *k, const struct keyset_rules *r, enum keyset_event e,
	const struct keyset_news *n);
/* All that time itself tells. More than one may be due; nothing is after it. */
unsigned keyset_time(struct keyset *k, const struct keyset_rules *r, uint64_t now_ms);
/* When keyset_time() is to be called; UINT64_MAX: never. */
uint64_t keyset_next_ms(const struct keyset *k);

/* What a message that opened under this set tells. */
enum keyset_event keyset_heard(const struct keyset *k, enum keyset_which under, uint64_t now_ms);
/* Under which is to be sent; NULL: under none. */
const struct keyset_keys *keyset_sends(const struct keyset *k, uint64_t now_ms);
/* May what was asked for last for so long, at most: the smaller one of the two that are not 0. */
uint32_t keyset_lifetime(const struct keyset *k, uint32_t configured_s);

/* Its length; 0: cap is less than KEYSET_SAVED_MAX. */
MUST_USE size_t keyset_save(const struct keyset *k, uint8_t *out, size_t cap);
MUST_USE bool keyset_load(const uint8_t *octets, size_t len, struct keyset *k);

const char *keyset_state_name(uint8_t state);
const char *keyset_event_name(uint8_t event);
const char *keyset_origin_name(uint8_t origin);
/* The transitions as a table of markdown; its length, 0: cap is less than KEYSET_TABLE_MAX. */
MUST_USE size_t keyset_table(char *out, size_t cap);

#endif
