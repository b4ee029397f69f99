/* SPDX-License-Identifier: Apache-2.0 */
/* How the credentials of a set are found, and who of them shares what nobody may share. */
#include <string.h>

#include "conf/cred_set.h"
#include "conf/fail.h"

static const char endpoint_words[] = "the endpoint";
static const char nosec_words[] = "the endpoint, one of the two with nosec,";

static const char *remedy_of(const char *what)
{
	if (what == nosec_words)
		return "a device that has DTLS never comes without it";
	return what == endpoint_words ? "write one for any purpose, or one for server and one for "
					"bootstrap"
				      : "each device needs its own (RFC 7925)";
}

static bool same(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool same_identity(const void *ctx, uint32_t number, const void *octets, size_t len)
{
	const struct cred_set *s = ctx;
	const struct cred_entry *e = &s->entries[number];
	return same(s->names + e->identity - 1, (size_t)1 + e->identity_len, octets, len);
}

static const char *holder_of(const struct cred_set *s, const struct cred_entry *e)
{
	return s->names + (e->own_pin ? e->pin : e->identity);
}

static bool same_holder(const void *ctx, uint32_t number, const void *octets, size_t len)
{
	const struct cred_set *s = ctx;
	return same(holder_of(s, &s->entries[number]), CRED_PIN_LEN, octets, len);
}

static bool same_upstream(const void *ctx, uint32_t number, const void *octets, size_t len)
{
	const struct cred_set *s = ctx;
	const struct cred_entry *e = &s->entries[number];
	return same(s->names + e->upstream_identity, e->upstream_identity_len, octets, len);
}

static bool same_endpoint(const void *ctx, uint32_t number, const void *octets, size_t len)
{
	const struct cred_set *s = ctx;
	const char *endpoint = s->names + s->entries[number].endpoint;
	return same(endpoint - 1, 1 + strlen(endpoint), octets, len);
}

static bool same_key(const void *ctx, uint32_t number, const void *octets, size_t len)
{
	const struct cred_set *s = ctx;
	const struct cred_entry *e = &s->entries[number / 2];
	if (number % 2 == 0)
		return same(s->secrets + e->key, e->key_len, octets, len);
	return same(s->secrets + e->upstream_key, e->upstream_key_len, octets, len);
}

/* One that has the endpoint already, and with a purpose that leaves no room for this one. */
static uint32_t same_use(struct cred_set *s, uint32_t number)
{
	const struct cred_entry *e = &s->entries[number];
	const char *const endpoint = s->names + e->endpoint;
	uint32_t rivals[CRED_RIVALS];
	const uint32_t before =
		cred_index_add(&s->by_endpoint, endpoint - 1, 1 + strlen(endpoint), number);
	if (before != CRED_INDEX_NONE)
		return before;
	if (e->kind == CRED_SMS)
		return CRED_INDEX_NONE;
	return cred_rivals(s, endpoint, (enum conf_purpose)e->purpose, rivals) > 0
		       ? rivals[0]
		       : CRED_INDEX_NONE;
}

/* who has DTLS for anything is not served without. The one that differs, of its purposes. */
static uint32_t other_way(const struct cred_set *s, uint32_t number)
{
	const struct cred_entry *e = &s->entries[number];
	for (int purpose = CONF_FOR_ANY; e->kind != CRED_SMS && purpose <= CONF_FOR_BOOTSTRAP;
		purpose++) {
		uint32_t n = 0;
		if (cred_by_endpoint(s, s->names + e->endpoint, (enum conf_purpose)purpose, &n) &&
			(s->entries[n].kind == CRED_NOSEC) != (e->kind == CRED_NOSEC))
			return n;
	}
	return CRED_INDEX_NONE;
}

/* One device may be known by the same name to the servers of its purposes. */
static uint32_t same_upstream_name(struct cred_set *s, uint32_t number)
{
	const struct cred_entry *e = &s->entries[number];
	const uint32_t before = cred_index_add(
		&s->by_upstream, s->names + e->upstream_identity, e->upstream_identity_len, number);
	if (before == CRED_INDEX_NONE ||
		strcmp(s->names + s->entries[before].endpoint, s->names + e->endpoint) == 0)
		return CRED_INDEX_NONE;
	return before;
}

/* A device that also comes by short messages is the same to its server either way. */
static bool is_same_link(const struct cred_set *s, uint32_t before, uint32_t number)
{
	const struct cred_entry *const a = &s->entries[before / 2], *const b = &s->entries[number];
	return before % 2 == 1 && (a->kind == CRED_SMS) != (b->kind == CRED_SMS) &&
	       strcmp(s->names + a->endpoint, s->names + b->endpoint) == 0 &&
	       same(s->names + a->upstream_identity, a->upstream_identity_len,
		       s->names + b->upstream_identity, b->upstream_identity_len);
}

/* what two devices share proves neither of them. The number that has it already. */
static uint32_t twin_of(struct cred_set *s, uint32_t number, const char **what)
{
	const struct cred_entry *e = &s->entries[number];
	*what = endpoint_words;
	uint32_t before = same_use(s, number);
	if (before != CRED_INDEX_NONE)
		return before;
	*what = nosec_words;
	before = other_way(s, number);
	if (before != CRED_INDEX_NONE)
		return before;
	*what = cred_identity_words((enum cred_kind)e->kind);
	before = cred_index_add(
		&s->by_identity, s->names + e->identity - 1, (size_t)1 + e->identity_len, number);
	if (before != CRED_INDEX_NONE)
		return before;
	*what = e->own_pin ? "the key of the certificate" : "the public key";
	if (e->own_pin || e->kind == CRED_RAW_KEY)
		before = cred_index_add(&s->by_holder, holder_of(s, e), CRED_PIN_LEN, number);
	if (before != CRED_INDEX_NONE)
		return before;
	*what = "the upstream identity";
	before = same_upstream_name(s, number);
	if (before != CRED_INDEX_NONE)
		return before;
	*what = "the key";
	if (e->key_len > 0) /* no key is nobody's */
		before = cred_index_add(&s->by_key, s->secrets + e->key, e->key_len, 2 * number);
	if (before != CRED_INDEX_NONE)
		return before / 2;
	if (e->upstream_key_len == 0)
		return CRED_INDEX_NONE;
	*what = "the upstream key";
	before = cred_index_add(
		&s->by_key, s->secrets + e->upstream_key, e->upstream_key_len, 2 * number + 1);
	/* A device may have one key for both legs: it is still only its own. */
	return before == CRED_INDEX_NONE || before / 2 == number || is_same_link(s, before, number)
		       ? CRED_INDEX_NONE
		       : before / 2;
}

/* Who holds a key is no authority over somebody else's. */
static bool pins_free(const struct cred_set *s, const char *name, struct conf_error *error)
{
	for (uint32_t i = 0; i < s->len; i++) {
		uint32_t holder = i;
		const uint8_t *const pin = cred_pin(s, i);
		if (pin != NULL && cred_by_holder(s, pin, &holder) && holder != i)
			return conf_fail(error, name, s->entries[i].line,
				"the key of the certificate is also in the entry at line %u; each "
				"device needs its own (RFC 7925)",
				s->entries[holder].line);
	}
	return true;
}

bool cred_set_index(struct cred_set *s, const char *name, struct conf_error *error)
{
	const size_t n = s->len;
	if (!cred_index_init(&s->by_identity, n, same_identity, s) ||
		!cred_index_init(&s->by_endpoint, n, same_endpoint, s) ||
		!cred_index_init(&s->by_holder, n, same_holder, s) ||
		!cred_index_init(&s->by_upstream, n, same_upstream, s) ||
		!cred_index_init(&s->by_key, 2 * n, same_key, s))
		return conf_fail(error, name, 0, "no memory for %zu credentials; free some", n);
	for (uint32_t i = 0; i < n; i++) {
		const char *what = NULL;
		const uint32_t before = twin_of(s, i, &what);
		if (before != CRED_INDEX_NONE)
			return conf_fail(error, name, s->entries[i].line,
				"%s is also in the entry at line %u; %s", what,
				s->entries[before].line, remedy_of(what));
	}
	return pins_free(s, name, error);
}
