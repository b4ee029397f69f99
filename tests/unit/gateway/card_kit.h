/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/gateway/card_kit: keys on their way to a smartcard: a real store, a process that ends
 *                              before and behind each transaction, and a card that is made up here.
 *
 * Errors:  a cmocka failure.
 * Threads: one.
 */
#ifndef LWG_TEST_CARD_KIT_H
#define LWG_TEST_CARD_KIT_H

#include "gateway/sms_keys_card.h"
#include "gateway/sms_keys_run.h"
#include "gateway/sms_parts.h"
#include "unit/gateway/cellar.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CARDKIT_KEYS = 32,
	CARDKIT_SMALL = 200, /* a file of one packet ... */
	CARDKIT_LARGE = 400, /* ... and of more */
	CARDKIT_TRIES = 4,
	CARDKIT_MOST = 200
};
#define CARDKIT_MINUTE UINT64_C(60000)
#define CARDKIT_HOUR   (60 * CARDKIT_MINUTE)

struct cardkit_card {
	struct sms_settings ota;
	uint64_t counter;
	size_t executed; /* packets */
	uint8_t status;  /* instead of 00 */
	uint8_t file[CARD_FILE_MAX];
};

struct cardkit {
	struct cellar *c;
	struct store *s;
	struct store_reader *r;
	struct sms_cipher *cipher;
	struct store_cred cred;
	struct gw_card_file file;
	struct gw_keys_settings settings;
	struct cardkit_card card;
	uint64_t now, id;
	struct gw_keys_change last, as;
	struct store_sms_keys before, after, stored; /* as it was looked at last */
	struct keyset row;
	struct card_state delivery;
	uint8_t answer[GW_SMS_MO_MAX];
};

/* setup and teardown of a cmocka test; the store is there, and its device has a card. */
int cardkit_begin(void **state);
int cardkit_end(void **state);
/* What protects the way to the card; 0: it is to answer nothing. */
void cardkit_agree(struct cardkit *l, uint8_t spi2);
/* What an operator has put there: an account whose keys are nothing, in a file of this length. */
void cardkit_personalise(struct cardkit *l, size_t len);

/* What is there; each looks anew. */
const struct store_sms_keys *cardkit_stored(struct cardkit *l);
const struct keyset *cardkit_row(struct cardkit *l);
const struct card_state *cardkit_delivery(struct cardkit *l);
uint64_t cardkit_until_due(struct cardkit *l);
uint64_t cardkit_ota_out(struct cardkit *l);
unsigned cardkit_boxes(struct cardkit *l, bool in);

struct gw_keys_change *cardkit_change(struct cardkit *l, enum keyset_event e);
/* l->last. The process ends just before it is durable, is there again, and does it; and ends then,
   too. What is not taken changes nothing. */
enum store_result cardkit_does(struct cardkit *l);
void cardkit_passes(struct cardkit *l, uint64_t ms);
void cardkit_network(struct cardkit *l, enum keyset_event e, uint64_t id);
void cardkit_wants(struct cardkit *l);
/* Fresh keys, and the first packet. */
void cardkit_obtains(struct cardkit *l);
void cardkit_begins(struct cardkit *l); /* both */

/* What has gone out comes to the card; the length of l->answer, 0: it wants none. */
size_t cardkit_gets(struct cardkit *l, const struct store_sms_message *m);
enum store_result cardkit_hears(struct cardkit *l, const uint8_t *answer, size_t len);
/* Till the card has all of it: each packet is taken by the network, and answered. Their number. */
unsigned cardkit_brings(struct cardkit *l);
void cardkit_has_it(struct cardkit *l);
/* The device uses this set, and is answered. */
void cardkit_uses(struct cardkit *l, const struct keyset_keys *under, uint64_t counter);

#endif
