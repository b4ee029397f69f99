/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/credentials.h"

#include <libconfig.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/cred_build.h"
#include "conf/cred_read_sms.h"
#include "conf/cred_set.h"
#include "conf/date.h"
#include "conf/fail.h"
#include "conf/hex.h"
#include "conf/keys.h"
#include "conf/mask.h"
#include "conf/purpose.h"
#include "conf/spki.h"
#include "conf/text.h"
#include "conf/tree.h"

enum field {
	FIELD_ENDPOINT,
	FIELD_IDENTITY,
	FIELD_IDENTITY_HEX,
	FIELD_KEY,
	FIELD_PUBLIC_KEY,
	FIELD_CERTIFICATE,
	FIELD_CERTIFICATE_PIN,
	FIELD_UPSTREAM_IDENTITY,
	FIELD_UPSTREAM_KEY,
	FIELD_VALID_UNTIL,
	FIELD_PURPOSE,
	TEXTS, /* those before are texts */
	FIELD_LABELS = TEXTS,
	FIELD_OVERLAP,
	FIELD_REPOSITORY,
	FIELD_NOSEC,
	FIELD_SMS,
	FIELDS
};

static const char *const field_names[FIELDS] = {
	[FIELD_ENDPOINT] = "endpoint",
	[FIELD_IDENTITY] = "identity",
	[FIELD_IDENTITY_HEX] = "identity_hex",
	[FIELD_KEY] = "key",
	[FIELD_PUBLIC_KEY] = "public_key",
	[FIELD_CERTIFICATE] = "certificate",
	[FIELD_CERTIFICATE_PIN] = "certificate_pin",
	[FIELD_UPSTREAM_IDENTITY] = "upstream_identity",
	[FIELD_UPSTREAM_KEY] = "upstream_key",
	[FIELD_VALID_UNTIL] = "valid_until",
	[FIELD_LABELS] = "labels",
	[FIELD_OVERLAP] = "overlap_s",
	[FIELD_PURPOSE] = "purpose",
	[FIELD_REPOSITORY] = "repository",
	[FIELD_NOSEC] = "nosec",
	[FIELD_SMS] = "sms",
};

/* Everything else is taken for a secret, a key under a misspelt name included. */
static const char *const public_names[] = { "endpoint", "identity", "identity_hex", "public_key",
	"certificate", "certificate_pin", "upstream_identity", "valid_until", "labels", "overlap_s",
	"purpose", "repository", "nosec", "number", "profile", "tar", "renew", "subscriber", "gba",
	"kic", "kid", "spi2", "file", "format", NULL };

struct text_of { /* a value as written; text NULL: not there */
	const char *text;
	unsigned line;
};

struct reader {
	const char *name;             /* of the file, in errors */
	const struct conf_text *text; /* as read: the keys are in it */
	struct cred_build build;
	struct conf_error *error;
};

struct octets { /* of one entry; keys, so wiped */
	uint8_t identity[CRED_IDENTITY_MAX], key[CRED_KEY_MAX], upstream_key[CRED_KEY_MAX];
	struct conf_spki public_key, pin;
};

/* --- one entry -------------------------------------------------------------------------------- */

