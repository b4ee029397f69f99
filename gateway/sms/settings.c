/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/packet.h"

#include <stddef.h>

enum {
	SPI_CHECK = 0x03,
	SPI_CIPHER = 0x04,
	BY_RC = 1,
	BY_CC = 2,
	IMPLICIT = 0x0,
	LOW = 0x0f, /* of KIc and KID: the algorithm; the rest is the number of the key set */
};

static bool fail(const char **why, const char *text)
{
	*why = text;
	return false;
}

static bool cipher_of(uint8_t kic, uint8_t *out)
{
	switch (kic & LOW) {
	case IMPLICIT:
		return *out != SMS_NONE; /* agreed otherwise */
	case 0x1:
		*out = SMS_DES;
		return true;
	case 0x2:
		*out = SMS_AES;
		return true;
	case 0x5:
		*out = SMS_3DES_2;
		return true;
	case 0x9:
		*out = SMS_3DES_3;
		return true;
	case 0xd:
		*out = SMS_DES_ECB;
		return true;
	default:
		return false;
	}
}

static bool check_of(uint8_t kid, bool redundancy, uint8_t *out)
{
	const uint8_t low = kid & LOW;
	if (low == IMPLICIT)
		return *out != SMS_NONE;
	if (redundancy) {
		*out = low == 0x1 ? SMS_CRC16 : SMS_CRC32;
		return low == 0x1 || low == 0x5;
	}
	return cipher_of(kid, out) && *out != SMS_DES_ECB;
}

static bool has_key(uint8_t algorithm, uint8_t len)
{
	switch ((enum sms_algorithm)algorithm) {
	case SMS_AES:
		return len == 16 || len == 24 || len == 32;
	case SMS_3DES_2:
		return len == 16;
	case SMS_3DES_3:
		return len == 24;
	case SMS_DES:
	case SMS_DES_ECB:
		return len == 8;
	case SMS_NONE:
	case SMS_CRC16:
	case SMS_CRC32:
		break;
	}
	return true;
}

static bool has_cc_len(uint8_t algorithm, uint8_t len)
{
	switch ((enum sms_algorithm)algorithm) {
	case SMS_NONE:
		return len == 0;
	case SMS_AES:
		return len == 8 || len == 4;
	case SMS_CRC16:
		return len == 2;
	case SMS_CRC32:
		return len == 4;
	case SMS_3DES_2:
	case SMS_3DES_3:
	case SMS_DES:
	case SMS_DES_ECB:
		break;
	}
	return len == 8;
}

bool sms_settings_derive(struct sms_settings *s, const char **why)
{
	const uint8_t how = s->spi[0] & SPI_CHECK;
	if (!(s->spi[0] & SPI_CIPHER))
		s->cipher = SMS_NONE;
	else if (!cipher_of(s->kic, &s->cipher))
		return fail(why, "KIc names no algorithm for ciphering that is known");
	if (how == 0)
		s->check = SMS_NONE;
	else if (how != BY_RC && how != BY_CC)
		return fail(why, "SPI asks for a digital signature, which nobody has");
	else if (!check_of(s->kid, how == BY_RC, &s->check))
		return fail(why, "KID names no algorithm for the checksum that SPI asks for");
	if (!has_key(s->cipher, s->cipher_key_len))
		return fail(why, "the key for ciphering has not the length of its algorithm");
	if (!has_key(s->check, s->check_key_len))
		return fail(why, "the key for the checksum has not the length of its algorithm");
	if (!has_cc_len(s->check, s->cc_len))
		return fail(why, "the checksum's length is not one of its algorithm");
	return true;
}
