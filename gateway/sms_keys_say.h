/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_keys_say: tells of a change of a device's sets of keys that is durable: in the
 *                       chronicle, and so in the log (with limits).
 *
 * Promise: told only where a person would want to know: state, cause or current keys are others
 *          than before; the rest is in the log at level debug. No key, no counter, no number of a
 *          device.
 * Errors:  an entry for which there is no memory is lost, and counted by the chronicle.
 * Threads: any.
 * Source:  lwgate-policy(5), sms-keys.
 */
#ifndef LWG_GATEWAY_SMS_KEYS_SAY_H
#define LWG_GATEWAY_SMS_KEYS_SAY_H

struct gw_keys_change;
struct gw_shared;
struct log;

void gw_keys_say(const struct gw_shared *s, const struct log *log, const char *endpoint,
	const struct gw_keys_change *x);

#endif
