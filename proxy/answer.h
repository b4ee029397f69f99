/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/answer: what the relay itself says to either side, in CoAP, and its count.
 *
 * Promise: an answer to a CON is piggybacked, one to a NON is a NON (RFC 7252 section 5.2); nothing
 *          is said to a sender that wanted no answer of that class, except that a refused
 *          CON is acknowledged, so that it ends.
 * Errors:  a channel that takes no answer loses it; the sender will ask again. A diagnostic that
 *          does not fit the channel is cut off.
 * Threads: the worker of the relay.
 */
#ifndef LWG_PROXY_ANSWER_H
#define LWG_PROXY_ANSWER_H

#include "proxy/device.h"

#include <stdbool.h>
#include <stdint.h>

struct answer {
	uint8_t code;       /* 4.xx or 5.xx */
	const char *why;    /* the diagnostic payload */
	uint32_t max_age_s; /* 0: not said */
	bool has_block1;
	uint32_t block1; /* the option's value: see proxy/block */
};

/* 5.03 for a request to a device that sleeps, in asleep.c. */
struct answer relay_asleep_answer(const struct relay *r);
/* To a request that came from that side. */
void answer_request(
	struct relay_device *d, enum side to, const struct pdu *request, const struct answer *a);
/* In place of a response that side waits for: piggybacked where the response was, else a NON. */
void answer_instead(
	struct relay_device *d, enum side to, const struct pdu *response, const struct answer *a);
/* For a request that is no longer at hand. */
void answer_exchange(
	struct relay_device *d, enum side to, const struct exchange *e, const struct answer *a);
void answer_reset(struct relay_device *d, enum side to, uint16_t mid);
/* Is this an ACK or RST for a message of ours to that side? */
MUST_USE bool answer_is_ours(struct relay_device *d, enum side from, const struct pdu *m);

#endif
