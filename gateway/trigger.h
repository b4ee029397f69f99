/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/trigger: a device is told to begin something by itself: Execute of a trigger of its LwM2M
 *                  Server object, in the server's place.
 *
 * It is how a device gets new keys for short messages by DTLS: it asks its bootstrap server again,
 * which writes them; see gateway/sms_keys_udp. And how a device that sleeps is told by a
 * short message to come; see gateway/sms.
 *
 * It is a NON POST that asks for no answer (RFC 7967): what is lost is asked again by who wanted
 * it. A device that answers all the same is heard by the server, to which the token says nothing;
 * it is random, and the message id is none that the server uses now (gateway/question).
 *
 * Promise: nothing is sent to a device that sleeps, is quarantined or drained, or may not be told
 *          anything yet; one message, one record.
 * Errors:  false: not now, or never (no DTLS).
 * Threads: the session's worker; gw_trigger_write(): any.
 * Source:  LwM2M Core 1.1 E.2 (resources 8 and 9), RFC 7967.
 */
#ifndef LWG_GATEWAY_TRIGGER_H
#define LWG_GATEWAY_TRIGGER_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_question;
struct gw_session;

enum gw_trigger {
	GW_TRIGGER_UPDATE = 8,    /* Registration Update Trigger */
	GW_TRIGGER_BOOTSTRAP = 9, /* Bootstrap-Request Trigger; since LwM2M 1.1 */
};
enum { GW_TRIGGER_MAX = 32 };

/* q: drawn; its token and message id are the message's. instance: of the Server object. */
MUST_USE size_t gw_trigger_write(const struct gw_question *q, enum gw_trigger what,
	uint16_t instance, uint8_t out[GW_TRIGGER_MAX]);
/* By its DTLS association. */
MUST_USE bool gw_trigger_send(struct gw_session *s, enum gw_trigger what, uint16_t instance);

#endif
