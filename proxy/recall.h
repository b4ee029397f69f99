/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/recall: which notification of a device was acknowledged last, for devices that sleep.
 *
 * A device on a slow radio repeats itself for minutes, and is let go after a minute of silence;
 * what the governor kept for its copies goes then. Its next copy would be the server's to know
 * again, and not every server answers one (libcoap 4.3.1 stays silent): so this is remembered
 * beyond.
 *
 * Promise: one of each device, of as many as there is room for; a newer one may take an older one's
 *          place. Nothing of another channel of the device is known again (RFC 7252 4.4: ids are of
 *          an endpoint pair). What is forgotten passes, as after a restart.
 * Memory:  256 KiB, from the first device that is let go with something to remember.
 * Threads: the worker of the relay. The clock is told.
 * Source:  RFC 7252 section 4.5.
 */
#ifndef LWG_PROXY_RECALL_H
#define LWG_PROXY_RECALL_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECALL_PLACES = 16384 };

struct recalled {
	uint64_t until_ms; /* EXCHANGE_LIFETIME of the device's radio */
	uint32_t sum;      /* of the notification, see carry_sum() */
	uint16_t mid;
	uint16_t channels; /* of its registration: which channel of the device */
};

struct recall {
	struct recall_place *places; /* NULL: nothing is remembered yet */
};

void recall_put(struct recall *r, const char *endpoint, const struct recalled *what);
/* Was just this acknowledged? */
MUST_USE bool recall_knows(
	const struct recall *r, const char *endpoint, const struct recalled *what, uint64_t now_ms);
void recall_free(struct recall *r);

#endif
