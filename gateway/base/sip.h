/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/sip: SipHash-2-4, the keyed hash of tables whose keys strangers choose.
 *
 * Promise: without the key nobody can aim at one bucket.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  Aumasson and Bernstein, "SipHash: a fast short-input PRF"; test values of its appendix
 *          A.
 */
#ifndef LWG_BASE_SIP_H
#define LWG_BASE_SIP_H

#include <stddef.h>
#include <stdint.h>

struct sip_key {
	uint64_t k0, k1; /* random; not a long-term secret */
};

uint64_t sip_hash(const struct sip_key *key, const void *data, size_t len);

#endif