/* A name that we do not know may be a key that stands in the wrong place: it is not shown (I5). */
static bool unknown(const struct reader *r, const char *name, unsigned line)
{
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

/* Nothing of them is in an error: a key may stand in the wrong place. */
static bool take_labels(const struct reader *r, const config_setting_t *s, struct cred_terms *t)
{
	const unsigned line = config_setting_source_line(s);
	const int type = config_setting_type(s);
	const char *why = NULL;
	t->says_labels = true;
	if (type != CONFIG_TYPE_ARRAY && type != CONFIG_TYPE_LIST)
		return conf_fail(r->error, r->name, line,
			"labels: is %s; write an array of texts: [ \"a\", \"b\" ]",
			conf_tree_type(s));
	for (int i = 0; why == NULL && i < config_setting_length(s); i++) {
		const char *const label = config_setting_get_string_elem(s, i);
		why = label == NULL ? "a member is no text; write texts in quotes"
				    : conf_labels_add(&t->labels, label, strlen(label));
	}
	return why == NULL || conf_fail(r->error, r->name, line, "labels: %s", why);
}

static bool take_overlap(const struct reader *r, const config_setting_t *s, struct cred_terms *t)
{
	int64_t n = -1;
	t->says_overlap = true;
	if (!conf_tree_number(s, &n) || n < 0 || n > CONF_SPAN_MAX_S)
		return conf_fail(r->error, r->name, config_setting_source_line(s),
			"overlap_s: is no whole number of seconds; write 0 to %d", CONF_SPAN_MAX_S);
	t->overlap_s = (uint32_t)n;
	return true;
}

static bool take_repository(const struct reader *r, const config_setting_t *s, struct cred_terms *t)
{
	t->says_repository = true;
	t->repository = config_setting_get_bool(s) != 0;
	return config_setting_type(s) == CONFIG_TYPE_BOOL ||
	       conf_fail(r->error, r->name, config_setting_source_line(s),
		       "repository: is %s; write true or false", conf_tree_type(s));
}

/* It proves nothing, and comes without DTLS. */
static bool take_nosec(const struct reader *r, const config_setting_t *s, struct cred_draft *d)
{
	d->kind = CRED_NOSEC;
	return (config_setting_type(s) == CONFIG_TYPE_BOOL && config_setting_get_bool(s) != 0) ||
	       conf_fail(r->error, r->name, config_setting_source_line(s),
		       "nosec: write true, or leave it out");
}

/* What is no text. */
static bool take_other(
	const struct reader *r, enum field which, const config_setting_t *s, struct cred_draft *d)
{
	if (which == FIELD_NOSEC)
		return take_nosec(r, s, d);
	if (which == FIELD_SMS)
		return cred_read_sms(s, r->name, r->text, d, r->error);
	if (which == FIELD_LABELS)
		return take_labels(r, s, &d->terms);
	return which == FIELD_OVERLAP ? take_overlap(r, s, &d->terms)
				      : take_repository(r, s, &d->terms);
}

static bool purpose(const struct reader *r, const struct text_of *text, struct cred_terms *t)
{
	t->says_purpose = text->text != NULL;
	const char *const why = t->says_purpose ? conf_purpose_read(text->text, &t->purpose) : NULL;
	return why == NULL || conf_fail(r->error, r->name, text->line, "purpose: %s", why);
}

static bool until(const struct reader *r, const struct text_of *text, struct cred_terms *t)
{
	t->says_until = text->text != NULL;
	const char *const why = t->says_until ? conf_date_read(text->text, &t->until_ms) : NULL;
	return why == NULL || conf_fail(r->error, r->name, text->line, "valid_until: %s", why);
}

static bool take_fields(const struct reader *r, const config_setting_t *group,
	struct text_of f[TEXTS], struct cred_draft *d)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const unsigned line = config_setting_source_line(s);
		size_t k = 0;
		while (k < FIELDS && strcmp(field_names[k], config_setting_name(s)) != 0)
			k++;
		if (k == FIELDS)
			return unknown(r, config_setting_name(s), line);
		if (k >= TEXTS && !take_other(r, (enum field)k, s, d))
			return false;
		if (k >= TEXTS)
			continue;
		if (config_setting_type(s) != CONFIG_TYPE_STRING)
			return conf_fail(r->error, r->name, line,
				"%s: is %s; write a text in quotes", field_names[k],
				conf_tree_type(s));
		f[k] = (struct text_of){ .text = config_setting_get_string(s), .line = line };
	}
	return true;
}

/* A text as it stands there. */
static bool plain(
	const struct reader *r, enum field which, const struct text_of *t, struct cred_octets *out)
{
	const size_t len = t->text == NULL ? 0 : strlen(t->text);
	*out = (struct cred_octets){ .at = t->text, .len = len, .line = t->line };
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)t->text[i] < 0x20 || t->text[i] == 0x7f)
			return conf_fail(r->error, r->name, t->line,
				"%s: holds a control character; use plain text%s",
				field_names[which],
				which == FIELD_IDENTITY ? ", or identity_hex" : "");
	}
	return true;
}

static bool hex_identity(const struct reader *r, const struct text_of *t, struct octets *room,
	struct cred_octets *out)
{
	const size_t digits = strlen(t->text);
	*out = (struct cred_octets){ room->identity, digits / 2, t->line, "identity_hex" };
	if (out->len < 1 || out->len > CRED_IDENTITY_MAX)
		return conf_fail(r->error, r->name, t->line,
			"identity_hex: is %zu octets long; use 1 to %d", out->len,
			CRED_IDENTITY_MAX);
	return conf_hex_read(t->text, digits, room->identity) ||
	       conf_fail(r->error, r->name, t->line,
		       "identity_hex: is not hexadecimal; write two digits 0-9, a-f an octet");
}

