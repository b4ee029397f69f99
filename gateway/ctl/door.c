/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/door.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	FOLDER_MODE = 0750,
	SOCKET_UMASK = 0117, /* mode 0660 */
	GROUP_BUFFER = 16384,
	BACKLOG = 128,
};

struct failure {
	const char *setting;
	char *text;
	size_t len;
};

static bool fail(const struct failure *f, const char *form, ...) PRINTF_LIKE(2, 3);

static bool fail(const struct failure *f, const char *form, ...)
{
	va_list args;
	va_start(args, form);
	(void)vsnprintf(f->text, f->len, form, args);
	va_end(args);
	return false;
}

/* (gid_t)-1: nothing is to be changed. */
static bool group_id(const char *name, gid_t *gid, const struct failure *f)
{
	struct group entry, *found = NULL;
	*gid = (gid_t)-1;
	if (name[0] == '\0')
		return true;
	char *buffer = malloc(GROUP_BUFFER);
	if (buffer == NULL)
		return fail(f, "no memory; free some");
	const int error = getgrnam_r(name, &entry, buffer, GROUP_BUFFER, &found);
	if (found != NULL)
		*gid = found->gr_gid;
	free(buffer);
	if (found != NULL)
		return true;
	return fail(f,
		"control.group: group %s %s; create it (groupadd --system %s), or name another",
		name, error == 0 ? "does not exist" : strerror(error), name);
}

/* The group may be changed by root, and by whoever is in it. */
static bool give(const char *path, gid_t gid, const struct failure *f)
{
	if (gid == (gid_t)-1 || lchown(path, (uid_t)-1, gid) == 0)
		return true;
	return fail(f,
		"control.group: %s cannot be given to group %u: %s; start as root, join the group, "
		"or set "
		"control.group = \"\"",
		path, (unsigned)gid, strerror(errno));
}

static bool make_folder(const char *path, gid_t gid, const struct failure *f)
{
	struct stat s;
	char *folder = strdup(path);
	char *slash = folder == NULL ? NULL : strrchr(folder, '/');
	bool ok = true;
	if (slash != NULL && slash != folder) {
		*slash = '\0';
		if (stat(folder, &s) != 0 && errno == ENOENT) {
			ok = mkdir(folder, FOLDER_MODE) == 0
				     ? give(folder, gid, f)
				     : fail(f,
					       "%s: folder %s cannot be made: %s; make "
					       "it, or choose "
					       "another path",
					       f->setting, folder, strerror(errno));
		}
	}
	free(folder);
	return ok;
}

/* Does somebody answer there? EAGAIN: somebody does, and has much to do. */
static bool alive(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return true;
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	const bool refused =
		connect(s, (const struct sockaddr *)&to, sizeof(to)) != 0 && errno == ECONNREFUSED;
	(void)close(s);
	return !refused;
}

static bool clear_path(const char *path, const struct failure *f)
{
	struct stat s;
	if (strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return fail(f, "%s: %s is too long for a socket; use at most 107 bytes", f->setting,
			path);
	if (lstat(path, &s) != 0)
		return errno == ENOENT ||
		       fail(f, "%s: %s cannot be looked at: %s; choose another path", f->setting,
			       path, strerror(errno));
	if (!S_ISSOCK(s.st_mode))
		return fail(f,
			"%s: %s exists and is no socket; remove it, or choose another "
			"path",
			f->setting, path);
	if (alive(path))
		return fail(f,
			"%s: another gateway answers at %s; stop it, or choose another "
			"path",
			f->setting, path);
	/* Of a gateway that has died. */
	if (unlink(path) != 0)
		return fail(f, "%s: the old socket %s cannot be removed: %s; remove it", f->setting,
			path, strerror(errno));
	return true;
}

static bool bind_to(int s, const char *path, const struct failure *f)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	const mode_t before = umask(SOCKET_UMASK);
	const bool bound = bind(s, (const struct sockaddr *)&to, sizeof(to)) == 0;
	(void)umask(before);
	return bound || fail(f, "%s: cannot listen at %s: %s; choose another path", f->setting,
				path, strerror(errno));
}

int ctl_door_open(const struct ctl_door_file *file, char *error, size_t error_len)
{
	const struct failure f = { .setting = file->setting, .text = error, .len = error_len };
	const char *const path = file->path;
	gid_t gid = 0;
	if (error_len > 0)
		error[0] = '\0';
	if (!group_id(file->group, &gid, &f) || !make_folder(path, gid, &f) ||
		!clear_path(path, &f))
		return -1;
	const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0) {
		(void)fail(
			&f, "%s: no socket: %s; allow more open files", f.setting, strerror(errno));
		return -1;
	}
	if (bind_to(s, path, &f)) {
		/* Nobody can connect before it listens, so nobody does before it is the group's. */
		if (give(path, gid, &f) && listen(s, BACKLOG) == 0)
			return s;
		(void)unlink(path);
	}
	(void)close(s);
	return -1;
}

/* The kernel keeps who has called listen(2). */
bool ctl_door_is_own(int door)
{
	struct ucred maker;
	socklen_t len = sizeof(maker);
	return getsockopt(door, SOL_SOCKET, SO_PEERCRED, &maker, &len) == 0 &&
	       maker.pid == getpid();
}

int ctl_door_accept(int door)
{
	struct sockaddr_un from;
	socklen_t from_len = sizeof(from);
	return accept4(door, (struct sockaddr *)&from, &from_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
}
