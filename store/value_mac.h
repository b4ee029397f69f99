/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/value_mac: the MAC at the end of a value that is not sealed. It covers table, key, value.
 *
 * Promise: a value longer than VALUE_META_MAX has none.
 * Threads: any. Clock, I/O, allocation: none.
 */
#ifndef LWG_STORE_VALUE_MAC_H
#define LWG_STORE_VALUE_MAC_H

#include "base/attr.h"
#include "base/rd.h"
#include "base/sip.h"
#include "base/wr.h"
#include "store/key.h"
#include "store/kv.h"

#include <stdbool.h>
#include <stdint.h>

/* Behind what w has. */
void value_mac_write(struct wr *w, const struct sip_key *key, uint8_t table, const struct key *k);
/* body becomes a reader over what is before the MAC. */
MUST_USE bool value_mac_check(struct kv_slice v, const struct sip_key *key, uint8_t table,
	const struct key *k, struct rd *body);

#endif
