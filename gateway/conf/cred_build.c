/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cred_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "conf/cred_set.h"
#include "conf/fail.h"

enum { FIRST = 64 };

static const char *const part_names[CRED_PARTS] = {
	[CRED_ENDPOINT] = "endpoint",
	[CRED_IDENTITY] = "identity",
	[CRED_KEY] = "key",
	[CRED_PIN] = "certificate_pin",
	[CRED_UPSTREAM_IDENTITY] = "upstream_identity",
	[CRED_UPSTREAM_KEY] = "upstream_key",
};

/* One credential that is being added. */
struct adding {
	struct cred_build *b;
	const struct cred_draft *d;
	struct conf_error *error;
};

static const char *const identity_names[] = {
	[CRED_PSK] = "identity",
	[CRED_RAW_KEY] = "public_key",
	[CRED_CERTIFICATE] = "certificate",
	[CRED_NOSEC] = "nosec",
	[CRED_SMS] = "sms",
};

static const char *name_of(const struct cred_draft *d, enum cred_part which)
{
	const char *name = d->parts[which].name;
	if (name != NULL)
		return name;
	return which == CRED_IDENTITY ? identity_names[d->kind] : part_names[which];
}

static bool there(const struct cred_draft *d, enum cred_part which)
{
	return d->parts[which].at != NULL;
}

/* --- room ------------------------------------------------------------------------------------- */

static bool grow_names(struct cred_build *b, size_t more)
{
	struct cred_set *s = b->set;
	size_t cap = b->names_cap == 0 ? FIRST : b->names_cap;
	while (cap - s->names_len < more)
		cap *= 2;
	if (cap > UINT32_MAX) /* places in it are 32 bits */
		return false;
	if (cap == b->names_cap)
		return true;
	char *names = realloc(s->names, cap);
	if (names == NULL)
		return false;
	s->names = names;
	b->names_cap = cap;
	return true;
}

static bool grow_secrets(struct cred_build *b, size_t more)
{
	struct cred_set *s = b->set;
	size_t size = s->secrets_size;
	while (size - s->secrets_len < more)
		size = size == 0 ? FIRST : size * 2;
	if (size > UINT32_MAX)
		return false;
	if (size == s->secrets_size)
		return true;
	uint8_t *region = secret_new(size);
	if (region == NULL)
		return false;
	if (s->secrets_len > 0)
		memcpy(region, s->secrets, s->secrets_len);
	secret_free(s->secrets, s->secrets_size);
	s->secrets = region;
	s->secrets_size = size;
	return true;
}

static bool grow_entries(struct cred_build *b)
{
	struct cred_set *s = b->set;
	if (s->len < b->entries_cap)
		return true;
	const size_t cap = b->entries_cap == 0 ? FIRST : b->entries_cap * 2;
	if (cap > UINT32_MAX / 2) /* the index of keys counts them twice */
		return false;
	struct cred_entry *entries = realloc(s->entries, cap * sizeof(*entries));
	if (entries == NULL)
		return false;
	s->entries = entries;
	b->entries_cap = cap;
	return true;
}

static bool has_room(const struct adding *a)
{
	enum {
		NAMES = 3 * (CRED_IDENTITY_MAX + 1) + 2 + CRED_PIN_LEN + CONF_LABELS_TEXT,
		SECRETS = (size_t)2 * CRED_KEY_MAX + sizeof(struct cred_renew)
	};
	if (grow_names(a->b, NAMES) && grow_secrets(a->b, SECRETS) && grow_entries(a->b))
		return true;
	return conf_fail(a->error, a->b->name, a->d->line,
		"no memory for more than %zu credentials; free some", a->b->set->len);
}

/* --- one credential --------------------------------------------------------------------------- */

static bool proves_nothing(const struct adding *a)
{
	const struct cred_octets *const named = &a->d->parts[CRED_IDENTITY];
	const struct cred_octets *const endpoint = &a->d->parts[CRED_ENDPOINT];
	const bool other =
		named->at != NULL &&
		(named->len != endpoint->len || memcmp(named->at, endpoint->at, named->len) != 0);
	return !(other || there(a->d, CRED_KEY) || there(a->d, CRED_PIN)) ||
	       conf_fail(a->error, a->b->name, a->d->line,
		       "a device without DTLS proves nothing; leave nosec out, or what it is to "
		       "prove");
}

