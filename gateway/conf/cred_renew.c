/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cred_renew.h"

#include <stdio.h>
#include <string.h>

#include "base/wipe.h"
#include "conf/hex.h"

enum {
	AES = 0x2,
	TDES_3 = 0x9,
	LOW = 0x0f,
	DEFAULT_KEYS = 0x12, /* AES, key set 1 */
	DEFAULT_SPI2 = 0x39, /* an answer, always, checked and ciphered, by SMS-SUBMIT */
	CC_LONG = 8,
	CC_SHORT = 4,
	/* Of SPI2. */
	ANSWER = 0x03,
	CHECK = 0x0c,
	BY_CC = 0x08,
	BY_SUBMIT = 0x20,
};

static const char *const ways[CRED_RENEWS] = { "never", "gba-push", "smartcard", "udp" };
static const char *const gbas[CRED_GBAS] = { "me", "u" };
static const char *const formats[CRED_OTA_FORMATS] = { "compact", "expanded", "indefinite" };

const char *cred_renew_word(uint8_t how)
{
	return how < CRED_RENEWS ? ways[how] : "?";
}

const char *cred_gba_word(uint8_t gba)
{
	return gba < CRED_GBAS ? gbas[gba] : "?";
}

const char *cred_ota_format_word(uint8_t format)
{
	return format < CRED_OTA_FORMATS ? formats[format] : "?";
}

static bool word(const char *const *words, size_t len, const char *text, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		if (strcmp(words[i], text) != 0)
			continue;
		*out = (uint8_t)i;
		return true;
	}
	return false;
}

/* --- one value -------------------------------------------------------------------------------- */

static const char *take_subscriber(const char *value, struct cred_renew *x)
{
	const size_t len = strlen(value);
	bool good = len > 0 && len <= CRED_SUBSCRIBER_MAX;
	for (size_t i = 0; good && i < len; i++)
		good = value[i] > ' ' && value[i] < 0x7f && value[i] != ',' && value[i] != '"' &&
		       value[i] != '\\';
	if (!good)
		return "subscriber: is no IMPI or URI of 1 to 63 printable characters; write it as "
		       "262011234567890@ims.mnc001.mcc262.3gppnetwork.org";
	memset(x->subscriber, 0, sizeof(x->subscriber));
	memcpy(x->subscriber, value, len);
	return NULL;
}

/* Hexadecimal of at most cap octets. */
static bool take_hex(const char *value, uint8_t *out, size_t cap, uint8_t *len)
{
	const size_t digits = strlen(value);
	memset(out, 0, cap);
	if (digits == 0 || digits % 2 != 0 || digits / 2 > cap ||
		!conf_hex_read(value, digits, out))
		return false;
	*len = (uint8_t)(digits / 2);
	return true;
}

static const char *take_cc_len(const char *value, struct cred_ota *o)
{
	o->cc_len = strcmp(value, "8") == 0 ? CC_LONG : CC_SHORT;
	return o->cc_len == CC_LONG || strcmp(value, "4") == 0 ? NULL : "ota cc_len: write 8 or 4";
}

static const char *take_ota_octet(const char *name, const char *value, struct cred_ota *o)
{
	uint8_t len = 0;
	uint8_t *const to = strcmp(name, "kic") == 0    ? &o->kic
			    : strcmp(name, "kid") == 0  ? &o->kid
			    : strcmp(name, "spi2") == 0 ? &o->spi2
							: NULL;
	if (to == NULL)
		return "ota: has a name that is unknown; write key, file, format, kic, kid, tar, "
		       "spi2, cc_len";
	return take_hex(value, to, 1, &len) ? NULL
					    : "ota kic, kid and spi2: write two digits 0-9, a-f";
}

static bool take_path(const char *value, struct cred_ota *o)
{
	return take_hex(value, o->path, sizeof(o->path), &o->path_len) && o->path_len % 2 == 0;
}

static bool take_tar(const char *value, struct cred_ota *o)
{
	uint8_t len = 0;
	return take_hex(value, o->tar, sizeof(o->tar), &len) && len == sizeof(o->tar);
}

static const char *take_ota(const char *name, const char *value, struct cred_ota *o)
{
	const char *why = NULL;
	bool good = true;
	if (strcmp(name, "key") == 0) {
		good = take_hex(value, o->key, sizeof(o->key), &o->key_len);
		why = "ota key: write hexadecimal, 32, 48 or 64 octets: KIc's key, then KID's";
	} else if (strcmp(name, "file") == 0) {
		good = take_path(value, o);
		why = "ota file: write its path, four digits 0-9, a-f a file: 7fff6432";
	} else if (strcmp(name, "tar") == 0) {
		good = take_tar(value, o);
		why = "ota tar: write six digits 0-9, a-f";
	} else if (strcmp(name, "format") == 0) {
		good = word(formats, CRED_OTA_FORMATS, value, &o->format);
		why = "ota format: write compact, expanded or indefinite";
	} else if (strcmp(name, "cc_len") == 0) {
		return take_cc_len(value, o);
	} else {
		return take_ota_octet(name, value, o);
	}
	return good ? NULL : why;
}

const char *cred_renew_take(const char *name, const char *value, struct cred_renew *x, bool *mine)
{
	static const char ota[] = "ota_";
	*mine = true;
	if (strcmp(name, "renew") == 0)
		return word(ways, CRED_RENEWS, value, &x->how)
			       ? NULL
			       : "renew: is unknown; write never, gba-push, smartcard or udp";
	if (strcmp(name, "subscriber") == 0)
		return take_subscriber(value, x);
	if (strcmp(name, "gba") == 0)
		return word(gbas, CRED_GBAS, value, &x->gba) ? NULL
							     : "gba: is unknown; write me or u";
	if (strncmp(name, ota, sizeof(ota) - 1) == 0)
		return take_ota(name + sizeof(ota) - 1, value, &x->ota);
	*mine = false;
	return NULL;
}

