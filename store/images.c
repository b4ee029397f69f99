/* SPDX-License-Identifier: Apache-2.0 */
#include "store/images.h"

#include "base/rd.h"
#include "base/wr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SUM = 32,
	NAME_OCTETS = 16,
	NAME_MAX_LEN = 2 * NAME_OCTETS + 8,
	PIECE = 4096,
	HEADER_SUM_AT = IMAGES_HEADER - SUM
};
static const uint8_t magic[8] = { 'l', 'w', 'g', 'i', 'm', 'g', 0, 1 };

/* --- names ----------------------------------------------------------------------------------- */

static bool name_of(const char *path, const char *suffix, char out[NAME_MAX_LEN])
{
	uint8_t sum[SUM];
	if (!EVP_Digest(path, strlen(path), sum, NULL, EVP_sha256(), NULL))
		return false;
	for (size_t i = 0; i < NAME_OCTETS; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", sum[i]);
	(void)snprintf(out + (size_t)2 * NAME_OCTETS, 8, "%s", suffix);
	return true;
}

static bool ends_with(const char *name, const char *suffix)
{
	const size_t len = strlen(name), its = strlen(suffix);
	return len >= its && strcmp(name + len - its, suffix) == 0;
}

/* Of the files with that suffix; visit answers whether to go on. */
static bool each_file(int folder, const char *suffix,
	bool (*visit)(void *ctx, int folder, const char *name), void *ctx)
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *const d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	while ((e = readdir(d))) { /* cppcheck-suppress readdirCalled; d is nobody else's */
		if (ends_with(e->d_name, suffix) && !visit(ctx, folder, e->d_name))
			break;
	}
	(void)closedir(d);
	return true;
}

static bool forget(void *ctx, int folder, const char *name)
{
	(void)ctx;
	(void)unlinkat(folder, name, 0);
	return true;
}

int images_open(const char *folder)
{
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return -1;
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !each_file(fd, ".part", forget, NULL)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* --- header ---------------------------------------------------------------------------------- */

struct header {
	struct images_facts facts;
	char path[IMAGES_PATH_MAX + 1];
	uint8_t sum[SUM];
};

static bool write_header(
	int fd, const char *path, const struct images_facts *f, const uint8_t sum[SUM])
{
	uint8_t out[IMAGES_HEADER] = { 0 };
	struct wr w = wr_into(out, HEADER_SUM_AT);
	wr_bytes(&w, magic, sizeof(magic));
	wr_u64(&w, f->size);
	wr_u64(&w, f->fresh_until_ms);
	wr_u32(&w, f->format);
	wr_u8(&w, f->etag_len);
	wr_bytes(&w, f->etag, sizeof(f->etag));
	wr_bytes(&w, sum, SUM);
	wr_u8(&w, (uint8_t)strlen(path));
	wr_bytes(&w, path, strlen(path));
	return wr_ok(&w) &&
	       EVP_Digest(out, HEADER_SUM_AT, out + HEADER_SUM_AT, NULL, EVP_sha256(), NULL) &&
	       pwrite(fd, out, sizeof(out), 0) == (ssize_t)sizeof(out);
}

static bool read_header(int fd, struct header *out)
{
	uint8_t data[IMAGES_HEADER], sum[SUM];
	*out = (struct header){ .path = "" };
	if (pread(fd, data, sizeof(data), 0) != (ssize_t)sizeof(data) ||
		!EVP_Digest(data, HEADER_SUM_AT, sum, NULL, EVP_sha256(), NULL) ||
		memcmp(sum, data + HEADER_SUM_AT, SUM) != 0 ||
		memcmp(data, magic, sizeof(magic)) != 0)
		return false;
	struct rd r = rd_from(data + sizeof(magic), HEADER_SUM_AT - sizeof(magic));
	out->facts.size = rd_u64(&r);
	out->facts.fresh_until_ms = rd_u64(&r);
	out->facts.format = rd_u32(&r);
	out->facts.etag_len = rd_u8(&r);
	rd_copy(&r, out->facts.etag, sizeof(out->facts.etag));
	rd_copy(&r, out->sum, SUM);
	const uint8_t len = rd_u8(&r);
	if (len > IMAGES_PATH_MAX || out->facts.etag_len > IMAGES_ETAG_MAX)
		return false;
	rd_copy(&r, (uint8_t *)out->path, len);
	return rd_ok(&r);
}

/* Of all octets from IMAGES_HEADER on, which are size. */
static bool sum_up(int fd, uint64_t size, uint8_t out[SUM])
{
	EVP_MD_CTX *const c = EVP_MD_CTX_new();
	uint8_t piece[PIECE];
	uint64_t at = 0;
	bool good = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL);
	while (good && at < size) {
		const ssize_t n = pread(fd, piece, sizeof(piece), (off_t)(IMAGES_HEADER + at));
		good = n > 0 && EVP_DigestUpdate(c, piece, (size_t)n);
		at += n > 0 ? (uint64_t)n : 0;
	}
	good = good && at == size && EVP_DigestFinal_ex(c, out, NULL);
	EVP_MD_CTX_free(c);
	return good;
}

