/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway/clock: the real time, and whether it can be the real one: a router without a battery
 *                begins in 1970.
 *
 * Promise: a time before the program was made is not trusted; nothing that a peer says is a clock.
 * Threads: any.
 */
#ifndef LWG_GATEWAY_CLOCK_H
#define LWG_GATEWAY_CLOCK_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970; negative: the clock is not to be trusted. ctx is not looked at. */
int64_t gw_clock_now_s(void *ctx);
/* The same of a time that the clock shows. */
int64_t gw_clock_trusted_s(int64_t shown_s);
/* Milliseconds since 1970, for what ends at a time; 0: the clock is not to be trusted, and nothing
   is over. Not seconds: who looks when it has ended must not be told that it has not. */
uint64_t gw_clock_wall_ms(void);
/* Milliseconds since 1970 as the clock shows them, trusted or not: for what people read. */
uint64_t gw_clock_shown_ms(void);
/* When the program was made. */
int64_t gw_clock_built_s(void);

#endif
