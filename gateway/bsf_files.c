/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "base/vault.h"
#include "base/wipe.h"
#include "conf/config.h"
#include "conf/fail.h"
#include "conf/text.h"
#include "gateway/bsf_parts.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char service[] = "/nbsp-gba/v1/push-info-retrieval";

static void blob_free(struct gw_bsf_blob *b)
{
	secret_free(b->data, b->len);
	*b = (struct gw_bsf_blob){ .data = NULL };
}

static bool blob_read(
	const char *file, bool must_be_secret, struct gw_bsf_blob *out, struct conf_error *error)
{
	struct conf_text text;
	if (!conf_text_read(file, must_be_secret, &text, error))
		return false;
	const bool fits = text.len > 0 && text.len <= GW_BSF_FILE_MAX;
	out->data = fits ? secret_new(text.len) : NULL;
	if (out->data) {
		out->len = text.len;
		memcpy(out->data, text.data, text.len);
	}
	conf_text_free(&text);
	return out->data || conf_fail(error, file, 0,
				    "is empty, larger than 1 MiB, or memory is "
				    "short; check it");
}

/* --- PEM -------------------------------------------------------------------------------------- */

static X509 *first_certificate(const struct gw_bsf_blob *b)
{
	char none[] = ""; /* a passphrase: nobody is there to be asked */
	BIO *const bio = BIO_new_mem_buf(b->data, (int)b->len);
	X509 *const x = bio ? PEM_read_bio_X509(bio, NULL, NULL, none) : NULL;
	BIO_free(bio);
	return x;
}

static bool ca_is_good(const struct gw_bsf_blob *b, const char *file, struct conf_error *error)
{
	X509 *const x = first_certificate(b);
	X509_free(x);
	ERR_clear_error();
	return x || conf_fail(error, file, 0,
			    "holds no certificate; write those (PEM) by which the BSF is believed");
}

static bool pair_is_good(const struct gw_bsf_setup *s, const char *certificate, const char *key,
	struct conf_error *error)
{
	char none[] = "";
	X509 *const x = first_certificate(&s->certificate);
	BIO *const bio = BIO_new_mem_buf(s->key.data, (int)s->key.len);
	EVP_PKEY *const p = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, none) : NULL;
	const bool fits = x && p && X509_check_private_key(x, p) == 1;
	const bool is_over = x && X509_cmp_current_time(X509_get0_notAfter(x)) <= 0;
	const bool has[] = { x, p };
	BIO_free(bio);
	X509_free(x);
	EVP_PKEY_free(p);
	ERR_clear_error();
	if (!has[0])
		return conf_fail(error, certificate, 0,
			"holds no certificate; write the gateway's own (PEM) towards the BSF");
	if (!has[1])
		return conf_fail(error, key, 0,
			"holds no private key that can be read; write PEM without a passphrase");
	if (!fits)
		return conf_fail(error, key, 0,
			"is not the key of bsf.certificate_file, %s; put "
			"the pair there",
			certificate);
	return !is_over ||
	       conf_fail(error, certificate, 0, "is over its time; have another one made");
}

/* --- the secret ------------------------------------------------------------------------------- */

static bool read_secret(const char *file, char **out, struct conf_error *error)
{
	struct conf_text text;
	if (!conf_text_read(file, true, &text, error))
		return false;
	const size_t len = strcspn(text.data, "\r\n");
	const bool alone = text.data[len + strspn(text.data + len, "\r\n")] == '\0';
	const bool good = alone && len > 0 && len <= GW_BSF_SECRET_MAX;
	*out = good ? vault_alloc(len + 1) : NULL;
	if (*out)
		memcpy(*out, text.data, len);
	conf_text_free(&text);
	return *out || conf_fail(error, file, 0,
			       "holds no secret; write it, 1 to 512 characters, in one line, and "
			       "nothing else");
}

/* --- all of it -------------------------------------------------------------------------------- */

static bool read_files(struct gw_bsf_setup *s, const struct conf_bsf *c, struct conf_error *error)
{
	if (c->ca_file && (!blob_read(c->ca_file, false, &s->ca, error) ||
				  !ca_is_good(&s->ca, c->ca_file, error)))
		return false;
	if (c->certificate_file &&
		(!blob_read(c->certificate_file, false, &s->certificate, error) ||
			!blob_read(c->key_file, true, &s->key, error) ||
			!pair_is_good(s, c->certificate_file, c->key_file, error)))
		return false;
	return !c->token_url || read_secret(c->client_secret_file, &s->client_secret, error);
}

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

static bool fill(struct gw_bsf_setup *s, const struct conf_bsf *c)
{
	static const char plain[] = "http://";
	if (asprintf(&s->url, "%s%s", c->url, service) < 0) {
		s->url = NULL;
		return false;
	}
	s->token_url = c->token_url ? strdup(c->token_url) : NULL;
	s->client_id = copy(c->client_id);
	s->naf_fqdn = copy(c->naf_fqdn);
	s->uicc_application = copy(c->uicc_application);
	s->ca_name = copy(c->ca_file);
	s->certificate_name = copy(c->certificate_file);
	memcpy(s->ua, c->ua_id, sizeof(s->ua));
	(void)snprintf(s->labels.cipher, sizeof(s->labels.cipher), "%s", c->label_cipher);
	(void)snprintf(s->labels.check, sizeof(s->labels.check), "%s", c->label_check);
	s->timeout_ms = c->timeout_s * 1000;
	s->under_way = c->under_way;
	s->access.wanted = c->token_url != NULL;
	s->plain = strncmp(c->url, plain, sizeof(plain) - 1) == 0 ||
		   (c->token_url && strncmp(c->token_url, plain, sizeof(plain) - 1) == 0);
	return (s->token_url || !c->token_url) && s->client_id && s->naf_fqdn &&
	       s->uicc_application && s->ca_name && s->certificate_name;
}

struct gw_bsf_setup *gw_bsf_setup_new(const struct conf_bsf *conf, struct conf_error *error)
{
	struct gw_bsf_setup *const s = calloc(1, sizeof(*s));
	if (!s) {
		(void)snprintf(error->text, sizeof(error->text), "memory is short");
		return NULL;
	}
	s->refs = 1;
	(void)snprintf(error->text, sizeof(error->text), "memory is short");
	if (!gba_fqdn_is_good(conf->naf_fqdn))
		(void)snprintf(error->text, sizeof(error->text),
			"bsf.naf_fqdn: \"%s\" is no domain name; write one, as \"gateway.example\"",
			conf->naf_fqdn);
	else if (fill(s, conf) && read_files(s, conf, error))
		return s;
	gw_bsf_setup_unref(s);
	return NULL;
}

struct gw_bsf_setup *gw_bsf_setup_ref(struct gw_bsf_setup *s)
{
	s->refs++;
	return s;
}

void gw_bsf_setup_unref(struct gw_bsf_setup *s)
{
	if (!s || --s->refs > 0)
		return;
	free(s->url);
	free(s->token_url);
	free(s->client_id);
	free(s->naf_fqdn);
	free(s->uicc_application);
	free(s->ca_name);
	free(s->certificate_name);
	vault_release(s->client_secret);
	vault_release(s->token);
	blob_free(&s->ca);
	blob_free(&s->certificate);
	blob_free(&s->key);
	free(s);
}
