/* SPDX-License-Identifier: Apache-2.0 */
/* What a session was based on: in the engine's words, in the store's, and how old it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "dtls/engine.h"
#include "gateway/material.h"
#include "gateway/proof.h"
#include "gateway/worker.h"
#include "papers.h"
#include "store/store.h"

#include <stdlib.h>

static const int64_t end_s = INT64_C(1800000000);

static struct dtls_belief belief_of(uint8_t len)
{
	struct dtls_belief b = { .until_s = (uint64_t)end_s, .len = len };
	memset(b.anchor, 0xa5, sizeof(b.anchor));
	for (uint8_t i = 0; i < len; i++)
		memset(b.chain[i], i + 1, sizeof(b.chain[i]));
	return b;
}

static void test_R207_a_proof_is_the_same_after_the_store_had_it(void **state)
{
	(void)state;
	for (int len = 1; len <= DTLS_TRACES; len++) {
		const struct dtls_belief b = belief_of((uint8_t)len);
		struct dtls_belief back;
		struct store_proof p;
		gw_proof_to_store(&b, &p);
		assert_int_equal(p.len, len);
		assert_int_equal(p.until_ms, (uint64_t)end_s * 1000);
		gw_proof_from_store(&p, &back);
		assert_int_equal(back.len, len);
		assert_int_equal(back.until_s, b.until_s);
		assert_memory_equal(back.anchor, b.anchor, sizeof(b.anchor));
		assert_memory_equal(back.chain, b.chain, sizeof(b.chain));
	}
}

static void test_R207_who_has_shown_no_certificate_has_no_proof(void **state)
{
	(void)state;
	struct dtls_belief b = belief_of(3);
	struct store_proof p;
	b.len = 0; /* whatever else stands there */
	gw_proof_to_store(&b, &p);
	assert_int_equal(p.len, 0);
	assert_int_equal(p.until_ms, 0);
	assert_false(gw_proof_is_over(&p, end_s + 1));
}

static void test_R070_a_proof_is_over_by_a_clock_that_is_trusted(void **state)
{
	(void)state;
	const struct dtls_belief b = belief_of(1);
	struct dtls_belief for_ever = b;
	struct store_proof p;
	gw_proof_to_store(&b, &p);
	assert_false(gw_proof_is_over(&p, end_s - 1));
	assert_true(gw_proof_is_over(&p, end_s)); /* as the library has it */
	assert_true(gw_proof_is_over(&p, end_s + 1));
	assert_false(gw_proof_is_over(&p, -1));
	for_ever.until_s = UINT64_MAX / 2;
	gw_proof_to_store(&for_ever, &p);
	assert_int_equal(p.until_ms, UINT64_MAX);
	assert_false(gw_proof_is_over(&p, INT64_C(253402300799)));
}

/* A wave that comes with a later material is newer than what this one has judged, wherever it
   begins. */
static void test_R217_who_was_judged_is_as_old_as_the_newest_wave_known(void **state)
{
	(void)state;
	struct papers papers;
	struct conf_error error = { "" };
	papers_new(&papers);
	struct conf_gateway conf = papers_conf(&papers, "", "");
	struct gw_material *const m = gw_material_new(&conf, &error);
	struct gw_worker *const w = calloc(1, sizeof(*w));
	assert_non_null(m);
	assert_non_null(w);
	assert_int_equal(gw_proof_born(w), 1); /* no material at all */
	w->material = m;
	assert_int_equal(gw_proof_born(w), 1);
	static const struct {
		enum gw_wave which;
		size_t place;
	} rows[] = { { GW_WAVE_OWN_DEVICE, 0 }, { GW_WAVE_OWN_UPSTREAM, GW_MATERIAL_UPSTREAM },
		{ GW_WAVE_SERVER, GW_MATERIAL_UPSTREAM }, { GW_WAVE_VOUCHING, 0 },
		{ GW_WAVE_OWN_DEVICE, GW_MATERIAL_UPSTREAM - 1 },
		{ GW_WAVE_VOUCHING, GW_MATERIAL_UPSTREAM } };
	struct gw_waves waves = { .at = { { 0 } } };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		waves.at[rows[i].which][rows[i].place] = 70 + i;
		gw_material_set_waves(m, &waves);
		assert_int_equal(gw_proof_born(w), 70 + i);
	}
	free(w);
	gw_material_unref(m);
	conf_free(&conf);
	papers_free(&papers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_R207_a_proof_is_the_same_after_the_store_had_it),
		cmocka_unit_test(test_R207_who_has_shown_no_certificate_has_no_proof),
		cmocka_unit_test(test_R217_who_was_judged_is_as_old_as_the_newest_wave_known),
		cmocka_unit_test(test_R070_a_proof_is_over_by_a_clock_that_is_trusted),
	};
	return cmocka_run_group_tests_name("gateway/proof", tests, NULL, NULL);
}
