/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/old: a store as an earlier program has left it: one of schema 1, sealed by it; one of
 *                 schema 2 has the same rows; and one of schema 3.
 *
 * That of schema 1 holds three credentials: number 1, "gone", revoked; 2, "urn:dev:old-1", of a
 * file, with an association in slot 0, and a session that is registered at "abc"; 3,
 * "urn:dev:old-2", with an upstream key and resumption state under the id 01 02 03 04.
 *
 * That of schema 3 holds number 1, "urn:dev:three-1", a PSK that was replaced once, by "second-key"
 * (generation 2), with an association in slot 0 that has a CID and has moved, a link in slot 1, a
 * session that is registered at "def" and resumption state under the id 05 06 07 08; and number 2,
 * "urn:dev:three-2", a pinned certificate (generation 3), with an association in slot 2.
 *
 * Errors: asserted. Threads: one.
 */
#ifndef LWG_UNIT_STORE_OLD_H
#define LWG_UNIT_STORE_OLD_H

#include "unit/store/depot.h"

#include <stdint.h>

/* Of schema version 1, 2 or 3, brought up and running. */
struct depot *old_depot(uint32_t version);

#endif
