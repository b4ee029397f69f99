/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/dtls/guard_kit: keys and records for the tests of dtls/guard.
 *
 * Threads: one.
 */
#ifndef LWG_TESTS_DTLS_GUARD_KIT_H
#define LWG_TESTS_DTLS_GUARD_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/attr.h"
#include "dtls/guard.h"
#include "dtls/record.h"
#include "guard_ref.h"

/* What the client writes with, of the vectors in test_keys: of an AEAD suite, and of a CBC one. */
static const struct dtls_key kit_aead_key = {
	.key = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81, 0xbf, 0x7c, 0xae,
		0x5b, 0x31 },
	.iv = { 0x3a, 0x5b, 0x37, 0x0c },
};
static const struct dtls_key kit_cbc_key = {
	.key = { 0xc3, 0xb5, 0x64, 0x4b, 0xcf, 0xa9, 0xfd, 0x2e, 0x7c, 0xa3, 0xc3, 0x1b, 0x6c, 0x45,
		0x37, 0x3a },
	.mac = { 0x77, 0x7f, 0xce, 0x36, 0xa1, 0x93, 0x5f, 0xaf, 0xd1, 0xd5, 0x81, 0xbf, 0x7c, 0xae,
		0x5b, 0x31, 0x6d, 0x88, 0x7a, 0x94, 0x17, 0x01, 0xfd, 0x4f, 0x91, 0xee, 0x36, 0x36,
		0x90, 0x16, 0x9e, 0xfa },
};
static const uint8_t kit_random[16] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9,
	0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf };
static const struct dtls_number kit_number = { .type = DTLS_DATA, .epoch = 1, .seq = 5 };
static const uint8_t kit_nonce[8] = { 0, 1, 0, 0, 0, 0, 0, 5 }; /* of kit_number */

static inline bool kit_cbc(enum dtls_guard how)
{
	return how == DTLS_GUARD_ETM || how == DTLS_GUARD_MTE;
}

static inline const struct dtls_key *kit_key(enum dtls_guard how)
{
	return kit_cbc(how) ? &kit_cbc_key : &kit_aead_key;
}

/* A record on the heap, exact to the octet: a read or write beyond it is seen under ASan. */
struct kit_wire {
	uint8_t *at;
	size_t len;
};

static inline struct kit_wire kit_copy(const uint8_t *at, size_t len)
{
	const struct kit_wire w = { malloc(len ? len : 1), len };
	assert_non_null(w.at);
	if (len > 0)
		memcpy(w.at, at, len);
	return w;
}

static inline void kit_text(uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 7 + len);
}

/* kit_text() of len octets under kit_number. */
static inline struct kit_wire kit_seal(struct dtls_guards *g, enum dtls_guard how, size_t len)
{
	const struct dtls_sealing s = {
		.key = kit_key(how),
		.n = &kit_number,
		.random = kit_cbc(how) ? kit_random : NULL,
	};
	const size_t whole = DTLS_RECORD_HEADER + dtls_guard_body(how, len);
	const struct kit_wire w = { malloc(whole), whole };
	assert_non_null(w.at);
	memset(w.at, 0xee, whole);
	kit_text(w.at + DTLS_RECORD_HEADER + dtls_guard_before(how), len);
	assert_int_equal(dtls_guard_seal(g, how, &s, w.at, len), whole);
	return w;
}

/* The same by the reference. */
static inline struct kit_wire kit_ref_seal(
	enum dtls_guard how, const struct ref_record *r, size_t len)
{
	uint8_t *const out = malloc(DTLS_RECORD_HEADER + len + DTLS_GUARD_OVERHEAD_MAX + 256);
	uint8_t *const text = malloc(len ? len : 1);
	assert_non_null(out);
	assert_non_null(text);
	kit_text(text, len);
	const size_t whole = ref_seal(how, r, (struct ref_bytes){ text, len }, out);
	const struct kit_wire w = kit_copy(out, whole);
	free(text);
	free(out);
	return w;
}

static inline struct ref_record kit_record(enum dtls_guard how)
{
	return (struct ref_record){
		.key = kit_key(how),
		.n = kit_number,
		.before = kit_cbc(how) ? kit_random : kit_nonce,
	};
}

/* Opens what stands at w, in place. */
struct kit_opened {
	uint8_t *plain;
	size_t len;
	bool good;
};

static inline struct kit_opened kit_open(
	struct dtls_guards *g, enum dtls_guard how, const struct dtls_key *key, struct kit_wire w)
{
	struct kit_opened o = { NULL, SIZE_MAX, false };
	struct dtls_record r;
	o.good = dtls_record_next(&w.at, &w.len, &r) && w.len == 0 &&
		 dtls_guard_open(g, how, key, &r, &o.plain, &o.len);
	return o;
}

/* Opens a copy: does it? */
static inline bool kit_opens(struct dtls_guards *g, enum dtls_guard how, struct kit_wire w)
{
	const struct kit_wire copy = kit_copy(w.at, w.len);
	const bool good = kit_open(g, how, kit_key(how), copy).good;
	free(copy.at);
	return good;
}

static inline bool kit_is_text(struct kit_opened o, size_t len)
{
	if (!o.good || o.len != len)
		return false;
	uint8_t *const text = malloc(len ? len : 1);
	assert_non_null(text);
	kit_text(text, len);
	const bool same = memcmp(text, o.plain, len) == 0;
	free(text);
	return same;
}

static inline int kit_up(void **state)
{
	*state = dtls_guards_new();
	return *state ? 0 : -1;
}

static inline int kit_down(void **state)
{
	dtls_guards_free(*state);
	return 0;
}

#define WITH_GUARDS(f) cmocka_unit_test_setup_teardown(f, kit_up, kit_down)

#endif