void cred_renew_complete(struct cred_renew *x)
{
	struct cred_ota *const o = &x->ota;
	if (x->how != CRED_RENEW_SMARTCARD)
		return;
	if (o->kic == 0)
		o->kic = DEFAULT_KEYS;
	if (o->kid == 0)
		o->kid = DEFAULT_KEYS;
	if (o->cc_len == 0)
		o->cc_len = CC_LONG;
	if (o->spi2 == 0)
		o->spi2 = DEFAULT_SPI2;
}

/* --- all together ----------------------------------------------------------------------------- */

static const char *ota_key_wrong(const struct cred_ota *o)
{
	const uint8_t algorithm = o->kic & LOW;
	const size_t half = o->key_len / 2;
	if (algorithm != (o->kid & LOW) || (algorithm != AES && algorithm != TDES_3))
		return "ota kic and kid: the second digit of both is 2 (AES) or 9 (3DES with three "
		       "keys)";
	if (algorithm == AES ? o->key_len != 32 && o->key_len != 48 && o->key_len != 64
			     : o->key_len != 48)
		return "ota key: is KIc's key and then KID's; write 32, 48 or 64 octets of AES, 48 "
		       "of 3DES";
	if (same_secret(o->key, o->key + half, half))
		return "ota key: both halves are the same; KIc and KID need a key each";
	return NULL;
}

static const char *ota_wrong(const struct cred_ota *o, bool allow_key_unsaid)
{
	if (o->path_len == 0)
		return "renew=smartcard needs the path of the card's file; write ota_file=7fff6432";
	if (o->key_len == 0 && !allow_key_unsaid)
		return "renew=smartcard needs the card's OTA keys: ota key";
	const char *const why = o->key_len > 0 ? ota_key_wrong(o) : NULL;
	if (why != NULL)
		return why;
	if (o->cc_len != CC_LONG && (o->cc_len != CC_SHORT || (o->kid & LOW) != AES))
		return "ota cc_len: write 8; or 4, of AES only";
	if ((o->spi2 & ANSWER) != 0 &&
		((o->spi2 & ANSWER) != 1 || (o->spi2 & CHECK) != BY_CC || !(o->spi2 & BY_SUBMIT)))
		return "ota spi2: asks for an answer that proves nothing, or does not come here; "
		       "write 39";
	return o->spi2 > 0x3f ? "ota spi2: has bits that mean nothing; write 39" : NULL;
}

static bool has_ota(const struct cred_ota *o)
{
	static const struct cred_ota none = { .spi2 = 0 };
	return memcmp(o, &none, sizeof(none)) != 0;
}

const char *cred_renew_wrong(const struct cred_renew *x, bool allow_key_unsaid)
{
	if (x->how >= CRED_RENEWS || x->gba >= CRED_GBAS || x->ota.format >= CRED_OTA_FORMATS ||
		x->ota.path_len > CRED_OTA_PATH || x->ota.key_len > CRED_OTA_KEY ||
		memchr(x->subscriber, '\0', sizeof(x->subscriber)) == NULL)
		return "renew: is unknown; write never, gba-push, smartcard or udp";
	if (x->how != CRED_RENEW_GBA_PUSH && (x->subscriber[0] != '\0' || x->gba != CRED_GBA_ME))
		return "subscriber and gba go with renew=gba-push; leave them out";
	if (x->how != CRED_RENEW_SMARTCARD)
		return has_ota(&x->ota) ? "ota goes with renew=smartcard; leave it out" : NULL;
	return ota_wrong(&x->ota, allow_key_unsaid);
}

/* --- as a text -------------------------------------------------------------------------------- */

static void hex_text(const uint8_t *octets, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", octets[i]);
	out[2 * len] = '\0';
}

void cred_ota_text(
	const struct cred_ota *o, char path[2 * CRED_OTA_PATH + 1], char tar[2 * CRED_OTA_TAR + 1])
{
	hex_text(o->path, o->path_len <= sizeof(o->path) ? o->path_len : 0, path);
	hex_text(o->tar, sizeof(o->tar), tar);
}

const char *cred_renew_text(const struct cred_renew *x, char out[CRED_RENEW_TEXT])
{
	const struct cred_ota *const o = &x->ota;
	char path[2 * CRED_OTA_PATH + 1], tar[2 * CRED_OTA_TAR + 1];
	out[0] = '\0';
	if (x->how == CRED_RENEW_UDP)
		(void)snprintf(out, CRED_RENEW_TEXT, ",renew=%s", cred_renew_word(x->how));
	if (x->how == CRED_RENEW_GBA_PUSH)
		(void)snprintf(out, CRED_RENEW_TEXT, ",renew=%s%s%.*s,gba=%s",
			cred_renew_word(x->how), x->subscriber[0] != '\0' ? ",subscriber=" : "",
			CRED_SUBSCRIBER_MAX, x->subscriber, cred_gba_word(x->gba));
	if (x->how != CRED_RENEW_SMARTCARD)
		return out;
	cred_ota_text(o, path, tar);
	(void)snprintf(out, CRED_RENEW_TEXT,
		",renew=%s,ota_file=%s,ota_format=%s,ota_kic=%02x,ota_kid=%02x,ota_tar=%s,"
		"ota_spi2=%02x,ota_cc_len=%u",
		cred_renew_word(x->how), path, cred_ota_format_word(o->format), o->kic, o->kid, tar,
		o->spi2, o->cc_len);
	return out;
}
