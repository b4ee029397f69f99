/* SPDX-License-Identifier: Apache-2.0 */
#include "store/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/file.h"

enum { NAME_LEN = 128, PID_LEN = 16 };

struct place {
	int dir;
	int lock;
	char name[]; /* for errors */
};

/* --- the folder ------------------------------------------------------------------------------- */

const char *place_unfit(int fd)
{
	static const struct {
		uint32_t magic; /* statfs(2) */
		const char *name;
	} kinds[] = {
		{ 0x01021994, "tmpfs" },
		{ 0x858458f6, "ramfs" },
		{ 0x794c7630, "overlay" },
		{ 0x61756673, "aufs" },
		{ 0x6969, "nfs" },
		{ 0xff534d42, "cifs" },
		{ 0xfe534d42, "smb2" },
		{ 0x517b, "smb" },
		{ 0x65735546, "fuse" },
		{ 0x01021997, "9p" },
		{ 0x00c36400, "ceph" },
		{ 0x5346414f, "afs" },
		{ 0x786f4256, "vboxsf" },
	};
	struct statfs s;
	if (fstatfs(fd, &s) != 0)
		return "unknown";
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if ((uint32_t)s.f_type == kinds[i].magic)
			return kinds[i].name;
	return NULL;
}

static bool is_ours(const struct place *p, bool any_filesystem, struct store_error *error)
{
	struct stat st;
	if (fstat(p->dir, &st) != 0)
		return store_fail(error, "%s: cannot be looked at: %s", p->name, strerror(errno));
	if (st.st_uid != geteuid())
		return store_fail(error,
			"%s: belongs to user %u, not to the one that lwgated runs as; run: chown "
			"-R %u %s",
			p->name, (unsigned)st.st_uid, (unsigned)geteuid(), p->name);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return store_fail(error, "%s: mode %04o lets others in; run: chmod 0700 %s",
			p->name, (unsigned)(st.st_mode & 07777), p->name);
	const char *const kind = any_filesystem ? NULL : place_unfit(p->dir);
	if (kind != NULL)
		return store_fail(error,
			"%s: is on a file system (%s) that may forget, or change behind the "
			"gateway's back; name a folder on a local disk, or allow it in the "
			"configuration",
			p->name, kind);
	return true;
}

/* --- the lock --------------------------------------------------------------------------------- */

static long holder(int fd)
{
	char text[PID_LEN + 1] = "";
	if (pread(fd, text, PID_LEN, 0) <= 0)
		return 0;
	return strtol(text, NULL, 10);
}

static bool fail_held(const struct place *p, struct store_error *error)
{
	const long pid = holder(p->lock);
	if (pid > 0)
		return store_fail(error,
			"%s: is in use by another lwgated, process %ld; stop that first", p->name,
			pid);
	return store_fail(error, "%s: is in use by another lwgated; stop that first", p->name);
}

static bool lock(struct place *p, struct store_error *error)
{
	p->lock = openat(p->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->lock < 0)
		return store_fail(error,
			"%s/lock: cannot be opened: %s; the store must be writable", p->name,
			strerror(errno));
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	if (fcntl(p->lock, F_OFD_SETLK, &whole) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			return fail_held(p, error);
		return store_fail(error, "%s/lock: cannot be locked: %s", p->name, strerror(errno));
	}
	/* Only for the words of another: on a full disk it stays empty. */
	char text[PID_LEN];
	const int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(p->lock, 0) == 0 && pwrite(p->lock, text, (size_t)len, 0) != len)
		(void)store_fail(error, "%s/lock: cannot be written", p->name);
	return true;
}

void place_close(struct place *p)
{
	if (p == NULL)
		return;
	if (p->lock >= 0)
		(void)close(p->lock);
	if (p->dir >= 0)
		(void)close(p->dir);
	free(p);
}

static bool open_dir(struct place *p, struct store_error *error)
{
	if (mkdir(p->name, 0700) != 0 && errno != EEXIST)
		return store_fail(error,
			"%s: cannot be made: %s; make it, with mode 0700, for the user that "
			"lwgated runs as",
			p->name, strerror(errno));
	p->dir = open(p->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir < 0)
		return store_fail(error,
			"%s: cannot be opened: %s; it must be a folder of the user that lwgated "
			"runs as",
			p->name, strerror(errno));
	return true;
}

struct place *place_open(const char *dir, bool any_filesystem, struct store_error *error)
{
	const size_t len = strlen(dir);
	struct place *const p = malloc(sizeof(*p) + len + 1);
	if (p == NULL) {
		(void)store_fail(error, "%s: no memory", dir);
		return NULL;
	}
	*p = (struct place){ .dir = -1, .lock = -1 };
	memcpy(p->name, dir, len + 1);
	if (open_dir(p, error) && is_ours(p, any_filesystem, error) && lock(p, error))
		return p;
	place_close(p);
	return NULL;
}

/* --- files ------------------------------------------------------------------------------------ */

enum store_result place_read(const struct place *p, const char *name, uint8_t *out, size_t cap,
	size_t *len, struct store_error *error)
{
	*len = 0;
	const int fd =
		openat(p->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return STORE_NONE;
	struct stat st;
	enum store_result r = STORE_OK;
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)store_fail(
			error, "%s/%s: cannot be opened: %s", p->name, name, strerror(errno));
		r = STORE_BROKEN;
	} else if (!S_ISREG(st.st_mode) || st.st_size < 0 || (size_t)st.st_size > cap) {
		(void)store_fail(error, "%s/%s: is damaged: it is no file of at most %zu octets",
			p->name, name, cap);
		r = STORE_DAMAGED;
	} else if (!file_read(fd, out, cap, len)) {
		(void)store_fail(
			error, "%s/%s: cannot be read: %s", p->name, name, strerror(errno));
		r = STORE_BROKEN;
	}
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/* The old file's octets, which no name leads to any more. */
static void overwrite(int fd)
{
	static const uint8_t zeros[512];
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 0)
		return;
	bool good = true;
	for (off_t at = 0; at < st.st_size && good; at += (off_t)sizeof(zeros)) {
		const off_t left = st.st_size - at;
		const size_t n = left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros);
		good = pwrite(fd, zeros, n, at) == (ssize_t)n;
	}
	(void)fdatasync(fd);
}

static bool write_new(const struct place *p, const char *temporary, const void *data, size_t len)
{
	(void)unlinkat(p->dir, temporary, 0); /* of a process that died here */
	const int fd = openat(
		p->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	const bool good = file_write(fd, data, len, 0) && fsync(fd) == 0;
	const int why = errno;
	(void)close(fd);
	if (!good)
		(void)unlinkat(p->dir, temporary, 0);
	errno = why;
	return good;
}

enum store_result place_replace(const struct place *p, const char *name, const void *data,
	size_t len, struct store_error *error)
{
	char temporary[NAME_LEN];
	const int n = snprintf(temporary, sizeof(temporary), "%s.new", name);
	if (n < 0 || n >= (int)sizeof(temporary)) {
		(void)store_fail(error, "%s/%s: the name is too long", p->name, name);
		return STORE_BROKEN;
	}
	const int old = openat(p->dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const bool good = write_new(p, temporary, data, len) &&
			  renameat(p->dir, temporary, p->dir, name) == 0 && fsync(p->dir) == 0;
	const int why = errno;
	if (old >= 0) {
		if (good)
			overwrite(old);
		(void)close(old);
	}
	if (good)
		return STORE_OK;
	(void)store_fail(error, "%s/%s: cannot be written: %s", p->name, name, strerror(why));
	return why == ENOSPC || why == EDQUOT ? STORE_FULL : STORE_BROKEN;
}
