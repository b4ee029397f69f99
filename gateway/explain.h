/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/explain: says in the log why a handshake failed: who, what was offered, what was
 *                  missing, and which setting would change it. The peer is told none of this.
 *
 * Promise: no key and no payload; an identity only as a keyed hash, in clear when the log is at
 *          debug. What strangers can provoke is rate-limited, each role by itself.
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_EXPLAIN_H
#define LWG_GATEWAY_EXPLAIN_H

#include "dtls/engine.h"

#include <stddef.h>

struct gw_worker;

enum { GW_EXPLAIN_MAX = 768 };

void gw_explain(struct gw_worker *w, const struct dtls_failure *f);
/* The words, without the rate limit; out has GW_EXPLAIN_MAX bytes. Returns out. */
const char *gw_explain_text(
	const struct gw_worker *w, const struct dtls_failure *f, char out[GW_EXPLAIN_MAX]);
/* The same of a link that has no slot to start from; error is sources_error()'s. */
const char *gw_explain_no_slot(int error, char out[GW_EXPLAIN_MAX]);

#endif
