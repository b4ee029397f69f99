/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/keylog: secrets of handshakes, for captures in tests. Only a build with KEYLOG=1 has
 *                 it: in every other nothing calls these, and the option that would is
 *                 unknown.
 *
 * Promise: a line is written whole, by one write(2) to a file opened for appending.
 * Errors:  gw_keylog_open() returns -errno; a line that cannot be written is lost.
 * Threads: any.
 * Source:  the NSS key log format, draft-ietf-tls-keylogfile.
 */
#ifndef LWG_GATEWAY_KEYLOG_H
#define LWG_GATEWAY_KEYLOG_H

#include "base/attr.h"

#include <stdint.h>

enum { GW_KEYLOG_RANDOM = 32, GW_KEYLOG_MASTER = 48 };

MUST_USE int gw_keylog_open(const char *file);
void gw_keylog_write(int fd, const uint8_t client_random[GW_KEYLOG_RANDOM],
	const uint8_t master[GW_KEYLOG_MASTER]);

#endif
