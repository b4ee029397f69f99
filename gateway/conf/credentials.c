/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/wipe.h"
#include "conf/cred_set.h"

size_t cred_count(const struct cred_set *s)
{
	return s->len;
}

static bool known(uint32_t found, uint32_t *number)
{
	if (found == CRED_INDEX_NONE)
		return false;
	*number = found;
	return true;
}

/* len: CRED_IDENTITY_MAX at most. What is looked for has a byte before it, which says of which kind
   it is. */
static bool find(const struct cred_index *index, uint8_t kind, const uint8_t *text, size_t len,
	uint32_t *number)
{
	_Static_assert((int)CRED_ENDPOINT_MAX <= (int)CRED_IDENTITY_MAX, "both fit");
	uint8_t name[CRED_NAME_MAX];
	name[0] = kind;
	memcpy(name + 1, text, len);
	return known(cred_index_find(index, name, 1 + len), number);
}

bool cred_by_identity(const struct cred_set *s, enum cred_kind kind, const uint8_t *identity,
	size_t len, uint32_t *number)
{
	return len <= CRED_IDENTITY_MAX &&
	       find(&s->by_identity, (uint8_t)kind, identity, len, number);
}

bool cred_by_endpoint(
	const struct cred_set *s, const char *endpoint, enum conf_purpose purpose, uint32_t *number)
{
	const size_t len = strlen(endpoint);
	return len <= CRED_ENDPOINT_MAX &&
	       find(&s->by_endpoint, (uint8_t)purpose, (const uint8_t *)endpoint, len, number);
}

bool cred_by_endpoint_sms(const struct cred_set *s, const char *endpoint, uint32_t *number)
{
	const size_t len = strlen(endpoint);
	return len <= CRED_ENDPOINT_MAX &&
	       find(&s->by_endpoint, CRED_USE_SMS, (const uint8_t *)endpoint, len, number);
}

struct cred_sms cred_sms_of(const struct cred_set *s, uint32_t number)
{
	const struct cred_entry *const e = &s->entries[number];
	struct cred_sms out = { .profile = 0 };
	memcpy(&out, e->sms, sizeof(e->sms));
	if (e->renews)
		memcpy(&out.renew, s->secrets + e->renew, sizeof(out.renew));
	return out;
}

size_t cred_rivals(const struct cred_set *s, const char *endpoint, enum conf_purpose purpose,
	uint32_t out[CRED_RIVALS])
{
	size_t len = 0;
	if (purpose != CONF_FOR_ANY)
		return cred_by_endpoint(s, endpoint, CONF_FOR_ANY, &out[0]);
	len += cred_by_endpoint(s, endpoint, CONF_FOR_SERVER, &out[len]);
	len += cred_by_endpoint(s, endpoint, CONF_FOR_BOOTSTRAP, &out[len]);
	return len;
}

bool cred_by_upstream_identity(
	const struct cred_set *s, const uint8_t *identity, size_t len, uint32_t *number)
{
	return known(cred_index_find(&s->by_upstream, identity, len), number);
}

bool cred_by_key(const struct cred_set *s, const uint8_t *key, size_t len, uint32_t *number)
{
	if (!known(cred_index_find(&s->by_key, key, len), number))
		return false;
	*number /= 2;
	return true;
}

const char *cred_endpoint(const struct cred_set *s, uint32_t number)
{
	return s->names + s->entries[number].endpoint;
}

enum cred_kind cred_kind(const struct cred_set *s, uint32_t number)
{
	return (enum cred_kind)s->entries[number].kind;
}

enum conf_purpose cred_purpose(const struct cred_set *s, uint32_t number)
{
	return (enum conf_purpose)s->entries[number].purpose;
}

const char *cred_identity_words(enum cred_kind kind)
{
	switch (kind) {
	case CRED_RAW_KEY:
		return "the public key";
	case CRED_CERTIFICATE:
		return "the name in the certificate";
	case CRED_SMS:
		return "the number";
	case CRED_PSK:
	case CRED_NOSEC:
		break;
	}
	return "the identity";
}

const uint8_t *cred_pin(const struct cred_set *s, uint32_t number)
{
	const struct cred_entry *e = &s->entries[number];
	return e->pinned ? (const uint8_t *)s->names + e->pin : NULL;
}

bool cred_pin_is_own(const struct cred_set *s, uint32_t number)
{
	return s->entries[number].own_pin;
}

bool cred_by_holder(const struct cred_set *s, const uint8_t *digest, uint32_t *number)
{
	return known(cred_index_find(&s->by_holder, digest, CRED_PIN_LEN), number);
}

void cred_terms(const struct cred_set *s, uint32_t number, struct cred_terms *out)
{
	const struct cred_entry *e = &s->entries[number];
	*out = (struct cred_terms){
		.says_labels = e->says_labels,
		.says_until = e->says_until,
		.says_overlap = e->says_overlap,
		.says_purpose = e->says_purpose,
		.says_repository = e->says_repository,
		.until_ms = e->until_ms,
		.overlap_s = e->overlap_s,
		.purpose = (enum conf_purpose)e->purpose,
		.repository = e->repository,
	};
	/* As conf/labels has written it. */
	if (e->says_labels)
		(void)!conf_labels_read(s->names + e->labels, &out->labels);
}

unsigned cred_line(const struct cred_set *s, uint32_t number)
{
	return s->entries[number].line;
}

bool cred_derives(const struct cred_set *s, uint32_t number)
{
	return s->entries[number].upstream_key_len == 0;
}

bool cred_has_master(const struct cred_set *s)
{
	return s->master_len > 0;
}

bool cred_derived(const struct cred_set *s, const char *endpoint, uint8_t out[16])
{
	if (s->master_len > 0)
		return cred_derive(s->secrets, s->master_len, endpoint, out);
	memset(out, 0, CRED_KEY_MIN);
	return false;
}

void cred_device_key(const struct cred_set *s, uint32_t number, struct cred_key *out)
{
	const struct cred_entry *e = &s->entries[number];
	*out = (struct cred_key){ .identity_len = e->identity_len, .key_len = e->key_len };
	memcpy(out->identity, s->names + e->identity, e->identity_len);
	memcpy(out->key, s->secrets + e->key, e->key_len);
}

bool cred_upstream_key(const struct cred_set *s, uint32_t number, struct cred_key *out)
{
	const struct cred_entry *e = &s->entries[number];
	*out = (struct cred_key){ .identity_len = e->upstream_identity_len,
		.key_len = e->upstream_key_len };
	memcpy(out->identity, s->names + e->upstream_identity, e->upstream_identity_len);
	if (e->upstream_key_len == 0) {
		out->key_len = CRED_KEY_MIN;
		return cred_derived(s, cred_endpoint(s, number), out->key);
	}
	memcpy(out->key, s->secrets + e->upstream_key, e->upstream_key_len);
	return true;
}

void cred_free(struct cred_set *s)
{
	if (s == NULL)
		return;
	cred_index_fini(&s->by_identity);
	cred_index_fini(&s->by_endpoint);
	cred_index_fini(&s->by_holder);
	cred_index_fini(&s->by_upstream);
	cred_index_fini(&s->by_key);
	secret_free(s->secrets, s->secrets_size);
	free(s->names);
	free(s->entries);
	free(s);
}
