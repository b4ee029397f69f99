/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gba/kdf: keys of the Generic Bootstrapping Architecture, as both sides of it derive them.
 *
 * The gateway as Push-NAF gets Ks_(ext/int)_NAF from the BSF and derives nothing of it before
 * gba/derive; this is what the BSF and the USIM do, for tests and for checking a BSF.
 *
 * Promise: pure; S is bounded.
 * Errors:  gba_s(): 0, what goes in is too long. gba_ks_naf(): false, the same, or libcrypto; out
 *          is zero then.
 * Memory:  none. Threads: any.
 * Source:  TS 33.220 B.2, B.3. The IMPI is taken as it is: UTF-8, already in NFKC.
 */
#ifndef LWG_GBA_KDF_H
#define LWG_GBA_KDF_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GBA_KEY = 32,  /* Ks, Ks_NAF and its like */
	GBA_RAND = 16, /* of the authentication vector */
	GBA_IMPI_MAX = 255,
	GBA_NAF_ID_MAX = 260,
	GBA_S_MAX = 600,
};

enum gba_where {
	GBA_IN_ME,   /* "gba-me": Ks_NAF of GBA_ME, Ks_ext_NAF of GBA_U */
	GBA_IN_UICC, /* "gba-u": Ks_int_NAF of GBA_U */
};

struct gba_s {
	enum gba_where where;
	const uint8_t *rand; /* GBA_RAND octets */
	const char *impi;
	const uint8_t *naf_id; /* see gba/naf */
	size_t naf_id_len;
};

/* S of B.2: FC, and each parameter with its length behind it. Its length. */
MUST_USE size_t gba_s(const struct gba_s *in, uint8_t out[GBA_S_MAX]);
/* HMAC-SHA-256(Ks, S). ks: CK || IK. */
MUST_USE bool gba_ks_naf(const struct gba_s *in, const uint8_t ks[GBA_KEY], uint8_t out[GBA_KEY]);

#endif
