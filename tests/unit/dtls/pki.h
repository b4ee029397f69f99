/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/pki: keys, certificates and CRLs, made in memory, good ones and bad ones.
 *
 *	struct pki_one root = pki_make(pki_root("root"), NULL);
 *	struct pki_ask ask = pki_device("urn:dev:1");
 *	ask.curve = "P-384";
 *	struct pki_one device = pki_make(ask, &root);
 *	...
 *	pki_free(&device);
 *	pki_free(&root);
 *
 * Promise: what is asked for is made, sensible or not; all are valid around PKI_NOW, whatever the
 *          machine's clock says. What cannot be made ends the test program.
 * Memory:  the caller owns what it gets. Stores and stacks hold references of their own.
 * Threads: any.
 */
#ifndef LWG_TESTS_DTLS_PKI_H
#define LWG_TESTS_DTLS_PKI_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#define PKI_NOW  INT64_C(1800000000) /* 2027-01-15 */
#define PKI_YEAR INT64_C(31536000)

/* NULL or 0: as the comment says. Strings of extensions are in the syntax of OpenSSL's x509v3.cnf,
   "" leaves the extension out. */
struct pki_ask {
	const char *cn;            /* common name; NULL: none */
	const char *second_cn;     /* another one, above or (cn_beside) beside it; NULL: none */
	const char *serial_number; /* attribute of the subject; NULL: none */
	const char *names;         /* subjectAltName: "DNS:a, URI:b, IP:192.0.2.1"; NULL: none */
	const char *constraints;   /* basicConstraints; NULL: none */
	const char *key_usage;     /* NULL: none */
	const char *extended;      /* extendedKeyUsage; NULL: none */
	const char *curve;         /* of its key; NULL: "P-256"; "RSA": 2048 bits */
	const char *hash;          /* of the signature on it; NULL: "SHA256" */
	EVP_PKEY *key;             /* its key; NULL: a new one. A reference is taken. */
	int64_t from_s, until_s;   /* 0: a year before and after PKI_NOW */
	int version;               /* X509_VERSION_...; 0: X509_VERSION_3 */
	uint64_t serial;           /* 0: 1 */
	int cn_beside;
};

struct pki_one {
	EVP_PKEY *key;
	X509 *cert;
};

struct pki_ask pki_root(const char *cn);
struct pki_ask pki_authority(const char *cn);
struct pki_ask pki_device(const char *cn);   /* clientAuth */
struct pki_ask pki_server(const char *host); /* serverAuth, one dNSName */

EVP_PKEY *pki_key(const char *curve);
/* The public half of a key; compressed: as such a point. */
EVP_PKEY *pki_public(EVP_PKEY *key, int compressed);
/* The same with the parameters of its curve instead of the name. */
EVP_PKEY *pki_explicit(EVP_PKEY *key);
/* A key on P-256 whose public half is one key's and whose private half is another's. */
EVP_PKEY *pki_torn(EVP_PKEY *public_half, EVP_PKEY *private_half);
/* issuer NULL: signed by itself. */
struct pki_one pki_make(struct pki_ask ask, const struct pki_one *issuer);
void pki_free(struct pki_one *one);

/* Of certificates, the last argument NULL. Free with X509_STORE_free(), and with
   sk_X509_pop_free(.., X509_free). */
/* NOLINTNEXTLINE(readability-identifier-naming): a function to whoever calls it */
#define pki_store(...) pki_store_of((X509 *const[]){ __VA_ARGS__ })
/* NOLINTNEXTLINE(readability-identifier-naming) */
#define pki_chain(...) pki_chain_of((X509 *const[]){ __VA_ARGS__ })
X509_STORE *pki_store_of(X509 *const *list);
struct stack_st_X509 *pki_chain_of(X509 *const *list);
/* Of `issuer`, signed by `signer`, from a day before now_s until a day after, revoking the serial
   (0: none). Free with X509_CRL_free(). */
X509_CRL *pki_crl(const struct pki_one *issuer, EVP_PKEY *signer, uint64_t serial, int64_t now_s);

#endif
