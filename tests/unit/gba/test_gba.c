/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of GBA, and of packets, as tests/data/gba has them; what is refused; how a GPI is wrapped.
   */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "gba/derive.h"
#include "gba/gpi_push.h"
#include "gba/kdf.h"
#include "gba/naf.h"

enum { WORDS = 9, LINE = 2048 };

static size_t octets(const char *text, uint8_t *out, size_t cap)
{
	size_t n = 0;
	for (; text[0] && text[1] && n < cap; text += 2) {
		const char two[] = { text[0], text[1], 0 };
		out[n++] = (uint8_t)strtoul(two, NULL, 16);
	}
	return n;
}

static void is_hex(const uint8_t *found, size_t len, const char *wanted)
{
	uint8_t o[GBA_S_MAX];
	assert_int_equal(octets(wanted, o, sizeof(o)), len);
	assert_memory_equal(found, o, len);
}

static void try_ks_naf(char *const w[])
{
	uint8_t ks[GBA_KEY], rand[GBA_RAND], ua[GBA_UA], naf_id[GBA_NAF_ID_MAX], s[GBA_S_MAX],
		out[GBA_KEY];
	assert_int_equal(octets(w[2], ks, sizeof(ks)), sizeof(ks));
	assert_int_equal(octets(w[3], rand, sizeof(rand)), sizeof(rand));
	assert_int_equal(octets(w[6], ua, sizeof(ua)), sizeof(ua));
	const struct gba_s in = {
		.where = strcmp(w[1], "gba-me") == 0 ? GBA_IN_ME : GBA_IN_UICC,
		.rand = rand,
		.impi = w[4],
		.naf_id = naf_id,
		.naf_id_len = gba_naf_id(w[5], ua, naf_id, sizeof(naf_id)),
	};
	is_hex(s, gba_s(&in, s), w[7]);
	assert_true(gba_ks_naf(&in, ks, out));
	is_hex(out, sizeof(out), w[8]);
}

static void try_derive(char *const w[])
{
	uint8_t ks_naf[GBA_KEY];
	struct gba_labels labels = { .cipher = "" };
	struct gba_keys k;
	assert_int_equal(octets(w[2], ks_naf, sizeof(ks_naf)), sizeof(ks_naf));
	(void)snprintf(labels.cipher, sizeof(labels.cipher), "%s", w[3]);
	(void)snprintf(labels.check, sizeof(labels.check), "%s", w[4]);
	assert_int_equal(gba_derive(&labels, ks_naf, strcmp(w[5], "3des") == 0, &k), GBA_GOOD);
	is_hex(k.kic, k.len, w[6]);
	is_hex(k.kid, k.len, w[7]);
}

static void test_vectors(void **state)
{
	FILE *const f = fopen("tests/data/gba/vectors.txt", "r");
	char line[LINE];
	size_t seen[2] = { 0, 0 };
	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *words[WORDS], *rest = NULL;
		size_t n = 0;
		for (size_t i = 0; i < WORDS; i++)
			words[i] = line + strlen(line);
		if (line[0] == '#')
			continue;
		for (char *w = strtok_r(line, " \n", &rest); w && n < WORDS;
			w = strtok_r(NULL, " \n", &rest))
			words[n++] = w;
		const bool derive = n == 8 && strcmp(words[1], "derive") == 0;
		assert_true(derive || n == WORDS);
		if (derive)
			try_derive(words);
		else
			try_ks_naf(words);
		seen[derive]++;
	}
	(void)fclose(f);
	assert_true(seen[0] >= 4 && seen[1] >= 8);
}

static void test_what_is_too_long_is_refused(void **state)
{
	char impi[GBA_IMPI_MAX + 2];
	uint8_t rand[GBA_RAND] = { 0 }, naf_id[GBA_NAF_ID_MAX] = { 0 }, s[GBA_S_MAX];
	struct gba_s in = {
		.rand = rand, .impi = impi, .naf_id = naf_id, .naf_id_len = sizeof(naf_id)
	};
	(void)state;
	memset(impi, 'a', sizeof(impi));
	impi[GBA_IMPI_MAX] = '\0';
	assert_int_equal(gba_s(&in, s), 1 + 8 + 18 + GBA_IMPI_MAX + 2 + GBA_NAF_ID_MAX + 2);
	impi[GBA_IMPI_MAX] = 'a';
	impi[GBA_IMPI_MAX + 1] = '\0';
	assert_int_equal(gba_s(&in, s), 0);
	impi[1] = '\0';
	in.naf_id_len++;
	assert_int_equal(gba_s(&in, s), 0);
}

static void test_names(void **state)
{
	static const char *const good[] = { "a", "a.b", "lwm2m-server.example.com", "a_b.c" };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a b", "a/b",
		"\xc3\xa4.b" };
	char label[66 + 1], name[300];
	uint8_t out[GBA_FQDN_MAX + GBA_UA];
	static const uint8_t ua[GBA_UA] = { 1, 0, 0, 0, 5 };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_true(gba_fqdn_is_good(good[i]));
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_false(gba_fqdn_is_good(bad[i]));
		assert_int_equal(gba_naf_id(bad[i], ua, out, sizeof(out)), 0);
	}
	memset(label, 'x', sizeof(label));
	label[63] = '\0';
	assert_true(gba_fqdn_is_good(label));
	label[63] = 'x';
	label[64] = '\0';
	assert_false(gba_fqdn_is_good(label));
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	name[GBA_FQDN_MAX] = '\0';
	assert_int_equal(gba_naf_id(name, ua, out, sizeof(out)), sizeof(out));
	assert_int_equal(gba_naf_id(name, ua, out, sizeof(out) - 1), 0);
	name[GBA_FQDN_MAX] = '.';
	name[GBA_FQDN_MAX + 1] = 'a';
	name[GBA_FQDN_MAX + 2] = '\0';
	assert_false(gba_fqdn_is_good(name));
}

