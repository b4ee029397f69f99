/* SPDX-License-Identifier: Apache-2.0 */
/* gateway/sms_keys_parts: what the files of one change of a device's keys share. For them only; see
   gateway/sms_keys_run.h. */
#ifndef LWG_GATEWAY_SMS_KEYS_PARTS_H
#define LWG_GATEWAY_SMS_KEYS_PARTS_H

#include "base/attr.h"
#include "gateway/sms_keys_run.h"
#include "sms/card.h"
#include "store/credential.h"

struct gw_keys_row { /* its user wipes it */
	struct keyset k;
	uint64_t proved;
	bool has_card;        /* its keys are written into a smartcard ... */
	struct store_ota ota; /* ... by these */
};

uint64_t gw_keys_hash(struct store_txn *t, const uint8_t *key, size_t len);
/* The next of x->out, empty but for whose it is. */
struct store_sms_message *gw_keys_message(struct gw_keys_change *x);
/* What an event asks for. */
enum store_result gw_keys_act(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r, unsigned does);

/* --- sms_keys_card.c: in a transaction -------------------------------------------------------- */

/* The next packet goes out, if it is time for it; a delivery that was given up, or that only the
   network has taken, begins anew. */
enum store_result gw_keys_card_send(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r);
/* Time for a packet, and what follows from that. */
enum store_result gw_keys_card_time(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r);
/* x->card. STORE_STALE: it is no answer of this card, or answers nothing that is under way. */
enum store_result gw_keys_card_answer(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r);
/* What became of x->message, which may be a packet's. */
enum store_result gw_keys_card_network(
	struct store_txn *t, struct gw_keys_change *x, struct gw_keys_row *r, bool has);
/* The device has used what the card was to get. */
void gw_keys_card_proved(struct gw_keys_change *x, struct gw_keys_row *r);
/* It has said itself that it has the next ones. */
bool gw_keys_card_has_it(const struct gw_keys_row *r);
/* After all tries: the cause is the card's, if that has not got them. */
void gw_keys_card_name(struct gw_keys_row *r);
/* When the card wants to be looked at; UINT64_MAX: never. */
uint64_t gw_keys_card_due_ms(const struct gw_keys_row *r);

#endif
