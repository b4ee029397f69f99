/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/credentials_choose: which credential an operator means who names an endpoint, and maybe
 *                             what it is for.
 *
 * Promise: none is guessed: where several may be meant, none is chosen. Who is active is meant
 *          before who is revoked, and one for short messages only where that is said (CTL_FOR_SMS),
 *          or there is no other.
 * Errors:  false; what is wrong, and the remedy, is what gw_choose_said() tells. *out is wiped.
 * Threads: a reader's.
 */
#ifndef LWG_GATEWAY_CREDENTIALS_CHOOSE_H
#define LWG_GATEWAY_CREDENTIALS_CHOOSE_H

#include "base/attr.h"
#include "ctl/store_source.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GW_CHOICES = 2 };

struct gw_choice {
	enum store_result result; /* STORE_OK, STORE_NONE: there is none of the endpoint */
	size_t len;               /* who may be meant; 1: that is it */
	bool is_active;           /* they are */
	uint32_t numbers[GW_CHOICES];
	uint8_t purposes[GW_CHOICES]; /* enum store_purpose */
	/* Who there are else: bits of 1 << enum store_purpose, of those that are active. */
	unsigned others;
};

/* The reader rests after it. */
MUST_USE bool gw_choose(struct store_reader *r, const char *endpoint, enum ctl_purpose purpose,
	struct gw_choice *choice, struct store_cred *out);
/* Why there was none. */
enum ctl_status gw_choose_said(const struct gw_choice *choice, const char *endpoint,
	enum ctl_purpose purpose, struct ctl_said *said);

#endif
