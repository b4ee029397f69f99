/* SPDX-License-Identifier: Apache-2.0 */
#include "pki.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "pki: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

/* --- what is asked for ----------------------------------------------------------------------- */

struct pki_ask pki_root(const char *cn)
{
	return (struct pki_ask){
		.cn = cn,
		.constraints = "critical,CA:TRUE",
		.key_usage = "critical,keyCertSign,cRLSign",
	};
}

struct pki_ask pki_authority(const char *cn)
{
	return pki_root(cn);
}

struct pki_ask pki_device(const char *cn)
{
	return (struct pki_ask){
		.cn = cn,
		.constraints = "CA:FALSE",
		.key_usage = "critical,digitalSignature",
		.extended = "clientAuth",
	};
}

struct pki_ask pki_server(const char *host)
{
	static _Thread_local char names[300];
	(void)snprintf(names, sizeof(names), "DNS:%s", host);
	return (struct pki_ask){
		.cn = "lwgate under test",
		.names = names,
		.constraints = "CA:FALSE",
		.key_usage = "critical,digitalSignature",
		.extended = "serverAuth",
	};
}

/* --- keys ------------------------------------------------------------------------------------ */

EVP_PKEY *pki_key(const char *curve)
{
	EVP_PKEY *const key = strcmp(curve, "RSA") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen(curve);
	must(key, curve);
	return key;
}

/* The public half, written and read again with a parameter of the provider's. */
static EVP_PKEY *public_with(EVP_PKEY *key, const char *name, const char *value)
{
	uint8_t *der = NULL;
	EVP_PKEY *const source = EVP_PKEY_dup(key);
	must(source, "EVP_PKEY_dup");
	must(!name || EVP_PKEY_set_utf8_string_param(source, name, value), value);
	const int len = i2d_PUBKEY(source, &der);
	const uint8_t *at = der;
	EVP_PKEY *const half = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;
	must(half, "d2i_PUBKEY");
	OPENSSL_free(der);
	EVP_PKEY_free(source);
	return half;
}

EVP_PKEY *pki_public(EVP_PKEY *key, int compressed)
{
	return public_with(
		key, compressed ? OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT : NULL, "compressed");
}

EVP_PKEY *pki_explicit(EVP_PKEY *key)
{
	return public_with(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
}

EVP_PKEY *pki_torn(EVP_PKEY *public_half, EVP_PKEY *private_half)
{
	uint8_t *point = NULL;
	BIGNUM *number = NULL;
	const size_t len = EVP_PKEY_get1_encoded_public_key(public_half, &point);
	OSSL_PARAM_BLD *const bld = OSSL_PARAM_BLD_new();
	must(len > 0 && bld &&
			EVP_PKEY_get_bn_param(private_half, OSSL_PKEY_PARAM_PRIV_KEY, &number),
		"the halves");
	must(OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
			OSSL_PARAM_BLD_push_octet_string(
				bld, OSSL_PKEY_PARAM_PUB_KEY, point, len) &&
			OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, number),
		"parameters");
	OSSL_PARAM *const params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *const ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	must(params && ctx && EVP_PKEY_fromdata_init(ctx) > 0 &&
			EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) > 0,
		"a torn key");
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(number);
	OPENSSL_free(point);
	return key;
}

/* --- certificates ---------------------------------------------------------------------------- */

static void add_name(X509_NAME *name, const char *type, const char *text, int set)
{
	if (text)
		must(X509_NAME_add_entry_by_txt(
			     name, type, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, set),
			text);
}

static void add_extension(X509 *x, X509 *issuer, int nid, const char *text)
{
	X509V3_CTX ctx;
	if (!text)
		return;
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *const e = X509V3_EXT_conf_nid(NULL, &ctx, nid, text);
	must(e && X509_add_ext(x, e, -1), text);
	X509_EXTENSION_free(e);
}

static void set_times(X509 *x, const struct pki_ask *ask)
{
	const int64_t from_s = ask->from_s != 0 ? ask->from_s : PKI_NOW - PKI_YEAR;
	const int64_t until_s = ask->until_s != 0 ? ask->until_s : PKI_NOW + PKI_YEAR;
	must(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from_s) &&
			ASN1_TIME_set(X509_getm_notAfter(x), (time_t)until_s),
		"times");
}

