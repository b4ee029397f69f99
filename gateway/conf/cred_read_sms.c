/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cred_read_sms.h"

#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/fail.h"
#include "conf/mask.h"
#include "conf/text.h"
#include "conf/tree.h"

struct group {
	const char *name; /* of the file */
	const struct conf_text *text;
	struct conf_error *error;
	struct cred_draft *out;
	bool says_tar;
};

static bool fails(const struct group *g, const config_setting_t *s, const char *why)
{
	return conf_fail(g->error, g->name, config_setting_source_line(s), "sms.%s", why);
}

static bool take_octet(
	const struct group *g, const config_setting_t *s, uint8_t *out, const char *why)
{
	/* As these are written everywhere: in hexadecimal, too. */
	const bool is_number = config_setting_type(s) == CONFIG_TYPE_INT;
	const int n = is_number ? config_setting_get_int(s) : -1;
	if (n < 0 || n > UINT8_MAX)
		return fails(g, s, why);
	*out = (uint8_t)n;
	return true;
}

static bool take_text(struct group *g, const config_setting_t *s, const char *key)
{
	const char *const text = config_setting_get_string(s);
	struct cred_draft *const d = g->out;
	enum cred_sms_profile p;
	if (strcmp(key, "number") == 0) {
		if (text == NULL)
			return fails(g, s, "number: is no text; write its digits in quotes");
		d->parts[CRED_IDENTITY] = (struct cred_octets){ text, strlen(text),
			config_setting_source_line(s), "sms.number" };
		return true;
	}
	if (strcmp(key, "profile") == 0) {
		if (text == NULL || !cred_sms_profile_read(text, &p))
			return fails(g, s,
				"profile: is unknown; write \"lwm2m-1.0\", \"cr-004\" or "
				"\"dtls\"");
		d->sms.profile = (uint8_t)p;
		return true;
	}
	g->says_tar = true;
	return (text != NULL && cred_sms_tar_read(text, d->sms.tar)) ||
	       fails(g, s, "tar: write six digits 0-9, a-f in quotes: \"B20203\"");
}

/* What it stands for is in the text before the mask. */
static bool take_ota_key(const struct group *g, const config_setting_t *s)
{
	char hex[2 * CRED_OTA_KEY + 1];
	bool mine;
	const char *const masked = config_setting_get_string(s);
	const size_t len = masked != NULL ? strlen(masked) : 0;
	const char *const at =
		masked != NULL ? conf_mask_find(masked, g->text->data, g->text->len) : NULL;
	if (at == NULL || len >= sizeof(hex))
		return fails(g, s,
			"ota key: must be one plain string of hexadecimal, 32, 48 or 64 octets");
	memcpy(hex, at, len);
	hex[len] = '\0';
	const char *const why = cred_renew_take("ota_key", hex, &g->out->sms.renew, &mine);
	wipe(hex, sizeof(hex));
	return why == NULL || fails(g, s, why);
}

/* A word or hexadecimal in quotes, or as kic and kid: a number. */
static bool take_renew(const struct group *g, const config_setting_t *s, const char *key)
{
	const char *const text = config_setting_get_string(s);
	const bool is_number = config_setting_type(s) == CONFIG_TYPE_INT;
	const int n = is_number ? config_setting_get_int(s) : -1;
	char digits[4];
	bool mine;
	(void)snprintf(digits, sizeof(digits), strcmp(key, "ota_cc_len") == 0 ? "%d" : "%02x",
		(unsigned)n & UINT8_MAX);
	if (text == NULL && (n < 0 || n > UINT8_MAX))
		return fails(g, s, "renew and ota: write words and hexadecimal in quotes");
	const char *const why =
		cred_renew_take(key, text != NULL ? text : digits, &g->out->sms.renew, &mine);
	return why == NULL || fails(g, s, why);
}

static bool take_ota(const struct group *g, const config_setting_t *group)
{
	char key[32];
	if (!config_setting_is_group(group))
		return fails(g, group, "ota: write a group: ota = { key = \"HEX\"; ... };");
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *const s = config_setting_get_elem(group, (unsigned)i);
		(void)snprintf(key, sizeof(key), "ota_%s", config_setting_name(s));
		const bool is_key = strcmp(key, "ota_key") == 0;
		if (is_key ? !take_ota_key(g, s) : !take_renew(g, s, key))
			return false;
	}
	return true;
}

static bool take(struct group *g, const config_setting_t *s)
{
	struct cred_sms *const x = &g->out->sms;
	const char *const key = config_setting_name(s);
	if (strcmp(key, "renew") == 0 || strcmp(key, "subscriber") == 0 || strcmp(key, "gba") == 0)
		return take_renew(g, s, key);
	if (strcmp(key, "ota") == 0)
		return take_ota(g, s);
	if (strcmp(key, "number") == 0 || strcmp(key, "profile") == 0 || strcmp(key, "tar") == 0)
		return take_text(g, s, key);
	if (strcmp(key, "kic") == 0)
		return take_octet(g, s, &x->kic, "kic: write a number, as 0x12");
	if (strcmp(key, "kid") == 0)
		return take_octet(g, s, &x->kid, "kid: write a number, as 0x12");
	if (strcmp(key, "spi2") == 0)
		return take_octet(g, s, &x->spi2, "spi2: write a number, as 0x00");
	if (strcmp(key, "cc_len") == 0)
		return take_octet(g, s, &x->cc_len, "cc_len: write 8 or 4");
	return conf_fail(g->error, g->name, config_setting_source_line(s),
		"sms: unknown key; write number, profile, kic, kid, tar, spi2, cc_len, renew, "
		"subscriber, gba and ota");
}

bool cred_read_sms(const struct config_setting_t *group, const char *name,
	const struct conf_text *text, struct cred_draft *out, struct conf_error *error)
{
	struct group g = { .name = name, .text = text, .error = error, .out = out };
	out->kind = CRED_SMS;
	out->sms = cred_sms_default(CRED_SMS_LWM2M_10);
	if (!config_setting_is_group(group))
		return conf_fail(error, name, config_setting_source_line(group),
			"sms: is %s; write a group: sms = { number = \"DIGITS\"; };",
			conf_tree_type(group));
	for (int i = 0; i < config_setting_length(group); i++)
		if (!take(&g, config_setting_get_elem(group, (unsigned)i)))
			return false;
	if (!g.says_tar) {
		const struct cred_sms first =
			cred_sms_default((enum cred_sms_profile)out->sms.profile);
		memcpy(out->sms.tar, first.tar, sizeof(out->sms.tar));
	}
	cred_renew_complete(&out->sms.renew);
	return out->parts[CRED_IDENTITY].at != NULL ||
	       conf_fail(error, name, config_setting_source_line(group),
		       "sms: has no number; add: number = \"DIGITS\";");
}
