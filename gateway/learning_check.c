/* SPDX-License-Identifier: Apache-2.0 */
/* May what a bootstrap server has written be what a device proves? As for lwgatectl credential add;
   the transaction that stages it looks again at what may be another's by then. */
#include "gateway/learning.h"

#include "base/wipe.h"
#include "conf/credentials.h"
#include "conf/spki.h"
#include "dtls/certificate.h"
#include "dtls/engine.h"
#include "gateway/clock.h"
#include "gateway/material.h"
#include "gateway/session.h"
#include "gateway/worker.h"
#include "learn/watch.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

_Static_assert((int)STORE_PIN_LEN == (int)CONF_SPKI_DIGEST, "a pin is a SHA-256");
_Static_assert((int)DTLS_NAME_MAX <= (int)STORE_IDENTITY_MAX, "a name is an identity");

/* --- what a listener takes -------------------------------------------------------------------- */

static bool takes(const struct gw_material *m, size_t listener, enum learn_mode mode)
{
	const struct gw_kinds k = gw_material_kinds(m, listener);
	switch (mode) {
	case LEARN_PSK:
		return k.psk;
	case LEARN_RAW_KEY:
		return k.raw_key;
	case LEARN_CERTIFICATE:
		return k.certificate;
	}
	return false;
}

/* The one at which the device is, or else another one that takes this. False: none does. */
static bool find_listener(const struct gw_session *s, enum learn_mode mode, size_t *listener)
{
	const struct gw_material *const m = s->worker->material;
	const size_t own = dtls_conn_path(s->legs[GW_DEVICE].conn)->sock;
	const size_t len = gw_material_listeners(m);
	*listener = own;
	if (own < len && takes(m, own, mode))
		return true;
	for (size_t i = 0; i < len; i++) {
		*listener = i;
		if (takes(m, i, mode))
			return true;
	}
	return false;
}

/* --- what is proved --------------------------------------------------------------------------- */

static const char *fill_psk(
	const char *endpoint, const struct learn_found *found, struct store_staged *out)
{
	out->kind = STORE_CRED_PSK;
	if (found->identity.len == 0 || found->identity.len > sizeof(out->identity))
		return "the PSK identity is longer than 128 octets, or empty";
	if (cred_key_weakness(found->key.octets, found->key.len, endpoint) ||
		cred_key_from_name(found->key.octets, found->key.len, found->identity.octets,
			found->identity.len))
		return "the PSK can be guessed, or is not 16 to 64 octets long";
	out->identity_len = (uint8_t)found->identity.len;
	out->key_len = (uint8_t)found->key.len;
	memcpy(out->identity, found->identity.octets, found->identity.len);
	memcpy(out->key, found->key.octets, found->key.len);
	return NULL;
}

static const char *fill_raw_key(const struct learn_found *found, struct store_staged *out)
{
	struct conf_spki spki;
	out->kind = STORE_CRED_RAW_KEY;
	if (conf_spki_from_der(found->identity.octets, found->identity.len, &spki))
		return "the public key is not one on P-256, P-384 or P-521, in DER";
	out->identity_len = sizeof(spki.digest);
	memcpy(out->identity, spki.digest, sizeof(spki.digest));
	return NULL;
}

/* Whether its chain is right the handshake will tell: what is between it and the anchor is the
   device's to bring. */
static const char *look_at(X509 *x, const enum dtls_name_rule *rules, struct store_staged *out)
{
	struct dtls_name name;
	const int64_t now_s = gw_clock_now_s(NULL);
	time_t now = (time_t)now_s;
	const char *const why = dtls_certificate_weakness(x);
	if (why)
		return why;
	if (now_s >= 0 && X509_cmp_time(X509_get0_notAfter(x), &now) <= 0)
		return "the certificate has expired";
	if (!dtls_certificate_name(x, rules, &name))
		return "the certificate has no name where the listener looks for one (name_from)";
	out->identity_len = (uint8_t)name.len;
	memcpy(out->identity, name.octets, name.len);
	return NULL;
}

static const char *fill_certificate(
	const struct learn_found *found, const enum dtls_name_rule *rules, struct store_staged *out)
{
	char common_name[CONF_COMMON_NAME_MAX + 1];
	struct conf_spki spki;
	const uint8_t *at = found->identity.octets;
	out->kind = STORE_CRED_CERTIFICATE;
	out->pinned = true;
	if (conf_spki_from_certificate(at, found->identity.len, &spki, common_name))
		return "the certificate is none in DER with a key on P-256, P-384 or P-521";
	memcpy(out->pin, spki.digest, sizeof(out->pin));
	X509 *const x = d2i_X509(NULL, &at, (long)found->identity.len);
	const char *const why = x ? look_at(x, rules, out) : "the certificate cannot be read";
	X509_free(x);
	ERR_clear_error(); /* nobody else is to find them */
	return why;
}

