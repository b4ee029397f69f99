/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gba/naf: NAF_Id: who asks for keys, and by which protocol they are used.
 *
 * Promise: pure. A name is what DNS allows: letters, digits, "-" and "_" in labels of 1 to 63, at
 *          most GBA_FQDN_MAX octets; it is taken as it is written, as both sides put its octets
 *          into a derivation.
 * Errors:  gba_naf_id(): 0, the name is none.
 * Threads: any.
 * Source:  TS 33.220 B.2 (P3), TS 24.109 H (identifiers). That of LwM2M by short messages is not
 *          settled anywhere that we could read: GBA_UA_DEFAULT, Generic Push Layer, is a
 *          placeholder which configuration replaces (bsf.ua_id).
 */
#ifndef LWG_GBA_NAF_H
#define LWG_GBA_NAF_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GBA_FQDN_MAX = 253, GBA_UA = 5 };
#define GBA_UA_DEFAULT "0100000005"

bool gba_fqdn_is_good(const char *fqdn);
/* FQDN || Ua security protocol identifier; cap >= GBA_FQDN_MAX + GBA_UA serves any. Its length. */
MUST_USE size_t gba_naf_id(const char *fqdn, const uint8_t ua[GBA_UA], uint8_t *out, size_t cap);

#endif
