/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/smpp/status: what a command_status of an SMSC means for a submission and a log-in.
 *
 * Promise: every number has a meaning; what only a vendor knows is final, and keeps its number.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  SMPP 3.4 issue 1.2, 5.1.3.
 */
#ifndef LWG_SMS_BRIDGE_SMPP_STATUS_H
#define LWG_SMS_BRIDGE_SMPP_STATUS_H

#include "base/attr.h"
#include "sms-bridge/way.h"

#include <stdbool.h>
#include <stdint.h>

/* Of a submission: sent, again, or refused; never unsure. */
MUST_USE enum way_fate smpp_status_fate(uint32_t status);
/* The SMSC asks for fewer: a pause before the next one. */
MUST_USE bool smpp_status_pauses(uint32_t status);
/* Why a log-in failed, with its remedy. */
MUST_USE const char *smpp_status_of_bind(uint32_t status);

#endif
