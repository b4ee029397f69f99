/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io/inbox: messages from any thread to the one that owns the inbox, in the order they were
 *           posted.
 *
 * Promise: a post never blocks on the reader. What may be lost (INBOX_LOSSY: strays) takes at
 *          most half of the room and is refused beyond; what must arrive (INBOX_SURE) makes the
 *          room grow. inbox_fd() is readable as long as a message waits.
 * Errors:  false: no room (lossy) or no memory (sure); the poster still owns the message.
 * Memory:  one ring; messages are copied in and out.
 * Threads: any may post; one takes.
 */
#ifndef LWG_IO_INBOX_H
#define LWG_IO_INBOX_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INBOX_ROOM = 1 << 18, INBOX_MESSAGE_MAX = 4096 };
enum inbox_grade { INBOX_LOSSY, INBOX_SURE };

struct inbox; /* opaque */

struct inbox_message {
	uint32_t kind; /* the owner's */
	uint32_t len;
	uint8_t data[INBOX_MESSAGE_MAX];
};

MUST_USE struct inbox *inbox_new(void);
/* No thread may use it any more. */
void inbox_free(struct inbox *b);
int inbox_fd(const struct inbox *b);
/* len <= INBOX_MESSAGE_MAX; data may be NULL when len is 0. */
MUST_USE bool inbox_post(
	struct inbox *b, enum inbox_grade grade, uint32_t kind, const void *data, size_t len);
/* False: empty. */
MUST_USE bool inbox_take(struct inbox *b, struct inbox_message *out);
uint64_t inbox_refused(struct inbox *b);

#endif
