/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/notify: tells the service manager how far we are, where there is one.
 *
 * Promise: nothing happens when NOTIFY_SOCKET is not set.
 * Errors:  none: a manager that cannot be told will find out.
 * Threads: the main thread.
 * Source:  sd_notify(3), its protocol; sd_watchdog_enabled(3).
 */
#ifndef LWG_GATEWAY_NOTIFY_H
#define LWG_GATEWAY_NOTIFY_H

#include <stdint.h>

/* state: "READY=1", "STOPPING=1", "WATCHDOG=1" */
void gw_notify(const char *state);
/* RELOADING=1 with the time, by which the manager tells this reload from the one before. READY=1
   ends it. */
void gw_notify_reloading(void);
/* How long the manager waits for the next WATCHDOG=1 of this process; 0: it does not. */
uint32_t gw_notify_watchdog_ms(void);

#endif
