/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/radio: how patient CoAP is on a device's way: the transmission parameters of RFC 7252
 * section 4.8 by the class of the radio, and the spans that follow from them.
 *
 * Model:   RELAY_ETHERNET has the RFC's own parameters: nothing stands between device and server,
 *          their messages pass as they come. The others are slower than the server's timers, so the
 *          relay stands between (see proxy/governor).
 * Promise: ACK_TIMEOUT is never below the RFC's 2 s, nor ACK_RANDOM_FACTOR below 1 (section 4.8.1);
 *          NSTART is 1.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  RFC 7252 sections 4.8, 4.8.1, 4.8.2; RFC 7925 section 11 (9 s for DTLS: a first answer
 *          over NB-IoT may take that long).
 */
#ifndef LWG_PROXY_RADIO_H
#define LWG_PROXY_RADIO_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum relay_radio_class {
	RELAY_ETHERNET,
	RELAY_LTE_M,
	RELAY_NB_IOT,
	RELAY_SMS,
	RELAY_RADIOS, /* how many there are */
};

struct relay_radio {
	bool governed; /* the relay repeats by this leg's own timers, and passes on no copies */
	uint8_t max_retransmit;
	uint16_t random_percent; /* ACK_RANDOM_FACTOR in hundredths */
	uint32_t ack_timeout_ms;
	/* These follow (section 4.8.2). */
	uint32_t transmit_span_ms;     /* from the first copy to the last */
	uint32_t transmit_wait_ms;     /* from the first copy until nobody waits for an ACK */
	uint32_t exchange_lifetime_ms; /* so long a message id means one exchange */
};

enum {
	RELAY_RADIO_TIMEOUT_MIN_MS = 2000,
	RELAY_RADIO_TIMEOUT_MAX_MS = 120000,
	RELAY_RADIO_PERCENT_MAX = 300,
	RELAY_RADIO_RETRANSMIT_MAX = 8,
};

/* What is outside the limits above is taken for the nearest inside. Governed. */
struct relay_radio relay_radio_make(
	uint32_t ack_timeout_ms, uint16_t random_percent, uint8_t max_retransmit);
/* The preset of a class; it lives for ever. */
const struct relay_radio *relay_radio_of(enum relay_radio_class c);
/* "ethernet", "lte-m", "nb-iot", "sms" */
const char *relay_radio_name(enum relay_radio_class c);
/* False: no class has that name. */
MUST_USE bool relay_radio_named(const char *name, enum relay_radio_class *out);

#endif
