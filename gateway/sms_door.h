/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/sms_door: where the SMS bridge comes to: the listening half of nng's pair0 protocol, for
 *                   one peer.
 *
 * It is our own for the reasons that ctl/sp has: nng 1.5.2's listener never accepts again once a
 * dialer hangs up during the greeting, and its threads are none of ours.
 *
 * Promise: one bridge at a time, the newest that has greeted: the one before may have died without
 *          a word. Nothing blocks; what
 *          comes is at most WIRE_FRAME_MAX octets, and one that says anything else is hung up on.
 * Errors:  gw_sms_door_open(): NULL, *error says what is wrong and the remedy.
 * Memory:  two buffers of fixed size. What is given to frame() is good until it returns.
 * Threads: one.
 * Source:  nanomsg RFC sp-tcp-mapping-01 (greeting); pair's protocol number is 0x10.
 */
#ifndef LWG_GATEWAY_SMS_DOOR_H
#define LWG_GATEWAY_SMS_DOOR_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_sms_door;

struct gw_sms_door_owner {
	void *ctx;
	void (*up)(void *ctx);   /* a bridge has greeted; what was there before is gone */
	void (*down)(void *ctx); /* it has gone */
	void (*frame)(void *ctx, const uint8_t *data, size_t len);
	void (*room)(void *ctx); /* what had to wait in say() could be said now */
};

struct gw_sms_door_place {
	const char *path, *group;
	int inherited; /* a socket that listens on path; -1: none */
};

MUST_USE struct gw_sms_door *gw_sms_door_open(const struct gw_sms_door_place *place,
	const struct gw_sms_door_owner *owner, char *error, size_t error_len);
/* Closes it; the file is removed where that is allowed. */
void gw_sms_door_close(struct gw_sms_door *d);
/* Readable when gw_sms_door_serve() has something to do. */
int gw_sms_door_fd(const struct gw_sms_door *d);
int gw_sms_door_listener(const struct gw_sms_door *d);
void gw_sms_door_serve(struct gw_sms_door *d);
/* False: nobody is there, or too much is on its way: room() or up() will follow. Not kept. */
MUST_USE bool gw_sms_door_say(struct gw_sms_door *d, const uint8_t *frame, size_t len);
bool gw_sms_door_is_up(const struct gw_sms_door *d);

#endif
