/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/block: which size of blocks a sender is told to use.
 *
 * Source:  RFC 7959 sections 2.2 (the option's value), 2.9.3 (4.13 with a hint); RFC 9175 section 3
 *          (Request-Tag).
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_PROXY_BLOCK_H
#define LWG_PROXY_BLOCK_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pdu;

/* The value of the Block1 option of the 4.13 to a request that is longer than room: the same block
   number, and the largest size with which one block, with all options of the request, fits. False:
   none does, or there is no payload that could be cut. */
MUST_USE bool block_hint(const struct pdu *request, size_t room, uint32_t *value);

#endif
