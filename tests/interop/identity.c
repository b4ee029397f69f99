/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/interop/identity.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/suite.h"
#include "conf/hex.h"
#include "dtls/profile.h"

enum { SPKI_MAX = 512, NAME_MAX_LEN = 64 };

static _Noreturn void refuse(const char *what, const char *name)
{
	(void)fprintf(stderr, "dtls-peer: %s: %s\n", name, what);
	exit(2);
}

static FILE *open_file(const char *name)
{
	FILE *f = fopen(name, "re");
	if (!f)
		refuse("cannot be read", name);
	return f;
}

void identity_psk(struct identity *id, const char *digits)
{
	const size_t len = strlen(digits);
	if (len > 2 * sizeof(id->psk) || !conf_hex_read(digits, len, id->psk))
		refuse("no hexadecimal key", "--psk");
	id->psk_len = len / 2;
}

void identity_peer_key(struct identity *id, const char *file)
{
	uint8_t der[SPKI_MAX];
	FILE *f = open_file(file);
	const size_t len = fread(der, 1, sizeof(der), f);
	(void)fclose(f);
	if (len == 0 || EVP_Digest(der, len, id->peer_key, NULL, EVP_sha256(), NULL) != 1)
		refuse("no public key", file);
	id->peer_key_known = true;
}

static EVP_PKEY *read_key(const char *file)
{
	FILE *f = open_file(file);
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	(void)fclose(f);
	if (!key)
		refuse("no private key", file);
	return key;
}

static X509 *read_certificate(const char *file)
{
	FILE *f = open_file(file);
	X509 *certificate = PEM_read_X509(f, NULL, NULL, NULL);
	(void)fclose(f);
	if (!certificate)
		refuse("no certificate", file);
	return certificate;
}

static X509_STORE *read_anchors(const char *file)
{
	X509_STORE *anchors = X509_STORE_new();
	if (!anchors || X509_STORE_load_file(anchors, file) != 1)
		refuse("no trust anchors", file);
	return anchors;
}

static void take_suites(struct dtls_profile_settings *s, const char *names)
{
	char name[NAME_MAX_LEN];
	s->suites_len = 0;
	while (*names) {
		const size_t len = strcspn(names, ",");
		if (len >= sizeof(name) || s->suites_len == SUITES)
			refuse("too long", "--suites");
		memcpy(name, names, len);
		name[len] = 0;
		const struct suite *suite = suite_named(name);
		if (!suite)
			refuse("no suite of ours", name);
		s->suites[s->suites_len++] = suite->number;
		names += len + (names[len] == ',');
	}
}

static int64_t real_time_s(void *ctx)
{
	(void)ctx;
	return (int64_t)time(NULL);
}

static struct dtls_profile_settings settings_of(const struct identity *id, bool server)
{
	struct dtls_profile_settings s = dtls_profile_settings_default();
	take_suites(&s, id->suites);
	s.initial_ms = id->initial_ms;
	s.mtu = id->mtu;
	s.mac_then_encrypt = id->mac_then_encrypt;
	s.cid = (enum dtls_cid_use)id->cid;
	s.routability = id->cid != IDENTITY_CID_NEVER && !id->no_routability;
	s.fragment_code = server ? 0 : id->fragment_code;
	s.raw_public_key = id->raw;
	s.now_s = real_time_s;
	s.names[0] = DTLS_NAME_CN;
	s.names[1] = DTLS_NAME_NONE;
	s.server_name = server ? NULL : id->server_name;
	if (!server && id->peer_key_known) {
		memcpy(s.pins[0], id->peer_key, sizeof(s.pins[0]));
		s.pins_len = 1;
	}
	return s;
}

struct dtls_profile *identity_profile(const struct identity *id, bool server)
{
	struct dtls_profile_settings s = settings_of(id, server);
	const char *error = "";
	s.key = id->key ? read_key(id->key) : NULL;
	s.certificate = id->certificate ? read_certificate(id->certificate) : NULL;
	s.anchors = id->anchors ? read_anchors(id->anchors) : NULL;
	struct dtls_profile *profile = dtls_profile_new(&s, &error);
	EVP_PKEY_free(s.key);
	X509_free(s.certificate);
	X509_STORE_free(s.anchors);
	if (!profile)
		refuse(error, "profile");
	return profile;
}