/* A number and two keys; nothing that only DTLS has a use for. */
static bool has_messages(const struct adding *a)
{
	const struct cred_draft *d = a->d;
	const bool keyless =
		d->sms.profile == CRED_SMS_DTLS || d->sms.renew.how != CRED_RENEW_NEVER;
	if (!there(d, CRED_IDENTITY) || (!there(d, CRED_KEY) && !keyless))
		return conf_fail(a->error, a->b->name, d->line,
			"the entry is not complete; add the number to sms, and: key = \"HEX\"; of "
			"KIc's key and then KID's");
	if (there(d, CRED_PIN))
		return conf_fail(a->error, a->b->name, d->line,
			"certificate_pin goes with certificate; leave it out beside sms");
	if (d->terms.purpose != CONF_FOR_ANY || d->terms.repository)
		return conf_fail(a->error, a->b->name, d->line,
			"purpose and repository do not go with sms; leave them out");
	return true;
}

/* Exactly what its kind proves itself by. */
static bool has_proof(const struct adding *a)
{
	const struct cred_draft *d = a->d;
	const bool psk = d->kind == CRED_PSK;
	if (d->kind == CRED_NOSEC)
		return proves_nothing(a);
	if (d->kind == CRED_SMS)
		return has_messages(a);
	if (psk && !there(d, CRED_KEY))
		return conf_fail(a->error, a->b->name, d->line,
			"the entry is not complete; add: key = \"HEX\"; (or instead of it "
			"public_key or certificate)");
	if (!psk && there(d, CRED_KEY))
		return conf_fail(a->error, a->b->name, d->line,
			"%s and key are two ways to prove one device; write one of them",
			identity_names[d->kind]);
	if (d->kind != CRED_CERTIFICATE && there(d, CRED_PIN))
		return conf_fail(a->error, a->b->name, d->line,
			"certificate_pin goes with certificate; write both, or leave it out");
	if (!there(d, CRED_IDENTITY) && !psk)
		return conf_fail(a->error, a->b->name, d->line,
			"the entry is not complete; add: %s", identity_names[d->kind]);
	if (!there(d, CRED_IDENTITY))
		return conf_fail(a->error, a->b->name, d->line,
			"the entry needs either identity or identity_hex; write one of them");
	return true;
}

/* No link is ever opened for it. */
static bool is_number_only(const struct cred_draft *d)
{
	return d->kind == CRED_SMS && d->sms.profile == CRED_SMS_DTLS;
}

static bool has_needed(const struct adding *a)
{
	const struct cred_draft *d = a->d;
	if (!there(d, CRED_ENDPOINT))
		return conf_fail(a->error, a->b->name, d->line,
			"the entry is not complete; add: endpoint = \"NAME\";");
	if (!has_proof(a))
		return false;
	if (d->terms.purpose == CONF_FOR_BOOTSTRAP && d->terms.repository)
		return conf_fail(a->error, a->b->name, d->line,
			"repository does not go with purpose = \"bootstrap\", which allows nothing "
			"else; have the device's other credential say it");
	if (there(d, CRED_UPSTREAM_IDENTITY) != there(d, CRED_UPSTREAM_KEY))
		return conf_fail(a->error, a->b->name, d->line,
			"upstream_identity and upstream_key go together; write both or none");
	if (!there(d, CRED_UPSTREAM_KEY) && !a->b->derives && !is_number_only(d))
		return conf_fail(a->error, a->b->name, d->line,
			"the entry has no upstream_key; add it and upstream_identity, or set "
			"upstream.master_secret_file in lwgate.conf");
	return true;
}

/* Adds a name to the set's, with a NUL behind. */
static bool put_name(const struct adding *a, enum cred_part which, uint32_t *at, uint8_t *len)
{
	const struct cred_octets *o = &a->d->parts[which];
	struct cred_set *s = a->b->set;
	if (o->len < 1 || o->len > CRED_IDENTITY_MAX)
		return conf_fail(a->error, a->b->name, o->line,
			"%s: is %zu octets long; use 1 to %d", name_of(a->d, which), o->len,
			CRED_IDENTITY_MAX);
	*at = (uint32_t)s->names_len;
	*len = (uint8_t)o->len;
	memcpy(s->names + *at, o->at, o->len);
	s->names[*at + o->len] = '\0';
	s->names_len += o->len + 1;
	return true;
}

