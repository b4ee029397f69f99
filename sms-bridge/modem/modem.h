/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/modem: a way to the network by a modem's AT commands in PDU mode.
 *
 * Promise: as of sms-bridge/way. One command at a time, each with a time-out; unsolicited lines
 *          (+CMT, +CMTI, +CDS) anywhere between, also between prompt and answer; a prompt that does
 *          not come is left with ESC; storage (CMTI, CMGL) where nothing comes directly, and what
 *          is there at the beginning; +CNMA only where +CSMS allows it, and only when taken: what
 *          is not taken is fetched or delivered again. Lines are bounded, as is what waits.
 *          A class 2 message, PID 7F, never comes this way: a modem hands it to the card.
 * Calls:   down() is also for a modem that could not be opened (without up()), and always brings a
 *          close(), which says when to try again. One segment is under way at a time. leave() has
 *          the modem keep what comes, within 5 s. A PIN that was refused, or whose end nobody
 *          knows, is never entered again by the same way: keep it over what closes, and a
 *          modem_pin_book over what ends the process.
 * Source:  TS 27.005; TS 27.007.
 */
#ifndef LWG_SMS_BRIDGE_MODEM_H
#define LWG_SMS_BRIDGE_MODEM_H

#include "sms-bridge/way.h"

/* What is known of the PIN for longer than a process lasts; zeroed: nothing is. */
struct modem_pin_book {
	void *ctx;
	bool (*enter)(void *ctx); /* it is written down; false: it must not be entered */
	void (*entered)(void *ctx, bool good); /* the card is open, or it has refused */
};

struct modem_settings {               /* copied; the PIN is wiped with it */
	char pin[9];                  /* digits; "": none is entered */
	struct wire_number own, smsc; /* len 0: as the card has it */
	uint32_t command_ms;          /* the answer to a command; 5000 */
	uint32_t send_ms;             /* to AT+CMGS after its octets; 60000 */
	uint32_t register_ms;         /* on a network; then it begins again; 120000 */
	uint32_t again_min_ms, again_max_ms;
	uint32_t seed;
	struct modem_pin_book pin_book;
};
struct modem_settings modem_settings_default(void);
MUST_USE struct way *modem_new(const struct modem_settings *s, const struct way_owner *o);

#endif
