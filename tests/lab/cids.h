/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab/cids: connection ids (RFC 9146) for the lab's programs: what they are told, and the profile
 * of a handshake that follows from it.
 *
 * Promise: but for the CIDs the profile is what a program has without one: PSK with CCM_8.
 * Errors:  cids_option() ends the program with status 2; cids_profile() false with a line on
 *          stderr.
 * Threads: one.
 * Source:  RFC 9146, RFC 9853.
 */
#ifndef LWG_LAB_CIDS_H
#define LWG_LAB_CIDS_H

#include "base/attr.h"
#include "dtls/profile.h"

#include <stdbool.h>

/* "off", "send" (the peer may have one, we have none), "both". */
enum dtls_cid_use cids_option(const char *text);
/* *out is NULL where there are none: the engine's own settings are enough. */
MUST_USE bool cids_profile(enum dtls_cid_use use, bool routability, struct dtls_profile **out);

#endif
