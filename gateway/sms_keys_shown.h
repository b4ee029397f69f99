/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_keys_shown: what the control room asks about the keys of devices by short messages:
 *                         what there is of one, that it is to have others, and how much was done.
 *
 * Promise: no key leaves; what was read is wiped. An order is refused where it would come to
 *          nothing, and else says what follows from it, which happens behind the answer.
 * Errors:  a sentence with a remedy.
 * Threads: the main thread.
 * Source:  lwgatectl(1), sms; sms/keyset.
 */
#ifndef LWG_GATEWAY_SMS_KEYS_SHOWN_H
#define LWG_GATEWAY_SMS_KEYS_SHOWN_H

#include "base/attr.h"
#include "ctl/control.h"
#include "ctl/sms_keys.h"
#include "gateway/sms_keys_run.h"

#include <stdbool.h>
#include <stdint.h>

struct gw_gateway;
struct store_reader;

/* STORE_NONE: c has no secured packets. */
MUST_USE enum store_result gw_keys_shown(struct store_reader *r, const struct store_cred *c,
	const struct gw_keys_settings *s, uint64_t now_ms, struct ctl_sms_keys *out);

struct gw_keys_means {  /* what an order needs */
	bool channel;   /* there are short messages */
	bool bridge;    /* ... and something that brings them is connected now */
	bool bsf, card; /* somebody gives keys; it is said what cards have */
};
/* What follows from an order for k, of c. False: nothing, and *said says why. */
MUST_USE bool gw_keys_order(const struct store_cred *c, const struct keyset *k,
	const struct keyset_rules *rules, const struct gw_keys_means *means, uint64_t now_ms,
	struct ctl_said *said);

/* Members of struct ctl_source; ctx is struct gw_gateway. */
enum ctl_status gw_keys_asked(
	void *ctx, const char *endpoint, struct ctl_sms_keys *out, struct ctl_said *said);
enum ctl_status gw_keys_refresh(void *ctx, const char *endpoint, struct ctl_said *said);
/* Counts of the keeper and of the BSF. */
void gw_keys_count(const struct gw_gateway *g, struct ctl_sms *out);

#endif
