/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/pem.h"

#include "conf/fail.h"
#include "conf/spki.h"
#include "conf/text.h"
#include "dtls/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

enum { CERTIFICATES_MAX = 1000 };

static bool fail(struct conf_error *error, const char *file, const char *sentence)
{
	ERR_clear_error();
	return conf_fail(error, file, 0, "%s", sentence);
}

/* NULL: said. The text must outlive it. */
static BIO *open_text(
	const char *file, bool is_secret, struct conf_text *text, struct conf_error *error)
{
	if (!conf_text_read(file, is_secret, text, error))
		return NULL;
	BIO *const bio = text->len <= INT_MAX ? BIO_new_mem_buf(text->data, (int)text->len) : NULL;
	if (bio)
		return bio;
	conf_text_free(text);
	(void)fail(error, file, "no memory; free some");
	return NULL;
}

/* Not a word, not a prompt: libcrypto would ask on the terminal. */
/* NOLINTNEXTLINE(readability-non-const-parameter): it is libcrypto's type */
static int no_passphrase(char *out, int cap, int writing, void *asked)
{
	(void)out;
	(void)cap;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

EVP_PKEY *gw_pem_key(const char *file, struct conf_error *error)
{
	struct conf_text text;
	bool asked = false;
	BIO *const bio = open_text(file, true, &text, error);
	if (!bio)
		return NULL;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	conf_text_free(&text);
	const char *const weakness = key ? dtls_key_weakness(key) : NULL;
	if (key && !weakness) {
		ERR_clear_error();
		return key;
	}
	EVP_PKEY_free(key);
	if (weakness)
		(void)conf_fail(error, file, 0,
			"%s; use a key on P-256 (\"lwgatectl key new\" makes one)", weakness);
	else
		(void)fail(error, file,
			asked ? "the key has a passphrase, which nobody can type in here; write it "
				"without one (openssl pkey), mode 0600"
			      : "holds no private key in PEM; name the file of one "
				"(\"lwgatectl key new\" makes one)");
	return NULL;
}

/* --- certificates ---------------------------------------------------------------------------- */

/* The end of the file, and nothing that was not understood. */
static bool at_end(void)
{
	const unsigned long e = ERR_peek_last_error();
	const bool good = e == 0 || (ERR_GET_LIB(e) == ERR_LIB_PEM &&
					    ERR_GET_REASON(e) == PEM_R_NO_START_LINE);
	ERR_clear_error();
	return good;
}

static bool add_certificate(STACK_OF(X509) * to, X509 *x)
{
	if (sk_X509_num(to) < CERTIFICATES_MAX && sk_X509_push(to, x) > 0)
		return true;
	X509_free(x);
	return false;
}

STACK_OF(X509) * gw_pem_certificates(const char *file, struct conf_error *error)
{
	struct conf_text text;
	bool asked = false, good = true;
	BIO *const bio = open_text(file, false, &text, error);
	if (!bio)
		return NULL;
	STACK_OF(X509) *const all = sk_X509_new_null();
	X509 *x;
	ERR_clear_error();
	while (all && good && (x = PEM_read_bio_X509(bio, NULL, no_passphrase, &asked)))
		good = add_certificate(all, x);
	const bool ended = at_end();
	BIO_free(bio);
	conf_text_free(&text);
	if (all && good && ended && sk_X509_num(all) > 0)
		return all;
	(void)fail(error, file,
		!all || !good ? "no memory, or more than 1000 certificates"
		: !ended      ? "a certificate in it cannot be read; it must be PEM, unharmed"
			      : "holds no certificate in PEM; name a file of one");
	sk_X509_pop_free(all, X509_free);
	return NULL;
}

/* --- anchors --------------------------------------------------------------------------------- */

static bool add_anchor(
	X509_STORE *to, X509 *x, int number, const char *file, struct conf_error *error)
{
	EVP_PKEY *const key = X509_get0_pubkey(x);
	const char *const weakness = key ? dtls_key_weakness(key) : "its key cannot be read";
	if (weakness)
		return conf_fail(error, file, 0,
			"certificate %d can vouch for nobody: %s; use an authority with ECDSA on "
			"P-256 or better, or remove it",
			number, weakness);
	return X509_STORE_add_cert(to, x) == 1 || fail(error, file, "no memory; free some");
}

static bool add_anchors(X509_STORE *to, const char *file, struct conf_error *error)
{
	STACK_OF(X509) *const all = gw_pem_certificates(file, error);
	bool good = all != NULL;
	for (int i = 0; good && i < sk_X509_num(all); i++)
		good = add_anchor(to, sk_X509_value(all, i), i + 1, file, error);
	sk_X509_pop_free(all, X509_free);
	return good;
}

static bool add_lists(X509_STORE *to, const char *file, struct conf_error *error)
{
	struct conf_text text;
	bool asked = false, good = true;
	int n = 0;
	BIO *const bio = open_text(file, false, &text, error);
	if (!bio)
		return false;
	X509_CRL *list;
	ERR_clear_error();
	while (good && (list = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, &asked))) {
		good = X509_STORE_add_crl(to, list) == 1;
		X509_CRL_free(list);
		n++;
	}
	const bool ended = at_end();
	BIO_free(bio);
	conf_text_free(&text);
	if (good && ended && n > 0)
		return true;
	return fail(error, file,
		!good    ? "no memory; free some"
		: !ended ? "a revocation list in it cannot be read; it must be PEM, unharmed"
			 : "holds no revocation list in PEM (X509 CRL); name a file of one");
}

X509_STORE *gw_pem_anchors(const char *file, const char *revoked, struct conf_error *error)
{
	X509_STORE *const store = X509_STORE_new();
	if (!store) {
		(void)fail(error, file, "no memory; free some");
		return NULL;
	}
	if (add_anchors(store, file, error) && (!revoked || add_lists(store, revoked, error)))
		return store;
	X509_STORE_free(store);
	return NULL;
}

/* --- public keys ----------------------------------------------------------------------------- */

/* -1: errno says why. */
static ssize_t read_start(const char *file, uint8_t *out, size_t cap)
{
	const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const ssize_t len = fd < 0 ? -1 : read(fd, out, cap);
	const int reason = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = reason;
	return len;
}

bool gw_pem_digest(const char *file, uint8_t out[GW_DIGEST], struct conf_error *error)
{
	struct conf_spki spki;
	_Static_assert((int)CONF_SPKI_DIGEST == (int)GW_DIGEST, "both are SHA-256");
	uint8_t *const octets = OPENSSL_malloc(CONF_SPKI_FILE_MAX);
	if (!octets)
		return fail(error, file, "no memory; free some");
	const ssize_t len = read_start(file, octets, CONF_SPKI_FILE_MAX);
	const int reason = errno;
	const char *const why = len < 0 ? NULL : conf_spki_read(octets, (size_t)len, &spki);
	OPENSSL_clear_free(octets, CONF_SPKI_FILE_MAX); /* it may have been the wrong file */
	if (len < 0)
		return conf_fail(error, file, 0,
			"cannot be read: %s; check the name and who may read it", strerror(reason));
	if (why)
		return conf_fail(error, file, 0, "%s", why);
	memcpy(out, spki.digest, GW_DIGEST);
	return true;
}
