/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms/counter: which counters a receiver takes (TS 102 225 5.1.4).
 *
 * Promise: pure, total. A counter never wraps: who has reached the end takes no packet any more,
 *          and new keys are the only way on.
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_SMS_COUNTER_H
#define LWG_SMS_COUNTER_H

#include "base/attr.h"
#include "sms/packet.h"

#include <stdint.h>

enum sms_counted {
	SMS_COUNTED, /* *last is what is to be written down, before anything else happens */
	SMS_LOW,     /* it was there, or is older */
	SMS_HIGH,    /* of SMS_COUNT_NEXT: one is missing */
	SMS_BLOCKED, /* the end was reached */
};
MUST_USE enum sms_counted sms_count(enum sms_count rule, uint64_t counter, uint64_t *last);
/* The next that may be sent; 0: none is left. rule SMS_COUNT_NONE: always 0 is sent, *next is 0 and
   true is returned. */
MUST_USE bool sms_next(enum sms_count rule, uint64_t last, uint64_t *next);

#endif
