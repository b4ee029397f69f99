/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/smpp/message: between a short message as the bridge has it and a unit of SMPP.
 *
 * Promise: pure, total, bounded. SAR TLVs become a concatenation in the header, before what is
 *          there; a header that has one keeps it. message_payload is data as short_message is. The
 *          type of a number is kept as it came; a "+" in front makes it international.
 * Memory:  a segment points into the unit or scratch; a unit into segment, settings, validity.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  SMPP 3.4 issue 1.2, 4.4, 4.6, 5.2, 5.3; TS 23.040 9.2.3.24.1.
 */
#ifndef LWG_SMS_BRIDGE_SMPP_MESSAGE_H
#define LWG_SMS_BRIDGE_SMPP_MESSAGE_H

#include "base/attr.h"
#include "sms-bridge/pdu/udh.h"
#include "sms-bridge/smpp/pdu.h"
#include "sms-bridge/smpp/smpp.h"

#include <stdbool.h>
#include <stdint.h>

enum { SMPP_TIME_SIZE = 17, SMPP_SCRATCH = SMPP_FRAME_MAX + UDH_MAX };

/* False: it is no message of a device (a receipt, or nobody's that has a number). */
MUST_USE bool smpp_message_read(
	const struct smpp_sm *m, uint8_t scratch[SMPP_SCRATCH], struct way_segment *out);
/* False: it can never be sent (no number, too long). */
MUST_USE bool smpp_message_write(const struct way_segment *s, const struct smpp_settings *settings,
	char validity[SMPP_TIME_SIZE], struct smpp_sm *out);

#endif
