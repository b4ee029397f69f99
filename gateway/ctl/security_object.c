/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/security_object.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/base64.h"
#include "conf/hex.h"
#include "conf/sms_object.h"
#include "conf/spki.h"
#include "ctl/terms.h"

enum column {
	OTHER, /* a resource that says nothing of who the device is */
	ENDPOINT,
	CERTIFICATE_NAME,
	UPSTREAM_IDENTITY,
	UPSTREAM_KEY,
	LABELS,
	VALID_UNTIL,
	OVERLAP,
	REPOSITORY,
	SMS_NUMBER,
	URI,
	BOOTSTRAP,
	MODE,
	IDENTITY,
	SECRET,
	SMS_MODE,
	SMS_PARAMS,
	SMS_KEYS,
	SHORT_ID,
	COLUMNS
};
_Static_assert((int)COLUMNS <= (int)SECURITY_COLUMNS, "a record's fields fit");

/* OMA LwM2M Core, appendix E.1: Security Mode. */
enum mode { MODE_PSK, MODE_RAW_KEY, MODE_CERTIFICATE, MODE_NO_SEC, MODE_EST };

enum { SHORT_ID_MAX = 65534, RESOURCE_MAX = 65535 };

static const char *const names[COLUMNS] = {
	[OTHER] = "",
	[ENDPOINT] = "endpoint",
	[CERTIFICATE_NAME] = "certificate_name",
	[UPSTREAM_IDENTITY] = "upstream_identity",
	[UPSTREAM_KEY] = "upstream_key",
	[LABELS] = "labels",
	[VALID_UNTIL] = "valid_until",
	[OVERLAP] = "overlap_s",
	[REPOSITORY] = "repository",
	[SMS_NUMBER] = "sms_number",
	[URI] = "resource 0",
	[BOOTSTRAP] = "resource 1",
	[MODE] = "resource 2",
	[IDENTITY] = "resource 3",
	[SECRET] = "resource 5",
	[SMS_MODE] = "resource 6",
	[SMS_PARAMS] = "resource 7",
	[SMS_KEYS] = "resource 8",
	[SHORT_ID] = "resource 10",
};

static bool fail(struct security_object *s, unsigned line, const char *form, ...) PRINTF_LIKE(3, 4);

static bool fail(struct security_object *s, unsigned line, const char *form, ...)
{
	va_list args;
	va_start(args, form);
	(void)vsnprintf(s->why, sizeof(s->why), form, args);
	va_end(args);
	s->line = line;
	return false;
}

/* --- titles ----------------------------------------------------------------------------------- */

/* False: it is no whole number up to max. */
static bool number(const char *text, unsigned long max, unsigned long *out)
{
	const size_t len = strlen(text);
	if (len < 1 || len > 5 || strspn(text, "0123456789") != len)
		return false;
	*out = strtoul(text, NULL, 10);
	return *out <= max;
}

static enum column column_of(unsigned long resource)
{
	switch (resource) {
	case 0:
		return URI;
	case 1:
		return BOOTSTRAP;
	case 2:
		return MODE;
	case 3:
		return IDENTITY;
	case 5:
		return SECRET;
	case 6:
		return SMS_MODE;
	case 7:
		return SMS_PARAMS;
	case 8:
		return SMS_KEYS;
	case 10:
		return SHORT_ID;
	default:
		return OTHER;
	}
}

/* N, or /0/I/N. */
static bool resource(const char *text, enum column *out)
{
	static const char object[] = "/0/";
	unsigned long n = 0;
	if (strncmp(text, object, sizeof(object) - 1) == 0) {
		const char *const instance = text + sizeof(object) - 1;
		const size_t digits = strspn(instance, "0123456789");
		if (digits < 1 || digits > 5 || instance[digits] != '/')
			return false;
		text = instance + digits + 1;
	}
	if (!number(text, RESOURCE_MAX, &n))
		return false;
	*out = column_of(n);
	return true;
}

