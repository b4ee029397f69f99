/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/credentials.h"

#include <libconfig.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "conf/cred_set.h"
#include "conf/fail.h"
#include "conf/hex.h"
#include "conf/keys.h"
#include "conf/mask.h"
#include "conf/secret.h"
#include "conf/text.h"
#include "conf/tree.h"

enum field {
	FIELD_ENDPOINT,
	FIELD_IDENTITY,
	FIELD_IDENTITY_HEX,
	FIELD_KEY,
	FIELD_UPSTREAM_IDENTITY,
	FIELD_UPSTREAM_KEY,
	FIELDS
};

static const char *const field_names[FIELDS] = {
	[FIELD_ENDPOINT] = "endpoint",
	[FIELD_IDENTITY] = "identity",
	[FIELD_IDENTITY_HEX] = "identity_hex",
	[FIELD_KEY] = "key",
	[FIELD_UPSTREAM_IDENTITY] = "upstream_identity",
	[FIELD_UPSTREAM_KEY] = "upstream_key",
};

/* Everything else is taken for a secret, a key under a misspelt name included. */
static const char *const public_names[] = { "endpoint", "identity", "identity_hex",
	"upstream_identity", NULL };

struct text_of { /* a value as written; text NULL: not there */
	const char *text;
	unsigned line;
};

struct reader {
	const char *name;             /* of the file, in errors */
	const struct conf_text *text; /* as read: the keys are in it */
	struct cred_set *set;
	struct cred_index by_upstream, by_key; /* needed only to find what is there twice */
	struct conf_error *error;
};

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

/* The index of keys has two numbers for an entry: 2n for the device's key, 2n + 1 for the one
   upstream. */
static bool same_key(const void *ctx, uint32_t number, const void *octets, size_t len)
{
	const struct cred_set *s = ctx;
	const struct cred_entry *e = &s->entries[number / 2];
	if (number % 2 == 0)
		return same(s->secrets + e->key, e->key_len, octets, len);
	return same(s->secrets + e->upstream_key, e->upstream_key_len, octets, len);
}

/* --- one entry -------------------------------------------------------------------------------- */

/* Credentials that LwM2M knows and this version does not. */
static bool is_asymmetric(const char *name)
{
	static const char *const names[] = { "public_key", "certificate" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* A name that we do not know may be a key that stands in the wrong place: it is not shown (I5). */
static bool unknown(const struct reader *r, const char *name, unsigned line)
{
	if (is_asymmetric(name))
		return conf_fail(r->error, r->name, line,
			"this version reads pre-shared keys only; raw public keys and certificates "
			"are to come, and raw public keys need OpenSSL 3.2 or newer (this is %s)",
			OpenSSL_version(OPENSSL_VERSION_STRING));
	const char *best = NULL;
	size_t best_edits = strlen(name) / 2 + 1; /* fewer changes than that: near */
	for (size_t i = 0; i < FIELDS; i++) {
		const size_t edits = conf_distance(name, field_names[i]);
		if (edits < best_edits) {
			best_edits = edits;
			best = field_names[i];
		}
	}
	if (best == NULL)
		return conf_fail(r->error, r->name, line,
			"unknown key; see lwgate-credentials(5) for all keys");
	return conf_fail(r->error, r->name, line, "unknown key; did you mean %s?", best);
}

static bool take_fields(
	const struct reader *r, const config_setting_t *group, struct text_of f[FIELDS])
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const unsigned line = config_setting_source_line(s);
		size_t k = 0;
		while (k < FIELDS && strcmp(field_names[k], config_setting_name(s)) != 0)
			k++;
		if (k == FIELDS)
			return unknown(r, config_setting_name(s), line);
		if (config_setting_type(s) != CONFIG_TYPE_STRING)
			return conf_fail(r->error, r->name, line,
				"%s: is %s; write a text in quotes", field_names[k],
				conf_tree_type(s));
		f[k] = (struct text_of){ .text = config_setting_get_string(s), .line = line };
	}
	return true;
}

static bool has_needed(const struct reader *r, const struct text_of f[FIELDS], unsigned line)
{
	const char *missing = f[FIELD_ENDPOINT].text == NULL ? "endpoint = \"NAME\";"
			      : f[FIELD_KEY].text == NULL    ? "key = \"HEX\";"
							     : NULL;
	if (missing != NULL)
		return conf_fail(
			r->error, r->name, line, "the entry is not complete; add: %s", missing);
	if ((f[FIELD_IDENTITY].text == NULL) == (f[FIELD_IDENTITY_HEX].text == NULL))
		return conf_fail(r->error, r->name, line,
			"the entry needs either identity or identity_hex; write one of them");
	if ((f[FIELD_UPSTREAM_IDENTITY].text == NULL) != (f[FIELD_UPSTREAM_KEY].text == NULL))
		return conf_fail(r->error, r->name, line,
			"upstream_identity and upstream_key go together; write both or none");
	if (f[FIELD_UPSTREAM_KEY].text == NULL && r->set->master_len == 0)
		return conf_fail(r->error, r->name, line,
			"the entry has no upstream_key; add it and upstream_identity, or set "
			"upstream.master_secret_file in lwgate.conf");
	return true;
}

