/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/images: firmware images on disk, one file each, in a folder that has nothing else in it.
 *
 * A file is NAME.part while it grows, and NAME.img when it is whole: a header of IMAGES_HEADER
 * octets, and the image. NAME is made of the image's path.
 *
 * Promise: what images_load() gives was committed whole, and is as it was then: header and image
 *          have SHA-256 sums, which are compared each time that it is loaded; what differs, is
 *          half-written or is another path's is removed. The sums find damage, not forgery: who
 *          can write in the folder can write an image (its integrity for the device is end to end,
 *          No length that is read from a file makes anything be allocated.
 * Errors:  -1 or false with errno; nothing is left half done under the name of a whole one.
 * Threads: one for each folder. Blocks, for as long as the disk takes.
 */
#ifndef LWG_STORE_IMAGES_H
#define LWG_STORE_IMAGES_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IMAGES_HEADER = 512, IMAGES_PATH_MAX = 200, IMAGES_ETAG_MAX = 8 };

struct images_facts {
	uint32_t format;         /* the caller's; see proxy/pull */
	uint64_t fresh_until_ms; /* wall clock */
	uint64_t size;
	uint8_t etag_len;
	uint8_t etag[IMAGES_ETAG_MAX];
};

/* Makes the folder if it is missing, and removes what was not finished. Its descriptor; -1. */
MUST_USE int images_open(const char *folder);
/* The descriptor of a whole image: the first octet is at IMAGES_HEADER. -1: there is none. */
MUST_USE int images_load(int folder, const char *path, struct images_facts *out);
/* A file that grows; there is at most one of a path. -1. */
MUST_USE int images_begin(int folder, const char *path);
MUST_USE bool images_write(int fd, uint64_t offset, const void *data, size_t len);
/* It is all there, and on the disk when this returns; it takes the place of the one before. */
MUST_USE bool images_commit(int folder, int fd, const char *path, const struct images_facts *f);
/* f->fresh_until_ms is another one. */
MUST_USE bool images_renew(int fd, const char *path, const struct images_facts *f);
/* What grows is not to be finished. */
void images_drop(int folder, const char *path);
/* It was asked for now: it is the last to make room. */
void images_used(int fd);
/* Removes whole ones that were not used longest until they, and `more` octets, are within max.
   False: more is too much. What is open stays readable. */
MUST_USE bool images_make_room(int folder, uint64_t more, uint64_t max);

#endif
