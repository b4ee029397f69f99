/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/csv_cred.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/hex.h"
#include "conf/keys.h"
#include "conf/spki.h"
#include "ctl/terms.h"

enum column {
	ENDPOINT,
	KIND,
	IDENTITY,
	IDENTITY_HEX,
	KEY,
	PUBLIC_KEY,
	CERTIFICATE,
	CERTIFICATE_PIN,
	UPSTREAM_IDENTITY,
	UPSTREAM_IDENTITY_HEX,
	UPSTREAM_KEY,
	LABELS,
	VALID_UNTIL,
	OVERLAP,
	PURPOSE,
	REPOSITORY,
	SMS,
	COLUMNS
};

static const char *const names[COLUMNS] = {
	[ENDPOINT] = "endpoint",
	[KIND] = "kind",
	[IDENTITY] = "identity",
	[IDENTITY_HEX] = "identity_hex",
	[KEY] = "key",
	[PUBLIC_KEY] = "public_key",
	[CERTIFICATE] = "certificate",
	[CERTIFICATE_PIN] = "certificate_pin",
	[UPSTREAM_IDENTITY] = "upstream_identity",
	[UPSTREAM_IDENTITY_HEX] = "upstream_identity_hex",
	[UPSTREAM_KEY] = "upstream_key",
	[LABELS] = "labels",
	[VALID_UNTIL] = "valid_until",
	[OVERLAP] = "overlap_s",
	[PURPOSE] = "purpose",
	[REPOSITORY] = "repository",
	[SMS] = "sms",
};

static bool fail(struct csv_cred *c, unsigned line, const char *form, ...) PRINTF_LIKE(3, 4);

