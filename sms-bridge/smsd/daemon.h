/* SPDX-License-Identifier: Apache-2.0 */
/*
 * smsd/daemon: lwgate-smsd at work: a smsd/bridge with its ways, its link to the gateway and its
 *              spool, in a loop.
 *
 * Model:   daemon_open(); privileges are dropped; daemon_start() opens what the user that we then
 *          are may open; daemon_run() returns when it is told to end.
 * Promise: SIGTERM and SIGINT: it says goodbye to the network and ends within DAEMON_LEAVE_MS;
 *          SIGUSR1: what was counted goes to the log; SIGHUP: its owner is told.
 * Errors:  false, or NULL, with *error filled.
 * Threads: one, but for nng's.
 */
#ifndef LWG_SMS_BRIDGE_SMSD_DAEMON_H
#define LWG_SMS_BRIDGE_SMSD_DAEMON_H

#include "base/attr.h"
#include "base/log.h"
#include "sms-bridge/smsd/settings.h"

#include <stdbool.h>
#include <stdint.h>

enum { DAEMON_LEAVE_MS = 5000 };

struct daemon;

struct daemon_owner {
	void *ctx;
	void (*again)(void *ctx); /* SIGHUP: what can be read again is */
	void (*turns)(void *ctx); /* each beat_ms, as long as the loop turns */
	uint32_t beat_ms;         /* 0: never */
};

/* s and log stay. */
MUST_USE struct daemon *daemon_open(const struct settings *s, const struct log *log,
	const struct daemon_owner *o, struct conf_error *error);
MUST_USE bool daemon_start(struct daemon *d, struct conf_error *error);
void daemon_run(struct daemon *d);
void daemon_free(struct daemon *d);

#endif
