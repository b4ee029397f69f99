/* SPDX-License-Identifier: Apache-2.0 */
/* bench-sms: CPU time to seal and to open a secured packet, beside what libcrypto alone takes for
   the same octets under the same keys: a CMAC, and a CBC, each with its key anew, as each device
   has its own. In turns, so that what else the machine does falls on both.

   usage: bench-sms [PACKETS]
   A line for each length of data: the length, ns to seal, ns to open, ns of the floor. */
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "sms/packet.h"
#include "sms/profile.h"

enum { PACKETS = 200000, TURN = 500, DEVICES = 64, ROOM = 512 };

struct floor {
	EVP_CIPHER_CTX *cbc[2];
	EVP_MAC_CTX *mac;
};

struct bench {
	struct sms_cipher *c;
	struct floor floor;
	struct sms_settings devices[DEVICES];
	uint8_t data[ROOM], packets[DEVICES][ROOM], work[ROOM];
	size_t data_len, len;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "bench-sms: %s\n", what);
	exit(1);
}

static double cpu_ns(void)
{
	struct timespec t;
	must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0, "no clock");
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void floor_begin(struct floor *f)
{
	EVP_CIPHER *const aes = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
	EVP_MAC *const cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
	char name[] = "AES-128-CBC";
	const uint8_t key[16] = { 0 };
	const OSSL_PARAM with[] = { OSSL_PARAM_construct_utf8_string("cipher", name, 0),
		OSSL_PARAM_construct_end() };
	f->mac = EVP_MAC_CTX_new(cmac);
	must(f->mac && EVP_MAC_init(f->mac, key, sizeof(key), with) == 1, "no CMAC");
	for (int encrypt = 0; encrypt < 2; encrypt++) {
		f->cbc[encrypt] = EVP_CIPHER_CTX_new();
		must(EVP_CipherInit_ex2(f->cbc[encrypt], aes, NULL, NULL, encrypt, NULL) == 1,
			"no AES");
	}
	EVP_CIPHER_free(aes);
	EVP_MAC_free(cmac);
}

/* The least for a packet of that length: nothing is looked at, or compared. */
static void floor_once(struct bench *b, const struct sms_settings *s, int encrypt)
{
	static const uint8_t zero[16];
	EVP_CIPHER_CTX *const x = b->floor.cbc[encrypt];
	uint8_t mac[16];
	size_t mac_len = 0;
	int done = 0;
	const bool good = EVP_CipherInit_ex2(x, NULL, s->cipher_key, zero, encrypt, NULL) == 1 &&
			  EVP_CIPHER_CTX_set_padding(x, 0) == 1 &&
			  EVP_CipherUpdate(x, b->work + SMS_HEAD, &done, b->work + SMS_HEAD,
				  (int)(b->len - SMS_HEAD)) == 1 &&
			  EVP_MAC_init(b->floor.mac, s->check_key, s->check_key_len, NULL) == 1 &&
			  EVP_MAC_update(b->floor.mac, b->work, b->len - SMS_CC_MAX) == 1 &&
			  EVP_MAC_final(b->floor.mac, mac, &mac_len, sizeof(mac)) == 1;
	must(good, "libcrypto");
}

static void make_devices(struct bench *b)
{
	for (size_t d = 0; d < DEVICES; d++) {
		struct sms_agreed a = sms_agreed_default(SMS_LWM2M_10);
		const char *why = "";
		a.key_len = 32;
		for (size_t i = 0; i < a.key_len; i++)
			a.key[i] = (uint8_t)(7 * d + i);
		must(sms_profile_settings(&a, false, &b->devices[d], &why), why);
	}
}

static void seal_all(struct bench *b)
{
	for (size_t d = 0; d < DEVICES; d++)
		b->len = sms_seal(b->c, &b->devices[d], d + 1, b->data, b->data_len, b->packets[d],
			ROOM, NULL);
	must(b->len > 0, "nothing is sealed");
}

enum what { SEAL, OPEN, FLOOR, WHATS };

static double turn(struct bench *b, enum what what)
{
	struct sms_opened o;
	const double begin = cpu_ns();
	for (size_t i = 0; i < TURN; i++) {
		const struct sms_settings *const s = &b->devices[i % DEVICES];
		switch (what) {
		case SEAL:
			must(sms_seal(b->c, s, i + 1, b->data, b->data_len, b->work, ROOM, NULL) >
					0,
				"a packet is not sealed");
			break;
		case OPEN:
			memcpy(b->work, b->packets[i % DEVICES], b->len);
			must(sms_open(b->c, s, b->work, b->len, &o) == SMS_GOOD,
				"a packet does not open");
			break;
		case FLOOR:
		case WHATS:
			memcpy(b->work, b->packets[i % DEVICES], b->len);
			floor_once(b, s, (int)(i % 2));
			break;
		}
	}
	return cpu_ns() - begin;
}

static void measure(struct bench *b, size_t packets)
{
	double ns[WHATS] = { 0 };
	seal_all(b);
	for (size_t n = 0; n < packets; n += TURN) {
		for (size_t what = 0; what < WHATS; what++)
			ns[what] += turn(b, (enum what)what);
	}
	(void)printf("%zu %.1f %.1f %.1f\n", b->data_len, ns[SEAL] / (double)packets,
		ns[OPEN] / (double)packets, ns[FLOOR] / (double)packets);
}

int main(int argc, char **argv)
{
	static struct bench b;
	static const size_t lengths[] = { 16, 98, 320 };
	const size_t packets = argc > 1 ? strtoul(argv[1], NULL, 10) / TURN * TURN : PACKETS;
	must(packets > 0, "PACKETS is to be 500 or more");
	b.c = sms_cipher_new();
	must(b.c != NULL, "memory");
	floor_begin(&b.floor);
	make_devices(&b);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		b.data_len = lengths[i];
		measure(&b, packets);
	}
	sms_cipher_free(b.c);
	EVP_MAC_CTX_free(b.floor.mac);
	EVP_CIPHER_CTX_free(b.floor.cbc[0]);
	EVP_CIPHER_CTX_free(b.floor.cbc[1]);
	return 0;
}
