/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/csv_cred.h"

#include <inttypes.h>
#include <string.h>

#include "conf/date.h"
#include "conf/spki.h"
#include "ctl/show.h"

void csv_cred_titles(struct ctl_out *o, bool keys)
{
	ctl_out_text(
		o, keys ? "endpoint,kind,identity,identity_hex,key,public_key,certificate,"
			  "certificate_pin,upstream_identity,upstream_identity_hex,upstream_key,"
			  "labels,valid_until,purpose,repository,sms\n"
			: "endpoint,kind,identity,identity_hex,public_key,certificate,"
			  "certificate_pin,upstream_identity,upstream_identity_hex,state,origin,"
			  "generation,changed_ms,key_octets,upstream_key_octets,labels,"
			  "valid_until,before_until,purpose,repository,sms\n");
}

static void put(struct ctl_out *o, const char *text)
{
	const bool plain = strpbrk(text, ",\"\r\n") == NULL;
	if (plain) {
		ctl_out_text(o, text);
		return;
	}
	ctl_out_bytes(o, "\"", 1);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			ctl_out_bytes(o, "\"", 1);
		ctl_out_bytes(o, text, 1);
	}
	ctl_out_bytes(o, "\"", 1);
}

/* Two fields: as text, and in hexadecimal; one of them is empty. */
static void put_identity(struct ctl_out *o, const uint8_t *identity, size_t len)
{
	char text[CTL_IDENTITY_TEXT];
	const bool is_text = ctl_identity_text(identity, len, text);
	if (is_text)
		put(o, text);
	ctl_out_bytes(o, ",", 1);
	if (!is_text)
		ctl_out_text(o, text);
}

static void put_key(struct ctl_out *o, const uint8_t *key, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		ctl_out_bytes(o, &digits[key[i] >> 4], 1);
		ctl_out_bytes(o, &digits[key[i] & 15], 1);
	}
}

static void put_digest(struct ctl_out *o, const uint8_t *digest)
{
	char text[CONF_SPKI_TEXT];
	conf_spki_text(digest, text);
	ctl_out_text(o, text);
}

/* Its kind, and what belongs to it. */
static void put_proof(struct ctl_out *o, bool keys, const struct ctl_cred *c)
{
	char name[CTL_NAME_MAX + 1];
	const bool psk = c->kind == CTL_CRED_PSK;
	ctl_out_form(o, "%s,", ctl_cred_kind_word(c->kind));
	put_identity(o, c->identity, psk ? c->identity_len : 0);
	ctl_out_bytes(o, ",", 1);
	if (keys) {
		put_key(o, c->key, c->key_len);
		ctl_out_bytes(o, ",", 1);
	}
	if (c->kind == CTL_CRED_RAW_KEY && c->identity_len == CTL_PIN_LEN)
		put_digest(o, c->identity);
	ctl_out_bytes(o, ",", 1);
	if (c->kind == CTL_CRED_CERTIFICATE) {
		memcpy(name, c->identity, c->identity_len);
		name[c->identity_len] = '\0';
		put(o, name);
	}
	ctl_out_bytes(o, ",", 1);
	if (c->pinned)
		put_digest(o, c->pin);
	ctl_out_bytes(o, ",", 1);
}

static void put_date(struct ctl_out *o, uint64_t ms)
{
	char text[CONF_DATE_TEXT];
	ctl_out_bytes(o, ",", 1);
	if (ms != 0)
		ctl_out_text(o, conf_date_text(ms, text));
}

/* What was agreed; with the card's key where keys are written. */
static void put_sms(struct ctl_out *o, bool keys, const struct ctl_cred *c)
{
	char text[CRED_SMS_TEXT];
	const struct cred_ota *const ota = &c->sms.renew.ota;
	ctl_out_form(o, "\"%s", cred_sms_text(&c->sms, c->identity, c->identity_len, text));
	if (keys && ota->key_len > 0) {
		ctl_out_text(o, ",ota_key=");
		put_key(o, ota->key, ota->key_len);
	}
	ctl_out_bytes(o, "\"", 1);
}

/* The last ones of a line. */
static void put_use(struct ctl_out *o, bool keys, const struct ctl_cred *c)
{
	ctl_out_form(o, ",%s,%s,", ctl_purpose_word(c->purpose), c->repository ? "true" : "false");
	if (c->kind == CTL_CRED_SMS)
		put_sms(o, keys, c);
	ctl_out_text(o, "\n");
}

static const char *state_of(const struct ctl_cred *c)
{
	switch (c->state) {
	case CTL_CRED_REVOKED:
		return "revoked";
	case CTL_CRED_EXPIRED:
		return "expired";
	case CTL_CRED_ACTIVE:
		break;
	}
	return "active";
}

void csv_cred_row(struct ctl_out *o, bool keys, const struct ctl_cred *c)
{
	put(o, c->endpoint);
	ctl_out_bytes(o, ",", 1);
	put_proof(o, keys, c);
	put_identity(o, c->upstream_identity, c->upstream_identity_len);
	ctl_out_bytes(o, ",", 1);
	if (keys) {
		put_key(o, c->upstream_key, c->upstream_key_len);
		ctl_out_bytes(o, ",", 1);
		put(o, c->labels);
		put_date(o, c->until_ms);
		put_use(o, keys, c);
		return;
	}
	ctl_out_form(o, "%s,%s,%" PRIu64 ",%" PRIu64 ",%u,%u,", state_of(c),
		ctl_cred_origin_word(c->origin), c->generation, c->changed_ms, c->key_len,
		c->upstream_key_len);
	put(o, c->labels);
	put_date(o, c->until_ms);
	put_date(o, c->before_generation != 0 ? c->before_until_ms : 0);
	put_use(o, keys, c);
}
