/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/heap: asks the C library to hand free memory back to the system.
 *
 * Promise: heap_trim() never fails and changes nothing that is in use. Where the C library cannot
 *          be asked (musl, which hands back by itself), it does nothing.
 * Threads: any; it may hold up other threads' allocations for a moment.
 */
#ifndef LWG_BASE_HEAP_H
#define LWG_BASE_HEAP_H

void heap_trim(void);

#endif
