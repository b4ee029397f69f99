/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/image: what a device may ask of the repository of firmware, and how it is answered.
 *
 * Promise: pure and total (I7). What is ours is a request below the prefix; of that only a GET is
 *          taken, of a path without empty segments, ".", "..", '%' quotes, or anything but
 *          printable ASCII, with no option that would make it mean something else. Blocks
 *          are of any size
 *          that fits the device's records, at most the one it asks for; each answer
 *          carries the ETag, so that a device sees when the image has become another one
 *          (RFC 7959 2.4).
 * Errors:  a code and a diagnostic for the device.
 * Threads: any. Clock, I/O, allocation: none.
 * Source:  RFC 7252 5.4 to 5.10; RFC 7959 2.2 to 2.4, 4.
 */
#ifndef LWG_PROXY_IMAGE_H
#define LWG_PROXY_IMAGE_H

#include "base/attr.h"
#include "proxy/coap.h"
#include "proxy/pull.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGE_ETAGS_MAX = 4, IMAGE_BLOCK_MAX = 1024, IMAGE_MESSAGE_MAX = IMAGE_BLOCK_MAX + 96 };

struct image_request { /* nothing in it points anywhere */
	uint16_t mid;
	bool confirmable;
	bool has_block, wants_size;
	uint8_t szx;
	uint8_t token_len;
	uint8_t token[PDU_TOKEN_MAX];
	uint8_t etags_len;
	uint8_t etag_len[IMAGE_ETAGS_MAX];
	uint8_t etags[IMAGE_ETAGS_MAX][PULL_ETAG_MAX];
	uint32_t num;
	uint32_t accept; /* PULL_NO_FORMAT: any */
	char path[PULL_PATH_MAX + 1];
};

enum image_verdict {
	IMAGE_NOT_OURS, /* the relay's affair */
	IMAGE_ASKED,
	IMAGE_REFUSED, /* *code and *why are for the device; mid, type and token are there */
};
/* prefix: segments joined by '/'. */
MUST_USE enum image_verdict image_read(const struct pdu *m, const char *prefix,
	struct image_request *out, uint8_t *code, const char **why);

struct image { /* what there is of it */
	const struct pull_entity *entity;
	uint64_t have; /* octets from the first one on */
	bool whole;    /* that is all */
	uint32_t max_age_s;
};
struct image_part {   /* what is to be answered */
	uint8_t code; /* 2.05 with the octets below; 2.03 or 4.xx: without any */
	const char *why;
	uint64_t offset;
	size_t len;
	uint8_t szx;
	bool more;
};
/* False: it is not there yet. room: the longest message that the device takes. */
MUST_USE bool image_part(const struct image *image, const struct image_request *r, size_t room,
	struct image_part *out);
/* data: the octets of the part. The length of the message; 0: it does not fit. */
MUST_USE size_t image_write(const struct image *image, const struct image_request *r,
	const struct image_part *part, const uint8_t *data, uint8_t out[IMAGE_MESSAGE_MAX]);
/* An answer without an image; 0: there is to be none. */
MUST_USE size_t image_refuse(const struct image_request *r, uint8_t code, const char *why,
	uint32_t max_age_s, uint8_t out[IMAGE_MESSAGE_MAX]);

#endif
