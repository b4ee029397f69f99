/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/chronicle_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A disk that is full for a while costs no line: some ten thousand may wait. */
enum { WAITING_MAX = 4 << 20, MODE = 0640, NAMES_MAX = 4096 };

struct complaint {
	char *text;
	size_t len;
};

static bool complain(const struct complaint *c, const char *form, ...) PRINTF_LIKE(2, 3);

static bool complain(const struct complaint *c, const char *form, ...)
{
	va_list args;
	va_start(args, form);
	(void)vsnprintf(c->text, c->len, form, args);
	va_end(args);
	return false;
}

/* --- whose it is ----------------------------------------------------------------------------- */

static bool is_named(const char *name)
{
	return name && name[0] != '\0';
}

static bool find_user(const char *name, uid_t *uid)
{
	char text[NAMES_MAX];
	struct passwd entry, *found = NULL;
	if (getpwnam_r(name, &entry, text, sizeof(text), &found) != 0 || !found)
		return false;
	*uid = entry.pw_uid;
	return true;
}

static bool find_group(const char *name, gid_t *gid)
{
	char text[NAMES_MAX];
	struct group entry, *found = NULL;
	if (getgrnam_r(name, &entry, text, sizeof(text), &found) != 0 || !found)
		return false;
	*gid = entry.gr_gid;
	return true;
}

/* A file that we have made. */
static bool give(const struct gw_file *f, int fd, const struct complaint *c)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	if (is_named(f->user) && geteuid() == 0 && !find_user(f->user, &uid))
		return complain(c, "events.file: user \"%s\" does not exist", f->user);
	if (is_named(f->group) && !find_group(f->group, &gid))
		return complain(c,
			"events.file: group %s does not exist; create it (groupadd --system %s), "
			"or set control.group",
			f->group, f->group);
	/* The umask is not asked: who is in the group is to read it. */
	if (fchmod(fd, MODE) == 0 && fchown(fd, uid, gid) == 0)
		return true;
	return complain(c,
		"events.file: %s cannot be given to its group: %s; start as root, join the group, "
		"or set control.group = \"\"",
		f->path, strerror(errno));
}

/* --- opening it ------------------------------------------------------------------------------ */

static const char *remedy_of(int error)
{
	switch (error) {
	case ENOENT:
		return "make its folder";
	case EACCES:
	case EPERM:
		return "let the gateway's user write it";
	case ELOOP:
		return "name the file itself, not a symbolic link to it";
	default:
		return "choose another file";
	}
}

static int open_at(const struct gw_file *f, const struct complaint *c)
{
	/* Read, too: for its last octet. Not blocking, for what turns out to be no file. */
	const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK;
	int fd = open(f->path, flags);
	if (fd >= 0 || errno != ENOENT) {
		if (fd < 0)
			(void)complain(c, "events.file: %s cannot be opened: %s; %s", f->path,
				strerror(errno), remedy_of(errno));
		return fd;
	}
	fd = open(f->path, flags | O_CREAT | O_EXCL, MODE);
	if (fd < 0) {
		(void)complain(c, "events.file: %s cannot be made: %s; %s", f->path,
			strerror(errno), remedy_of(errno));
		return -1;
	}
	if (give(f, fd, c))
		return fd;
	(void)close(fd);
	(void)unlink(f->path);
	return -1;
}

/* A line that a crash has cut short gets its end: what follows is lines again. */
static bool mend(int fd, const struct stat *s)
{
	char last = '\n';
	if (s->st_size > 0 && pread(fd, &last, 1, s->st_size - 1) != 1)
		return false;
	return last == '\n' || write(fd, "\n", 1) == 1;
}

static bool take(struct gw_file *f, const struct complaint *c)
{
	struct stat s;
	const int fd = open_at(f, c);
	if (fd < 0)
		return false;
	if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) {
		(void)close(fd);
		return complain(c, "events.file: %s is no regular file; name another", f->path);
	}
	if (!mend(fd, &s)) {
		(void)complain(c, "events.file: %s cannot be written: %s; make room", f->path,
			strerror(errno));
		(void)close(fd);
		return false;
	}
	f->fd = fd;
	return true;
}

bool gw_file_open(struct gw_file *f, char *error, size_t error_len)
{
	const struct complaint c = { .text = error, .len = error_len };
	if (error_len > 0)
		error[0] = '\0';
	f->fd = -1;
	f->queue = (struct gw_queue){ .most = WAITING_MAX };
	return !f->path || take(f, &c);
}

/* --- writing it ------------------------------------------------------------------------------ */

static void say_failed(struct gw_file *f, const char *why)
{
	if (!f->failing)
		log_say(f->log, LOG_LEVEL_ERROR, "events-file",
			"%s; what comes meanwhile waits, and is tried again", why);
	f->failing = true;
}

static void say_good(struct gw_file *f)
{
	if (f->failing)
		log_say(f->log, LOG_LEVEL_INFO, "events-file",
			"%s is written again; %llu lines were lost since the start", f->path,
			(unsigned long long)f->unwritten);
	f->failing = false;
}

static bool opened(struct gw_file *f)
{
	char why[256];
	const struct complaint c = { .text = why, .len = sizeof(why) };
	if (f->fd >= 0 || take(f, &c))
		return true;
	say_failed(f, why);
	return false;
}

/* Octets of whole lines among the n that were written. A line that did not fit to its end is taken
   back, so that it is written whole, or not, whatever happens to us before. */
static size_t whole(const struct gw_file *f, const uint8_t *data, size_t n)
{
	size_t lines = n;
	while (lines > 0 && data[lines - 1] != '\n')
		lines--;
	if (lines == n)
		return n;
	const off_t end = lseek(f->fd, 0, SEEK_END);
	const off_t cut = (off_t)(n - lines);
	return end >= cut && ftruncate(f->fd, end - cut) == 0 ? lines : n;
}

static bool write_next(struct gw_file *f, const uint8_t *data, size_t len)
{
	ssize_t n = 0;
	do
		n = write(f->fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		gw_queue_gone(&f->queue, whole(f, data, (size_t)n));
	if (n > 0 && (size_t)n == len)
		return true;
	char why[256];
	(void)snprintf(why, sizeof(why), "events.file: %s cannot be written: %s", f->path,
		strerror(n < 0 ? errno : ENOSPC));
	say_failed(f, why);
	return false;
}

void gw_file_flush(struct gw_file *f)
{
	size_t len = 0;
	if (!f->path || !opened(f))
		return;
	for (;;) {
		const uint8_t *const data = gw_queue_next(&f->queue, &len);
		if (len == 0)
			break;
		if (!write_next(f, data, len))
			return;
	}
	say_good(f);
}

void gw_file_add(struct gw_file *f, const struct gw_piece *p)
{
	if (f->path && !gw_queue_add(&f->queue, p))
		f->unwritten++;
}

uint64_t gw_file_waiting(const struct gw_file *f)
{
	uint64_t lines = 0;
	for (size_t i = f->queue.at; i < f->queue.len; i++)
		lines += f->queue.data[i] == '\n';
	return lines;
}

static void shut(struct gw_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
}

void gw_file_reopen(struct gw_file *f)
{
	if (!f->path)
		return;
	gw_file_flush(f); /* what was decided before it was moved away */
	shut(f);
	gw_file_flush(f);
}

void gw_file_close(struct gw_file *f)
{
	if (f->queue.len > f->queue.at || f->queue.lost > 0)
		gw_file_flush(f);
	shut(f);
	gw_queue_fini(&f->queue);
}
