/* SPDX-License-Identifier: Apache-2.0 */
/* Who the gateway is to be, and whether this system knows him. */
#include "doctor/doctor.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_MAX = 4096 }; /* a line of passwd or group */

/* Who is not root stays who he is. */
static void no_user(struct doctor *d, const char *name)
{
	const struct doctor_kind kind = { .id = "user",
		.severity = geteuid() == 0 ? DOCTOR_PROBLEM : DOCTOR_ADVICE,
		.setting = "user",
		.why = "lwgated is started as root, and does not stay it" };
	char remedy[DOCTOR_REMEDY_MAX];
	(void)snprintf(remedy, sizeof(remedy),
		"useradd --system --no-create-home --shell /usr/sbin/nologin %.100s", name);
	doctor_say(d, &kind, remedy, "there is no user \"%s\"", name);
}

static void no_group(struct doctor *d, const char *setting, const char *name)
{
	const struct doctor_kind kind = { .id = "group",
		.severity = DOCTOR_PROBLEM,
		.setting = setting,
		.why = "lwgated does not start" };
	char remedy[DOCTOR_REMEDY_MAX];
	(void)snprintf(remedy, sizeof(remedy), "groupadd --system %.100s", name);
	doctor_say(d, &kind, remedy, "there is no group \"%s\"", name);
}

bool doctor_user(const char *name, uid_t *uid)
{
	char text[NAMES_MAX];
	struct passwd entry, *found = NULL;
	if (getpwnam_r(name, &entry, text, sizeof(text), &found) != 0 || found == NULL)
		return false;
	*uid = entry.pw_uid;
	return true;
}

static bool group_is_there(const char *name)
{
	char text[NAMES_MAX];
	struct group entry, *found = NULL;
	if (name == NULL || name[0] == '\0')
		return true;
	/* A group with more members than fit is there. */
	return getgrnam_r(name, &entry, text, sizeof(text), &found) == ERANGE || found != NULL;
}

void doctor_check_user(struct doctor *d)
{
	static const struct doctor_kind root = { .id = "user",
		.severity = DOCTOR_ADVICE,
		.setting = "user",
		.why = "what gets into a process of root's has the machine" };
	const struct conf_gateway *const c = &d->conf;
	const bool named = c->user[0] != '\0';
	uid_t uid = 0;
	const bool user = !named || doctor_user(c->user, &uid);
	const bool group = group_is_there(c->group);
	const bool control = group_is_there(c->control_group);
	const bool sms = group_is_there(c->sms.socket == NULL ? NULL : c->sms.group);
	if (!user)
		no_user(d, c->user);
	if (!group)
		no_group(d, "group", c->group);
	if (!control)
		no_group(d, "control.group", c->control_group);
	if (!sms)
		no_group(d, "sms.group", c->sms.group);
	if (!named && geteuid() == 0)
		doctor_say(d, &root, "set user = \"lwgate\"; in lwgate.conf",
			"started by root, lwgated stays root");
	else if (user && group && control && sms)
		doctor_good(d, root.id, "%s%s", named ? c->user : "whoever starts it",
			named && geteuid() != 0 ? " (if root starts it)" : "");
}
