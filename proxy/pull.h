/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/pull: the gateway as a client that fetches one image, block by block (RFC 7959 2.4).
 *
 * One request is under way at a time; a block is asked for when the one before it is there.
 *
 * Promise: total and bounded (I7), whatever the repository says. What is handed out is the image
 *          from its first octet on, without a gap, of one ETag: when that changes, or a block is
 *          not the one that was asked for, the pull ends. An image of more than one block has an
 *          ETag, or is not fetched: nothing else says that its blocks belong together.
 * Errors:  PULL_FAILED with the code for who waits; PULL_OTHER: it may be begun anew.
 * Memory:  a struct pull_got points into the message.
 * Threads: any, one pull each. No I/O; the clock is told (monotonic milliseconds).
 * Source:  RFC 7252 4.2 (retransmission), 5.10.6 (ETag); RFC 7959 2.2 to 2.4, 4 (Size2).
 */
#ifndef LWG_PROXY_PULL_H
#define LWG_PROXY_PULL_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PULL_PATH_MAX = 200,
	PULL_ETAG_MAX = 8,
	PULL_MESSAGE_MAX = 320, /* of ours */
	PULL_TRIES = 5,
	PULL_MAX_AGE_S = 60, /* where nothing is said (RFC 7252 5.10.5) */
	PULL_NO_FORMAT = 0x10000,
};

struct pull_entity {     /* what is said of the image */
	uint32_t format; /* Content-Format; PULL_NO_FORMAT: not said */
	uint32_t max_age_s;
	uint64_t size;    /* a hint; 0: not said */
	uint8_t etag_len; /* 0: none */
	uint8_t etag[PULL_ETAG_MAX];
};

struct pull { /* zeroed: none */
	bool active;
	bool acked;    /* the answer comes separately */
	uint8_t szx;   /* at most, of what comes */
	uint8_t tries; /* of this request that were sent */
	uint16_t mid;
	uint32_t token;
	uint64_t offset; /* what is there */
	uint64_t wait_ms, due_ms;
	struct pull_entity entity; /* from the first block on; before: what is known already */
	char path[PULL_PATH_MAX + 1];
};

enum pull_what {
	PULL_NOTHING,
	PULL_DATA,   /* the next octets; the pull is over if they are the last */
	PULL_VALID,  /* what is known already is what there is; over */
	PULL_OTHER,  /* the image is another one by now; over */
	PULL_FAILED, /* over */
};
struct pull_got {
	enum pull_what what;
	const uint8_t *data;
	size_t len;
	bool last;
	uint8_t code;     /* FAILED: for who waits */
	const char *why;  /* the same; static */
	bool acknowledge; /* ack is to be sent */
	uint8_t ack[4];
};

/* path: segments joined by '/', at most PULL_PATH_MAX octets. known: what is there, if it has an
   ETag; else NULL. random: not used before. */
void pull_begin(struct pull *p, const char *path, const struct pull_entity *known, uint32_t random,
	uint64_t now_ms);
/* The request, if it is due: its length; else 0. */
size_t pull_send(struct pull *p, uint64_t now_ms, uint8_t out[PULL_MESSAGE_MAX]);
/* Nobody answers: it was sent PULL_TRIES times, or acknowledged and no more. The pull is over. */
MUST_USE bool pull_gives_up(struct pull *p, uint64_t now_ms);
/* The channel is another one: the request is sent anew, at once. */
void pull_again(struct pull *p, uint64_t now_ms);
/* UINT64_MAX: never. */
uint64_t pull_next_ms(const struct pull *p);
void pull_heard(
	struct pull *p, const uint8_t *msg, size_t len, uint64_t now_ms, struct pull_got *out);

#endif
