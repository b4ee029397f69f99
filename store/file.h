/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/file: reading and writing the whole of something, whatever parts the kernel makes of it.
 *
 * Errors:  false with errno; a disk that took only a part: ENOSPC.
 * Threads: any; one at a time for each descriptor.
 */
#ifndef LWG_STORE_FILE_H
#define LWG_STORE_FILE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

MUST_USE bool file_write(int fd, const void *data, size_t len, off_t at);
/* From where it stands: cap octets, or *len up to its end. */
MUST_USE bool file_read(int fd, void *out, size_t cap, size_t *len);
/* That a name which was made or changed is on the medium. */
MUST_USE bool file_sync_folder_of(const char *file);

#endif
