/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/side: the two sides of a device's session. For proxy/ only.
 *
 * Promise: what holds for both sides is written once, for a side and the other one.
 */
#ifndef LWG_PROXY_SIDE_H
#define LWG_PROXY_SIDE_H

enum side { SIDE_DEVICE, SIDE_SERVER };

static inline enum side other_side(enum side s)
{
	return s == SIDE_DEVICE ? SIDE_SERVER : SIDE_DEVICE;
}

#endif
