/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/place: the folder that the store has for itself, and small files in it.
 *
 * Promise: one process at a time holds a folder (S22, R-193), in whatever PID namespace it lives.
 *          Nobody but its user may look into it. A file is replaced as a whole: after a power loss
 *          it is the old one or the new one.
 * Errors:  false or NULL, with *error: the name, what is wrong, the remedy.
 * Threads: one.
 * Source:  fcntl(2), "Open file description locks"; persistence rules S10, S22.
 */
#ifndef LWG_STORE_PLACE_H
#define LWG_STORE_PLACE_H

#include "base/attr.h"
#include "store/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place;

/* Makes the folder (0700) when it is missing, but not those above it. any_filesystem: also those
   that forget (tmpfs ...), that show one file as several (overlay), and that others write to over a
   network. */
MUST_USE struct place *place_open(const char *dir, bool any_filesystem, struct store_error *error);
/* The folder can be held by another process from here on. */
void place_close(struct place *p);

/* name: in the folder. STORE_NONE: there is none; STORE_DAMAGED: it is longer than cap, or no
   regular file; STORE_BROKEN: the rest. */
MUST_USE enum store_result place_read(const struct place *p, const char *name, uint8_t *out,
	size_t cap, size_t *len, struct store_error *error);
/* Durable on return, with mode 0600. What the old file held is overwritten, as far as the file
   system writes in place. STORE_FULL: the old one is still there; STORE_BROKEN: one of the two. */
MUST_USE enum store_result place_replace(const struct place *p, const char *name, const void *data,
	size_t len, struct store_error *error);

/* The name of the kind of file system that fd is on, if the store refuses it; else NULL. */
const char *place_unfit(int fd);

#endif
