/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/door: makes the socket file of the control surface, or of what subscribers come to, and
 *           nobody else's business of it.
 *
 * Promise: mode 0660 and the group from the first moment that somebody could connect. A folder that
 *          does not exist is made with mode 0750 and the same group. The socket of a gateway that
 *          has died is replaced; a living one's, and what is no socket, is left alone.
 * Errors:  -1 with error filled: what is wrong, and the remedy.
 * Threads: the main thread, before there are others (umask), before root is dropped (group).
 */
#ifndef LWG_CTL_DOOR_H
#define LWG_CTL_DOOR_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

struct ctl_door_file {
	const char *setting; /* that the path is from, for errors: "control.path" */
	const char *path, *group;
};

/* A listening, non-blocking socket; closing it and removing the file is the caller's. */
MUST_USE int ctl_door_open(const struct ctl_door_file *file, char *error, size_t error_len);
/* Did this process make it, also before an exec? Else its file is the service manager's, and stays
   when we go. */
bool ctl_door_is_own(int door);
/* One who has come, close-on-exec and non-blocking; -1: errno, EAGAIN when nobody has. */
MUST_USE int ctl_door_accept(int door);

#endif