struct pki_one pki_make(struct pki_ask ask, const struct pki_one *issuer)
{
	struct pki_one one = { .key = ask.key, .cert = X509_new() };
	if (one.key)
		EVP_PKEY_up_ref(one.key);
	else
		one.key = pki_key(ask.curve ? ask.curve : "P-256");
	X509 *const x = one.cert;
	X509 *const above = issuer ? issuer->cert : x;
	must(x, "X509_new");
	X509_NAME *const name = X509_get_subject_name(x);
	add_name(name, "O", "lwgate", 0);
	add_name(name, "serialNumber", ask.serial_number, 0);
	/* The first in the encoding is the rightmost. */
	add_name(name, "CN", ask.second_cn, 0);
	add_name(name, "CN", ask.cn, ask.cn_beside ? -1 : 0);
	must(X509_set_version(x, ask.version != 0 ? ask.version : X509_VERSION_3) &&
			ASN1_INTEGER_set_uint64(
				X509_get_serialNumber(x), ask.serial != 0 ? ask.serial : 1) &&
			X509_set_issuer_name(x, X509_get_subject_name(above)) &&
			X509_set_pubkey(x, one.key),
		"a certificate");
	set_times(x, &ask);
	add_extension(x, above, NID_basic_constraints, ask.constraints);
	add_extension(x, above, NID_key_usage, ask.key_usage);
	add_extension(x, above, NID_ext_key_usage, ask.extended);
	add_extension(x, above, NID_subject_alt_name, ask.names);
	const EVP_MD *const hash = EVP_get_digestbyname(ask.hash ? ask.hash : "SHA256");
	must(X509_sign(x, issuer ? issuer->key : one.key, hash) > 0, "X509_sign");
	return one;
}

void pki_free(struct pki_one *one)
{
	EVP_PKEY_free(one->key);
	X509_free(one->cert);
	*one = (struct pki_one){ .key = NULL };
}

/* --- stores, chains, CRLs -------------------------------------------------------------------- */

X509_STORE *pki_store_of(X509 *const *list)
{
	X509_STORE *const store = X509_STORE_new();
	must(store, "X509_STORE_new");
	for (; *list; list++)
		must(X509_STORE_add_cert(store, *list), "X509_STORE_add_cert");
	return store;
}

struct stack_st_X509 *pki_chain_of(X509 *const *list)
{
	STACK_OF(X509) *const chain = sk_X509_new_null();
	must(chain, "sk_X509_new_null");
	for (; *list; list++)
		must(X509_up_ref(*list) && sk_X509_push(chain, *list) > 0, "sk_X509_push");
	return chain;
}

X509_CRL *pki_crl(const struct pki_one *issuer, EVP_PKEY *signer, uint64_t serial, int64_t now_s)
{
	enum { DAY_S = 86400 };
	X509_CRL *const crl = X509_CRL_new();
	ASN1_TIME *const time = ASN1_TIME_new();
	must(crl && time, "X509_CRL_new");
	must(X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
			X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->cert)) &&
			ASN1_TIME_set(time, (time_t)(now_s - DAY_S)) &&
			X509_CRL_set1_lastUpdate(crl, time),
		"a CRL");
	if (serial != 0) {
		X509_REVOKED *const r = X509_REVOKED_new();
		ASN1_INTEGER *const number = ASN1_INTEGER_new();
		must(r && number && ASN1_INTEGER_set_uint64(number, serial) &&
				X509_REVOKED_set_serialNumber(r, number) &&
				X509_REVOKED_set_revocationDate(r, time) &&
				X509_CRL_add0_revoked(crl, r),
			"a revoked one");
		ASN1_INTEGER_free(number);
	}
	must(ASN1_TIME_set(time, (time_t)(now_s + DAY_S)) && X509_CRL_set1_nextUpdate(crl, time) &&
			X509_CRL_sort(crl) && X509_CRL_sign(crl, signer, EVP_sha256()) > 0,
		"a CRL's signature");
	ASN1_TIME_free(time);
	return crl;
}
