/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/door: makes the socket file of the control surface, and nobody else's business of it.
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

#include <stddef.h>

/* A listening, non-blocking socket; closing it and removing the file is the caller's. */
MUST_USE int ctl_door_open(const char *path, const char *group, char *error, size_t error_len);

#endif
