/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/web_api: what a path of the status page's server answers.
 *
 * Promise: reads only; the work of one question is bounded, however many sessions there are. A path
 *          that there is not is 404.
 * Errors:  false: memory is short; *out is to be freed all the same.
 * Memory:  the caller frees out->body.
 * Threads: the main thread.
 */
#ifndef LWG_GATEWAY_WEB_API_H
#define LWG_GATEWAY_WEB_API_H

#include "base/attr.h"
#include "ctl/out.h"

#include <stdbool.h>

struct gw_gateway;

struct gw_web_answer {    /* begins as zeros */
	unsigned status;  /* of HTTP; 0: 200 */
	const char *type; /* static */
	const char *csp;  /* Content-Security-Policy, static; NULL: nothing may be loaded */
	struct ctl_out body;
};

struct gw_web_question {   /* one GET */
	const char *path;  /* without the query */
	const char *query; /* as it came, or NULL */
	bool openmetrics;  /* the asker takes that */
};

MUST_USE bool gw_web_api(
	struct gw_gateway *g, const struct gw_web_question *q, struct gw_web_answer *out);

#endif
