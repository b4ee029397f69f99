/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/tried.h"

#include <string.h>

#include "base/wr.h"

enum { HEAD = 1 + 4 + 1 + 2 };

void ctl_tried_write(struct ctl_out *o, const struct ctl_tried *t)
{
	uint8_t octets[HEAD + CTL_NAME_MAX + CTL_TRIED_WHY_MAX];
	const size_t name = strnlen(t->endpoint, CTL_NAME_MAX);
	const size_t why = strnlen(t->why, CTL_TRIED_WHY_MAX - 1);
	struct wr w = wr_into(octets, sizeof(octets));
	wr_u8(&w, (uint8_t)t->what);
	wr_u32(&w, t->line);
	wr_u8(&w, (uint8_t)name);
	wr_bytes(&w, t->endpoint, name);
	wr_u16(&w, (uint16_t)why);
	wr_bytes(&w, t->why, why);
	ctl_out_bytes(o, octets, w.len);
}

bool ctl_tried_read(struct rd *r, struct ctl_tried *out)
{
	*out = (struct ctl_tried){ .what = CTL_TRIED_WHATS };
	const uint8_t what = rd_u8(r);
	out->line = rd_u32(r);
	const uint8_t name = rd_u8(r);
	if (name > CTL_NAME_MAX || what >= CTL_TRIED_WHATS)
		return false;
	rd_copy(r, (uint8_t *)out->endpoint, name);
	const uint16_t why = rd_u16(r);
	if (why >= CTL_TRIED_WHY_MAX)
		return false;
	rd_copy(r, (uint8_t *)out->why, why);
	out->what = (enum ctl_tried_what)what;
	return rd_ok(r);
}
