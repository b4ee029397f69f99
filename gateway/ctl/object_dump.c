/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/object_dump.h"

#include <string.h>

#include "base/secret.h"
#include "base/wipe.h"
#include "conf/spki.h"

/* OMA LwM2M Core, appendix E.1: Security Mode. */
enum mode { MODE_PSK, MODE_RAW_KEY, MODE_CERTIFICATE, MODE_NO_SEC };

static bool has(const struct learn_account *a, enum learn_resource r)
{
	return (a->has >> r & 1) != 0;
}

static const char *by_psk(const struct learn_account *a, struct ctl_cred *c)
{
	if (!has(a, LEARN_IDENTITY) || !has(a, LEARN_SECRET))
		return "resource 3 or 5 (identity, secret key) is missing; a device gives neither "
		       "away: take the dump where it was written";
	if (a->identity.len < 1 || a->identity.len > CTL_NAME_MAX)
		return "resource 3: is no identity of 1 to 128 octets";
	if (a->secret.len < 1 || a->secret.len > CTL_KEY_MAX)
		return "resource 5: is no key of 1 to 64 octets";
	c->kind = CTL_CRED_PSK;
	c->identity_len = (uint8_t)a->identity.len;
	memcpy(c->identity, a->identity.octets, a->identity.len);
	c->key_len = (uint8_t)a->secret.len;
	memcpy(c->key, a->secret.octets, a->secret.len);
	return NULL;
}

static const char *by_raw_key(const struct learn_account *a, struct ctl_cred *c)
{
	struct conf_spki key;
	if (!has(a, LEARN_IDENTITY))
		return "resource 3 (the public key) is missing";
	const char *const why = conf_spki_from_der(a->identity.octets, a->identity.len, &key);
	if (why != NULL)
		return why;
	ctl_cred_by_raw_key(c, &key);
	return NULL;
}

static const char *by_certificate(const struct learn_account *a, struct ctl_cred *c)
{
	char common[CONF_COMMON_NAME_MAX + 1] = "";
	struct conf_spki key;
	if (!has(a, LEARN_IDENTITY))
		return "resource 3 (the certificate) is missing";
	const char *const why =
		conf_spki_from_certificate(a->identity.octets, a->identity.len, &key, common);
	if (why != NULL)
		return why;
	if (common[0] == '\0')
		return "the certificate has no common name; use --security-object with a column "
		       "certificate_name";
	c->kind = CTL_CRED_CERTIFICATE;
	c->pinned = c->own_pin = true;
	memcpy(c->pin, key.digest, sizeof(c->pin));
	c->identity_len = (uint8_t)strnlen(common, CTL_NAME_MAX);
	memcpy(c->identity, common, c->identity_len);
	return NULL;
}

static const char *judge(struct object_dump *d, const struct learn_account *a, struct ctl_cred *c)
{
	static const char scheme[] = "coaps://";
	if (!has(a, LEARN_MODE))
		return "resource 2 (Security Mode) is missing";
	if (a->mode == MODE_NO_SEC)
		return "resource 2: the device is NoSec and proves nothing; this gateway lets in "
		       "only who has a key or a certificate: give it one";
	if (has(a, LEARN_SERVER_URI) && a->uri[0] != '\0' &&
		strncmp(a->uri, scheme, sizeof(scheme) - 1) != 0)
		return "resource 0: is no coaps:// URI, and the gateway speaks nothing else";
	if (has(a, LEARN_BOOTSTRAP))
		c->purpose = a->bootstrap ? CTL_FOR_BOOTSTRAP : CTL_FOR_SERVER;
	d->private_keys += a->mode != MODE_PSK && has(a, LEARN_SECRET) && a->secret.len > 0;
	switch (a->mode) {
	case MODE_PSK:
		return by_psk(a, c);
	case MODE_RAW_KEY:
		return by_raw_key(a, c);
	case MODE_CERTIFICATE:
		return by_certificate(a, c);
	default:
		return "resource 2: is none of 0 (PSK), 1 (raw public key) and 2 (certificate)";
	}
}

static const char *all(struct object_dump *d, const struct learn_object *o)
{
	struct ctl_cred c;
	const char *why = NULL;
	bool go = true;
	for (size_t i = 0; go && i < o->len; i++) {
		d->line = (unsigned)i + 1;
		c = (struct ctl_cred){ .line = d->line, .has_keys = true };
		memcpy(c.endpoint, d->endpoint, strnlen(d->endpoint, CTL_NAME_MAX));
		why = judge(d, &o->accounts[i], &c);
		if (why == NULL)
			go = d->each(d->ctx, &c);
		else
			go = d->refused != NULL && d->refused(d->ctx, d->line, c.endpoint, why);
		if (!go && (why == NULL || d->refused != NULL))
			why = "";
		else if (go)
			why = NULL;
	}
	wipe(&c, sizeof(c));
	return o->len > 0 ? why : "no instance of a Security Object is in it";
}

const char *object_dump_read(
	struct object_dump *d, enum learn_format format, const uint8_t *content, size_t len)
{
	const struct learn_write w = { .format = (uint16_t)format,
		.path = { .object = 0, .instance = LEARN_NONE, .resource = LEARN_NONE },
		.content = content,
		.len = len };
	struct learn_object *const o = secret_new(sizeof(*o));
	const char *why = NULL;
	d->line = 0;
	if (o == NULL)
		return "no memory; free some";
	if (strnlen(d->endpoint, CTL_NAME_MAX + 1) > CTL_NAME_MAX || d->endpoint[0] == '\0')
		why = "--endpoint: has 1 to 128 octets";
	else if (!learn_read(&w, o))
		why = "is no Security Object in this format, or has more than 4 instances; see "
		      "--format";
	else
		why = all(d, o);
	secret_free(o, sizeof(*o));
	return why;
}
