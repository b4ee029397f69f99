/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show_counts.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "ctl/json.h"
#include "ctl/out.h"

static uint64_t number_of(const void *facts, const struct show_count *which)
{
	uint64_t n = 0;
	memcpy(&n, (const char *)facts + which->at, sizeof(n));
	return n;
}

void show_counts_text(
	struct ctl_out *o, const void *facts, const struct show_count *counts, size_t len)
{
	ctl_out_form(o, "%-24s %20s  %s\n", "COUNT", "VALUE", "UNIT");
	for (size_t i = 0; i < len; i++)
		ctl_out_form(o, "%-24s %20" PRIu64 "  %s\n", counts[i].label,
			number_of(facts, &counts[i]), counts[i].unit);
}

void show_counts_json(
	struct ctl_json *j, const void *facts, const struct show_count *counts, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		ctl_json_key(j, counts[i].name);
		ctl_json_number(j, number_of(facts, &counts[i]));
	}
}
