/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/link: the way to the gateway: messages of sms-bridge/wire as nng's pair0 carries them over
 *            a local socket: the calling half of SP, which comes again by itself.
 *
 * nng itself is not used: here it is known of each octet for which connection it is, and no thread
 * but the loop's has anything to do with it.
 *
 * Promise: connected() tells of each connection and each end, in turn; nothing of one connection is
 *          said in the next. At most LINK_BYTES wait to be said; what is heard is at most
 *          WIRE_FRAME_MAX long, or the connection ends.
 * Errors:  link_new(): NULL, *why says what. link_say(): what does not fit is dropped: the gateway
 *          asks again, or the network does.
 * Threads: one, the loop's.
 * Source:  nanomsg RFCs sp-tcp-mapping-01 and sp-pair-01 (greeting); the frame's type octet is of
 *          nanomsg's ipc transport.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_LINK_H
#define LWG_SMS_BRIDGE_SMSD_LINK_H

#include "base/attr.h"
#include "sms-bridge/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;
struct link;

enum { LINK_BYTES = 4 << 20, LINK_WHY_MAX = 256 };

struct link_owner {
	void *ctx;
	void (*connected)(void *ctx, bool is);
	void (*heard)(void *ctx, const uint8_t *frame, size_t len);
};

MUST_USE struct link *link_new(
	struct ev_loop *loop, const char *path, const struct link_owner *o, char why[LINK_WHY_MAX]);
void link_free(struct link *l);
/* Begins to dial. */
void link_start(struct link *l);
/* False: it was dropped. */
bool link_say(struct link *l, const struct wire_message *m);

#endif
