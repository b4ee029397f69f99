/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/proto: what lwgatectl and lwgated say to each other over nng (req/rep, ipc): one request, one
 * answer.
 *
 * Request: u8 version (1), u8 form (enum ctl_form), u8 verb (enum ctl_verb), u8 argument length,
 *          argument (UTF-8, no NUL).
 * Answer:  u8 version (1), u8 status (enum ctl_status), then the text in the form that was asked
 *          for.
 *
 * Promise: pure, total, bounded (I7). No answer holds a secret (I5).
 * Threads: any.
 */
#ifndef LWG_CTL_PROTO_H
#define LWG_CTL_PROTO_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CTL_VERSION = 1, CTL_ARG_MAX = 255, CTL_REQUEST_MAX = 4 + CTL_ARG_MAX };
enum ctl_form { CTL_TEXT, CTL_JSON };
enum ctl_verb { CTL_STATUS, CTL_SESSIONS, CTL_SESSION, CTL_CLOSE };
enum ctl_status { CTL_DONE, CTL_UNKNOWN_ENDPOINT, CTL_BAD_REQUEST, CTL_FAILED };

struct ctl_request {
	enum ctl_form form;
	enum ctl_verb verb;
	char arg[CTL_ARG_MAX + 1]; /* the endpoint, or "" */
};

/* Length written, or 0 when it does not fit. */
MUST_USE size_t ctl_request_write(const struct ctl_request *q, uint8_t *out, size_t cap);
MUST_USE bool ctl_request_parse(const uint8_t *data, size_t len, struct ctl_request *out);

#endif