static bool fail(struct csv_cred *c, unsigned line, const char *form, ...)
{
	va_list args;
	va_start(args, form);
	(void)vsnprintf(c->why, sizeof(c->why), form, args);
	va_end(args);
	c->line = line;
	return false;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A first record without these is a file without titles: then it holds keys, and is not quoted. */
static bool title(struct csv_cred *c, const char *text, unsigned line, size_t *out)
{
	size_t best = COLUMNS, edits = strlen(text) / 2 + 1;
	for (size_t i = 0; i < COLUMNS; i++) {
		const size_t n = conf_distance(text, names[i]);
		if (n < edits) {
			edits = n;
			best = i;
		}
	}
	*out = best;
	if (best == COLUMNS)
		return fail(c, line,
			"column %zu has no name that is known; the first line names the columns: "
			"endpoint,identity,key,upstream_identity,upstream_key",
			c->columns_len + 1);
	if (edits > 0)
		return fail(c, line, "column %zu has an unknown name; did you mean %s?",
			c->columns_len + 1, names[best]);
	for (size_t i = 0; i < c->columns_len; i++) {
		if (c->columns[i] == best)
			return fail(
				c, line, "column %s stands there twice; leave one", names[best]);
	}
	return true;
}

static bool has(const struct csv_cred *c, enum column which)
{
	for (size_t i = 0; i < c->columns_len; i++) {
		if (c->columns[i] == which)
			return true;
	}
	return false;
}

static bool titles(struct csv_cred *c, char *const fields[], size_t len, unsigned line)
{
	for (size_t i = 0; i < len; i++) {
		if (!title(c, fields[i], line, &c->columns[i]))
			return false;
		c->columns_len++;
	}
	if (!has(c, ENDPOINT))
		return fail(c, line, "column endpoint is missing; add it");
	if (!has(c, KEY) && !has(c, PUBLIC_KEY) && !has(c, CERTIFICATE) && !has(c, KIND))
		return fail(
			c, line, "column key is missing; add it, or public_key, or certificate");
	if (has(c, CERTIFICATE_PIN) && !has(c, CERTIFICATE))
		return fail(c, line, "column certificate is missing; certificate_pin needs it");
	return true;
}

struct place { /* where a field goes */
	uint8_t *octets, *len;
	size_t max;
};

static struct place place_of(struct ctl_cred *d, enum column which)
{
	switch (which) {
	case IDENTITY:
	case IDENTITY_HEX:
		return (struct place){ d->identity, &d->identity_len, sizeof(d->identity) };
	case UPSTREAM_IDENTITY:
	case UPSTREAM_IDENTITY_HEX:
		return (struct place){ d->upstream_identity, &d->upstream_identity_len,
			sizeof(d->upstream_identity) };
	case UPSTREAM_KEY:
		return (struct place){ d->upstream_key, &d->upstream_key_len,
			sizeof(d->upstream_key) };
	case KEY:
	case ENDPOINT:
	case KIND:
	case PUBLIC_KEY:
	case CERTIFICATE:
	case CERTIFICATE_PIN:
	case LABELS:
	case VALID_UNTIL:
	case OVERLAP:
	case PURPOSE:
	case REPOSITORY:
	case SMS:
	case COLUMNS:
		break;
	}
	return (struct place){ d->key, &d->key_len, sizeof(d->key) };
}

static bool is_hex(enum column which)
{
	return which != IDENTITY && which != UPSTREAM_IDENTITY;
}

static bool octets(struct csv_cred *c, enum column which, const char *text, unsigned line)
{
	const char *name = which < COLUMNS ? names[which] : "";
	const struct place to = place_of(&c->cred, which);
	const size_t letters = strlen(text), len = is_hex(which) ? letters / 2 : letters;
	if (*to.len != 0)
		return fail(c, line, "%s: is there in text and in hexadecimal; leave one", name);
	if (len > to.max)
		return fail(c, line, "%s: is %zu octets long; use at most %zu", name, len, to.max);
	*to.len = (uint8_t)len;
	if (!is_hex(which)) {
		memcpy(to.octets, text, len);
		return true;
	}
	return conf_hex_read(text, letters, to.octets) ||
	       fail(c, line, "%s: is not hexadecimal; write two digits 0-9, a-f an octet", name);
}

/* Nothing but one of these may be said of what the device proves. */
static bool take_kind(struct csv_cred *c, enum ctl_cred_kind kind, unsigned line)
{
	const bool other = c->proofs > 0 && c->cred.kind != kind;
	c->proofs++;
	c->cred.kind = kind;
	return !other ||
	       fail(c, line,
		       "the device has more than one of identity with key, public_key, and "
		       "certificate; leave one");
}

static bool take_word(struct csv_cred *c, const char *text, unsigned line)
{
	for (int i = 0; i <= CTL_CRED_SMS; i++) {
		const enum ctl_cred_kind kind = (enum ctl_cred_kind)i;
		if (strcmp(text, ctl_cred_kind_word(kind)) == 0)
			return take_kind(c, kind, line);
	}
	return fail(c, line, "kind: is unknown; write psk, public_key, certificate, nosec or sms");
}

/* A key beside it is its, and not a pre-shared one. */
static bool take_sms(struct csv_cred *c, const char *text, unsigned line)
{
	char number[CRED_SMS_NUMBER_MAX + 1];
	const char *const why = cred_sms_read(text, &c->cred.sms, number);
	if (why != NULL)
		return fail(c, line, "sms: %s", why);
	if (c->cred.identity_len > 0)
		return fail(c, line, "sms: the device has identity or certificate, too; leave one");
	c->cred.identity_len = (uint8_t)strlen(number);
	memcpy(c->cred.identity, number, c->cred.identity_len);
	return take_kind(c, CTL_CRED_SMS, line);
}

static bool take_key(struct csv_cred *c, enum column which, const char *text, unsigned line)
{
	const bool sms = which == KEY && c->is_sms;
	return take_kind(c, sms ? CTL_CRED_SMS : CTL_CRED_PSK, line) &&
	       octets(c, which, text, line);
}

static bool take_digest(struct csv_cred *c, enum column which, const char *text, unsigned line)
{
	struct conf_spki key;
	const size_t len = strlen(text);
	const bool pin = which == CERTIFICATE_PIN;
	const char *const why =
		pin ? conf_spki_read_pin(text, len, &key) : conf_spki_read(text, len, &key);
	if (why != NULL)
		return fail(c, line, "%s: %s", names[which], why);
	if (pin) {
		c->cred.pinned = true;
		memcpy(c->cred.pin, key.digest, sizeof(c->cred.pin));
		return take_kind(c, CTL_CRED_CERTIFICATE, line);
	}
	c->cred.identity_len = sizeof(key.digest);
	memcpy(c->cred.identity, key.digest, sizeof(key.digest));
	return take_kind(c, CTL_CRED_RAW_KEY, line);
}

/* Text, for a name of at most CTL_NAME_MAX octets. */
static bool take_name(
	struct csv_cred *c, enum column which, const char *text, void *out, unsigned line)
{
	const size_t len = strlen(text);
	if (len > CTL_NAME_MAX)
		return fail(c, line, "%s: is %zu octets long; use 1 to %d", names[which], len,
			CTL_NAME_MAX);
	memcpy(out, text, len);
	return true;
}

static const char *(*const terms[COLUMNS])(struct ctl_cred *c, const char *text) = {
	[LABELS] = ctl_terms_labels,
	[VALID_UNTIL] = ctl_terms_until,
	[OVERLAP] = ctl_terms_overlap,
	[PURPOSE] = ctl_terms_purpose,
	[REPOSITORY] = ctl_terms_repository,
};

/* An empty one says something, too. */
static bool term(struct csv_cred *c, enum column which, const char *text, unsigned line)
{
	const char *const why = terms[which](&c->cred, text);
	return why == NULL || fail(c, line, "%s: %s", names[which], why);
}

static bool field(struct csv_cred *c, enum column which, const char *text, unsigned line)
{
	if (which < COLUMNS && terms[which] != NULL)
		return term(c, which, text, line);
	if (text[0] == '\0')
		return true;
	switch (which) {
	case ENDPOINT:
		return take_name(c, which, text, c->cred.endpoint, line);
	case KIND:
		return take_word(c, text, line);
	case PUBLIC_KEY:
	case CERTIFICATE_PIN:
		return take_digest(c, which, text, line);
	case CERTIFICATE:
		c->cred.identity_len = (uint8_t)strnlen(text, CTL_NAME_MAX);
		return take_kind(c, CTL_CRED_CERTIFICATE, line) &&
		       take_name(c, which, text, c->cred.identity, line);
	case IDENTITY:
	case IDENTITY_HEX:
	case KEY:
		return take_key(c, which, text, line);
	case SMS:
		return take_sms(c, text, line);
	case UPSTREAM_IDENTITY:
	case UPSTREAM_IDENTITY_HEX:
	case UPSTREAM_KEY:
	case LABELS:
	case VALID_UNTIL:
	case OVERLAP:
	case PURPOSE:
	case REPOSITORY:
	case COLUMNS:
		break;
	}
	return octets(c, which, text, line);
}

/* Is what it says enough? */
static bool whole(struct csv_cred *c, unsigned line)
{
	if (c->cred.endpoint[0] == '\0')
		return fail(c, line, "endpoint: is empty; write the device's name");
	switch (c->cred.kind) {
	case CTL_CRED_RAW_KEY:
		return c->cred.identity_len > 0 ||
		       fail(c, line, "public_key: is empty; write it, or its digest");
	case CTL_CRED_CERTIFICATE:
		return c->cred.identity_len > 0 ||
		       fail(c, line, "certificate: is empty; write the name that it gives");
	case CTL_CRED_NOSEC:
		return true;
	case CTL_CRED_SMS:
		return c->cred.identity_len > 0 ||
		       fail(c, line, "sms: is empty; write number=DIGITS,profile=cr-004");
	case CTL_CRED_PSK:
		break;
	}
	return c->cred.key_len > 0 ||
	       fail(c, line,
		       has(c, KEY) ? "key: is empty; write one, as from: openssl rand -hex 16"
				   : "the device proves nothing; fill one of the columns");
}

/* Whatever the order of the columns. */
static bool is_sms(const struct csv_cred *c, char *const fields[], size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (c->columns[i] == SMS && fields[i][0] != '\0')
			return true;
	return false;
}

static bool record(void *ctx, char *const fields[], size_t len, unsigned line)
{
	struct csv_cred *c = ctx;
	if (c->columns_len == 0)
		return titles(c, fields, len, line);
	if (len != c->columns_len)
		return fail(c, line,
			"there are %zu fields, and %zu columns; is a comma missing, or "
			"one too much?",
			len, c->columns_len);
	c->cred = (struct ctl_cred){ .line = line, .has_keys = true };
	c->proofs = 0;
	c->is_sms = is_sms(c, fields, len);
	for (size_t i = 0; i < len; i++) {
		if (!field(c, (enum column)c->columns[i], fields[i], line))
			return false;
	}
	return whole(c, line) && c->each(c->ctx, &c->cred);
}

void csv_cred_begin(
	struct csv_cred *c, bool (*each)(void *ctx, const struct ctl_cred *c), void *ctx)
{
	*c = (struct csv_cred){ .each = each, .ctx = ctx };
	c->csv.record = record;
	c->csv.ctx = c;
}

bool csv_cred_feed(struct csv_cred *c, const char *data, size_t len)
{
	return csv_feed(&c->csv, data, len);
}

bool csv_cred_end(struct csv_cred *c)
{
	if (!csv_end(&c->csv))
		return false;
	return c->columns_len > 0 ||
	       fail(c, 1,
		       "is empty; the first line names the columns: "
		       "endpoint,identity,key,upstream_identity,upstream_key");
}

const char *csv_cred_why(const struct csv_cred *c, unsigned *line)
{
	*line = c->csv.why != NULL ? csv_line(&c->csv) : c->line;
	return c->csv.why != NULL ? c->csv.why : c->why;
}
