/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/old: a store as an earlier program has left it: one of schema 1, sealed by it. One of
 *                 schema 2 has the same rows.
 *
 * It holds three credentials: number 1, "gone", revoked; 2, "urn:dev:old-1", of a file, with an
 * association in slot 0, and a session that is registered at "abc"; 3, "urn:dev:old-2", with an
 * upstream key and resumption state under the id 01 02 03 04.
 *
 * Errors: asserted. Threads: one.
 */
#ifndef LWG_UNIT_STORE_OLD_H
#define LWG_UNIT_STORE_OLD_H

#include "unit/store/depot.h"

#include <stdint.h>

/* Of schema version 1 or 2, brought up and running. */
struct depot *old_depot(uint32_t version);

#endif
