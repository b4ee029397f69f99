/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/question: a CoAP request of our own to a device. Who answers it receives what we send,
 *                   here and now: it proves a window (S12) and an address.
 *
 * It is a CON GET with a random token, of a resource that no device has: whatever it answers, 4.04
 * most likely, has the token. The Echo option (RFC 9175) would show as much, but a server may only
 * ask for it when the client makes a request, and clients of LwM2M do not repeat one for it; to
 * answer requests is what each of them can.
 *
 * Promise: nobody who has not read the request has its answer, but with a chance of 2^-64. Its
 *          message id is none that the server has used in the last 16,384 messages, or will in the
 *          next, if that counts: what the device remembers of the one (for 247 s) would be its
 *          answer to the other. The matcher is total: it reads no further than len.
 * Errors:  none.
 * Threads: any; no clock, no I/O, no allocation.
 * Source:  RFC 7252 sections 3, 4.2, 4.4, 4.5, 5.2.2 and 5.3.1.
 */
#ifndef LWG_GATEWAY_QUESTION_H
#define LWG_GATEWAY_QUESTION_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GW_QUESTION_TOKEN = 8,
	GW_QUESTION_LEN = 4 + GW_QUESTION_TOKEN + 4, /* what dtls_send_to() has in reserve */
	GW_THANKS_LEN = 4,
};

struct gw_question {
	uint8_t token[GW_QUESTION_TOKEN]; /* random */
	uint8_t mid[2];
};

struct gw_question_mids { /* what the server has begun on this association */
	bool known;
	uint16_t last;
};

/* A message on its way from the server to the device. */
void gw_question_mids_see(struct gw_question_mids *m, const uint8_t *msg, size_t len);
enum { GW_QUESTION_RANDOM = GW_QUESTION_TOKEN + 2 };
/* A new one, of octets that nobody else has. */
void gw_question_draw(struct gw_question *q, const struct gw_question_mids *m,
	const uint8_t random[GW_QUESTION_RANDOM]);

/* The same each time: a repetition is one (RFC 7252 4.2). */
void gw_question_write(const struct gw_question *q, uint8_t out[GW_QUESTION_LEN]);

enum gw_reply {
	GW_REPLY_NONE,   /* it has nothing to do with the question */
	GW_REPLY_HEARD,  /* an empty ACK, or a reset: it need not be repeated, and proves nothing */
	GW_REPLY_ANSWER, /* a response with its token */
};
enum gw_reply gw_question_reply(const struct gw_question *q, const uint8_t *msg, size_t len);
/* What acknowledges an answer that came by itself. False: it needs none. */
MUST_USE bool gw_question_thanks(const uint8_t *msg, size_t len, uint8_t out[GW_THANKS_LEN]);

#endif