static bool is_plain(const struct adding *a, enum cred_part which)
{
	const struct cred_octets *o = &a->d->parts[which];
	const unsigned char *c = o->at;
	for (size_t i = 0; i < o->len; i++) {
		if (c[i] < 0x20 || c[i] == 0x7f)
			return conf_fail(a->error, a->b->name, o->line,
				"%s: holds a control character; use plain text",
				name_of(a->d, which));
	}
	return true;
}

static bool put_digest(const struct adding *a, enum cred_part which, uint32_t *at)
{
	const struct cred_octets *o = &a->d->parts[which];
	struct cred_set *s = a->b->set;
	if (o->len != CRED_PIN_LEN)
		return conf_fail(a->error, a->b->name, o->line, "%s: is no SHA-256 digest",
			name_of(a->d, which));
	*at = (uint32_t)s->names_len;
	memcpy(s->names + *at, o->at, CRED_PIN_LEN);
	s->names_len += CRED_PIN_LEN;
	return true;
}

/* With its kind before. */
static bool put_identity(const struct adding *a, struct cred_entry *e)
{
	struct cred_set *s = a->b->set;
	s->names[s->names_len++] = (char)a->d->kind;
	switch (a->d->kind) {
	case CRED_RAW_KEY:
		e->identity_len = CRED_PIN_LEN;
		return put_digest(a, CRED_IDENTITY, &e->identity);
	case CRED_CERTIFICATE:
		if (!is_plain(a, CRED_IDENTITY))
			return false;
		break;
	case CRED_NOSEC:
		return put_name(a, CRED_ENDPOINT, &e->identity, &e->identity_len);
	case CRED_SMS:
	case CRED_PSK:
		break;
	}
	return put_name(a, CRED_IDENTITY, &e->identity, &e->identity_len);
}

/* Nothing of the key itself is ever in an error (I5). */
static bool put_key(const struct adding *a, enum cred_part which, uint32_t *at, uint8_t *len)
{
	const struct cred_octets *o = &a->d->parts[which];
	struct cred_set *s = a->b->set;
	if (o->len < CRED_KEY_MIN || o->len > CRED_KEY_MAX)
		return conf_fail(a->error, a->b->name, o->line,
			"%s: is %zu octets long; use %d to %d, as from: openssl rand -hex 16",
			name_of(a->d, which), o->len, CRED_KEY_MIN, CRED_KEY_MAX);
	*at = (uint32_t)s->secrets_len;
	*len = (uint8_t)o->len;
	memcpy(s->secrets + *at, o->at, o->len);
	s->secrets_len += o->len;
	return true;
}

static bool strong(const struct adding *a, enum cred_part which)
{
	const struct cred_octets *o = &a->d->parts[which];
	const struct cred_set *s = a->b->set;
	const struct cred_entry *e = &s->entries[s->len];
	const bool device = which == CRED_KEY;
	const uint8_t *key = s->secrets + (device ? e->key : e->upstream_key);
	const char *why = cred_key_weakness(key, o->len, s->names + e->endpoint);
	if (why == NULL)
		why = device ? cred_key_from_name(
				       key, o->len, s->names + e->identity, e->identity_len)
			     : cred_key_from_name(key, o->len, s->names + e->upstream_identity,
				       e->upstream_identity_len);
	if (why == NULL)
		return true;
	return conf_fail(a->error, a->b->name, o->line,
		"%s: %s and can be guessed; make a random one: openssl rand -hex 16",
		name_of(a->d, which), why);
}

static void put_terms(const struct adding *a, struct cred_entry *e)
{
	const struct cred_terms *t = &a->d->terms;
	struct cred_set *s = a->b->set;
	e->says_labels = t->says_labels;
	e->says_until = t->says_until;
	e->says_overlap = t->says_overlap;
	e->until_ms = t->until_ms;
	e->overlap_s = t->overlap_s;
	e->says_purpose = t->says_purpose;
	e->says_repository = t->says_repository;
	e->repository = t->repository;
	if (!t->says_labels)
		return;
	e->labels = (uint32_t)s->names_len;
	s->names_len += strlen(conf_labels_text(&t->labels, s->names + e->labels)) + 1;
}

/* With its purpose before. */
static bool put_endpoint(const struct adding *a, struct cred_entry *e, uint8_t *len)
{
	struct cred_set *s = a->b->set;
	e->purpose = (uint8_t)a->d->terms.purpose;
	s->names[s->names_len++] = (char)(a->d->kind == CRED_SMS ? CRED_USE_SMS : e->purpose);
	return put_name(a, CRED_ENDPOINT, &e->endpoint, len) && is_plain(a, CRED_ENDPOINT);
}

