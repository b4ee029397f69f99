/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/open_air: CoAP from devices without DTLS: what a message of an address that is not known
 *                 says, whether an address is where it says it is, and how much may be sent there.
 *
 * Who has no session may begin one (Register, Bootstrap-Request, with an ep=), and nothing else;
 * who is not known at an address registers there, whatever it was elsewhere.
 *
 * An address is right when it has repeated an Echo value of ours, or has answered a request of its
 * server by the token, of at least AIR_TOKEN_MIN octets, which nobody else was sent. Until then no
 * more than three times of what came from there goes there.
 *
 * Promise: total and bounded (I7). What is answered to an address without a session is never more
 *          than three times what it has sent, and takes no memory (I9). An Echo value is good for
 *          one address, for AIR_ECHO_MS, in this process.
 * Errors:  nothing is sent rather than too much.
 * Threads: any. The clock is told; no I/O, no allocation.
 * Source: ; RFC 9175 sections 2.2 to 2.6; RFC 7252 sections 4.2, 4.3, 4.5, 9,
 *          11.3.
 */
#ifndef LWG_PROXY_OPEN_AIR_H
#define LWG_PROXY_OPEN_AIR_H

#include "base/attr.h"
#include "base/net.h"
#include "proxy/coap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sip_key;

enum {
	AIR_FACTOR = 3,       /* RFC 9175 section 2.6 */
	AIR_ECHO = 12,        /* octets: 4 of time, 8 of a keyed hash */
	AIR_ECHO_MS = 300000, /* a slow radio repeats for 247 s */
	AIR_ANSWER_MAX = 32,  /* longest message of our own */
	AIR_ENDPOINT_MAX = 128,
	AIR_TOKEN_MIN = 4,
	AIR_TOKENS = 4,
	AIR_COPIES = 8,
	AIR_NON_MS = 145000, /* NON_LIFETIME, RFC 7252 section 4.8.2 */
};

enum air_kind {
	AIR_NOTHING,    /* to be ignored */
	AIR_RESETS,     /* to be answered with RST */
	AIR_BEGINS,     /* Register or Bootstrap-Request of `endpoint` */
	AIR_NAMELESS,   /* the same, with no name, several, or one that nobody has */
	AIR_REGISTERED, /* of somebody who is registered: an Update, say */
	AIR_ASKS,       /* any other request */
	AIR_ANSWERS,    /* a response */
	AIR_EMPTY,      /* an ACK or RST without anything */
};

struct air_look {
	enum air_kind kind;
	struct pdu m;        /* of what can be read */
	const uint8_t *echo; /* NULL: none, or several */
	size_t echo_len;
	char endpoint[AIR_ENDPOINT_MAX + 1]; /* of AIR_BEGINS; no NUL in it */
};

void air_read(const uint8_t *msg, size_t len, struct air_look *out);

/* --- the address ------------------------------------------------------------------------------ */

void air_echo(const struct sip_key *key, const struct net_addr *peer, uint64_t now_ms,
	uint8_t out[AIR_ECHO]);
MUST_USE bool air_echo_good(const struct sip_key *key, const struct net_addr *peer,
	const struct air_look *l, uint64_t now_ms);

struct air_said {            /* what is answered to a request, or to anything */
	uint8_t code;        /* 0: RST */
	const uint8_t *echo; /* AIR_ECHO octets; NULL: none */
	uint16_t mid;        /* of a NON of ours */
};
/* The length of the answer; 0: none is to be sent: it would be more than AIR_FACTOR times of what
   came, or is not wanted. */
MUST_USE size_t air_answer(
	const struct air_look *to, const struct air_said *said, uint8_t out[AIR_ANSWER_MAX]);

/* --- who has a session ------------------------------------------------------------------------ */

struct air_token {
	uint8_t len; /* 0: none */
	uint8_t octets[PDU_TOKEN_MAX];
};

struct air_flow {           /* of one address; zeroed: nothing has come */
	uint64_t got, sent; /* octets */
	bool proved;        /* the address is right */
	bool starved;       /* something was not sent, for want of that */
	uint8_t next_token, next_copy;
	struct air_token tokens[AIR_TOKENS];
	uint64_t copies_until_ms[AIR_COPIES];
	uint16_t copies[AIR_COPIES]; /* message ids of NONs, until then */
};

/* False: it is a copy that its receiver must not see again. A CON's copies pass, as their receiver
   knows them by their message id, which is the device's own. */
MUST_USE bool air_takes(struct air_flow *f, const struct air_look *l, size_t len, uint64_t now_ms);
/* False: it may not be sent there, yet. Counts, and remembers what is asked. */
MUST_USE bool air_may_send(struct air_flow *f, const uint8_t *msg, size_t len);

#endif
