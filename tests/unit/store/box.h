/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/box: a folder of a test's own, and what happens to parts of the files in it.
 *
 * Promise: box_free() leaves nothing behind. Paths stay good as long as the box.
 * Errors:  assert(): a test cannot go on.
 * Threads: one.
 */
#ifndef LWG_UNIT_STORE_BOX_H
#define LWG_UNIT_STORE_BOX_H

#include "base/attr.h"

#include <stddef.h>

struct box;

/* in: "/tmp", or where a tmpfs is. */
MUST_USE struct box *box_new(const char *in);
void box_free(struct box *b);
MUST_USE const char *box_folder(const struct box *b);
/* The same name gives the same pointer. */
MUST_USE const char *box_path(struct box *b, const char *name);
MUST_USE long box_size(const char *path); /* -1: no such file */
/* Overwrites from at on; at -1: the file becomes this. */
void box_write(const char *path, long at, const void *data, size_t len);
/* Reads exactly so much. */
void box_read(const char *path, long at, void *data, size_t len);

#endif