/* Before the key is looked at as any other. */
static bool messages_good(const struct adding *a, struct cred_entry *e)
{
	const struct cred_octets *const number = &a->d->parts[CRED_IDENTITY];
	const struct cred_octets *const key = &a->d->parts[CRED_KEY];
	const struct cred_sms *const x = &a->d->sms;
	struct cred_set *const s = a->b->set;
	const char *why = cred_sms_number_wrong(number->at, number->len);
	if (why == NULL)
		why = cred_sms_wrong(x, key->at, key->len);
	memcpy(e->sms, x, sizeof(e->sms));
	e->renews = x->renew.how != CRED_RENEW_NEVER;
	if (why == NULL && e->renews) {
		e->renew = (uint32_t)s->secrets_len;
		memcpy(s->secrets + e->renew, &x->renew, sizeof(x->renew));
		s->secrets_len += sizeof(x->renew);
	}
	return why == NULL || conf_fail(a->error, a->b->name, a->d->line, "sms: %s", why);
}

static bool fill(const struct adding *a, struct cred_entry *e)
{
	uint8_t endpoint_len = 0;
	e->pinned = there(a->d, CRED_PIN);
	e->own_pin = e->pinned && a->d->own_pin;
	if (!put_endpoint(a, e, &endpoint_len) || !put_identity(a, e) ||
		(e->pinned && !put_digest(a, CRED_PIN, &e->pin)))
		return false;
	if (a->d->kind == CRED_SMS && !messages_good(a, e))
		return false;
	const bool keyed =
		a->d->kind == CRED_PSK || (a->d->kind == CRED_SMS && there(a->d, CRED_KEY));
	if (keyed && (!put_key(a, CRED_KEY, &e->key, &e->key_len) || !strong(a, CRED_KEY)))
		return false;
	if (!there(a->d, CRED_UPSTREAM_KEY)) {
		e->upstream_identity = e->endpoint;
		e->upstream_identity_len = endpoint_len;
		return true;
	}
	return put_name(a, CRED_UPSTREAM_IDENTITY, &e->upstream_identity,
		       &e->upstream_identity_len) &&
	       put_key(a, CRED_UPSTREAM_KEY, &e->upstream_key, &e->upstream_key_len) &&
	       strong(a, CRED_UPSTREAM_KEY);
}

bool cred_build_add(struct cred_build *b, const struct cred_draft *d, struct conf_error *error)
{
	const struct adding a = { .b = b, .d = d, .error = error };
	if (!has_needed(&a) || !has_room(&a))
		return false;
	struct cred_entry *e = &b->set->entries[b->set->len];
	*e = (struct cred_entry){ .line = d->line, .kind = (uint8_t)d->kind };
	if (!fill(&a, e))
		return false;
	put_terms(&a, e);
	b->set->len++;
	return true;
}

/* --- the set ---------------------------------------------------------------------------------- */

bool cred_build_begin(struct cred_build *b, const char *name, const uint8_t *master,
	size_t master_len, bool derives)
{
	*b = (struct cred_build){ .name = name, .derives = derives };
	b->set = calloc(1, sizeof(*b->set));
	if (b->set == NULL || !grow_secrets(b, master_len)) {
		cred_build_abort(b);
		return false;
	}
	if (master_len > 0)
		memcpy(b->set->secrets, master, master_len);
	b->set->master_len = b->set->secrets_len = master_len;
	return true;
}

/* What doubling has taken too much. */
static void shrink(struct cred_set *s)
{
	char *names = realloc(s->names, s->names_len + 1);
	struct cred_entry *entries = realloc(s->entries, (s->len + 1) * sizeof(*entries));
	s->names = names == NULL ? s->names : names;
	s->entries = entries == NULL ? s->entries : entries;
}

struct cred_set *cred_build_end(struct cred_build *b, struct conf_error *error)
{
	if (!cred_set_index(b->set, b->name, error)) {
		cred_build_abort(b);
		return NULL;
	}
	struct cred_set *s = b->set;
	shrink(s);
	secret_seal(s->secrets, s->secrets_size);
	*b = (struct cred_build){ 0 };
	return s;
}

void cred_build_abort(struct cred_build *b)
{
	cred_free(b->set);
	*b = (struct cred_build){ 0 };
}
