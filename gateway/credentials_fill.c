/* SPDX-License-Identifier: Apache-2.0 */
#include "base/wipe.h"
#include "conf/credentials.h"
#include "gateway/credentials_steps.h"
#include "store/store.h"

#include <stddef.h>
#include <string.h>

_Static_assert(
	(int)CRED_PSK == (int)STORE_CRED_PSK && (int)CRED_RAW_KEY == (int)STORE_CRED_RAW_KEY &&
		(int)CRED_CERTIFICATE == (int)STORE_CRED_CERTIFICATE &&
		(int)CRED_NOSEC == (int)STORE_CRED_NOSEC && (int)CRED_SMS == (int)STORE_CRED_SMS &&
		(int)CRED_PIN_LEN == (int)STORE_PIN_LEN,
	"a kind is the same in both");
_Static_assert((int)CONF_LABELS_MAX == (int)STORE_LABELS_MAX &&
		       (int)CONF_LABEL_MAX == (int)STORE_LABEL_MAX,
	"labels are the same in both");
_Static_assert((int)CONF_FOR_ANY == (int)STORE_FOR_ANY &&
		       (int)CONF_FOR_SERVER == (int)STORE_FOR_SERVER &&
		       (int)CONF_FOR_BOOTSTRAP == (int)STORE_FOR_BOOTSTRAP,
	"and so are purposes");

_Static_assert((int)CRED_SMS_LWM2M_10 == (int)STORE_SMS_LWM2M_10 &&
		       (int)CRED_SMS_CR_004 == (int)STORE_SMS_CR_004 &&
		       (int)CRED_SMS_DTLS == (int)STORE_SMS_DTLS &&
		       (int)CRED_SMS_TAR == (int)STORE_TAR_LEN,
	"and profiles");
_Static_assert(
	sizeof(struct cred_renew) == sizeof(struct store_renew) &&
		offsetof(struct cred_renew, subscriber) ==
			offsetof(struct store_renew, subscriber) &&
		offsetof(struct cred_renew, ota) == offsetof(struct store_renew, ota) &&
		offsetof(struct cred_ota, key_len) == offsetof(struct store_ota, key_len) &&
		offsetof(struct cred_ota, path_len) == offsetof(struct store_ota, path_len) &&
		offsetof(struct cred_ota, format) == offsetof(struct store_ota, format) &&
		(int)CRED_RENEWS == (int)STORE_RENEWS && (int)CRED_GBAS == (int)STORE_GBAS,
	"and how they are renewed, octet by octet");

static struct store_sms agreement(const struct cred_sms *x)
{
	struct store_sms out = { .profile = x->profile,
		.spi2 = x->spi2,
		.kic = x->kic,
		.kid = x->kid,
		.cc_len = x->cc_len };
	memcpy(out.tar, x->tar, sizeof(out.tar));
	memcpy(&out.renew, &x->renew, sizeof(out.renew));
	return out;
}

/* A file says all that there is of its credentials; lwgatectl, what is to be otherwise. */
static void fill_terms(const struct cred_plan *p, uint32_t entry, const struct store_cred *now,
	struct store_cred *out)
{
	struct cred_terms t;
	const bool stays = now != NULL && p->by->mode != CRED_PLAN_FILE;
	cred_terms(p->set, entry, &t);
	if (t.says_labels || !stays) {
		out->labels_len = t.labels.len;
		memcpy(out->labels, t.labels.at, sizeof(out->labels));
	} else {
		out->labels_len = now->labels_len;
		memcpy(out->labels, now->labels, sizeof(out->labels));
	}
	out->until_ms = t.says_until || !stays ? t.until_ms : now->until_ms;
	out->purpose = (uint8_t)(t.says_purpose || !stays ? t.purpose : now->purpose);
	out->repository = t.says_repository || !stays ? t.repository : now->repository;
}

void cred_step_keep(const struct store_cred *c, uint64_t until_ms, struct store_cred_before *out)
{
	*out = (struct store_cred_before){
		.generation = c->generation,
		.until_ms = until_ms,
		.identity_len = c->identity_len,
		.key_len = c->key_len,
		.pinned = c->pinned,
	};
	memcpy(out->pin, c->pin, sizeof(out->pin));
	memcpy(out->identity, c->identity, c->identity_len);
	memcpy(out->key, c->key, c->key_len);
}

void cred_step_fill(const struct cred_plan *p, uint32_t entry, const struct store_cred *now,
	struct store_cred *out)
{
	struct cred_key k;
	*out = (struct store_cred){
		.changed_ms = p->by->now_ms,
		.state = STORE_CRED_ACTIVE,
		.origin = p->by->mode == CRED_PLAN_FILE ? STORE_BY_FILE : STORE_BY_CONTROL,
	};
	fill_terms(p, entry, now, out);
	const char *endpoint = cred_endpoint(p->set, entry);
	memcpy(out->endpoint, endpoint, strlen(endpoint) + 1);
	const uint8_t *const pin = cred_pin(p->set, entry);
	out->kind = (uint8_t)cred_kind(p->set, entry);
	out->pinned = pin != NULL;
	struct cred_sms sms = cred_sms_of(p->set, entry);
	out->sms = agreement(&sms);
	wipe(&sms, sizeof(sms));
	if (pin != NULL)
		memcpy(out->pin, pin, sizeof(out->pin));
	cred_device_key(p->set, entry, &k);
	out->identity_len = (uint8_t)k.identity_len;
	out->key_len = (uint8_t)k.key_len;
	memcpy(out->identity, k.identity, k.identity_len);
	memcpy(out->key, k.key, k.key_len);
	/* Derived ones are not kept: the master secret may change. */
	if (!cred_derives(p->set, entry) && cred_upstream_key(p->set, entry, &k)) {
		out->upstream_identity_len = (uint8_t)k.identity_len;
		out->upstream_key_len = (uint8_t)k.key_len;
		memcpy(out->upstream_identity, k.identity, k.identity_len);
		memcpy(out->upstream_key, k.key, k.key_len);
	}
	wipe(&k, sizeof(k));
}
