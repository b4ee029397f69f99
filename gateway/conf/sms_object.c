/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/sms_object.h"

#include <string.h>

enum {
	DTLS = 1,
	SMARTCARD = 2,
	WITHOUT_SECURITY = 3,
	PROPRIETARY = 204,
	PSK = 16, /* octets, of mode 1 */
	WITHOUT_SPI2 = 6,
	WITH_SPI2 = 7,
	KNOWN = 0x1f, /* of SPI: the rest is reserved, and ignored */
	SPI1 = 0x16,
};

static const char *read_params(const struct sms_object *o, struct cred_sms *out)
{
	const uint8_t *const p = o->params;
	if (o->params_len != WITHOUT_SPI2 && o->params_len != WITH_SPI2)
		return "resource 7 is not 6 or 7 octets long: KIc, KID, SPI and TAR";
	if ((p[2] & KNOWN) != SPI1)
		return "resource 7: SPI does not begin with 16: checksum, ciphering, counter "
		       "higher";
	out->kic = p[0];
	out->kid = p[1];
	out->spi2 = o->params_len == WITH_SPI2 ? p[3] : 0;
	memcpy(out->tar, p + o->params_len - sizeof(out->tar), sizeof(out->tar));
	return NULL;
}

static const char *read_packets(
	const struct sms_object *o, enum cred_sms_profile profile, struct cred_sms *out)
{
	enum { AES_128 = 32, AES_192 = 48 };
	*out = cred_sms_default(profile);
	const char *const why = read_params(o, out);
	if (why != NULL)
		return why;
	if (o->key_len == PSK)
		return "resource 8 has one key for ciphering and checksum: write two, 32 octets";
	if (o->key_len != AES_128 && o->key_len != AES_192)
		return "resource 8 is not 32 or 48 octets long: the key of KIc, then KID's";
	return cred_sms_wrong(out, o->key, o->key_len);
}

const char *sms_object_read(
	const struct sms_object *o, enum sms_object_says *says, struct cred_sms *out)
{
	enum cred_sms_profile profile = CRED_SMS_LWM2M_10;
	*says = SMS_OBJECT_NOTHING;
	memset(out, 0, sizeof(*out));
	if (o->mode == 0 || o->mode == WITHOUT_SECURITY)
		return NULL;
	if (o->mode == DTLS) {
		if (o->key_len != 0 && o->key_len != PSK)
			return "resource 8 is no PSK of 16 octets, which mode 1 (DTLS) is for";
		*out = cred_sms_default(CRED_SMS_DTLS);
		*says = SMS_OBJECT_DTLS;
		return NULL;
	}
	if (o->mode >= PROPRIETARY)
		profile = CRED_SMS_CR_004;
	else if (o->mode != SMARTCARD)
		return "resource 6 has a reserved mode: use 1 (DTLS), 2 (secured packets) or 3";
	if (profile == CRED_SMS_CR_004 && o->cr_004 != SMS_OBJECT_ANY && o->cr_004 != o->mode)
		return "resource 6 has a proprietary mode that is not this gateway's";
	const char *const why = read_packets(o, profile, out);
	if (why == NULL)
		*says = SMS_OBJECT_PACKETS;
	else
		memset(out, 0, sizeof(*out));
	return why;
}
