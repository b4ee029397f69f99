/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/web_host: whether a request for the status page was meant for this machine.
 *
 * A page of somebody else's, in the browser of an operator, may have a name whose address becomes
 * 127.0.0.1 (DNS rebinding), and would read what is served here. What it cannot do is to send
 * another name than its own in Host.
 *
 * Promise: pure, total. Errors: none. Threads: any.
 * Source:  RFC 9110 section 7.2 (Host).
 */
#ifndef LWG_GATEWAY_WEB_HOST_H
#define LWG_GATEWAY_WEB_HOST_H

#include <stdbool.h>

/* Is it "localhost", an address 127.x.y.z or [::1], with a port or without? NULL: no. */
bool gw_web_host_is_ours(const char *host);

#endif