static bool title(const char *text, enum column *out)
{
	if (resource(text, out))
		return true;
	static const enum column words[] = { ENDPOINT, CERTIFICATE_NAME, UPSTREAM_IDENTITY,
		UPSTREAM_KEY, LABELS, VALID_UNTIL, OVERLAP, REPOSITORY, SMS_NUMBER };
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		*out = words[i];
		if (strcmp(text, names[words[i]]) == 0)
			return true;
	}
	return false;
}

static bool has(const struct security_object *s, enum column which)
{
	return s->columns_len > 0 && memchr(s->columns, (int)which, s->columns_len) != NULL;
}

/* A first record without titles is one with keys: nothing of it is shown. */
static bool titles(struct security_object *s, char *const fields[], size_t len, unsigned line)
{
	for (size_t i = 0; i < len; i++) {
		enum column which = OTHER;
		if (!title(fields[i], &which))
			return fail(s, line,
				"column %zu has no name that is known; the first line names the "
				"columns: endpoint,0,1,2,3,5,10",
				i + 1);
		if (which != OTHER && has(s, which))
			return fail(
				s, line, "column %s stands there twice; leave one", names[which]);
		s->columns[i] = (uint8_t)which;
		s->columns_len = i + 1;
	}
	if (!has(s, MODE) || !has(s, IDENTITY))
		return fail(s, line, "column %s is missing; add it",
			has(s, MODE) ? "3 (Public Key or Identity)" : "2 (Security Mode)");
	if (has(s, ENDPOINT) == (s->endpoint != NULL))
		return fail(s, line,
			s->endpoint == NULL
				? "column endpoint is missing; add it, or use --endpoint NAME"
				: "there are a column endpoint and --endpoint; leave one");
	return true;
}

/* --- one record ------------------------------------------------------------------------------- */

struct record {
	struct security_object *s;
	const char *fields[COLUMNS]; /* never NULL */
	unsigned line;
};

/* The octets of a field, in s->octets. */
static bool octets(const struct record *r, enum column which, size_t *len)
{
	static const char base64[] = "base64:", text[] = "text:";
	const char *const field = r->fields[which];
	struct security_object *const s = r->s;
	const size_t letters = strlen(field);
	*len = letters / 2;
	if (letters == 0)
		return fail(s, r->line, "%s: is empty; write its octets", names[which]);
	if (strncmp(field, text, sizeof(text) - 1) == 0) {
		*len = letters - (sizeof(text) - 1);
		memcpy(s->octets, field + sizeof(text) - 1, *len);
		return true;
	}
	if (strncmp(field, base64, sizeof(base64) - 1) == 0)
		return conf_base64_read(field + sizeof(base64) - 1, letters - (sizeof(base64) - 1),
			       s->octets, sizeof(s->octets), len) ||
		       fail(s, r->line, "%s: is no base64 behind \"base64:\"; copy all of it",
			       names[which]);
	return conf_hex_read(field, letters, s->octets) ||
	       fail(s, r->line,
		       "%s: is not hexadecimal; write two digits 0-9, a-f an octet, or begin with "
		       "base64: or text:",
		       names[which]);
}

static bool short_octets(
	const struct record *r, enum column which, uint8_t *out, uint8_t max, uint8_t *out_len)
{
	size_t len = 0;
	if (!octets(r, which, &len))
		return false;
	if (len < 1 || len > max)
		return fail(r->s, r->line, "%s: is %zu octets long; use 1 to %u", names[which], len,
			max);
	memcpy(out, r->s->octets, len);
	*out_len = (uint8_t)len;
	return true;
}

static bool name(const struct record *r, const char *text, const char *what, uint8_t *out)
{
	const size_t len = strlen(text);
	if (len < 1 || len > CTL_NAME_MAX)
		return fail(r->s, r->line, "%s: is %zu octets long; use 1 to %d", what, len,
			CTL_NAME_MAX);
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): it is octets, with a length */
	memcpy(out, text, len);
	return true;
}

