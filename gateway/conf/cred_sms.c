/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cred_sms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/hex.h"

enum {
	/* Low half of KIc and of KID. */
	AES = 0x2,
	TDES_3 = 0x9,
	LOW = 0x0f,
	KEYS_AES_128 = 32, /* both together */
	KEYS_TDES = 48,
	KEYS_AES_256 = 64,
	DES_KEY = 8,
	SPI2_MOST = 0x3f,
	CC_LONG = 8,
	CC_SHORT = 4,
	KEY_SET_1 = 0x10,
	PART_MAX = 160,
};

static const char *const words[CRED_SMS_PROFILES] = {
	[CRED_SMS_LWM2M_10] = "lwm2m-1.0",
	[CRED_SMS_CR_004] = "cr-004",
	[CRED_SMS_DTLS] = "dtls",
};

static const uint8_t tars[CRED_SMS_PROFILES][CRED_SMS_TAR] = {
	[CRED_SMS_LWM2M_10] = { 0xb2, 0x02, 0x03 },
	[CRED_SMS_CR_004] = { 0xbf, 0xff, 0x00 },
};

struct cred_sms cred_sms_default(enum cred_sms_profile p)
{
	struct cred_sms x = {
		.profile = (uint8_t)p, .kic = KEY_SET_1 | AES, .kid = KEY_SET_1 | AES, .cc_len = 8
	};
	memcpy(x.tar, tars[p], sizeof(x.tar));
	return x;
}

const char *cred_sms_profile_word(uint8_t profile)
{
	return profile < CRED_SMS_PROFILES ? words[profile] : "?";
}

bool cred_sms_profile_read(const char *word, enum cred_sms_profile *out)
{
	for (int i = 0; i < CRED_SMS_PROFILES; i++)
		if (strcmp(word, words[i]) == 0) {
			*out = (enum cred_sms_profile)i;
			return true;
		}
	return false;
}

bool cred_sms_tar_read(const char *text, uint8_t out[CRED_SMS_TAR])
{
	return strlen(text) == (size_t)2 * CRED_SMS_TAR &&
	       conf_hex_read(text, (size_t)2 * CRED_SMS_TAR, out);
}

/* --- what is wrong ---------------------------------------------------------------------------- */

static bool tar_is_of_profile(const struct cred_sms *x)
{
	/* Of cr-004 the last octet is the device's. */
	const size_t len = x->profile == CRED_SMS_CR_004 ? CRED_SMS_TAR - 1 : CRED_SMS_TAR;
	return memcmp(x->tar, tars[x->profile], len) == 0;
}

/* Parity bits are no part of a key. */
static bool same_des(const uint8_t *a, const uint8_t *b)
{
	uint8_t differ = 0;
	for (size_t i = 0; i < DES_KEY; i++)
		differ |= (uint8_t)((a[i] ^ b[i]) & 0xfe);
	return differ == 0;
}

static bool is_weak_tdes(const uint8_t *key)
{
	return same_des(key, key + DES_KEY) || same_des(key + DES_KEY, key + (size_t)2 * DES_KEY) ||
	       same_des(key, key + (size_t)2 * DES_KEY);
}

static const char *algorithm_wrong(uint8_t of, size_t key_len)
{
	if ((of & LOW) != AES && (of & LOW) != TDES_3)
		return "kic and kid: the second digit of each is the algorithm; write 2 (AES), or "
		       "9 (3DES with three keys)";
	if (of >> 4 == 0)
		return "kic and kid: the first digit of each is the key set; write 1 to f";
	return (of & LOW) == TDES_3 && key_len != KEYS_TDES
		       ? "key: has another length than 3DES has; write 48 octets"
		       : NULL;
}

/* Nothing of packets is agreed with it. */
static const char *dtls_wrong(const struct cred_sms *x, size_t key_len)
{
	if (x->renew.how != CRED_RENEW_NEVER)
		return "renew: profile=dtls has no keys that could be renewed; leave it out";
	return key_len == 0 ? cred_renew_wrong(&x->renew, false)
			    : "key: profile=dtls has none, as the device proves what it does by "
			      "UDP; leave it out";
}

/* key_len 0: the first ones come as the others do. */
static const char *keys_wrong(const struct cred_sms *x, const uint8_t *key, size_t key_len)
{
	const size_t half = key_len / 2, serves = key_len > 0 ? key_len : (size_t)KEYS_TDES;
	const bool renews = x->renew.how != CRED_RENEW_NEVER;
	if (!(renews && key_len == 0) && key_len != KEYS_AES_128 && key_len != KEYS_TDES &&
		key_len != KEYS_AES_256)
		return "key: is KIc's key and then KID's; write 32, 48 or 64 octets, as from: "
		       "openssl rand -hex 32";
	const char *why = algorithm_wrong(x->kic, serves);
	if (why == NULL)
		why = algorithm_wrong(x->kid, serves);
	if (why == NULL && (x->kic & LOW) != (x->kid & LOW))
		why = "kic and kid: name different algorithms; give both the same";
	if (why != NULL || key_len == 0)
		return why;
	if (same_secret(key, key + half, half))
		return "key: both halves are the same; KIc and KID need a key each";
	if ((x->kic & LOW) == TDES_3 && (is_weak_tdes(key) || is_weak_tdes(key + half)))
		return "key: two of the keys of 3DES are the same; write three";
	return NULL;
}