/* What it stands for is in the text before the mask. Nothing of it is ever in an error (I5). */
static bool key(const struct reader *r, enum field which, const struct text_of *t,
	uint8_t room[CRED_KEY_MAX], struct cred_octets *out)
{
	const char *name = field_names[which];
	if (t->text == NULL)
		return true;
	const size_t digits = strlen(t->text);
	*out = (struct cred_octets){ room, digits / 2, t->line, name };
	if (out->len < CRED_KEY_MIN || out->len > CRED_KEY_MAX)
		return true; /* whoever takes it says so; there are too many for the room */
	const char *hex = conf_mask_find(t->text, r->text->data, r->text->len);
	if (hex == NULL)
		return conf_fail(r->error, r->name, t->line,
			"%s: must be one plain string; do not split it", name);
	return conf_hex_read(hex, digits, room) ||
	       conf_fail(r->error, r->name, t->line,
		       "%s: is not hexadecimal; write two digits 0-9, a-f an octet", name);
}

/* Somebody's public key, or its digest. */
static bool digest(const struct reader *r, enum field which, const struct text_of *t,
	struct conf_spki *room, struct cred_octets *out)
{
	if (t->text == NULL)
		return true;
	*out = (struct cred_octets){ room->digest, CRED_PIN_LEN, t->line, field_names[which] };
	const size_t len = strlen(t->text);
	const char *const why = which == FIELD_CERTIFICATE_PIN
					? conf_spki_read_pin(t->text, len, room)
					: conf_spki_read(t->text, len, room);
	return why == NULL ||
	       conf_fail(r->error, r->name, t->line, "%s: %s", field_names[which], why);
}

/* By which of them the device proves itself. */
static bool kind_of(const struct reader *r, const struct text_of f[TEXTS], struct cred_draft *d)
{
	const bool named = f[FIELD_IDENTITY].text != NULL || f[FIELD_IDENTITY_HEX].text != NULL;
	const bool psk = named || f[FIELD_KEY].text != NULL;
	const bool raw = f[FIELD_PUBLIC_KEY].text != NULL;
	const bool certificate = f[FIELD_CERTIFICATE].text != NULL;
	const bool nosec = d->kind == CRED_NOSEC;
	if (d->kind == CRED_SMS)
		return !(named || raw || certificate) ||
		       conf_fail(r->error, r->name, d->line,
			       "of identity, public_key, certificate and nosec none goes with sms; "
			       "leave it out");
	if (!nosec)
		d->kind = raw ? CRED_RAW_KEY : certificate ? CRED_CERTIFICATE : CRED_PSK;
	return psk + raw + certificate + nosec <= 1 ||
	       conf_fail(r->error, r->name, d->line,
		       "the entry has more than one of identity with key, public_key, "
		       "certificate, and nosec; write one of them");
}

/* Nobody is called so, but somebody may take the file for the name. */
static bool certificate_name(
	const struct reader *r, const struct text_of *t, struct cred_octets *out)
{
	if (t->text != NULL && strstr(t->text, "-----BEGIN") != NULL)
		return conf_fail(r->error, r->name, t->line,
			"certificate: is a certificate; write the name that it gives the device");
	return plain(r, FIELD_CERTIFICATE, t, out);
}

static bool identity(const struct reader *r, const struct text_of f[TEXTS], struct octets *room,
	const struct cred_draft *d, struct cred_octets *out)
{
	switch (d->kind) {
	case CRED_RAW_KEY:
		return digest(r, FIELD_PUBLIC_KEY, &f[FIELD_PUBLIC_KEY], &room->public_key, out);
	case CRED_CERTIFICATE:
		return certificate_name(r, &f[FIELD_CERTIFICATE], out);
	case CRED_NOSEC:
	case CRED_SMS: /* it has been taken */
		return true;
	case CRED_PSK:
		break;
	}
	return f[FIELD_IDENTITY_HEX].text != NULL
		       ? hex_identity(r, &f[FIELD_IDENTITY_HEX], room, out)
		       : plain(r, FIELD_IDENTITY, &f[FIELD_IDENTITY], out);
}

static bool draft_from(const struct reader *r, const struct text_of f[TEXTS], struct octets *room,
	struct cred_draft *d)
{
	struct cred_octets *p = d->parts;
	if (!kind_of(r, f, d))
		return false;
	if (f[FIELD_IDENTITY].text != NULL && f[FIELD_IDENTITY_HEX].text != NULL)
		return conf_fail(r->error, r->name, d->line,
			"the entry needs either identity or identity_hex; write one of them");
	return identity(r, f, room, d, &p[CRED_IDENTITY]) &&
	       digest(r, FIELD_CERTIFICATE_PIN, &f[FIELD_CERTIFICATE_PIN], &room->pin,
		       &p[CRED_PIN]) &&
	       plain(r, FIELD_ENDPOINT, &f[FIELD_ENDPOINT], &p[CRED_ENDPOINT]) &&
	       key(r, FIELD_KEY, &f[FIELD_KEY], room->key, &p[CRED_KEY]) &&
	       plain(r, FIELD_UPSTREAM_IDENTITY, &f[FIELD_UPSTREAM_IDENTITY],
		       &p[CRED_UPSTREAM_IDENTITY]) &&
	       key(r, FIELD_UPSTREAM_KEY, &f[FIELD_UPSTREAM_KEY], room->upstream_key,
		       &p[CRED_UPSTREAM_KEY]) &&
	       until(r, &f[FIELD_VALID_UNTIL], &d->terms) &&
	       purpose(r, &f[FIELD_PURPOSE], &d->terms);
}

