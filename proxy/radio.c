/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/radio.h"

#include <stddef.h>
#include <string.h>

enum { MAX_LATENCY_MS = 100000 }; /* RFC 7252 section 4.8.2 */

/* As in RFC 7252 section 4.8.2, with PROCESSING_DELAY = ACK_TIMEOUT. */
#define SPAN_MS(timeout, percent, tries) ((timeout) / 100 * ((1U << (tries)) - 1) * (percent))
#define WAIT_MS(timeout, percent, tries) ((timeout) / 100 * ((2U << (tries)) - 1) * (percent))
#define LIFETIME_MS(timeout, percent, tries)                                                       \
	(SPAN_MS(timeout, percent, tries) + 2 * MAX_LATENCY_MS + (timeout))

#define RADIO(on, timeout, percent, tries)                                                         \
	{                                                                                          \
		.governed = (on), .max_retransmit = (tries), .random_percent = (percent),          \
		.ack_timeout_ms = (timeout), .transmit_span_ms = SPAN_MS(timeout, percent, tries), \
		.transmit_wait_ms = WAIT_MS(timeout, percent, tries),                              \
		.exchange_lifetime_ms = LIFETIME_MS(timeout, percent, tries),                      \
	}

static const struct row {
	const char *name;
	struct relay_radio radio;
} rows[RELAY_RADIOS] = {
	[RELAY_ETHERNET] = { "ethernet", RADIO(false, 2000U, 150U, 4U) },
	/* Round trips of 10 to 15 ms awake, some seconds out of extended idle. */
	[RELAY_LTE_M] = { "lte-m", RADIO(true, 4000U, 150U, 4U) },
	/* Round trips of up to 10 s at the cell's edge, where each message is repeated by the
	   radio itself. */
	[RELAY_NB_IOT] = { "nb-iot", RADIO(true, 10000U, 150U, 4U) },
	/* The service centre keeps what could not be delivered: few tries, far apart. */
	[RELAY_SMS] = { "sms", RADIO(true, 30000U, 150U, 2U) },
};

static uint32_t within(uint32_t v, uint32_t min, uint32_t max)
{
	if (v < min)
		return min;
	return v < max ? v : max;
}

struct relay_radio relay_radio_make(
	uint32_t ack_timeout_ms, uint16_t random_percent, uint8_t max_retransmit)
{
	const uint32_t timeout =
		within(ack_timeout_ms, RELAY_RADIO_TIMEOUT_MIN_MS, RELAY_RADIO_TIMEOUT_MAX_MS);
	const uint32_t percent = within(random_percent, 100, RELAY_RADIO_PERCENT_MAX);
	const uint32_t tries = within(max_retransmit, 0, RELAY_RADIO_RETRANSMIT_MAX);
	return (struct relay_radio){
		.governed = true,
		.max_retransmit = (uint8_t)tries,
		.random_percent = (uint16_t)percent,
		.ack_timeout_ms = timeout,
		.transmit_span_ms = SPAN_MS(timeout, percent, tries),
		.transmit_wait_ms = WAIT_MS(timeout, percent, tries),
		.exchange_lifetime_ms = LIFETIME_MS(timeout, percent, tries),
	};
}

const struct relay_radio *relay_radio_of(enum relay_radio_class c)
{
	return &rows[c].radio;
}

const char *relay_radio_name(enum relay_radio_class c)
{
	return rows[c].name;
}

bool relay_radio_named(const char *name, enum relay_radio_class *out)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*out = (enum relay_radio_class)i;
			return true;
		}
	}
	return false;
}