static bool psk(const struct record *r)
{
	struct ctl_cred *const c = &r->s->cred;
	return short_octets(r, IDENTITY, c->identity, CTL_NAME_MAX, &c->identity_len) &&
	       short_octets(r, SECRET, c->key, CTL_KEY_MAX, &c->key_len);
}

static bool raw_key(const struct record *r)
{
	struct ctl_cred *const c = &r->s->cred;
	struct conf_spki key;
	size_t len = 0;
	if (!octets(r, IDENTITY, &len))
		return false;
	const char *const why = conf_spki_from_der(r->s->octets, len, &key);
	if (why != NULL)
		return fail(r->s, r->line, "%s: %s", names[IDENTITY], why);
	ctl_cred_by_raw_key(c, &key);
	return true;
}

/* Which of a certificate's names the gateway looks at is its own matter: its key is pinned, too. */
static bool certificate(const struct record *r, bool may_lack)
{
	struct ctl_cred *const c = &r->s->cred;
	const char *const given = r->fields[CERTIFICATE_NAME];
	char common[CONF_COMMON_NAME_MAX + 1] = "";
	struct conf_spki key;
	size_t len = 0;
	c->pinned = !may_lack || r->fields[IDENTITY][0] != '\0';
	if (c->pinned && !octets(r, IDENTITY, &len))
		return false;
	const char *const why =
		c->pinned ? conf_spki_from_certificate(r->s->octets, len, &key, common) : NULL;
	if (why != NULL)
		return fail(r->s, r->line, "%s: %s", names[IDENTITY], why);
	c->own_pin = c->pinned;
	if (c->pinned)
		memcpy(c->pin, key.digest, sizeof(c->pin));
	const char *const is = given[0] != '\0' ? given : common;
	if (is[0] == '\0')
		return fail(r->s, r->line,
			"the certificate has no common name; add a column certificate_name");
	c->kind = CTL_CRED_CERTIFICATE;
	c->identity_len = (uint8_t)strnlen(is, CTL_NAME_MAX);
	return name(r, is, names[CERTIFICATE_NAME], c->identity);
}

/* What the gateway proves to the server in the device's place, if that is not derived. */
static bool upstream(const struct record *r)
{
	struct ctl_cred *const c = &r->s->cred;
	if (r->fields[UPSTREAM_IDENTITY][0] == '\0' && r->fields[UPSTREAM_KEY][0] == '\0')
		return true;
	return short_octets(r, UPSTREAM_IDENTITY, c->upstream_identity, CTL_NAME_MAX,
		       &c->upstream_identity_len) &&
	       short_octets(r, UPSTREAM_KEY, c->upstream_key, CTL_KEY_MAX, &c->upstream_key_len);
}

static bool terms(const struct record *r)
{
	struct security_object *const s = r->s;
	const struct {
		enum column which;
		const char *(*read)(struct ctl_cred *c, const char *text);
	} all[] = {
		{ LABELS, ctl_terms_labels },
		{ VALID_UNTIL, ctl_terms_until },
		{ OVERLAP, ctl_terms_overlap },
		{ REPOSITORY, ctl_terms_repository },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		if (!has(s, all[i].which))
			continue;
		const char *const why = all[i].read(&s->cred, r->fields[all[i].which]);
		if (why != NULL)
			return fail(s, r->line, "%s: %s", names[all[i].which], why);
	}
	return true;
}

static bool by_mode(const struct record *r)
{
	unsigned long mode = 0;
	if (!number(r->fields[MODE], MODE_EST, &mode))
		return fail(r->s, r->line,
			"resource 2: is no Security Mode; write 0 (PSK), 1 (raw public key), 2 or "
			"4 (certificate)");
	if (mode != MODE_PSK && r->fields[SECRET][0] != '\0')
		r->s->private_keys++;
	switch ((enum mode)mode) {
	case MODE_PSK:
		return psk(r);
	case MODE_RAW_KEY:
		return raw_key(r);
	case MODE_CERTIFICATE:
		return certificate(r, false);
	case MODE_EST:
		return certificate(r, true);
	case MODE_NO_SEC:
		break;
	}
	return fail(r->s, r->line,
		"resource 2: the device is NoSec and proves nothing; this gateway lets in only who "
		"has a key or a certificate: give it one");
}