/* Adds a name to the set's; its place, or false. */
static bool put_name(const struct reader *r, enum field which, const struct text_of *t,
	uint32_t *at, uint8_t *len)
{
	const size_t n = strlen(t->text);
	if (n < 1 || n > CRED_IDENTITY_MAX)
		return conf_fail(r->error, r->name, t->line, "%s: is %zu octets long; use 1 to %d",
			field_names[which], n, CRED_IDENTITY_MAX);
	for (const char *c = t->text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return conf_fail(r->error, r->name, t->line,
				"%s: holds a control character; use plain text, or identity_hex",
				field_names[which]);
	}
	*at = (uint32_t)r->set->names_len;
	*len = (uint8_t)n;
	memcpy(r->set->names + *at, t->text, n + 1);
	r->set->names_len += n + 1;
	return true;
}

static bool put_hex_name(const struct reader *r, const struct text_of *t, struct cred_entry *e)
{
	const size_t n = strlen(t->text) / 2;
	if (n < 1 || n > CRED_IDENTITY_MAX)
		return conf_fail(r->error, r->name, t->line,
			"identity_hex: is %zu octets long; use 1 to %d", n, CRED_IDENTITY_MAX);
	e->identity = (uint32_t)r->set->names_len;
	e->identity_len = (uint8_t)n;
	if (!conf_hex_read(t->text, strlen(t->text), (uint8_t *)r->set->names + e->identity))
		return conf_fail(r->error, r->name, t->line,
			"identity_hex: is not hexadecimal; write two digits 0-9, a-f an octet");
	r->set->names_len += n;
	return true;
}

/* Nothing of the key itself is ever in an error (I5). */
static bool put_key(const struct reader *r, enum field which, const struct text_of *t, uint32_t *at,
	uint8_t *len)
{
	const char *name = field_names[which];
	const size_t digits = strlen(t->text), n = digits / 2;
	if (n < CRED_KEY_MIN || n > CRED_KEY_MAX)
		return conf_fail(r->error, r->name, t->line,
			"%s: is %zu octets long; use %d to %d, as from: "
			"openssl rand -hex 16",
			name, n, CRED_KEY_MIN, CRED_KEY_MAX);
	const char *hex = conf_mask_find(t->text, r->text->data, r->text->len);
	if (hex == NULL)
		return conf_fail(r->error, r->name, t->line,
			"%s: must be one plain string; do not split it", name);
	*at = (uint32_t)r->set->secrets_len;
	*len = (uint8_t)n;
	if (n > r->set->secrets_size - r->set->secrets_len ||
		!conf_hex_read(hex, digits, r->set->secrets + *at))
		return conf_fail(r->error, r->name, t->line,
			"%s: is not hexadecimal; write two digits 0-9, a-f an octet", name);
	r->set->secrets_len += n;
	return true;
}

static bool strong(const struct reader *r, enum field which, const struct text_of *t,
	const struct cred_entry *e)
{
	const bool device = which == FIELD_KEY;
	const uint8_t *key = r->set->secrets + (device ? e->key : e->upstream_key);
	const size_t len = device ? e->key_len : e->upstream_key_len;
	const char *why = cred_key_weakness(key, len, r->set->names + e->endpoint);
	if (why == NULL)
		why = device ? cred_key_from_name(
				       key, len, r->set->names + e->identity, e->identity_len)
			     : cred_key_from_name(key, len, r->set->names + e->upstream_identity,
				       e->upstream_identity_len);
	if (why == NULL)
		return true;
	return conf_fail(r->error, r->name, t->line,
		"%s: %s and can be guessed; make a random one: openssl rand -hex 16",
		field_names[which], why);
}

