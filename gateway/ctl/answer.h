/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl/answer: from a request's bytes to an answer's: asks the source, has it shown, puts the status
 * in front.
 *
 * Promise: every request has an answer, a malformed one, too; no request can make it read or write
 *          out of bounds. An answer with keys in it has out->secret set.
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

/* Appends to out, which is empty. *import: what this client has begun and not ended, or NULL; the
   caller aborts it when the client goes. */
MUST_USE bool ctl_answer(const struct ctl_source *source, void **import, const uint8_t *request,
	size_t len, struct ctl_out *out);

/* For the files of this room: one request, understood. */
struct ctl_ask {
	const struct ctl_source *source;
	const struct ctl_request *q;
	void **import;
	struct ctl_out *out; /* behind the head */
};

enum ctl_status ctl_say(const struct ctl_ask *a, enum ctl_status status, const char *sentence);
/* "ENDPOINT: what". */
enum ctl_status ctl_say_arg(const struct ctl_ask *a, enum ctl_status status, const char *what);
/* Of an endpoint that has no session. */
enum ctl_status ctl_say_unknown(const struct ctl_ask *a);
/* What the request says of a purpose; without, *out is CTL_FOR_UNSAID. False: it is no good
   request. */
MUST_USE bool ctl_ask_purpose(const struct ctl_ask *a, enum ctl_purpose *out);
/* What cannot be understood. */
enum ctl_status ctl_say_malformed(const struct ctl_ask *a);
/* The verbs of the store. */
enum ctl_status ctl_answer_store(const struct ctl_ask *a);
/* Those of the policy. */
enum ctl_status ctl_answer_policy(const struct ctl_ask *a);
/* Those about what happens now. */
enum ctl_status ctl_answer_live(const struct ctl_ask *a);
/* Those of keys for short messages. */
enum ctl_status ctl_answer_sms(const struct ctl_ask *a);

#endif
