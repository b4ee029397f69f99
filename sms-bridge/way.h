/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sms-bridge/way: one way to the network, an SMSC or a modem, as a machine: octets and a clock in,
 *                 octets and events out. Whoever owns the socket or the tty calls it.
 *
 * sms-bridge/smpp and sms-bridge/modem implement it, each over one stream of octets.
 *
 * Model:   the owner opens the stream and says so (up), hands over what comes (input), sends what
 *          is to go (output), calls tick at next_ms, and opens again, when it has been told to
 *          close, not before the time that it is told. Segments are numbered by the owner (tag).
 * Promise: no call blocks or allocates without bound. An event comes for each segment that was
 *          taken by send(): once, at the latest when the stream goes down. What has come waits for
 *          answer(), and is not acknowledged to the network before: it comes again after another
 *          start. A refused log-in is not tried again at once: the pause grows.
 * Errors:  what the peer sends that cannot be understood closes the stream, and says why.
 * Threads: one. The clock is told (monotonic milliseconds).
 */
#ifndef LWG_SMS_BRIDGE_WAY_H
#define LWG_SMS_BRIDGE_WAY_H

#include "base/attr.h"
#include "sms-bridge/wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct way;

struct way_segment {  /* one short message, either direction */
	uint32_t tag; /* sending: the owner's; receiving: to be given to answer() */
	struct wire_number peer, own;
	uint8_t pid, dcs;
	bool header;         /* data begins with a UDH */
	const uint8_t *data; /* at most 140 octets, but for message_payload of SMPP */
	size_t len;
	uint32_t valid_s; /* sending; 0: as the network has it */
	uint8_t scts[7];  /* receiving: TP-SCTS; zero: the way has none */
};

enum way_fate {
	WAY_SENT,  /* the network has it */
	WAY_AGAIN, /* it did not take it now (throttled, full, busy, gone): later, or another way */
	WAY_REFUSED, /* it never will */
	WAY_UNSURE,  /* the stream ended before the answer: it may have it */
};
struct way_sent {
	uint32_t tag;
	enum way_fate fate;
	uint32_t code;       /* of the network; 0: none */
	const char *smsc_id; /* "" */
};

struct way_owner {
	void *ctx;
	void (*sent)(void *ctx, struct way *w, const struct way_sent *s);
	/* One has come. answer() follows, maybe before this returns. */
	void (*received)(void *ctx, struct way *w, const struct way_segment *s);
	/* It can be used (the SMSC has let us in, the modem is registered), or not any more. why:
	   "", or a reason for the log with its remedy. */
	void (*ready)(void *ctx, struct way *w, bool is, const char *why);
	/* The owner is to close the stream, and open it not before again_ms. */
	void (*close)(void *ctx, struct way *w, uint64_t again_ms, const char *why);
};

struct way_ops {
	void (*free)(struct way *w);
	void (*up)(struct way *w, uint64_t now_ms);   /* the stream is open */
	void (*down)(struct way *w, uint64_t now_ms); /* it has ended by itself */
	void (*input)(struct way *w, const uint8_t *data, size_t len, uint64_t now_ms);
	/* What is to be sent now; consumed: so many octets of it have gone. */
	size_t (*output)(struct way *w, const uint8_t **data);
	void (*consumed)(struct way *w, size_t len);
	/* Takes one segment. False: not now (not ready, the window is full, a pause). */
	bool (*send)(struct way *w, const struct way_segment *s, uint64_t now_ms);
	/* Of what was received: is it taken? False: the network keeps it, and tries again. */
	void (*answer)(struct way *w, uint32_t tag, bool taken, uint64_t now_ms);
	void (*tick)(struct way *w, uint64_t now_ms);
	uint64_t (*next_ms)(const struct way *w); /* UINT64_MAX: never */
	/* Says goodbye, then asks to be closed. */
	void (*leave)(struct way *w, uint64_t now_ms);
};
struct way { /* the first member of an implementation */
	const struct way_ops *ops;
};

#endif
