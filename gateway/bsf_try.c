/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/bsf_try.h"

enum { MARGIN_MAX_S = 30, MARGIN_PART = 10, S = 1000 };

struct bsf_try bsf_try_begin(uint64_t now_ms, uint32_t timeout_ms)
{
	return (struct bsf_try){ .until_ms = now_ms + timeout_ms };
}

enum bsf_step bsf_try_next(struct bsf_try *t, struct bsf_access *a, uint64_t now_ms)
{
	if (now_ms >= t->until_ms)
		return BSF_IS_SLOW;
	if (a->wanted && (!a->has || now_ms >= a->until_ms)) {
		if (a->fetching)
			return BSF_WAITS;
		a->has = false;
		a->fetching = true;
		return BSF_FETCHES;
	}
	t->used = a->generation;
	return BSF_SENDS;
}

static enum gw_bsf_result result_of(unsigned status)
{
	switch (status) {
	case 200:
		return GW_BSF_OK;
	case 401:
		return GW_BSF_UNAUTHORIZED;
	case 403:
		return GW_BSF_FORBIDDEN;
	case 404:
		return GW_BSF_NO_SUBSCRIBER;
	case 429:
	case 503:
		return GW_BSF_BUSY;
	default:
		return status >= 500 && status < 600 ? GW_BSF_BROKEN : GW_BSF_REFUSED;
	}
}

enum bsf_step bsf_try_status(struct bsf_try *t, struct bsf_access *a, unsigned status,
	uint64_t now_ms, enum gw_bsf_result *result)
{
	*result = result_of(status);
	if (*result != GW_BSF_UNAUTHORIZED || !a->wanted)
		return BSF_ENDS;
	if (a->generation == t->used)
		a->has = false; /* nobody else is refused for it */
	if (t->renewed)
		return BSF_ENDS;
	t->renewed = true;
	return bsf_try_next(t, a, now_ms);
}

/* It is not used in its last moments, which it may spend on its way. */
void bsf_token_came(struct bsf_access *a, uint32_t expires_s, uint64_t now_ms)
{
	const uint32_t part = expires_s / MARGIN_PART;
	const uint32_t margin = part < MARGIN_MAX_S ? part : MARGIN_MAX_S;
	a->fetching = false;
	a->has = true;
	a->generation++;
	a->until_ms =
		expires_s == 0 ? UINT64_MAX : now_ms + (uint64_t)(expires_s - margin) * (uint64_t)S;
}

void bsf_token_failed(struct bsf_access *a)
{
	a->fetching = false;
	a->has = false;
}
