/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/old: a store as an earlier program has left it: one of schema 1, sealed by it; one of
 *                 schema 2 has the same rows; one of schema 3; one of schema 4; one of
 *                 schema 6; and one of schema 7.
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
 * That of schema 4 holds number 1, "urn:dev:four-1", a PSK of 16 times "s" that has a label, an
 * end and what was before (generation 2), with an association in slot 0, a session that is
 * registered at "ghi" and resumption state under the id 09 0a 0b 0c; number 2, "urn:dev:four-2",
 * a raw key (32 times d1, generation 3); and number 3, "urn:dev:four-3", a certificate of a file,
 * pinned (32 times c3, generation 4), with an association in slot 1 that has a proof, and a
 * verdict.
 *
 * That of schema 6 holds number 1, "urn:dev:six-1", a PSK of 16 times "s" for server that has a
 * label and may fetch firmware (generation 1), with an association in slot 0, a session that is
 * registered at "jkl" and has an upstream and a number, and "six-next" staged; number 2,
 * "urn:dev:six-2", without DTLS (generation 2); and number 3, "urn:dev:six-3", revoked.
 *
 * That of schema 7 holds number 1, "urn:dev:seven-0", a PSK; number 2, "urn:dev:seven-1", reached
 * by short messages at 491234 as cr-004 (key 'k' and 31 times 's', generation 2), whose counters
 * are 3 and 4, with "seven-i" (id 7) in its box in and "seven-o", two segments under reference 9,
 * in its box out; and number 3, "urn:dev:seven-2", reached at 495678 as lwm2m-1.0.
 *
 * Errors: asserted. Threads: one.
 */
#ifndef LWG_UNIT_STORE_OLD_H
#define LWG_UNIT_STORE_OLD_H

#include "unit/store/depot.h"

#include <stdint.h>

/* Of schema version 1 to 7, brought up and running. */
struct depot *old_depot(uint32_t version);

#endif
