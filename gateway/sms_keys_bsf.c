/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/sms_keys_bsf.h"

#include <string.h>

#include "base/wipe.h"
#include "gateway/sms_keys_run.h"

enum { ALGORITHM = 0x0f, TRIPLE_DES = 0x09, AES_LEN = 16, TRIPLE_DES_LEN = 24 };

static bool is_3des(const struct store_cred *c)
{
	return (c->sms.kic & ALGORITHM) == TRIPLE_DES;
}

static uint32_t wished(uint32_t lifetime_s)
{
	return lifetime_s > 0 ? lifetime_s : (uint32_t)GW_KEYS_LIFETIME_S;
}

bool gw_keys_ask_of(const struct store_cred *c, uint32_t lifetime_s, struct gw_bsf_ask *out)
{
	const struct store_renew *const r = &c->sms.renew;
	const size_t len = strnlen(r->subscriber, sizeof(r->subscriber));
	memset(out, 0, sizeof(*out));
	_Static_assert((int)STORE_SUBSCRIBER_MAX <= (int)GW_BSF_SUBSCRIBER_MAX, "it fits");
	_Static_assert((int)STORE_IDENTITY_MAX <= (int)GW_BSF_SUBSCRIBER_MAX, "it fits");
	if (c->kind != STORE_CRED_SMS || c->state != STORE_CRED_ACTIVE ||
		r->how != STORE_RENEW_GBA_PUSH || c->identity_len > STORE_IDENTITY_MAX)
		return false;
	if (len > 0)
		memcpy(out->subscriber, r->subscriber, len);
	else
		memcpy(out->subscriber, c->identity, c->identity_len);
	out->cred = c->number;
	out->uicc = r->gba == STORE_GBA_U;
	out->triple_des = is_3des(c);
	out->lifetime_s = wished(lifetime_s);
	return true;
}

/* The earlier one. What the BSF says has no meaning without a clock. */
static uint64_t end_of(
	const struct gw_bsf_answer *a, uint32_t lifetime_s, uint64_t wall_ms, uint64_t now_ms)
{
	const uint64_t most = (uint64_t)wished(lifetime_s) * 1000;
	const uint64_t left = a->until_ms > wall_ms ? a->until_ms - wall_ms : 1;
	return now_ms + (wall_ms != 0 && left < most ? left : most);
}

/* NOLINTNEXTLINE(readability-function-size): seven parameters, all of one answer */
enum keyset_event gw_keys_of_answer(const struct store_cred *c, const struct gw_bsf_answer *a,
	uint32_t lifetime_s, uint64_t wall_ms, uint64_t now_ms, struct keyset_keys *keys,
	struct keyset_news *news)
{
	const size_t len = is_3des(c) ? (size_t)TRIPLE_DES_LEN : (size_t)AES_LEN;
	const bool fits = a->key_len == len && a->gpi_len > 0 && a->gpi_len <= KEYSET_BLOB_MAX;
	wipe(keys, sizeof(*keys));
	*news = (struct keyset_news){ .now_ms = now_ms, .retry_s = a->retry_after_s };
	if (a->result != GW_BSF_OK || !fits) {
		const uint8_t why = a->result != GW_BSF_OK ? a->result : (uint8_t)GW_BSF_BAD_ANSWER;
		news->cause = gw_bsf_cause((enum gw_bsf_result)why);
		return KEYSET_REFUSED;
	}
	keys->origin = KEYSET_GBA_PUSH;
	keys->until_ms = end_of(a, lifetime_s, wall_ms, now_ms);
	keys->agreed = gw_keys_around(c);
	keys->agreed.key_len = (uint8_t)(2 * len);
	memcpy(keys->agreed.key, a->kic, len);
	memcpy(keys->agreed.key + len, a->kid, len);
	news->keys = keys;
	news->blob = a->gpi;
	news->blob_len = a->gpi_len;
	return KEYSET_OBTAINED;
}
