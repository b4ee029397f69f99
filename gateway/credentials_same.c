/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/credentials_same.h"

#include "base/wipe.h"

#include <string.h>

static bool same_octets(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && same_secret(a, b, a_len);
}

bool cred_same_name(const struct store_cred *a, const struct store_cred *b)
{
	return a->kind == b->kind &&
	       same_octets(a->identity, a->identity_len, b->identity, b->identity_len);
}

bool cred_same_proof(const struct store_cred *a, const struct store_cred *b)
{
	return cred_same_name(a, b) && store_agreement_same(&a->sms, &b->sms) &&
	       a->pinned == b->pinned && memcmp(a->pin, b->pin, sizeof(a->pin)) == 0 &&
	       same_octets(a->key, a->key_len, b->key, b->key_len);
}

/* Both are in the order of conf/labels. */
static bool same_labels(const struct store_cred *a, const struct store_cred *b)
{
	bool same = a->labels_len == b->labels_len;
	for (size_t i = 0; same && i < a->labels_len; i++)
		same = strcmp(a->labels[i], b->labels[i]) == 0;
	return same;
}

bool cred_same_all(const struct store_cred *a, const struct store_cred *b)
{
	return cred_same_proof(a, b) && store_renewal_same(&a->sms.renew, &b->sms.renew) &&
	       a->until_ms == b->until_ms && same_labels(a, b) && a->purpose == b->purpose &&
	       a->repository == b->repository &&
	       same_octets(a->upstream_identity, a->upstream_identity_len, b->upstream_identity,
		       b->upstream_identity_len) &&
	       same_octets(
		       a->upstream_key, a->upstream_key_len, b->upstream_key, b->upstream_key_len);
}
