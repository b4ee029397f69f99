/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/notify: tells the service manager how far we are, where there is one.
 *
 * Promise: nothing happens when NOTIFY_SOCKET is not set.
 * Errors:  none: a manager that cannot be told will find out.
 * Threads: the main thread.
 * Source:  sd_notify(3), its protocol.
 */
#ifndef LWG_GATEWAY_NOTIFY_H
#define LWG_GATEWAY_NOTIFY_H

/* state: "READY=1", "STOPPING=1" */
void gw_notify(const char *state);

#endif
