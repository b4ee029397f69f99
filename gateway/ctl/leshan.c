/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/leshan.h"

#include <stdio.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/base64.h"
#include "conf/hex.h"
#include "conf/spki.h"
#include "learn/json.h"

enum { LABEL_MAX = 32, COORDINATE = 32, DER_MAX = LESHAN_TEXT_MAX };

/* SubjectPublicKeyInfo of a point on P-256 up to its coordinates (RFC 5480). */
static const uint8_t p256[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
	0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
	0x04 };

/* --- one object ------------------------------------------------------------------------------- */

/* Null is as if the member were not there. */
static bool is_null(struct learn_json *j)
{
	if (learn_json_next(j) != 'n')
		return false;
	learn_json_pass(j, 0);
	return true;
}

static void take_text(struct leshan *l, struct learn_json *j, struct leshan_text *out)
{
	if (is_null(j))
		return;
	l->twice |= out->said;
	out->said = true;
	learn_json_string(j, out->octets, sizeof(out->octets), &out->len);
}

static bool is(const char *label, const char *word)
{
	return strcmp(label, word) == 0;
}

/* A longer one is none of ours. */
static void take_label(struct learn_json *j, char out[LABEL_MAX + 1])
{
	size_t len = 0;
	uint8_t octets[LABEL_MAX];
	learn_json_string(j, octets, sizeof(octets), &len);
	learn_json_need(j, ':');
	if (len > sizeof(octets))
		len = 0;
	memcpy(out, octets, len);
	out[len] = '\0';
}

/* Of "psk", "rpk" and "details". */
static void take_details(struct leshan *l, struct learn_json *j)
{
	const struct {
		const char *label;
		struct leshan_text *to;
	} all[] = {
		{ "identity", &l->identity },
		{ "key", &l->key },
		{ "pkcs8", &l->pkcs8 },
		{ "x", &l->x },
		{ "y", &l->y },
		{ "params", &l->params },
	};
	char label[LABEL_MAX + 1];
	bool first = true;
	learn_json_need(j, '{');
	while (learn_json_more(j, &first, '}')) {
		struct leshan_text *to = NULL;
		take_label(j, label);
		for (size_t i = 0; i < COUNT_OF(all); i++)
			to = is(label, all[i].label) ? all[i].to : to;
		if (to != NULL)
			take_text(l, j, to);
		else
			learn_json_pass(j, 0);
	}
}

static void take_tls(struct leshan *l, struct learn_json *j)
{
	char label[LABEL_MAX + 1];
	bool first = true;
	l->tls = true;
	learn_json_need(j, '{');
	while (learn_json_more(j, &first, '}')) {
		take_label(j, label);
		if (is(label, "mode"))
			take_text(l, j, &l->mode);
		else if (is(label, "details") && learn_json_next(j) == '{')
			take_details(l, j);
		else
			learn_json_pass(j, 0);
	}
}

static void take_psk(struct leshan *l, struct learn_json *j)
{
	l->twice |= l->psk;
	l->psk = true;
	if (learn_json_next(j) == '"') /* Redis: the key alone */
		take_text(l, j, &l->key);
	else
		take_details(l, j);
}

static void take_member(struct leshan *l, struct learn_json *j)
{
	char label[LABEL_MAX + 1];
	struct learn_value truth = { .kind = LEARN_NOTHING };
	take_label(j, label);
	if (is_null(j))
		return;
	if (is(label, "endpoint") || is(label, "ep")) {
		take_text(l, j, &l->endpoint);
	} else if (is(label, "id")) {
		take_text(l, j, &l->identity);
	} else if (is(label, "psk")) {
		take_psk(l, j);
	} else if (is(label, "rpk")) {
		l->twice |= l->rpk;
		l->rpk = true;
		take_details(l, j);
	} else if (is(label, "x509") && learn_json_next(j) == 't') {
		learn_json_boolean(j, &truth);
		l->x509 = l->x509 || truth.integer != 0;
	} else if (is(label, "tls")) {
		l->twice |= l->tls;
		take_tls(l, j);
	} else {
		l->oscore = l->oscore || is(label, "oscore");
		learn_json_pass(j, 0);
	}
}

