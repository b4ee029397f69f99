/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/udh: the user data header of a short message: concatenation, security, ports.
 *
 * Promise: pure, total, bounded (I7). Elements in any order; unknown ones are skipped by length; of
 *          one that stands twice the last counts (TS 23.040 9.2.3.24); a concatenation with total
 *          0, number 0 or number beyond total is none.
 * Errors:  udh_read(): false, the header is longer than the data, or an element than the header.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  TS 23.040 9.2.3.24; TS 31.115 4.
 */
#ifndef LWG_SMS_BRIDGE_UDH_H
#define LWG_SMS_BRIDGE_UDH_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	UDH_COMMAND = 0x70, /* IEI of TS 31.115 */
	UDH_RESPONSE = 0x71,
	UDH_MAX = 16,    /* octets of what udh_write() makes, its length included */
	UDH_SPACE = 140, /* of user data in one message, header included */
};

struct udh {
	bool joined; /* part of a concatenation: */
	bool wide;   /* its reference has 16 bits */
	uint16_t reference;
	uint8_t total, number; /* number from 1 */
	uint8_t marker;        /* UDH_COMMAND, UDH_RESPONSE, 0 */
	bool ported;
	uint16_t to_port, from_port; /* application port addressing, 16 bits */
};

/* The header at the beginning of user data; *len is its length with its own octet. */
MUST_USE bool udh_read(const uint8_t *data, size_t data_len, struct udh *out, size_t *len);
/* Concatenation first, then the marker, then ports. 0: there is nothing to say. */
size_t udh_write(const struct udh *u, uint8_t out[UDH_MAX]);

#endif
