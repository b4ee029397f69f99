/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/credentials_shown: a credential of the store as lwgatectl is told of it.
 *
 * Promise: without `secrets` no octet of a key is in it. Who holds one with keys wipes it.
 * Threads: any. I/O, allocation: none. Clock: the wall's, for what has expired.
 */
#ifndef LWG_GATEWAY_CREDENTIALS_SHOWN_H
#define LWG_GATEWAY_CREDENTIALS_SHOWN_H

#include "ctl/credential.h"
#include "sms/card.h"
#include "store/store.h"

#include <stdbool.h>

void gw_cred_shown(const struct store_cred *s, bool secrets, struct ctl_cred *out);
/* With the OTA key, if it has one. */
struct cred_sms gw_cred_agreed(const struct store_sms *x);
/* How its card is reached; the caller wipes it. */
struct card_ota gw_cred_ota(const struct store_ota *x);

#endif
