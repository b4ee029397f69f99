/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/targets.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static bool is_now(const struct gw_targets *t, uint8_t target)
{
	return memchr(t->now, target, t->now_len) != NULL;
}

void gw_targets_set(struct gw_targets *t, const uint8_t *now, size_t len)
{
	struct gw_targets next = { .now_len = len };
	assert(len <= GW_TARGETS_NOW);
	memcpy(next.now, now, len);
	for (size_t i = 0; i < len; i++) {
		assert(now[i] < GW_TARGETS_MAX);
		if (!is_now(t, now[i]))
			continue;
		next.failures[now[i]] = t->failures[now[i]];
		next.until_ms[now[i]] = t->until_ms[now[i]];
	}
	*t = next;
}

/* One whose time is over is taken by one link; the others wait for what becomes of it. */
static bool may_take(struct gw_targets *t, uint8_t target, uint64_t now_ms)
{
	if (t->until_ms[target] == 0)
		return true;
	if (now_ms < t->until_ms[target])
		return false;
	t->until_ms[target] = now_ms + GW_TARGET_PASS_MS;
	return true;
}

uint8_t gw_targets_pick(struct gw_targets *t, uint8_t last, uint64_t now_ms)
{
	if (t->now_len == 0)
		return GW_NO_TARGET;
	if (last != GW_NO_TARGET && is_now(t, last) && t->until_ms[last] == 0)
		return last;
	for (size_t i = 0; i < t->now_len; i++) {
		if (may_take(t, t->now[i], now_ms))
			return t->now[i];
	}
	/* None answers. */
	return t->now[0];
}

void gw_targets_answered(struct gw_targets *t, uint8_t target)
{
	if (target >= GW_TARGETS_MAX)
		return;
	t->failures[target] = 0;
	t->until_ms[target] = 0;
}

void gw_targets_failed(struct gw_targets *t, uint8_t target, uint64_t now_ms)
{
	if (target >= GW_TARGETS_MAX || !is_now(t, target))
		return;
	if (t->failures[target] < GW_TARGET_FAILURES)
		t->failures[target]++;
	if (t->failures[target] == GW_TARGET_FAILURES && t->now_len > 1)
		t->until_ms[target] = now_ms + GW_TARGET_PASS_MS;
}
