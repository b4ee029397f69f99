/* SPDX-License-Identifier: Apache-2.0 */
/* gateway/sms for a test: an order a line on stdin, its result a line on stdout. All octets are
   hex.

	seal AGREED COUNTER DATA             PACKET
	open AGREED PACKET                   COUNTER DATA
	respond AGREED COUNTER STATUS DATA   PACKET
	response AGREED PACKET               COUNTER STATUS DATA

   AGREED: PROFILE SPI2 KIC KID TAR CC_LEN KEY. "-": it cannot be; empty data is ".". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sms/packet.h"
#include "sms/profile.h"

enum { ORDER_MAX = 16 * 1024, WORDS = 12, OCTETS = 3000 };

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static size_t from_hex(const char *text, uint8_t *out, size_t cap)
{
	size_t len = 0;
	while (text[0] && text[1] && len < cap) {
		out[len++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
		text += 2;
	}
	return len;
}

static uint8_t octet(const char *text)
{
	uint8_t value = 0;
	(void)from_hex(text, &value, 1);
	return value;
}

static void put_hex(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		(void)printf("%02x", data[i]);
	if (len == 0)
		(void)putchar('.');
}

/* words: PROFILE SPI2 KIC KID TAR CC_LEN KEY */
static bool agree(char *const *words, struct sms_settings *out)
{
	struct sms_agreed a = { .spi2 = octet(words[1]),
		.kic = octet(words[2]),
		.kid = octet(words[3]),
		.cc_len = (uint8_t)strtoul(words[5], NULL, 10) };
	enum sms_profile profile = SMS_LWM2M_10;
	const char *why;
	(void)from_hex(words[4], a.tar, sizeof(a.tar));
	a.key_len = (uint8_t)from_hex(words[6], a.key, sizeof(a.key));
	if (!sms_profile_named(words[0], &profile))
		return false;
	a.profile = (uint8_t)profile;
	return sms_profile_settings(&a, true, out, &why);
}

static void put_packet(const uint8_t *packet, size_t len)
{
	if (len > 0)
		put_hex(packet, len);
	else
		(void)putchar('-');
}

static void obey(struct sms_cipher *c, const struct sms_settings *s, char *const *words)
{
	static const size_t args = 8; /* the first word behind AGREED */
	uint8_t data[OCTETS], packet[OCTETS];
	const char *const what = words[0];
	struct sms_opened opened;
	struct sms_response r;
	if (strcmp(what, "seal") == 0) {
		const size_t len = from_hex(words[args + 1], data, sizeof(data));
		put_packet(packet, sms_seal(c, s, strtoull(words[args], NULL, 10), data, len,
					   packet, sizeof(packet), NULL));
	} else if (strcmp(what, "respond") == 0) {
		r = (struct sms_response){ .counter = strtoull(words[args], NULL, 10),
			.status = octet(words[args + 1]),
			.data = data,
			.len = from_hex(words[args + 2], data, sizeof(data)) };
		put_packet(packet, sms_seal_response(c, s, &r, packet, sizeof(packet)));
	} else if (strcmp(what, "open") == 0) {
		const size_t len = from_hex(words[args], packet, sizeof(packet));
		if (sms_open(c, s, packet, len, &opened) == SMS_GOOD) {
			(void)printf("%" PRIu64 " ", opened.counter);
			put_hex(opened.data, opened.len);
		} else {
			(void)putchar('-');
		}
	} else {
		const size_t len = from_hex(words[args], packet, sizeof(packet));
		if (sms_open_response(c, s, packet, len, &r) == SMS_GOOD) {
			(void)printf("%" PRIu64 " %02x ", r.counter, r.status);
			put_hex(r.data, r.len);
		} else {
			(void)putchar('-');
		}
	}
}

static void split(char *line, char *words[WORDS])
{
	static char none[] = "";
	char *rest = NULL;
	for (size_t i = 0; i < WORDS; i++) {
		char *const word = strtok_r(i == 0 ? line : NULL, " \n", &rest);
		words[i] = word ? word : none;
	}
}

int main(void)
{
	char *line = malloc(ORDER_MAX);
	struct sms_cipher *c = sms_cipher_new();
	while (line && c && fgets(line, ORDER_MAX, stdin)) {
		struct sms_settings s;
		char *words[WORDS];
		split(line, words);
		if (agree(words + 1, &s))
			obey(c, &s, words);
		else
			(void)putchar('-');
		(void)putchar('\n');
		(void)fflush(stdout);
	}
	sms_cipher_free(c);
	free(line);
	return 0;
}
