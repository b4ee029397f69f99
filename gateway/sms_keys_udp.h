/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_keys_udp: has a device ask its bootstrap server again, which writes its next keys for
 *                       short messages by DTLS (renew "udp"); what comes of it is told by
 *                       gateway/learning_sms.
 *
 * It is asked for by time (before the current keys end), by superseded keys that were used, and by
 * a person's order; not by each Register or Update, as is done where keys come by other ways: a
 * device registers again after each bootstrap, which would be a reason for the next one for ever.
 * But for a registration by short messages that ends before its keys: these end with it then, and
 * the next ones are given that end.
 *
 *   awake by DTLS, registered      Execute of its Bootstrap-Request Trigger by that association
 *   else, with keys that serve     the same in a secured packet; "asked-by-sms"
 *   else                           nothing; "asleep"
 *
 * The latter two are told to the life of its keys as why none have come; it is asked again when the
 * network has given the short message up (at the latest after sms_keys.most_s), or in a day, and as
 * soon as the device registers, or updates its registration, by DTLS. What is lost of the first is
 * asked again after sms_keys.answer_s.
 *
 * Without short messages (sms.socket) nobody is told anything; "no-channel".
 *
 * Promise: a device that has got no keys from a bootstrap is not asked again because it comes back:
 *          the bounds of sms/keyset are kept, whatever its bootstrap server does. A registration of
 *          one whose keys are not renewed so costs one look-up of its endpoint, and that only
 *          where there are short messages.
 * Errors:  what cannot be posted is asked again.
 * Memory:  none is kept.
 * Threads: gw_keys_udp_ask(): the main thread's; the rest: the worker's.
 * Source:  LwM2M Core 1.1 E.2 (resource 9).
 */
#ifndef LWG_GATEWAY_SMS_KEYS_UDP_H
#define LWG_GATEWAY_SMS_KEYS_UDP_H

#include <stdint.h>

struct gw_gateway;
struct gw_session;
struct gw_worker;
struct store_cred;

struct gw_keys_udp_asked { /* GW_SMS_BOOTSTRAP: to a worker */
	uint32_t sms;      /* whose keys; a credential */
	uint32_t dtls;     /* the endpoint's other one, whose session is there; 0: none is */
};

/* The credential's row is in KEYSET_REFRESHING, which is durable. */
void gw_keys_udp_ask(struct gw_gateway *g, const struct store_cred *c);
void gw_keys_udp_received(struct gw_worker *w, const struct gw_keys_udp_asked *a);
/* s has registered, or updated its registration, by whatever it is reached. */
void gw_keys_udp_awake(const struct gw_session *s);

#endif
