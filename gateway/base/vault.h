/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/vault: an allocator for libraries that hold secrets: kept out of core dumps, wiped when
 *             freed (I5).
 *
 * libssl keeps premaster and master secrets and expanded keys wherever its allocator puts them, and
 * wipes some of them. Here all of it lies in pages of their own.
 *
 * Promise: memory is zeroed when it is given out and wiped when it is given back; its pages carry
 *          MADV_DONTDUMP. They are not locked: handshakes want more than RLIMIT_MEMLOCK allows.
 *          Chunks go back to the system as they become empty, but for one of each size and some;
 *          vault_trim() gives back these, and the pages that hold nothing (I6).
 * Errors:  NULL when memory is short. What was not taken here and is given back, or was given back
 *          already, ends the process.
 * Memory:  one for the process, as the hooks of OpenSSL carry no context: chunks of VAULT_CHUNK
 *          bytes, resident as far as they are used; sizes are rounded up by 16 bytes or a quarter.
 * Threads: any. Each has a share of its own, up to VAULT_SHARES of them; what one takes another may
 *          give back.
 * Source:  CRYPTO_set_mem_functions(3). With an address sanitizer it is the C library's allocator,
 *          so that use after giving back is found.
 */
#ifndef LWG_BASE_VAULT_H
#define LWG_BASE_VAULT_H

#include "base/attr.h"

#include <stddef.h>

enum {
	VAULT_CHUNK = 1 << 18,
	VAULT_SHARED_MAX = 1 << 16, /* what is larger has a mapping of its own */
	VAULT_SHARES = 8,
};

/* Aligned to 16. NULL also for 0 bytes. */
MUST_USE void *vault_alloc(size_t size);
/* NULL: p is as it was. p may be NULL; for 0 bytes p is given back. What was added may hold what
   the object held before it was made smaller. */
MUST_USE void *vault_resize(void *p, size_t size);
/* p may be NULL. */
void vault_release(void *p);
/* Gives the system the pages that hold nothing. */
void vault_trim(void);
/* Bytes that are mapped; 0 with an address sanitizer. */
size_t vault_mapped(void);

#endif