static bool is_whole(int fd, const char *path, struct header *h)
{
	uint8_t sum[SUM];
	struct stat s;
	return read_header(fd, h) && strcmp(h->path, path) == 0 && fstat(fd, &s) == 0 &&
	       (uint64_t)s.st_size == IMAGES_HEADER + h->facts.size &&
	       sum_up(fd, h->facts.size, sum) && memcmp(sum, h->sum, SUM) == 0;
}

int images_load(int folder, const char *path, struct images_facts *out)
{
	char name[NAME_MAX_LEN];
	struct header h;
	if (!name_of(path, ".img", name))
		return -1;
	const int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (is_whole(fd, path, &h)) {
		*out = h.facts;
		return fd;
	}
	(void)close(fd);
	(void)unlinkat(folder, name, 0);
	errno = EBADMSG;
	return -1;
}

/* --- making one ------------------------------------------------------------------------------ */

int images_begin(int folder, const char *path)
{
	char name[NAME_MAX_LEN];
	if (strlen(path) > IMAGES_PATH_MAX || !name_of(path, ".part", name))
		return -1;
	(void)unlinkat(folder, name, 0); /* who reads the one before goes on with it */
	return openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool images_write(int fd, uint64_t offset, const void *data, size_t len)
{
	return len == 0 || pwrite(fd, data, len, (off_t)(IMAGES_HEADER + offset)) == (ssize_t)len;
}

bool images_commit(int folder, int fd, const char *path, const struct images_facts *f)
{
	char part[NAME_MAX_LEN], whole[NAME_MAX_LEN];
	uint8_t sum[SUM];
	return name_of(path, ".part", part) && name_of(path, ".img", whole) &&
	       sum_up(fd, f->size, sum) && write_header(fd, path, f, sum) && fsync(fd) == 0 &&
	       renameat(folder, part, folder, whole) == 0 && fsync(folder) == 0;
}

bool images_renew(int fd, const char *path, const struct images_facts *f)
{
	struct header h;
	return read_header(fd, &h) && write_header(fd, path, f, h.sum) && fdatasync(fd) == 0;
}

void images_drop(int folder, const char *path)
{
	char name[NAME_MAX_LEN];
	if (name_of(path, ".part", name))
		(void)unlinkat(folder, name, 0);
}

/* --- room ------------------------------------------------------------------------------------ */

void images_used(int fd)
{
	(void)futimens(fd, NULL);
}

struct census {
	uint64_t octets;
	struct timespec oldest;
	char name[NAME_MAX_LEN]; /* of the oldest; "": there is none */
};

static bool count(void *ctx, int folder, const char *name)
{
	struct census *const c = ctx;
	struct stat s;
	if (strlen(name) >= sizeof(c->name) || fstatat(folder, name, &s, AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	c->octets += (uint64_t)s.st_size;
	const bool older =
		s.st_mtim.tv_sec < c->oldest.tv_sec ||
		(s.st_mtim.tv_sec == c->oldest.tv_sec && s.st_mtim.tv_nsec < c->oldest.tv_nsec);
	if (c->name[0] == '\0' || older) {
		c->oldest = s.st_mtim;
		(void)snprintf(c->name, sizeof(c->name), "%s", name);
	}
	return true;
}

bool images_make_room(int folder, uint64_t more, uint64_t max)
{
	if (more > max)
		return false;
	for (;;) {
		struct census c = { .name = "" };
		if (!each_file(folder, ".img", count, &c))
			return false;
		if (c.octets + more <= max)
			return true;
		if (c.name[0] == '\0' || unlinkat(folder, c.name, 0) != 0)
			return false;
	}
}