static bool fill_entry(const struct reader *r, const struct text_of f[FIELDS], struct cred_entry *e)
{
	uint8_t endpoint_len = 0;
	if (!put_name(r, FIELD_ENDPOINT, &f[FIELD_ENDPOINT], &e->endpoint, &endpoint_len))
		return false;
	if (f[FIELD_IDENTITY].text == NULL ? !put_hex_name(r, &f[FIELD_IDENTITY_HEX], e)
					   : !put_name(r, FIELD_IDENTITY, &f[FIELD_IDENTITY],
						     &e->identity, &e->identity_len))
		return false;
	if (!put_key(r, FIELD_KEY, &f[FIELD_KEY], &e->key, &e->key_len) ||
		!strong(r, FIELD_KEY, &f[FIELD_KEY], e))
		return false;
	if (f[FIELD_UPSTREAM_KEY].text == NULL) {
		e->upstream_identity = e->endpoint;
		e->upstream_identity_len = endpoint_len;
		return true;
	}
	return put_name(r, FIELD_UPSTREAM_IDENTITY, &f[FIELD_UPSTREAM_IDENTITY],
		       &e->upstream_identity, &e->upstream_identity_len) &&
	       put_key(r, FIELD_UPSTREAM_KEY, &f[FIELD_UPSTREAM_KEY], &e->upstream_key,
		       &e->upstream_key_len) &&
	       strong(r, FIELD_UPSTREAM_KEY, &f[FIELD_UPSTREAM_KEY], e);
}

static bool twice(
	const struct reader *r, const char *what, uint32_t before, const struct cred_entry *e)
{
	return conf_fail(r->error, r->name, e->line,
		"%s is also in the entry at line %u; each device needs its own (RFC 7925)", what,
		r->set->entries[before].line);
}

/* what two devices share proves neither of them. */
static bool index_entry(struct reader *r, uint32_t number)
{
	struct cred_set *s = r->set;
	const struct cred_entry *e = &s->entries[number];
	uint32_t before = cred_index_add(
		&s->by_endpoint, s->names + e->endpoint, strlen(s->names + e->endpoint), number);
	if (before != CRED_INDEX_NONE)
		return twice(r, "the endpoint", before, e);
	before = cred_index_add(&s->by_identity, s->names + e->identity, e->identity_len, number);
	if (before != CRED_INDEX_NONE)
		return twice(r, "the identity", before, e);
	before = cred_index_add(
		&r->by_upstream, s->names + e->upstream_identity, e->upstream_identity_len, number);
	if (before != CRED_INDEX_NONE)
		return twice(r, "the upstream identity", before, e);
	before = cred_index_add(&r->by_key, s->secrets + e->key, e->key_len, 2 * number);
	if (before != CRED_INDEX_NONE)
		return twice(r, "the key", before / 2, e);
	if (e->upstream_key_len == 0)
		return true;
	/* A device may have one key for both legs: it is still only its own. */
	before = cred_index_add(
		&r->by_key, s->secrets + e->upstream_key, e->upstream_key_len, 2 * number + 1);
	if (before != CRED_INDEX_NONE && before / 2 != number)
		return twice(r, "the upstream key", before / 2, e);
	return true;
}

static bool read_entry(struct reader *r, const config_setting_t *group)
{
	struct text_of f[FIELDS] = { { 0 } };
	struct cred_entry *e = &r->set->entries[r->set->len];
	const unsigned line = config_setting_source_line(group);
	*e = (struct cred_entry){ .line = line };
	if (!config_setting_is_group(group))
		return conf_fail(r->error, r->name, line,
			"credentials: a member is %s; write a group { endpoint = ...; }",
			conf_tree_type(group));
	if (!take_fields(r, group, f) || !has_needed(r, f, line) || !fill_entry(r, f, e) ||
		!index_entry(r, (uint32_t)r->set->len))
		return false;
	r->set->len++;
	return true;
}

/* --- the whole file --------------------------------------------------------------------------- */

static bool list_of(const struct reader *r, const config_t *tree, const config_setting_t **out)
{
	const config_setting_t *root = config_root_setting(tree);
	*out = config_setting_get_member(root, "credentials");
	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
		if (s != *out)
			return conf_fail(r->error, r->name, config_setting_source_line(s),
				"unknown key; did you mean credentials?");
	}
	if (*out == NULL)
		return conf_fail(r->error, r->name, 0,
			"credentials is missing; add: credentials = ( { endpoint = ...; } );");
	if (!config_setting_is_list(*out))
		return conf_fail(r->error, r->name, config_setting_source_line(*out),
			"credentials: is %s; write a list of groups: credentials = ( { ... }, { "
			"... } );",
			conf_tree_type(*out));
	return true;
}

static bool make_room(struct reader *r, size_t count)
{
	struct cred_set *s = r->set;
	/* Every name in the text stands between two quotes, so its NUL has room, too. */
	s->names = malloc(r->text->len + 1);
	s->entries = calloc(count + 1, sizeof(*s->entries));
	return s->names != NULL && s->entries != NULL &&
	       cred_index_init(&s->by_identity, count, same_identity, s) &&
	       cred_index_init(&s->by_endpoint, count, same_endpoint, s) &&
	       cred_index_init(&r->by_upstream, count, same_upstream, s) &&
	       cred_index_init(&r->by_key, 2 * count, same_key, s);
}

