/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/config_bsf.h"

#include <stdlib.h>
#include <string.h>

#include "conf/fail.h"
#include "conf/hex.h"
#include "conf/text.h"

enum { LABEL_MAX = 32 };

static const char *text_of(const struct conf_draft *d, enum conf_key key)
{
	return d->values[key].text;
}

static bool is_there(const struct conf_draft *d, enum conf_key key)
{
	return text_of(d, key)[0] != '\0';
}

static bool fails(const struct conf_draft *d, enum conf_key key, const char *why)
{
	const unsigned line = d->values[key].line;
	return conf_fail(d->error, d->name, line != 0 ? line : d->values[KEY_BSF_URL].line,
		"%s: %s", conf_rows[key].path, why);
}

/* One without the others is a slip, not a wish. */
static bool is_alone(const struct conf_draft *d)
{
	for (enum conf_key k = KEY_BSF_TOKEN_URL; k <= KEY_BSF_UNDER_WAY; k++)
		if (d->values[k].line != 0)
			return fails(d, k,
				"there is no bsf.url, without which nobody is asked; add: url = "
				"\"https://bsf.example\";");
	return true;
}

static bool host_is_good(const char *host)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-._~:[]/";
	return host[0] != '\0' && strchr("/:]", host[0]) == NULL &&
	       host[strspn(host, letters)] == '\0' && host[strlen(host) - 1] != '/' &&
	       host[strlen(host) - 1] != ':';
}

static bool url_is_good(const struct conf_draft *d, enum conf_key key)
{
	static const char safe[] = "https://", plain[] = "http://";
	const char *const url = text_of(d, key);
	const bool is_plain = strncmp(url, plain, sizeof(plain) - 1) == 0;
	if (is_plain && d->values[KEY_BSF_H2C].number == 0)
		return fails(d, key, "keys would come in clear; write https://");
	if (!is_plain && strncmp(url, safe, sizeof(safe) - 1) != 0)
		return fails(d, key, "is no URL of a server; write https://HOST[:PORT][/PATH]");
	if (!host_is_good(url + (is_plain ? sizeof(plain) : sizeof(safe)) - 1))
		return fails(d, key,
			"has no host, or something after it that may not be there; write "
			"https://HOST[:PORT][/PATH], without user, query, fragment or a slash at "
			"the end");
	return is_plain || is_there(d, KEY_BSF_CA) ||
	       fails(d, KEY_BSF_CA,
		       "is missing, without which no server is believed; add: ca_file = "
		       "\"bsf-ca.pem\";");
}

static bool goes_together(const struct conf_draft *d)
{
	const bool token = is_there(d, KEY_BSF_TOKEN_URL);
	if (is_there(d, KEY_BSF_CLIENT_ID) != token || is_there(d, KEY_BSF_CLIENT_SECRET) != token)
		return fails(d, KEY_BSF_TOKEN_URL,
			"goes with bsf.client_id and bsf.client_secret_file; write all three, or "
			"none");
	if (is_there(d, KEY_BSF_CERTIFICATE) != is_there(d, KEY_BSF_KEY))
		return fails(
			d, KEY_BSF_CERTIFICATE, "goes with bsf.key_file; write both, or neither");
	if (!is_there(d, KEY_BSF_NAF_FQDN))
		return fails(d, KEY_BSF_NAF_FQDN,
			"is missing, without which there are no keys; add: naf_fqdn = "
			"\"gateway.example\";");
	return true;
}

static bool fill_labels(const struct conf_draft *d, struct conf_bsf *b)
{
	const char *const text = text_of(d, KEY_BSF_LABELS);
	const size_t first = strcspn(text, " ");
	const char *const second = text + first + (text[first] == ' ');
	const size_t len = strlen(second);
	if (first == 0 || first > LABEL_MAX || len == 0 || len > LABEL_MAX ||
		strchr(second, ' ') != NULL)
		return fails(d, KEY_BSF_LABELS,
			"is not two labels of 1 to 32 letters with a space between; write \"DMBEK "
			"DMBIK\"");
	if (first == len && memcmp(text, second, len) == 0)
		return fails(d, KEY_BSF_LABELS,
			"is the same label twice, which would make both keys the same; write two");
	b->label_cipher = strndup(text, first);
	b->label_check = strdup(second);
	return (b->label_cipher && b->label_check) ||
	       conf_fail(d->error, d->name, 0, "no memory; free some");
}

static bool copy(const struct conf_draft *d, enum conf_key key, char **out)
{
	*out = is_there(d, key) ? strdup(text_of(d, key)) : NULL;
	return *out || !is_there(d, key);
}

static bool copy_path(const struct conf_draft *d, enum conf_key key, char **out)
{
	*out = is_there(d, key) ? conf_path(d->folder, text_of(d, key)) : NULL;
	return *out || !is_there(d, key);
}

static bool fill_texts(const struct conf_draft *d, struct conf_bsf *b)
{
	return (copy(d, KEY_BSF_URL, &b->url) && copy(d, KEY_BSF_TOKEN_URL, &b->token_url) &&
		       copy(d, KEY_BSF_CLIENT_ID, &b->client_id) &&
		       copy(d, KEY_BSF_NAF_FQDN, &b->naf_fqdn) &&
		       copy(d, KEY_BSF_UICC_APPLICATION, &b->uicc_application) &&
		       copy_path(d, KEY_BSF_CLIENT_SECRET, &b->client_secret_file) &&
		       copy_path(d, KEY_BSF_CA, &b->ca_file) &&
		       copy_path(d, KEY_BSF_CERTIFICATE, &b->certificate_file) &&
		       copy_path(d, KEY_BSF_KEY, &b->key_file)) ||
	       conf_fail(d->error, d->name, 0, "no memory; free some");
}

bool conf_fill_bsf(const struct conf_draft *d, struct conf_gateway *out)
{
	struct conf_bsf *const b = &out->bsf;
	const char *const ua = text_of(d, KEY_BSF_UA_ID);
	if (!is_there(d, KEY_BSF_URL))
		return is_alone(d);
	if (!url_is_good(d, KEY_BSF_URL) || !goes_together(d) ||
		(is_there(d, KEY_BSF_TOKEN_URL) && !url_is_good(d, KEY_BSF_TOKEN_URL)))
		return false;
	if (strlen(ua) != 2 * sizeof(b->ua_id) || !conf_hex_read(ua, strlen(ua), b->ua_id))
		return fails(d, KEY_BSF_UA_ID,
			"is not 10 hexadecimal digits; write \"0100000005\", or what the BSF has");
	b->timeout_s = (uint32_t)d->values[KEY_BSF_TIMEOUT].number;
	b->under_way = (uint32_t)d->values[KEY_BSF_UNDER_WAY].number;
	return fill_labels(d, b) && fill_texts(d, b);
}

void conf_free_bsf(struct conf_gateway *c)
{
	struct conf_bsf *const b = &c->bsf;
	free(b->url);
	free(b->token_url);
	free(b->client_id);
	free(b->client_secret_file);
	free(b->ca_file);
	free(b->certificate_file);
	free(b->key_file);
	free(b->naf_fqdn);
	free(b->uicc_application);
	free(b->label_cipher);
	free(b->label_check);
	*b = (struct conf_bsf){ 0 };
}

bool conf_same_bsf(const struct conf_gateway *now, const struct conf_gateway *next)
{
	return !now->bsf.url == !next->bsf.url;
}
