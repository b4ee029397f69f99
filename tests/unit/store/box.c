/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/store/box.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATHS_MAX = 16, PATH_LEN = 256 };

struct box {
	char folder[PATH_LEN];
	char paths[PATHS_MAX][PATH_LEN];
	size_t len;
};

struct box *box_new(const char *in)
{
	struct box *const b = calloc(1, sizeof(*b));
	assert(b);
	(void)snprintf(b->folder, sizeof(b->folder), "%s/lwgate-test-XXXXXX", in);
	const char *const made = mkdtemp(b->folder);
	assert(made);
	return b;
}

void box_free(struct box *b)
{
	struct dirent **names = NULL;
	const int n = scandir(b->folder, &names, NULL, alphasort);
	assert(n >= 0);
	for (int i = 0; names && i < n; i++) {
		char file[sizeof(b->folder) + sizeof(names[i]->d_name) + 1];
		(void)snprintf(file, sizeof(file), "%s/%s", b->folder, names[i]->d_name);
		(void)unlink(file); /* refuses "." and ".." */
		free(names[i]);
	}
	free(names);
	const bool gone = rmdir(b->folder) == 0;
	assert(gone);
	free(b);
}

const char *box_folder(const struct box *b)
{
	return b->folder;
}

const char *box_path(struct box *b, const char *name)
{
	char path[2 * PATH_LEN];
	const int len = snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	assert(len > 0 && len < PATH_LEN);
	for (size_t i = 0; i < b->len; i++)
		if (strcmp(b->paths[i], path) == 0)
			return b->paths[i];
	assert(b->len < PATHS_MAX);
	return memcpy(b->paths[b->len++], path, (size_t)len + 1);
}

long box_size(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 ? (long)st.st_size : -1;
}

void box_write(const char *path, long at, const void *data, size_t len)
{
	const int fd = open(path, O_WRONLY | O_CREAT | (at < 0 ? O_TRUNC : 0), 0600);
	assert(fd >= 0);
	const ssize_t n = pwrite(fd, data, len, at < 0 ? 0 : at);
	assert(n == (ssize_t)len);
	(void)close(fd);
}

void box_read(const char *path, long at, void *data, size_t len)
{
	const int fd = open(path, O_RDONLY);
	assert(fd >= 0);
	const ssize_t n = pread(fd, data, len, at);
	assert(n == (ssize_t)len);
	(void)close(fd);
}