static void shrink(struct cred_set *s)
{
	char *names = realloc(s->names, s->names_len + 1);
	if (names != NULL)
		s->names = names;
}

static bool read_list(struct reader *r, const config_t *tree)
{
	const config_setting_t *list = NULL;
	if (!list_of(r, tree, &list))
		return false;
	const int count = config_setting_length(list);
	if (!make_room(r, (size_t)count))
		return conf_fail(
			r->error, r->name, 0, "no memory for %d credentials; free some", count);
	for (int i = 0; i < count; i++) {
		if (!read_entry(r, config_setting_get_elem(list, (unsigned)i)))
			return false;
	}
	shrink(r->set);
	return true;
}

static bool read_masked(struct reader *r, const char *masked)
{
	config_t tree;
	const bool ok = conf_tree_read(&tree, masked, r->name, r->error) && read_list(r, &tree);
	config_destroy(&tree);
	cred_index_fini(&r->by_upstream);
	cred_index_fini(&r->by_key);
	return ok;
}

static bool new_set(struct reader *r, size_t hidden, const uint8_t *master, size_t master_len)
{
	struct cred_set *s = calloc(1, sizeof(*s));
	r->set = s;
	if (s == NULL)
		return false;
	s->secrets_size = master_len + hidden / 2;
	s->secrets = conf_secret_new(s->secrets_size);
	if (s->secrets == NULL)
		return false;
	if (master_len > 0)
		memcpy(s->secrets, master, master_len);
	s->master_len = s->secrets_len = master_len;
	return true;
}

static struct cred_set *read_text(const struct conf_text *text, const char *name,
	const uint8_t *master, size_t master_len, struct conf_error *error)
{
	struct reader r = { .name = name, .text = text, .error = error };
	struct conf_text masked = { 0 };
	size_t hidden = 0;
	bool ok = false;
	if (!conf_text_copy(text->data, name, &masked, error))
		return NULL;
	if (conf_mask(masked.data, public_names, name, &hidden, error)) {
		ok = new_set(&r, hidden, master, master_len)
			     ? read_masked(&r, masked.data)
			     : conf_fail(error, name, 0, "no memory; free some");
	}
	conf_text_free(&masked);
	if (!ok) {
		cred_free(r.set);
		return NULL;
	}
	conf_secret_seal(r.set->secrets, r.set->secrets_size);
	return r.set;
}

struct cred_set *cred_parse(const char *text, const char *name, const uint8_t *master,
	size_t master_len, struct conf_error *error)
{
	struct conf_text copy = { 0 };
	if (!conf_text_copy(text, name, &copy, error))
		return NULL;
	struct cred_set *s = read_text(&copy, name, master, master_len, error);
	conf_text_free(&copy);
	return s;
}

/* --- the master secret ------------------------------------------------------------------------ */

enum { MASTER_MIN = 32, MASTER_MAX = 256 };

/* Takes the blanks out, then the hex: the text becomes the secret, *len octets of it. */
static bool master_from(
	struct conf_text *t, const char *name, size_t *len, struct conf_error *error)
{
	size_t digits = 0;
	for (size_t i = 0; i < t->len; i++) {
		if (strchr(" \t\r\n", t->data[i]) == NULL)
			t->data[digits++] = t->data[i];
	}
	*len = digits / 2;
	if (*len < MASTER_MIN || *len > MASTER_MAX)
		return conf_fail(error, name, 0,
			"holds %zu octets; use %d to %d in hexadecimal, as from: openssl rand -hex "
			"32",
			*len, MASTER_MIN, MASTER_MAX);
	if (!conf_hex_read(t->data, digits, (uint8_t *)t->data))
		return conf_fail(
			error, name, 0, "is not hexadecimal; make one with: openssl rand -hex 32");
	const char *why = cred_pattern((const uint8_t *)t->data, *len);
	if (why != NULL)
		return conf_fail(error, name, 0,
			"%s and can be guessed; make one with: openssl rand -hex 32", why);
	return true;
}

struct cred_set *cred_load(
	const char *file, const char *master_secret_file, struct conf_error *error)
{
	struct conf_text text = { 0 }, master = { 0 };
	struct cred_set *s = NULL;
	size_t master_len = 0;
	if (master_secret_file != NULL &&
		(!conf_text_read(master_secret_file, true, &master, error) ||
			!master_from(&master, master_secret_file, &master_len, error)))
		goto out;
	if (conf_text_read(file, true, &text, error))
		s = read_text(&text, file, (const uint8_t *)master.data, master_len, error);
out:
	conf_text_free(&text);
	conf_text_free(&master);
	return s;
}