static bool read_entry(struct reader *r, const config_setting_t *group)
{
	struct text_of f[TEXTS] = { { 0 } };
	struct octets room;
	struct cred_draft d = { .line = config_setting_source_line(group) };
	if (!config_setting_is_group(group))
		return conf_fail(r->error, r->name, d.line,
			"credentials: a member is %s; write a group { endpoint = ...; }",
			conf_tree_type(group));
	const bool ok = take_fields(r, group, f, &d) && draft_from(r, f, &room, &d) &&
			cred_build_add(&r->build, &d, r->error);
	wipe(&room, sizeof(room));
	wipe(&d.sms, sizeof(d.sms)); /* a card's OTA key */
	return ok;
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

static bool read_list(struct reader *r, const config_t *tree)
{
	const config_setting_t *list = NULL;
	if (!list_of(r, tree, &list))
		return false;
	for (int i = 0; i < config_setting_length(list); i++) {
		if (!read_entry(r, config_setting_get_elem(list, (unsigned)i)))
			return false;
	}
	return true;
}

static struct cred_set *read_masked(struct reader *r, const char *masked)
{
	config_t tree;
	const bool ok = conf_tree_read(&tree, masked, r->name, r->error) && read_list(r, &tree);
	config_destroy(&tree);
	if (ok)
		return cred_build_end(&r->build, r->error);
	cred_build_abort(&r->build);
	return NULL;
}

struct master {
	const uint8_t *octets;
	size_t len;
	bool derives; /* it is here, or where the set goes */
};

static struct cred_set *read_text(const struct conf_text *text, const char *name,
	const struct master *m, struct conf_error *error)
{
	struct reader r = { .name = name, .text = text, .error = error };
	struct conf_text masked = { 0 };
	struct cred_set *s = NULL;
	if (!conf_text_copy(text->data, name, &masked, error))
		return NULL;
	if (conf_mask(masked.data, public_names, name, NULL, error)) {
		if (cred_build_begin(&r.build, name, m->octets, m->len, m->derives))
			s = read_masked(&r, masked.data);
		else
			(void)conf_fail(error, name, 0, "no memory; free some");
	}
	conf_text_free(&masked);
	return s;
}

struct cred_set *cred_parse(const char *text, const char *name, const uint8_t *master,
	size_t master_len, struct conf_error *error)
{
	const struct master m = { master, master_len, master_len > 0 };
	struct conf_text copy = { 0 };
	if (!conf_text_copy(text, name, &copy, error))
		return NULL;
	struct cred_set *s = read_text(&copy, name, &m, error);
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

/* Nobody is in it. */
static struct cred_set *empty(const struct master *m, struct conf_error *error)
{
	struct cred_build b;
	if (cred_build_begin(&b, "credentials", m->octets, m->len, m->derives))
		return cred_build_end(&b, error);
	(void)conf_fail(error, "credentials", 0, "no memory; free some");
	return NULL;
}

struct cred_set *cred_load(
	const char *file, const char *master_secret_file, struct conf_error *error)
{
	struct conf_text text = { 0 }, master = { 0 };
	struct master m = { 0 };
	struct cred_set *s = NULL;
	if (master_secret_file != NULL &&
		(!conf_text_read(master_secret_file, true, &master, error) ||
			!master_from(&master, master_secret_file, &m.len, error)))
		goto out;
	m.octets = (const uint8_t *)master.data;
	m.derives = m.len > 0;
	if (file == NULL)
		s = empty(&m, error);
	else if (conf_text_read(file, true, &text, error))
		s = read_text(&text, file, &m, error);
out:
	conf_text_free(&text);
	conf_text_free(&master);
	return s;
}

struct cred_set *cred_load_import(const char *file, struct conf_error *error)
{
	static const struct master elsewhere = { .derives = true };
	struct conf_text text = { 0 };
	if (!conf_text_read(file, true, &text, error))
		return NULL;
	struct cred_set *s = read_text(&text, file, &elsewhere, error);
	conf_text_free(&text);
	return s;
}
