/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log_put: a line to whoever reads our log, who may have stopped reading.
 *
 * Promise: it does not wait for a reader: what a pipe, a socket or a terminal has no room for now
 *          is not written, and a pipe has a line below PIPE_BUF whole or not at all. A file is
 *          written as write(2) does.
 * Errors:  false: the line is lost.
 * Threads: any. Where the kernel cannot be asked not to wait for a pipe (before 6.4), two who write
 *          the last line that there is room for may still wait.
 */
#ifndef LWG_BASE_LOG_PUT_H
#define LWG_BASE_LOG_PUT_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

MUST_USE bool log_put(int fd, const char *line, size_t len);

#endif
