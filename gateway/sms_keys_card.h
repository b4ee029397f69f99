/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_keys_card: fresh keys for a device whose smartcard is to have them: random ones, and
 *                        the file that brings them there (EF_LWM2M_Bootstrap).
 *
 * The gateway cannot know what an operator has put into a card's file, so he says it: the file of
 * sms_keys.card_file, one for all cards, in which the account of this gateway gets the keys, and
 * the rest stays as it is. What was proved to be in a card is remembered, and only what differs is
 * written the next time.
 *
 * How it is delivered is sms/card's; the state of that lies in the row of the device's keys
 * (keyset.blob) and changes in the transaction that has its packets (sms_keys_run).
 *
 * Promise: keys are of the system's random source, unequal halves, and no weak key of 3DES.
 * Errors:  gw_keys_card_make(): KEYSET_REFUSED with a cause.
 * Memory:  keys and blob are secret; their holder wipes them.
 * Threads: any.
 * Source: ; LwM2M Core appendix G; TS 102 226.
 */
#ifndef LWG_GATEWAY_SMS_KEYS_CARD_H
#define LWG_GATEWAY_SMS_KEYS_CARD_H

#include "base/attr.h"
#include "sms/card.h"
#include "sms/keyset.h"
#include "store/credential.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_error;
struct gw_keys_settings;

struct gw_card_file { /* what a card has, but for the keys; len 0: nobody has said it */
	size_t len;
	uint8_t octets[CARD_FILE_MAX];
};

/* path NULL: none. False: it cannot be read, or has no account that is meant (*error). number: the
   gateway's own, or NULL. */
MUST_USE bool gw_card_file_read(
	const char *path, const char *number, struct gw_card_file *out, struct conf_error *error);

struct gw_card_wish {
	const struct store_cred *cred;
	const struct keyset *now; /* of the device: what its card has */
	const struct gw_card_file *file;
	const char *number;  /* the gateway's own, or NULL */
	uint32_t lifetime_s; /* of the registration; 0: it is not known */
	uint64_t now_ms;     /* store_time() */
	const struct gw_keys_settings *settings;
};
/* KEYSET_OBTAINED with keys and blob, or KEYSET_REFUSED. news points to them. */
enum keyset_event gw_keys_card_make(const struct gw_card_wish *w, struct keyset_keys *keys,
	uint8_t blob[KEYSET_BLOB_MAX], struct keyset_news *news);

#endif
