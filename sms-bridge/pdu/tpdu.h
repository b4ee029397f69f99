/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/tpdu: transfer units of TS 23.040: what is sent (SUBMIT) and what has come (DELIVER).
 *
 * Both directions of both, so that the tests of one are the other; statuses (STATUS-REPORT) are
 * only told apart.
 *
 * Promise: pure, total, bounded (I7). TP-UDL counts octets for 8-bit data and septets otherwise; a
 *          length that the octets do not have is an error, and so are octets too many.
 * Errors:  false: it is none, or (tpdu_write_*) a field is beyond its bound.
 * Memory:  data points into what was read.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  TS 23.040 9.2.2, 9.2.3; TS 23.038 4.
 */
#ifndef LWG_SMS_BRIDGE_TPDU_H
#define LWG_SMS_BRIDGE_TPDU_H

#include "base/attr.h"
#include "sms-bridge/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TPDU_MAX = 176, TPDU_DATA_MAX = 140, TPDU_SCTS = 7 };
enum tpdu_kind { TPDU_NONE, TPDU_DELIVER, TPDU_SUBMIT, TPDU_STATUS };

struct tpdu {
	uint8_t kind;              /* enum tpdu_kind */
	struct wire_number number; /* TP-OA of a DELIVER, TP-DA of a SUBMIT */
	uint8_t pid, dcs;
	bool header;             /* TP-UDHI: data begins with a header */
	uint8_t reference;       /* SUBMIT: TP-MR */
	bool report;             /* SUBMIT: TP-SRR */
	uint8_t validity;        /* SUBMIT: TP-VP, relative; 0: none is written */
	uint8_t scts[TPDU_SCTS]; /* DELIVER */
	const uint8_t *data;     /* 8-bit: TP-UD; 7-bit: packed as it is */
	size_t len;              /* octets */
};

/* What the network says to a modem (upwards false) or the other way round: the first octet means
   different things. */
MUST_USE bool tpdu_read(const uint8_t *data, size_t len, bool upwards, struct tpdu *out);
/* SUBMIT and DELIVER. 0: it cannot be written. */
MUST_USE size_t tpdu_write(const struct tpdu *t, uint8_t out[TPDU_MAX]);
/* Is it of 8-bit data, of whatever class and group (TS 23.038 4)? */
MUST_USE bool tpdu_is_8_bit(uint8_t dcs);
/* Is it of septets, packed? What is neither is of 16 bits. Reserved codings are septets. */
MUST_USE bool tpdu_is_7_bit(uint8_t dcs);
/* Seconds as relative TP-VP, rounded up to what there is: 1 (10 minutes) to 255 (63 weeks).
   0: none. */
uint8_t tpdu_validity(uint32_t seconds);

#endif
