/* SPDX-License-Identifier: Apache-2.0 */
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool file_write(int fd, const void *data, size_t len, off_t at)
{
	const uint8_t *from = data;
	while (len > 0) {
		const ssize_t n = pwrite(fd, from, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0) {
			errno = ENOSPC;
			return false;
		}
		from += n;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool file_read(int fd, void *out, size_t cap, size_t *len)
{
	uint8_t *const to = out;
	for (*len = 0; *len < cap;) {
		const ssize_t n = read(fd, to + *len, cap - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return true;
}

static int open_folder_of(const char *file)
{
	const char *const slash = strrchr(file, '/');
	const size_t len = slash == file ? 1 : slash ? (size_t)(slash - file) : 0;
	char *const folder = slash ? strndup(file, len) : strdup(".");
	const int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	free(folder);
	return fd;
}

bool file_sync_folder_of(const char *file)
{
	const int fd = open_folder_of(file);
	const bool good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return good;
}
