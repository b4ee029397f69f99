/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/fault: what a failing disk does to memory that is mapped from it (SIGBUS, and SIGSEGV
 *                or SIGABRT in a damaged database).
 *
 * Promise: a page of slots that cannot be read is lost, with the associations that have their slots
 *          there, and nothing else: it reads as nothing, the token of this run is removed (the next
 *          start is one after a power loss, S10, S16), and gw_fault_seen() tells. A fault in the
 *          database ends the program with a line that says so, and status 74. Every other fault is
 *          left to the system.
 * Threads: install and forget in the main thread; the handler in any.
 * Source:  sigaction(2), signal-safety(7).
 */
#ifndef LWG_GATEWAY_FAULT_H
#define LWG_GATEWAY_FAULT_H

#include "base/attr.h"

#include <stdbool.h>

struct store;

enum { GW_FAULT_STATUS = 74 }; /* EX_IOERR */

/* One store at a time; s NULL: it is about to be opened. path is its folder; path and
   token_file may be NULL; all are borrowed until gw_fault_forget(). */
void gw_fault_install(const struct store *s, const char *path, const char *token_file);
void gw_fault_forget(void);
/* Pages of slots lost since the last call. */
unsigned gw_fault_seen(void);

#endif
