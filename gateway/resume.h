/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/resume: DTLS sessions that may be resumed, in the store.
 *
 * Promise: a session is resumed only under the credential that it was made with, as long as that
 *          stands and what its device has proved is what it is to prove; and only as long as the
 *          certificates, if there were any, last. It remembers what its full handshake was based
 *          on, and how old that is.
 * Threads: the worker's own.
 */
#ifndef LWG_GATEWAY_RESUME_H
#define LWG_GATEWAY_RESUME_H

#include "dtls/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_worker;

/* For the engine's owner. */
bool gw_resume_find(void *worker, const uint8_t *id, size_t len, struct dtls_resumable *out);
void gw_resume_keep(void *worker, const struct dtls_resumable *s);
void gw_resume_drop(void *worker, const uint8_t *id, size_t len);
/* Nothing of a credential is resumed from now on. */
void gw_resume_drop_cred(struct gw_worker *w, uint32_t cred);

#endif
