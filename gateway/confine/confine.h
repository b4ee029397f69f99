/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine/confine: what a daemon may still ask of the kernel once it has started: the system calls
 *                  of a list (confine/calls), and the files of a plan (confine/files).
 *
 * Model:   confine_enter() once, after root is dropped and before any thread is made; whatever the
 *          process becomes by exec stays in it. A successor finds in the environment what it lives
 *          under, adds to it only where its list is another one, and confine_lacks() tells the
 *          program that is tried before an upgrade whether it could.
 * Promise: a system call that is not in the list ends the process with SIGSYS after one line on
 *          stderr that names it (confine/trap). All threads are in it.
 * Errors:  CONFINE_ON: false with error filled where the kernel, or this build, lacks a part.
 *          CONFINE_TRY: what there is, and the log says what that is.
 * Memory:  nothing is kept. Threads: the main thread, without others.
 * Source:  seccomp(2), landlock(7).
 */
#ifndef LWG_CONFINE_CONFINE_H
#define LWG_CONFINE_CONFINE_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log;

enum confine_mode { CONFINE_TRY, CONFINE_ON, CONFINE_OFF };
enum confine_who { CONFINE_GATEWAY, CONFINE_BRIDGE };
enum confine_access {
	CONFINE_READ,
	CONFINE_WRITE,   /* and read, make, remove, rename beneath it */
	CONFINE_EXECUTE, /* and read */
	CONFINE_DEVICE,  /* read, write and ioctl(2) */
};
enum { CONFINE_PLACES_MAX = 192, CONFINE_PATH_MAX = 1024 };

struct confine_place {
	char path[CONFINE_PATH_MAX];
	enum confine_access access;
};

struct confine_plan {
	enum confine_mode mode;
	enum confine_who who;
	const struct log *log;
	uint16_t tcp_port; /* that a TCP socket may be bound to; 0: none */
	bool overflows;    /* places were forgotten */
	size_t len;
	struct confine_place places[CONFINE_PLACES_MAX];
};

/* "try", "on", "off"; false: none of them. */
MUST_USE bool confine_mode_parse(const char *word, enum confine_mode *out);
/* On the heap, with what every program needs of the system; NULL: no memory. free() ends it. */
MUST_USE struct confine_plan *confine_plan_new(enum confine_who who, enum confine_mode mode);
/* A file or folder; NULL or "": nothing. What is not there when confine_enter() is called is
   allowed by the folder that it would be in. More than CONFINE_PLACES_MAX are forgotten, which
   confine_enter() takes for an error. */
void confine_add(struct confine_plan *p, enum confine_access access, const char *path);
/* The folder that a file is in, so that another may take its name. */
void confine_add_folder_of(struct confine_plan *p, enum confine_access access, const char *path);
MUST_USE bool confine_enter(const struct confine_plan *p, char *error, size_t error_len);
/* Are files out of reach here, or for the program that we are tried by? */
bool confine_is_in_force(void);
/* For a program that is tried by the one that it is to succeed. True: it needs calls that it could
   not make under what that one lives under. */
bool confine_lacks(enum confine_who who);

#endif
