/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/slots: what a slot should hold, said in other words than store/slot does.
 *
 * Errors:  slots_loaded() fails the test. Threads: any.
 * Source:  RFC 6347 section 4.1.2.6.
 */
#ifndef LWG_UNIT_STORE_SLOTS_H
#define LWG_UNIT_STORE_SLOTS_H

#include "base/attr.h"
#include "store/slot.h"

#include <stdbool.h>
#include <stdint.h>

enum { SLOTS_PLACE = 7 };

extern const struct sip_key slots_key;
extern const uint8_t slots_id[SLOT_ID];

/* What the gateway's window makes of a number. */
MUST_USE struct slot_state slots_after(struct slot_state s, uint64_t number);
MUST_USE bool slots_same(const struct slot_state *a, const struct slot_state *b);
/* Marks it in the slot and in now. */
void slots_mark(struct slot *s, struct slot_state *now, uint64_t number);
MUST_USE struct slot_state slots_loaded(const struct slot *s);
/* A number that the window lets in, the same for the same state and n. */
MUST_USE uint64_t slots_number(const struct slot_state *s, uint64_t n);

#endif
