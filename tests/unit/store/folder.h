/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit/store/folder: a folder for one test, and what tests do to files in it.
 *
 * Promise: folder_remove() leaves nothing behind. Errors: asserted. Threads: one.
 */
#ifndef LWG_UNIT_STORE_FOLDER_H
#define LWG_UNIT_STORE_FOLDER_H

#include <stddef.h>
#include <stdint.h>

enum { FOLDER_MAX = 256 };

/* Empty, mode 0700. */
void folder_make(char folder[FOLDER_MAX]);
void folder_remove(const char *folder);
/* A file's name; good until the next two calls. */
const char *folder_file(const char *folder, const char *name);
long folder_size(const char *file);
void folder_write(const char *file, const void *data, size_t len);
/* All of it, to be freed; *len of it. */
uint8_t *folder_read(const char *file, size_t *len);

#endif
