/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_keys_bsf: what is asked of the BSF for a device's next keys, and what its answer is
 * to
 *                       their life (sms/keyset).
 *
 * Promise: pure. Keys end when the BSF says or with what was wished, the earlier (A21), in
 *          store_time(). What surrounds them (KIc, KID, TAR, length of the checksum) is the
 *          credential's; keys of another length than that wants are no keys.
 * Errors:  gw_keys_ask_of(): false, the credential's keys are not had by GBA Push.
 * Memory:  *keys has keys; its holder wipes it. news points to it and into the answer.
 * Threads: any.
 * Source:  TS 29.309; change request 004, 7.2.2.1; A21.
 */
#ifndef LWG_GATEWAY_SMS_KEYS_BSF_H
#define LWG_GATEWAY_SMS_KEYS_BSF_H

#include "base/attr.h"
#include "gateway/bsf.h"
#include "sms/keyset.h"
#include "store/credential.h"

#include <stdbool.h>
#include <stdint.h>

enum { GW_KEYS_LIFETIME_S = 86400 }; /* that is wished where nobody has said one, as of LwM2M */

/* lifetime_s: see keyset_lifetime(); 0: nobody has said one. tag and worker are the caller's. */
MUST_USE bool gw_keys_ask_of(
	const struct store_cred *c, uint32_t lifetime_s, struct gw_bsf_ask *out);
/* KEYSET_OBTAINED or KEYSET_REFUSED, with what goes with it. wall_ms: now by the wall clock; 0: it
   is not to be trusted, and then what was wished counts. */
enum keyset_event gw_keys_of_answer(const struct store_cred *c, const struct gw_bsf_answer *a,
	uint32_t lifetime_s, uint64_t wall_ms, uint64_t now_ms, struct keyset_keys *keys,
	struct keyset_news *news);

#endif
