/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cred_read_sms.h"

#include <libconfig.h>
#include <string.h>

#include "conf/fail.h"
#include "conf/tree.h"

struct group {
	const char *name; /* of the file */
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

static bool take(struct group *g, const config_setting_t *s)
{
	struct cred_sms *const x = &g->out->sms;
	const char *const key = config_setting_name(s);
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
		"sms: unknown key; write number, profile, kic, kid, tar, spi2 and cc_len");
}

bool cred_read_sms(const struct config_setting_t *group, const char *name, struct cred_draft *out,
	struct conf_error *error)
{
	struct group g = { .name = name, .error = error, .out = out };
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
	return out->parts[CRED_IDENTITY].at != NULL ||
	       conf_fail(error, name, config_setting_source_line(group),
		       "sms: has no number; add: number = \"DIGITS\";");
}
