/* SPDX-License-Identifier: Apache-2.0 */
/* Secured packets that others have made and published (tests/data/sms), in both directions; each is
   a test of its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "sms/crypt.h"
#include "sms/packet.h"

enum { WORDS = 14, OCTETS = 600, VECTORS = 128, LINE = 4096 };

struct vector {
	char line[LINE];
	char *words[WORDS];
	size_t len;
};

static struct vector vectors[VECTORS];

/* --- words ------------------------------------------------------------------------------------ */

static size_t octets(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;
	for (; text[0] != '.' && text[0] && text[1] && n < cap; text += 2) {
		const char two[] = { text[0], text[1], 0 };
		out[n++] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 16);
}

static bool is(const struct vector *v, const char *kind)
{
	return strcmp(v->words[0], kind) == 0;
}

/* The octet of SPI that a command has which may be answered so: a response does not tell. */
static uint8_t spi_for(uint8_t spi2)
{
	enum { CIPHER = 0x10, CHECK = 0x0c };
	return (uint8_t)((spi2 & CHECK) >> 2 | (spi2 & CIPHER) >> 2);
}

static void settings_of(const struct vector *v, struct sms_settings *s)
{
	const char *why = "";
	memset(s, 0, sizeof(*s));
	assert_int_equal(octets(v->words[2], s->spi, sizeof(s->spi)), 2);
	if (is(v, "response"))
		s->spi[0] = spi_for(s->spi[1]);
	s->kic = (uint8_t)number(v->words[3]);
	s->kid = (uint8_t)number(v->words[4]);
	assert_int_equal(octets(v->words[5], s->tar, sizeof(s->tar)), 3);
	s->cipher_key_len = (uint8_t)octets(v->words[7], s->cipher_key, sizeof(s->cipher_key));
	s->check_key_len = (uint8_t)octets(v->words[8], s->check_key, sizeof(s->check_key));
	s->cc_len = (uint8_t)strtoul(v->words[9], NULL, 10);
	s->check = SMS_CRC32; /* what is meant where KID says nothing */
	if (!sms_settings_derive(s, &why))
		fail_msg("%s", why);
}

/* --- a vector --------------------------------------------------------------------------------- */

static void try_command(const struct vector *v)
{
	struct sms_cipher *const c = sms_cipher_new();
	struct sms_settings s;
	struct sms_opened o;
	uint8_t data[OCTETS], packet[OCTETS], made[OCTETS];
	settings_of(v, &s);
	const size_t data_len = octets(v->words[10], data, sizeof(data));
	const size_t len = octets(v->words[11], packet, sizeof(packet));
	assert_int_equal(sms_sealed_len(&s, data_len), len);
	assert_int_equal(
		sms_seal(c, &s, number(v->words[6]), data, data_len, made, sizeof(made), NULL),
		len);
	assert_memory_equal(made, packet, len);
	assert_int_equal(sms_open(c, &s, packet, len, &o), SMS_GOOD);
	assert_int_equal(o.counter, number(v->words[6]));
	assert_int_equal(o.len, data_len);
	assert_memory_equal(o.data, data, data_len);
	sms_cipher_free(c);
}

static void try_response(const struct vector *v)
{
	struct sms_cipher *const c = sms_cipher_new();
	struct sms_settings s;
	struct sms_response r;
	uint8_t data[OCTETS], packet[OCTETS], made[OCTETS];
	settings_of(v, &s);
	const size_t data_len = octets(v->words[11], data, sizeof(data));
	const size_t len = octets(v->words[12], packet, sizeof(packet));
	if (strcmp(v->words[13], "good") != 0) {
		assert_int_equal(sms_open_response(c, &s, packet, len, &r), SMS_FORGED);
		sms_cipher_free(c);
		return;
	}
	const struct sms_response want = { .counter = number(v->words[6]),
		.status = (uint8_t)number(v->words[10]),
		.data = data,
		.len = data_len };
	assert_int_equal(sms_seal_response(c, &s, &want, made, sizeof(made)), len);
	assert_memory_equal(made, packet, len);
	assert_int_equal(sms_open_response(c, &s, packet, len, &r), SMS_GOOD);
	assert_int_equal(r.counter, want.counter);
	assert_int_equal(r.status, want.status);
	assert_int_equal(r.len, data_len);
	assert_memory_equal(r.data, data, data_len);
	sms_cipher_free(c);
}

static void try_checksum(const struct vector *v)
{
	struct sms_cipher *const c = sms_cipher_new();
	uint8_t key[SMS_KEY_MAX], message[OCTETS], cc[SMS_CC_MAX], made[CRYPT_MAC_MAX];
	const struct crypt_key k = { .algorithm =
					     strcmp(v->words[2], "aes") == 0 ? SMS_AES : SMS_3DES_2,
		.len = (uint8_t)octets(v->words[3], key, sizeof(key)),
		.octets = key };
	/* Some give more octets than their algorithm has: those are of no use. */
	const struct crypt_piece whole = { message, octets(v->words[4], message, sizeof(message)) };
	const size_t len = octets(v->words[5], cc, sizeof(cc));
	assert_true(len > 0);
	assert_true(crypt_check(c, &k, &whole, 1, made));
	assert_memory_equal(made, cc, len);
	sms_cipher_free(c);
}

static void try_vector(void **state)
{
	const struct vector *const v = *state;
	if (is(v, "command"))
		try_command(v);
	else if (is(v, "response"))
		try_response(v);
	else
		try_checksum(v);
}

/* --- all -------------------------------------------------------------------------------------- */

static bool read_vector(FILE *f, struct vector *v)
{
	char *rest = v->line;
	if (!fgets(v->line, sizeof(v->line), f))
		return false;
	v->len = 0;
	for (char *w = strtok_r(v->line, " \n", &rest); w && v->len < WORDS;
		w = strtok_r(NULL, " \n", &rest))
		v->words[v->len++] = w;
	return v->len > 5;
}

int main(void)
{
	enum { LEAST = 70 };
	static struct CMUnitTest tests[VECTORS];
	size_t n = 0;
	FILE *const f = fopen("tests/data/sms/vectors.txt", "re");
	for (; f && n < VECTORS && read_vector(f, &vectors[n]); n++)
		tests[n] = (struct CMUnitTest){ .name = vectors[n].words[1],
			.test_func = try_vector,
			.initial_state = &vectors[n] };
	if (f)
		(void)fclose(f);
	if (n < LEAST) {
		(void)fprintf(stderr, "tests/data/sms/vectors.txt has %zu vectors\n", n);
		return 1;
	}
	return _cmocka_run_group_tests("vectors", tests, n, NULL, NULL);
}
