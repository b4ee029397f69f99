/* SPDX-License-Identifier: Apache-2.0 */
#include "sms-bridge/smsd/bridge_parts.h"

const struct wire_mt_outcome *bridge_known_find(
	const struct bridge_known *k, uint64_t id, uint64_t digest)
{
	for (size_t i = 0; i < k->len; i++) {
		if (k->ids[i] == id && k->digests[i] == digest)
			return &k->outcomes[i];
	}
	return NULL;
}

void bridge_known_add(
	struct bridge_known *k, uint64_t digest, const struct wire_mt_outcome *outcome)
{
	k->ids[k->next] = outcome->id;
	k->digests[k->next] = digest;
	k->outcomes[k->next] = *outcome;
	k->next = (k->next + 1) % BRIDGE_KNOWN;
	if (k->len < BRIDGE_KNOWN)
		k->len++;
}
