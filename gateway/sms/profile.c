/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/profile.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/attr.h"
#include "base/wipe.h"

enum {
	SPI1 = 0x16, /* checksum, ciphering, counter higher */
	KNOWN = 0x1f,
	AES_1 = 0x12, /* AES, key set 1 */
	LOW = 0x0f,
	AES = 0x2,
	DES_3_KEYS = 0x9,
	DES = 8,
};

static const struct row {
	const char *name;
	struct sms_around around;
	uint8_t tar[3], tar_last[3];
} rows[SMS_PROFILES] = {
	[SMS_LWM2M_10] = { "lwm2m-1.0", { 0x7f, 0xf6 }, { 0xb2, 0x02, 0x03 },
		{ 0xb2, 0x02, 0x03 } },
	[SMS_CR_004] = { "cr-004", { 0x7d, 0xf5 }, { 0xbf, 0xff, 0x00 }, { 0xbf, 0xff, 0xff } },
};

const char *sms_profile_name(enum sms_profile p)
{
	return rows[p].name;
}

bool sms_profile_named(const char *name, enum sms_profile *out)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*out = (enum sms_profile)i;
			return true;
		}
	}
	return false;
}

struct sms_around sms_profile_around(enum sms_profile p)
{
	return rows[p].around;
}

struct sms_agreed sms_agreed_default(enum sms_profile p)
{
	struct sms_agreed a = {
		.profile = (uint8_t)p, .kic = AES_1, .kid = AES_1, .cc_len = SMS_CC_MAX
	};
	memcpy(a.tar, rows[p].tar, sizeof(a.tar));
	return a;
}

static bool fail(const char **why, const char *text)
{
	*why = text;
	return false;
}

/* The lowest bit of each octet is a parity that the cipher does not look at. */
static bool are_other(const uint8_t *a, const uint8_t *b)
{
	enum { KEY = 0xfe };
	uint8_t difference = 0;
	for (size_t i = 0; i < DES; i++)
		difference |= (a[i] ^ b[i]) & KEY;
	return difference != 0;
}

static bool has_three_keys(const uint8_t *k)
{
	const uint8_t *const second = k + DES, *const third = second + DES;
	return are_other(k, second) && are_other(second, third) && are_other(k, third);
}

/* Whether KIc and KID, and the keys, are what LwM2M lets be used. */
static bool is_strong(const struct sms_agreed *a, bool allow_3des, const char **why)
{
	const uint8_t cipher = a->kic & LOW, check = a->kid & LOW;
	if (cipher != check)
		return fail(why, "KIc and KID name different algorithms; give both the same");
	if (cipher == AES)
		return a->key_len == 32 || a->key_len == 48 || a->key_len == 64
			       ? true
			       : fail(why, "the keys have not 32, 48 or 64 octets together");
	if (cipher != DES_3_KEYS)
		return fail(why, "KIc and KID are to end in 2 (AES) or 9 (3DES with three keys)");
	if (!allow_3des)
		return fail(why, "3DES is not allowed; use AES, or set sms.allow_3des = true");
	if (a->key_len != 48)
		return fail(why, "the keys of 3DES have not 48 octets together");
	if (!has_three_keys(a->key) || !has_three_keys(a->key + a->key_len / 2))
		return fail(why, "the three keys of 3DES are to be different ones");
	return true;
}

bool sms_profile_settings(
	const struct sms_agreed *a, bool allow_3des, struct sms_settings *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	if (a->profile >= SMS_PROFILES)
		return fail(why, "there is no such profile");
	const struct row *const row = &rows[a->profile];
	if (memcmp(a->tar, row->tar, sizeof(a->tar)) < 0 ||
		memcmp(a->tar, row->tar_last, sizeof(a->tar)) > 0)
		return fail(why, a->profile == SMS_CR_004
					 ? "the TAR of cr-004 is to be of BFFF00 to BFFFFF"
					 : "the TAR of lwm2m-1.0 is B20203");
	return sms_agreed_settings(a, allow_3des, out, why);
}

bool sms_agreed_settings(
	const struct sms_agreed *a, bool allow_3des, struct sms_settings *out, const char **why)
{
	memset(out, 0, sizeof(*out));
	if (!is_strong(a, allow_3des, why))
		return false;
	const size_t half = a->key_len / 2;
	if (CRYPTO_memcmp(a->key, a->key + half, half) == 0)
		return fail(why, "KIc and KID have one key; each is to have its own");
	out->spi[0] = SPI1;
	out->spi[1] = a->spi2;
	out->kic = a->kic;
	out->kid = a->kid;
	memcpy(out->tar, a->tar, sizeof(out->tar));
	out->cc_len = a->cc_len;
	out->cipher_key_len = out->check_key_len = (uint8_t)half;
	memcpy(out->cipher_key, a->key, half);
	memcpy(out->check_key, a->key + half, half);
	if (sms_settings_derive(out, why))
		return true;
	wipe(out, sizeof(*out));
	return false;
}

bool sms_agreed_from_resource_7(const uint8_t *octets, size_t len, struct sms_agreed *out)
{
	enum { WITHOUT_SPI2 = 6, WITH_SPI2 = 7 };
	if (len != WITHOUT_SPI2 && len != WITH_SPI2)
		return false;
	if ((octets[2] & KNOWN) != SPI1)
		return false;
	const size_t tar = len - sizeof(out->tar);
	out->kic = octets[0];
	out->kid = octets[1];
	out->spi2 = len == WITH_SPI2 ? octets[3] : 0;
	memcpy(out->tar, octets + tar, sizeof(out->tar));
	return true;
}

bool sms_profile_takes(uint8_t dcs)
{
	enum { GROUP = 0xf0, COMPRESSED = 0x20, ALPHABET = 0x0c, EIGHT = 0x04 };
	if ((dcs & GROUP) == GROUP)
		return (dcs & ALPHABET) == EIGHT;
	return (dcs & 0x80) == 0 && (dcs & (COMPRESSED | ALPHABET)) == EIGHT;
}
