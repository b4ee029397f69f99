/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a server sends once and no more (NON, a token of its own each), and that arrive
   twice: somebody has repeated them. */
#include <stdlib.h>
#include <string.h>

#include "tests/lab/fleet.h"

static bool seen(const struct fleet_tokens *t, uint64_t token)
{
	for (uint32_t i = t->len; i > 0; i--) {
		if (t->seen[i - 1] == token)
			return true;
	}
	return false;
}

/* Grows at powers of two. */
static bool add(struct fleet_tokens *t, uint64_t token)
{
	if ((t->len & (t->len - 1)) == 0) {
		const size_t room = t->len ? 2 * (size_t)t->len : 1;
		uint64_t *more = realloc(t->seen, room * sizeof(*more));
		if (!more)
			return false;
		t->seen = more;
	}
	t->seen[t->len++] = token;
	return true;
}

void fleet_tokens_asked(void *ctx, struct device *m, const struct lab_head *head)
{
	struct fleet *f = ctx;
	struct fleet_device *d = CONTAINER_OF(m, struct fleet_device, model);
	uint64_t token = 0;
	if (head->type != LAB_NON || head->token_len == 0)
		return;
	memcpy(&token, head->token, head->token_len);
	if (seen(&d->tokens, token))
		f->counts.twice++;
	else if (!add(&d->tokens, token))
		abort(); /* a count that is not exact is worth nothing */
}
