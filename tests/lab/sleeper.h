/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/sleeper: sessions that nobody ever shook hands for. Addresses and both sides' keys follow
 *              from a number, so that a store can be filled with them and each of them can be
 *              spoken for.
 *
 * Session i has its device at address i of 127.128.0.0/9, and its link starts from address i of
 * 127.64.0.0/10. Each direction has sent SLEEPER_NUMBER records.
 *
 * Threads: any. Allocation: none.
 */
#ifndef LWG_LAB_SLEEPER_H
#define LWG_LAB_SLEEPER_H

#include "base/attr.h"
#include "base/net.h"
#include "dtls/guard.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	SLEEPERS_MAX = 1 << 22,
	SLEEPER_NUMBER = 4,
	SLEEPER_NAME_MAX = 48,
	SLEEPER_RECORD_MORE = DTLS_RECORD_HEADER + 16, /* a record of CCM_8 beyond its text */
};

enum sleeper_leg { SLEEPER_DEVICE, SLEEPER_LINK };

struct sleeper_keys { /* the gateway's */
	struct dtls_key in, out;
};

/* False: the library failed. */
MUST_USE bool sleeper_keys(uint32_t number, enum sleeper_leg leg, struct sleeper_keys *out);
struct net_addr sleeper_device(uint32_t number, uint16_t port);
struct net_addr sleeper_link(uint32_t number, uint16_t port);
/* "urn:lwgate:sleeper-0000001", and what the server calls its registration: "rd/1". */
void sleeper_endpoint(uint32_t number, char out[SLEEPER_NAME_MAX]);
void sleeper_location(uint32_t number, char out[SLEEPER_NAME_MAX]);

/* One UDP message as a record of application data; returns its length, 0: the library failed. out
   has room for len + SLEEPER_RECORD_MORE. */
MUST_USE size_t sleeper_seal(struct dtls_guards *g, const struct dtls_key *key, uint64_t seq,
	const uint8_t *msg, size_t len, uint8_t *out);
/* Opens the first record of a datagram in place; false: it is not application data under that
   key. */
MUST_USE bool sleeper_open(struct dtls_guards *g, const struct dtls_key *key, uint8_t *datagram,
	size_t len, uint8_t **msg, size_t *msg_len);

#endif
