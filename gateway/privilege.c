/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/privilege.h"

#include "conf/config.h"
#include "confine/caps.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NAMES_MAX = 4096 }; /* a line of passwd or group */

static bool refuse(struct conf_error *error, const char *form, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct conf_error *error, const char *form, ...)
{
	va_list args;
	va_start(args, form);
	(void)vsnprintf(error->text, sizeof(error->text), form, args);
	va_end(args);
	return false;
}

uint64_t gw_privilege_raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return UINT64_MAX;
	const rlim_t before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

uint64_t gw_privilege_locked(void)
{
	struct rlimit limit;
	const bool bound =
		getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
	return bound ? limit.rlim_cur : UINT64_MAX;
}

/* Group, then user: the other way round the right to change the group would be gone. */
static bool become(const char *user, uid_t uid, gid_t gid, struct conf_error *error)
{
	if (initgroups(user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
		setresuid(uid, uid, uid) != 0)
		return refuse(error,
			"cannot become user \"%s\": %s; start with CAP_SETUID and CAP_SETGID, or "
			"set user = \"\"",
			user, strerror(errno));
	if (uid != 0 && (setuid(0) == 0 || getuid() != uid || geteuid() != uid || getgid() != gid))
		return refuse(error,
			"root could be regained after becoming \"%s\"; the system is broken", user);
	return true;
}

static bool find_user(const char *name, uid_t *uid, gid_t *gid)
{
	char text[NAMES_MAX];
	struct passwd entry;
	struct passwd *found = NULL;
	if (getpwnam_r(name, &entry, text, sizeof(text), &found) != 0 || !found)
		return false;
	*uid = entry.pw_uid;
	*gid = entry.pw_gid;
	return true;
}

static bool find_group(const char *name, gid_t *gid)
{
	char text[NAMES_MAX];
	struct group entry;
	struct group *found = NULL;
	if (getgrnam_r(name, &entry, text, sizeof(text), &found) != 0 || !found)
		return false;
	*gid = entry.gr_gid;
	return true;
}

/* *uid and *gid stay as they are when nobody is to be become. */
static bool find(
	const char *user, const char *group, uid_t *uid, gid_t *gid, struct conf_error *error)
{
	if (!find_user(user, uid, gid))
		return refuse(error,
			"user \"%s\" does not exist; create it (useradd --system %s), or set user",
			user, user);
	if (group[0] != '\0' && !find_group(group, gid))
		return refuse(error,
			"group \"%s\" does not exist; create it (groupadd --system %s), or set "
			"group",
			group, group);
	return true;
}

bool gw_privilege_drop(const char *user, const char *group, struct conf_error *error)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	if (user[0] == '\0' || geteuid() != 0)
		return true;
	if (!find(user, group, &uid, &gid, error))
		return false;
	confine_caps_bound(); /* while we may */
	return become(user, uid, gid, error);
}

bool gw_privilege_give(
	const char *user, const char *group, const char *path, struct conf_error *error)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	if (user[0] == '\0' || geteuid() != 0)
		return true;
	if (!find(user, group, &uid, &gid, error))
		return false;
	if (chown(path, uid, gid) == 0)
		return true;
	return refuse(error, "%s cannot be given to \"%s\": %s", path, user, strerror(errno));
}

bool gw_privilege_seal(struct conf_error *error)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return refuse(error, "core dumps cannot be switched off: %s", strerror(errno));
	confine_caps_bound();
	if (!confine_caps_drop())
		return refuse(error, "capabilities cannot be dropped: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return refuse(error, "new privileges cannot be ruled out: %s", strerror(errno));
	return true;
}
