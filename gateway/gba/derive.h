/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gba/derive: from Ks_(ext/int)_NAF to the keys of secured packets.
 *
 * INTERIM. Two secrets, DMBEK to cipher and DMBIK to check, come from Ks_(ext/int)_NAF as OMA
 * Device Management 2.0 9.3.1.3 says, whose formula we could not read. Until somebody has: each is
 * HMAC-SHA-256(Ks_(ext/int)_NAF, LABEL), LABEL as configuration has it (bsf.labels; "DMBEK" and
 * "DMBIK", ASCII, no terminator). Everything that depends on it is in this one function; two sides
 * with it understand each other, and a conforming peer perhaps not.
 *
 * Promise: pure. KIc is the first octets of DMBEK, KID of DMBIK: 16 for AES (bits 0 to 127, bit 0
 *          the upper one of the first octet), and for 3DES 21 (bits 0 to 167), of which each group
 *          of 7 bits gets a bit of odd parity: 24. Keys that are equal to each other, all zero, or
 *          of 3DES with two equal or one weak part, are refused.
 * Errors:  enum gba_fault; *out is zero.
 * Memory:  none; the holder wipes *out. Threads: any.
 * Source:  the change request of LwM2M on session keys, 7.2.2.1 (truncation); NIST SP 800-67 3.3.2.
 */
#ifndef LWG_GBA_DERIVE_H
#define LWG_GBA_DERIVE_H

#include "base/attr.h"
#include "gba/kdf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GBA_LABEL_MAX = 32, GBA_AES = 16, GBA_3DES = 24, GBA_3DES_BITS = 21 };

struct gba_labels {
	char cipher[GBA_LABEL_MAX + 1], check[GBA_LABEL_MAX + 1];
};
struct gba_keys {    /* the holder wipes it */
	uint8_t len; /* of each */
	uint8_t kic[GBA_3DES], kid[GBA_3DES];
};
enum gba_fault {
	GBA_GOOD,
	GBA_EQUAL,  /* KIc and KID, or the labels, are the same */
	GBA_WEAK,   /* all zero; or no three different keys of DES, none of them weak */
	GBA_FAILED, /* libcrypto */
};

MUST_USE enum gba_fault gba_derive(const struct gba_labels *labels, const uint8_t ks_naf[GBA_KEY],
	bool triple_des, struct gba_keys *out);
/* 21 octets to 24. */
void gba_parity(const uint8_t in[GBA_3DES_BITS], uint8_t out[GBA_3DES]);
/* All that gba_derive() refuses of its result. */
MUST_USE enum gba_fault gba_judge(const struct gba_keys *k);

#endif
