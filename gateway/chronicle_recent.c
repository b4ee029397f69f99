/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines, for who comes later than what was told. */
#include "gateway/chronicle_parts.h"

#include "ctl/out.h"

#include <stdlib.h>
#include <string.h>

static struct gw_recent_line *place_of(struct gw_recent *r, uint64_t number)
{
	return &r->lines[number % GW_RECENT];
}

void gw_recent_add(struct gw_recent *r, const char *line, size_t len)
{
	struct gw_recent_line *const to = place_of(r, ++r->newest);
	free(to->text);
	to->text = malloc(len);
	to->len = to->text ? len : 0; /* memory is short: it is lost here, and nowhere else */
	if (to->text)
		memcpy(to->text, line, len);
}

void gw_recent_read(struct gw_recent *r, struct ctl_recent *recent, struct ctl_out *out)
{
	const uint64_t oldest = r->newest > GW_RECENT ? r->newest - GW_RECENT + 1 : 1;
	/* Who asks for the first time has missed nothing, nor has who comes from another run. */
	const bool knows = recent->from > 0 && recent->from <= r->newest + 1;
	recent->lost = knows && recent->from < oldest ? oldest - recent->from : 0;
	for (uint64_t at = knows && recent->from > oldest ? recent->from : oldest; at <= r->newest;
		at++) {
		const struct gw_recent_line *const line = place_of(r, at);
		recent->lost += line->text == NULL;
		if (line->text)
			ctl_out_bytes(out, line->text, line->len);
	}
	recent->next = r->newest + 1;
}

void gw_recent_fini(struct gw_recent *r)
{
	for (size_t i = 0; i < GW_RECENT; i++)
		free(r->lines[i].text);
}
