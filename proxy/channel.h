/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/channel: how the relay sees a device or a server: something that takes whole messages.
 *
 * The gateway implements it over a DTLS association, an SMS key set or a NoSec address; tests
 * implement it in memory.
 *
 * Promise: a channel that exists has been authenticated (I3); what it delivers came whole, once,
 *          unaltered.
 * Memory:  the channel is its implementer's; the relay borrows it from the call that gives it until
 *          the call that takes it away or until it calls close.
 * Threads: the worker of the relay.
 */
#ifndef LWG_PROXY_CHANNEL_H
#define LWG_PROXY_CHANNEL_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel;

enum channel_reason {     /* why the relay lets go of a channel */
	CHANNEL_DONE,     /* the other side is gone for good */
	CHANNEL_SILENT,   /* it answers no more */
	CHANNEL_REPLACED, /* the same endpoint has a newer one */
	CHANNEL_ORDERED,  /* an operator or the end of the program */
};

struct channel_ops {
	/* The longest message that send() takes, in bytes; SIZE_MAX: any. It may change between two
	   associations of one peer, never within one. */
	size_t (*room)(struct channel *c);
	/* Sends one message. False: it can't be sent (too long, or the channel is broken); nothing
	   was sent. */
	bool (*send)(struct channel *c, const uint8_t *msg, size_t len);
	/* Lets go: the peer is told where the channel can; no event follows. */
	void (*close)(struct channel *c, enum channel_reason why);
};

/* To be embedded as the first member of an implementation. */
struct channel {
	const struct channel_ops *ops;
};

#endif
