/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_keys_run: what happens to the sets of keys of one device by short messages, in one
 *                       transaction of the store.
 *
 * The row is read, what time tells is told (sms/keyset), then the event; what follows is written
 * with the row: the counter and the box in of a message that came, the refusal of one that came too
 * late, and the push that delivers new keys. What must leave the store (a question to the BSF,
 * messages to the bridge) is told to the caller, who does it when all is durable.
 *
 *   event, or a message and the set that it opened under ──▶ gw_keys_run() ──▶ row, counters, boxes
 *                                                                └▶ ask, messages out
 *
 * Promise: all of it or nothing: a process that ends anywhere finds the row before or the row
 *          after, and the messages that belong to it. No message is taken under a set that is
 *          superseded or whose time is over; it is refused with 4.00 under that same set, once, as
 *          its counter moves as well. A push that finds no room is tried again as one that the
 *          network refused.
 * Errors:  as of store/sms. STORE_STALE: the set has gone, or the counter was there: nothing has
 *          changed. STORE_NONE: the credential is no such one.
 * Memory:  struct gw_keys_change has keys; its holder wipes it.
 * Threads: gw_keys_run(): the writer's. A change belongs to one transaction.
 * Source:  sms/keyset; gba/gpi_push; change request 004, 7.2.2.1.
 */
#ifndef LWG_GATEWAY_SMS_KEYS_RUN_H
#define LWG_GATEWAY_SMS_KEYS_RUN_H

#include "base/attr.h"
#include "sms/keyset.h"
#include "sms/packet.h"
#include "store/credential.h"
#include "store/sms.h"
#include "store/sms_keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GW_KEYS_REFUSAL_MAX = 16, GW_KEYS_OUT = 3 };

struct gw_keys_settings { /* of all devices */
	struct keyset_rules rules;
	uint32_t valid_s; /* how long the network is to try */
	uint32_t a_day;   /* segments to one device; 0: no bound */
	uint8_t tag;      /* of the envelope */
	bool allow_3des;
};

struct gw_keys_change { /* the holder wipes it */
	const struct gw_keys_settings *settings;
	struct sms_cipher *cipher; /* of this change alone; may be NULL if nothing is refused */
	uint32_t cred;
	uint64_t now_ms;         /* store_time() */
	enum keyset_event event; /* KEYSET_EVENTS: time alone; of a message it is not looked at */
	struct keyset_news news; /* now_ms is set here */
	/* TAKEN, UNSENT: what became of this one of the box out, which goes; only that of the
	   delivery that is under way changes anything. */
	uint64_t message;
	/* A message that opened under `under` (a generation; 0: there is none). */
	uint32_t under;
	uint64_t counter;
	struct store_sms_message *in; /* as for store_sms_take() */
	/* An answer of its smartcard (a response packet), which is no event. */
	const uint8_t *card; /* NULL: there is none */
	size_t card_len;
	uint8_t peer[STORE_SMS_NUMBER_MAX], own[STORE_SMS_NUMBER_MAX]; /* of what goes out */
	uint8_t refusal[GW_KEYS_REFUSAL_MAX]; /* CoAP, see gw_keys_refusal() */
	size_t refusal_len;                   /* 0: it is none that is answered */

	/* What has become of it. */
	bool taken;          /* the message is in the box in */
	bool ask;            /* the source is to be asked, for so long: */
	uint32_t lifetime_s; /* of the registration; 0: it is not known */
	uint8_t was, is;     /* enum keyset_state */
	bool moved;          /* state, cause or current generation are others than before */
	uint32_t generation; /* of the current set; 0: there is none */
	char cause[KEYSET_CAUSE_MAX + 1];
	struct store_sms_message out[GW_KEYS_OUT]; /* in the box out, with their ids */
	size_t out_len;
};

enum store_result gw_keys_run(struct store_txn *t, struct gw_keys_change *x);

/* What surrounds a credential's keys, whichever they are: all but these. */
struct sms_agreed gw_keys_around(const struct store_cred *c);
/* The sets as they are, or as they begin with this credential's own keys. *is: there is a row.
   STORE_NONE: it is no credential of secured packets. */
MUST_USE enum store_result gw_keys_load(struct store_reader *r, const struct store_cred *c,
	uint64_t now_ms, struct keyset *out, bool *is);

/* 4.00 to a request; its length. 0: it is no request, or wants no such answer (RFC 7967). mid: of
   an answer that is not in an ACK. */
MUST_USE size_t gw_keys_refusal(
	const uint8_t *coap, size_t len, uint16_t mid, uint8_t out[GW_KEYS_REFUSAL_MAX]);

/* Under which of the sets that a row has a packet opens: KEYSET_SETS: under none. current, next,
   stale, in this order, each at most once; superseded ones whose time is over are not tried. packet
   is deciphered in place if it is one of them, and is as it was if not. */
MUST_USE enum keyset_which gw_keys_open(const struct keyset *k, bool allow_3des, uint64_t now_ms,
	struct sms_cipher *cipher, uint8_t *packet, size_t len, struct sms_opened *out);
/* How many short messages a push takes. */
uint8_t gw_keys_push_segments(size_t len);

#endif
