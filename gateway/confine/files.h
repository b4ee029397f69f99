/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine/files: the places of a plan as a Landlock domain: nothing else of the file system can be
 *                opened, made, removed or executed by name.
 *
 * What is open already stays open; the mode and owner of a file can still be changed by who owns
 * it. With a kernel of 6.7 or newer no TCP socket is bound but to the plan's port; of 6.12, nobody
 * outside is signalled.
 *
 * Errors:  a negative errno; -ENOSYS or -EOPNOTSUPP: the kernel has no Landlock.
 * Threads: the main thread, without others: only threads that are made later are in it.
 * Source:  landlock(7); linux/landlock.h, of which only what kernel 6.1 had is taken for granted.
 */
#ifndef LWG_CONFINE_FILES_H
#define LWG_CONFINE_FILES_H

#include "base/attr.h"
#include "confine/confine.h"

/* The version of Landlock's interface, or -errno. */
MUST_USE int confine_files(const struct confine_plan *p);

#endif
