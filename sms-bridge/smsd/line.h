/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/line: the stream of octets of one way: TCP, TLS or a tty, opened again when it has ended.
 *
 * Model:   whoever made the way calls line_start() and, before each time that the loop waits,
 *          line_settle(): that moves what the way has to say. What the stream says goes into the
 *          way at once.
 * Promise: never blocks; names are looked up beside the loop, one at a time. A tty is ours alone
 *          while it is open, and raw. TLS is 1.2 or newer; the other side is who server_name says,
 *          by the anchors, or nothing is said to it.
 * Errors:  line_new(): NULL with *error filled. Later the way is told that its stream has ended,
 *          and the log why.
 * Threads: one, the loop's, and one of smsd/lookup while a name is looked up.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_LINE_H
#define LWG_SMS_BRIDGE_SMSD_LINE_H

#include "base/attr.h"
#include "base/log.h"
#include "sms-bridge/smsd/settings.h"
#include "sms-bridge/way.h"

#include <stdbool.h>
#include <stdint.h>

struct ev_loop;
struct line;

struct line_owner {
	void *ctx;
	uint64_t (*now_ms)(void *ctx);
	void (*ended)(
		void *ctx, struct line *l); /* of the stream; what has come by it comes again */
};

/* s stays; anchors are read now. */
MUST_USE struct line *line_new(struct ev_loop *loop, const struct settings_way *s,
	const struct log *log, const struct line_owner *o, struct conf_error *error);
/* Closes; the way stays. */
void line_free(struct line *l);
/* The way that it is the stream of, before anything else. */
void line_carry(struct line *l, struct way *w);
void line_start(struct line *l);
/* Hands over what the way has to say, and closes what is to be closed. */
void line_settle(struct line *l);
/* From the way: close, and open not before then; UINT64_MAX: never again. */
void line_close(struct line *l, uint64_t again_ms);
bool line_is_open(const struct line *l);

#endif
