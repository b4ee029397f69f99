/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/spki.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/base64.h"
#include "conf/hex.h"

enum { NI_DIGITS = 43, UNCOMPRESSED = 4 };

static const char no_key[] = "is no public key; write the SubjectPublicKeyInfo in hexadecimal, "
			     "base64 or PEM, or sha-256: "
			     "and its digest";
static const char no_certificate[] = "is no certificate; write it in DER";
static const char library[] = "cannot be read: the library failed; free some memory";

/* --- DER -------------------------------------------------------------------------------------- */

struct curve {
	const char *name; /* the library's */
	size_t len;       /* of a SubjectPublicKeyInfo (RFC 5480 section 2) */
	size_t point;     /* of its last part, the point */
};

static const struct curve *curve_of(EVP_PKEY *key)
{
	static const struct curve curves[] = { { "prime256v1", 91, 65 }, { "secp384r1", 120, 97 },
		{ "secp521r1", 158, 133 } };
	char name[32];
	size_t len = 0;
	if (EVP_PKEY_get_group_name(key, name, sizeof(name), &len) != 1)
		return NULL;
	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		if (strcmp(name, curves[i].name) == 0)
			return &curves[i];
	}
	return NULL;
}

/* The library has found the point on its curve. */
static const char *weakness(EVP_PKEY *key, const uint8_t *der, size_t len)
{
	uint8_t *again = NULL;
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return "is no elliptic-curve key; use one on P-256 (secp256r1)";
	const struct curve *const c = curve_of(key);
	if (c == NULL)
		return "is on another curve than P-256, P-384 and P-521; use P-256 (secp256r1)";
	if (len != c->len || der[len - c->point] != UNCOMPRESSED)
		return "has a point that is not uncompressed, which RFC 7252 demands; write it "
		       "anew with: openssl ec -pubin -conv_form uncompressed";
	const int again_len = i2d_PUBKEY(key, &again);
	const bool same = again_len == (int)len && memcmp(again, der, len) == 0;
	OPENSSL_free(again);
	return same ? NULL
		    : "is not written in DER; write it anew with: openssl pkey -pubin -outform DER";
}

const char *conf_spki_from_der(const uint8_t *der, size_t len, struct conf_spki *out)
{
	const uint8_t *at = der;
	*out = (struct conf_spki){ { 0 } };
	if (len == 0 || len > CONF_SPKI_FILE_MAX)
		return no_key;
	EVP_PKEY *const key = d2i_PUBKEY(NULL, &at, (long)len);
	const char *why = key == NULL || at != der + len ? no_key : weakness(key, der, len);
	EVP_PKEY_free(key);
	ERR_clear_error(); /* nobody else is to find them */
	if (why == NULL && EVP_Digest(der, len, out->digest, NULL, EVP_sha256(), NULL) != 1)
		why = library;
	return why;
}

/* A name that holds a control character is none. */
static void common_name(const X509 *x, char name[CONF_COMMON_NAME_MAX + 1])
{
	const X509_NAME *const subject = X509_get_subject_name(x);
	int last = -1;
	name[0] = '\0';
	/* "Leftmost" is the most specific: the last one of the sequence. */
	for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;)
		last = i;
	if (last < 0)
		return;
	uint8_t *text = NULL;
	const int len = ASN1_STRING_to_UTF8(
		&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
	bool plain = len > 0 && len <= CONF_COMMON_NAME_MAX;
	for (int i = 0; plain && i < len; i++)
		plain = text[i] >= 0x20 && text[i] != 0x7f;
	if (plain) {
		memcpy(name, text, (size_t)len);
		name[len] = '\0';
	}
	OPENSSL_free(text);
}

static const char *from_x509(const X509 *x, struct conf_spki *out)
{
	uint8_t *spki = NULL;
	const int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	const char *const why = len <= 0 ? library : conf_spki_from_der(spki, (size_t)len, out);
	OPENSSL_free(spki);
	return why;
}

const char *conf_spki_from_certificate(
	const uint8_t *der, size_t len, struct conf_spki *out, char name[CONF_COMMON_NAME_MAX + 1])
{
	const uint8_t *at = der;
	*out = (struct conf_spki){ { 0 } };
	name[0] = '\0';
	if (len == 0 || len > CONF_SPKI_FILE_MAX)
		return no_certificate;
	X509 *const x = d2i_X509(NULL, &at, (long)len);
	const char *why = x == NULL || at != der + len ? no_certificate : from_x509(x, out);
	if (why == NULL)
		common_name(x, name);
	X509_free(x);
	ERR_clear_error();
	return why;
}

/* Either. */
static const char *from_any_der(const uint8_t *der, size_t len, struct conf_spki *out)
{
	char name[CONF_COMMON_NAME_MAX + 1];
	const char *const why = conf_spki_from_der(der, len, out);
	if (why != no_key)
		return why;
	const char *const other = conf_spki_from_certificate(der, len, out, name);
	return other == no_certificate ? no_key : other;
}

/* --- text ------------------------------------------------------------------------------------- */

struct text {
	const char *at;
	size_t len;
};

static bool begins(const struct text *t, const char *with)
{
	const size_t len = strlen(with);
	return t->len >= len && memcmp(t->at, with, len) == 0;
}

static void trim(struct text *t)
{
	while (t->len > 0 && strchr(" \t\r\n", t->at[0]) != NULL && t->at[0] != '\0') {
		t->at++;
		t->len--;
	}
	while (t->len > 0 && strchr(" \t\r\n", t->at[t->len - 1]) != NULL &&
		t->at[t->len - 1] != '\0')
		t->len--;
}