static void test_parity(void **state)
{
	uint8_t in[GBA_3DES_BITS], out[GBA_3DES];
	(void)state;
	memset(in, 0, sizeof(in));
	gba_parity(in, out);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0x01);
	memset(in, 0xff, sizeof(in));
	gba_parity(in, out);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0xfe);
	/* Each of 168 bits is one, and is where it belongs. */
	for (size_t bit = 0; bit < (size_t)8 * GBA_3DES_BITS; bit++) {
		memset(in, 0, sizeof(in));
		in[bit / 8] = (uint8_t)(0x80 >> bit % 8);
		gba_parity(in, out);
		for (size_t i = 0; i < sizeof(out); i++)
			assert_int_equal(out[i], i == bit / 7 ? 0x80 >> bit % 7 : 0x01);
	}
}

static void judged(const char *kic, const char *kid, enum gba_fault wanted)
{
	struct gba_keys k = { .len = (uint8_t)(strlen(kic) / 2) };
	(void)octets(kic, k.kic, sizeof(k.kic));
	(void)octets(kid, k.kid, sizeof(k.kid));
	assert_int_equal(gba_judge(&k), wanted);
}

#define A "0123456789abcdef"
#define B "fedcba9876543210"
#define C "1111111111111111"
#define D "2222222222222222"

static void test_what_may_not_be_used(void **state)
{
	(void)state;
	judged(A B, B A, GBA_GOOD);
	judged(A B, A B, GBA_EQUAL);
	judged("00000000000000000000000000000000", A B, GBA_WEAK);
	judged(A B, "00000000000000000000000000000000", GBA_WEAK);
	judged(A B C, B C D, GBA_GOOD);
	judged(A A C, B C D, GBA_WEAK);
	judged(A B A, B C D, GBA_WEAK);
	judged(A B B, B C D, GBA_WEAK);
	judged(B C D, A A C, GBA_WEAK);
	judged(A B "0101010101010101", B C D, GBA_WEAK);
	judged("fee0fee0fef1fef1" A B, B C D, GBA_WEAK);
	judged(B C D, A "1f1f1f1f0e0e0e0e" B, GBA_WEAK);
}

static void test_same_labels_are_refused(void **state)
{
	static const struct gba_labels labels = { "one", "one" };
	static const uint8_t ks_naf[GBA_KEY] = { 1 };
	struct gba_keys k;
	static const struct gba_keys none;
	(void)state;
	memset(&k, 0xee, sizeof(k));
	assert_int_equal(gba_derive(&labels, ks_naf, false, &k), GBA_EQUAL);
	assert_memory_equal(&k, &none, sizeof(k));
}

static void test_a_gpi_is_wrapped(void **state)
{
	static const uint8_t gpi[] = { 0xde, 0xad };
	static const char wanted[] = "000637"
				     "6170706c69636174696f6e2f766e642e336770702e6762612e67706900"
				     "af782d7761702d6170706c69636174696f6e3a6762612e756100"
				     "0101020304dead";
	uint8_t out[GBA_PUSH_MAX], big[GBA_GPI_MAX + 1] = { 1 };
	const uint8_t *found;
	size_t found_len;
	uint32_t session;
	(void)state;
	const size_t len = gba_gpi_push(0x01020304, gpi, sizeof(gpi), out, sizeof(out));
	is_hex(out, len, wanted);
	assert_true(gba_gpi_read(out, len, &session, &found, &found_len));
	assert_int_equal(session, 0x01020304);
	assert_int_equal(found_len, sizeof(gpi));
	assert_memory_equal(found, gpi, sizeof(gpi));
	for (size_t cut = 0; cut < len - 1; cut++)
		assert_false(gba_gpi_read(out, cut, &session, &found, &found_len));
	for (size_t i = 1; i < len - sizeof(gpi) - 4; i++) { /* the TID is whoever's */
		out[i] ^= 1;
		assert_false(gba_gpi_read(out, len, &session, &found, &found_len));
		out[i] ^= 1;
	}
	assert_int_equal(gba_gpi_push(1, gpi, sizeof(gpi), out, len - 1), 0);
	assert_int_equal(gba_gpi_push(1, gpi, 0, out, sizeof(out)), 0);
	assert_int_not_equal(gba_gpi_push(1, big, GBA_GPI_MAX, out, sizeof(out)), 0);
	assert_int_equal(gba_gpi_push(1, big, GBA_GPI_MAX + 1, out, sizeof(out)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_what_is_too_long_is_refused),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_parity),
		cmocka_unit_test(test_what_may_not_be_used),
		cmocka_unit_test(test_same_labels_are_refused),
		cmocka_unit_test(test_a_gpi_is_wrapped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
