/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/sms_keys: what an operator sees of the sets of keys that a device by short messages has.
 *
 * Promise: no key, and no number of a device. Words are plain text.
 * Errors:  ctl_show_sms_keys(): latched in the struct ctl_out. Memory: none. Threads: any.
 * Source:  sms/keyset; deploy/sms-keys.md; lwgatectl(1), sms keys.
 */
#ifndef LWG_CTL_SMS_KEYS_H
#define LWG_CTL_SMS_KEYS_H

#include "ctl/out.h"
#include "ctl/proto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CTL_KEY_SETS = 3, CTL_KEYS_WORD = 16, CTL_KEYS_CAUSE = 25, CTL_KEYS_COUNTED = 4 };

struct ctl_key_set {
	uint32_t generation; /* 0: there is no such set, and the rest is zero */
	char origin[CTL_KEYS_WORD], profile[CTL_KEYS_WORD];
	uint8_t kic, kid; /* octets of TS 102 225 */
	uint16_t octets;  /* of both keys together */
	uint64_t since_ms_ago;
	bool ends;
	int64_t ends_in_s;                /* below 0: it has ended */
	uint64_t counter_in, counter_out; /* last taken, last used; 0: none */
};

struct ctl_sms_keys {
	char endpoint[129];
	char renew[CTL_KEYS_WORD]; /* as in the credential */
	bool is_stored;            /* else it is what it begins with */
	char state[CTL_KEYS_WORD];
	char cause[CTL_KEYS_CAUSE];            /* of the last failure; "": there was none since */
	bool is_due;                           /* something is, */
	int64_t due_in_s;                      /* then */
	uint32_t lifetime_s;                   /* of the registration; 0: not known */
	uint32_t deliveries, deliveries_max;   /* of the next set */
	uint32_t failed;                       /* questions for keys, one after the other */
	uint32_t begun, begun_max;             /* refreshes in this hour; max 0: no bound */
	bool message;                          /* what delivers the next set is in the box out */
	uint64_t counted[CTL_KEYS_COUNTED];    /* asked, delivered, proved, refused with 4.00 */
	struct ctl_key_set sets[CTL_KEY_SETS]; /* current, next, stale */
};

void ctl_show_sms_keys(struct ctl_out *o, enum ctl_form form, const struct ctl_sms_keys *k);

#endif