static bool is_hex(const struct text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (t->at[i] == '\0' || strchr("0123456789abcdefABCDEF", t->at[i]) == NULL)
			return false;
	}
	return t->len > 0;
}

static const char *from_hex_digest(const char *digits, size_t len, struct conf_spki *out)
{
	if (len == (size_t)2 * CONF_SPKI_DIGEST && conf_hex_read(digits, len, out->digest))
		return NULL;
	return "is no SHA-256 digest; write sha-256: and 64 hexadecimal digits";
}

static const char *from_ni(const char *digits, size_t len, struct conf_spki *out)
{
	size_t out_len = 0;
	if (len == NI_DIGITS &&
		conf_base64_read(digits, len, out->digest, CONF_SPKI_DIGEST, &out_len) &&
		out_len == CONF_SPKI_DIGEST)
		return NULL;
	return "is no SHA-256 digest; write ni:///sha-256; and 43 characters of base64url";
}

/* It may have been a private key that somebody took for a public one: it is wiped. */
static const char *from_coded(const struct text *t, bool hex, struct conf_spki *out)
{
	uint8_t *const der = malloc(t->len);
	size_t len = t->len / 2;
	if (der == NULL)
		return library;
	const bool good = hex ? conf_hex_read(t->at, t->len, der)
			      : conf_base64_read(t->at, t->len, der, t->len, &len);
	const char *const why = good ? from_any_der(der, len, out) : no_key;
	wipe(der, t->len);
	free(der);
	return why;
}

/* The first that stands there: a chain begins with the holder's own. */
static const char *from_pem(const struct text *t, struct conf_spki *out)
{
	static const char *const begin[] = { "-----BEGIN PUBLIC KEY-----",
		"-----BEGIN CERTIFICATE-----" };
	static const char end[] = "-----END ";
	const size_t label = begins(t, begin[0])   ? strlen(begin[0])
			     : begins(t, begin[1]) ? strlen(begin[1])
						   : 0;
	if (label == 0)
		return no_key;
	struct text body = { t->at + label, t->len - label };
	const char *const tail = memmem(body.at, body.len, end, sizeof(end) - 1);
	if (tail == NULL)
		return "is cut short: the line -----END is missing; copy all of it";
	body.len = (size_t)(tail - body.at);
	return body.len == 0 ? no_key : from_coded(&body, false, out);
}

static bool holds_private(const struct text *t)
{
	static const char label[] = "PRIVATE KEY-----";
	return memmem(t->at, t->len, label, sizeof(label) - 1) != NULL;
}

static const char *from_text(const struct text *t, struct conf_spki *out)
{
	static const char digest[] = "sha-256:", ni[] = "ni:///sha-256;";
	if (begins(t, digest))
		return from_hex_digest(
			t->at + sizeof(digest) - 1, t->len - (sizeof(digest) - 1), out);
	if (begins(t, ni))
		return from_ni(t->at + sizeof(ni) - 1, t->len - (sizeof(ni) - 1), out);
	if (is_hex(t))
		return from_coded(t, true, out);
	/* Other text may stand before it (RFC 7468, section 2): openssl x509 -text, lwgatectl key
	   show. */
	static const char label[] = "-----BEGIN ";
	const char *const pem = memmem(t->at, t->len, label, sizeof(label) - 1);
	if (!pem)
		return from_coded(t, false, out);
	const struct text block = { pem, t->len - (size_t)(pem - t->at) };
	return from_pem(&block, out);
}

const char *conf_spki_read(const void *octets, size_t len, struct conf_spki *out)
{
	enum { SEQUENCE = 0x30, LONG_FORM = 0x80, SHORT_MAX = 0x7f };
	struct text t = { octets, len };
	const uint8_t *const der = octets;
	*out = (struct conf_spki){ { 0 } };
	if (len == 0 || len > CONF_SPKI_FILE_MAX)
		return no_key;
	if (holds_private(&t))
		return "is a private key, which belongs to its holder alone; give the public one: "
		       "openssl pkey -pubout";
	trim(&t);
	if (t.len == 0)
		return no_key;
	/* Hexadecimal begins with '3' '0', a DER sequence with that octet and a length. */
	const char *why = from_text(&t, out);
	if (why != NULL && len > 1 && der[0] == SEQUENCE &&
		(len - 2 == der[1] || der[1] > SHORT_MAX))
		why = from_any_der(der, len, out);
	if (why != NULL)
		*out = (struct conf_spki){ { 0 } };
	return why;
}

const char *conf_spki_read_pin(const void *octets, size_t len, struct conf_spki *out)
{
	struct text t = { octets, len };
	trim(&t);
	*out = (struct conf_spki){ { 0 } };
	if (t.len == (size_t)2 * CONF_SPKI_DIGEST && is_hex(&t))
		return from_hex_digest(t.at, t.len, out);
	return conf_spki_read(octets, len, out);
}

void conf_spki_text(const uint8_t digest[CONF_SPKI_DIGEST], char out[CONF_SPKI_TEXT])
{
	int at = snprintf(out, CONF_SPKI_TEXT, "sha-256:");
	for (size_t i = 0; i < CONF_SPKI_DIGEST; i++)
		at += snprintf(out + at, CONF_SPKI_TEXT - (size_t)at, "%02x", digest[i]);
}
