/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/exchange: the few requests of one device whose answers the relay must recognise or miss.
 *
 * An exchange stays for a while after its answer, so that what follows (the same answer again, the
 * ACK of a separate one) is known. Where there is no room the oldest falls out, answered ones
 * first.
 *
 * Promise: an answer belongs to an exchange only by its token and, piggybacked, its message id (RFC
 *          7252 5.3.2).
 * Memory:  one table per device, from a pool of the relay, there only while it holds something; at
 *          most EXCHANGE_MAX of each device.
 * Errors:  no memory: NULL.
 * Threads: the worker of the relay.
 */
#ifndef LWG_PROXY_EXCHANGE_H
#define LWG_PROXY_EXCHANGE_H

#include "base/attr.h"
#include "proxy/coap.h"
#include "proxy/registration.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool;

enum { EXCHANGE_MAX = 4 };

struct exchange {
	uint64_t due_ms; /* unanswered: 5.04 to the device; answered: to be forgotten */
	struct registration_request request;
	uint32_t born;     /* order of arrival */
	uint32_t first_ms; /* the first due_ms, of which these bits are enough */
	uint16_t mid;
	uint16_t server_mid; /* of the separate answer */
	uint8_t token[PDU_TOKEN_MAX];
	uint8_t token_len;
	bool used;
	bool confirmable;
	bool acked; /* the device got an empty ACK: what follows is a separate response */
	bool answered;
	bool settled; /* its answer has had its effect before */
	bool has_server_mid;
	bool no_5xx;   /* RFC 7967 */
	bool doubtful; /* its answer may be to another request: it changes no registration */
};

struct exchange_table {
	struct pool *home; /* where it goes back to */
	struct exchange slots[EXCHANGE_MAX];
	uint32_t births;
	uint8_t claimant;               /* slot whose path `claim` is */
	char claim[RELAY_LOCATION_MAX]; /* "": nobody claims */
};

/* Opens an exchange, in a table from home if there is none; a retransmission opens its own again,
   with its first due_ms unless it was answered already. */
MUST_USE struct exchange *exchange_open(struct pool *home, struct exchange_table **t,
	const struct pdu *request, const struct registration_request *what, uint64_t due_ms);
/* The ones below take a NULL table for an empty one, and give NULL for none. */
struct exchange *exchange_of_mid(struct exchange_table *t, uint16_t mid);
struct exchange *exchange_of_answer(struct exchange_table *t, const struct pdu *answer);
struct exchange *exchange_of_server_mid(struct exchange_table *t, uint16_t mid);
/* The one that a copy of this request has opened, answered or not. */
struct exchange *exchange_of_copy(struct exchange_table *t, const struct pdu *m);
/* A Register, or an Update of a location that is not known here, waits for its answer: the server
   may take it as done before the device or we hear of it. */
MUST_USE bool exchange_registering(const struct exchange_table *t);
/* Somebody waits for an answer. What is answered is only kept for those who ask or answer again. */
MUST_USE bool exchange_pending(const struct exchange_table *t);
uint32_t exchange_pending_count(const struct exchange_table *t);
/* The location that e claims; NULL: none, or forgotten. */
const char *exchange_claim(const struct exchange_table *t, const struct exchange *e);
/* One that is due; closing it is the caller's. */
struct exchange *exchange_due(struct exchange_table *t, uint64_t now_ms);
uint64_t exchange_next_ms(const struct exchange_table *t);
void exchange_close(struct exchange_table **t, struct exchange *e);
void exchange_clear(struct exchange_table **t);

#endif