const char *cred_sms_wrong(const struct cred_sms *x, const uint8_t *key, size_t key_len)
{
	if (x->profile >= CRED_SMS_PROFILES)
		return "profile: is unknown; write lwm2m-1.0, cr-004 or dtls";
	if (x->profile == CRED_SMS_DTLS)
		return dtls_wrong(x, key_len);
	const char *why = cred_renew_wrong(&x->renew, false);
	if (why == NULL)
		why = keys_wrong(x, key, key_len);
	if (why != NULL)
		return why;
	if (!tar_is_of_profile(x))
		return "tar: is not of this profile; write b20203 for lwm2m-1.0, bfff00 to bfffff "
		       "for cr-004";
	if (x->cc_len != CC_LONG && (x->cc_len != CC_SHORT || (x->kid & LOW) != AES))
		return "cc_len: write 8; or 4, of AES only";
	return x->spi2 > SPI2_MOST ? "spi2: has bits that mean nothing; write 00 to 3f" : NULL;
}

const char *cred_sms_number_wrong(const uint8_t *number, size_t len)
{
	bool good = len > 0 && len <= CRED_SMS_NUMBER_MAX;
	for (size_t i = 0; good && i < len; i++)
		good = number[i] >= '0' && number[i] <= '9';
	return good ? NULL
		    : "number: is none; write up to 15 digits, the country's first, without +";
}

/* --- as a text -------------------------------------------------------------------------------- */

static const char *take_octet(const char *name, const char *value, struct cred_sms *x)
{
	uint8_t *const to = strcmp(name, "kic") == 0    ? &x->kic
			    : strcmp(name, "kid") == 0  ? &x->kid
			    : strcmp(name, "spi2") == 0 ? &x->spi2
							: NULL;
	if (to == NULL)
		return "has a name that is unknown; write number, profile, kic, kid, tar, spi2, "
		       "cc_len, renew, subscriber, gba, ota_...";
	return strlen(value) == 2 && conf_hex_read(value, 2, to)
		       ? NULL
		       : "kic, kid and spi2: write two digits 0-9, a-f";
}

static const char *take_number(const char *value, char number[CRED_SMS_NUMBER_MAX + 1])
{
	const size_t len = strlen(value);
	const char *const why = cred_sms_number_wrong((const uint8_t *)value, len);
	if (why == NULL)
		memcpy(number, value, len + 1);
	return why;
}

static const char *take_profile(const char *value, struct cred_sms *x)
{
	enum cred_sms_profile p;
	if (!cred_sms_profile_read(value, &p))
		return "profile: is unknown; write lwm2m-1.0, cr-004 or dtls";
	x->profile = (uint8_t)p;
	return NULL;
}

static const char *take_length(const char *value, struct cred_sms *x)
{
	x->cc_len = strcmp(value, "8") == 0 ? CC_LONG : CC_SHORT;
	return x->cc_len == CC_LONG || strcmp(value, "4") == 0 ? NULL : "cc_len: write 8 or 4";
}

static const char *take(const char *name, const char *value, struct cred_sms *x,
	char number[CRED_SMS_NUMBER_MAX + 1])
{
	bool mine;
	const char *const why = cred_renew_take(name, value, &x->renew, &mine);
	if (mine)
		return why;
	if (strcmp(name, "number") == 0)
		return take_number(value, number);
	if (strcmp(name, "profile") == 0)
		return take_profile(value, x);
	if (strcmp(name, "tar") == 0)
		return cred_sms_tar_read(value, x->tar) ? NULL : "tar: write six digits 0-9, a-f";
	return strcmp(name, "cc_len") == 0 ? take_length(value, x) : take_octet(name, value, x);
}

/* One "name=value" before the next comma. */
static const char *take_part(
	const char **at, struct cred_sms *x, char number[CRED_SMS_NUMBER_MAX + 1], bool *says_tar)
{
	char part[PART_MAX];
	const size_t len = strcspn(*at, ",");
	if (len >= sizeof(part))
		return "is no list of name=value";
	memcpy(part, *at, len);
	part[len] = '\0';
	*at += len + ((*at)[len] == ',');
	char *const value = strchr(part, '=');
	if (value == NULL)
		return "is no list of name=value; write number=DIGITS,profile=cr-004";
	*value = '\0';
	*says_tar = *says_tar || strcmp(part, "tar") == 0;
	const char *const why = take(part, value + 1, x, number);
	wipe(part, sizeof(part)); /* it may be an OTA key */
	return why;
}

const char *cred_sms_read(
	const char *text, struct cred_sms *out, char number[CRED_SMS_NUMBER_MAX + 1])
{
	const char *why = NULL;
	bool says_tar = false;
	*out = cred_sms_default(CRED_SMS_LWM2M_10);
	number[0] = '\0';
	while (*text != '\0' && why == NULL)
		why = take_part(&text, out, number, &says_tar);
	if (!says_tar)
		memcpy(out->tar, tars[out->profile], sizeof(out->tar));
	cred_renew_complete(&out->renew);
	if (why == NULL && number[0] == '\0')
		return "has no number; write number=DIGITS";
	return why;
}

const char *cred_sms_text(
	const struct cred_sms *x, const uint8_t *number, size_t len, char out[CRED_SMS_TEXT])
{
	char renew[CRED_RENEW_TEXT];
	const int digits = cred_sms_number_wrong(number, len) == NULL ? (int)len : 0;
	if (x->profile == CRED_SMS_DTLS) {
		(void)snprintf(out, CRED_SMS_TEXT, "number=%.*s,profile=%s", digits,
			(const char *)number, cred_sms_profile_word(x->profile));
		return out;
	}
	(void)snprintf(out, CRED_SMS_TEXT,
		"number=%.*s,profile=%s,kic=%02x,kid=%02x,tar=%02x%02x%02x,spi2=%02x,cc_len=%u%s",
		digits, (const char *)number, cred_sms_profile_word(x->profile), x->kic, x->kid,
		x->tar[0], x->tar[1], x->tar[2], x->spi2, x->cc_len,
		cred_renew_text(&x->renew, renew));
	return out;
}
