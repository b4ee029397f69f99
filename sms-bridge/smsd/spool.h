/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/spool: segments that were acknowledged to the network and whose message is not whole, on
 *             disk.
 *
 * Promise: what spool_put() has returned true for is there after a power loss. A row that was not
 *          written here is dropped when it is read. At most SPOOL_BYTES on disk.
 * Errors:  spool_open(): NULL, *why says what and the remedy; put: false.
 * Threads: one. Blocks for the disk.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_SPOOL_H
#define LWG_SMS_BRIDGE_SMSD_SPOOL_H

#include "base/attr.h"
#include "sms-bridge/pdu/segments.h"
#include "sms-bridge/smsd/bridge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;
enum { SPOOL_BYTES = 64 << 20, SPOOL_WHY_MAX = 256 };

/* folder is made where it is not, with mode 0700. */
MUST_USE struct spool *spool_open(const char *folder, char why[SPOOL_WHY_MAX]);
void spool_close(struct spool *s);
struct bridge_spool spool_for_bridge(struct spool *s);
/* Each that is there; what is handed over is good until it returns. How many. */
size_t spool_each(
	struct spool *s, void (*each)(void *ctx, const struct segments_part *p), void *ctx);

#endif
