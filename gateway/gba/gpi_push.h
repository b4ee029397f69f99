/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gba/gpi_push: how GBA push info (GPI) goes to a device by SMS: a connectionless WAP push.
 *
 * What it is, octet by octet, behind the UDH (destination port GBA_WAP_PORT, which whoever sends it
 * asks for: `port` of sms-bridge/wire and of the store's box out; class 1, TP-PID GBA_PID, 8-bit):
 *
 *   00                         TID                                        WAP-230 8.2.1
 *   06                         PUSH                                       WAP-230 table 34
 *   LL                         length of content type and headers         uintvar
 *   "application/vnd.3gpp.gba.gpi" 00       content type, as text         WAP-230 8.4.2.24
 *   AF "x-wap-application:gba.ua" 00        X-Wap-Application-Id, as text WAP-230 table 39
 *   01                         version of the envelope                    TS 24.109 J.3.1.2
 *   SS SS SS SS                session identifier
 *   ...                        GPI, opaque, to the end
 *
 * NOT VERIFIED, as we could not read TS 24.109 J.3: the length of the session identifier (4 here),
 * the text of the application's id, and the short codes that would make both headers shorter. The
 * rest is the field's common practice for other pushes.
 *
 * Promise: pure, total, bounded.
 * Errors:  gba_gpi_push(): 0, it does not fit. gba_gpi_read(): false, it is something else.
 * Threads: any.
 * Source:  TS 24.109 J.2; WAP-230-WSP; TS 23.040 9.2.3.24.4 (ports).
 */
#ifndef LWG_GBA_GPI_PUSH_H
#define LWG_GBA_GPI_PUSH_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GBA_WAP_PORT = 2948, /* connectionless push, not secured */
	GBA_PID = 0x7d,      /* (U)SIM of the device: ME data download */
	GBA_DCS = 0xf5,      /* 8 bits, class 1 */
	GBA_GPI_MAX = 1024,
	GBA_PUSH_MAX = GBA_GPI_MAX + 64,
};

/* session: another for each push to the same device. Its length. */
MUST_USE size_t gba_gpi_push(
	uint32_t session, const uint8_t *gpi, size_t len, uint8_t *out, size_t cap);
/* The same backwards. *gpi points into push. */
MUST_USE bool gba_gpi_read(
	const uint8_t *push, size_t len, uint32_t *session, const uint8_t **gpi, size_t *gpi_len);

#endif
