/* SPDX-License-Identifier: Apache-2.0 */
#include "sms/crypt.h"

#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"

/* Single DES and DES with two keys are what three keys do with K, K, K and K1, K2, K1: so they need
   nothing of what libcrypto calls legacy. */
enum kind { AES_128, AES_192, AES_256, DES_CBC, DES_ECB, KINDS };

static const char *const names[KINDS] = {
	[AES_128] = "AES-128-CBC",
	[AES_192] = "AES-192-CBC",
	[AES_256] = "AES-256-CBC",
	[DES_CBC] = "DES-EDE3-CBC",
	[DES_ECB] = "DES-EDE3",
};

enum { DES_KEY = 8, DES_KEYS = 3 * DES_KEY, DES_BLOCK = 8, AES_BLOCK = 16 };

struct sms_cipher {
	EVP_CIPHER *ciphers[KINDS];
	EVP_CIPHER_CTX *contexts[2][KINDS]; /* deciphering, ciphering */
	EVP_MAC *cmac;
	EVP_MAC_CTX *macs[KINDS];
};

struct sms_cipher *sms_cipher_new(void)
{
	return calloc(1, sizeof(struct sms_cipher));
}

void sms_cipher_free(struct sms_cipher *c)
{
	if (!c)
		return;
	for (size_t k = 0; k < KINDS; k++) {
		EVP_CIPHER_CTX_free(c->contexts[0][k]);
		EVP_CIPHER_CTX_free(c->contexts[1][k]);
		EVP_MAC_CTX_free(c->macs[k]);
		EVP_CIPHER_free(c->ciphers[k]);
	}
	EVP_MAC_free(c->cmac);
	free(c);
}

size_t crypt_block(enum sms_algorithm a)
{
	switch (a) {
	case SMS_AES:
		return AES_BLOCK;
	case SMS_3DES_2:
	case SMS_3DES_3:
	case SMS_DES:
	case SMS_DES_ECB:
		return DES_BLOCK;
	case SMS_NONE:
	case SMS_CRC16:
	case SMS_CRC32:
		break;
	}
	return 1;
}

static enum kind kind_of(const struct crypt_key *k)
{
	if (k->algorithm == SMS_DES_ECB)
		return DES_ECB;
	if (k->algorithm != SMS_AES)
		return DES_CBC;
	return k->len == 16 ? AES_128 : k->len == 24 ? AES_192 : AES_256;
}

static void expand(const struct crypt_key *k, uint8_t out[DES_KEYS])
{
	for (size_t i = 0; i < DES_KEYS; i++)
		out[i] = k->octets[i % k->len];
}

/* --- ciphers ---------------------------------------------------------------------------------- */

static EVP_CIPHER_CTX *context(struct sms_cipher *c, enum kind kind, bool encrypt)
{
	EVP_CIPHER_CTX *const known = c->contexts[encrypt][kind];
	if (known)
		return known;
	if (!c->ciphers[kind])
		c->ciphers[kind] = EVP_CIPHER_fetch(NULL, names[kind], NULL);
	if (!c->ciphers[kind])
		return NULL;
	EVP_CIPHER_CTX *const new = EVP_CIPHER_CTX_new();
	if (!new || EVP_CipherInit_ex2(new, c->ciphers[kind], NULL, NULL, encrypt, NULL) != 1) {
		EVP_CIPHER_CTX_free(new);
		return NULL;
	}
	c->contexts[encrypt][kind] = new;
	return new;
}

static bool begin(EVP_CIPHER_CTX *x, const struct crypt_key *k, bool encrypt)
{
	static const uint8_t zero[AES_BLOCK];
	uint8_t des[DES_KEYS];
	const uint8_t *key = k->octets;
	if (k->algorithm != SMS_AES) {
		expand(k, des);
		key = des;
	}
	const bool good = EVP_CipherInit_ex2(x, NULL, key, zero, encrypt, NULL) == 1 &&
			  EVP_CIPHER_CTX_set_padding(x, 0) == 1;
	wipe(des, sizeof(des));
	return good;
}

bool crypt_cipher(
	struct sms_cipher *c, const struct crypt_key *k, bool encrypt, uint8_t *data, size_t len)
{
	int done = 0;
	EVP_CIPHER_CTX *const x = context(c, kind_of(k), encrypt);
	return x && begin(x, k, encrypt) && EVP_CipherUpdate(x, data, &done, data, (int)len) == 1 &&
	       (size_t)done == len;
}

/* --- checksums -------------------------------------------------------------------------------- */

