/* SPDX-License-Identifier: Apache-2.0 */
/* What is demanded of keys and certificates; names are in certificate_name.c. */
#include "dtls/certificate.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { OWN_MAX = 3 }; /* certificates of ours besides the anchor, R-066 */

/* What a certificate is there for. */
struct duty {
	uint32_t extended; /* what its extended key usage must allow, XKU_...; 0: not looked at */
	const char *objection;
};

static const struct duty of_clients = { XKU_SSL_CLIENT,
	"its extended key usage is not clientAuth" };
static const struct duty of_servers = { XKU_SSL_SERVER,
	"its extended key usage is not serverAuth" };

/* --- keys ------------------------------------------------------------------------------------ */

static const char *key_weakness(EVP_PKEY *key)
{
	char group[32] = "";
	int explicit_group = 0;
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC)
		return "its key is not an EC key";
	(void)EVP_PKEY_get_int_param(
		key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_group);
	if (explicit_group || !EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		return "its key's curve has no name";
	const int curve = OBJ_sn2nid(group);
	if (curve != NID_X9_62_prime256v1 && curve != NID_secp384r1 && curve != NID_secp521r1)
		return "its key's curve is none of P-256, P-384, P-521";
	if (EVP_PKEY_get_ec_point_conv_form(key) != POINT_CONVERSION_UNCOMPRESSED)
		return "its key is a compressed point";
	return NULL;
}

/* What the library notes of a question that was answered with no is not left behind for others. */
const char *dtls_key_weakness(EVP_PKEY *key)
{
	(void)ERR_set_mark();
	const char *const why = key_weakness(key);
	(void)ERR_pop_to_mark();
	return why;
}

bool dtls_spki_digest(const X509_PUBKEY *spki, uint8_t out[DTLS_DIGEST_LEN])
{
	uint8_t *der = NULL;
	const int len = i2d_X509_PUBKEY(spki, &der);
	const bool good = len > 0 && SHA256(der, (size_t)len, out);
	OPENSSL_free(der);
	return good;
}

bool dtls_key_digest(EVP_PKEY *key, uint8_t out[DTLS_DIGEST_LEN])
{
	uint8_t *der = NULL;
	const int len = i2d_PUBKEY(key, &der);
	const bool good = len > 0 && SHA256(der, (size_t)len, out);
	OPENSSL_free(der);
	return good;
}

/* --- certificates ---------------------------------------------------------------------------- */

static const char *public_key_weakness(const X509 *x)
{
	EVP_PKEY *const key = X509_get0_pubkey(x);
	return key ? dtls_key_weakness(key) : "its key cannot be read";
}

static const char *signature_weakness(X509 *x)
{
	int digest = NID_undef, key = NID_undef;
	if (!X509_get_signature_info(x, &digest, &key, NULL, NULL))
		return "its signature is of an unknown kind";
	if (key != NID_X9_62_id_ecPublicKey)
		return "its signature is not ECDSA";
	if (digest != NID_sha256 && digest != NID_sha384 && digest != NID_sha512)
		return "its signature's hash is none of SHA-256, SHA-384, SHA-512";
	return NULL;
}

/* Of the one who holds the key. */
static const char *holder_weakness(X509 *x, const struct duty *duty)
{
	const uint32_t flags = X509_get_extension_flags(x);
	if ((flags & EXFLAG_KUSAGE) && !(X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE))
		return "its key usage is without digitalSignature";
	if ((flags & EXFLAG_XKUSAGE) && duty->extended != 0 &&
		!(X509_get_extended_key_usage(x) & duty->extended))
		return duty->objection;
	return NULL;
}

/* Of those between the holder and the anchor. The library takes a certificate without basic
   constraints for an authority's if only its key usage says so; RFC 5280 6.1.4 (k) does not. */
static const char *authority_weakness(X509 *x)
{
	const uint32_t flags = X509_get_extension_flags(x);
	if (!(flags & EXFLAG_CA))
		return "an authority's certificate is not one (basic constraints)";
	if ((flags & EXFLAG_KUSAGE) && !(X509_get_key_usage(x) & KU_KEY_CERT_SIGN))
		return "an authority's key usage is without keyCertSign";
	return NULL;
}

const char *dtls_certificate_weakness(X509 *x)
{
	if (X509_get_version(x) != X509_VERSION_3)
		return "it is not of version 3";
	if (X509_get_extension_flags(x) & EXFLAG_INVALID)
		return "one of its extensions is broken";
	const char *const why = public_key_weakness(x);
	return why ? why : signature_weakness(x);
}