/* --- what it says ----------------------------------------------------------------------------- */

/* NULL: it is a name of CTL_NAME_MAX octets at most, without NUL. */
static const char *name(const struct leshan_text *t, uint8_t *out, uint8_t *len)
{
	if (t->len < 1 || t->len > CTL_NAME_MAX)
		return "is empty, or longer than 128 octets";
	if (memchr(t->octets, 0, t->len) != NULL)
		return "has a NUL";
	memcpy(out, t->octets, t->len);
	*len = (uint8_t)t->len;
	return NULL;
}

static bool hex(const struct leshan_text *t, uint8_t *out, size_t cap, size_t *len)
{
	*len = t->len / 2;
	return t->len <= LESHAN_TEXT_MAX && *len >= 1 && *len <= cap &&
	       conf_hex_read((const char *)t->octets, t->len, out);
}

static const char *by_psk(struct leshan *l)
{
	struct ctl_cred *const c = &l->cred;
	size_t len = 0;
	if (!l->identity.said || !l->key.said)
		return "psk: identity or key is missing; export it with both";
	if (name(&l->identity, c->identity, &c->identity_len) != NULL)
		return "psk: identity is empty, longer than 128 octets, or has a NUL; the device "
		       "needs another one";
	if (!hex(&l->key, c->key, sizeof(c->key), &len))
		return "psk: key is not hexadecimal of 1 to 64 octets; write two digits 0-9, a-f "
		       "an "
		       "octet";
	c->kind = CTL_CRED_PSK;
	c->key_len = (uint8_t)len;
	return NULL;
}

/* Leading zeroes are not written. */
static bool coordinate(const struct leshan_text *t, uint8_t out[COORDINATE])
{
	uint8_t octets[COORDINATE];
	size_t len = 0;
	if (!hex(t, octets, sizeof(octets), &len))
		return false;
	memset(out, 0, COORDINATE);
	memcpy(out + COORDINATE - len, octets, len);
	return true;
}

/* False: it is no point on P-256 as Leshan writes it. */
static bool from_point(const struct leshan *l, uint8_t der[DER_MAX], size_t *len)
{
	static const char curve[] = "secp256r1";
	*len = sizeof(p256) + (size_t)2 * COORDINATE;
	memcpy(der, p256, sizeof(p256));
	return l->params.len >= sizeof(curve) - 1 &&
	       memcmp(l->params.octets, curve, sizeof(curve) - 1) == 0 &&
	       coordinate(&l->x, der + sizeof(p256)) &&
	       coordinate(&l->y, der + sizeof(p256) + COORDINATE);
}

static const char *by_rpk(struct leshan *l)
{
	struct ctl_cred *const c = &l->cred;
	struct conf_spki key;
	uint8_t der[DER_MAX];
	size_t len = 0;
	bool ok;
	if (l->key.said)
		ok = hex(&l->key, der, sizeof(der), &len);
	else if (l->pkcs8.said)
		ok = l->pkcs8.len <= LESHAN_TEXT_MAX &&
		     conf_base64_read(
			     (const char *)l->pkcs8.octets, l->pkcs8.len, der, sizeof(der), &len);
	else
		ok = from_point(l, der, &len);
	if (!ok)
		return "rpk: has no public key that can be read; export its key, or pkcs8, or x, y "
		       "and params of secp256r1";
	const char *const why = conf_spki_from_der(der, len, &key);
	if (why != NULL)
		return why;
	ctl_cred_by_raw_key(c, &key);
	return NULL;
}