static bool is_true(const char *text)
{
	return strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
}

static bool is_false(const char *text)
{
	return text[0] == '\0' || strcmp(text, "0") == 0 || strcmp(text, "false") == 0;
}

/* Is it an account that we can stand between? */
static bool account(const struct record *r)
{
	static const char scheme[] = "coaps://";
	unsigned long id = 0;
	const char *const uri = r->fields[URI];
	const bool bootstrap = is_true(r->fields[BOOTSTRAP]);
	if (has(r->s, BOOTSTRAP))
		r->s->cred.purpose = bootstrap ? CTL_FOR_BOOTSTRAP : CTL_FOR_SERVER;
	if (!bootstrap && !is_false(r->fields[BOOTSTRAP]))
		return fail(r->s, r->line, "resource 1: is no boolean; write 0 or 1");
	if (strcmp(r->fields[MODE], "3") != 0 && uri[0] != '\0' &&
		strncmp(uri, scheme, sizeof(scheme) - 1) != 0)
		return fail(r->s, r->line,
			"resource 0: is no coaps:// URI, and the gateway speaks nothing else");
	/* A Bootstrap-Server's account has none that means anything. */
	if (!bootstrap && r->fields[SHORT_ID][0] != '\0' &&
		(!number(r->fields[SHORT_ID], SHORT_ID_MAX, &id) || id < 1))
		return fail(r->s, r->line, "resource 10: is no Short Server ID; write 1 to 65534");
	return true;
}

/* --- short messages --------------------------------------------------------------------------- */

/* Octets of a column that may be empty. */
static bool sms_octets(
	const struct record *r, enum column which, uint8_t *out, size_t cap, size_t *len)
{
	*len = 0;
	if (r->fields[which][0] == '\0')
		return true;
	if (!octets(r, which, len))
		return false;
	if (*len > cap)
		return fail(r->s, r->line, "%s: is %zu octets long; use at most %zu", names[which],
			*len, cap);
	memcpy(out, r->s->octets, *len);
	return true;
}

static bool sms_resources(const struct record *r, struct ctl_cred *c)
{
	enum { PARAMS_MAX = 7, MODE_MAX = 255 };
	uint8_t params[PARAMS_MAX];
	struct sms_object o = { .cr_004 = SMS_OBJECT_ANY, .params = params, .key = c->key };
	enum sms_object_says says;
	unsigned long mode = 0;
	if (!number(r->fields[SMS_MODE], MODE_MAX, &mode))
		return fail(r->s, r->line,
			"resource 6: is no SMS Security Mode; write 1 (DTLS), 2 (secured packets "
			"to the smartcard) or 204 to 255 (to the device)");
	o.mode = (uint8_t)mode;
	if (!sms_octets(r, SMS_PARAMS, params, sizeof(params), &o.params_len) ||
		!sms_octets(r, SMS_KEYS, c->key, sizeof(c->key), &o.key_len))
		return false;
	const char *const why = sms_object_read(&o, &says, &c->sms);
	if (why != NULL)
		return fail(r->s, r->line, "%s", why);
	if (says == SMS_OBJECT_NOTHING)
		return fail(r->s, r->line,
			"resource 6: says that short messages have no security, and sms_number "
			"is there; leave it empty, or write another mode");
	if (says == SMS_OBJECT_DTLS) /* the PSK is that of resource 5 */
		wipe(c->key, sizeof(c->key));
	c->key_len = says == SMS_OBJECT_DTLS ? 0 : (uint8_t)o.key_len;
	return true;
}