static EVP_MAC_CTX *mac_context(struct sms_cipher *c, const struct crypt_key *k)
{
	const enum kind kind = kind_of(k);
	EVP_MAC_CTX **const at = &c->macs[kind];
	if (*at)
		return EVP_MAC_init(*at, k->octets, k->len, NULL) == 1 ? *at : NULL;
	char name[16] = { 0 };
	memcpy(name, names[kind], strlen(names[kind]));
	const OSSL_PARAM with[] = { OSSL_PARAM_construct_utf8_string("cipher", name, 0),
		OSSL_PARAM_construct_end() };
	if (!c->cmac)
		c->cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	*at = c->cmac ? EVP_MAC_CTX_new(c->cmac) : NULL;
	if (*at && EVP_MAC_init(*at, k->octets, k->len, with) == 1)
		return *at;
	EVP_MAC_CTX_free(*at);
	*at = NULL;
	return NULL;
}

static bool cmac(struct sms_cipher *c, const struct crypt_key *k, const struct crypt_piece *pieces,
	size_t n, uint8_t out[CRYPT_MAC_MAX])
{
	size_t len = 0;
	EVP_MAC_CTX *const x = mac_context(c, k);
	bool good = x != NULL;
	for (size_t i = 0; good && i < n; i++)
		good = EVP_MAC_update(x, pieces[i].data, pieces[i].len) == 1;
	return good && EVP_MAC_final(x, out, &len, CRYPT_MAC_MAX) == 1;
}

struct chain { /* CBC-MAC, a block at a time */
	EVP_CIPHER_CTX *x;
	uint8_t in[DES_BLOCK], out[DES_BLOCK];
	size_t fill;
	bool good;
};

static void chain_block(struct chain *m)
{
	int done = 0;
	m->good = m->good && EVP_CipherUpdate(m->x, m->out, &done, m->in, DES_BLOCK) == 1 &&
		  done == DES_BLOCK;
	memset(m->in, 0, sizeof(m->in));
	m->fill = 0;
}

static void chain_piece(struct chain *m, const struct crypt_piece *p)
{
	for (size_t i = 0; i < p->len; i++) {
		m->in[m->fill++] = p->data[i];
		if (m->fill == DES_BLOCK)
			chain_block(m);
	}
}

static bool cbc_mac(struct sms_cipher *c, const struct crypt_key *k,
	const struct crypt_piece *pieces, size_t n, uint8_t out[CRYPT_MAC_MAX])
{
	struct chain m = { .x = context(c, DES_CBC, true) };
	m.good = m.x && begin(m.x, k, true);
	for (size_t i = 0; m.good && i < n; i++)
		chain_piece(&m, &pieces[i]);
	if (m.fill > 0)
		chain_block(&m);
	memcpy(out, m.out, DES_BLOCK);
	const bool good = m.good;
	wipe(&m, sizeof(m));
	return good;
}

static uint32_t crc(uint32_t polynomial, uint32_t sum, const struct crypt_piece *p)
{
	for (size_t i = 0; i < p->len; i++) {
		sum ^= p->data[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (polynomial & (0 - (sum & 1)));
	}
	return sum;
}

/* No secret is in them: they find errors, not forgers. */
static void redundancy(enum sms_algorithm a, const struct crypt_piece *pieces, size_t n,
	uint8_t out[CRYPT_MAC_MAX])
{
	const bool wide = a == SMS_CRC32;
	const uint32_t all = wide ? 0xffffffff : 0xffff;
	uint32_t sum = all;
	for (size_t i = 0; i < n; i++)
		sum = crc(wide ? 0xedb88320 : 0x8408, sum, &pieces[i]);
	sum ^= all;
	for (size_t i = 0; wide && i < 4; i++)
		out[i] = (uint8_t)(sum >> (24 - 8 * i));
	for (size_t i = 0; !wide && i < 2; i++)
		out[i] = (uint8_t)(sum >> (8 - 8 * i));
}

bool crypt_check(struct sms_cipher *c, const struct crypt_key *k, const struct crypt_piece *pieces,
	size_t n, uint8_t out[CRYPT_MAC_MAX])
{
	memset(out, 0, CRYPT_MAC_MAX);
	switch ((enum sms_algorithm)k->algorithm) {
	case SMS_NONE:
		return true;
	case SMS_AES:
		return cmac(c, k, pieces, n, out);
	case SMS_CRC16:
	case SMS_CRC32:
		redundancy((enum sms_algorithm)k->algorithm, pieces, n, out);
		return true;
	case SMS_3DES_2:
	case SMS_3DES_3:
	case SMS_DES:
	case SMS_DES_ECB:
		break;
	}
	return cbc_mac(c, k, pieces, n, out);
}
