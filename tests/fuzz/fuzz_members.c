/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 4, TEXT = 9 };

/* Every member lies behind the one before it, within its object; a text fits. */
static void look(struct ctl_piece value, unsigned depth)
{
	struct ctl_members m = ctl_members_of(value);
	struct ctl_member one;
	const char *behind = value.at;
	char out[TEXT];
	while (ctl_members_next(&m, &one)) {
		if (one.value.len == 0 || one.value.at < behind ||
			one.value.at + one.value.len > value.at + value.len)
			abort();
		if (one.name.len > 0 &&
			(one.name.at <= value.at || one.name.at + one.name.len >= one.value.at))
			abort();
		behind = one.value.at + one.value.len;
		if (depth < DEPTH)
			look(one.value, depth + 1);
	}
	(void)ctl_member_number(value, "n");
	if (strlen(ctl_member_text(value, "t", out, sizeof(out))) >= TEXT)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *const copy =
		malloc(size > 0 ? size : 1); /* so that each octet past its end is seen */
	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	look((struct ctl_piece){ .at = copy, .len = size }, 0);
	free(copy);
	return 0;
}
