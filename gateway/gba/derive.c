/* SPDX-License-Identifier: Apache-2.0 */
#include "gba/derive.h"

#include "base/attr.h"
#include "base/wipe.h"

#include <openssl/evp.h>
#include <string.h>

enum { DES = 8 };

static bool secret(const char *label, const uint8_t ks[GBA_KEY], uint8_t out[GBA_KEY])
{
	size_t made = 0;
	return EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, ks, GBA_KEY, (const uint8_t *)label,
		       strnlen(label, GBA_LABEL_MAX), out, GBA_KEY, &made) &&
	       made == GBA_KEY;
}

/* In a time that tells nothing of the key. */
static uint8_t with_parity(uint8_t seven)
{
	uint8_t sum = seven;
	sum ^= (uint8_t)(sum >> 4);
	sum ^= (uint8_t)(sum >> 2);
	sum ^= (uint8_t)(sum >> 1);
	return (uint8_t)(seven << 1 | (~sum & 1));
}

void gba_parity(const uint8_t in[GBA_3DES_BITS], uint8_t out[GBA_3DES])
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t at = 0;
	for (size_t i = 0; i < GBA_3DES; i++) {
		if (have < 7) {
			bits = bits << 8 | in[at++];
			have += 8;
		}
		have -= 7;
		out[i] = with_parity((uint8_t)(bits >> have & 0x7f));
	}
}

/* SP 800-67 3.3.2: weak, and semi-weak by pairs. */
static bool is_weak_des(const uint8_t key[DES])
{
	static const uint8_t weak[][DES] = {
		{ 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01 },
		{ 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe },
		{ 0xe0, 0xe0, 0xe0, 0xe0, 0xf1, 0xf1, 0xf1, 0xf1 },
		{ 0x1f, 0x1f, 0x1f, 0x1f, 0x0e, 0x0e, 0x0e, 0x0e },
		{ 0x01, 0x1f, 0x01, 0x1f, 0x01, 0x0e, 0x01, 0x0e },
		{ 0x1f, 0x01, 0x1f, 0x01, 0x0e, 0x01, 0x0e, 0x01 },
		{ 0x01, 0xe0, 0x01, 0xe0, 0x01, 0xf1, 0x01, 0xf1 },
		{ 0xe0, 0x01, 0xe0, 0x01, 0xf1, 0x01, 0xf1, 0x01 },
		{ 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe },
		{ 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01 },
		{ 0x1f, 0xe0, 0x1f, 0xe0, 0x0e, 0xf1, 0x0e, 0xf1 },
		{ 0xe0, 0x1f, 0xe0, 0x1f, 0xf1, 0x0e, 0xf1, 0x0e },
		{ 0x1f, 0xfe, 0x1f, 0xfe, 0x0e, 0xfe, 0x0e, 0xfe },
		{ 0xfe, 0x1f, 0xfe, 0x1f, 0xfe, 0x0e, 0xfe, 0x0e },
		{ 0xe0, 0xfe, 0xe0, 0xfe, 0xf1, 0xfe, 0xf1, 0xfe },
		{ 0xfe, 0xe0, 0xfe, 0xe0, 0xfe, 0xf1, 0xfe, 0xf1 },
	};
	bool is = false;
	for (size_t i = 0; i < COUNT_OF(weak); i++)
		is |= same_secret(weak[i], key, DES);
	return is;
}

static bool is_weak_3des(const uint8_t key[GBA_3DES])
{
	const size_t third = (size_t)2 * DES;
	bool weak = same_secret(key, key + DES, DES);
	weak |= same_secret(key, key + third, DES);
	weak |= same_secret(key + DES, key + third, DES);
	for (size_t i = 0; i < GBA_3DES; i += DES)
		weak |= is_weak_des(key + i);
	return weak;
}

enum gba_fault gba_judge(const struct gba_keys *k)
{
	static const uint8_t zero[GBA_3DES];
	bool weak = same_secret(k->kic, zero, k->len);
	weak |= same_secret(k->kid, zero, k->len);
	if (k->len == GBA_3DES) {
		weak |= is_weak_3des(k->kic);
		weak |= is_weak_3des(k->kid);
	}
	if (weak)
		return GBA_WEAK;
	return same_secret(k->kic, k->kid, k->len) ? GBA_EQUAL : GBA_GOOD;
}

enum gba_fault gba_derive(const struct gba_labels *labels, const uint8_t ks_naf[GBA_KEY],
	bool triple_des, struct gba_keys *out)
{
	uint8_t cipher[GBA_KEY], check[GBA_KEY];
	enum gba_fault fault = GBA_FAILED;
	memset(out, 0, sizeof(*out));
	if (secret(labels->cipher, ks_naf, cipher) && secret(labels->check, ks_naf, check)) {
		out->len = triple_des ? GBA_3DES : GBA_AES;
		if (triple_des) {
			gba_parity(cipher, out->kic);
			gba_parity(check, out->kid);
		} else {
			memcpy(out->kic, cipher, GBA_AES);
			memcpy(out->kid, check, GBA_AES);
		}
		fault = gba_judge(out);
	}
	wipe(cipher, sizeof(cipher));
	wipe(check, sizeof(check));
	if (fault != GBA_GOOD)
		wipe(out, sizeof(*out));
	return fault;
}