static const char *by_x509(struct leshan *l)
{
	struct ctl_cred *const c = &l->cred;
	c->kind = CTL_CRED_CERTIFICATE;
	c->identity_len = (uint8_t)l->endpoint.len;
	memcpy(c->identity, l->endpoint.octets, l->endpoint.len);
	return NULL;
}

static bool mode_is(const struct leshan *l, const char *word)
{
	return l->mode.len == strlen(word) && memcmp(l->mode.octets, word, l->mode.len) == 0;
}

/* NULL: the credential is in cred. */
static const char *judge(struct leshan *l)
{
	uint8_t len = 0;
	l->cred = (struct ctl_cred){ .line = l->line, .has_keys = true };
	if (!l->endpoint.said || name(&l->endpoint, (uint8_t *)l->cred.endpoint, &len) != NULL)
		return "endpoint: is missing, empty, longer than 128 octets, or has a NUL; each "
		       "client needs one";
	if (l->twice)
		return "one member stands there twice; leave one";
	const bool psk = l->psk || (l->tls && mode_is(l, "psk"));
	const bool rpk = l->rpk || (l->tls && mode_is(l, "rpk"));
	const bool x509 = l->x509 || (l->tls && mode_is(l, "x509"));
	if ((int)psk + (int)rpk + (int)x509 > 1)
		return "several ways to prove it are there; leave one";
	if (psk)
		return by_psk(l);
	if (rpk)
		return by_rpk(l);
	if (x509)
		return by_x509(l);
	if (l->tls)
		return "tls: mode is none of psk, rpk and x509";
	return l->oscore ? "it is secured by OSCORE, and this gateway speaks DTLS; give the device "
			   "a key for that"
			 : "nothing is there that the device could prove: psk, rpk, x509 or tls";
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool fail(struct leshan *l, const char *why)
{
	(void)snprintf(l->why, sizeof(l->why), "%s", why);
	return false;
}

static void forget(struct leshan *l)
{
	struct leshan_text *const all[] = { &l->endpoint, &l->identity, &l->key, &l->pkcs8, &l->x,
		&l->y, &l->params, &l->mode };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		wipe(all[i], sizeof(*all[i]));
	wipe(&l->cred, sizeof(l->cred));
	l->psk = l->rpk = l->x509 = l->oscore = l->tls = l->twice = false;
}

static bool one(struct leshan *l, struct learn_json *j)
{
	bool first = true;
	forget(l);
	learn_json_need(j, '{');
	while (learn_json_more(j, &first, '}'))
		take_member(l, j);
	if (j->bad)
		return true;
	const char *const why = judge(l);
	if (why == NULL)
		return l->each(l->ctx, &l->cred);
	if (l->refused == NULL)
		return fail(l, why);
	return l->refused(l->ctx, l->line, l->cred.endpoint, why);
}

struct lines {
	const uint8_t *from; /* counted up to here */
	unsigned line;
};

/* The line on which the reader stands. */
static unsigned line_at(struct lines *at, const struct learn_json *j)
{
	for (; at->from < j->at; at->from++)
		at->line += *at->from == '\n';
	return at->line;
}

/* White before an object is no part of it. */
static bool one_there(struct leshan *l, struct learn_json *j, struct lines *at)
{
	if (learn_json_next(j) == 0)
		j->bad = true;
	l->line = line_at(at, j);
	return one(l, j);
}

bool leshan_read(struct leshan *l, const uint8_t *text, size_t len)
{
	struct learn_json j = { text, len, false };
	struct lines at = { text, 1 };
	bool go = true, first = true;
	l->why[0] = '\0';
	if (learn_json_take(&j, '[')) {
		while (go && learn_json_more(&j, &first, ']'))
			go = one_there(l, &j, &at);
	} else {
		go = one_there(l, &j, &at);
	}
	if (go && !learn_json_end(&j)) {
		l->line = line_at(&at, &j);
		go = fail(l, "is no JSON, or is cut off, here; copy all of it");
	}
	forget(l);
	return go;
}