/* A credential of its own, beside the one by UDP. */
static bool sms(const struct record *r, struct ctl_cred *c)
{
	const char *const digits = r->fields[SMS_NUMBER];
	const size_t len = strlen(digits);
	*c = (struct ctl_cred){ .line = r->line, .has_keys = true, .kind = CTL_CRED_SMS };
	const char *const why = cred_sms_number_wrong((const uint8_t *)digits, len);
	if (why != NULL)
		return fail(r->s, r->line, "sms_number: %s", why);
	if (r->s->cred.purpose == CTL_FOR_BOOTSTRAP)
		return fail(r->s, r->line,
			"sms_number: resource 1 says that it is a Bootstrap-Server's account, to "
			"which nobody speaks by short messages; leave it empty");
	memcpy(c->endpoint, r->s->cred.endpoint, sizeof(c->endpoint));
	c->identity_len = (uint8_t)len;
	memcpy(c->identity, digits, len);
	if (!sms_resources(r, c))
		return false;
	c->says_labels = r->s->cred.says_labels;
	c->says_until = r->s->cred.says_until;
	c->until_ms = r->s->cred.until_ms;
	memcpy(c->labels, r->s->cred.labels, sizeof(c->labels));
	return true;
}

/* What a record becomes: a credential, or two. */
static bool give(const struct record *r)
{
	struct security_object *const s = r->s;
	struct ctl_cred beside;
	const bool by_sms = r->fields[SMS_NUMBER][0] != '\0';
	/* A device that is reached in no other way has no security there. */
	const bool alone = by_sms && strcmp(r->fields[MODE], "3") == 0;
	if ((!alone && !by_mode(r)) || !upstream(r) || !terms(r))
		return false;
	if (!by_sms)
		return s->each(s->ctx, &s->cred);
	bool good = sms(r, &beside);
	if (good && alone) {
		beside.upstream_identity_len = s->cred.upstream_identity_len;
		beside.upstream_key_len = s->cred.upstream_key_len;
		memcpy(beside.upstream_identity, s->cred.upstream_identity, CTL_NAME_MAX);
		memcpy(beside.upstream_key, s->cred.upstream_key, CTL_KEY_MAX);
	}
	good = good && (alone || s->each(s->ctx, &s->cred)) && s->each(s->ctx, &beside);
	wipe(&beside, sizeof(beside));
	return good;
}

static bool record(void *ctx, char *const fields[], size_t len, unsigned line)
{
	struct security_object *const s = ctx;
	struct record r = { .s = s, .line = line };
	if (s->columns_len == 0)
		return titles(s, fields, len, line);
	if (len != s->columns_len)
		return fail(s, line,
			"there are %zu fields, and %zu columns; is a comma missing, or one too "
			"much?",
			len, s->columns_len);
	for (size_t i = 0; i < COLUMNS; i++)
		r.fields[i] = "";
	for (size_t i = 0; i < len; i++)
		r.fields[s->columns[i]] = fields[i];
	s->cred = (struct ctl_cred){ .line = line, .has_keys = true };
	return name(&r, s->endpoint != NULL ? s->endpoint : r.fields[ENDPOINT], names[ENDPOINT],
		       (uint8_t *)s->cred.endpoint) &&
	       account(&r) && give(&r);
}

/* --- the file --------------------------------------------------------------------------------- */

void security_object_begin(struct security_object *s, const char *endpoint,
	bool (*each)(void *ctx, const struct ctl_cred *c), void *ctx)
{
	*s = (struct security_object){ .each = each, .ctx = ctx, .endpoint = endpoint };
	s->csv.record = record;
	s->csv.ctx = s;
}

bool security_object_feed(struct security_object *s, const char *data, size_t len)
{
	return csv_feed(&s->csv, data, len);
}

bool security_object_end(struct security_object *s)
{
	if (!csv_end(&s->csv))
		return false;
	return s->columns_len > 0 ||
	       fail(s, 1, "is empty; the first line names the columns: endpoint,0,1,2,3,5,10");
}

const char *security_object_why(const struct security_object *s, unsigned *line)
{
	*line = s->csv.why != NULL ? csv_line(&s->csv) : s->line;
	return s->csv.why != NULL ? s->csv.why : s->why;
}