static const char *fill(
	const struct gw_session *s, const struct learn_found *found, struct store_staged *out)
{
	size_t listener = 0;
	const bool taken = find_listener(s, found->mode, &listener);
	_Static_assert((int)LEARN_PSK == (int)STORE_CRED_PSK &&
			       (int)LEARN_RAW_KEY == (int)STORE_CRED_RAW_KEY &&
			       (int)LEARN_CERTIFICATE == (int)STORE_CRED_CERTIFICATE,
		"a kind is the same in both");
	*out = (struct store_staged){ .kind = (uint8_t)found->mode };
	if (!taken)
		return "the gateway does not take this security mode";
	switch (found->mode) {
	case LEARN_PSK:
		return fill_psk(s->endpoint, found, out);
	case LEARN_RAW_KEY:
		return fill_raw_key(found, out);
	case LEARN_CERTIFICATE:
		return fill_certificate(
			found, gw_material_names(s->worker->material, listener), out);
	}
	return "the gateway does not take this security mode";
}

/* --- whose it is ------------------------------------------------------------------------------ */

enum owner { NOBODYS, ITS_OWN, ANOTHERS, UNKNOWN };

static enum owner owner_of(enum store_result r, uint32_t found, uint32_t cred)
{
	if (r == STORE_OK)
		return found == cred ? ITS_OWN : ANOTHERS;
	return r == STORE_NONE ? NOBODYS : UNKNOWN;
}

static enum owner worse(enum owner a, enum owner b)
{
	return a > b ? a : b;
}

/* By which a device is found: now, before, or next. */
static enum owner of_identity(struct store_reader *reader, uint32_t to, enum store_cred_kind kind,
	const uint8_t *identity, size_t len)
{
	struct store_cred c;
	struct store_staged next;
	c.number = next.cred = 0;
	enum store_result r = store_find_identity(reader, kind, identity, len, &c);
	const enum owner now = owner_of(r, c.number, to);
	r = store_find_staged(reader, kind, identity, len, &next);
	const enum owner then = owner_of(r, next.cred, to);
	wipe(&c, sizeof(c));
	wipe(&next, sizeof(next));
	return worse(now, then);
}

/* Who holds this key: as a raw key, or in a certificate that is pinned. */
static enum owner of_holder(
	struct store_reader *reader, uint32_t to, const uint8_t digest[STORE_PIN_LEN])
{
	uint32_t number = 0;
	const enum store_result r = store_find_pin(reader, digest, &number);
	return worse(owner_of(r, number, to),
		of_identity(reader, to, STORE_CRED_RAW_KEY, digest, STORE_PIN_LEN));
}

static enum owner of_key(struct store_reader *reader, const struct store_staged *next)
{
	uint32_t number = 0;
	if (next->kind == STORE_CRED_RAW_KEY)
		return of_holder(reader, next->cred, next->identity);
	if (next->kind == STORE_CRED_CERTIFICATE)
		return of_holder(reader, next->cred, next->pin);
	const enum store_result r = store_find_key(reader, next->key, next->key_len, &number);
	return owner_of(r, number, next->cred);
}

/* What a bootstrap server writes is for the account of a server: with a credential for
   bootstrap alone that is another one of the endpoint. 0: there is none, or it is revoked. */
static uint32_t whose(const struct gw_session *s)
{
	struct store_cred c = { .number = 0 };
	if (s->purpose != STORE_FOR_BOOTSTRAP)
		return s->cred;
	const enum store_result r =
		store_find_endpoint(s->worker->reader, s->endpoint, STORE_FOR_SERVER, &c);
	const uint32_t number = r == STORE_OK && c.state == STORE_CRED_ACTIVE ? c.number : 0;
	wipe(&c, sizeof(c));
	return number;
}

const char *gw_learning_check(
	const struct gw_session *s, const struct learn_found *found, struct store_staged *out)
{
	struct store_reader *const reader = s->worker->reader;
	struct store_cred_mark mark;
	const uint64_t wall_ms = gw_clock_shown_ms();
	const char *const why = fill(s, found, out);
	if (why)
		return why;
	store_reader_rest(reader);
	out->cred = whose(s);
	if (out->cred == 0)
		return "the device has no credential for a server that it could be the next of";
	if (store_read_cred_mark(reader, out->cred, &mark) != STORE_OK || !mark.active ||
		(mark.until_ms > 0 && mark.until_ms <= wall_ms))
		return "the device's credential is withdrawn";
	const enum owner identity = of_identity(reader, out->cred, (enum store_cred_kind)out->kind,
		out->identity, out->identity_len);
	const enum owner key = of_key(reader, out);
	if (identity == UNKNOWN || key == UNKNOWN)
		return "the gateway's store cannot be read";
	if (identity == ANOTHERS)
		return "the identity is another device's";
	if (key == ANOTHERS)
		return "the key is another device's";
	return NULL;
}
