/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/shift.h"

#include "proxy/coap.h"

#include <stdbool.h>
#include <string.h>

enum { STEP = 14201 }; /* odd: 65,536 channels until the first one's span comes again */

static bool numbered_by_sender(const uint8_t *msg)
{
	const unsigned int type = msg[0] >> 4 & 3;
	return type == PDU_CON || type == PDU_NON;
}

static const uint8_t *add(uint8_t *space, uint16_t number, const uint8_t *msg, size_t len)
{
	const uint16_t mid = (uint16_t)((msg[2] << 8 | msg[3]) + number);
	memcpy(space, msg, len);
	space[2] = (uint8_t)(mid >> 8);
	space[3] = (uint8_t)mid;
	return space;
}

static bool may_be_changed(uint16_t channels, size_t len)
{
	return channels != 0 && len >= PDU_EMPTY_LEN && len <= SHIFT_MAX;
}

const uint8_t *shift_to_server(
	uint8_t space[SHIFT_MAX], uint16_t channels, const uint8_t *msg, size_t len)
{
	const uint16_t by = (uint16_t)((uint32_t)channels * STEP);
	if (!may_be_changed(channels, len) || !numbered_by_sender(msg))
		return msg;
	return add(space, by, msg, len);
}

const uint8_t *shift_from_server(
	uint8_t space[SHIFT_MAX], uint16_t channels, const uint8_t *msg, size_t len)
{
	const uint16_t by = (uint16_t)((uint32_t)channels * STEP);
	if (!may_be_changed(channels, len) || numbered_by_sender(msg))
		return msg;
	return add(space, (uint16_t)(0U - by), msg, len);
}
