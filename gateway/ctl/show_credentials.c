/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conf/date.h"
#include "conf/spki.h"
#include "ctl/json.h"

bool ctl_identity_text(const uint8_t *identity, size_t len, char out[CTL_IDENTITY_TEXT])
{
	char text[CTL_NAME_MAX + 1];
	bool is_text = len > 0 && len <= CTL_NAME_MAX;
	uint32_t code = 0;
	out[0] = '\0';
	len = len <= CTL_NAME_MAX ? len : CTL_NAME_MAX;
	memcpy(text, identity, len);
	text[len] = '\0';
	for (size_t at = 0, n = 0; is_text && at < len; at += n) {
		n = ctl_utf8(text + at, &code);
		is_text = n > 0 && code >= 0x20 && !(code >= 0x7f && code <= 0x9f);
	}
	if (is_text) {
		memcpy(out, text, len + 1);
		return true;
	}
	for (size_t i = 0; i < len; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", identity[i]);
	return false;
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

static const char *kind_of(const struct ctl_cred *c)
{
	return ctl_cred_kind_word(c->kind);
}

/* What is no time is shown as none. */
static const char *date_of(uint64_t ms, char out[CONF_DATE_TEXT])
{
	return ms == 0 ? "-" : conf_date_text(ms, out);
}

static void put_identity(struct ctl_out *o, const uint8_t *identity, size_t len)
{
	char text[CTL_IDENTITY_TEXT];
	if (len == 0) {
		ctl_out_text(o, "-");
		return;
	}
	if (!ctl_identity_text(identity, len, text))
		ctl_out_text(o, "hex ");
	ctl_out_clean(o, text);
}

static void put_digest(struct ctl_out *o, const uint8_t digest[CTL_PIN_LEN])
{
	char text[CONF_SPKI_TEXT];
	conf_spki_text(digest, text);
	ctl_out_text(o, text);
}

/* A raw key's is a digest. */
static void put_of_kind(
	struct ctl_out *o, enum ctl_cred_kind kind, const uint8_t *identity, size_t len)
{
	if (kind == CTL_CRED_RAW_KEY && len == CTL_PIN_LEN)
		put_digest(o, identity);
	else
		put_identity(o, identity, len);
}

static void put_own_identity(struct ctl_out *o, const struct ctl_cred *c)
{
	put_of_kind(o, c->kind, c->identity, c->identity_len);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_text(struct ctl_json *j, const char *key, const char *text)
{
	ctl_json_key(j, key);
	ctl_json_text(j, text);
}

static void json_number(struct ctl_json *j, const char *key, uint64_t n)
{
	ctl_json_key(j, key);
	ctl_json_number(j, n);
}

/* As the credentials file has it: one of two names. */
static void json_identity(struct ctl_json *j, const char *text_key, const char *hex_key,
	const uint8_t *id, size_t len)
{
	char text[CTL_IDENTITY_TEXT];
	const bool is_text = ctl_identity_text(id, len, text);
	json_text(j, is_text ? text_key : hex_key, text);
}

static void json_digest(struct ctl_json *j, const char *key, const uint8_t digest[CTL_PIN_LEN])
{
	char text[CONF_SPKI_TEXT];
	conf_spki_text(digest, text);
	json_text(j, key, text);
}

static void json_of_kind(
	struct ctl_json *j, enum ctl_cred_kind kind, const uint8_t *identity, size_t len)
{
	char name[CTL_NAME_MAX + 1];
	if (kind == CTL_CRED_RAW_KEY && len == CTL_PIN_LEN) {
		json_digest(j, "public_key", identity);
		return;
	}
	if (kind == CTL_CRED_SMS) {
		json_identity(j, "number", "number_hex", identity, len);
		return;
	}
	if (kind != CTL_CRED_CERTIFICATE) {
		json_identity(j, "identity", "identity_hex", identity, len);
		return;
	}
	memcpy(name, identity, len);
	name[len] = '\0';
	json_text(j, "certificate", name);
}

static void json_staged(struct ctl_json *j, const struct ctl_staged *s)
{
	if (s->generation == 0)
		return;
	ctl_json_key(j, "staged");
	ctl_json_begin(j, '{');
	json_text(j, "kind", ctl_cred_kind_word(s->kind));
	json_of_kind(j, s->kind, s->identity, s->identity_len);
	ctl_json_key(j, "armed");
	ctl_json_bool(j, s->armed);
	json_number(j, "generation", s->generation);
	if (s->until_ms != UINT64_MAX)
		json_number(j, "until_ms", s->until_ms);
	ctl_json_end(j, '}');
}

static void json_octet(struct ctl_json *j, const char *key, uint8_t n)
{
	char text[3];
	(void)snprintf(text, sizeof(text), "%02x", n);
	json_text(j, key, text);
}

static void json_ota(struct ctl_json *j, const struct cred_ota *o)
{
	char path[2 * CRED_OTA_PATH + 1], tar[2 * CRED_OTA_TAR + 1];
	cred_ota_text(o, path, tar);
	ctl_json_key(j, "ota");
	ctl_json_begin(j, '{');
	json_text(j, "file", path);
	json_text(j, "format", cred_ota_format_word(o->format));
	json_octet(j, "kic", o->kic);
	json_octet(j, "kid", o->kid);
	json_text(j, "tar", tar);
	json_octet(j, "spi2", o->spi2);
	json_number(j, "cc_len", o->cc_len);
	json_number(j, "key_octets", o->key_len);
	ctl_json_end(j, '}');
}

static void json_renew(struct ctl_json *j, const struct cred_renew *x)
{
	json_text(j, "renew", cred_renew_word(x->how));
	if (x->how == CRED_RENEW_GBA_PUSH) {
		if (x->subscriber[0] != '\0')
			json_text(j, "subscriber", x->subscriber);
		json_text(j, "gba", cred_gba_word(x->gba));
	}
	if (x->how == CRED_RENEW_SMARTCARD)
		json_ota(j, &x->ota);
}

static void json_sms(struct ctl_json *j, const struct ctl_cred *c)
{
	const struct cred_sms *const x = &c->sms;
	char tar[2 * CRED_SMS_TAR + 1];
	if (c->kind != CTL_CRED_SMS)
		return;
	(void)snprintf(tar, sizeof(tar), "%02x%02x%02x", x->tar[0], x->tar[1], x->tar[2]);
	ctl_json_key(j, "sms");
	ctl_json_begin(j, '{');
	json_text(j, "profile", cred_sms_profile_word(x->profile));
	json_octet(j, "kic", x->kic);
	json_octet(j, "kid", x->kid);
	json_text(j, "tar", tar);
	json_octet(j, "spi2", x->spi2);
	json_number(j, "cc_len", x->cc_len);
	json_renew(j, &x->renew);
	ctl_json_end(j, '}');
}

static void json_labels(struct ctl_json *j, const char *labels)
{
	char label[CTL_LABELS_MAX + 1];
	ctl_json_key(j, "labels");
	ctl_json_begin(j, '[');
	while (*labels != '\0') {
		const size_t len = strcspn(labels, ",");
		memcpy(label, labels, len);
		label[len] = '\0';
		ctl_json_text(j, label);
		labels += len + (labels[len] == ',');
	}
	ctl_json_end(j, ']');
}

static void json_terms(struct ctl_json *j, const struct ctl_cred *c)
{
	json_text(j, "purpose", ctl_purpose_word(c->purpose));
	ctl_json_key(j, "repository");
	ctl_json_bool(j, c->repository);
	json_labels(j, c->labels);
	if (c->until_ms != 0)
		json_number(j, "valid_until_ms", c->until_ms);
	if (c->before_generation == 0)
		return;
	ctl_json_key(j, "before");
	ctl_json_begin(j, '{');
	json_number(j, "generation", c->before_generation);
	json_number(j, "until_ms", c->before_until_ms);
	ctl_json_end(j, '}');
}

static void json_cred(struct ctl_json *j, const struct ctl_cred *c)
{
	ctl_json_begin(j, '{');
	json_text(j, "endpoint", c->endpoint);
	json_text(j, "kind", kind_of(c));
	json_of_kind(j, c->kind, c->identity, c->identity_len);
	if (c->pinned)
		json_digest(j, "certificate_pin", c->pin);
	if (c->upstream_identity_len > 0)
		json_identity(j, "upstream_identity", "upstream_identity_hex", c->upstream_identity,
			c->upstream_identity_len);
	json_text(j, "state", state_of(c));
	json_text(j, "origin", ctl_cred_origin_word(c->origin));
	json_number(j, "generation", c->generation);
	json_number(j, "changed_ms", c->changed_ms);
	json_number(j, "key_octets", c->key_len);
	json_number(j, "upstream_key_octets", c->upstream_key_len);
	json_sms(j, c);
	json_terms(j, c);
	json_staged(j, &c->staged);
	ctl_json_end(j, '}');
}

/* --- for people ------------------------------------------------------------------------------- */

static void label(struct ctl_out *o, const char *name)
{
	ctl_out_form(o, "%-20s", name);
}

static void terms_text(struct ctl_out *o, const struct ctl_cred *c)
{
	char date[CONF_DATE_TEXT];
	ctl_out_form(o, "%-20s%s%s\n", "purpose", ctl_purpose_word(c->purpose),
		c->repository ? ", and firmware" : "");
	label(o, "labels");
	ctl_out_clean(o, c->labels[0] == '\0' ? "-" : c->labels);
	ctl_out_form(o, "\n%-20s%s\n", "valid until", date_of(c->until_ms, date));
	if (c->before_generation != 0)
		ctl_out_form(o, "%-20sof generation %" PRIu64 ", taken until %s\n", "before",
			c->before_generation, date_of(c->before_until_ms, date));
}

/* "psk meter-1-new, armed" */
static void put_staged(struct ctl_out *o, const struct ctl_staged *s)
{
	ctl_out_form(o, "%s ", ctl_cred_kind_word(s->kind));
	put_of_kind(o, s->kind, s->identity, s->identity_len);
	ctl_out_text(o, s->armed ? ", armed" : ", not armed");
}

static void staged_text(struct ctl_out *o, const struct ctl_staged *s)
{
	char date[CONF_DATE_TEXT];
	if (s->generation == 0)
		return;
	label(o, "staged");
	put_staged(o, s);
	ctl_out_form(o, ", generation %" PRIu64 ", ", s->generation);
	if (s->until_ms == UINT64_MAX)
		ctl_out_text(o, "no end (the clock was not set)\n");
	else
		ctl_out_form(o, "until %s\n", date_of(s->until_ms, date));
}

static void sms_text(struct ctl_out *o, const struct ctl_cred *c)
{
	const struct cred_sms *const x = &c->sms;
	if (c->kind != CTL_CRED_SMS)
		return;
	ctl_out_form(o, "%-20s%s, TAR %02x%02x%02x\n", "profile", cred_sms_profile_word(x->profile),
		x->tar[0], x->tar[1], x->tar[2]);
	ctl_out_form(o, "%-20sKIc %02x, KID %02x, SPI2 %02x, checksum of %u octets\n", "packets",
		x->kic, x->kid, x->spi2, x->cc_len);
	char text[CRED_RENEW_TEXT];
	if (x->renew.how != CRED_RENEW_NEVER)
		ctl_out_form(o, "%-20s%s\n", "keys renewed",
			cred_renew_text(&x->renew, text) + sizeof(",renew=") - 1);
}

static void cred_text(struct ctl_out *o, const struct ctl_cred *c)
{
	char date[CONF_DATE_TEXT];
	label(o, "endpoint");
	ctl_out_clean(o, c->endpoint);
	ctl_out_text(o, "\n");
	ctl_out_form(o, "%-20s%s\n", "kind", kind_of(c));
	label(o, c->kind == CTL_CRED_PSK   ? "identity"
		 : c->kind == CTL_CRED_SMS ? "number"
					   : kind_of(c));
	put_own_identity(o, c);
	ctl_out_text(o, "\n");
	sms_text(o, c);
	if (c->pinned) {
		label(o, "certificate pin");
		put_digest(o, c->pin);
		ctl_out_text(o, "\n");
	}
	label(o, "upstream identity");
	put_identity(o, c->upstream_identity, c->upstream_identity_len);
	ctl_out_text(o, "\n");
	ctl_out_form(o, "%-20s%s\n", "state", state_of(c));
	ctl_out_form(o, "%-20s%s\n", "origin", ctl_cred_origin_word(c->origin));
	ctl_out_form(o, "%-20s%" PRIu64 "\n", "generation", c->generation);
	ctl_out_form(o, "%-20s%s\n", "changed", date_of(c->changed_ms, date));
	terms_text(o, c);
	staged_text(o, &c->staged);
	if (c->kind == CTL_CRED_PSK || c->kind == CTL_CRED_SMS)
		ctl_out_form(o, "%-20s%u octets\n", "key", c->key_len);
	if (c->upstream_key_len > 0)
		ctl_out_form(o, "%-20s%u octets\n", "upstream key", c->upstream_key_len);
	else
		ctl_out_form(o, "%-20s%s\n", "upstream key",
			c->state != CTL_CRED_REVOKED ? "derived" : "0 octets");
}

void ctl_show_cred(struct ctl_out *o, enum ctl_form form, const struct ctl_cred *c)
{
	struct ctl_json j = { .out = o };
	if (form == CTL_TEXT) {
		cred_text(o, c);
		return;
	}
	json_cred(&j, c);
	ctl_out_text(o, "\n");
}

void ctl_show_cred_titles(struct ctl_out *o)
{
	ctl_out_form(o, "%-7s  %-9s  %10s  %-20s  %-11s  %-9s  %-32s  %-20s  %-16s  %s\n", "STATE",
		"ORIGIN", "GENERATION", "CHANGED", "KIND", "PURPOSE", "ENDPOINT", "VALID UNTIL",
		"LABELS", "IDENTITY");
}

void ctl_show_cred_row(struct ctl_out *o, enum ctl_form form, const struct ctl_cred *c)
{
	enum { ENDPOINT_WIDTH = 32, LABELS_WIDTH = 16 };
	struct ctl_json j = { .out = o };
	char date[CONF_DATE_TEXT];
	if (form == CTL_JSON) {
		json_cred(&j, c);
		return;
	}
	ctl_out_form(o, "%-7s  %-9s  %10" PRIu64 "  %-20s  %-11s  %-9s  ", state_of(c),
		ctl_cred_origin_word(c->origin), c->generation, date_of(c->changed_ms, date),
		kind_of(c), ctl_purpose_word(c->purpose));
	ctl_out_column(o, c->endpoint, ENDPOINT_WIDTH);
	ctl_out_form(o, "  %-20s  ", date_of(c->until_ms, date));
	ctl_out_column(o, c->labels[0] == '\0' ? "-" : c->labels, LABELS_WIDTH);
	ctl_out_text(o, "  ");
	put_own_identity(o, c);
	if (c->staged.generation > 0) {
		ctl_out_text(o, " (staged: ");
		put_staged(o, &c->staged);
		ctl_out_text(o, ")");
	}
	ctl_out_text(o, "\n");
}
