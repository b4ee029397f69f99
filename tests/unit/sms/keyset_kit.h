/* SPDX-License-Identifier: Apache-2.0 */
/* unit/sms/keyset_kit: rules, keys and events for tests of sms/keyset. */
#ifndef LWG_UNIT_SMS_KEYSET_KIT_H
#define LWG_UNIT_SMS_KEYSET_KIT_H

#include "sms/keyset.h"

#include <stdint.h>

enum { GPI = 100 };
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define T0     UINT64_C(1000000000)

extern const struct keyset_rules keyset_kit_rules;

/* Keys that no other number has. */
struct sms_agreed kit_agreed(uint32_t number);
/* keyset_step(); a registration is for 600 s, and a failure has the cause "a-cause". */
unsigned kit_tell(struct keyset *k, enum keyset_event e, uint64_t now_ms);
/* OBTAINED with a push of GPI octets, or BROUGHT. */
unsigned kit_obtain(struct keyset *k, enum keyset_event e, uint64_t now_ms, uint64_t until_ms);
/* Whichever of both; keys are for an hour. */
unsigned kit_anything(struct keyset *k, enum keyset_event e, uint64_t now_ms);

#endif
