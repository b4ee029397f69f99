/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxy/shift: message ids of one link, over which a device has spoken in several channels.
 *
 * Model:   a device that has shaken hands starts counting its message ids where it likes, mostly
 *          where it started the last time; the server, whose link has been kept (D-5), would take
 *          what it hears for a copy of what was said in the channel before, and answer with that.
 *          So what a device numbers goes up by a span of its own for each channel: its CON and NON,
 *          and, back, what the server acknowledges or resets. What the server numbers stays as it
 *          is, and so do all in the first channel.
 * Promise: pure. Down is the inverse of up. Two channels of one link never share a span's
 *          beginning; the next one begins 14,201 numbers further.
 * Errors:  a message longer than SHIFT_MAX, which no channel carries, or too short to have an id,
 *          is returned as it is.
 * Source:  RFC 7252 4.4, 4.5 and 9.1.1 (ids are of one security session); R-235.
 */
#ifndef LWG_PROXY_SHIFT_H
#define LWG_PROXY_SHIFT_H

#include <stddef.h>
#include <stdint.h>

enum { SHIFT_MAX = 16384 }; /* what a DTLS record may carry */

/* Both: the message to use, which is msg or a copy in space; of the same length. channels: that the
   device had before this one. */
const uint8_t *shift_to_server(
	uint8_t space[SHIFT_MAX], uint16_t channels, const uint8_t *msg, size_t len);
const uint8_t *shift_from_server(
	uint8_t space[SHIFT_MAX], uint16_t channels, const uint8_t *msg, size_t len);

#endif
