/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_dtls: DTLS by short messages: a datagram is a message of the network.
 *
 * Model:   "sms" is a listener without a socket: its profile, timers, radio and counters are a
 *          listener's, and a device's number is its address (base/net, NET_SMS). What its bridge
 *          brings goes into the worker's engine as any datagram does, and what the engine says
 *          there goes to the bridge, once, and is not kept: loss is DTLS's and CoAP's to mend. So
 *          an association with a CID may use UDP and short messages in turn.
 * Promise: only a number that a credential with profile=dtls names is heard, and only for its own
 *          endpoint; to all others nothing is said, as each answer is on the operator's bill. No
 *          message is longer than one short message (RFC 7925 A.2), nothing goes out beyond
 *          sms.segments_a_day, and a flight is of no use to the network longer than until it is
 *          repeated (A.4). Reports of delivery are not asked for, and move no timer.
 * Errors:  what cannot be said is lost, and counted.
 * Threads: the worker's own, but for what says otherwise.
 * Source:  RFC 7925 appendix A; LwM2M 1.1 Transport 6.4; R-318.
 */
#ifndef LWG_GATEWAY_SMS_DTLS_H
#define LWG_GATEWAY_SMS_DTLS_H

#include "base/attr.h"
#include "base/net.h"
#include "dtls/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_session;
struct gw_sms_mo;
struct gw_worker;
struct inbox_message;
struct store_cred;
struct wire_text;

/* Is it a record of DTLS, by its first octets? Any thread. */
bool gw_sms_dtls_is(const struct wire_text *t);
/* Where it has come from. sock is not filled. False: a number is none. Any thread. */
MUST_USE bool gw_sms_dtls_path(const struct wire_text *t, struct net_path *out);

/* GW_SMS_DTLS */
void gw_sms_dtls_received(struct gw_worker *w, const struct gw_sms_mo *m);
/* For the engine's owner, of a path of family NET_SMS. */
uint8_t *gw_sms_dtls_room(struct gw_worker *w, const struct net_path *path, size_t cap);
void gw_sms_dtls_sent(struct gw_worker *w, size_t len);
/* May the device with that credential's endpoint be at that number? */
MUST_USE bool gw_sms_dtls_is_its(
	struct gw_worker *w, const struct net_path *path, const char *endpoint);
/* The same for what is looked at now. True where it did not come by a short message. */
MUST_USE bool gw_sms_dtls_may(const struct gw_worker *w, const struct store_cred *c);

#endif
