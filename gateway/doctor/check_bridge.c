/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of the SMS bridge. It is not called: the newest to call is taken for the bridge. */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE_MAX_LEN = 512, CONNECTED = 3 };

/* proc(5), net/unix: connections that were accepted have the path of the listener. */
static bool is_called(const char *path)
{
	char line[LINE_MAX_LEN];
	bool called = false;
	FILE *const f = fopen("/proc/net/unix", "re");
	while (f != NULL && !called && fgets(line, sizeof(line), f) != NULL) {
		char *rest = NULL;
		unsigned state = 0, field = 0;
		for (char *w = strtok_r(line, " \n", &rest); w != NULL;
			w = strtok_r(NULL, " \n", &rest), field++) {
			if (field == 5)
				state = (unsigned)strtoul(w, NULL, 16);
			if (field == 7)
				called = state == CONNECTED && strcmp(w, path) == 0;
		}
	}
	if (f != NULL)
		(void)fclose(f);
	return called;
}

void doctor_check_bridge(struct doctor *d)
{
	static const struct doctor_kind missing = { .id = "sms-bridge",
		.severity = DOCTOR_PROBLEM,
		.setting = "sms.socket",
		.why = "nothing reaches or leaves devices by short messages" };
	const char *const path = d->conf.sms.socket;
	struct stat st;
	if (path == NULL)
		return;
	if (d->gateway == 0)
		doctor_good(d, missing.id, "%s: lwgated makes it at its start", path);
	else if (stat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		doctor_say(d, &missing, "lwgatectl reload does not do: systemctl restart lwgated",
			"%s: lwgated runs, and there is no such socket", path);
	else if (!is_called(path))
		doctor_say(d, &missing,
			"systemctl status lwgate-smsd; its gateway = must be this path",
			"%s: no bridge is connected", path);
	else
		doctor_good(d, missing.id, "%s: a bridge is connected", path);
}
