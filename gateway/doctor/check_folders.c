/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of what lwgated makes at its start: it makes the last of them, or none, never more. */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* How many of a path's last parts may be missing. */
enum { THE_FILE = 1, AND_ITS_FOLDER = 2 };

struct made {
	const char *setting, *path;
	int parts;
};

/* lwgated.service has the manager make them. */
static bool is_of_the_unit(const char *folder)
{
	static const char *const all[] = { "/run/lwgate", "/var/lib/lwgate", "/var/log/lwgate" };
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (strcmp(folder, all[i]) == 0)
			return true;
	}
	return false;
}

/* False: nothing is left, or only the root. */
static bool shorten(char *path, int parts)
{
	for (int i = 0; i < parts; i++) {
		char *const slash = strrchr(path, '/');
		if (slash == NULL || slash == path)
			return false;
		*slash = '\0';
	}
	return true;
}

static bool look(struct doctor *d, const struct made *m)
{
	const struct doctor_kind kind = { .id = "folder",
		.severity = DOCTOR_PROBLEM,
		.setting = m->setting,
		.why = "lwgated does not start: it makes no folders above that one" };
	char folder[DOCTOR_PATH_MAX], remedy[DOCTOR_REMEDY_MAX];
	struct stat st;
	if (m->path == NULL || strlen(m->path) >= sizeof(folder))
		return true;
	(void)snprintf(folder, sizeof(folder), "%s", m->path);
	if (!shorten(folder, m->parts) || is_of_the_unit(folder))
		return true;
	const int error = stat(folder, &st) != 0 ? errno : !S_ISDIR(st.st_mode) ? ENOTDIR : 0;
	if (error != ENOENT && error != ENOTDIR) /* who may not look may not say */
		return true;
	(void)snprintf(remedy, sizeof(remedy),
		"mkdir -p '%.200s', of the user that lwgated is; or correct %s", folder,
		m->setting);
	doctor_say(d, &kind, remedy, "%s: %s", folder,
		error == ENOENT ? "there is no such folder" : strerror(error));
	return false;
}

void doctor_check_folders(struct doctor *d)
{
	const struct conf_gateway *const c = &d->conf;
	const bool in_tpm = c->store_anchor != NULL && strncmp(c->store_anchor, "tpm:", 4) == 0;
	const bool stored = c->store_path != NULL;
	const struct made all[] = {
		{ "store.path", c->store_path, THE_FILE },
		{ "store.key_file", stored ? c->store_key_file : NULL, THE_FILE },
		{ "store.hot", stored ? c->store_hot : NULL, THE_FILE },
		{ "store.anchor", stored && !in_tpm ? c->store_anchor : NULL, THE_FILE },
		{ "store.token", stored ? c->store_token : NULL, AND_ITS_FOLDER },
		{ "events.file", c->events_file, THE_FILE },
		{ "events.path", c->events_path, AND_ITS_FOLDER },
		{ "control.path", c->control_path, AND_ITS_FOLDER },
		{ "sms.socket", c->sms.socket, AND_ITS_FOLDER },
		{ "repository.directory", c->repository.directory, THE_FILE },
	};
	bool ok = true;
	for (size_t i = 0; i < COUNT_OF(all); i++)
		ok = look(d, &all[i]) && ok;
	if (ok)
		doctor_good(d, "folder", "those of what lwgated makes are there");
}
