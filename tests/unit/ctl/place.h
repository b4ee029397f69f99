/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/ctl/place: a control socket in a folder of its own, and nng clients of it.
 *
 * Errors:  a cmocka failure.
 * Threads: one; nng has its own.
 */
#ifndef LWG_TEST_CTL_PLACE_H
#define LWG_TEST_CTL_PLACE_H

#include "ctl/control.h"

#include <nng/nng.h>
#include <stddef.h>
#include <stdint.h>

enum { PATIENCE_MS = 10000, PLACE_STATUS_LEN = 4 };

struct place {
	char folder[32], path[64];
	char error[512];
};

/* Not const, as nng_send() takes none. */
extern uint8_t place_status_request[PLACE_STATUS_LEN];
/* Of a gateway without workers. */
extern const struct ctl_source place_source;

/* Set-up and tear-down of a test. */
int place_make(void **state);
int place_remove(void **state);
struct ctl_control *place_open(struct place *p, const char *group);
/* Serves until the client has its answer: greeting, request and reply are several events. */
void place_serve_until(struct ctl_control *c, nng_socket s);
void place_connect(const struct place *p, nng_socket *s);
/* Sends in the background: the greeting needs us. The caller frees the aio. */
nng_aio *place_begin_send(nng_socket s, const uint8_t *request, size_t len);

#endif
