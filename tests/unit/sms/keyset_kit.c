/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/sms/keyset_kit.h"

#include <string.h>

const struct keyset_rules keyset_kit_rules = { .overlap_ms = 300 * SECOND,
	.early_ms = 60 * SECOND,
	.answer_ms = 30 * SECOND,
	.retry_ms = MINUTE,
	.backoff_ms = 4 * SECOND,
	.most_ms = 15 * MINUTE,
	.rest_ms = 24 * HOUR,
	.an_hour = 20,
	.tries = 4 };

struct sms_agreed kit_agreed(uint32_t number)
{
	struct sms_agreed a = sms_agreed_default(SMS_CR_004);
	a.key_len = 32;
	memset(a.key, 0x5a, 32);
	memcpy(a.key, &number, sizeof(number));
	return a;
}

unsigned kit_tell(struct keyset *k, enum keyset_event e, uint64_t now_ms)
{
	const struct keyset_news n = { .now_ms = now_ms, .lifetime_s = 600, .cause = "a-cause" };
	return keyset_step(k, &keyset_kit_rules, e, &n);
}

unsigned kit_obtain(struct keyset *k, enum keyset_event e, uint64_t now_ms, uint64_t until_ms)
{
	uint8_t gpi[GPI];
	const struct keyset_keys keys = { .origin = e == KEYSET_BROUGHT ? KEYSET_UDP
									: KEYSET_GBA_PUSH,
		.agreed = kit_agreed(100 + k->last),
		.until_ms = until_ms };
	memset(gpi, 0x67, sizeof(gpi));
	const struct keyset_news n = {
		.now_ms = now_ms, .keys = &keys, .blob = gpi, .blob_len = sizeof(gpi)
	};
	return keyset_step(k, &keyset_kit_rules, e, &n);
}

unsigned kit_anything(struct keyset *k, enum keyset_event e, uint64_t now_ms)
{
	const bool brings = e == KEYSET_OBTAINED || e == KEYSET_BROUGHT;
	return brings ? kit_obtain(k, e, now_ms, now_ms + HOUR) : kit_tell(k, e, now_ms);
}
