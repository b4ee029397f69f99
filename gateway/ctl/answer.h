/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/answer: from a request's bytes to an answer's: asks the source, has it shown, puts the status
 * in front.
 *
 * Promise: every request has an answer, a malformed one, too; no request can make it read or write
 *          out of bounds.
 * Errors:  false: memory is short; nothing can be answered.
 * Threads: the main thread (the source's calls block it).
 */
#ifndef LWG_CTL_ANSWER_H
#define LWG_CTL_ANSWER_H

#include "base/attr.h"
#include "ctl/control.h"
#include "ctl/out.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends to out, which is empty. */
MUST_USE bool ctl_answer(
	const struct ctl_source *source, const uint8_t *request, size_t len, struct ctl_out *out);

#endif
