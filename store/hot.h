/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/hot: the file of slots, mapped; it survives the process, not the machine.
 *
 * Promise: slots are allocated by writing, so that a full disk is met here and not as SIGBUS (S16).
 *          A slot's address never changes. The file begins with a header: format, a random
 *          instance id, one counter for each worker (see store/proof).
 * Errors:  *error; hot_grow() false: no room, and nothing has changed.
 * Threads: hot_grow() one at a time; the rest any.
 */
#ifndef LWG_STORE_HOT_H
#define LWG_STORE_HOT_H

#include "base/attr.h"
#include "store/error.h"
#include "store/slot.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { HOT_WORKERS_MAX = 64, HOT_INSTANCE = 16, HOT_SLOTS_MAX = 1 << 26 };

struct hot;

struct hot_facts {
	uint8_t instance[HOT_INSTANCE];
	uint64_t device, inode;
	uint32_t slots;
};

/* Opens or makes (mode 0600). *fresh: it was made, or replaced because it was not sound: hot state
   may be lost. file NULL: in memory, of this process only. */
MUST_USE struct hot *hot_open(const char *file, bool *fresh, struct store_error *error);
void hot_close(struct hot *h);
/* NULL: beyond the end. A slot that was never made is all zero. */
struct slot *hot_at(const struct hot *h, uint32_t place);
/* So that there are at least this many; grows in larger steps. */
MUST_USE bool hot_grow(struct hot *h, uint32_t slots);
/* Forgets all slots and becomes another instance: what is known not to be the newest (after a
   power loss) must not turn genuine records away either. Nobody holds a slot. */
MUST_USE bool hot_reset(struct hot *h);
struct hot_facts hot_facts(const struct hot *h);
/* Is this address in the memory kept for it? For a signal handler. */
bool hot_owns(const struct hot *h, const void *address);
/* Counts batches of slot changes of a worker. */
_Atomic uint64_t *hot_counter(const struct hot *h, uint32_t worker);

#endif
