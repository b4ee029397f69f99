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
	[CRED_UPSTREAM_IDENTITY] = "upstream_identity",
	[CRED_UPSTREAM_KEY] = "upstream_key",
};

/* One credential that is being added. */
struct adding {
	struct cred_build *b;
	const struct cred_draft *d;
	struct conf_error *error;
};

static const char *name_of(const struct cred_draft *d, enum cred_part which)
{
	const char *name = d->parts[which].name;
	return name == NULL ? part_names[which] : name;
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
	enum { NAMES = 3 * (CRED_IDENTITY_MAX + 1), SECRETS = 2 * CRED_KEY_MAX };
	if (grow_names(a->b, NAMES) && grow_secrets(a->b, SECRETS) && grow_entries(a->b))
		return true;
	return conf_fail(a->error, a->b->name, a->d->line,
		"no memory for more than %zu credentials; free some", a->b->set->len);
}

/* --- one credential --------------------------------------------------------------------------- */

static bool has_needed(const struct adding *a)
{
	const struct cred_draft *d = a->d;
	const char *missing = !there(d, CRED_ENDPOINT) ? "endpoint = \"NAME\";"
			      : !there(d, CRED_KEY)    ? "key = \"HEX\";"
						       : NULL;
	if (missing != NULL)
		return conf_fail(a->error, a->b->name, d->line,
			"the entry is not complete; add: %s", missing);
	if (!there(d, CRED_IDENTITY))
		return conf_fail(a->error, a->b->name, d->line,
			"the entry needs either identity or identity_hex; write one of them");
	if (there(d, CRED_UPSTREAM_IDENTITY) != there(d, CRED_UPSTREAM_KEY))
		return conf_fail(a->error, a->b->name, d->line,
			"upstream_identity and upstream_key go together; write both or none");
	if (!there(d, CRED_UPSTREAM_KEY) && !a->b->derives)
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

static bool is_plain(const struct adding *a)
{
	const struct cred_octets *o = &a->d->parts[CRED_ENDPOINT];
	const unsigned char *c = o->at;
	for (size_t i = 0; i < o->len; i++) {
		if (c[i] < 0x20 || c[i] == 0x7f)
			return conf_fail(a->error, a->b->name, o->line,
				"endpoint: holds a control character; use plain text");
	}
	return true;
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

static bool fill(const struct adding *a, struct cred_entry *e)
{
	uint8_t endpoint_len = 0;
	if (!put_name(a, CRED_ENDPOINT, &e->endpoint, &endpoint_len) || !is_plain(a) ||
		!put_name(a, CRED_IDENTITY, &e->identity, &e->identity_len) ||
		!put_key(a, CRED_KEY, &e->key, &e->key_len) || !strong(a, CRED_KEY))
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
	*e = (struct cred_entry){ .line = d->line };
	if (!fill(&a, e))
		return false;
	b->set->len++;
	return true;
}

/* --- what is the same ------------------------------------------------------------------------- */

static bool same(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static bool same_identity(const void *ctx, uint32_t number, const void *octets, size_t len)
{
	const struct cred_set *s = ctx;
	const struct cred_entry *e = &s->entries[number];
	return same(s->names + e->identity, e->identity_len, octets, len);
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
	return same(endpoint, strlen(endpoint), octets, len);
}

static bool same_key(const void *ctx, uint32_t number, const void *octets, size_t len)
{
	const struct cred_set *s = ctx;
	const struct cred_entry *e = &s->entries[number / 2];
	if (number % 2 == 0)
		return same(s->secrets + e->key, e->key_len, octets, len);
	return same(s->secrets + e->upstream_key, e->upstream_key_len, octets, len);
}

/* what two devices share proves neither of them. The number that has it already. */
static uint32_t twin_of(struct cred_set *s, uint32_t number, const char **what)
{
	const struct cred_entry *e = &s->entries[number];
	*what = "the endpoint";
	uint32_t before = cred_index_add(
		&s->by_endpoint, s->names + e->endpoint, strlen(s->names + e->endpoint), number);
	if (before != CRED_INDEX_NONE)
		return before;
	*what = "the identity";
	before = cred_index_add(&s->by_identity, s->names + e->identity, e->identity_len, number);
	if (before != CRED_INDEX_NONE)
		return before;
	*what = "the upstream identity";
	before = cred_index_add(
		&s->by_upstream, s->names + e->upstream_identity, e->upstream_identity_len, number);
	if (before != CRED_INDEX_NONE)
		return before;
	*what = "the key";
	before = cred_index_add(&s->by_key, s->secrets + e->key, e->key_len, 2 * number);
	if (before != CRED_INDEX_NONE)
		return before / 2;
	if (e->upstream_key_len == 0)
		return CRED_INDEX_NONE;
	*what = "the upstream key";
	before = cred_index_add(
		&s->by_key, s->secrets + e->upstream_key, e->upstream_key_len, 2 * number + 1);
	/* A device may have one key for both legs: it is still only its own. */
	return before == CRED_INDEX_NONE || before / 2 == number ? CRED_INDEX_NONE : before / 2;
}

static bool index_all(const struct cred_build *b, struct conf_error *error)
{
	struct cred_set *s = b->set;
	const size_t n = s->len;
	if (!cred_index_init(&s->by_identity, n, same_identity, s) ||
		!cred_index_init(&s->by_endpoint, n, same_endpoint, s) ||
		!cred_index_init(&s->by_upstream, n, same_upstream, s) ||
		!cred_index_init(&s->by_key, 2 * n, same_key, s))
		return conf_fail(error, b->name, 0, "no memory for %zu credentials; free some", n);
	for (uint32_t i = 0; i < n; i++) {
		const char *what = NULL;
		const uint32_t before = twin_of(s, i, &what);
		if (before != CRED_INDEX_NONE)
			return conf_fail(error, b->name, s->entries[i].line,
				"%s is also in the entry at line %u; each device needs its own "
				"(RFC 7925)",
				what, s->entries[before].line);
	}
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
	if (!index_all(b, error)) {
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
