/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/smpp: a way to an SMSC by SMPP 3.4, as a transceiver.
 *
 * Promise: as of sms-bridge/way. A window of submissions; enquire_link both ways; throttling (0x58)
 *          and a full queue (0x14) pause with a growing delay; receipts (esm_class) are no messages
 *          of devices; SAR TLVs become a UDH, message_payload data; an unknown request is answered
 *          with generic_nack; a frame of fewer than 16 or more than 4096 octets closes.
 *          Vendor errors are kept as they are. After a pause one submission at a time, until the
 *          SMSC takes one.
 *          Pauses between connections double with each failure, and begin at 32 times the least
 *          after a refused log-in; a log-in that has held for a minute starts them anew.
 * Calls:   down() is also for a connection that could not be made (without up()), and always brings
 *          a close(), which says when to try again; before the time that the last close() has said
 *          it brings the same once more. send(), consumed() and output() bring no event. In an
 *          event any call but free() and input() is good. A segment that can never be sent is
 *          refused at the next tick. A send() that was refused may be tried after each event and
 *          each tick: next_ms() then knows the end of a pause and the rate. What received() has is
 *          good in it only. What nobody can use (receipts, senders without a number) is
 *          acknowledged and dropped.
 * Source:  SMPP 3.4 issue 1.2.
 */
#ifndef LWG_SMS_BRIDGE_SMPP_H
#define LWG_SMS_BRIDGE_SMPP_H

#include "sms-bridge/way.h"

enum { SMPP_SYSTEM_ID_MAX = 15, SMPP_PASSWORD_MAX = 8, SMPP_SYSTEM_TYPE_MAX = 12 };

struct smpp_settings { /* copied; password is wiped with it */
	char system_id[SMPP_SYSTEM_ID_MAX + 1];
	char password[SMPP_PASSWORD_MAX + 1];
	char system_type[SMPP_SYSTEM_TYPE_MAX + 1];
	struct wire_number own;              /* source of what is sent where a segment names none */
	uint8_t window;                      /* submissions without an answer; 10 */
	uint32_t enquire_ms;                 /* silence before we ask whether it is there; 30000 */
	uint32_t answer_ms;                  /* its answers; 30000 */
	uint32_t again_min_ms, again_max_ms; /* between connections; 1000, 300000 */
	uint32_t per_second;                 /* submissions; 0: no limit of ours */
	bool dest_addr_subunit; /* TLV 0005 with class 1 and 2 (TS 23.038), 2: ME, 3: card */
	uint32_t seed;          /* of the jitter */
};
struct smpp_settings smpp_settings_default(void);
/* NULL: memory is short. */
MUST_USE struct way *smpp_new(const struct smpp_settings *s, const struct way_owner *o);

#endif