static const char *weakness_of(X509 *x, bool is_holder, const struct duty *duty)
{
	const char *why = dtls_certificate_weakness(x);
	if (!why)
		why = is_holder ? holder_weakness(x, duty) : authority_weakness(x);
	return why;
}

const char *dtls_chain_weakness(const STACK_OF(X509) * chain, bool of_client, size_t depth_max)
{
	const struct duty *const duty = of_client ? &of_clients : &of_servers;
	const int n = sk_X509_num(chain);
	if (n < 1)
		return "there is no certificate";
	if ((size_t)n - 1 > depth_max)
		return "its chain is too long";
	for (int i = 0; i < n - 1; i++) {
		const char *const why = weakness_of(sk_X509_value(chain, i), i == 0, duty);
		if (why)
			return why;
	}
	X509 *const anchor = sk_X509_value(chain, n - 1);
	if (n == 1) { /* it is itself what is trusted */
		const char *const why = holder_weakness(anchor, duty);
		if (why)
			return why;
	}
	return public_key_weakness(anchor);
}

/* --- our own --------------------------------------------------------------------------------- */

static bool is_host_sign(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '.' || c == '*';
}

/* Could this be a host's name? Labels with a dot between; or it is the one of the alternative
   names. */
static bool is_host(const ASN1_STRING *text, const char *host)
{
	const char *const at = (const char *)ASN1_STRING_get0_data(text);
	const size_t len = (size_t)ASN1_STRING_length(text);
	bool dotted = false;
	for (size_t i = 0; i < len; i++) {
		if (!is_host_sign(at[i]))
			return false;
		dotted = dotted || (at[i] == '.' && i > 0 && i + 1 < len);
	}
	return dotted || (strlen(host) == len && OPENSSL_strncasecmp(at, host, len) == 0);
}

static const char *host_weakness(const char *host, size_t len)
{
	if (len == 0 || strlen(host) != len)
		return "its dNSName is no name";
	return strchr(host, '*') ? "it has a wildcard" : NULL;
}

/* The one dNSName, NULL when there is an objection. */
static const char *own_host(const GENERAL_NAMES *names, const char **objection)
{
	const char *host = NULL;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int type = 0;
		const ASN1_STRING *const text =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
		if (type == GEN_IPADD) {
			*objection = "it names an IP address";
			return NULL;
		}
		if (type != GEN_DNS)
			continue;
		if (host) {
			*objection = "it has more than one dNSName";
			return NULL;
		}
		host = (const char *)ASN1_STRING_get0_data(text);
		*objection = host_weakness(host, (size_t)ASN1_STRING_length(text));
		if (*objection)
			return NULL;
	}
	if (!host)
		*objection = "it has no dNSName";
	return host;
}

static const char *own_names_weakness(const X509 *leaf)
{
	const char *objection = NULL;
	GENERAL_NAMES *const names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	const char *const host = own_host(names, &objection);
	X509_NAME *const subject = X509_get_subject_name(leaf);
	for (int i = -1;
		host && (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;) {
		if (is_host(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i)), host))
			objection = "its common name is a host's name";
	}
	GENERAL_NAMES_free(names);
	return objection;
}

static const char *own_weakness(X509 *leaf, const STACK_OF(X509) * chain, EVP_PKEY *key)
{
	const int above = chain ? sk_X509_num(chain) : 0;
	if (!X509_check_private_key(leaf, key))
		return "it is not the key's";
	if (above + 1 > OWN_MAX)
		return "its chain is too long: devices need not take more than 3 certificates";
	const char *why = weakness_of(leaf, true, &of_servers);
	X509 *below = leaf;
	for (int i = 0; !why && i < above; i++) {
		X509 *const x = sk_X509_value(chain, i);
		if (X509_check_issued(x, below) != X509_V_OK)
			return "its chain is not in order, each signed by the next";
		why = weakness_of(x, false, NULL);
		below = x;
	}
	return why ? why : own_names_weakness(leaf);
}

const char *dtls_own_weakness(X509 *leaf, const STACK_OF(X509) * chain, EVP_PKEY *key)
{
	(void)ERR_set_mark();
	const char *const why = own_weakness(leaf, chain, key);
	(void)ERR_pop_to_mark();
	return why;
}
