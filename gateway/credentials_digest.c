/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/credentials_digest.h"

#include "base/wipe.h"
#include "conf/credentials.h"

#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>

static bool add(EVP_MD_CTX *md, const void *octets, size_t len)
{
	const uint16_t head = (uint16_t)len; /* at most CONF_LABELS_TEXT */
	return EVP_DigestUpdate(md, &head, sizeof(head)) == 1 &&
	       EVP_DigestUpdate(md, octets, len) == 1;
}

static bool add_key(EVP_MD_CTX *md, const struct cred_key *k)
{
	return add(md, k->identity, k->identity_len) && add(md, k->key, k->key_len);
}

/* What it proves, and by which pin. */
static bool add_kind(EVP_MD_CTX *md, const struct cred_set *set, uint32_t n)
{
	const uint8_t kind = (uint8_t)cred_kind(set, n);
	const uint8_t *const pin = cred_pin(set, n);
	struct cred_sms sms = cred_sms_of(set, n);
	/* Of another kind it is left out: what was followed before there were such is the same. And
	   so it is of how keys are renewed. */
	const size_t len =
		sms.renew.how == CRED_RENEW_NEVER ? offsetof(struct cred_sms, renew) : sizeof(sms);
	const bool good = add(md, &kind, sizeof(kind)) &&
			  (kind != CRED_SMS || add(md, &sms, len)) &&
			  add(md, pin, pin == NULL ? 0 : CRED_PIN_LEN);
	wipe(&sms, sizeof(sms));
	return good;
}

/* How long an overlap is to be is no part of what the store holds. */
static bool add_terms(EVP_MD_CTX *md, const struct cred_set *set, uint32_t n)
{
	char labels[CONF_LABELS_TEXT];
	struct cred_terms t;
	cred_terms(set, n, &t);
	const uint8_t use[] = { (uint8_t)t.purpose, t.repository };
	(void)conf_labels_text(&t.labels, labels);
	return add(md, use, sizeof(use)) && add(md, labels, strlen(labels)) &&
	       add(md, &t.until_ms, sizeof(t.until_ms));
}

static bool add_entry(EVP_MD_CTX *md, const struct cred_set *set, uint32_t n)
{
	static const struct cred_key derived;
	const char *const endpoint = cred_endpoint(set, n);
	struct cred_key device, upstream = derived;
	cred_device_key(set, n, &device);
	bool ok = cred_derives(set, n) || cred_upstream_key(set, n, &upstream);
	ok = ok && add(md, endpoint, strlen(endpoint)) && add_kind(md, set, n) &&
	     add_key(md, &device) && add_key(md, &upstream) && add_terms(md, set, n);
	wipe(&device, sizeof(device));
	wipe(&upstream, sizeof(upstream));
	return ok;
}

bool cred_digest(const struct cred_set *set, uint64_t secret, uint8_t out[CRED_DIGEST])
{
	EVP_MD_CTX *const md = EVP_MD_CTX_new();
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		  add(md, &secret, sizeof(secret));
	for (uint32_t n = 0; ok && n < cred_count(set); n++)
		ok = add_entry(md, set, n);
	ok = ok && EVP_DigestFinal_ex(md, out, NULL) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}
