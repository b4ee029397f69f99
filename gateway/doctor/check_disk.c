/* SPDX-License-Identifier: Apache-2.0 */
/* Room on the file systems that the gateway writes to. */
#include "doctor/doctor.h"

#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

/* LMDB copies what it changes; a start, and a day of many sessions, want this much. */
enum { PROBLEM_KIB = 4096, ADVICE_KIB = 65536 };

/* The folder of a file, or of a folder that is not there yet. */
static bool room_at(const char *path, char at[DOCTOR_PATH_MAX], struct statvfs *out)
{
	(void)snprintf(at, DOCTOR_PATH_MAX, "%s", path);
	while (statvfs(at, out) != 0) {
		char *const slash = strrchr(at, '/');
		if (slash == NULL)
			return false;
		slash[slash == at] = '\0';
		if (slash == at)
			return statvfs(at, out) == 0;
	}
	return true;
}

static void check_room(struct doctor *d, const char *setting, const char *path)
{
	struct doctor_kind kind = { .id = "disk",
		.severity = DOCTOR_PROBLEM,
		.setting = setting,
		.why = "with a full disk nothing new is written: no device that is not known gets "
		       "a "
		       "session, no credential changes" };
	char at[DOCTOR_PATH_MAX], remedy[DOCTOR_REMEDY_MAX];
	struct statvfs s;
	if (path == NULL || !room_at(path, at, &s))
		return;
	const unsigned long long kib =
		(unsigned long long)s.f_bavail * (unsigned long long)s.f_frsize / 1024;
	/* Some file systems do not count inodes. */
	const bool inodes = s.f_files == 0 || s.f_favail > 0;
	(void)snprintf(remedy, sizeof(remedy), "df -h '%.200s', then free some of it, or move %s",
		at, setting);
	if (kib >= ADVICE_KIB && inodes) {
		doctor_good(d, kind.id, "%s: %llu MiB are free", at, kib / 1024);
		return;
	}
	if (kib >= PROBLEM_KIB && inodes)
		kind.severity = DOCTOR_ADVICE;
	if (inodes)
		doctor_say(d, &kind, remedy, "%s: only %llu KiB are free", at, kib);
	else
		doctor_say(d, &kind, remedy, "%s: no inode is free", at);
}

void doctor_check_disk(struct doctor *d)
{
	const struct conf_gateway *const c = &d->conf;
	check_room(d, "store.path", c->store_path);
	check_room(d, "events.file", c->events_file);
	check_room(d, "repository.directory", c->repository.directory);
}
