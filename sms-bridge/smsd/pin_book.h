/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/pin_book: how often a card's PIN was entered, in a file: a start does not know what the ones
 *                before it did, and the third wrong one locks the card.
 *
 * Promise: an entry is on the disk before it is made. What a card has refused is never entered
 *          again; where the end is not known (power went), once more, and no third time. The file
 *          goes when the card is open, or when the operator removes it. It has no PIN in it.
 * Errors:  what cannot be read or written down counts as refused, and the log says so.
 * Threads: one. Blocks for the disk.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_PIN_BOOK_H
#define LWG_SMS_BRIDGE_SMSD_PIN_BOOK_H

#include "base/log.h"
#include "sms-bridge/modem/modem.h"
#include "sms-bridge/smsd/settings.h"

enum { PIN_BOOK_NAME = sizeof("/pin-") + (size_t)2 * WIRE_NAME_MAX };

struct pin_book {
	char folder[SETTINGS_PATH_MAX];
	char file[SETTINGS_PATH_MAX + PIN_BOOK_NAME];
	const struct log *log;
};

/* Of the way of this name; log stays. */
void pin_book_of(struct pin_book *b, const char *folder, const char *way, const struct log *log);
/* For a modem; b stays. */
struct modem_pin_book pin_book_for_modem(struct pin_book *b);

#endif
