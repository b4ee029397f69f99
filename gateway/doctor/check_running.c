/* SPDX-License-Identifier: Apache-2.0 */
/* Does a gateway run, and is it this configuration's? */
#include "doctor/doctor.h"

#include "doctor/holder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PROC_PATH = 32 };

/* 0, or errno. Nothing is asked: that somebody listens is enough, and the kernel knows who. */
static int connect_to(const char *path, struct ucred *peer)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(*peer);
	if (strlen(path) >= sizeof(to.sun_path))
		return ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path) + 1);
	const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return errno;
	int error = 0;
	if (connect(s, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
		getsockopt(s, SOL_SOCKET, SO_PEERCRED, peer, &len) != 0)
		error = errno;
	(void)close(s);
	return error;
}

/* When it made its socket it may have been root. */
static uid_t uid_of(pid_t pid, uid_t then)
{
	char path[PROC_PATH];
	struct stat st;
	(void)snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	return stat(path, &st) == 0 ? st.st_uid : then;
}

/* A socket that the service manager has made is still its own; who has the store is the gateway. */
static pid_t process_of(const struct doctor *d, pid_t listens)
{
	char name[HOLDER_NAME];
	holder_name(listens, name);
	const long holds = d->has_conf && d->conf.store_path != NULL ? doctor_store_holder(d) : 0;
	return strcmp(name, "systemd") == 0 && holds > 0 ? (pid_t)holds : listens;
}

void doctor_check_running(struct doctor *d)
{
	static const struct doctor_kind kind = { .id = "running",
		.severity = DOCTOR_ADVICE,
		.setting = "control.path",
		.why = "lwgatectl can ask it nothing for you" };
	struct ucred peer = { 0 };
	const char *const path = d->socket != NULL ? d->socket
				 : d->has_conf     ? d->conf.control_path
						   : NULL;
	if (path == NULL)
		return;
	const int error = connect_to(path, &peer);
	if (error == 0) {
		d->gateway = process_of(d, peer.pid);
		d->gateway_uid = uid_of(d->gateway, peer.uid);
		doctor_good(d, kind.id, "lwgated runs: process %ld, user %u", (long)d->gateway,
			(unsigned)d->gateway_uid);
	} else if (error == EACCES) {
		doctor_say(d, &kind, "join the group of control.group, or be root",
			"%s: permission denied: whether lwgated runs cannot be told", path);
	} else {
		doctor_good(d, kind.id, "lwgated does not run (%s: %s)", path, strerror(error));
	}
}
